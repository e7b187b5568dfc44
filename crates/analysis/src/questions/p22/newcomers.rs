//! P22 Table 4: servers that have TLSA records for the first time, and what is wrong with them.

use super::unmatched::Label;
use crate::Share;
use crate::study::{About, Answer, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{ServerState, TlsaSetId};
use dane::dns::Security;
use dane::rollover::Part as Records;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Servers without records in the first months, as they are when they have some.
pub struct Newcomers;

/// What was counted: by view, paper first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    servers: u64,
    newcomers: u64,
    views: [OfView; 2],
}

/// Newcomers in one view.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfView {
    no_data: u64,
    incorrect: u64,
    /// By cause; a server may have several.
    causes: BTreeMap<String, u64>,
}

/// In the order in which they are told: those of Table 4, and what of the unknown has a name.
const CAUSES: [&str; 8] =
    ["insecure", "bogus", "wrong-fields", "unknown-mismatch", "digest-of-nothing", "usage-2-other-key", "pem", "copy-paste"];

impl Question for Newcomers {
    type Part = Counts;

    const ABOUT: About = About {
        id: "p22-table-4",
        title: "Incorrect initial deployments",
        source: "P22 Table 4, section 8.1",
        views: &[View::Paper, View::Ours],
        definition: "Newcomers are the servers without TLSA records in every round of a reference window, the first three months or 15% of the period \
                     if that is less (a setting), that have some later. Paper view: what the first round with records saw; without a certificate \
                     then, a server is in no other number (\"no data\"). Ours: what the first round with records and a certificate saw. \
                     Incorrect are those that are insecure or bogus or do not match; causes overlap. Mismatches are wrong fields (see \
                     p22-wrong-fields) or unknown; of the unknown are named the digest of the empty string, usage 2 with an issuer whose key is \
                     another, PEM text, and slips. Hosts that are excluded are left out.",
        published: "6,957 newcomers of 13,902, 3,051 incorrect (49.2%): insecure 97.4%, bogus 0.5%, wrong fields 0.4%, unknown 10.3%; 7 empty \
                    digests, 8 with another issuer's key",
    };

    const NEEDS: Needs = Needs { servers: Some(&["tlsa_set_id", "chain_id", "dnssec"]), certificates: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let Some((vantage, grid)) = study.vantage() else { return };
        if study.settings.leaves_out(&host.host.name) {
            return;
        }
        let stream = host.stream(vantage);
        let mut with_records = stream.iter().filter(|state| has_records(study, state) && !grid.rounds(&state.span).is_empty());
        let (Some(first), Some(reference)) = (with_records.next(), reference(study)) else { return };
        part.servers += 1;
        let begins = grid.times().get(grid.rounds(&first.span).start).copied().unwrap_or(first.span.valid_from_s);
        if begins < reference {
            return;
        }
        part.newcomers += 1;
        let has_chain = |state: &&ServerState| state.seen.chain.is_some_and(|chain| study.matching.certificates(chain).next().is_some());
        let seen = [Some(first).filter(has_chain), [first].into_iter().chain(with_records).find(has_chain)];
        for (of_view, state) in part.views.iter_mut().zip(seen) {
            match state {
                Some(state) => of_view.count(&causes(study, state)),
                None => of_view.no_data += 1,
            }
        }
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.servers += other.servers;
        part.newcomers += other.newcomers;
        for (mine, other) in part.views.iter_mut().zip(other.views) {
            mine.no_data += other.no_data;
            mine.incorrect += other.incorrect;
            other.causes.into_iter().for_each(|(cause, count)| *mine.causes.entry(cause).or_default() += count);
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        for (view, of_view) in [View::Paper, View::Ours].into_iter().zip(&part.views) {
            let mut newcomers = Table::new("newcomers", view, "Servers that have TLSA records for the first time", &["who", "servers"]);
            let with_data = part.newcomers - of_view.no_data;
            for (who, share) in [
                ("newcomers", Share::new(part.newcomers, part.servers)),
                ("no-data", Share::new(of_view.no_data, part.newcomers)),
                ("incorrect", Share::new(of_view.incorrect, with_data)),
            ] {
                newcomers.rows.push(vec![who.into(), share.into()]);
            }
            let mut causes = Table::new("causes", view, "Incorrect initial deployments by cause; causes overlap", &["cause", "servers"]);
            for cause in CAUSES {
                let count = of_view.causes.get(cause).copied().unwrap_or(0);
                causes.rows.push(vec![cause.into(), Share::new(count, of_view.incorrect).into()]);
            }
            answer.tables.extend([newcomers, causes]);
            let bars = ("cause", vec![Series::new("servers", "Servers")], None);
            let title = "Incorrect initial deployments by cause";
            answer.charts.push(super::chart("causes", title, ("causes", view), Drawing::Bars, bars, Scale::Percent));
        }
        if let Some(reference) = reference(study) {
            answer.notes.push(format!("The reference window ends {reference} seconds after 1970"));
        }
        answer
    }
}

impl OfView {
    fn count(&mut self, causes: &[&'static str]) {
        self.incorrect += u64::from(!causes.is_empty());
        causes.iter().for_each(|cause| *self.causes.entry((*cause).to_owned()).or_default() += 1);
    }
}

/// The end of the window in which a newcomer has no records.
fn reference(study: &Study<'_>) -> Option<dane::Epoch> {
    const THREE_MONTHS: i64 = 92 * 86_400;
    let (_, grid) = study.vantage()?;
    let (first, last) = (*grid.times().first()?, *grid.times().last()?);
    // Whole rounds.
    let rounds = (last - first) / grid.interval() + 1;
    let share = rounds * 15 / 100 * grid.interval();
    Some(first + study.settings.reference_s.unwrap_or(share.min(THREE_MONTHS)))
}

fn has_records(study: &Study<'_>, state: &ServerState) -> bool {
    state.seen.tlsa_set.is_some_and(|set| study.has_records(set))
}

/// What is wrong with a state that has records and a certificate.
fn causes(study: &Study<'_>, state: &ServerState) -> Vec<&'static str> {
    let mut causes = Vec::new();
    causes.extend((state.seen.dnssec == Some(Security::Insecure)).then_some("insecure"));
    causes.extend((state.seen.dnssec == Some(Security::Bogus)).then_some("bogus"));
    let (Some(set), Some(chain)) = (state.seen.tlsa_set, state.seen.chain) else { return causes };
    if study.matching.any_fits(set, chain, Records::All) {
        return causes;
    }
    let label = study.matching.wrong_field(set, chain).map(Label::of);
    if label.is_some_and(Label::is_field) {
        causes.push("wrong-fields");
        return causes;
    }
    causes.push("unknown-mismatch");
    let sends_issuers = study.matching.certificates(chain).count() > 1;
    match label {
        Some(label) => causes.push(label.word()),
        None if sends_issuers && names_issuer_key(study, set) => causes.push("usage-2-other-key"),
        None => {}
    }
    causes
}

/// Whether a record of usage 2 names a key.
fn names_issuer_key(study: &Study<'_>, set: TlsaSetId) -> bool {
    study.matching.records(set).iter().any(|record| record.usage == 2 && record.selector == 1)
}

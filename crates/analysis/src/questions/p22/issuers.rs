//! P22 section 6.3.2: who issues the certificates that TLSA records name.

use super::rollover::Usages;
use crate::Share;
use crate::study::{About, Answer, Cell, Drawing, HostStates, Needs, Question, Scale, Series, Study, Table, View};
use archive::states::model::{Cert, ServerState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By usages, on the last day: servers with certificates of known authorities, and by which.
pub struct Issuers;

/// What says who issued a certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Issuer {
    /// Common name of the issuer.
    Named(String),
    /// Issuer and subject have the same common name.
    Itself,
    /// It has no common name.
    Nameless,
}

impl Issuer {
    fn of(cert: &Cert) -> Self {
        match &cert.issuer_cn {
            None => Self::Nameless,
            name if *name == cert.subject_cn => Self::Itself,
            Some(name) => Self::Named(name.clone()),
        }
    }

    fn word(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Itself => "(self-signed)",
            Self::Nameless => "(no name)",
        }
    }
}

/// So many issuers are told by name.
const TOLD: usize = 25;

impl Question for Issuers {
    type Part = BTreeMap<(Usages, Issuer), u64>;

    const ABOUT: About = About {
        id: "p22-issuers",
        title: "Issuers of the certificates of servers with TLSA records",
        source: "P22 section 6.3.2",
        views: &[View::Paper, View::Ours],
        definition: "On the last day, of the servers with TLSA records and a certificate, by the usages of their records: those whose leaf was issued by \
                     a public authority. Paper view: the issuer's common name is in a list of intermediates (a setting, the CCADB's). Ours: a path \
                     to the root certificates of the day whatever the names; it needs certificates whole and roots, which are no part of the states, so \
                     that it is not known here. By issuer: common names of the issuers of leaves.",
        published: "7,976 (94.4%) of the certificates named by usage 3 are of public authorities; 86.7% of Let's Encrypt and Sectigo",
    };

    const NEEDS: Needs =
        Needs { servers: Some(&["tlsa_set_id", "chain_id"]), certificates: true, certificate_names: true, tlsa: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let (Some((vantage, grid)), Some(last)) = (study.vantage(), study.days().len().checked_sub(1)) else { return };
        let is_last = |state: &&ServerState| study.days().of_servers(&grid.rounds(&state.span)).contains(&last);
        let stream = host.stream(vantage);
        let Some(state) = stream.iter().rev().find(is_last) else { return };
        let Some(set) = state.seen.tlsa_set.filter(|set| study.has_records(*set)) else { return };
        let Some(leaf) = state.seen.chain.and_then(|chain| study.matching.certificates(chain).next()) else { return };
        *part.entry((Usages::of(study, set), Issuer::of(leaf))).or_default() += 1;
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        other.into_iter().for_each(|(key, count)| *part.entry(key).or_default() += count);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let (mut by_usages, mut by_issuer): (BTreeMap<Usages, Share>, BTreeMap<&Issuer, u64>) = Default::default();
        for ((usages, issuer), count) in &part {
            let listed = study.settings.intermediates.as_ref();
            let is_public = matches!(issuer, Issuer::Named(name) if listed.is_some_and(|listed| listed.contains(name)));
            *by_usages.entry(*usages).or_default() += Share::new(if is_public { *count } else { 0 }, *count);
            *by_issuer.entry(issuer).or_default() += count;
        }
        for view in [View::Paper, View::Ours] {
            let caption = "Servers whose certificate a public authority issued, by the usages of their records, last day";
            let mut table = Table::new("by-usages", view, caption, &["usages", "servers", "public"]);
            for (usages, share) in &by_usages {
                let known = view == View::Paper && study.settings.intermediates.is_some();
                let public = if known { Cell::Share(*share) } else { Cell::Nothing };
                table.rows.push(vec![usages.words().into(), share.of.into(), public]);
            }
            answer.tables.push(table);
        }
        answer.tables.push(told(by_issuer));
        let bars = ("issuer", vec![Series::new("servers", "Servers")], None);
        let title = "Issuers of certificates";
        answer.charts.push(super::chart("by-issuer", title, ("by-issuer", View::Paper), Drawing::Bars, bars, Scale::Percent));
        if study.settings.intermediates.is_none() {
            answer.notes.push("Which issuers are public authorities is not known: no list of intermediates was given".to_owned());
        }
        answer
    }
}

/// The largest issuers, and the rest together.
fn told(by_issuer: BTreeMap<&Issuer, u64>) -> Table {
    let mut table = Table::new("by-issuer", View::Paper, "Servers by issuer of their certificate, last day", &["issuer", "servers"]);
    let all = by_issuer.values().sum();
    let mut by_number: Vec<(&Issuer, u64)> = by_issuer.into_iter().collect();
    by_number.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (issuer, count) in by_number.iter().take(TOLD) {
        table.rows.push(vec![issuer.word().into(), Share::new(*count, all).into()]);
    }
    let rest: u64 = by_number.iter().skip(TOLD).map(|(_, count)| count).sum();
    if rest > 0 {
        table.rows.push(vec!["(others)".into(), Share::new(rest, all).into()]);
    }
    table
}

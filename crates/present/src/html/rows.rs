//! The rows of the report's tables: texts ready to be put in, bars ready to be drawn.

use super::svg::{Piece, bar};
use crate::Report;
use crate::terminal::{meaning, percent};
use crate::text::{clean, count, number, time};
use analysis::{AdoptionRow, FailureRow, Share, Signing, StarttlsClass, Tables};
use dane::cause::{Party, Weight};
use dane::verdict::Standing;

pub(super) struct StandingLine {
    pub class: &'static str,
    pub word: &'static str,
    pub meaning: &'static str,
    pub count: String,
    pub share: String,
}

pub(super) struct AdoptionLine {
    pub tld: String,
    pub with_mx: String,
    pub with_tlsa: String,
    pub share: String,
    pub full: String,
    pub partial: String,
    pub full_share: String,
    pub bar: String,
    pub total: bool,
}

pub(super) struct ClassLine {
    pub class: &'static str,
    pub label: String,
    pub count: String,
    pub share: String,
    pub bar: String,
    pub tlsa: String,
}

pub(super) struct SigningLine {
    pub tld: String,
    pub secure: String,
    pub missing: String,
    pub unsigned: String,
    pub bogus: String,
    pub bar: String,
}

pub(super) struct ViewLine {
    pub question: &'static str,
    pub view: &'static str,
    pub count: String,
    pub of: String,
    pub share: String,
    pub bar: String,
}

/// Count, of how many, share; in two views.
pub(super) struct IncorrectLine {
    pub tld: String,
    pub paper: (String, String, String),
    pub rfc: (String, String, String),
}

pub(super) struct CauseLine {
    pub class: &'static str,
    pub weight: &'static str,
    pub sentence: String,
    pub code: &'static str,
    pub party: &'static str,
    /// Where the requirement stands in the RFCs.
    pub place: &'static str,
    pub requirement: String,
    pub domains: String,
    pub servers: String,
    pub bar: String,
}

pub(super) struct HarmLine {
    pub host: String,
    pub domains: String,
    pub causes: Vec<(&'static str, &'static str)>,
    pub examples: String,
    pub bar: String,
}

pub(super) struct Fact {
    pub name: &'static str,
    pub value: String,
}

pub(super) fn standing_class(standing: Standing) -> &'static str {
    match standing {
        Standing::Protected => "c-good",
        Standing::Partial => "c-part",
        Standing::Unprotected => "c-none",
        Standing::Broken => "c-bad",
        Standing::Undeliverable => "c-dead",
        Standing::NoMail => "c-off",
        Standing::CouldNotTell => "c-unseen",
    }
}

pub(super) fn standings(tables: &Tables) -> Vec<StandingLine> {
    let line = |r: &analysis::StandingRow| StandingLine {
        class: standing_class(r.standing),
        word: r.standing.word(),
        meaning: meaning(r.standing),
        count: number(r.domains),
        share: percent(Share::new(r.domains, tables.domains)),
    };
    tables.standings.iter().map(line).collect()
}

/// The lines, all together first, and the percentage that a full bar stands for.
pub(super) fn adoption(tables: &Tables, limit: usize) -> (Vec<AdoptionLine>, String) {
    let rows: Vec<&AdoptionRow> = tables.adoption.iter().filter(|r| r.with_mx > 0).take(limit).collect();
    let most = rows.iter().map(|r| Share::new(r.with_tlsa, r.with_mx).percent()).fold(1.0, f64::max);
    let scale = [1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 75.0].into_iter().find(|s| most <= *s).unwrap_or(100.0);
    let line = |r: &AdoptionRow| AdoptionLine {
        tld: if r.tld == "all" { "all".into() } else { format!(".{}", clean(&r.tld)) },
        with_mx: number(r.with_mx),
        with_tlsa: number(r.with_tlsa),
        share: percent(Share::new(r.with_tlsa, r.with_mx)),
        full: number(r.full),
        partial: number(r.partial),
        full_share: percent(Share::new(r.full, r.with_tlsa)),
        bar: bar(&[piece("c-good", r.full), piece("c-part", r.partial), piece("c-unseen", r.undetermined)], whole(r.with_mx, scale)),
        total: r.tld == "all",
    };
    (std::iter::once(&tables.adoption_total).chain(rows).map(line).collect(), format!("{scale}%"))
}

/// The count at which a bar is full if that means `scale` percent of `of`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(of: u64, scale: f64) -> u64 {
    ((of as f64 * scale / 100.0).round() as u64).max(1)
}

fn signing_class(state: Signing) -> (&'static str, &'static str) {
    match state {
        Signing::Secure => ("c-good", "signed and proven"),
        Signing::MissingDs => ("c-part", "signed, but no DS at a parent: proven to nobody"),
        Signing::Unsigned => ("c-none", "not signed"),
        Signing::Bogus => ("c-bad", "bogus: the proof is broken"),
        Signing::Unknown => ("c-unseen", "could not be found out"),
    }
}

pub(super) fn tlsa_signing(tables: &Tables) -> (String, Vec<ClassLine>) {
    let sets = &tables.signing.tlsa_sets;
    let of: u64 = sets.values().sum();
    let count = |state: &Signing| sets.get(state).copied().unwrap_or_default();
    let pieces: Vec<Piece> = Signing::ALL.iter().map(|s| piece(signing_class(*s).0, count(s))).collect();
    let line = |state: &Signing| {
        let (class, label) = signing_class(*state);
        class_line(class, label.into(), count(state), of)
    };
    (bar(&pieces, of), Signing::ALL.iter().filter(|s| count(s) > 0).map(line).collect())
}

pub(super) fn bogus(tables: &Tables) -> Vec<ClassLine> {
    let reasons = &tables.signing.tlsa_bogus;
    let of = reasons.values().sum();
    let mut lines: Vec<(&String, &u64)> = reasons.iter().collect();
    lines.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    lines.into_iter().map(|(code, count)| class_line("c-bad", clean(code), *count, of)).collect()
}

pub(super) fn signing(tables: &Tables, limit: usize) -> Vec<SigningLine> {
    let line = |row: &analysis::ZoneSigning| {
        let count = |s: Signing| row.states.get(&s).copied().unwrap_or_default();
        let pieces: Vec<Piece> = Signing::ALL.iter().map(|s| piece(signing_class(*s).0, count(*s))).collect();
        SigningLine {
            tld: format!(".{}", clean(&row.tld)),
            secure: number(count(Signing::Secure)),
            missing: number(count(Signing::MissingDs)),
            unsigned: number(count(Signing::Unsigned)),
            bogus: number(count(Signing::Bogus)),
            bar: bar(&pieces, row.states.values().sum()),
        }
    };
    tables.signing.domains.iter().take(limit).map(line).collect()
}

pub(super) fn starttls(tables: &Tables) -> Vec<ClassLine> {
    let table = &tables.starttls;
    let of = table.all.values().sum();
    let line = |class: &StarttlsClass| {
        let count = table.all.get(class).copied().filter(|n| *n > 0)?;
        let colour = match class {
            StarttlsClass::Works => "c-good",
            c if c.is_judged() => "c-bad",
            _ => "c-unseen",
        };
        let mut line = class_line(colour, class.title().into(), count, of);
        line.tlsa = number(table.with_tlsa.get(class).copied().unwrap_or_default());
        Some(line)
    };
    StarttlsClass::ALL.iter().filter_map(line).collect()
}

pub(super) fn views(tables: &Tables) -> Vec<ViewLine> {
    let views = &tables.views;
    let signing = &tables.signing;
    let line = |question, view, share: Share, class| ViewLine {
        question,
        view,
        count: number(share.count),
        of: number(share.of),
        share: percent(share),
        bar: bar(&[piece(class, share.count)], share.of),
    };
    vec![
        line("The TLSA records are signed (bogus ones not counted).", "paper", signing.tlsa_signed, "c-good"),
        line("Of the signed: no DS at a parent.", "paper", signing.tlsa_missing_ds, "c-bad"),
        line("Of established SMTP sessions: STARTTLS fails.", "paper", tables.starttls.failed_paper, "c-bad"),
        line("Of established SMTP sessions: a sender gets no TLS.", "RFC 7672", tables.starttls.failed_rfc, "c-bad"),
        line("A TLSA record matches (first address).", "paper", views.paper_match, "c-good"),
        line("Secure, matching and chain valid (first address).", "paper", views.paper_valid, "c-good"),
        line("The same at every address.", "paper, strict", views.paper_valid_all, "c-good"),
        line("A sender that validates DANE delivers, at every address.", "RFC 7672", views.rfc_delivers, "c-good"),
    ]
}

pub(super) fn incorrect(tables: &Tables, limit: usize) -> Vec<IncorrectLine> {
    let texts = |share: Share| (number(share.count), number(share.of), percent(share));
    let line = |r: &analysis::IncorrectRow| IncorrectLine {
        tld: format!(".{}", clean(&r.tld)),
        paper: texts(r.paper_invalid),
        rfc: texts(r.rfc_fails),
    };
    tables.incorrect.iter().take(limit).map(line).collect()
}

pub(super) fn failures(tables: &Tables) -> Vec<CauseLine> {
    let rows: Vec<&FailureRow> = tables.failures.iter().filter(|r| r.weight >= Weight::Warning).collect();
    cause_lines(&rows)
}

pub(super) fn unseen(tables: &Tables) -> Vec<CauseLine> {
    cause_lines(&tables.unseen.iter().map(|u| &u.row).collect::<Vec<_>>())
}

fn cause_lines(rows: &[&FailureRow]) -> Vec<CauseLine> {
    // Within one weight: a thousand notes must not make ten errors look like none.
    let most = |weight| rows.iter().filter(|r| r.weight == weight).map(|r| r.domains).max().unwrap_or_default();
    let line = |r: &&FailureRow| {
        let (class, weight) = match r.weight {
            Weight::Error => ("c-bad", "error"),
            Weight::Warning => ("c-part", "warning"),
            Weight::Unknown => ("c-unseen", "not seen"),
            Weight::Info => ("c-none", "note"),
        };
        CauseLine {
            class,
            weight,
            sentence: clean(&r.sentence),
            code: r.cause.code(),
            party: match r.party {
                Party::Domain => "the domain or its provider",
                Party::Path => "the path, or the server's policy towards us",
                Party::Us => "us",
            },
            place: r.cause.place(),
            requirement: clean(&r.requirement),
            domains: number(r.domains),
            servers: number(r.servers),
            bar: bar(&[piece(class, r.domains)], most(r.weight)),
        }
    };
    rows.iter().map(line).collect()
}

pub(super) fn harm(tables: &Tables, limit: usize) -> Vec<HarmLine> {
    let most = tables.worst_servers.first().map_or(0, |w| w.domains);
    let line = |w: &analysis::WorstServer| HarmLine {
        host: clean(&w.host),
        domains: number(w.domains),
        causes: w.causes.iter().map(|c| (c.code(), c.title())).collect(),
        examples: w.examples.iter().map(|e| clean(e)).collect::<Vec<_>>().join(", "),
        bar: bar(&[piece("c-bad", w.domains)], most),
    };
    tables.worst_servers.iter().take(limit).map(line).collect()
}

pub(super) fn facts(report: &Report) -> Vec<Fact> {
    let mut facts = Vec::new();
    // What is not known has no row: the demo has no list.
    let mut fact = |name, value: String| facts.extend((!value.is_empty()).then(|| Fact { name, value: clean(&value) }));
    for run in report.runs {
        fact("Vantage point", if run.vantage.name.is_empty() { "not named".into() } else { run.vantage.name.clone() });
        fact("Began", time(run.started));
        fact("Ended", run.finished.map_or_else(|| "cut off before the end".into(), time));
        if let Some(shard) = &run.shard {
            fact("Part of the list", shard.clone());
        }
        fact("Targets", format!("{} well-formed, {} set aside", number(run.targets), count(run.malformed, "line")));
        fact("List (SHA-256)", run.targets_sha256.clone());
        fact("Configuration (SHA-256)", run.config_sha256.clone());
        fact("Trust anchors", run.anchors.join("; "));
        fact("Root servers or upstream", run.roots.join(", "));
        fact("danelaw", format!("{}, schema {}", run.danelaw, run.schema));
    }
    for row in &report.tables.ourselves {
        fact("About ourselves", row.sentence.clone());
    }
    for (why, targets) in &report.tables.skipped {
        fact("Not looked at", format!("{}: {why}", count(*targets, "target")));
    }
    let judged = report.judged.map_or_else(|| "the moment of each look".into(), time);
    fact("Judged for", format!("{judged}, rules version {}", dane::verdict::RULES_VERSION));
    facts
}

fn piece(class: &'static str, count: u64) -> Piece {
    Piece { class, count }
}

fn class_line(class: &'static str, label: String, count: u64, of: u64) -> ClassLine {
    ClassLine {
        class,
        label,
        count: number(count),
        share: percent(Share::new(count, of)),
        bar: bar(&[piece(class, count)], of),
        tlsa: String::new(),
    }
}

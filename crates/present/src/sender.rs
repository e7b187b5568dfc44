//! What a test bed found out about a sender.

use crate::style::{Ink, Style};
use crate::text::{clean, count, time, wrap};
use dane::sender::{Answer, Class, Column, Confidence, Evidence, Outcome, Profile, Provider, Ruling, Run, Trial};
use std::collections::BTreeMap;

/// The verdict about one test: what kind of sender it is, its row of Table 3, and each scenario; `wanted` has words about each scenario.
#[must_use]
pub fn sender(token: &str, profile: &Profile, trials: &[Trial], wanted: &[(&str, String)], style: &Style) -> String {
    let mut out = headline(token, profile, style);
    out += &format!("\n{}\n", style.paint(Ink::Bold, "Table 3 of the study"));
    for cell in &profile.cells {
        let (word, ink) = match cell.answer {
            Answer::Yes => ("yes", Ink::Good),
            Answer::No => ("no", Ink::Warn),
            Answer::NotApplicable => ("does not apply", Ink::Dim),
            Answer::CannotTellYet => ("not known yet", Ink::Unseen),
        };
        out += &format!("  {:24}{}{}\n", cell.column.title(), style.paint(ink, word), sure(cell.confidence, style));
    }
    let wrong: String = trials
        .iter()
        .filter(|t| matches!(t.ruling, Ruling::TooLax | Ruling::TooStrict))
        .map(|trial| fault(trial, words(trial, wanted), style))
        .collect();
    if !wrong.is_empty() {
        out += &format!("\n{}\n{wrong}", style.paint(Ink::Bold, "Against RFC 7672"));
    }
    let of = |ruling| trials.iter().filter(move |t| t.ruling == ruling).map(|t| t.scenario.as_str()).collect::<Vec<_>>();
    for (title, list) in [("As RFC 7672 wants it", of(Ruling::Kept)), ("Not known yet", of(Ruling::CannotTellYet))] {
        if !list.is_empty() {
            out += &format!("\n{}\n", style.paint(Ink::Bold, format_args!("{title} ({})", list.len())));
            out += &indented(&list.join(", "), style);
        }
    }
    out
}

fn headline(token: &str, profile: &Profile, style: &Style) -> String {
    let (words, ink) = kind(profile.class);
    let audits = if profile.audits { "; it breaks off, and delivers all the same" } else { "" };
    format!("{}: {}{audits}\n", style.paint(Ink::Bold, token), style.paint(ink, words))
}

fn kind(class: Class) -> (&'static str, Ink) {
    match class {
        Class::Validates => ("validates DANE", Ink::Good),
        Class::ValidatesWithFaults => ("validates DANE, and gets some of it wrong", Ink::Warn),
        Class::Ignores => ("asks for TLSA records and ignores them", Ink::Bad),
        Class::Opportunistic => ("knows no DANE", Ink::Bad),
        Class::TooStrict => ("validates DANE, and is too strict", Ink::Warn),
        Class::CannotTellYet => ("not known yet", Ink::Unseen),
    }
}

fn sure(confidence: Confidence, style: &Style) -> String {
    match confidence {
        Confidence::Low => style.paint(Ink::Dim, " (one try)"),
        Confidence::None | Confidence::High | Confidence::Certain => String::new(),
    }
}

/// What is said of a trial's scenario.
fn words<'w>(trial: &Trial, wanted: &'w [(&str, String)]) -> &'w str {
    wanted.iter().find(|(id, _)| *id == trial.scenario).map_or("", |(_, words)| words.as_str())
}

fn fault(trial: &Trial, about: &str, style: &Style) -> String {
    let what = match (trial.ruling, trial.outcome) {
        (_, Outcome::Returned) => "returned to its sender, and not kept for another try",
        (Ruling::TooStrict, _) => "kept back, though it is to be delivered",
        (_, Outcome::DeliveredInClear) => "delivered in clear",
        _ => "delivered, though it must not be",
    };
    let ink = if trial.ruling == Ruling::TooLax { Ink::Bad } else { Ink::Warn };
    let mut out =
        format!("  {} {what}, after {}\n", style.paint(ink, &trial.scenario), count(trial.tries.into(), "try").replace("trys", "tries"));
    out += &indented(about, style);
    if let Some(last) = trial.evidence.last() {
        out += &indented(&told(last), style);
    }
    out
}

fn told(evidence: &Evidence) -> String {
    format!("{} {}", time((evidence.at_ms / 1000).cast_signed()), clean(&evidence.what))
}

fn indented(text: &str, style: &Style) -> String {
    wrap(text, style.width().saturating_sub(4)).iter().map(|row| format!("    {row}\n")).collect()
}

/// Whether a provider's own domain has DANE.
pub type Published = BTreeMap<String, bool>;

/// Headings of the table: of `published`, then of the columns.
const HEADINGS: [&str; 16] = ["pub", "DO", "key", "DS", "val", "own", "tls", "exp", "slf", "oth", "TLSA", "no", "use", "sel", "mat", "crt"];

/// Table 3 of the study, one row a provider, and under it what the headings mean.
#[must_use]
pub fn sender_table(table: &[Provider], published: &Published, style: &Style) -> String {
    if table.is_empty() {
        return "No test has come so far that anything can be said: no reference message (to the scenario valid) has arrived.\n".to_owned();
    }
    let width = table.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).clamp(8, 40);
    let heads: String = HEADINGS.iter().map(|head| format!("{head:>5}")).collect();
    let mut out = format!("{}\n", style.paint(Ink::Bold, format_args!("{:width$}{heads}", "provider")));
    for provider in table {
        let Some(run) = provider.latest() else { continue };
        let published = published.get(&provider.name).map_or(Answer::CannotTellYet, |has| if *has { Answer::Yes } else { Answer::No });
        let answers = std::iter::once(published).chain(run.answers.iter().map(|(_, answer)| *answer));
        let cells: String = answers.map(|answer| sign(answer, style)).collect();
        let name: String = clean(&provider.name).chars().take(width).collect();
        out += &format!("{name:width$}{cells}\n");
        out += &indented(&history(provider), style);
    }
    let legend = HEADINGS.iter().skip(1).zip(Column::ALL).map(|(head, column)| format!("{head} {}", column.title()));
    let legend = std::iter::once("pub DANE for its own domain".to_owned()).chain(legend).collect::<Vec<_>>().join(", ");
    out += &format!("\n{}\n", style.paint(Ink::Bold, "Columns"));
    out + &indented(&legend, style) + &indented("+ yes, - no, . does not apply, ? not known", style)
}

fn sign(answer: Answer, style: &Style) -> String {
    let (sign, ink) = match answer {
        Answer::Yes => ("+", Ink::Good),
        Answer::No => ("-", Ink::Warn),
        Answer::NotApplicable => (".", Ink::Dim),
        Answer::CannotTellYet => ("?", Ink::Unseen),
    };
    format!("    {}", style.paint(ink, sign))
}

fn history(provider: &Provider) -> String {
    let class = provider.latest().map_or("", |run| kind(run.class).0);
    let when = |run: &Run| time((run.at_ms / 1000).cast_signed());
    let tests = count(provider.runs.len() as u64, "test");
    let last = provider.latest().map(when).unwrap_or_default();
    let changed = provider.changed().map(|run| format!("; so since {}", when(run))).unwrap_or_default();
    format!("{class}; {tests}, last {last}{changed}")
}

/// The trials as JUnit XML; `wanted` has words about each scenario.
#[must_use]
pub fn sender_junit(trials: &[Trial], wanted: &[(&str, String)]) -> String {
    let failed = trials.iter().filter(|t| matches!(t.ruling, Ruling::TooLax | Ruling::TooStrict)).count();
    let skipped = trials.iter().filter(|t| t.ruling == Ruling::CannotTellYet).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"danelaw testbed\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">\n",
        trials.len()
    );
    for trial in trials {
        let words = words(trial, wanted);
        let told: String = trial.evidence.iter().map(|e| escaped(&told(e)) + "\n").collect();
        let name = escaped(&trial.scenario);
        out += &match trial.ruling {
            Ruling::Kept => format!("  <testcase classname=\"dane\" name=\"{name}\"/>\n"),
            Ruling::CannotTellYet => format!("  <testcase classname=\"dane\" name=\"{name}\"><skipped/></testcase>\n"),
            Ruling::TooLax | Ruling::TooStrict => {
                let why = match (trial.ruling, trial.outcome) {
                    (_, Outcome::Returned) => "returned",
                    (Ruling::TooLax, _) => "delivered",
                    _ => "kept back",
                };
                format!(
                    "  <testcase classname=\"dane\" name=\"{name}\"><failure message=\"{why}: {}\">{told}</failure></testcase>\n",
                    escaped(words)
                )
            }
        };
    }
    out + "</testsuite>\n"
}

/// Text for XML, without what XML cannot hold.
fn escaped(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

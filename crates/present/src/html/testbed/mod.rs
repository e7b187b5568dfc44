//! The pages of a test bed for senders: a first one, and one for each test that follows what happens.

mod texts;

use crate::text::{clean, time};
use askama::Template;
use dane::requirement;
use dane::sender::{Action, Answer, Class, Evidence, Profile, Ruling, Trial};
use texts::{ENGLISH, Texts};

/// One scenario of a test, for the page.
pub struct Tested<'a> {
    /// A few words about it.
    pub title: &'a str,
    /// Whom to write to.
    pub address: String,
    /// What RFC 7672 wants.
    pub actions: &'a [Action],
    /// The requirements that this rests on.
    pub requirements: &'a [&'a str],
    /// What is known.
    pub trial: &'a Trial,
}

#[derive(Template)]
#[template(path = "testbed-begin.html")]
struct Begin {
    t: &'static Texts,
    zone: String,
}

/// The page on which a test begins; `zone` is the test bed's.
///
/// # Errors
/// If the template cannot be filled in: a fault of ours.
pub fn testbed_begin(zone: &str) -> Result<String, askama::Error> {
    Begin { t: &ENGLISH, zone: zone.to_owned() }.render()
}

struct Line {
    column: &'static str,
    answer: &'static str,
    class: &'static str,
    evidence: Vec<String>,
}

struct Row {
    title: String,
    address: String,
    wanted: String,
    outcome: &'static str,
    ruling: &'static str,
    class: &'static str,
    tries: u32,
    evidence: Vec<String>,
}

#[derive(Template)]
#[template(path = "testbed-test.html")]
struct Test {
    t: &'static Texts,
    token: String,
    verdict: &'static str,
    class: &'static str,
    audits: bool,
    all: String,
    cells: Vec<Line>,
    rows: Vec<Row>,
    complaints: Vec<String>,
}

/// The page of a test.
///
/// # Errors
/// If the template cannot be filled in: a fault of ours.
pub fn testbed_test(token: &str, profile: &Profile, tested: &[Tested<'_>]) -> Result<String, askama::Error> {
    let t = &ENGLISH;
    let cells = profile.cells.iter().map(|cell| Line {
        column: cell.column.title(),
        answer: t.answer(cell.answer),
        class: match cell.answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotApplicable | Answer::CannotTellYet => "unknown",
        },
        evidence: cell.evidence.iter().map(told).collect(),
    });
    Test {
        t,
        token: token.to_owned(),
        verdict: t.class(profile.class),
        class: match profile.class {
            Class::Validates => "good",
            Class::CannotTellYet => "unknown",
            Class::ValidatesWithFaults | Class::TooStrict => "warn",
            Class::Ignores | Class::Opportunistic => "bad",
        },
        audits: profile.audits,
        all: tested.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", "),
        cells: cells.collect(),
        complaints: tested.iter().filter(|one| wrong(one.trial.ruling)).map(|one| complaint(t, one)).collect(),
        rows: tested.iter().map(|one| row(t, one)).collect(),
    }
    .render()
}

fn wrong(ruling: Ruling) -> bool {
    matches!(ruling, Ruling::TooLax | Ruling::TooStrict)
}

fn row(t: &'static Texts, one: &Tested<'_>) -> Row {
    let word = |action: &Action| serde_json::to_value(action).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let wanted: Vec<&str> = one.actions.iter().map(|action| t.action(&word(action))).collect();
    Row {
        title: one.title.to_owned(),
        address: one.address.clone(),
        wanted: wanted.join(", then "),
        outcome: t.outcome(one.trial.outcome),
        ruling: t.ruling(one.trial.ruling),
        class: match one.trial.ruling {
            Ruling::Kept => "good",
            Ruling::CannotTellYet => "unknown",
            Ruling::TooLax | Ruling::TooStrict => "bad",
        },
        tries: one.trial.tries,
        evidence: one.trial.evidence.iter().map(told).collect(),
    }
}

fn complaint(t: &Texts, one: &Tested<'_>) -> String {
    let mut places: Vec<&str> = one.requirements.iter().filter_map(|id| requirement::place(id)).collect();
    places.dedup();
    let places = if places.is_empty() { "RFC 7672".to_owned() } else { places.join(", ") };
    t.complaint(one.trial.ruling, &one.address, one.title, &places)
}

/// What was seen, without what a client could have put in to deceive.
fn told(evidence: &Evidence) -> String {
    format!("{} {}", time((evidence.at_ms / 1000).cast_signed()), clean(&evidence.what))
}

//! Why verdicts may differ.

use super::{Row, Verdict};
use crate::Status;
use lab::{Kind, MutationOperator};
use scenario::recipe::{Denial, Signing};
use serde_json::Value;
use std::collections::BTreeMap;

/// A reason for which verdicts differ: all that is given has to hold, and what is empty always holds. No case is named by its number.
pub struct Rule {
    /// What it is called in the count.
    pub name: &'static str,
    /// The other programs.
    pub judges: &'static [&'static str],
    /// What they say.
    pub theirs: &'static [Status],
    /// What danelaw says.
    pub ours: &'static [Status],
    /// What was done to the zone, or to the one that an alias leads to: one of these.
    pub operators: &'static [MutationOperator],
    /// What the true answer is like.
    pub kinds: &'static [Kind],
    /// danelaw's reason.
    pub reasons: &'static [&'static str],
    /// What keys and proofs the zone has, or the one that an alias leads to.
    pub zone: Option<fn(Signing, Denial) -> bool>,
    /// The RFC's sentence, and why danelaw is right by it, or why both may be.
    pub argument: &'static str,
}

impl Rule {
    /// A rule that always holds: to be narrowed.
    #[must_use]
    pub const fn new(name: &'static str, argument: &'static str) -> Self {
        Self { name, judges: &[], theirs: &[], ours: &[], operators: &[], kinds: &[], reasons: &[], zone: None, argument }
    }

    /// Whether it explains this difference.
    #[must_use]
    pub fn covers(&self, row: &Row, judge: &str, theirs: &Verdict) -> bool {
        fn any<T: PartialEq>(allowed: &[T], is: impl Fn(&T) -> bool) -> bool {
            allowed.is_empty() || allowed.iter().any(is)
        }
        let (away, beyond) = (row.ask.kind == Kind::Away, &row.case.beyond);
        let done = |operator: &MutationOperator| {
            row.case.operators.iter().any(|(own, _)| own == operator) || away && beyond.operators.contains(operator)
        };
        let reason = reason(&row.ours);
        any(self.judges, |name| *name == judge)
            && any(self.theirs, |status| *status == theirs.0)
            && any(self.ours, |status| *status == row.ours.0)
            && any(self.operators, done)
            && any(self.kinds, |kind| *kind == row.ask.kind)
            && any(self.reasons, |code| *code == reason)
            && self.zone.is_none_or(|is| is(row.case.signing, row.case.denial) || away && is(beyond.signing, beyond.denial))
    }
}

/// The code that danelaw gives as the reason of its verdict; empty if it gives none.
fn reason(ours: &Verdict) -> String {
    let printed: Value = ours.1.lines().next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    // `dns scan` has a list of answers, `dns validate` is one.
    let answer = if printed["line"].is_null() { &printed } else { &printed["answers"][0] };
    answer["reason"].as_str().or(answer["failure"].as_str()).unwrap_or_default().to_owned()
}

/// What came of many rows.
#[derive(Default)]
pub struct Tally {
    /// Questions asked.
    pub questions: usize,
    /// Verdicts of others that were ours.
    pub alike: usize,
    /// Verdicts that differed only until asked without memory.
    pub by_memory: usize,
    /// Our verdicts.
    pub ours: BTreeMap<Status, usize>,
    /// Differences by the rule that explains them.
    pub explained: BTreeMap<&'static str, usize>,
    /// The others, in words.
    pub unexplained: Vec<String>,
}

impl Tally {
    /// Takes a row.
    pub fn take(&mut self, rules: &[Rule], row: &Row) {
        self.questions += 1;
        self.by_memory += row.by_memory;
        *self.ours.entry(row.ours.0).or_default() += 1;
        for (judge, theirs) in &row.theirs {
            if row.alike(theirs) {
                self.alike += 1;
            } else if let Some(rule) = rules.iter().find(|rule| rule.covers(row, judge, theirs)) {
                *self.explained.entry(rule.name).or_default() += 1;
            } else {
                self.unexplained.push(told(row, judge, theirs));
            }
        }
    }
}

/// A difference in words.
fn told(row: &Row, judge: &str, theirs: &Verdict) -> String {
    let done = |(operator, aim): &(MutationOperator, lab::Ask)| format!("{operator:?} at {} {}", aim.name, aim.rtype);
    let done: Vec<String> = row.case.operators.iter().map(done).collect();
    format!(
        "case {} ({:?}, {:?}; {}; beyond {:?})\n  {} {} ({:?}): {judge} {:?}, danelaw {:?}, {}\n    {judge}: {}\n    danelaw: {}",
        row.case.number,
        row.case.signing,
        row.case.denial,
        done.join(", "),
        row.case.beyond.operators,
        row.ask.name,
        row.ask.rtype,
        row.ask.kind,
        theirs.0,
        row.ours.0,
        reason(&row.ours),
        theirs.1.trim().replace('\n', " | "),
        row.ours.1.trim()
    )
}

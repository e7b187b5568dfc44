//! What a study that looks every hour makes of a history. (P22 section 6)

use super::library::Library;
use super::world::{HOUR, START, Version};
use dane::rollover::{ChainId, Grade, Graded, Rounds, Served, State, Verdict, grade};

/// What the first name server and the first address showed.
#[derive(Default)]
pub struct History {
    states: Vec<State>,
}

impl History {
    pub fn note(&mut self, at: i64, version: Version, chain: ChainId, library: &Library) {
        let served = (!library.records(version.set).is_empty()).then_some(Served { set: version.set, ttl: version.ttl });
        if let Some(last) = self.states.last_mut() {
            if (last.served, last.chain) == (served, Some(chain)) {
                return;
            }
            last.to = at;
        }
        self.states.push(State { from: at, to: at, served, chain: Some(chain) });
    }

    pub fn end(&mut self, at: i64) {
        if let Some(last) = self.states.last_mut() {
            last.to = at;
        }
    }

    pub fn grade(&self, seconds: i64, library: &Library) -> Graded {
        let rounds: Vec<i64> = (0..seconds / HOUR).map(|n| START + n * HOUR).collect();
        grade(&self.states, Rounds::ascending(&rounds, HOUR), &library.catalogue).unwrap()
    }
}

/// Words for tables: the paper's view of the server, and ours of its rollovers.
pub fn words(graded: &Graded) -> (&'static str, u64, u64) {
    let verdict = match graded.verdict() {
        Verdict::Unchanged => "unchanged",
        Verdict::SameKey => "same key",
        Verdict::LeftOut(_) => "left out",
        Verdict::Dropped => "dropped",
        Verdict::Wrong => "wrong",
        Verdict::Correct => "correct",
    };
    (verdict, graded.tally().wrong(), graded.tally().judged())
}

/// The first change that is graded wrong, in words.
pub fn first_wrong(graded: &Graded) -> Option<String> {
    let wrong = |grade: &Grade| grade.worth() == dane::rollover::Worth::Wrong;
    graded.changes.iter().find(|c| c.grade.as_ref().is_some_and(wrong)).map(|c| format!("{c:?}"))
}

//! Rejudged, an archive is what it would be had the rules been these from the beginning.

use super::disk::{check, round};
use super::histories::{self, Rounds};
use crate::states::model::{ServerSeen, ServerState, ServerVerdict};
use crate::states::{Apply, Archive, Columns, Judged, Kept, Writer};
use dane::Epoch;
use proptest::prelude::*;
use std::path::Path;

/// Rules that decide by what was seen, and by a clock that strikes every `period` seconds.
#[derive(Clone, Copy, Debug)]
struct Rules {
    matches: u32,
    period: i64,
}

impl Rules {
    fn verdict(self, seen: &ServerSeen, at: Epoch) -> ServerVerdict {
        ServerVerdict {
            paper_match: Some(seen.ttl.unwrap_or(0).is_multiple_of(self.matches)),
            paper_valid: Some(at.div_euclid(self.period) % 2 == 0),
            ..ServerVerdict::default()
        }
    }

    fn judge(self, kept: Kept<'_>) -> Judged {
        let until = (kept.at.div_euclid(self.period) + 1) * self.period;
        Judged { verdict: self.verdict(kept.seen, kept.at), dnssec: None, until }
    }
}

fn fold(root: &Path, rounds: &Rounds, rules: Rules, version: u16, checkpoints: bool) {
    let mut writer = Writer::open(root).unwrap();
    for (number, (slot, raw)) in rounds.iter().enumerate() {
        let mut round = round(&mut writer, "here", *slot, raw);
        for look in round.servers.as_mut().unwrap() {
            look.seen.verdict = rules.verdict(&look.seen, *slot);
            look.notes.rules = version;
        }
        writer.append(&round).unwrap();
        if checkpoints && number % 3 == 1 {
            writer.checkpoint().unwrap();
        }
    }
}

/// Evidence aside: which looks' is kept depends on where states begin.
fn states(root: &Path) -> Vec<ServerState> {
    let mut all = Vec::new();
    Archive::open(root).unwrap().server_states(Columns::All, |some| all.extend_from_slice(some)).unwrap();
    all.sort_by_key(|state| (state.key, state.span.valid_from_s));
    all.iter_mut().for_each(|state| (state.notes.evidence_from, state.notes.evidence_to) = (None, None));
    all
}

fn rules() -> impl Strategy<Value = Rules> {
    (1..4u32, prop_oneof![Just(7i64), Just(25), Just(1000)]).prop_map(|(matches, period)| Rules { matches, period })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rejudged_is_judged_so_from_the_beginning(rounds in histories::rounds(), old in rules(), new in rules(), checkpoints: bool) {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        fold(one.path(), &rounds, old, 5, checkpoints);
        fold(other.path(), &rounds, new, 6, false);
        let before = states(one.path());
        let mut writer = Writer::open(one.path()).unwrap();
        let dry = writer.rejudge(6, Apply::DryRun, |kept| new.judge(kept)).unwrap();
        drop(writer);
        prop_assert_eq!(states(one.path()), before);
        let mut writer = Writer::open(one.path()).unwrap();
        let done = writer.rejudge(6, Apply::Write, |kept| new.judge(kept)).unwrap();
        prop_assert_eq!(&dry, &done);
        // The writer goes on: what was delivered is known, whatever the verdicts were.
        for (slot, raw) in &rounds {
            let round = round(&mut writer, "here", *slot, raw);
            prop_assert_eq!(writer.append(&round).unwrap(), crate::states::Appended::Known);
        }
        drop(writer);
        prop_assert_eq!(states(one.path()), states(other.path()));
        check(one.path(), &[rounds])?;
        let mut writer = Writer::open(one.path()).unwrap();
        let again = writer.rejudge(6, Apply::Write, |kept| new.judge(kept)).unwrap();
        prop_assert_eq!((again.changed, again.states_before), (0, done.states_after));
    }
}

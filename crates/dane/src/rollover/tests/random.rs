//! Histories that come from chance: both implementations agree, however the states are cut.

use super::naive::{self, Row};
use super::small::{World, chain};
use crate::rollover::{Grade, Rounds, Served, State, grade};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::cell::RefCell;
use std::collections::BTreeMap;

const INTERVAL: u32 = 3600;

/// A stretch of rounds in which nothing changes.
#[derive(Clone, Debug)]
struct Stretch {
    rounds: usize,
    set: Option<u32>,
    ttl: u32,
    chain: Option<u32>,
}

/// Few keys, so that sets and chains meet.
fn world() -> impl Strategy<Value = World> {
    let record = (prop::sample::select(vec![0_u8, 1, 2, 3, 3, 3, 9]), 0_u32..5);
    let sets = prop::collection::vec(prop::collection::vec(record, 1..4), 3);
    let link = (0_u32..6, 0_u32..3, prop::collection::btree_set(2_u32..5, 0..3));
    let chains = prop::collection::vec(link, 3);
    (sets, chains).prop_map(|(sets, chains)| World {
        sets,
        chains: chains.into_iter().map(|(leaf, key, issuers)| chain(leaf, key, &issuers.into_iter().collect::<Vec<_>>())).collect(),
    })
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let maybe = || prop::option::weighted(0.94, 0_u32..3);
    let ttl = prop::sample::select(vec![300_u32, 1799, 1800, 1801, 3600, 5400, 7200, 9000, 14_400]);
    let one = (1_usize..5, maybe(), ttl, maybe()).prop_map(|(rounds, set, ttl, chain)| Stretch { rounds, set, ttl, chain });
    prop::collection::vec(one, 1..25)
}

/// The same history as rows and as states. `missed` are rounds in which nobody looked, `cuts` places where a state ends without need, and
/// states begin and end anywhere between the rounds that they have to include.
fn both(stretches: &[Stretch], missed: &[bool], cuts: &[bool], slack: i64) -> (Vec<Row>, Vec<i64>, Vec<State>) {
    let (mut rows, mut times, mut states) = (Vec::new(), Vec::new(), Vec::<State>::new());
    for stretch in stretches {
        for i in 0..stretch.rounds {
            let number = rows.len();
            let at = number as i64 * i64::from(INTERVAL);
            let served = stretch.set.map(|set| Served { set, ttl: stretch.ttl });
            let looked = !missed[number % missed.len()];
            if looked {
                times.push(at);
            }
            rows.push(if looked { Row { set: stretch.set, ttl: stretch.ttl, chain: stretch.chain } } else { Row::default() });
            match states.last_mut().filter(|_| i > 0 && !cuts[number % cuts.len()]) {
                Some(state) => state.to = at + 1 + slack,
                // No state at all is the same as one without data.
                None if served.is_none() && stretch.chain.is_none() && cuts[0] => {
                    states.push(State { from: at - slack, to: at - slack, served, chain: stretch.chain });
                }
                None => states.push(State { from: at - slack, to: at + 1 + slack, served, chain: stretch.chain }),
            }
        }
    }
    (rows, times, states)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn both_implementations_agree(
        world in world(),
        stretches in stretches(),
        missed in prop::collection::vec(prop::bool::weighted(0.04), 40),
        cuts in prop::collection::vec(prop::bool::weighted(0.2), 17),
        slack in 0_i64..1799,
    ) {
        let (rows, times, states) = both(&stretches, &missed, &cuts, slack);
        let rounds = Rounds::new(&times, i64::from(INTERVAL)).unwrap();
        let graded = grade(&states, rounds, &world).unwrap();
        let fast: Vec<_> = graded.changes.iter().map(|c| ((c.at / i64::from(INTERVAL)) as usize, c.old, c.new, c.grade)).collect();
        prop_assert_eq!(fast, naive::grade(&rows, INTERVAL, &world));
        let matched = rows.iter().any(|row| {
            row.set.zip(row.chain).is_some_and(|(set, chain)| crate::rollover::Evidence::matches(&world, set, chain, crate::rollover::Part::All))
        });
        prop_assert_eq!(graded.ever_matched, matched);
    }
}

/// Chance reaches every grade: otherwise agreement would say little.
#[test]
fn chance_reaches_every_grade() {
    let reached = RefCell::new(BTreeMap::<&str, u32>::new());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let input = (world(), stretches(), prop::collection::vec(prop::bool::weighted(0.04), 40));
    for _ in 0..1000 {
        let (world, stretches, missed) = input.new_tree(&mut runner).unwrap().current();
        let (_, times, states) = both(&stretches, &missed, &[false], 0);
        let graded = grade(&states, Rounds::new(&times, i64::from(INTERVAL)).unwrap(), &world).unwrap();
        for word in graded.changes.iter().filter_map(|change| change.grade).map(Grade::word) {
            *reached.borrow_mut().entry(word).or_default() += 1;
        }
    }
    let reached = reached.into_inner();
    let all = [
        "not-a-rollover",
        "never-matched",
        "short-ttl",
        "no-data-before",
        "no-data-at",
        "no-data-two-ttls-before",
        "unmatched-before",
        "early-retirement",
        "late-after",
        "late-same-time",
        "late-in-between",
        "never-introduced",
        "correct",
    ];
    for word in all {
        assert!(reached.get(word).is_some_and(|count| *count >= 5), "{word}: {reached:?}");
    }
}

proptest! {
    /// Wherever one begins to look, as many rounds are before a moment as there are.
    #[test]
    fn rounds_are_found_from_anywhere(
        steps in prop::collection::vec(1_i64..9000, 0..60),
        moment in -10_000_i64..300_000,
        near in 0_usize..70,
        interval in 1_i64..5000,
    ) {
        let times: Vec<i64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
        let rounds = Rounds::new(&times, interval).unwrap();
        prop_assert_eq!(rounds.before(moment, near), times.iter().filter(|time| **time < moment).count());
        for far in [i64::MIN, i64::MAX] {
            prop_assert_eq!(rounds.before(far, near), if far < 0 { 0 } else { times.len() });
        }
    }
}

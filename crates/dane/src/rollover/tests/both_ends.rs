//! P20 section 5.5: single cases, each with what its rules give.

use super::small::{World, chain};
use crate::rollover::both_ends::{Outcome, Records, Server, Standing, judge};
use crate::rollover::{ChainId, Evidence, Part, Place, Rounds, Served, SetId, State};

const HOUR: i64 = 3600;

/// What one round saw: set and its TTL, and chain; -1: none.
type Hour = (i32, u32, i32);

impl Records for World {
    fn place(&self, old: ChainId, new: ChainId) -> Option<Place> {
        let (old, new) = (&self.chains[old as usize], &self.chains[new as usize]);
        match (old.leaf_key != new.leaf_key, old.issuer_keys != new.issuer_keys) {
            (true, true) => Some(Place::Both),
            (true, false) => Some(Place::Leaf),
            (false, true) => Some(Place::Issuers),
            (false, false) => None,
        }
    }

    fn test(&self, set: SetId, chain: ChainId, place: Place) -> Option<bool> {
        let part = match place {
            Place::Leaf => Part::Leaf,
            Place::Issuers => Part::Issuers,
            Place::Both => Part::All,
        };
        self.has(set, part).then(|| self.matches(set, chain, part))
    }

    fn carries(&self, sets: (SetId, SetId), (old, new): (ChainId, ChainId)) -> bool {
        let kept = self.sets[sets.0 as usize].iter().filter(|record| self.sets[sets.1 as usize].contains(record));
        kept.into_iter().any(|record| {
            let alone = World { sets: vec![vec![*record]], chains: self.chains.clone() };
            alone.matches(0, old, Part::All) && alone.matches(0, new, Part::All)
        })
    }
}

/// Chains 0 and 1 have leaves 1 and 2 of issuer 10, chain 2 leaf 2 of issuer 11. Sets: 0 and 1 name leaves 1 and 2, 2 both, 3 issuer 10, 4
/// leaf 1 and issuer 10, 5 leaf 2 and issuer 10, 6 nothing that is ever shown.
fn world() -> World {
    let sets =
        vec![vec![(3, 1)], vec![(3, 2)], vec![(3, 1), (3, 2)], vec![(2, 10)], vec![(3, 1), (2, 10)], vec![(3, 2), (2, 10)], vec![(3, 99)]];
    World { sets, chains: vec![chain(1, 1, &[10]), chain(2, 2, &[10]), chain(2, 2, &[11])] }
}

fn judged(hours: &[Hour]) -> Server {
    let times: Vec<i64> = (0..hours.len() as i64).map(|i| i * HOUR).collect();
    let state = |(i, (set, ttl, chain)): (usize, &Hour)| State {
        from: i as i64 * HOUR,
        to: (i as i64 + 1) * HOUR,
        served: u32::try_from(*set).ok().map(|set| Served { set, ttl: *ttl }),
        chain: u32::try_from(*chain).ok(),
    };
    let states: Vec<State> = hours.iter().enumerate().map(state).collect();
    judge(&states, Rounds::new(&times, HOUR).unwrap(), &world()).unwrap()
}

#[test]
fn the_funnel_and_what_each_change_is_worth() {
    let old = (0, 3600, 0);
    let cases: [(&[Hour], Standing, Option<Outcome>); 13] = [
        (&[old, old], Standing::SameKeys, None),
        (&[old, (-1, 0, 0)], Standing::NotAtBothEnds, None),
        (&[(-1, 0, 0), old], Standing::NotAtBothEnds, None),
        (&[old, (2, 3600, 0), (2, 3600, 0), (2, 3600, 1)], Standing::Correct, Some(Outcome::Correct)),
        (&[old, old, (1, 3600, 1)], Standing::Wrong, Some(Outcome::Late(Some(2 * HOUR)))),
        (&[old, old, (0, 3600, 1), (1, 3600, 1)], Standing::Wrong, Some(Outcome::Late(Some(3 * HOUR)))),
        (&[old, old, (2, 3600, 0), (2, 3600, 1)], Standing::Wrong, Some(Outcome::Late(Some(2 * HOUR)))),
        (&[old, old, (0, 3600, 1)], Standing::Wrong, Some(Outcome::Late(None))),
        (&[old, (1, 3600, 0), (1, 3600, 0), (1, 3600, 1)], Standing::Wrong, Some(Outcome::EarlyRetirement)),
        (&[(0, 3600, 0), (6, 3600, 0), (6, 3600, 0), (6, 3600, 1)], Standing::LeftOut, Some(Outcome::Neither)),
        (&[(3, 3600, 0), (3, 3600, 0), (3, 3600, 1)], Standing::LeftOut, Some(Outcome::NotARollover)),
        (&[old, (0, 60, 0), (1, 60, 1)], Standing::LeftOut, Some(Outcome::ShortTtl)),
        (&[old, (-1, 0, 0), (1, 3600, 1)], Standing::LeftOut, Some(Outcome::Unknown)),
    ];
    for (hours, standing, outcome) in cases {
        let server = judged(hours);
        assert_eq!((server.standing, server.changes.first().map(|change| change.outcome)), (standing, outcome), "{hours:?}");
    }
}

#[test]
fn what_was_not_seen_is_taken_from_its_neighbours() {
    let old = (0, 3600, 0);
    // No set at the change: the next one is S(t), and the TTL that of the last one.
    let unseen_at = judged(&[old, old, (-1, 0, 1), (1, 3600, 1)]);
    assert_eq!(unseen_at.changes[0].outcome, Outcome::Late(Some(3 * HOUR)));
    // No set before it, but the same on both sides: it never came.
    let unseen_before = judged(&[old, old, (-1, 0, 0), (0, 3600, 1), (1, 3600, 1)]);
    assert_eq!(unseen_before.changes[0].outcome, Outcome::Late(Some(4 * HOUR)));
    // Two TTLs before nobody saw it: an earlier one that matches both is enough.
    let across = judged(&[(2, 3600, 0), (-1, 0, 0), (2, 3600, 0), (2, 3600, 1)]);
    assert_eq!(across.changes[0].outcome, Outcome::Correct);
    assert_eq!(judged(&[old, (-1, 0, 0), (2, 3600, 0), (2, 3600, 1)]).changes[0].outcome, Outcome::Unknown);
}

#[test]
fn mixed_usages_are_carried_by_a_record_that_stays() {
    // The issuer's record stays while leaf and its record change at once.
    let carried = judged(&[(4, 3600, 0), (4, 3600, 0), (5, 3600, 1)]);
    assert_eq!((carried.standing, carried.mixed(), carried.at_once_or_after()), (Standing::Correct, Some(true), false));
    // The issuer changes too: the record that stays does not match.
    let dropped = judged(&[(4, 3600, 0), (4, 3600, 0), (5, 3600, 2)]);
    assert_eq!((dropped.standing, dropped.mixed(), dropped.at_once_or_after()), (Standing::Wrong, Some(true), true));
    let single = judged(&[(0, 3600, 0), (0, 3600, 0), (1, 3600, 1)]);
    assert_eq!((single.mixed(), single.at_once_or_after()), (Some(false), true));
    // Introduced one TTL before: wrong, but neither at once nor after.
    assert!(!judged(&[(0, 3600, 0), (0, 3600, 0), (2, 3600, 0), (2, 3600, 1)]).at_once_or_after());
}

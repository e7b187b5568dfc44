//! Single cases, each with the grade that the definition gives it.

use super::small::{World, chain};
use crate::rollover::{Grade, Graded, Late, LeftOut, Missing, Rounds, Served, State, Verdict, Worth, grade};

const HOUR: i64 = 3600;

/// What one round saw: set and its TTL, and chain; -1: none.
type Hour = (i32, u32, i32);

/// Chains 0 and 1: other leaf, same issuer. 2: issuer changed, too. 3: as 0 with another issuer. 4: as 0 with a new certificate for the
/// same key. 5: as 0 without issuers.
/// Sets 0 and 1: the leaf's key of chains 0 and 1 by usage 3; 2: both; 3 and 4: issuers 10 and 11 by usage 2; 5: leaf 0 and issuer 10.
fn world() -> World {
    World {
        sets: vec![
            vec![(3, 1)],
            vec![(3, 2)],
            vec![(3, 1), (3, 2)],
            vec![(2, 10)],
            vec![(2, 11)],
            vec![(3, 1), (2, 10)],
            vec![(3, 2), (2, 10)],
        ],
        chains: vec![chain(1, 1, &[10]), chain(2, 2, &[10]), chain(2, 2, &[11]), chain(1, 1, &[11]), chain(9, 1, &[10]), chain(1, 1, &[])],
    }
}

fn graded(hours: &[Hour]) -> Graded {
    graded_without(hours, &[])
}

fn graded_without(hours: &[Hour], missed: &[usize]) -> Graded {
    let times: Vec<i64> = (0..hours.len()).filter(|i| !missed.contains(i)).map(|i| i as i64 * HOUR).collect();
    let state = |(i, (set, ttl, chain)): (usize, &Hour)| State {
        from: i as i64 * HOUR,
        to: (i as i64 + 1) * HOUR,
        served: u32::try_from(*set).ok().map(|set| Served { set, ttl: *ttl }),
        chain: u32::try_from(*chain).ok(),
    };
    let states: Vec<State> = hours.iter().enumerate().map(state).collect();
    grade(&states, Rounds::new(&times, HOUR).unwrap(), &world()).unwrap()
}

fn grades(graded: &Graded) -> Vec<Grade> {
    graded.changes.iter().filter_map(|change| change.grade).collect()
}

#[test]
fn every_grade_of_figure_6() {
    let old = (0, 3600, 0);
    let cases: [(&[Hour], Grade); 9] = [
        // Published for two TTLs before the switch, and the old one kept.
        (&[old, (2, 3600, 0), (2, 3600, 0), (2, 3600, 1)], Grade::Correct),
        // One TTL only.
        (&[old, old, (2, 3600, 0), (2, 3600, 1)], Grade::Late(Late::InBetween)),
        (&[old, old, (1, 3600, 1)], Grade::Late(Late::SameTime)),
        (&[old, old, (0, 3600, 1), (0, 3600, 1), (1, 3600, 1)], Grade::Late(Late::After(4 * HOUR))),
        (&[old, old, (0, 3600, 1), (0, 3600, 1)], Grade::NeverIntroduced),
        (&[old, (2, 3600, 0), (1, 3600, 0), (1, 3600, 1)], Grade::EarlyRetirement),
        // It never matched the old one, so nothing was retired.
        (&[(1, 3600, 0), (1, 3600, 0), (1, 3600, 1)], Grade::UnmatchedBefore),
        (&[(3, 3600, 0), (3, 3600, 0), (3, 3600, 1)], Grade::NotARollover),
        (&[old, old, (1, 1799, 1)], Grade::ShortTtl),
    ];
    for (hours, expected) in cases {
        assert_eq!(grades(&graded(hours)), [expected], "{hours:?}");
    }
}

#[test]
fn issuers_count_if_one_went_and_one_came() {
    let changed = |chains: [i32; 2], set| grades(&graded(&[(set, 3600, chains[0]), (set, 3600, chains[0]), (set, 3600, chains[1])]));
    // Same leaf, other issuer: of a set of usage 2 the very thing that matters, of one of usage 3 nothing.
    assert_eq!(changed([0, 3], 3), [Grade::NeverIntroduced]);
    assert_eq!(changed([0, 3], 0), [Grade::NotARollover]);
    // The chain grows or shrinks, or only the certificate is new.
    for chains in [[5, 0], [0, 5], [0, 4]] {
        assert_eq!(changed(chains, 0), [], "{chains:?}");
    }
    // Leaf and issuer: a target whatever the usage.
    assert_eq!(changed([0, 2], 3), [Grade::NeverIntroduced]);
    assert_eq!(changed([0, 2], 0), [Grade::NeverIntroduced]);
}

#[test]
fn a_record_of_the_other_kind_bridges_the_change_without_a_wait() {
    // 3 1 1 of the old leaf and 2 1 1 of the issuer stay; an hour later the first one follows.
    assert_eq!(grades(&graded(&[(5, 86_400, 0), (5, 86_400, 1), (6, 86_400, 1)])), [Grade::Correct]);
    // Without the other kind the same TTL is too long.
    let waited = [(0, 86_400, 0), (2, 86_400, 0), (2, 86_400, 1)];
    assert_eq!(grades(&graded(&waited)), [Grade::NoData(Missing::TwoTtlsBefore)]);
    let longer: Vec<_> = std::iter::repeat_n((0, 86_400, 0), 48).chain(waited).collect();
    assert_eq!(grades(&graded(&longer)), [Grade::Late(Late::InBetween)]);
}

#[test]
fn what_was_not_seen_is_not_bridged() {
    let old = (0, 3600, 0);
    let late = [old, old, old, (1, 3600, 1), (1, 3600, 1)];
    assert_eq!(grades(&graded(&late)), [Grade::Late(Late::SameTime)]);
    assert_eq!(grades(&graded_without(&late, &[2])), [Grade::NoData(Missing::Before)]);
    // The round of the change is missing: it is seen in the next one.
    assert_eq!(grades(&graded_without(&late, &[3])), [Grade::NoData(Missing::Before)]);
    assert_eq!(grades(&graded(&[old, old, (-1, 0, 1), (1, 3600, 1)])), [Grade::NoData(Missing::At)]);
    assert_eq!(grades(&graded(&[old, (0, 3600, -1), (1, 3600, 1)])), [Grade::NoData(Missing::Before)]);
    assert_eq!(grades(&graded(&[old, (-1, 0, 0), (1, 3600, 1)])), [Grade::NoData(Missing::Before)]);
    // Two TTLs before nobody looked: an earlier set that matches is enough, one that does not says nothing.
    let right = [(2, 3600, 0), (2, 3600, 0), (2, 3600, 0), (2, 3600, 1)];
    assert_eq!(grades(&graded_without(&right, &[1])), [Grade::Correct]);
    assert_eq!(grades(&graded_without(&[old, old, (2, 3600, 0), (2, 3600, 1)], &[1])), [Grade::NoData(Missing::TwoTtlsBefore)]);
}

#[test]
fn between_two_rounds_the_earlier_one_counts() {
    // 2·T = 1.5 h: the moment lies between the rounds 0 and 1 before the change at 2.
    assert_eq!(grades(&graded(&[(2, 2700, 0), (2, 2700, 0), (2, 2700, 1)])), [Grade::Correct]);
    assert_eq!(grades(&graded(&[(0, 2700, 0), (2, 2700, 0), (2, 2700, 1)])), [Grade::Late(Late::InBetween)]);
    // 2·T is exactly the interval: not short.
    assert_eq!(grades(&graded(&[(0, 1800, 0), (2, 1800, 0), (2, 1800, 1)])), [Grade::Correct]);
}

#[test]
fn servers_are_judged_by_all_their_changes() {
    let old = (0, 3600, 0);
    let right = [(2, 3600, 0), (2, 3600, 0), (2, 3600, 0), (2, 3600, 1)];
    assert_eq!(graded(&right).verdict(), Verdict::Correct);
    assert_eq!(graded(&[old, old]).verdict(), Verdict::Unchanged);
    assert_eq!(graded(&[old, (0, 3600, 4)]).verdict(), Verdict::SameKey);
    // Right once, and once not seen: dropped in the paper view, counted as right in ours.
    let dropped: Vec<_> = right.iter().copied().chain([(-1, 0, 0)]).collect();
    let dropped = graded(&dropped);
    assert_eq!((dropped.verdict(), dropped.tally().judged(), dropped.tally().wrong()), (Verdict::Dropped, 1, 0));
    // Right once and wrong once: wrong in the paper view, one of two in ours.
    let wrong: Vec<_> = right.iter().copied().chain([(1, 3600, 1), (0, 3600, 0)]).collect();
    let wrong = graded(&wrong);
    assert_eq!((wrong.verdict(), wrong.tally().judged(), wrong.tally().wrong()), (Verdict::Wrong, 2, 1));
    assert!(wrong.any(Worth::Wrong) && wrong.any(Worth::Correct) && !wrong.any(Worth::LeftOut));
    for (hours, why) in [
        (&[(1, 3600, 0), (1, 3600, 0), (0, 3600, 1)][..], LeftOut::NeverMatched),
        (&[(0, 60, 0), (0, 60, 0), (1, 60, 1)], LeftOut::ShortTtl),
        (&[(0, 3600, 0), (-1, 0, 0), (1, 3600, 1)], LeftOut::NoData),
        (&[(3, 3600, 0), (3, 3600, 1)], LeftOut::NotARollover),
        (&[(1, 3600, 0), (1, 3600, 1), (1, 3600, 1)], LeftOut::UnmatchedBefore),
    ] {
        assert_eq!(graded(hours).verdict(), Verdict::LeftOut(why), "{hours:?}");
    }
}

#[test]
fn never_introduced_in_table_3_only_if_it_is_never_otherwise() {
    let old = (0, 3600, 0);
    let never = [old, old, (0, 3600, 1), (0, 3600, 1)];
    let mistakes = graded(&never).mistakes();
    assert!(mistakes.no_introduction && !mistakes.late_introduction && !mistakes.early_retirement);
    // Late the first time, never the second.
    let both = [old, (0, 3600, 1), (1, 3600, 1), (1, 3600, 1), (1, 3600, 0), (1, 3600, 0)];
    let graded = graded(&both);
    assert_eq!(grades(&graded), [Grade::Late(Late::After(2 * HOUR)), Grade::NeverIntroduced]);
    assert!(!graded.mistakes().no_introduction && graded.mistakes().late_introduction);
    assert_eq!(graded.tally().never, 1);
}

#[test]
fn states_out_of_order_are_refused() {
    let state = |from, to| State { from, to, served: None, chain: None };
    let rounds = [0, HOUR];
    let grade = |states: &[State]| grade(states, Rounds::new(&rounds, HOUR).unwrap(), &world()).map_err(|disorder| disorder.0);
    assert_eq!(grade(&[state(0, 10), state(9, 20)]), Err(1));
    assert_eq!(grade(&[state(5, 4)]), Err(0));
    assert!(grade(&[state(0, 10), state(10, 20)]).is_ok());
    assert!(Rounds::new(&[0, 0], HOUR).is_none() && Rounds::new(&[0], 0).is_none() && Rounds::new(&[], HOUR).is_some());
}

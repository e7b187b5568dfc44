//! A history is what its truth says: the graders, which know nothing of plans, find every planned change with its grade.

use dane::paper::{WrongField, paper_match, wrong_field};
use dane::rollover::both_ends::{self, Outcome, Standing};
use dane::rollover::{Catalogue, Grade, Graded, Late, LeftOut, Place, Rounds, Served, State, Verdict, grade};
use lab::history::{
    Class, Counts, History, HistoryConfig, HistoryError, P20, P20Standing, Profile, ServerTruth, ServerVerdict, Usage, Where,
};
use std::collections::{BTreeMap, HashMap};

/// Every server as one vantage point saw it, with the certificates and records themselves.
fn seen(history: &History, vantage: usize) -> (Catalogue, Vec<Vec<State>>) {
    let mut catalogue = Catalogue::new(Vec::new());
    let mut chains = HashMap::new();
    let states = (0..history.truth().len())
        .map(|server| {
            let stretches = history.stretches(server, vantage);
            let mut state = |stretch: &lab::history::Stretch| State {
                from: stretch.from,
                to: stretch.to,
                served: stretch.sight.tlsa.map(|a| Served { set: catalogue.set(history.records(a.set)), ttl: a.ttl }),
                chain: stretch
                    .sight
                    .chain
                    .ok()
                    .and_then(|chain| *chains.entry(chain).or_insert_with(|| catalogue.chain(&history.certificates(chain)))),
            };
            stretches.iter().map(&mut state).collect()
        })
        .collect();
    (catalogue, states)
}

/// Grades every server as one vantage point saw it.
fn graded(history: &History, vantage: usize) -> Vec<Graded> {
    let times = history.rounds(vantage);
    let rounds = Rounds::new(&times, history.interval()).unwrap();
    let (catalogue, states) = seen(history, vantage);
    states.iter().map(|states| grade(states, rounds, &catalogue).unwrap()).collect()
}

fn place(place: Place) -> Where {
    match place {
        Place::Leaf => Where::Leaf,
        Place::Issuers => Where::Issuers,
        Place::Both => Where::Both,
    }
}

fn verdict(verdict: Verdict) -> ServerVerdict {
    match verdict {
        Verdict::Unchanged => ServerVerdict::Unchanged,
        Verdict::SameKey => ServerVerdict::SameKey,
        Verdict::LeftOut(LeftOut::NeverMatched) => ServerVerdict::NeverMatched,
        Verdict::LeftOut(LeftOut::ShortTtl) => ServerVerdict::ShortTtl,
        Verdict::LeftOut(LeftOut::NoData) => ServerVerdict::NoData,
        Verdict::LeftOut(LeftOut::NotARollover) => ServerVerdict::NotARollover,
        Verdict::LeftOut(LeftOut::UnmatchedBefore) => ServerVerdict::UnmatchedBefore,
        Verdict::Dropped => ServerVerdict::Dropped,
        Verdict::Wrong => ServerVerdict::Wrong,
        Verdict::Correct => ServerVerdict::Correct,
    }
}

fn compare(truth: &ServerTruth, graded: &Graded) {
    let found: Vec<_> = graded
        .changes
        .iter()
        .map(|change| {
            let mended = if let Some(Grade::Late(Late::After(at))) = change.grade { Some(at) } else { None };
            let (certificates, keys) = (change.difference.certificates.map(place), change.difference.keys.map(place));
            (change.at, certificates, keys, change.grade.map(Grade::word), mended)
        })
        .collect();
    let planned: Vec<_> =
        truth.changes.iter().map(|change| (change.at, Some(change.certificates), change.keys, change.grade, change.mended)).collect();
    assert_eq!(found, planned, "{truth:#?}");
    assert_eq!(verdict(graded.verdict()), truth.verdict, "{truth:#?}");
}

fn history(servers: usize, days: u32, seed: u64, vantages: usize) -> History {
    History::new(HistoryConfig { servers, days, seed, vantages, ..HistoryConfig::new() }).unwrap()
}

#[test]
fn the_grader_finds_what_was_planned_at_every_vantage_point() {
    for (seed, days, vantages) in [(1, 610, 2), (2, 120, 5), (3, 14, 1), (4, 40, 1)] {
        let history = history(700, days, seed, vantages);
        for vantage in 0..vantages {
            graded(&history, vantage).iter().zip(history.truth()).for_each(|(graded, truth)| compare(truth, graded));
        }
    }
}

#[test]
fn counts_are_those_that_the_grader_gives() {
    let history = history(700, 610, 5, 1);
    let all = graded(&history, 0);
    let mut tally = BTreeMap::<&str, u64>::new();
    all.iter().flat_map(|g| &g.changes).filter_map(|c| c.grade).for_each(|g| *tally.entry(g.word()).or_default() += 1);
    let Counts { grades, table3, targets, certificate_changes, .. } = history.counts();
    assert_eq!(grades, tally);
    assert_eq!(certificate_changes, all.iter().map(|graded| graded.tally().certificates).sum::<u64>());
    let judged = |graded: &&Graded| matches!(graded.verdict(), Verdict::Wrong | Verdict::Correct);
    assert_eq!(targets, all.iter().filter(judged).count() as u64);
    for class in [Class::Outsourced, Class::OwnMail, Class::Own] {
        let of_class = || all.iter().zip(history.truth()).filter(|(g, t)| t.class == class && judged(g)).map(|(g, _)| g);
        let row = table3[&class];
        assert_eq!(row.servers, of_class().count() as u64);
        assert_eq!(row.wrong, of_class().filter(|g| g.verdict() == Verdict::Wrong).count() as u64);
        assert_eq!(row.early, of_class().filter(|g| g.mistakes().early_retirement).count() as u64);
        assert_eq!(row.late, of_class().filter(|g| g.mistakes().late_introduction).count() as u64);
        assert_eq!(row.never, of_class().filter(|g| g.mistakes().no_introduction).count() as u64);
    }
}

/// P22's twenty months: the plans become what they should. Figures worked out from the paper for 2,000 servers.
#[test]
fn shares_are_those_of_the_paper() {
    let history = history(2000, 580, 6, 1);
    let counts = history.counts();
    let near =
        |found: u64, published: f64, slack: u64| assert!(found.abs_diff(published.round() as u64) <= slack, "{found}, not {published}");
    near(counts.certificate_changed, 2000.0 * 10_334.0 / 13_902.0, 6);
    near(counts.key_changed, 2000.0 * 8837.0 / 13_902.0, 6);
    near(counts.verdicts[&ServerVerdict::NotARollover], 2000.0 * 2560.0 / 13_902.0, 6);
    near(counts.targets, 2000.0 * 2569.0 / 13_902.0, 6);
    near(counts.verdicts[&ServerVerdict::Wrong], 2000.0 * 2569.0 / 13_902.0 * 1039.0 / 1146.0, 8);
    let usage_3 = history.truth().iter().filter(|truth| truth.usage == Usage::DaneEe).count() as u64;
    near(usage_3, 2000.0 * 0.906, 3);
    // Every grade there is, and every kind of server.
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
    assert!(all.iter().all(|grade| counts.grades.contains_key(grade)), "{:?}", counts.grades);
    assert!([Profile::Pool, Profile::HalfPool].iter().all(|kind| history.truth().iter().any(|truth| truth.profile == *kind)));
}

#[test]
fn the_same_seed_is_the_same_history_and_changes_come_in_order() {
    let (one, two, other) = (history(60, 60, 1, 3), history(60, 60, 1, 3), history(60, 60, 2, 3));
    assert_eq!(one.truth_json(), two.truth_json());
    assert_ne!(one.truth_json(), other.truth_json());
    let (sets, chains) = one.sizes();
    assert!((0..chains as u32).all(|chain| one.certificates(chain) == two.certificates(chain)));
    assert!((0..sets as u32).all(|set| !one.records(set).is_empty()));
    let changes: Vec<_> = one.changes().collect();
    assert!(changes.is_sorted_by_key(|change| change.at));
    // Replaying the changes gives the stretches.
    for server in 0..60 {
        for vantage in 0..3 {
            let own = changes.iter().filter(|c| c.server == server && c.vantage == vantage && c.sight.is_some());
            let replayed: Vec<_> = own.map(|change| (change.at, change.sight.unwrap())).collect();
            let stretches: Vec<_> = one.stretches(server, vantage).iter().map(|s| (s.from, s.sight)).collect();
            assert_eq!(replayed, stretches);
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let config = HistoryConfig::new();
    let of = |config: HistoryConfig| History::new(config).err();
    assert_eq!(of(HistoryConfig { days: 13, ..config.clone() }), Some(HistoryError::Days(13)));
    assert_eq!(of(HistoryConfig { vantages: 6, ..config.clone() }), Some(HistoryError::Vantages(6)));
    assert_eq!(of(HistoryConfig { start: 1, ..config.clone() }), Some(HistoryError::Start(1)));
    assert!(of(HistoryConfig { servers: 0, ..config }).is_none());
}

/// The other paper's rules, on the same servers.
#[test]
fn p20_finds_what_was_planned() {
    for (seed, days) in [(1, 610), (2, 100)] {
        let history = history(700, days, seed, 1);
        let times = history.rounds(0);
        let (catalogue, states) = seen(&history, 0);
        let mut counted = BTreeMap::<P20Standing, u64>::new();
        for (truth, states) in history.truth().iter().zip(&states) {
            let server = both_ends::judge(states, Rounds::new(&times, history.interval()).unwrap(), &catalogue).unwrap();
            let standing = match server.standing {
                Standing::NotAtBothEnds => P20Standing::NotAtBothEnds,
                Standing::SameKeys => P20Standing::SameKeys,
                Standing::LeftOut => P20Standing::LeftOut,
                Standing::Wrong => P20Standing::Wrong,
                Standing::Correct => P20Standing::Correct,
            };
            *counted.entry(standing).or_default() += 1;
            let outcome = |outcome| match outcome {
                Outcome::NotARollover => P20::NotARollover,
                Outcome::ShortTtl => P20::ShortTtl,
                Outcome::Unknown => P20::Unknown,
                Outcome::Neither => P20::Neither,
                Outcome::EarlyRetirement => P20::Early,
                Outcome::Late(Some(at)) => P20::Late(at),
                Outcome::Late(None) => P20::Never,
                Outcome::Correct => P20::Correct,
            };
            assert_eq!(standing, truth.p20, "{truth:#?}");
            if truth.profile != Profile::NeverMatched {
                let found: Vec<_> = server.changes.iter().map(|change| (change.at, outcome(change.outcome))).collect();
                let planned: Vec<_> = truth.changes.iter().filter_map(|change| Some((change.at, change.p20?))).collect();
                assert_eq!(found, planned, "{truth:#?}");
            }
        }
        assert_eq!(counted, history.counts().p20);
        assert_eq!(counted.len(), 5, "{counted:?}");
    }
}

/// What is wrong with records that never match is what the test for wrong fields finds; what has no label, it cannot explain.
#[test]
fn wrong_fields_are_those_that_were_planned() {
    let history = history(4000, 14, 8, 1);
    let mut labels = BTreeMap::<&str, u32>::new();
    for (number, truth) in history.truth().iter().enumerate() {
        let first = history.stretches(number, 0)[0].sight;
        let (chain, records) = (history.certificates(first.chain.unwrap()), history.records(first.tlsa.unwrap().set));
        assert_eq!(paper_match(&chain, records, &[]), Some(truth.profile != Profile::NeverMatched), "{truth:#?}");
        let found = wrong_field(&chain, records).map(|field| match field {
            WrongField::UndefinedValue => "undefined-value",
            WrongField::Usage => "usage",
            WrongField::Selector => "selector",
            WrongField::MatchingType => "matching-type",
            WrongField::DigestOfNothing => "digest-of-nothing",
            WrongField::Pem => "pem",
            WrongField::CopyPaste => "copy-paste",
        });
        assert_eq!(found, truth.wrong_field, "{truth:#?}");
        *labels.entry(found.unwrap_or("none")).or_default() += 1;
    }
    assert_eq!(labels.len(), 8, "{labels:?}");
}

/// Table 4, counted from the first sight of every server that came later.
#[test]
fn initial_deployments_are_counted() {
    let history = history(1500, 100, 9, 1);
    let reference = history.rounds(0)[0] + 15 * 86_400;
    let mut counted = lab::history::Initial::default();
    for number in 0..1500 {
        let first = history.stretches(number, 0)[0];
        let answer = first.sight.tlsa.unwrap();
        if first.from < reference {
            continue;
        }
        let (chain, records) = (history.certificates(first.sight.chain.unwrap()), history.records(answer.set));
        let insecure = answer.dnssec != lab::history::Dnssec::Secure;
        let mismatch = paper_match(&chain, records, &[]) == Some(false);
        let field = mismatch && wrong_field(&chain, records).is_some_and(|field| field <= WrongField::MatchingType);
        counted.servers += 1;
        counted.incorrect += u64::from(insecure || mismatch);
        counted.insecure += u64::from(insecure);
        counted.wrong_fields += u64::from(field);
        counted.unknown_mismatch += u64::from(mismatch && !field);
    }
    assert_eq!(counted, history.counts().table4);
    assert!(counted.servers > 500 && counted.wrong_fields > 0);
}

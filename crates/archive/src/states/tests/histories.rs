//! Random histories: asking the intervals is asking the observations.

use crate::states::fold::{Interval, Look, Slot, Stream};
use crate::states::late::Insertion;
use crate::states::model::{Notes, ServerId, ServerSeen, ServerState, Snapshot, State, Versions, WordId};
use crate::states::{Answer, History};
use dane::Epoch;
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEYS: u32 = 4;
/// Seconds from one slot to the next.
const EVERY: u32 = 10;

/// One round: what of the keys was seen, and whether it came to its end.
#[derive(Clone, Debug)]
pub struct Raw {
    pub seen: BTreeMap<u32, u32>,
    pub complete: bool,
}

/// The rounds of one vantage point by slot; a slot that is missing was missed.
pub type Rounds = BTreeMap<Epoch, Raw>;

fn round() -> impl Strategy<Value = Raw> {
    (prop::collection::btree_map(1..=KEYS, 1..4u32, 0..=KEYS as usize), prop::bool::weighted(0.8))
        .prop_map(|(seen, complete)| Raw { seen, complete })
}

/// Slots on the grid and some beside it, many of them missing; often nothing changes.
pub fn rounds() -> impl Strategy<Value = Rounds> {
    let slot = (0..12i64, prop::bool::weighted(0.1)).prop_map(|(n, off)| n * i64::from(EVERY) + if off { 4 } else { 0 });
    let step = (slot, prop::option::weighted(0.5, round()));
    prop::collection::vec(step, 1..14).prop_map(|steps| {
        let mut rounds = Rounds::new();
        let mut last = Raw { seen: BTreeMap::from([(1, 1), (2, 1)]), complete: true };
        let ordered: BTreeMap<Epoch, Option<Raw>> = steps.into_iter().collect();
        for (slot, change) in ordered {
            last = change.unwrap_or(last);
            rounds.insert(slot, last.clone());
        }
        rounds
    })
}

pub fn seen(value: u32) -> ServerSeen {
    ServerSeen { ttl: Some(value), ..ServerSeen::default() }
}

pub fn looks(raw: &Raw) -> Vec<Look<ServerId, ServerSeen>> {
    let look = |(key, value): (&u32, &u32)| Look { key: ServerId::new(*key).unwrap(), seen: seen(*value), notes: Notes::default() };
    raw.seen.iter().map(look).collect()
}

pub fn snapshot(vantage: WordId, slot: Epoch, raw: &Raw) -> Snapshot {
    Snapshot {
        vantage,
        scheduled_s: slot,
        every_s: EVERY,
        started_s: slot,
        finished_s: raw.complete.then_some(slot + 3),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: u64::from(KEYS),
        done: raw.seen.len() as u64,
        servers: Some(raw.seen.len() as u32),
        domains: None,
        complete: raw.complete,
        config_sha256: None,
        versions: Versions::default(),
        content: Default::default(),
    }
}

/// What the observations say, by looking at them one by one.
fn asked(rounds: &Rounds, key: u32, at: Epoch) -> Result<u32, &'static str> {
    let Some((slot, raw)) = rounds.iter().rfind(|(slot, _)| **slot <= at) else { return Err("not looked") };
    if at >= slot + i64::from(EVERY) {
        return Err("not looked");
    }
    match raw.seen.get(&key) {
        Some(value) => Ok(*value),
        None if raw.complete => Err("nobody there"),
        None => Err("not looked"),
    }
}

/// That intervals and observations answer alike at every second, and that the intervals count the rounds.
pub fn check(history: &History<ServerId, ServerSeen>, vantage: WordId, rounds: &Rounds) -> Result<(), TestCaseError> {
    for key in 1..=KEYS {
        let id = ServerId::new(key).unwrap();
        for at in -5..i64::from(EVERY) * 14 {
            let answer = match history.at(id, vantage, at) {
                Answer::Seen(state) => Ok(state.seen.ttl.unwrap()),
                Answer::NobodyThere => Err("nobody there"),
                Answer::NotLooked => Err("not looked"),
            };
            prop_assert_eq!(answer, asked(rounds, key, at), "key {} at {}", key, at);
        }
        for state in history.states(id, vantage) {
            let confirmed = rounds.range(state.span.valid_from_s..state.span.valid_to_s).count();
            prop_assert_eq!(confirmed, state.span.n_obs as usize, "{:?}", state);
        }
    }
    Ok(())
}

fn history(rounds: &Rounds, intervals: Vec<Interval<ServerId, ServerSeen>>) -> History<ServerId, ServerSeen> {
    let here = WordId::new(1).unwrap();
    let state = |i: Interval<ServerId, ServerSeen>| -> ServerState {
        State { key: i.key, vantage: here, span: i.span, seen: i.seen, notes: i.notes }
    };
    History::new(rounds.iter().map(|(slot, raw)| snapshot(here, *slot, raw)), intervals.into_iter().map(state))
}

fn slot(at: Epoch) -> Slot {
    Slot { at, until: at + i64::from(EVERY) }
}

fn folded(rounds: &Rounds) -> Vec<Interval<ServerId, ServerSeen>> {
    let mut stream = Stream::new();
    let mut over = Vec::new();
    for (at, raw) in rounds {
        let delta = stream.compare(&looks(raw)).unwrap();
        stream.apply(slot(*at), &delta, |interval| over.push(interval));
    }
    over.extend(stream.open());
    over.sort_by_key(|i| (i.key, i.span.valid_from_s));
    over
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn intervals_answer_as_observations_do(rounds in rounds()) {
        let intervals = folded(&rounds);
        for pair in intervals.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            prop_assert!(pair[0].span.valid_to_s <= pair[1].span.valid_from_s, "{:?}", pair);
        }
        check(&history(&rounds, intervals), WordId::new(1).unwrap(), &rounds)?;
    }

    #[test]
    fn a_late_round_is_as_if_it_had_come_in_time(rounds in rounds(), late in any::<prop::sample::Index>()) {
        let (at, raw) = rounds.iter().nth(late.index(rounds.len())).map(|(at, raw)| (*at, raw.clone())).unwrap();
        let mut others = rounds.clone();
        others.remove(&at);
        let before = folded(&others);
        let slots: Vec<Slot> = others.keys().map(|at| slot(*at)).collect();
        let insertion = Insertion::new(&slots, slot(at));
        let looks = looks(&raw);
        let mut after = Vec::new();
        for key in (1..=KEYS).filter_map(ServerId::new) {
            let rows: Vec<_> = before.iter().filter(|i| i.key == key).copied().collect();
            after.extend(insertion.insert(&rows, looks.iter().find(|look| look.key == key)));
        }
        prop_assert_eq!(after, folded(&rounds));
    }

    #[test]
    fn a_stream_goes_on_as_if_it_had_never_stopped(rounds in rounds(), stop in any::<prop::sample::Index>()) {
        let mut stream = Stream::new();
        let mut over = Vec::new();
        for (number, (at, raw)) in rounds.iter().enumerate() {
            if number == stop.index(rounds.len()) {
                let open: Vec<_> = stream.open().collect();
                stream = Stream::resume(u32::try_from(number).unwrap(), stream.last(), open);
            }
            let delta = stream.compare(&looks(raw)).unwrap();
            stream.apply(slot(*at), &delta, |interval| over.push(interval));
        }
        over.extend(stream.open());
        over.sort_by_key(|i| (i.key, i.span.valid_from_s));
        prop_assert_eq!(over, folded(&rounds));
    }
}

#[test]
fn a_round_names_nothing_twice() {
    let look = looks(&Raw { seen: BTreeMap::from([(3, 1)]), complete: true })[0];
    let stream: Stream<ServerId, ServerSeen> = Stream::new();
    assert_eq!(stream.compare(&[look, look]).unwrap_err().0, ServerId::new(3).unwrap());
}

#[test]
fn new_signatures_are_no_new_state() {
    let mut stream: Stream<ServerId, ServerSeen> = Stream::new();
    let key = ServerId::new(1).unwrap();
    let signed = |from| Notes { sig_inception_s: Some(from), sig_expiration_s: Some(from + 100), ..Notes::default() };
    let mut over = Vec::new();
    for (at, notes) in [(0, signed(-7)), (10, signed(-7)), (20, signed(15))] {
        let delta = stream.compare(&[Look { key, seen: seen(1), notes }]).unwrap();
        assert_eq!(delta.len(), usize::from(at != 10), "only what is new is written");
        stream.apply(slot(at), &delta, |interval| over.push(interval));
    }
    assert!(over.is_empty());
    let state = stream.open().next().unwrap();
    assert_eq!((state.span.n_obs, state.notes.sig_inception_s, state.notes.sig_expiration_s), (3, Some(-7), Some(115)));
}

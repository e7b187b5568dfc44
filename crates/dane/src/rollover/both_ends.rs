//! Key rollovers as P20 section 5.5 counts them ("A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email", USENIX
//! Security 2020): other rules than those of [`super`], for the same states.
//!
//! - A server counts if it had a TLSA set at both ends of the period (funnel: 6,968), and rolled if the set of its chain's keys changed
//!   (1,784). Leaf, issuers or both: by the leaf's key and the set of the others.
//! - The set served two TTLs before the change, S(t−2T), is tested against the chain before and after: only the records that refer to what
//!   changed, and those of usage 2 against the chain's **last** certificate only. It matches both: *correct*. Only the old one: *late*,
//!   dated by the first set that matches. Only the new one: *early retirement*. Neither: left out. No record refers to it: not a rollover.
//! - Mixed usages in S(t−1): a record that stands in S(t−1) and S(t) and matches both chains makes it correct; otherwise the same test.
//! - What was not seen: S(t) is the next set seen, T is that of the latest set at t or before it; S(t−1) is known if the sets seen before and
//!   after it are the same. Where S(t−2T) was not seen, the latest set before decides if it matches both chains. (The script asks the
//!   set after it, too.) Left out if that says nothing, and if 2·T is shorter than the interval.
//! - A server with any short TTL is left out; then any mistake makes it wrong; then any unknown leaves it out. (872 remain: 91 with mixed
//!   usages, of which 80 correct; 780 with a single one, of which 724 wrong, 547 of these at the same time or after.)

use super::history::{History, Seen};
use super::{Catalogue, ChainId, Disorder, Part, Place, Rounds, SetId, State};
use crate::Epoch;
use crate::cert::Certificate;
use crate::observation::CertificateBytes;
use crate::paper::paper_match;
use crate::tlsa::Tlsa;
use std::collections::BTreeSet;

/// What P20's rules have to know of sets and chains.
pub trait Records: super::Evidence {
    /// Where the keys of a chain differ from those of the one before it; `None`: nowhere.
    fn place(&self, old: ChainId, new: ChainId) -> Option<Place>;

    /// Whether any record that refers to a place matches; `None`: no record does refer to it.
    fn test(&self, set: SetId, chain: ChainId, place: Place) -> Option<bool>;

    /// Whether a record that both sets have matches both chains.
    fn carries(&self, sets: (SetId, SetId), chains: (ChainId, ChainId)) -> bool;
}

/// What a change is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// No record refers to what changed.
    NotARollover,
    /// Left out: two TTLs are shorter than the interval between rounds.
    ShortTtl,
    /// Left out: it was not seen.
    Unknown,
    /// Left out: the set matched neither chain.
    Neither,
    /// Wrong: the set did not match the old chain any more.
    EarlyRetirement,
    /// Wrong: the set did not match the new chain yet; the first round after at which one did.
    Late(Option<Epoch>),
    /// Right.
    Correct,
}

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolled {
    /// The round at which the new chain was first seen.
    pub at: Epoch,
    /// Whether S(t−1) has usages of both kinds.
    pub mixed: bool,
    /// What it is worth.
    pub outcome: Outcome,
}

/// What a server counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// It had no TLSA set at one end of the period.
    NotAtBothEnds,
    /// Its keys never changed.
    SameKeys,
    /// It could not be judged.
    LeftOut,
    /// Something was wrong.
    Wrong,
    /// All that was judged was right.
    Correct,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it counts as.
    pub standing: Standing,
    /// All its changes, in the order of time.
    pub changes: Vec<Rolled>,
}

impl Server {
    /// Whether it counts among those with mixed usages: every change that was judged had them. `None`: some had and some had not, which the
    /// studies classified by hand.
    #[must_use]
    pub fn mixed(&self) -> Option<bool> {
        let judged = self.changes.iter().filter(|c| matches!(c.outcome, Outcome::EarlyRetirement | Outcome::Late(_) | Outcome::Correct));
        let kinds: BTreeSet<bool> = judged.map(|change| change.mixed).collect();
        if kinds.len() == 1 { kinds.first().copied() } else { None }
    }

    /// Whether it changed both at once, or the records after the chain.
    #[must_use]
    pub fn at_once_or_after(&self) -> bool {
        self.changes.iter().any(|change| matches!(change.outcome, Outcome::Late(Some(first)) if first >= change.at))
    }
}

/// Judges one server over the period of the rounds.
///
/// # Errors
/// States that overlap or are out of order.
pub fn judge(states: &[State], rounds: Rounds<'_>, records: &impl Records) -> Result<Server, Disorder> {
    let mut history = History::new(states, rounds)?;
    history.index(records);
    let ends = [rounds.times().first(), rounds.times().last()];
    let at_both = ends.iter().all(|round| round.and_then(|round| history.at(*round)).is_some_and(|seen| seen.served.is_some()));
    let changes = changes(&history, records);
    let any = |wanted: fn(&Outcome) -> bool| changes.iter().any(|change| wanted(&change.outcome));
    let standing = match () {
        () if !at_both => Standing::NotAtBothEnds,
        () if changes.is_empty() => Standing::SameKeys,
        () if any(|o| *o == Outcome::ShortTtl) || !history.ever_matched() => Standing::LeftOut,
        () if any(|o| matches!(o, Outcome::EarlyRetirement | Outcome::Late(_))) => Standing::Wrong,
        () if any(|o| *o == Outcome::Unknown) => Standing::LeftOut,
        () if any(|o| *o == Outcome::Correct) => Standing::Correct,
        () => Standing::LeftOut,
    };
    Ok(Server { standing, changes })
}

fn changes(history: &History<'_>, records: &impl Records) -> Vec<Rolled> {
    let mut out = Vec::new();
    let mut last: Option<ChainId> = None;
    for (seen, new) in history.seen().iter().filter_map(|seen| Some((seen, seen.chain?))) {
        if let Some(old) = last
            && let Some(place) = records.place(old, new)
        {
            out.push(roll(history, records, seen, (old, new), place));
        }
        last = Some(new);
    }
    out
}

fn roll(history: &History<'_>, records: &impl Records, seen: &Seen, chains: (ChainId, ChainId), place: Place) -> Rolled {
    let at = seen.first;
    let (earlier, later) = (history.served_before(at), seen.served.or_else(|| history.served_after(at)));
    let known = history.rounds.previous(at).and_then(|round| history.at(round)).and_then(|seen| seen.served);
    let same = || earlier.zip(later).filter(|(earlier, later)| earlier.set == later.set).map(|(earlier, _)| earlier);
    let before = known.or_else(same);
    let ttl = seen.served.or(earlier).or(later).map(|served| served.ttl);
    let both_kinds = |set| records.has(set, Part::Leaf) && records.has(set, Part::Issuers);
    let mixed = before.is_some_and(|before| both_kinds(before.set));
    let outcome = match (ttl, before, later) {
        (Some(ttl), ..) if 2 * i64::from(ttl) < history.rounds.interval() => Outcome::ShortTtl,
        (Some(_), Some(before), Some(now)) if mixed && records.carries((before.set, now.set), chains) => Outcome::Correct,
        (Some(ttl), Some(_), _) => test(history, records, at.saturating_sub(2 * i64::from(ttl)), chains, place),
        _ => Outcome::Unknown,
    };
    Rolled { at, mixed, outcome }
}

/// The test of the set of a moment, two TTLs before the change.
fn test(history: &History<'_>, records: &impl Records, moment: Epoch, (old, new): (ChainId, ChainId), place: Place) -> Outcome {
    let there = history.rounds.at(moment).and_then(|round| history.at(round)).and_then(|seen| seen.served);
    let both = |set| (records.test(set, old, place), records.test(set, new, place));
    let Some(served) = there else {
        let earlier = history.served_before(moment).map(|served| both(served.set));
        return if earlier == Some((Some(true), Some(true))) { Outcome::Correct } else { Outcome::Unknown };
    };
    match both(served.set) {
        (Some(true), Some(true)) => Outcome::Correct,
        (Some(true), Some(false)) => Outcome::Late(history.first_set_after(moment, |set| records.test(set, new, place) == Some(true))),
        (Some(false), Some(true)) => Outcome::EarlyRetirement,
        (Some(false), Some(false)) => Outcome::Neither,
        _ => Outcome::NotARollover,
    }
}

impl Records for Catalogue {
    fn place(&self, old: ChainId, new: ChainId) -> Option<Place> {
        let (old, new) = (self.facts(old)?, self.facts(new)?);
        // A chain that only grew or shrank has changed issuers here.
        let (leaf, others) = (old.leaf_key != new.leaf_key, old.issuer_keys != new.issuer_keys);
        match (leaf, others) {
            (true, true) => Some(Place::Both),
            (true, false) => Some(Place::Leaf),
            (false, true) => Some(Place::Issuers),
            (false, false) => None,
        }
    }

    fn test(&self, set: SetId, chain: ChainId, place: Place) -> Option<bool> {
        let refers = |record: &&Tlsa| match place {
            Place::Leaf => !matches!(record.usage, 0 | 2),
            Place::Issuers => !matches!(record.usage, 1 | 3),
            Place::Both => true,
        };
        let mut referring = self.records(set).iter().filter(refers).peekable();
        referring.peek()?;
        Some(referring.any(|record| self.fits_last(record, self.certificates(chain))))
    }

    fn carries(&self, sets: (SetId, SetId), (old, new): (ChainId, ChainId)) -> bool {
        let kept = self.records(sets.0).iter().filter(|record| self.records(sets.1).contains(record));
        let fits = |record: &Tlsa, chain| self.fits_last(record, self.certificates(chain));
        kept.into_iter().any(|record| fits(record, old) && fits(record, new))
    }
}

impl Catalogue {
    /// Whether a record matches a chain, where one of usage 2 refers to the last certificate only.
    fn fits_last(&self, record: &Tlsa, chain: &[CertificateBytes]) -> bool {
        let shown: Vec<CertificateBytes> = match (record.usage, chain) {
            (2, [leaf, .., last]) => vec![leaf.clone(), last.clone()],
            // The script takes the only certificate for the last one.
            (2, [only]) => vec![only.clone(), only.clone()],
            _ => chain.to_vec(),
        };
        let readable = shown.first().is_some_and(|leaf| Certificate::parse_shared(leaf).is_ok());
        readable && paper_match(&shown, std::slice::from_ref(record), self.roots()).unwrap_or(false)
    }
}

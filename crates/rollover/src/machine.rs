//! The machine: state and look in, state, actions and reasons out.
//!
//! It is idempotent: what it asks for follows from the state and the look, so that asking twice, or being killed between asking and doing,
//! or between doing and writing the state, changes nothing. Records follow from the phases ([`Machine::wanted`]), and a change of records is
//! asked for only with the proof that it harms nobody ([`crate::cover`]). An edit by hand is a difference like any other: it is mended by
//! the next look, by records and, where another key of ours is safer, by that key.
//!
//! A key that is merely *seen* at a server is never published: whoever sits between us and the server could show us his own.

use crate::change::Change;
use crate::key::{Key, KeyType};
use crate::ledger::Ledger;
use crate::look::{Look, Place};
use crate::phase::{Phase, Preparing, Publishing, Ready, Retiring, Settling, Switching, Withdrawing};
use crate::proof::{Evidence, Holder, consent};
use crate::rrset::RrSet;
use crate::time::Now;
use crate::why::{Code, Why};
use dane::Epoch;
use dane::name::Name;
use dane::tlsa::Tlsa;
use serde::{Deserialize, Serialize};

/// What does not change from look to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Matching types under which every key is published. (R-097: all of them for every key)
    pub digests: Vec<u8>,
    /// Records of issuers (`2 0 1`, `2 1 1`) that stand beside those of keys wherever they fit what is shown.
    pub anchors: Vec<Tlsa>,
    /// How long a key is used before the next one is due, seconds.
    pub keep_key_s: i64,
    /// How long TLS sessions can be resumed, seconds.
    pub tickets_s: i64,
}

impl Default for Machine {
    /// Current and next `3 1 1`, a new key each year, tickets of a day.
    fn default() -> Self {
        Self { digests: vec![1], anchors: Vec::new(), keep_key_s: 365 * 86_400, tickets_s: 86_400 }
    }
}

/// One kind of key of some hosts: a life of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// By which prepared keys are told apart, such as `mx1.example.org ecdsa`.
    pub name: String,
    /// The MX hosts that share the key.
    pub hosts: Vec<Name>,
    /// The kind of key.
    pub kind: KeyType,
    /// When the next key is due, by the wall clock: a clock that is wrong only makes it early or late.
    pub due: Epoch,
    /// Whether it has to be sooner.
    #[serde(default)]
    pub urgency: Urgency,
    /// Where its life stands.
    pub phase: Phase,
}

/// How much haste the next key has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// None.
    #[default]
    Due,
    /// The current key is compromised: as soon as nobody loses mail by it.
    Safe,
    /// The current key is compromised: at once, whoever loses mail by it.
    AtOnce,
}

/// All that has to survive: of one TLSA RRset, one life for each kind of key behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u16,
    /// The lives.
    pub lanes: Vec<Lane>,
    pub(crate) ledger: Ledger,
}

/// Version of the stored form.
const VERSION: u16 = 1;

/// Why a stored state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Written by a newer danelaw.
    #[error("the state has version {0}, this danelaw knows {VERSION}: use the newer one, nothing was changed")]
    Newer(u16),
    /// Not a state.
    #[error("the state cannot be read: {0}; nothing was changed")]
    Damaged(#[from] serde_json::Error),
}

/// What somebody with authority is asked to do. Each is safe at this moment, harmless if done twice, and void if not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a key pair and let its public key be seen with the next look.
    MakeKey {
        /// For which lane.
        lane: String,
        /// Of which kind.
        kind: KeyType,
    },
    /// Change the RRset.
    Change(Change),
    /// Let these addresses show a chain with this key; [`Machine::may_deploy`] says whether a certain chain will do.
    Install {
        /// For which lane.
        lane: String,
        /// The key.
        key: Key,
        /// Where it is not shown yet, or another one beside it.
        places: Vec<Place>,
    },
}

/// What a look led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// To be written.
    pub state: State,
    /// To be done.
    pub actions: Vec<Action>,
    /// Why no more: a lane's name or nothing, and the reason.
    pub whys: Vec<(Option<String>, Why)>,
}

impl State {
    /// The beginning: each lane uses a key that is known to be ours.
    #[must_use]
    pub fn new(lanes: Vec<Lane>) -> Self {
        Self { version: VERSION, lanes, ledger: Ledger::default() }
    }

    /// Reads what [`State::write`] wrote.
    ///
    /// # Errors
    /// If a newer version wrote it, or it is damaged.
    pub fn read(json: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u16,
        }
        let Versioned { version } = serde_json::from_slice(json)?;
        if version > VERSION {
            return Err(StateError::Newer(version));
        }
        Ok(serde_json::from_slice(json)?)
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that are known: every part has a form.
    pub fn write(&self) -> Result<Vec<u8>, StateError> {
        Ok(serde_json::to_vec(self)?)
    }
}

impl Lane {
    /// A lane that begins with the key in use, which is due now and then.
    #[must_use]
    pub fn new(name: impl Into<String>, hosts: Vec<Name>, kind: KeyType, current: Key, due: Epoch) -> Self {
        Self { name: name.into(), hosts, kind, due, urgency: Urgency::Due, phase: Preparing { current }.into() }
    }

    pub(crate) fn holder(&self) -> Holder<'_> {
        Holder { hosts: &self.hosts, kind: self.kind }
    }

    fn is_due(&self, now: Now) -> bool {
        self.urgency != Urgency::Due || self.due <= now.wall
    }

    /// The key that addresses should show, and the other one that they may.
    fn goal(&self, now: Now) -> (&Key, Option<&Key>) {
        match &self.phase {
            Phase::Preparing(Preparing { current }) | Phase::Withdrawing(Withdrawing { current, .. }) => (current, None),
            Phase::Retiring(Retiring { old, current }) => (current, Some(old)),
            Phase::Switching(Switching { current, next }) => (next, Some(current)),
            Phase::Ready(Ready { current, next }) if self.is_due(now) => (next, Some(current)),
            Phase::Publishing(Publishing { current, next })
            | Phase::Settling(Settling { current, next })
            | Phase::Ready(Ready { current, next }) => (current, Some(next)),
        }
    }

    /// As many steps as there are proofs for, and why there is none for the next.
    fn proceed(&mut self, evidence: &Evidence<'_>, keep_key_s: i64) -> Why {
        /// More than a whole life, so that a fault of ours cannot turn in circles.
        const MOST: usize = 8;
        let mut why = Why::new(Code::NoNextKey, "nothing is known yet");
        for _ in 0..MOST {
            let step = self.step(evidence);
            if let (Ok(Phase::Retiring(_)), Phase::Switching(_)) = (&step, &self.phase) {
                self.due = evidence.now.wall.saturating_add(keep_key_s);
            }
            match step {
                Ok(phase) => self.phase = phase,
                Err(reason) => {
                    why = reason;
                    break;
                }
            }
        }
        why
    }

    /// One step, or why there is no proof for it.
    fn step(&self, evidence: &Evidence<'_>) -> Result<Phase, Why> {
        let holder = self.holder();
        Ok(match self.phase.clone() {
            Phase::Preparing(phase) => {
                evidence.sound()?;
                let (key, proof) = evidence.made(&self.name, |key| *key != phase.current)?;
                phase.made(key, proof).into()
            }
            Phase::Publishing(phase) => match (consent(self.urgency), evidence.appeared(holder, &phase.next)) {
                (Some(consent), Some(appeared)) => phase.forced(consent, appeared).into(),
                _ => {
                    let proof = evidence.everywhere(&phase.next)?;
                    phase.seen(proof).into()
                }
            },
            Phase::Settling(phase) => match (consent(self.urgency), evidence.appeared(holder, &phase.next)) {
                (Some(consent), Some(appeared)) => phase.forced(consent, appeared).into(),
                _ => match evidence.disagreement(&phase.next) {
                    Some(proof) => phase.lost(proof).into(),
                    None => {
                        let (settled, sound) = (evidence.settled(&phase.next)?, evidence.sound()?);
                        phase.settled(settled, sound).into()
                    }
                },
            },
            Phase::Ready(phase) => match (evidence.disagreement(&phase.next), evidence.appeared(holder, &phase.next)) {
                (Some(proof), _) => phase.lost(proof).into(),
                (_, Some(proof)) => phase.appeared(proof).into(),
                _ => return Err(self.not_due()),
            },
            Phase::Switching(phase) => match (evidence.disagreement(&phase.next), evidence.absent(holder, &phase.next)) {
                (Some(proof), _) if consent(self.urgency).is_none() => phase.lost(proof).into(),
                (_, Some(proof)) => phase.undone(proof).into(),
                _ => {
                    let proof = evidence.switched(holder, &phase.next)?;
                    phase.switched(proof).into()
                }
            },
            Phase::Retiring(phase) => self.retire(phase, evidence)?,
            Phase::Withdrawing(phase) => {
                let proof = evidence.withdrawn(&phase.old)?;
                phase.withdrawn(proof).into()
            }
        })
    }

    fn retire(&self, phase: Retiring, evidence: &Evidence<'_>) -> Result<Phase, Why> {
        let holder = self.holder();
        if let Some(proof) = evidence.appeared(holder, &phase.old) {
            return Ok(phase.returned(proof).into());
        }
        if self.urgency != Urgency::Due
            && let Some(proof) = evidence.absent(holder, &phase.old)
        {
            return Ok(phase.dropped(proof).into());
        }
        if let Some(proof) = evidence.disagreement(&phase.current) {
            return Ok(phase.lost(proof).into());
        }
        let (retired, sound) = (evidence.retired(&phase.old)?, evidence.sound()?);
        Ok(phase.retired(retired, sound).into())
    }

    fn not_due(&self) -> Why {
        Why::new(Code::NotDue, "all is ready; the next key may come at any time and is due later").until(self.due)
    }
}

impl Machine {
    /// Judges a look.
    #[must_use]
    pub fn advance(&self, mut state: State, look: &Look, now: Now) -> Advance {
        if let Err(why) = state.ledger.note(look, now, self.tickets_s) {
            return Advance { state, actions: Vec::new(), whys: vec![(None, why)] };
        }
        let mut whys = Vec::new();
        let evidence = Evidence { ledger: &state.ledger, look, now, tickets_s: self.tickets_s };
        for lane in &mut state.lanes {
            let why = lane.proceed(&evidence, self.keep_key_s);
            // What was urgent is done.
            if matches!(lane.phase, Phase::Preparing(_)) {
                lane.urgency = Urgency::Due;
            }
            whys.push((Some(lane.name.clone()), why));
        }
        let mut actions: Vec<Action> = state.lanes.iter().filter_map(|lane| to_make(lane, &evidence)).collect();
        match self.change(&state, &evidence) {
            Ok(change) => actions.extend(change.map(Action::Change)),
            Err(why) => whys.push((None, why)),
        }
        for lane in &state.lanes {
            match install(lane, &evidence) {
                Ok(install) => actions.extend(install),
                Err(why) => whys.push((Some(lane.name.clone()), why)),
            }
        }
        Advance { state, actions, whys }
    }

    /// The RRset as it should be: the records of all keys, and of those issuers that fit everything that is shown.
    #[must_use]
    pub fn wanted(&self, state: &State, now: Now) -> RrSet {
        let keys: Vec<&Key> = state.lanes.iter().flat_map(|lane| lane.phase.keys()).collect();
        // R-097 rfc7671#8.3: every key with every digest.
        let records = keys.iter().flat_map(|key| self.digests.iter().filter_map(|matching| key.record(*matching)));
        let own: RrSet = records.collect();
        let anchors: RrSet = self.anchors.iter().cloned().collect();
        let shown: Vec<_> = state.ledger.shown().iter().filter(|shown| keys.contains(&shown.chain.key())).collect();
        // R-098 rfc7671#8.2: issuers only when no chain is shown any more that they do not cover.
        let fits = |combination: &(u8, u8, u8)| {
            let part: RrSet = anchors.of(*combination).into_iter().collect();
            !shown.is_empty() && shown.iter().all(|s| crate::cover::chain(&part, &s.chain, &s.place.host, now.wall).is_ok())
        };
        let fitting = anchors.combinations().into_iter().filter(fits).flat_map(|combination| anchors.of(combination));
        own.union(&fitting.collect())
    }

    /// The change that leads to what is wanted, if it can be proven to harm nobody.
    fn change(&self, state: &State, evidence: &Evidence<'_>) -> Result<Option<Change>, Why> {
        let wanted = self.wanted(state, evidence.now);
        let Some(primary) = &evidence.look.primary else {
            let answers = evidence.look.servers.iter().any(|server| server.said.is_some());
            let what = if answers {
                "the servers differ, and it is not known what is being written to"
            } else {
                "no authoritative server answers, so nothing is written"
            };
            return Err(Why::new(Code::NoPrimary, what));
        };
        if *primary == wanted {
            return Ok(None);
        }
        let status = evidence.sound().err().filter(|why| matches!(why.code, Code::NotSecure | Code::ServerSilent));
        // An RRset that nobody believes is not changed: it would look mended, and not be.
        if let Some(why) = status.filter(|_| evidence.ledger.held().is_empty()) {
            return Err(why);
        }
        // Strangers are nobody's to cover.
        let is_ours = |key| state.lanes.iter().any(|lane| lane.phase.keys().contains(&key));
        let shown = state.ledger.shown().iter().filter(|shown| is_ours(shown.chain.key()));
        let shown = shown.map(|shown| (&shown.place.host, &shown.chain));
        Change::prove(primary, &wanted, shown, evidence.now.wall).map(Some)
    }
}

fn to_make(lane: &Lane, evidence: &Evidence<'_>) -> Option<Action> {
    let Phase::Preparing(Preparing { current }) = &lane.phase else { return None };
    let missing = evidence.made(&lane.name, |key| key != current).is_err();
    missing.then(|| Action::MakeKey { lane: lane.name.clone(), kind: lane.kind })
}

/// Which key the addresses should show, and which of them do not.
///
/// The goal, if every set that may be held covers it; else another key of ours that is covered; else nothing moves, but a stranger goes.
fn install(lane: &Lane, evidence: &Evidence<'_>) -> Result<Option<Action>, Why> {
    let (goal, other) = lane.goal(evidence.now);
    let shown: Vec<(&Place, &Key)> = evidence.keys_shown(lane.holder()).collect();
    let forced = lane.urgency == Urgency::AtOnce && matches!(lane.phase, Phase::Publishing(_) | Phase::Settling(_) | Phase::Switching(_));
    let goal = if let (true, Some(other), false) = (forced, other, matches!(lane.phase, Phase::Switching(_))) { other } else { goal };
    if shown.iter().all(|(_, key)| *key == goal) && evidence.ledger.held().iter().all(|held| crate::cover::key(&held.set, goal).is_ok()) {
        return Ok(None);
    }
    let is_safe = |key: &Key| evidence.settled(key).is_ok();
    let is_stranger = |key: &Key| key != goal && Some(key) != other;
    let target = match other.filter(|_| !forced && !is_safe(goal)) {
        None => goal,
        Some(other) if is_safe(other) => other,
        Some(_) if shown.iter().any(|(_, key)| is_stranger(key)) => goal,
        Some(_) => return Ok(None),
    };
    // DNSSEC's part: no new key while the zone is not in order.
    if lane.phase.keys().first() != Some(&target) && shown.iter().any(|(_, key)| *key != target) {
        evidence.sound()?;
        if !forced {
            evidence.heard()?;
        }
    }
    let mut places: Vec<Place> = shown.iter().filter(|(_, key)| *key != target).map(|(place, _)| (*place).clone()).collect();
    places.dedup();
    Ok((!places.is_empty()).then(|| Action::Install { lane: lane.name.clone(), key: target.clone(), places }))
}

//! What will happen, in words and dates, before anything does.
//!
//! [`Machine::plan`] lets the machine itself live on in a world in which everything works at once: so the plan cannot differ from what is
//! done. [`transition`] leads from any set and chain to any other, and [`Machine::emergency`] states the outage before somebody chooses it.

use crate::change::Change;
use crate::key::{Chain, Key};
use crate::look::{Look, Said, ServerLook};
use crate::machine::{Action, Lane, Machine, State};
use crate::phase::Phase;
use crate::proof::Evidence;
use crate::rrset::RrSet;
use crate::time::Now;
use crate::why::{Code, Why};
use dane::Epoch;
use dane::dns::Security;
use dane::name::Name;
use dane::repair::NEW_TTL_S;

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The earliest moment.
    pub at: Epoch,
    /// What is done or waited for, in words.
    pub what: String,
    /// Records to add, in one go with removing or before it.
    pub add: RrSet,
    /// Records to remove.
    pub remove: RrSet,
}

impl Planned {
    fn new(at: Epoch, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), add: RrSet::default(), remove: RrSet::default() }
    }

    fn change(at: Epoch, what: impl Into<String>, change: &Change) -> Self {
        Self { at, what: what.into(), add: change.add().clone(), remove: change.remove().clone() }
    }
}

impl Machine {
    /// What the machine will do from here until the next key is in its place, if nothing goes wrong. Keys that are not made yet have a
    /// stand-in, so records of theirs are not to be published.
    #[must_use]
    pub fn plan(&self, state: &State, look: &Look, now: Now) -> Vec<Planned> {
        /// A life has seven phases; nobody reads more lines.
        const MOST: usize = 64;
        let (mut state, mut look, mut now) = (state.clone(), look.clone(), now);
        let mut lines: Vec<Planned> = Vec::new();
        let mut withdrawn = false;
        for _ in 0..MOST {
            let advance = self.advance(state, &look, now);
            state = advance.state;
            for action in &advance.actions {
                lines.push(describe(action, now.wall));
                perform(action, &mut look, lines.len());
            }
            withdrawn |=
                state.lanes.iter().any(|lane| matches!(lane.phase, Phase::Withdrawing(_) | Phase::Preparing(_)) && !lines.is_empty());
            if !advance.actions.is_empty() {
                continue;
            }
            let is_ready = state.lanes.iter().all(|lane| matches!(lane.phase, Phase::Ready(_)));
            // The latest of all: until then each lane waits for something.
            let next = advance.whys.iter().filter_map(|(_, why)| why.until).filter(|until| *until > now.wall).min();
            lines.extend(advance.whys.iter().map(|(_, why)| Planned::new(now.wall, why.to_string())));
            let Some(next) = next.filter(|_| !(is_ready && withdrawn)) else { break };
            look.pass(next.saturating_sub(now.wall));
            now = Now { wall: next, uptime: now.uptime.saturating_add(next.saturating_sub(now.wall)), boot: now.boot };
        }
        lines
    }
}

fn describe(action: &Action, at: Epoch) -> Planned {
    match action {
        Action::MakeKey { lane, .. } => Planned::new(at, format!("Make the next key of {lane}.")),
        Action::Change(change) => Planned::change(at, "Change the TLSA records.", change),
        Action::Install { lane, key, places } => {
            let places: Vec<String> = places.iter().map(|place| format!("{} [{}]", place.host, place.address)).collect();
            Planned::new(at, format!("Install a certificate with key {} of {lane} at {}.", key.short(), places.join(", ")))
        }
    }
}

/// Does what is asked for, as if it worked at once and everywhere.
fn perform(action: &Action, look: &mut Look, number: usize) {
    match action {
        Action::MakeKey { lane, .. } => {
            look.prepared.retain(|(name, _)| name != lane);
            look.prepared.push((lane.clone(), Key::new(format!("stand-in {number} of {lane}").as_bytes())));
        }
        Action::Change(change) => {
            look.primary = Some(change.result());
            for said in look.servers.iter_mut().filter_map(|server: &mut ServerLook| server.said.as_mut()) {
                said.become_set(change.result());
            }
        }
        Action::Install { key, places, .. } => {
            for seen in look.addresses.iter_mut().filter(|seen| places.contains(&seen.place)) {
                let Some(kind) = seen.shown.first().map(Chain::kind) else { continue };
                seen.shown.retain(|chain| chain.kind() != kind);
                seen.shown.push(Chain::to_come(key.clone(), kind));
            }
        }
    }
}

impl Said {
    fn become_set(&mut self, set: RrSet) {
        // A set that is new has the TTL that new sets have.
        if self.set.is_empty() {
            self.ttl = NEW_TTL_S;
        }
        self.set = set;
    }
}

impl Look {
    /// Signers go on signing.
    fn pass(&mut self, seconds: i64) {
        let secure = self.servers.iter_mut().filter_map(|server| server.said.as_mut()).filter(|said| said.security == Security::Secure);
        for (inception, expiration) in secure.filter_map(|said| said.signature.as_mut()) {
            (*inception, *expiration) = (inception.saturating_add(seconds), expiration.saturating_add(seconds));
        }
    }
}

/// From where and to where: records, and the chain that each host shows.
#[derive(Clone, Debug)]
pub struct Transition<'a> {
    /// The records now.
    pub from: &'a RrSet,
    /// What hosts show now.
    pub shown: &'a [(Name, Chain)],
    /// The records wanted.
    pub to: &'a RrSet,
    /// The chain wanted, at every host.
    pub chain: &'a Chain,
    /// How long caches hold a set once it is gone, seconds: [`crate::ledger::Ledger::settle_time`].
    pub settle_s: i64,
    /// How long sessions are remembered, seconds.
    pub tickets_s: i64,
}

/// The way from any records and chains to any others, each set on it proven. All ways but the direct one lead over `3 1 M` of every key: such
/// a set covers whatever a server with one of these keys shows.
///
/// R-098 rfc7671#8.2: so from DANE-EE to DANE-TA. R-097 rfc7671#8.3: the digests in between are those that are there, for all keys.
///
/// # Errors
/// The record that does not fit the chain wanted.
pub fn transition(way: &Transition<'_>, at: Epoch) -> Result<Vec<Planned>, Why> {
    let now = || way.shown.iter().map(|(host, chain)| (host, chain));
    let then: Vec<(&Name, &Chain)> = way.shown.iter().map(|(host, _)| (host, way.chain)).collect();
    let same = now().all(|(_, chain)| chain == way.chain);
    if same {
        let change = Change::prove(way.from, way.to, then, at)?;
        return Ok(vec![Planned::change(at, "Change the TLSA records.", &change)]);
    }
    let used: Vec<u8> = way.from.combinations().into_iter().filter(|c| (c.0, c.1) == (3, 1)).map(|c| c.2).filter(|m| *m > 0).collect();
    let digests = if used.is_empty() { vec![1] } else { used };
    let keys = now().map(|(_, chain)| chain.key()).chain([way.chain.key()]);
    let bridge: RrSet = keys.flat_map(|key| digests.iter().filter_map(|matching| key.record(*matching))).collect();
    // Until the new chain is everywhere, either may be shown.
    let first = Change::prove(way.from, &bridge, now().chain(then.iter().copied().filter(|_| way.from.is_empty())), at)?;
    Change::prove(&bridge, &bridge, now().chain(then.iter().copied()), at)?;
    let last = Change::prove(&bridge, way.to, then, at)?;
    let deploy = at.saturating_add(way.settle_s);
    let finish = deploy.saturating_add(way.settle_s.max(way.tickets_s));
    let mut lines = vec![
        Planned::change(at, "Publish the keys of both chains, and nothing else.", &first),
        Planned::new(deploy, format!("Deploy the chain with key {} at every address, and look at each.", way.chain.key().short())),
    ];
    if !(last.add().is_empty() && last.remove().is_empty()) {
        lines.push(Planned::change(finish, "When no address shows the old chain any more, publish the final records.", &last));
    }
    Ok(lines)
}

/// What it costs to replace a key that others may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// From when on the next key can come without any failed delivery.
    pub safe_from: Epoch,
    /// If it comes at once: until when senders with old records fail, and try again later. Not after the present: nobody does.
    pub failing_until: Epoch,
    /// In words, for a person who has to choose.
    pub words: String,
}

impl Machine {
    /// What replacing the key of a lane costs now, if the next key is (made and) published at this moment.
    ///
    /// R-105 rfc7671#11: the record goes together with the key; to remove it alone would only be a downgrade.
    ///
    /// # Errors
    /// If there is no such lane, or no server was ever seen: then nobody knows what caches hold.
    pub fn emergency(&self, state: &State, lane: &str, look: &Look, now: Now) -> Result<Emergency, Why> {
        let state = self.advance(state.clone(), look, now).state;
        let unknown = || Why::new(Code::UnknownKey, format!("there is no lane '{lane}'"));
        let lane: &Lane = state.lanes.iter().find(|known| known.name == lane).ok_or_else(unknown)?;
        if state.ledger.held().is_empty() {
            return Err(Why::new(Code::ServerSilent, "no authoritative server answers, so nobody knows what caches hold"));
        }
        let evidence = Evidence { ledger: &state.ledger, look, now, tickets_s: self.tickets_s };
        let settle = now.wall.saturating_add(state.ledger.settle_time());
        let free_from = match &lane.phase {
            Phase::Ready(_) | Phase::Switching(_) | Phase::Retiring(_) => now.wall,
            Phase::Settling(phase) => match evidence.settled(&phase.next) {
                Ok(_) => now.wall,
                Err(Why { code: Code::Cached, until: Some(until), .. }) => until,
                Err(_) => settle,
            },
            Phase::Preparing(_) | Phase::Publishing(_) | Phase::Withdrawing(_) => settle,
        };
        let seconds = free_from.saturating_sub(now.wall);
        let words = match seconds {
            0 => "The next key is published and in every cache: it can come at once, and no mail fails.".to_owned(),
            _ => format!(
                "At once: senders with old records fail to deliver for up to {} minutes, and try again. Without loss: in {} minutes, and until \
                 then whoever has the old key can pretend to be this server.",
                seconds.div_euclid(60) + 1,
                seconds.div_euclid(60) + 1
            ),
        };
        Ok(Emergency { safe_from: free_from, failing_until: free_from, words })
    }
}

//! May this chain be deployed now? What hooks of certbot, acme.sh, lego and others ask.

use crate::cover;
use crate::key::{Chain, Key};
use crate::look::Look;
use crate::machine::{Machine, State};
use crate::phase::Phase;
use crate::proof::Evidence;
use crate::time::Now;
use crate::why::{Code, Why};
use dane::Epoch;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayDeploy {
    /// Now, and the records will follow by themselves.
    Yes,
    /// Not before this moment.
    NotBefore(Epoch, Why),
    /// Not with this key: renew with this one, which is published.
    RenewWith(Key, Why),
    /// Not now, and time alone will not change it.
    No(Why),
}

impl Machine {
    /// Whether every set that a cache may hold covers a new chain of a lane. The look has to be of now: what is older proves nothing.
    #[must_use]
    pub fn may_deploy(&self, state: &State, lane: &str, chain: &Chain, look: &Look, now: Now) -> MayDeploy {
        let state = self.advance(state.clone(), look, now).state;
        let Some(lane) = state.lanes.iter().find(|known| known.name == lane) else {
            return MayDeploy::No(Why::new(Code::UnknownKey, format!("there is no lane '{lane}'")));
        };
        let evidence = Evidence { ledger: &state.ledger, look, now, tickets_s: self.tickets_s };
        let keys = lane.phase.keys();
        // R-094 rfc7671#8.1: renewals keep the key until the next one may come.
        let fallback = || match keys.first() {
            Some(current) => (*current).clone(),
            None => chain.key().clone(),
        };
        if !keys.contains(&chain.key()) {
            let words = format!("key {} is not published; renew with key {}", chain.key().short(), fallback().short());
            return MayDeploy::RenewWith(fallback(), Why::new(Code::UnknownKey, words));
        }
        if matches!(&lane.phase, Phase::Retiring(phase) if phase.old == *chain.key()) {
            let words = format!("key {} is on its way out; renew with key {}", chain.key().short(), fallback().short());
            return MayDeploy::RenewWith(fallback(), Why::new(Code::UnknownKey, words));
        }
        // A key that is not in use yet needs all the proofs.
        let is_new = keys.first() != Some(&chain.key());
        let proofs = || evidence.sound().and_then(|_| evidence.settled(chain.key())).and_then(|_| evidence.heard());
        let settled = if is_new { proofs() } else { Ok(()) };
        let refused = settled.err().or_else(|| lane.hosts.iter().find_map(|host| uncovered(&evidence, chain, host)));
        match refused {
            None => MayDeploy::Yes,
            Some(why) => why.until.map_or_else(|| MayDeploy::No(why.clone()), |until| MayDeploy::NotBefore(until, why.clone())),
        }
    }
}

/// R-091 rfc7672#4: why a set that may be held does not cover the chain, and until when it may be held. One that covers nothing of what is
/// shown now is no reason: by it mail is lost already, and the chain may be what mends it.
fn uncovered(evidence: &Evidence<'_>, chain: &Chain, host: &dane::name::Name) -> Option<Why> {
    let at = evidence.now.wall;
    let shown: Vec<_> =
        evidence.ledger.shown().iter().filter(|shown| shown.place.host == *host && shown.chain.kind() == chain.kind()).collect();
    let gaps = evidence.ledger.held().iter().filter_map(|held| {
        let gap = cover::chain(&held.set, chain, host, at).err()?;
        let works_now = shown.iter().any(|shown| cover::chain(&held.set, &shown.chain, host, at).is_ok());
        works_now.then(|| (evidence.ledger.left(held), gap))
    });
    // One that is still served is the worst.
    let worst = gaps.max_by_key(|(left, _)| left.unwrap_or(i64::MAX))?;
    let words = format!("with a set that caches may hold, {host} would fail: {}", worst.1);
    let why = Why::new(Code::Unproven, words);
    Some(match worst.0 {
        Some(left) => why.until(at.saturating_add(left)),
        None => why,
    })
}

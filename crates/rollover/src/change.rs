//! A change of the RRset with the proof that it harms nobody.

use crate::cover;
use crate::ledger::Ledger;
use crate::machine::Lane;
use crate::rrset::RrSet;
use crate::time::Now;
use crate::why::{Code, Why};

/// A change. Only [`Change::prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    expect: RrSet,
    add: RrSet,
    remove: RrSet,
}

impl Change {
    /// What the place that is written to has to hold: if it does not, somebody else was there, and nothing may be written. (R-106; RFC
    /// 2136 section 2.4.2)
    #[must_use]
    pub fn expect(&self) -> &RrSet {
        &self.expect
    }

    /// What to add: in one go with removing, or before it.
    #[must_use]
    pub fn add(&self) -> &RrSet {
        &self.add
    }

    /// What to remove.
    #[must_use]
    pub fn remove(&self) -> &RrSet {
        &self.remove
    }

    /// What will be there.
    #[must_use]
    pub fn result(&self) -> RrSet {
        self.expect.union(&self.add).without(&self.remove)
    }

    /// Proves a change from one set to another against every chain with a key of ours that servers may show: the set in the end covers it,
    /// and the one in between, for those who cannot do both at once, at least where the first one did.
    ///
    /// # Errors
    /// The record or chain that stands against it.
    pub(crate) fn prove(from: &RrSet, to: &RrSet, ledger: &Ledger, lanes: &[Lane], now: Now) -> Result<Self, Why> {
        let between = from.union(to);
        let is_ours = |key| lanes.iter().any(|lane| lane.phase.keys().contains(&key));
        for shown in ledger.shown().iter().filter(|shown| is_ours(shown.chain.key())) {
            let covers = |set: &RrSet| cover::chain(set, &shown.chain, &shown.place.host, now.wall);
            let proof = match covers(from) {
                Ok(()) => covers(&between).and_then(|()| covers(to)),
                Err(_) => covers(to),
            };
            if let Err(gap) = proof {
                let words = format!("with the records wanted, {} would fail: {gap}", shown.place.host);
                return Err(Why::new(Code::Unproven, words));
            }
        }
        Ok(Self { add: to.without(from), remove: from.without(to), expect: from.clone() })
    }
}

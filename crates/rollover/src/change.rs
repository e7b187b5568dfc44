//! A change of the RRset with the proof that it harms nobody.

use crate::cover;
use crate::key::Chain;
use crate::rrset::RrSet;
use crate::why::{Code, Why};
use dane::Epoch;
use dane::name::Name;

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

    /// Proves a change from one set to another against chains that servers for these hosts may show: the set in the end covers each, and
    /// the one in between, for those who cannot do both at once, at least where the first one did.
    ///
    /// # Errors
    /// The record or chain that stands against it.
    pub(crate) fn prove<'a>(
        from: &RrSet,
        to: &RrSet,
        shown: impl IntoIterator<Item = (&'a Name, &'a Chain)>,
        at: Epoch,
    ) -> Result<Self, Why> {
        let between = from.union(to);
        for (host, chain) in shown {
            let covers = |set: &RrSet| cover::chain(set, chain, host, at);
            let proof = match covers(from) {
                Ok(()) => covers(&between).and_then(|()| covers(to)),
                Err(_) => covers(to),
            };
            if let Err(gap) = proof {
                return Err(Why::new(Code::Unproven, format!("with the records wanted, {host} would fail: {gap}")));
            }
        }
        Ok(Self { add: to.without(from), remove: from.without(to), expect: from.clone() })
    }
}

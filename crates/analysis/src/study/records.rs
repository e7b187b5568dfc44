//! What the rules of P20 section 5.5 have to know, from digests alone.

use super::{Matching, Study};
use archive::states::model::{ServerState, TlsaSetId};
use dane::rollover::both_ends::Records;
use dane::rollover::{ChainId, Place, Served, SetId, State};
use dane::tlsa::Tlsa;

impl Records for Matching<'_> {
    fn place(&self, old: ChainId, new: ChainId) -> Option<Place> {
        let keys = |chain| archive::states::model::ChainId::new(chain).map(|chain| self.keys_of(chain));
        let ((old_leaf, old_issuers), (new_leaf, new_issuers)) = (keys(old)?, keys(new)?);
        let lack = |these: &[u32], those: &[u32]| these.iter().any(|one| !those.contains(one));
        // A chain that only grew or shrank has changed issuers here.
        match (old_leaf != new_leaf, lack(&old_issuers, &new_issuers) || lack(&new_issuers, &old_issuers)) {
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
        let mut referring = self.numbered(set).iter().filter(refers).peekable();
        referring.peek()?;
        Some(referring.any(|record| self.fits_last(record, chain)))
    }

    fn carries(&self, sets: (SetId, SetId), (old, new): (ChainId, ChainId)) -> bool {
        let kept = self.numbered(sets.0).iter().filter(|record| self.numbered(sets.1).contains(record));
        kept.into_iter().any(|record| self.fits_last(record, old) && self.fits_last(record, new))
    }
}

impl<'a> Matching<'a> {
    fn numbered(&self, set: SetId) -> &'a [Tlsa] {
        TlsaSetId::new(set).map_or(&[], |set| self.records(set))
    }

    /// Whether a record matches a chain, where one of usage 2 refers to the last certificate only. The script takes the only certificate
    /// for the last one.
    fn fits_last(&self, record: &Tlsa, chain: ChainId) -> bool {
        let Some(chain) = archive::states::model::ChainId::new(chain) else { return false };
        match record.usage {
            2 => self.leaf(chain).and(self.last(chain)).is_some_and(|last| super::matching::is_data_of(record, last)),
            _ => self.fits(record, chain),
        }
    }
}

impl Study<'_> {
    /// A stream of states as those who grade rollovers want it. A set without records is none.
    #[must_use]
    pub fn rollover_states(&self, stream: &[ServerState]) -> Vec<State> {
        let state = |state: &ServerState| State {
            from: state.span.valid_from_s,
            to: state.span.valid_to_s,
            served: state
                .seen
                .tlsa_set
                .filter(|set| self.has_records(*set))
                .map(|set| Served { set: set.number(), ttl: state.seen.ttl.unwrap_or(0) }),
            chain: state.seen.chain.map(|chain| chain.number()),
        };
        stream.iter().map(state).collect()
    }
}

//! What the studies say of a chain and a set of TLSA records, remembered for as long as it holds: an archive asks the same a million times.

use crate::common::roots::Trust;
use archive::states::model::{ChainId, ServerVerdict, TlsaSetId};
use dane::Epoch;
use dane::cert::Certificate;
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::paper::{paper_match, paper_valid};
use dane::tlsa::Tlsa;
use std::collections::HashMap;
use std::ops::Range;

/// What is asked of one archive: numbers are its own.
pub struct Papers {
    trust: Trust,
    known: HashMap<(ChainId, TlsaSetId, Security), Answer>,
    /// Moments at which one of the roots begins or ceases to be valid, and the time in which these are the roots.
    roots: (Range<Epoch>, Vec<Epoch>),
}

/// The two questions of the studies, and the time in which the answers hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// [`paper_match`].
    pub matches: Option<bool>,
    /// [`paper_valid`].
    pub valid: Option<bool>,
    /// From, and until before.
    pub holds: Range<Epoch>,
}

impl Answer {
    /// A verdict with these answers, and the others of another one.
    #[must_use]
    pub fn verdict(&self, others: ServerVerdict) -> ServerVerdict {
        ServerVerdict { paper_match: self.matches, paper_valid: self.valid, ..others }
    }
}

impl Papers {
    /// For whom one trusts.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { trust, known: HashMap::new(), roots: (0..0, Vec::new()) }
    }

    /// The answers for a moment.
    pub fn ask(
        &mut self,
        (chain_id, chain): (ChainId, &[CertificateBytes]),
        (set_id, records): (TlsaSetId, &[Tlsa]),
        status: Security,
        at: Epoch,
    ) -> Answer {
        let key = (chain_id, set_id, status);
        if let Some(known) = self.known.get(&key).filter(|known| known.holds.contains(&at)) {
            return known.clone();
        }
        let answer = self.answer(chain, records, status, at);
        self.known.insert(key, answer.clone());
        answer
    }

    fn answer(&mut self, chain: &[CertificateBytes], records: &[Tlsa], status: Security, at: Epoch) -> Answer {
        // Only usages 0 and 1 rest on roots, and usage 3 on no clock.
        let needs_roots = records.iter().any(|record| record.usage < 2);
        let roots = if needs_roots { self.trust.at(at) } else { Default::default() };
        let matches = paper_match(chain, records, &roots);
        let valid = paper_valid(status, chain, records, &roots, at);
        let mut holds = Epoch::MIN..Epoch::MAX;
        if records.iter().any(|record| record.usage < 3) {
            chain.iter().flat_map(turns).for_each(|turn| narrow(&mut holds, turn, at));
        }
        if needs_roots {
            let held = self.trust.holds(at);
            if self.roots.0 != held {
                self.roots = (held.clone(), roots.iter().flat_map(turns).collect());
            }
            [held.start, held.end].iter().chain(&self.roots.1).for_each(|turn| narrow(&mut holds, *turn, at));
        }
        Answer { matches, valid, holds }
    }
}

/// The moments at which a certificate begins and ceases to be valid.
fn turns(certificate: &CertificateBytes) -> Vec<Epoch> {
    let read = Certificate::parse_shared(certificate).ok();
    read.map_or(Vec::new(), |c| c.not_before.into_iter().chain(c.not_after.map(|last| last.saturating_add(1))).collect())
}

/// Nothing may be said across a moment at which something turns.
fn narrow(holds: &mut Range<Epoch>, turn: Epoch, at: Epoch) {
    if turn <= at {
        holds.start = holds.start.max(turn);
    } else {
        holds.end = holds.end.min(turn);
    }
}

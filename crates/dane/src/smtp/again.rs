//! Whether one visit is enough to judge by.
//!
//! | the visit ended with | visited again |
//! |---|---|
//! | 4xx that asks for it, 421, "too many" | after as long as greylisting wants |
//! | the connection reset, closed or silent, no answer to SYN | soon, once: it may be chance |
//! | what is held against the domain: no STARTTLS, 454, 5xx to STARTTLS, a handshake that fails, certificates that fit no record | soon, once: a fault is what repeats |
//! | refusal, block list, tarpit, another protocol | no: a second visit says no more, or is not wanted |

use super::{asks_to_come_back, obstacle};
use crate::Epoch;
use crate::cause::{Cause, Party, Weight};
use crate::matching::{MatchVerdict, VerifyOptions, verify};
use crate::name::Name;
use crate::observation::AddressObservation;
use crate::tlsa::Tlsa;

/// Why a server should be visited again before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Again {
    /// It asks for that: greylisting, too many connections.
    Asked,
    /// The connection broke, or nobody answered: perhaps by chance.
    Broken,
    /// What it showed speaks against the domain.
    Doubt,
}

/// Why this server should be visited again, if it should. `records`: the TLSA records published for it, whatever their status; `names`: the
/// names that a sender may use for it; `at`: the time of the visit.
#[must_use]
pub fn again(server: &AddressObservation, records: &[Tlsa], names: &[Name], at: Epoch) -> Option<Again> {
    if asks_to_come_back(server) {
        return Some(Again::Asked);
    }
    match obstacle(server) {
        Some(Cause::ConnectionReset | Cause::ConnectionTimeout | Cause::BannerTimeout) => Some(Again::Broken),
        Some(cause) => (cause.party() == Party::Domain && cause.weight() == Weight::Error).then_some(Again::Doubt),
        None => {
            let chain = server.tls.as_ref().map_or(&[][..], |tls| tls.chain.as_slice());
            let found = (!records.is_empty()).then(|| verify(chain, records, names, at, &VerifyOptions::default()));
            found.is_some_and(|f| f.verdict == MatchVerdict::NoMatch && !f.is_undecided()).then_some(Again::Doubt)
        }
    }
}

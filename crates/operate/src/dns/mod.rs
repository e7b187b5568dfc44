//! Makes the RRset of type TLSA at a name from exactly one set into exactly another.
//!
//! A [`Writer`] knows one way of publishing:
//!
//! | writer | if somebody else changes the set meanwhile |
//! |---|---|
//! | [`Update`]: signed DNS UPDATE (RFC 2136, RFC 8945) | the server compares and changes in one step: nothing is lost |
//! | [`PowerDns`]: its HTTP API | read, compared, written: a change within these milliseconds is lost |
//! | [`Fragment`]: a file that the zone includes, and a command that reloads it | as above, but for other writers of this kind, which wait |
//! | [`Writer::Person`]: text for a person to type | the text has the conditions of RFC 2136 in it |
//!
//! Nothing here judges whether a set is right, nor whether the world sees it: `dane` does the one, `probe` the other. A change whose target is
//! there already has succeeded, so what was interrupted is done again without harm.

mod change;
mod error;
mod exchange;
mod fragment;
mod key;
mod message;
mod person;
mod power_dns;
mod process;
mod tsig;
mod update;

pub use change::{Change, TlsaSet};
pub use error::{Effect, Error, Why};
pub use fragment::Fragment;
pub use key::{Algorithm, Key, KeyError};
pub use power_dns::{ApiKey, PowerDns};
pub use process::Reload;
pub use tsig::TsigError;
pub use update::Update;

pub(crate) use message::Reply;
pub(crate) use tsig::{sign, verify};

use dane::Epoch;
use dane::name::Name;

const MAX_TTL: u32 = i32::MAX.cast_unsigned();

/// A way of publishing.
#[derive(Debug)]
pub enum Writer {
    /// Signed DNS UPDATE.
    Update(Box<Update>),
    /// PowerDNS' HTTP API.
    PowerDns(PowerDns),
    /// A file that the zone includes.
    Fragment(Fragment),
    /// A person types it.
    Person,
}

/// What has become of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The new set was written.
    Written,
    /// The new set was there already.
    AlreadyThere,
    /// Nothing is done yet: this is to be typed.
    ByHand(String),
}

impl Writer {
    /// Makes the change. `now` is the time for signatures.
    ///
    /// # Errors
    /// Why it was not made, and whether that is certain ([`Error::effect`]).
    pub async fn write(&self, change: &Change, now: Epoch) -> Result<Done, Error> {
        // RFC 2181 section 8: larger ones count as 0.
        if change.ttl > MAX_TTL {
            return Err(Error::at(&change.owner)(Why::Setting(format!(
                "a TTL of {} s is more than a record can have ({MAX_TTL})",
                change.ttl
            ))));
        }
        match self {
            Self::Update(update) => update.write(change, now).await,
            Self::PowerDns(api) => api.write(change).await,
            Self::Fragment(fragment) => fragment.write(change).await,
            Self::Person => Ok(Done::ByHand(person::instructions(change))),
        }
    }

    /// What [`write`](Self::write) would do, as text without secrets.
    #[must_use]
    pub fn rendering(&self, change: &Change) -> String {
        match self {
            Self::Update(update) => update.rendering(change),
            Self::PowerDns(api) => api.rendering(change),
            Self::Fragment(fragment) => fragment.rendering(change),
            Self::Person => person::instructions(change),
        }
    }
}

/// A question that the fuzzer signs.
pub(crate) fn query(id: u16, name: &Name) -> Vec<u8> {
    message::query(id, name, domain::base::iana::Rtype::TLSA)
}

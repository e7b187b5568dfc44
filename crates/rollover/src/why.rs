//! Why something is not done yet, and until when: what `roll status` says.

use dane::Epoch;
use dane::date::utc;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A reason to wait, or to ask a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Stable.
    pub code: Code,
    /// One sentence with the particulars, without a date and without a final dot.
    pub words: String,
    /// The earliest moment at which it can be otherwise, by the wall clock; `None`: nothing that time alone brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Epoch>,
}

/// Stable code of a [`Why`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The next key is being made.
    NoNextKey,
    /// An authoritative server serves another set.
    ServerDiffers,
    /// An authoritative server does not answer, and what it would say is not known or not right.
    ServerSilent,
    /// Caches may hold a set that does not cover the key.
    Cached,
    /// All is ready; the key is used until it is due.
    NotDue,
    /// An address shows another key.
    AddressDiffers,
    /// An address cannot be looked at.
    AddressSilent,
    /// The old key may come back, or be remembered by sessions.
    Remembered,
    /// The RRset is not secure.
    NotSecure,
    /// Signatures end before the wait would.
    SignatureEnds,
    /// The clock is wrong.
    Clock,
    /// A change of records could not be proven to be harmless.
    Unproven,
    /// What is written to is not known.
    NoPrimary,
    /// More was seen than we keep.
    TooMuch,
    /// An address shows a key that is not ours.
    Stranger,
    /// The key is not one that was prepared.
    UnknownKey,
}

impl Why {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), until: None }
    }

    pub(crate) fn until(mut self, moment: Epoch) -> Self {
        self.until = Some(moment);
        self
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(moment) => write!(f, "{}; not before {}.", self.words, utc(moment)),
            None => write!(f, "{}.", self.words),
        }
    }
}

//! Numbers for things that are kept once.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident;)*) => {
        $(
            $(#[$about])*
            ///
            /// Counts from 1 in the order of first appearance in one archive; an `Option` of it takes no more room.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            #[serde(transparent)]
            pub struct $name(NonZeroU32);

            impl Id for $name {
                fn at(index: usize) -> Self {
                    // An archive that has no numbers left takes no more rounds.
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    Self(NonZeroU32::MIN.saturating_add(index))
                }

                fn index(self) -> usize {
                    self.0.get() as usize - 1
                }
            }

            impl $name {
                /// The thing with this number. `None`: 0 is nobody's.
                #[must_use]
                pub fn new(number: u32) -> Option<Self> {
                    NonZeroU32::new(number).map(Self)
                }

                /// As in the tables: from 1.
                #[must_use]
                pub fn number(self) -> u32 {
                    self.0.get()
                }
            }
        )*
    };
}

/// A number that stands for the thing at a place of the list of all of them.
pub trait Id: Copy + Eq + Ord + std::hash::Hash + std::fmt::Debug {
    /// Of the thing at this place, counted from 0.
    fn at(index: usize) -> Self;

    /// The place, counted from 0.
    fn index(self) -> usize;
}

ids! {
    /// A certificate: [`super::Cert`], [`super::CertDer`].
    CertId;
    /// A list of certificates as a server sent it: [`super::Chain`].
    ChainId;
    /// A set of TLSA records: [`super::TlsaSet`].
    TlsaSetId;
    /// Raw answers: [`super::Evidence`].
    EvidenceId;
    /// The mail hosts of a domain: [`super::MxSet`].
    MxSetId;
    /// The name servers of a zone: [`super::NsSet`].
    NsSetId;
    /// A server, as [`super::ServerKey`] names it.
    ServerId;
    /// A mail domain: [`super::Domain`].
    DomainId;
    /// A word of which there are few: a vantage point, a code, a top-level domain, a TLS version.
    WordId;
}

//! SHA-2 of content: 32 or 64 octets, in JSON lower-case hexadecimal.

use aws_lc_rs::digest::{self, Context, SHA256, SHA512};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! digests {
    ($($(#[$about:meta])* $name:ident $octets:literal;)*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub [u8; $octets]);

            impl $name {
                /// From octets, if they are as many.
                #[must_use]
                pub fn from_slice(octets: &[u8]) -> Option<Self> {
                    octets.try_into().ok().map(Self)
                }
            }

            impl Default for $name {
                fn default() -> Self {
                    Self([0; $octets])
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
                    Self::from_slice(&octets).ok_or_else(|| serde::de::Error::custom("a digest of another length"))
                }
            }
        )*
    };
}

digests! {
    /// SHA-256 of content: its name in every archive.
    Digest 32;
    /// SHA-512.
    Digest512 64;
}

impl Digest {
    /// Of octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self::from_slice(digest::digest(&SHA256, octets).as_ref()).unwrap_or_default()
    }

    /// Of several pieces, as if they stood one after the other.
    #[must_use]
    pub fn of_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        pieces.into_iter().for_each(|piece| context.update(piece));
        Self::from_slice(context.finish().as_ref()).unwrap_or_default()
    }
}

impl Digest512 {
    /// Of octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self::from_slice(digest::digest(&SHA512, octets).as_ref()).unwrap_or_default()
    }
}

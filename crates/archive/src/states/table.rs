//! Tables defined once: their columns with meaning, and how each is taken from a row and put into one.

use super::model::{Digest, Digest512, Epoch, KeyType, WordId};
use super::parts::Parts;
use crate::columns::Kind;
use dane::dns::Security;
use dane::verdict::Action;

/// Rows of a file.
pub(crate) trait Table: Clone + 'static {
    /// Also the name of its directory.
    const NAME: &'static str;
    /// What it is about, in a sentence.
    const ABOUT: &'static str;
    /// In the order of the file.
    const COLUMNS: &'static [Column<Self>];

    /// By what its rows are sorted. `()`: by their numbers, as they come.
    type Order: Ord;

    /// A row of which no column was read.
    fn blank() -> Self;

    /// What a row is sorted by.
    fn order(parts: &Parts) -> impl Fn(&Self) -> Self::Order;

    /// Puts rows into the order of the table.
    fn sort(rows: &mut [Self], parts: &Parts) {
        rows.sort_by_cached_key(Self::order(parts));
    }

    /// `key=value`, the directory within the table's that a row belongs to.
    fn partition(&self) -> Option<String> {
        None
    }
}

/// One column: name, type and source, meaning.
pub(crate) struct Column<T: 'static> {
    pub name: &'static str,
    pub about: &'static str,
    pub access: Access<T>,
}

/// How a column is taken from a row, and put into one: `None` if the value is impossible there.
pub(crate) enum Access<T: 'static> {
    Int(fn(&T) -> Option<i64>, fn(&mut T, i64) -> Option<()>),
    Bool(fn(&T) -> Option<bool>, fn(&mut T, bool) -> Option<()>),
    Text(for<'a> fn(&'a T) -> Option<&'a str>, fn(&mut T, &str) -> Option<()>),
    Bytes(for<'a> fn(&'a T) -> Option<&'a [u8]>, fn(&mut T, &[u8]) -> Option<()>),
    /// Text of which there are few kinds, by its number.
    Word(fn(&T) -> Option<WordId>, fn(&mut T, WordId) -> Option<()>),
    /// Said elsewhere too, and repeated for those who query the files: not read back.
    JoinedText(fn(&T, &Parts) -> Option<String>),
    JoinedInt(fn(&T, &Parts) -> Option<i64>),
}

impl<T> Access<T> {
    pub fn kind(&self) -> Kind {
        match self {
            Access::Int(..) | Access::JoinedInt(_) => Kind::Int,
            Access::Bool(..) => Kind::Bool,
            Access::Text(..) | Access::Word(..) | Access::JoinedText(_) => Kind::Text,
            Access::Bytes(..) => Kind::Bytes,
        }
    }
}

/// A column that is a field: `column!("ttl", Int, "TTL, seconds.", seen.ttl)`.
macro_rules! column {
    ($name:literal, $kind:ident, $about:literal, $($field:tt).+) => {
        $crate::states::table::Column {
            name: $name,
            about: $about,
            access: $crate::states::table::Access::$kind(
                |row| $crate::states::table::$kind::take(&row.$($field).+),
                |row, value| {
                    row.$($field).+ = $crate::states::table::$kind::make(value)?;
                    Some(())
                },
            ),
        }
    };
}

/// A column that is joined from elsewhere.
macro_rules! joined {
    ($name:literal, $kind:ident, $about:literal, $get:expr) => {
        $crate::states::table::Column { name: $name, about: $about, access: $crate::states::table::Access::$kind($get) }
    };
}

pub(crate) use {column, joined};

/// What a column of whole numbers can hold. Numbers of parts count from 1.
pub(crate) trait Int: Sized {
    fn take(&self) -> Option<i64>;
    fn make(value: i64) -> Option<Self>;
}

pub(crate) trait Bool: Sized {
    fn take(&self) -> Option<bool>;
    fn make(value: bool) -> Option<Self>;
}

pub(crate) trait Text: Sized {
    fn take(&self) -> Option<&str>;
    fn make(value: &str) -> Option<Self>;
}

pub(crate) trait Bytes: Sized {
    fn take(&self) -> Option<&[u8]>;
    fn make(value: &[u8]) -> Option<Self>;
}

pub(crate) trait Word: Sized {
    fn take(&self) -> Option<WordId>;
    fn make(value: WordId) -> Option<Self>;
}

macro_rules! optional {
    ($($kind:ident $value:ty, $taken:ty;)*) => {
        $(impl<T: $kind> $kind for Option<T> {
            fn take(&self) -> Option<$taken> {
                self.as_ref().and_then(T::take)
            }

            fn make(value: $value) -> Option<Self> {
                T::make(value).map(Some)
            }
        })*
    };
}

optional! { Int i64, i64; Bool bool, bool; Text &str, &str; Bytes &[u8], &[u8]; Word WordId, WordId; }

macro_rules! whole {
    ($($number:ty)*) => {
        $(impl Int for $number {
            fn take(&self) -> Option<i64> {
                i64::try_from(*self).ok()
            }

            fn make(value: i64) -> Option<Self> {
                Self::try_from(value).ok()
            }
        })*
    };
}

whole! { u8 u16 u32 u64 }

impl Int for Epoch {
    fn take(&self) -> Option<i64> {
        Some(*self)
    }

    fn make(value: i64) -> Option<Self> {
        Some(value)
    }
}

macro_rules! numbered {
    ($($id:ident)*) => {
        $(impl Int for super::model::$id {
            fn take(&self) -> Option<i64> {
                Some(self.number().into())
            }

            fn make(value: i64) -> Option<Self> {
                Self::new(u32::try_from(value).ok()?)
            }
        })*
    };
}

numbered! { CertId ChainId DomainId EvidenceId MxSetId NsSetId ServerId TlsaSetId WordId }

impl Bool for bool {
    fn take(&self) -> Option<bool> {
        Some(*self)
    }

    fn make(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Word for WordId {
    fn take(&self) -> Option<WordId> {
        Some(*self)
    }

    fn make(value: WordId) -> Option<Self> {
        Some(value)
    }
}

macro_rules! owned_text {
    ($($text:ty)*) => {
        $(impl Text for $text {
            fn take(&self) -> Option<&str> {
                Some(self)
            }

            fn make(value: &str) -> Option<Self> {
                Some(value.into())
            }
        })*
    };
}

owned_text! { String Box<str> }

macro_rules! words {
    ($($kind:ty: $($one:expr),*;)*) => {
        $(impl Text for $kind {
            fn take(&self) -> Option<&str> {
                Some(self.word())
            }

            fn make(value: &str) -> Option<Self> {
                [$($one),*].into_iter().find(|one| one.word() == value)
            }
        })*
    };
}

words! {
    Security: Security::Secure, Security::Insecure, Security::Bogus, Security::Indeterminate;
    Action: Action::Dane, Action::Enc, Action::Opp, Action::Skip;
    KeyType: KeyType::Any, KeyType::Rsa, KeyType::Ecdsa, KeyType::NoName;
}

macro_rules! digests {
    ($($digest:ty)*) => {
        $(impl Bytes for $digest {
            fn take(&self) -> Option<&[u8]> {
                Some(&self.0)
            }

            fn make(value: &[u8]) -> Option<Self> {
                Self::from_slice(value)
            }
        })*
    };
}

digests! { Digest Digest512 }

macro_rules! owned_bytes {
    ($($bytes:ty)*) => {
        $(impl Bytes for $bytes {
            fn take(&self) -> Option<&[u8]> {
                Some(self)
            }

            fn make(value: &[u8]) -> Option<Self> {
                Some(value.into())
            }
        })*
    };
}

owned_bytes! { Box<[u8]> Vec<u8> }

//! What is to be changed.

use dane::name::{Name, fqdn};
use dane::tlsa::Tlsa;
use std::collections::BTreeSet;
use std::fmt;

/// Characters of a record that are shown: all of a SHA2-512.
const SHOWN: usize = 134;

/// An RRset of type TLSA: the RDATA of each record. Octets, so that what somebody else has published is held against the server's records as it
/// is, readable or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsaSet(BTreeSet<Vec<u8>>);

impl TlsaSet {
    /// A set of RDATA.
    pub fn from_rdata(records: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(records.into_iter().collect())
    }

    /// The RDATA of each record.
    pub fn rdata(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Whether it has no record: then there is no RRset.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each record's data in presentation form; RFC 3597 form where it has no other.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.rdata().map(|rdata| match rdata.len() {
            // Without association data there is no presentation form. (RFC 6698 section 2.2)
            0..=3 => format!("\\# {} {}", rdata.len(), data_encoding::HEXLOWER.encode(rdata)).trim_end().to_owned(),
            _ => Tlsa::from_rdata(rdata).to_string(),
        })
    }
}

impl FromIterator<Tlsa> for TlsaSet {
    fn from_iter<I: IntoIterator<Item = Tlsa>>(records: I) -> Self {
        Self::from_rdata(records.into_iter().map(|record| record.to_rdata()))
    }
}

/// In one line: `none`, or the records with commas between, of long ones the beginning.
impl fmt::Display for TlsaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let shown = |text: String| match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        };
        f.write_str(&self.texts().map(shown).collect::<Vec<_>>().join(", "))
    }
}

/// One change of one RRset of type TLSA: from exactly one set into exactly another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The owner, no alias.
    pub owner: Name,
    /// TTL that the new records get, seconds.
    pub ttl: u32,
    /// The set that is there now; empty: there is none.
    pub from: TlsaSet,
    /// The set that is to be there; empty: there is to be none.
    pub to: TlsaSet,
}

impl Change {
    /// The new RRset as zone-file lines, owner with final dot.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let owner = fqdn(&self.owner);
        self.to.texts().map(move |text| format!("{owner} {} IN TLSA {text}", self.ttl))
    }
}

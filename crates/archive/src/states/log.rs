//! The delta log: what each round since the last checkpoint changed.
//!
//! One line for each round: `CHECK SLOT VANTAGE JSON`. CHECK is the beginning of the SHA-256 of the rest of the line; SLOT (epoch seconds) and
//! VANTAGE (a JSON string) come first so that even of a torn line one can say which round it was. The file is only ever appended
//! to, and each line is on disk before the round counts as received.

use super::fold::Delta;
use super::model::{Digest, DomainId, DomainSeen, Epoch, ServerId, ServerSeen, Snapshot};
use super::parts::News;
use super::place::Place;
use crate::Error;
use serde::{Deserialize, Serialize};

/// Hexadecimal digits of a line's check.
const CHECK: usize = 16;

/// What one round changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub round: Snapshot,
    #[serde(default)]
    pub parts: News,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<Delta<ServerId, ServerSeen>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<Delta<DomainId, DomainSeen>>,
}

impl Line {
    /// How many things it mentions.
    pub fn len(&self) -> usize {
        self.servers.as_ref().map_or(0, Delta::len) + self.domains.as_ref().map_or(0, Delta::len)
    }

    /// As it stands in the file.
    pub fn encode(&self, vantage: &str) -> serde_json::Result<Vec<u8>> {
        let rest = format!("{} {} {}", self.round.scheduled_s, serde_json::to_string(vantage)?, serde_json::to_string(self)?);
        Ok(format!("{} {rest}\n", check(rest.as_bytes())).into_bytes())
    }
}

fn check(rest: &[u8]) -> String {
    Digest::of(rest).to_string()[..CHECK].to_owned()
}

/// A round that was being written when the writer was cut off: it is not in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Its slot and vantage point, if so much was written.
    pub round: Option<(Epoch, String)>,
    /// Octets that were written of it.
    pub octets: u64,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.round {
            Some((slot, vantage)) => {
                write!(f, "the round of {} at '{vantage}' was being written and is missing; append it again", dane::date::utc(*slot))
            }
            None => write!(f, "a round was being written and is missing ({} octets of it are left); append it again", self.octets),
        }
    }
}

/// What a log holds.
pub(crate) struct Read {
    pub lines: Vec<Line>,
    /// Octets of the lines that count.
    pub length: u64,
    pub torn: Option<Torn>,
}

/// Reads a log. A last line that is not whole is what a crash leaves; anything else that is wrong is damage.
pub(crate) fn read(place: &Place, name: &str) -> Result<Read, Error> {
    let path = place.path(name);
    let content = place.log(name)?.ok_or_else(|| Error::damaged(&path, "missing, though the manifest names it"))?;
    let mut found = Read { lines: Vec::new(), length: 0, torn: None };
    let mut pieces = content.split_inclusive(|octet| *octet == b'\n').enumerate().peekable();
    while let Some((number, piece)) = pieces.next() {
        let whole = piece.strip_suffix(b"\n").and_then(sound);
        let Some(json) = whole else {
            if pieces.any(|(_, later)| later.strip_suffix(b"\n").and_then(sound).is_some()) {
                return Err(Error::damaged(&path, format!("line {} is not what was written; restore the file from a copy", number + 1)));
            }
            let octets = content.len() as u64 - found.length;
            found.torn = Some(Torn { round: head(piece), octets });
            break;
        };
        let line = serde_json::from_slice(json).map_err(|e| Error::damaged(&path, format!("line {}: {e}", number + 1)))?;
        found.lines.push(line);
        found.length += piece.len() as u64;
    }
    Ok(found)
}

/// The JSON of a line whose check fits.
fn sound(line: &[u8]) -> Option<&[u8]> {
    let (given, rest) = line.split_at_checked(CHECK)?;
    let rest = rest.strip_prefix(b" ")?;
    (given == check(rest).as_bytes()).then_some(())?;
    fields(rest).map(|(_, _, json)| json)
}

/// Slot and vantage point of a line, torn or not.
fn head(line: &[u8]) -> Option<(Epoch, String)> {
    let (slot, vantage, _) = fields(line.get(CHECK + 1..)?)?;
    Some((slot, vantage))
}

/// Slot, vantage point, and what comes after the space that ends them.
fn fields(rest: &[u8]) -> Option<(Epoch, String, &[u8])> {
    let end = rest.iter().position(|octet| *octet == b' ')?;
    let slot = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let rest = &rest[end + 1..];
    let mut strings = serde_json::Deserializer::from_slice(rest).into_iter();
    let vantage = strings.next()?.ok()?;
    Some((slot, vantage, rest[strings.byte_offset()..].strip_prefix(b" ")?))
}

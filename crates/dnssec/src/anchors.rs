//! Trust anchors.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::base::iana::Rtype;

use crate::types::Name;

/// The root's keys of 2017 and 2024. (IANA root-anchors.xml; RFC 7958)
// R-107 rfc4035#5
const IANA: &str = "\
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// A line of trust anchor text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trust anchor, line {line}: {problem}")]
pub struct AnchorError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// What is trusted at one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Record data of DS anchors.
    pub ds: Vec<Bytes>,
    /// Record data of DNSKEY anchors.
    pub dnskey: Vec<Bytes>,
}

/// Trust anchors: DS or DNSKEY records, any number, at any names. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors(Arc<BTreeMap<Name, Anchor>>);

impl Anchors {
    /// No anchor: everything is insecure.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The root zone's keys 20326 and 38696.
    #[must_use]
    pub fn iana() -> Self {
        Self::parse(IANA).unwrap_or_default()
    }

    /// Reads DS and DNSKEY records in zone-file form, each `NAME [TTL] [IN] DS|DNSKEY …`. Parentheses, comments, `$ORIGIN` and `$TTL` are
    /// understood; names without a final dot are absolute too.
    ///
    /// # Errors
    /// Names the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let records = entries(text).into_iter().filter(|entry| !entry.words.first().is_some_and(|w| w.starts_with('$')));
        let read = |entry: Entry| record(&entry.words).map_err(|problem| AnchorError { line: entry.line, problem });
        Ok(Self::from_records(records.map(read).collect::<Result<Vec<_>, _>>()?))
    }

    /// Takes records: owner, type (DS or DNSKEY; others are left out), data in wire form.
    pub fn from_records(records: impl IntoIterator<Item = (Name, Rtype, Bytes)>) -> Self {
        let mut anchors: BTreeMap<Name, Anchor> = BTreeMap::new();
        for (owner, rtype, data) in records {
            let anchor = anchors.entry(owner).or_default();
            match rtype {
                Rtype::DS => anchor.ds.push(data),
                Rtype::DNSKEY => anchor.dnskey.push(data),
                _ => {}
            }
        }
        Self(Arc::new(anchors))
    }

    /// Names that have an anchor, in canonical order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }

    /// Every anchor as one line of zone-file text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        use data_encoding::{BASE64, HEXLOWER};
        let line = |name: &Name, rtype: &str, data: &Bytes, ends: &dyn Fn(&[u8]) -> String| {
            let (fields, rest) = data.split_at(data.len().min(4));
            let numbers = match fields {
                [a, b, c, d] => format!("{} {c} {d}", u16::from_be_bytes([*a, *b])),
                _ => String::new(),
            };
            format!("{} {rtype} {numbers} {}", name.fmt_with_dot(), ends(rest))
        };
        let of = |(name, anchor): (&Name, &Anchor)| {
            let ds = anchor.ds.iter().map(|d| line(name, "DS", d, &|rest| HEXLOWER.encode(rest)));
            let keys = anchor.dnskey.iter().map(|d| line(name, "DNSKEY", d, &|rest| BASE64.encode(rest)));
            ds.chain(keys).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Whether there is an anchor at this very name.
    #[must_use]
    pub fn has(&self, name: &Name) -> bool {
        self.at(name).is_some()
    }

    /// The anchor at this very name.
    pub(crate) fn at(&self, name: &Name) -> Option<&Anchor> {
        self.0.get(name)
    }
}

struct Entry {
    line: usize,
    words: Vec<String>,
}

/// Splits zone-file text into entries of words.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut current = Entry { line: 1, words: Vec::new() };
    let mut depth = 0usize;
    for (number, line) in text.lines().enumerate() {
        if depth == 0 {
            current = Entry { line: number + 1, words: Vec::new() };
        }
        let code = line.split(';').next().unwrap_or_default();
        for word in code.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
            match word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => current.words.push(word.trim_matches('"').to_owned()),
            }
        }
        if depth == 0 && !current.words.is_empty() {
            entries.push(std::mem::replace(&mut current, Entry { line: 0, words: Vec::new() }));
        }
    }
    if !current.words.is_empty() {
        entries.push(current);
    }
    entries
}

/// Owner, type and data of one entry.
fn record(words: &[String]) -> Result<(Name, Rtype, Bytes), String> {
    let mut words = words.iter().map(String::as_str);
    let owner = words.next().unwrap_or_default();
    let owner: Name = owner.parse().map_err(|_| format!("`{owner}` is not a domain name"))?;
    let rtype = words
        .find(|w| !(w.eq_ignore_ascii_case("IN") || w.starts_with(|c: char| c.is_ascii_digit())))
        .ok_or("there is no record type; DS or DNSKEY is wanted")?;
    let fields: Vec<&str> = words.collect();
    match rtype.to_ascii_uppercase().as_str() {
        "DS" => Ok((owner, Rtype::DS, ds(&fields)?)),
        "DNSKEY" => Ok((owner, Rtype::DNSKEY, dnskey(&fields)?)),
        _ => Err(format!("`{rtype}` is not a record type for trust anchors; DS or DNSKEY is wanted")),
    }
}

fn ds(fields: &[&str]) -> Result<Bytes, String> {
    let [tag, algorithm, digest_type, digest @ ..] = fields else { return Err("a DS record has four fields".into()) };
    let mut out = number::<u16>(tag)?.to_be_bytes().to_vec();
    out.push(self::algorithm(algorithm)?);
    out.push(number(digest_type)?);
    let digest = digest.concat().to_ascii_uppercase();
    out.extend(data_encoding::HEXUPPER.decode(digest.as_bytes()).map_err(|_| "the digest is not hexadecimal")?);
    Ok(out.into())
}

fn dnskey(fields: &[&str]) -> Result<Bytes, String> {
    let [flags, protocol, algorithm, key @ ..] = fields else { return Err("a DNSKEY record has four fields".into()) };
    let mut out = number::<u16>(flags)?.to_be_bytes().to_vec();
    out.push(number(protocol)?);
    out.push(self::algorithm(algorithm)?);
    out.extend(data_encoding::BASE64.decode(key.concat().as_bytes()).map_err(|_| "the key is not base64")?);
    Ok(out.into())
}

/// An algorithm by number or mnemonic. (IANA registry)
fn algorithm(word: &str) -> Result<u8, String> {
    match word.to_ascii_uppercase().as_str() {
        "RSASHA1" => Ok(5),
        "NSEC3RSASHA1" | "RSASHA1-NSEC3-SHA1" => Ok(7),
        "RSASHA256" => Ok(8),
        "RSASHA512" => Ok(10),
        "ECDSAP256SHA256" => Ok(13),
        "ECDSAP384SHA384" => Ok(14),
        "ED25519" => Ok(15),
        "ED448" => Ok(16),
        other => number(other),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number in range"))
}

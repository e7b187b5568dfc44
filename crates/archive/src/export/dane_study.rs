//! The form in which the studies' authors publish: one JSON object a line for each server and hour, `CITY/YYMMDD_H.txt`.
//!
//! The form has one line for a host and port: of several addresses the first in canonical order stands there, as a client meets it that takes
//! every kind of key. It knows no answer without records: such a line has no `tlsa`. Answers that were not kept are made up of
//! the records; the RRSIG of one that was signed has its times and TTL, and a signature of no octets.

use super::{Packing, Wanted};
use crate::Error;
use crate::import::dane_study::{Parser, why_fail};
use crate::states::model::{CertDer, Chain, Evidence, Id, KeyType, ServerKey, ServerState, Snapshot, TlsaSet};
use crate::states::{Archive, Columns};
use dane::Epoch;
use dane::dns::Security;
use dane::name::{Name, tlsa_owner};
use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

const HOUR: i64 = 3600;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Files: one for each round.
    pub files: u64,
    /// Lines.
    pub lines: u64,
    /// Rounds left out, as the hour has another one.
    pub left_out: u64,
}

/// What a state looks like in every hour, around the hour.
struct Line {
    until: Epoch,
    head: String,
    tail: String,
}

/// Writes rounds below a directory. `each` is told after every file.
///
/// # Errors
/// If the archive cannot be read, has no such vantage point, or the files cannot be written.
pub fn dane_study(
    archive: &Archive,
    dir: &Path,
    wanted: &Wanted,
    packing: Packing,
    mut each: impl FnMut(&Written),
) -> Result<Written, Error> {
    let only = wanted.of(archive)?;
    let content = Content::load(archive)?;
    let mut states: Vec<ServerState> = Vec::new();
    archive.server_states(Columns::All, |some| {
        let kept = some.iter().filter(|state| only.state(state.vantage, state.span));
        states.extend(kept.filter(|state| archive.servers().get(state.key.index()).is_some_and(|key| key.key_type == KeyType::Any)));
    })?;
    states.sort_by_key(|state| (state.vantage, state.span.valid_from_s));
    let mut written = Written::default();
    let rounds: Vec<&Snapshot> = archive.snapshots().iter().filter(|round| only.round(round) && round.servers.is_some()).collect();
    for rounds in rounds.chunk_by(|a, b| a.vantage == b.vantage) {
        let Some(first) = rounds.first() else { continue };
        let city = archive.parts().text(first.vantage);
        let directory = dir.join(directory(city));
        fs::create_dir_all(&directory).map_err(Error::io(&directory))?;
        let mut ahead = states.iter().filter(|state| state.vantage == first.vantage).peekable();
        let mut now: BTreeMap<&ServerKey, Line> = BTreeMap::new();
        let mut last = None;
        for round in rounds {
            let slot = round.scheduled_s;
            now.retain(|_, line| line.until > slot);
            while let Some(state) = ahead.next_if(|state| state.span.valid_from_s <= slot) {
                let Some(key) = archive.servers().get(state.key.index()).filter(|_| state.span.contains(slot)) else { continue };
                now.insert(key, content.line(archive, key, state, city));
            }
            let hour = slot.div_euclid(HOUR);
            if last.replace(hour) == Some(hour) {
                written.left_out += 1;
                continue;
            }
            written.lines += write(&directory, slot, &now, packing)?;
            written.files += 1;
            each(&written);
        }
    }
    Ok(written)
}

/// A vantage point's name as that of a directory: nothing in it leads elsewhere.
fn directory(city: &str) -> String {
    let plain: String = city.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ') { c } else { '_' }).collect();
    if plain.starts_with('.') || plain.is_empty() { format!("_{plain}") } else { plain }
}

fn write(directory: &Path, slot: Epoch, now: &BTreeMap<&ServerKey, Line>, packing: Packing) -> Result<u64, Error> {
    let time = Timestamp::from_second(slot).map_err(|e| Error::damaged(directory, format!("a round at {slot}: {e}")))?;
    let hour = slot.rem_euclid(86_400) / HOUR;
    let ending = if packing == Packing::Gzip { ".gz" } else { "" };
    let path = directory.join(format!("{}_{hour}.txt{ending}", time.strftime("%y%m%d")));
    let stamp = format!("{} {hour}", time.strftime("%Y%m%d"));
    let file = BufWriter::new(File::create(&path).map_err(Error::io(&path))?);
    let written = match packing {
        Packing::Plain => lines(file, now, &stamp).and_then(|(mut file, count)| file.flush().map(|()| count)),
        Packing::Gzip => lines(GzEncoder::new(file, Compression::default()), now, &stamp)
            .and_then(|(packer, count)| packer.finish()?.flush().map(|()| count)),
    };
    written.map_err(Error::io(&path))
}

fn lines<W: Write>(mut out: W, now: &BTreeMap<&ServerKey, Line>, stamp: &str) -> io::Result<(W, u64)> {
    let (mut count, mut last) = (0, None);
    for (key, Line { head, tail, .. }) in now {
        // Keys are sorted: of a host's addresses the first comes first.
        if last.replace((&key.host, key.port)) != Some((&key.host, key.port)) {
            writeln!(out, "{head}{stamp}{tail}")?;
            count += 1;
        }
    }
    Ok((out, count))
}

/// What states refer to.
struct Content {
    certs: Vec<CertDer>,
    chains: Vec<Chain>,
    sets: Vec<TlsaSet>,
    evidence: Vec<Evidence>,
}

impl Content {
    fn load(archive: &Archive) -> Result<Self, Error> {
        let mut certs = Vec::new();
        archive.ders(|_, der| certs.push(der.clone()))?;
        Ok(Self { certs, chains: archive.chains()?, sets: archive.tlsa_sets()?, evidence: archive.evidence()? })
    }

    fn line(&self, archive: &Archive, key: &ServerKey, state: &ServerState, city: &str) -> Line {
        let word = |id| archive.parts().text(id);
        let host = format!("{}.", key.host);
        let chain = state.seen.chain.and_then(|id| self.chains.get(id.index()));
        let status = state.seen.smtp_status.map(word);
        let starttls = match (chain, why_fail(status, state.seen.smtp_code)) {
            (Some(chain), _) => json!({"certs": self.pem(chain)}),
            (None, Some(why)) => json!({"why_fail": why}),
            (None, None) => json!({"certs": []}),
        };
        let tlsa = self.tlsa(archive, key, state).map_or_else(String::new, |tlsa| format!(",\"tlsa\":{tlsa}"));
        Line {
            until: state.span.valid_to_s,
            head: format!("{{\"domain\":{},\"port\":\"{}\",\"time\":\"", json!(host), key.port),
            tail: format!("\",\"city\":{}{tlsa},\"starttls\":{starttls}}}", json!(city)),
        }
    }

    fn pem(&self, chain: &Chain) -> Vec<String> {
        let certs = chain.certs.iter().filter_map(|id| self.certs.get(id.index()));
        certs.map(|cert| BASE64.encode(pem(&cert.der).as_bytes())).collect()
    }

    fn tlsa(&self, archive: &Archive, key: &ServerKey, state: &ServerState) -> Option<serde_json::Value> {
        let set = state.seen.tlsa_set.and_then(|id| self.sets.get(id.index())).filter(|set| !set.records.is_empty())?;
        let (dnssec, why_bogus) = match state.seen.dnssec? {
            Security::Secure => ("Secure", None),
            Security::Insecure => ("Insecure", None),
            Security::Bogus => ("Bogus", Some(phrase(state.seen.reason.map(|id| archive.parts().text(id))))),
            // The form has no word for what could not be found out.
            Security::Indeterminate => return None,
        };
        let kept = state.notes.evidence_from.and_then(|id| self.evidence.get(id.index()));
        let fits = |message: &&str| Parser::says(message, &set.records, state.seen.ttl, state.seen.signed);
        let raw = match kept.and_then(|kept| kept.messages.lines().find(fits)) {
            Some(message) => message.to_owned(),
            None => BASE64.encode(&response(key, set, state)?),
        };
        let mut tlsa = json!({"dnssec": dnssec, "record_raw": raw});
        if let (Some(why), Some(fields)) = (why_bogus, tlsa.as_object_mut()) {
            fields.insert("why_bogus".to_owned(), why.into());
        }
        Some(tlsa)
    }
}

/// What libunbound says for one of our codes; the code itself if it has no word for it.
fn phrase(reason: Option<&str>) -> &str {
    let code = reason.unwrap_or("other");
    crate::import::dane_study::WhyBogus::phrase(code).unwrap_or(code)
}

/// PEM as everybody writes it. (RFC 7468 section 2)
fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let base64 = BASE64.encode(der);
    for row in base64.as_bytes().chunks(64) {
        text.extend(row.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// A response with the records. (RFC 1035 section 4)
fn response(key: &ServerKey, set: &TlsaSet, state: &ServerState) -> Option<Vec<u8>> {
    const TLSA: u16 = 52;
    const RRSIG: u16 = 46;
    // ECDSA P-256, as most.
    const ALGORITHM: u8 = 13;
    let host = Name::from_chars(key.host.chars()).ok()?;
    let owner = tlsa_owner(&host, key.port)?;
    let ttl = state.seen.ttl.unwrap_or(0);
    let signed = state.seen.signed == Some(true);
    let count = u16::try_from(set.records.len() + usize::from(signed)).ok()?;
    let mut out = [&[0, 0, 0x81, 0x80, 0, 1][..], &count.to_be_bytes(), &[0; 4], owner.as_slice(), &[0, 52, 0, 1]].concat();
    let mut answer = |rtype: u16, rdata: &[u8]| {
        let length = u16::try_from(rdata.len()).ok()?;
        // The owner is the question's name. (RFC 1035 section 4.1.4)
        out.extend([0xc0, 0x0c].into_iter().chain(rtype.to_be_bytes()).chain([0, 1]).chain(ttl.to_be_bytes()).chain(length.to_be_bytes()));
        out.extend_from_slice(rdata);
        Some(())
    };
    set.records.iter().try_for_each(|record| answer(TLSA, &record.to_rdata()))?;
    if signed {
        let labels = u8::try_from(owner.label_count().saturating_sub(1)).ok()?;
        // Serial numbers of 32 bits. (RFC 4034 section 3.1.5)
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let serial = |at: Option<Epoch>| (at.unwrap_or(0) as u32).to_be_bytes();
        let window = [serial(state.notes.sig_expiration_s), serial(state.notes.sig_inception_s)].concat();
        let head = [&TLSA.to_be_bytes()[..], &[ALGORITHM, labels], &ttl.to_be_bytes(), &window, &[0, 0]].concat();
        answer(RRSIG, &[&head, host.as_slice()].concat())?;
    }
    Some(out)
}

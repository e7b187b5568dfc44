//! From lines to rounds of states: what one city says of one hour is a round.

use super::{Row, TlsaRow, status};
use crate::Error;
use crate::states::model::{
    ChainId, Notes, ServerId, ServerKey, ServerSeen, ServerVerdict, Snapshot, TlsaSet, TlsaSetId, Versions, WordId,
};
use crate::states::{Appended, Look, Parts, Round, Writer};
use dane::Epoch;
use dane::cert::Certificate;
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// Rows that wait for the rest of their rounds. A file that holds more is taken in the order of its hours, and has to be sorted by them.
const MAX_WAITING: usize = 400_000;
/// Rounds that were refused and are named; the others are counted.
const MAX_NAMED: usize = 1000;

/// What an import goes by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The vantage point's name. `None`: that of the city in the line.
    pub vantage: Option<String>,
    /// Seconds from round to round.
    pub every_s: u32,
    /// Hours that are left out: those that begin in one of these times.
    pub excluded: Vec<Range<Epoch>>,
    /// Version of danelaw that imports.
    pub danelaw: String,
    /// Version of the rules behind the verdicts.
    pub rules: u16,
}

/// What a line shows of a server, to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Certificates as sent, and their number in the archive.
    pub chain: (ChainId, &'a [CertificateBytes]),
    /// TLSA records, and their number in the archive.
    pub tlsa: (TlsaSetId, &'a [Tlsa]),
    /// What libunbound said of them.
    pub dnssec: Security,
    /// The hour's beginning.
    pub at: Epoch,
}

/// A round that could not be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who looked.
    pub vantage: String,
    /// The hour's beginning.
    pub slot: Epoch,
    /// Why, in one line.
    pub why: String,
}

/// What became of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Rows that are in the archive now.
    pub rows: u64,
    /// Rows left out because of their hour.
    pub excluded: u64,
    /// Rounds that are new.
    pub new: u64,
    /// Rounds that came after later ones, and are where they belong.
    pub late: u64,
    /// Rounds that were there already.
    pub known: u64,
    /// Rounds that lack lines: what they do not show may have been there.
    pub incomplete: u64,
    /// Rounds that could not be taken up; the first thousand.
    pub refused: Vec<Refused>,
    /// How many these are.
    pub refused_count: u64,
    /// States that began or ended by new rounds.
    pub changes: u64,
    /// Rounds by vantage point, known ones too.
    pub vantages: BTreeMap<String, u64>,
}

/// Lines that wait for the rest of their round.
#[derive(Default)]
struct Waiting {
    rows: BTreeMap<(String, u16), Row>,
    /// Lines that should be here, and say nothing.
    lost: u64,
}

type Place = (String, Epoch);
type Judge<'a> = dyn FnMut(Shown<'_>) -> ServerVerdict + 'a;

/// Takes rows, hour by hour and file by file, and makes rounds of them. A round may be spread over files that follow each other.
pub struct Import<'a> {
    writer: &'a mut Writer,
    terms: Terms,
    judge: &'a mut Judge<'a>,
    waiting: BTreeMap<Place, Waiting>,
    rows: usize,
    /// Rounds of which the file that is read has a line.
    touched: HashSet<Place>,
    closed: HashSet<Place>,
    readable: HashMap<ChainId, bool>,
    took: Took,
}

impl<'a> Import<'a> {
    /// Into this archive. `judge` makes the verdicts: this crate has no opinion.
    pub fn new(writer: &'a mut Writer, terms: Terms, judge: &'a mut Judge<'a>) -> Self {
        let (touched, closed) = (HashSet::new(), HashSet::new());
        let (waiting, readable) = (BTreeMap::new(), HashMap::new());
        Self { writer, terms, judge, waiting, rows: 0, touched, closed, readable, took: Took::default() }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// Outer: those of the archive. Inner: why the line is to be set aside; always the same words for the same fault.
    pub fn row(&mut self, row: Row) -> Result<Result<(), &'static str>, Error> {
        if self.terms.excluded.iter().any(|time| time.contains(&row.hour)) {
            self.took.excluded += 1;
            return Ok(Ok(()));
        }
        let place = (self.terms.vantage.clone().unwrap_or_else(|| row.city.clone()), row.hour);
        if self.closed.contains(&place) {
            return Ok(Err("its hour was taken up already: sort the lines by time, or the files by name"));
        }
        if !self.touched.contains(&place) {
            self.touched.insert(place.clone());
        }
        let waiting = self.waiting.entry(place.clone()).or_default();
        let server = (row.host.to_string().to_ascii_lowercase(), row.port);
        if waiting.rows.contains_key(&server) {
            waiting.lost += 1;
            return Ok(Err("the same server again in this hour; the first line counts"));
        }
        waiting.rows.insert(server, row);
        self.rows += 1;
        if self.rows > MAX_WAITING
            && let Some(oldest) = self.waiting.keys().find(|other| **other != place).cloned()
        {
            self.close(oldest)?;
        }
        Ok(Ok(()))
    }

    /// The end of a file, of which so many lines said nothing. Rounds that it did not go on with are whole.
    ///
    /// # Errors
    /// Those of the archive.
    pub fn end_of_file(&mut self, bad: u64) -> Result<(), Error> {
        let touched = std::mem::take(&mut self.touched);
        if bad > 0 {
            // Which round a line was of that cannot be read is for the file to say, and most have one.
            self.waiting.iter_mut().filter(|(place, _)| touched.contains(*place)).for_each(|(_, waiting)| waiting.lost += bad);
        }
        let whole: Vec<Place> = self.waiting.keys().filter(|place| !touched.contains(*place)).cloned().collect();
        whole.into_iter().try_for_each(|place| self.close(place))
    }

    /// What has been done so far.
    #[must_use]
    pub fn took(&self) -> &Took {
        &self.took
    }

    /// The end of the last file.
    ///
    /// # Errors
    /// Those of the archive.
    pub fn finish(mut self) -> Result<Took, Error> {
        while let Some(place) = self.waiting.keys().next().cloned() {
            self.close(place)?;
        }
        self.writer.checkpoint()?;
        Ok(self.took)
    }

    /// Makes a round of what is there of it.
    fn close(&mut self, place: Place) -> Result<(), Error> {
        let Some(waiting) = self.waiting.remove(&place) else { return Ok(()) };
        let (vantage, slot) = &place;
        self.rows -= waiting.rows.len();
        let (rows, lost) = (waiting.rows.len() as u64, waiting.lost);
        let round = self.round(vantage, *slot, waiting);
        match self.writer.append(&round) {
            Ok(Appended::New { changes }) => {
                self.took.new += 1;
                self.took.changes += changes as u64;
            }
            Ok(Appended::Late) => self.took.late += 1,
            Ok(Appended::Known) => self.took.known += 1,
            Err(error @ Error::Round { .. }) => {
                self.took.refused_count += 1;
                if self.took.refused.len() < MAX_NAMED {
                    self.took.refused.push(Refused { vantage: vantage.clone(), slot: *slot, why: error.to_string() });
                }
                self.closed.insert(place);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.took.rows += rows;
        self.took.incomplete += u64::from(lost > 0);
        *self.took.vantages.entry(vantage.clone()).or_default() += 1;
        self.closed.insert(place);
        Ok(())
    }

    fn round(&mut self, vantage: &str, slot: Epoch, waiting: Waiting) -> Round {
        let done = waiting.rows.len() as u64;
        let complete = waiting.lost == 0;
        let vantage = self.writer.parts().word(vantage);
        let danelaw = Some(self.writer.parts().word(&self.terms.danelaw));
        let looks = waiting.rows.into_iter().map(|((host, port), row)| self.look(vantage, &ServerKey::new(&host, port, None), &row));
        let servers = Some(looks.collect());
        let snapshot = Snapshot {
            vantage,
            scheduled_s: slot,
            every_s: self.terms.every_s,
            started_s: slot,
            // The lines say no more than the hour.
            finished_s: complete.then(|| slot.saturating_add(self.terms.every_s.into())),
            clock_offset_ms: None,
            targets_sha256: None,
            targets: done + waiting.lost,
            done,
            servers: None,
            domains: None,
            complete,
            config_sha256: None,
            versions: Versions { danelaw, rules: self.terms.rules, ..Versions::default() },
            content: Default::default(),
        };
        Round { snapshot, servers, domains: None }
    }

    fn look(&mut self, vantage: WordId, key: &ServerKey, row: &Row) -> Look<ServerId, ServerSeen> {
        let parts = self.writer.parts();
        let key = parts.server(key);
        let mut seen = ServerSeen::default();
        let mut notes = Notes { rules: self.terms.rules, ..Notes::default() };
        if let Some(tlsa) = &row.tlsa {
            dns(parts, tlsa, &mut seen, &mut notes);
        }
        match &row.starttls {
            Ok(chain) => {
                let id = parts.chain(chain.iter().map(|cert| &*cert.0));
                let readable = *self.readable.entry(id).or_insert_with(|| is_readable(chain));
                // R-049 rfc6698#2.1.2: as of a visit of our own.
                seen.smtp_status = Some(parts.word(if readable { "ok" } else { "garbage-certificate" }));
                seen.chain = Some(id);
            }
            Err(failure) => {
                let (word, code) = status(failure);
                (seen.smtp_status, seen.smtp_code) = (word.map(|word| parts.word(word)), code);
            }
        }
        if let (Some(tlsa), Ok(chain), Some(set), Some(id)) = (&row.tlsa, &row.starttls, seen.tlsa_set, seen.chain) {
            // In the order of the set: which is how the archive gives them back.
            let records = TlsaSet::new(tlsa.records.clone()).records;
            let shown = Shown { chain: (id, chain), tlsa: (set, &records), dnssec: tlsa.status, at: row.hour };
            seen.verdict = (self.judge)(shown);
        }
        if let Some(tlsa) = row.tlsa.as_ref().filter(|tlsa| tlsa.status != Security::Secure)
            && self.writer.current(vantage, key) != Some(&seen)
        {
            notes.evidence_from = Some(self.writer.parts().evidence([&*tlsa.raw]));
        }
        Look { key, seen, notes }
    }
}

fn dns(parts: &mut Parts, tlsa: &TlsaRow, seen: &mut ServerSeen, notes: &mut Notes) {
    seen.tlsa_set = Some(parts.tlsa_set(tlsa.records.clone()));
    seen.ttl = Some(tlsa.original_ttl.unwrap_or(tlsa.ttl));
    seen.dnssec = Some(tlsa.status);
    let why = match tlsa.status {
        Security::Bogus => tlsa.why_bogus.map(super::WhyBogus::code),
        // As of a look of our own: what is signed and cannot be validated lacks its DS record. (P20 section 4.3)
        Security::Insecure => Some(if tlsa.signed { "ds-missing" } else { "unsigned" }),
        Security::Secure | Security::Indeterminate => None,
    };
    seen.reason = why.map(|why| parts.word(why));
    seen.signed = Some(tlsa.signed);
    (notes.sig_inception_s, notes.sig_expiration_s) = tlsa.window.unzip();
}

fn is_readable(chain: &[CertificateBytes]) -> bool {
    chain.first().is_some_and(|leaf| Certificate::key_of(&leaf.0).is_ok())
}

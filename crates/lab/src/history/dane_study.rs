//! A history as the authors of the studies publish theirs: one JSON object a line for each server and hour, one file for each hour and
//! vantage point, `CITY/YYMMDD_H.txt`, perhaps compressed.

use super::timeline::{Answer, ChainId, Dnssec, Sight};
use super::wire::{Signed, response};
use super::{CITIES, History};
use crate::pki::der::pem;
use crate::{LabError, export};
use dane::Epoch;
use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Files: one for each round that somebody looked in.
    pub files: u64,
    /// Lines: one for each server and round.
    pub lines: u64,
    /// Octets before compression.
    pub bytes: u64,
}

/// Whether files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.txt`
    Plain,
    /// `.txt.gz`
    Gzip,
}

/// The parts of a line that last, written once: what follows the hour.
struct Line {
    head: String,
    tail: String,
}

impl History {
    /// Writes it below a directory, and `truth.json` beside it.
    ///
    /// # Errors
    /// A directory or file cannot be written.
    pub fn write_dane_study(&self, dir: &Path, packing: Packing) -> Result<Written, LabError> {
        export::make(dir)?;
        let mut written = Written::default();
        for vantage in 0..self.config.vantages {
            self.write_vantage(dir, vantage, packing, &mut written)?;
        }
        self.write_truth(dir)?;
        Ok(written)
    }

    /// Writes `truth.json` only.
    ///
    /// # Errors
    /// The directory or file cannot be written.
    pub fn write_truth(&self, dir: &Path) -> Result<(), LabError> {
        export::make(dir)?;
        export::write(dir, "truth.json", &self.truth_json())
    }

    fn write_vantage(&self, dir: &Path, vantage: usize, packing: Packing, written: &mut Written) -> Result<(), LabError> {
        let dir = dir.join(CITIES[vantage]);
        export::make(&dir)?;
        let mut changes = self.changes().filter(|change| change.vantage == vantage).peekable();
        let mut now: Vec<Option<Line>> = (0..self.timelines.len()).map(|_| None).collect();
        let mut chains = HashMap::new();
        for round in self.rounds(vantage) {
            while let Some(change) = changes.next_if(|change| change.at <= round) {
                now[change.server] = change.sight.map(|sight| self.line(change.server, vantage, sight, round, &mut chains));
            }
            let time = Timestamp::from_second(round).unwrap_or(Timestamp::UNIX_EPOCH);
            let hour = round.rem_euclid(86_400) / 3600;
            let ending = if packing == Packing::Gzip { ".gz" } else { "" };
            let path = dir.join(format!("{}_{hour}.txt{ending}", time.strftime("%y%m%d")));
            let stamp = format!("{} {hour}", time.strftime("%Y%m%d"));
            let failed = |source| LabError::Write { path: path.display().to_string(), source };
            let file = BufWriter::new(File::create(&path).map_err(failed)?);
            match packing {
                Packing::Plain => lines(file, &now, &stamp, written).and_then(|mut file| file.flush()),
                Packing::Gzip => lines(GzEncoder::new(file, Compression::fast()), &now, &stamp, written)
                    .and_then(GzEncoder::finish)
                    .and_then(|mut file| file.flush()),
            }
            .map_err(failed)?;
            written.files += 1;
        }
        Ok(())
    }

    fn line(&self, server: usize, vantage: usize, sight: Sight, at: Epoch, chains: &mut HashMap<ChainId, String>) -> Line {
        let host = self.truth[server].host.as_str();
        let head = format!("{{\"domain\": \"{host}.\", \"port\": \"25\", \"time\": \"");
        let tlsa = sight.tlsa.map_or_else(String::new, |answer| self.tlsa(host, answer, at));
        let starttls = match sight.chain {
            Ok(chain) => {
                // A chain is shown by one server only, and mostly for long.
                let certs = chains.entry(chain).or_insert_with(|| self.certs(chain));
                format!("{{\"certs\": [{certs}]}}")
            }
            Err(why) => format!("{{\"why_fail\": \"{why}\"}}"),
        };
        Line { head, tail: format!("\", \"city\": \"{}\"{tlsa}, \"starttls\": {starttls}}}\n", CITIES[vantage]) }
    }

    fn tlsa(&self, host: &str, answer: Answer, at: Epoch) -> String {
        let signed = if answer.dnssec == Dnssec::Unsigned { Signed::No } else { Signed::Yes };
        let raw = BASE64.encode(&response(host, self.records(answer.set), answer.ttl, signed, at));
        let (status, why) = match answer.dnssec {
            Dnssec::Secure => ("Secure", None),
            Dnssec::NoDs | Dnssec::Unsigned => ("Insecure", None),
            Dnssec::Bogus(why) => ("Bogus", Some(why)),
        };
        let why = why.map_or_else(String::new, |why| format!(", \"why_bogus\": \"{why}\""));
        format!(", \"tlsa\": {{\"dnssec\": \"{status}\"{why}, \"record_raw\": \"{raw}\"}}")
    }

    fn certs(&self, chain: ChainId) -> String {
        let quoted = |der: &dane::observation::CertificateBytes| format!("\"{}\"", BASE64.encode(pem("CERTIFICATE", &der.0).as_bytes()));
        self.certificates(chain).iter().map(quoted).collect::<Vec<_>>().join(", ")
    }
}

fn lines<W: Write>(mut out: W, now: &[Option<Line>], stamp: &str, written: &mut Written) -> io::Result<W> {
    for line in now.iter().flatten() {
        for part in [line.head.as_str(), stamp, line.tail.as_str()] {
            out.write_all(part.as_bytes())?;
            written.bytes += part.len() as u64;
        }
        written.lines += 1;
    }
    Ok(out)
}

//! The log: JSON lines, written so that a crash loses at most the line being written.

use crate::Error;
use crate::record::{self, Certificates, Record, Skipped, Unreadable};
use dane::name::Name;
use dane::observation::{CertificateBytes, HostObservation, Observation, RunObservation, SCHEMA_VERSION};
use std::collections::HashSet;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

/// The longest line read, octets. A host with sixteen servers at the bounds of what the prober records is below a tenth of it.
const MAX_LINE: u64 = 32 << 20;

/// Writes observations as JSON lines; certificates and hosts once each.
pub struct Writer<W> {
    out: W,
    certificates: HashSet<[u8; 32]>,
    hosts: HashSet<(Name, u16)>,
}

impl<W: Write> Writer<W> {
    /// A writer that has written nothing yet. Give it a buffered `out`; it flushes after each observation.
    pub fn new(out: W) -> Self {
        Self { out, certificates: HashSet::new(), hosts: HashSet::new() }
    }

    /// Writes the run's metadata: at the beginning, and again at the end with `finished`.
    ///
    /// # Errors
    /// Those of the medium.
    pub fn run(&mut self, run: &RunObservation) -> io::Result<()> {
        self.line(record::run_line(run))?;
        self.out.flush()
    }

    /// Writes a domain, and what it refers to as far as that is not yet written; then flushes.
    ///
    /// # Errors
    /// Those of the medium. Lines already flushed stay.
    pub fn observation(&mut self, observation: &Observation) -> io::Result<()> {
        for host in &observation.hosts {
            self.host(host)?;
        }
        self.line(record::domain_line(&observation.domain))?;
        self.out.flush()
    }

    /// Writes that a target was not looked at; then flushes.
    ///
    /// # Errors
    /// Those of the medium.
    pub fn skipped(&mut self, skipped: &Skipped) -> io::Result<()> {
        self.line(record::skipped_line(skipped))?;
        self.out.flush()
    }

    /// What it writes to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    fn host(&mut self, host: &HostObservation) -> io::Result<()> {
        if !self.hosts.insert((host.host.clone(), host.port)) {
            return Ok(());
        }
        for server in &host.servers {
            let earlier = server.earlier.iter().filter_map(|visit| visit.tls.as_deref());
            for certificate in server.tls.iter().chain(earlier).flat_map(|tls| &tls.chain) {
                self.certificate(certificate)?;
            }
        }
        self.line(record::host_line(host))
    }

    fn certificate(&mut self, certificate: &CertificateBytes) -> io::Result<()> {
        if !self.certificates.insert(certificate.sha256()) {
            return Ok(());
        }
        self.line(record::certificate_line(certificate))
    }

    fn line(&mut self, text: serde_json::Result<String>) -> io::Result<()> {
        let mut text = text.map_err(io::Error::from)?;
        text.push('\n');
        self.out.write_all(text.as_bytes())
    }
}

/// What a reader had to pass over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Lines that cannot be read: number and reason. The first hundred.
    pub lines: Vec<(u64, String)>,
    /// How many lines cannot be read.
    pub count: u64,
    /// Whether the last line is torn: the writer was cut off.
    pub torn: bool,
}

/// Reads the log, line by line, keeping certificates to fill hosts with.
pub struct Reader<R> {
    input: R,
    path: PathBuf,
    number: u64,
    certificates: Certificates,
    damage: Damage,
}

impl<R: BufRead> Reader<R> {
    /// A reader; `path` is only for messages.
    pub fn new(input: R, path: &Path) -> Self {
        Self { input, path: path.to_path_buf(), number: 0, certificates: Certificates::new(), damage: Damage::default() }
    }

    /// The next record; `None` at the end. Broken lines are counted in [`Reader::damage`] and passed over.
    ///
    /// # Errors
    /// Those of the medium, and a schema version above ours.
    pub fn next_record(&mut self) -> Result<Option<Record>, Error> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(Error::io(&self.path))?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            let whole = line.ends_with(b"\n");
            if !whole && length as u64 == MAX_LINE {
                self.input.skip_until(b'\n').map_err(Error::io(&self.path))?;
                self.note(format!("longer than {MAX_LINE} octets"));
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            if text.trim().is_empty() {
                continue;
            }
            match record::parse(text.trim_end(), &self.certificates) {
                Ok(Record::Certificate(certificate)) => {
                    self.certificates.insert(record::key(&certificate), certificate.clone());
                    return Ok(Some(Record::Certificate(certificate)));
                }
                Ok(record) => return Ok(Some(record)),
                Err(Unreadable::UnknownKind) => {}
                Err(Unreadable::TooNew(found)) => {
                    return Err(Error::TooNew { path: self.path.clone(), found, known: SCHEMA_VERSION });
                }
                Err(Unreadable::Broken(_)) if !whole => self.damage.torn = true,
                Err(Unreadable::Broken(reason)) => self.note(reason),
            }
        }
    }

    /// What had to be passed over so far.
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    fn note(&mut self, reason: String) {
        self.damage.count += 1;
        if self.damage.lines.len() < 100 {
            self.damage.lines.push((self.number, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let endless = io::repeat(b'x').take(3 * MAX_LINE);
        let rest = &b"\n{\"kind\":\"of a later version\"}\nbroken\n"[..];
        let mut reader = Reader::new(io::BufReader::new(endless.chain(rest)), Path::new("log"));
        assert!(reader.next_record().unwrap().is_none());
        let lines: Vec<u64> = reader.damage().lines.iter().map(|(number, _)| *number).collect();
        assert_eq!((lines, reader.damage().torn), (vec![1, 3], false));
    }
}

//! A list of domains: read, checked line by line, sampled, shared out. A zone file is one, too: of what it delegates.

use crate::exit::UsageError;
use archive::import::zone_file::{ZoneFile, is_zone_file};
use aws_lc_rs::digest::{Context, SHA256, digest};
use dane::name::{Name, parse_mail_domain};
use data_encoding::HEXLOWER;
use flate2::bufread::MultiGzDecoder;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Octets of a line of a list; longer ones are no domain.
const LINE_OCTETS: u64 = 4096;
/// Of a line of a zone file: a record can be as long.
const RECORD_OCTETS: u64 = 1 << 18;
/// What a gzip file begins with. (RFC 1952 section 2.3.1)
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Lines set aside that are kept with their text.
const KEPT: usize = 100_000;

/// One of several parts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub part: u64,
    /// How many there are.
    pub of: u64,
}

/// A line that is no domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Counted from 1.
    pub line: u64,
    /// Why it is no domain.
    pub reason: String,
    /// Its beginning.
    pub text: String,
}

/// What a list holds.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The domains, each once, in the order of the list.
    pub names: Vec<Name>,
    /// Lines that name a domain again.
    pub repeated: u64,
    /// Lines that are no domain: the first of them.
    pub set_aside: Vec<SetAside>,
    /// How many lines are no domain.
    pub malformed: u64,
    /// SHA-256 of the whole list, hex.
    pub sha256: String,
}

impl Shard {
    /// Reads `i/n`.
    ///
    /// # Errors
    /// In words for clap to show.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (part, of) = text.split_once('/').ok_or("give part and number of parts, such as 1/4")?;
        let number = |t: &str| t.parse::<u64>().map_err(|_| format!("'{t}' is not a number"));
        let shard = Self { part: number(part)?, of: number(of)? };
        if (1..=shard.of).contains(&shard.part) { Ok(shard) } else { Err(format!("the part must lie between 1 and {}", shard.of)) }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl Targets {
    /// Reads a file, or stdin for `-`.
    ///
    /// # Errors
    /// If it cannot be read, is not text, or holds no domain at all.
    pub fn read(list: &Path) -> Result<Self, UsageError> {
        let shown = if list.as_os_str() == "-" { "stdin".to_owned() } else { list.display().to_string() };
        let targets = if list.as_os_str() == "-" {
            Self::unpacked(std::io::stdin().lock(), &shown)?
        } else {
            let file =
                File::open(list).map_err(|e| UsageError(format!("{shown}: {e}; give a readable file with one domain a line, or '-'")))?;
            Self::unpacked(BufReader::new(file), &shown)?
        };
        match (targets.names.is_empty(), targets.set_aside.first()) {
            (false, _) => Ok(targets),
            (true, None) => Err(UsageError(format!("{shown}: holds no domain; give one domain a line"))),
            (true, Some(first)) => Err(UsageError(format!("{shown}: holds no domain; line {}: {}", first.line, first.reason))),
        }
    }

    /// Reads what may be compressed, whatever it is called.
    fn unpacked(mut input: impl BufRead, shown: &str) -> Result<Self, UsageError> {
        let begin =
            input.fill_buf().map_err(|e| UsageError(format!("{shown}: {e}; give a readable file with one domain a line, or '-'")))?;
        if begin.starts_with(&GZIP) {
            Self::read_from(BufReader::new(MultiGzDecoder::new(input)), shown)
        } else {
            Self::read_from(input, shown)
        }
    }

    fn read_from(mut input: impl BufRead, shown: &str) -> Result<Self, UsageError> {
        let mut targets = Self::default();
        let mut seen: HashSet<Name> = HashSet::new();
        let mut hash = Context::new(&SHA256);
        let mut line = Vec::new();
        // Which of the two it is: the first line with something in it tells.
        let (mut zone, mut told) = (None, false);
        for number in 1.. {
            line.clear();
            let most = if zone.is_some() { RECORD_OCTETS } else { LINE_OCTETS };
            let got = input.by_ref().take(most).read_until(b'\n', &mut line);
            let got = got.map_err(|e| UsageError(format!("{shown}: {e}; give a readable file with one domain a line, or '-'")))?;
            if got == 0 {
                break;
            }
            hash.update(&line);
            if line.contains(&0) || (got as u64 == most && !line.ends_with(b"\n")) {
                return Err(UsageError(format!("{shown}: not a list of domains (binary data in line {number}); give one domain a line")));
            }
            let text = String::from_utf8_lossy(&line);
            let begin = text.trim_start();
            if !told && begin.starts_with(';') {
                continue;
            }
            if !told && !begin.is_empty() && !begin.starts_with('#') {
                told = true;
                zone = is_zone_file(&text).then(ZoneFile::default);
            }
            match &mut zone {
                Some(zone) => targets.delegation(number, &text, zone, &mut seen),
                None => targets.line(number, &line, &mut seen),
            }
        }
        targets.sha256 = HEXLOWER.encode(hash.finish().as_ref());
        Ok(targets)
    }

    fn delegation(&mut self, number: u64, line: &str, zone: &mut ZoneFile, seen: &mut HashSet<Name>) {
        match zone.line(line) {
            // A delegation has a line for each of its name servers.
            Some(Ok(name)) => self.names.extend(seen.insert(name.clone()).then_some(name)),
            Some(Err(reason)) => self.put_aside(number, reason, line),
            None => {}
        }
    }

    fn put_aside(&mut self, line: u64, reason: String, text: &str) {
        self.malformed += 1;
        if self.set_aside.len() < KEPT {
            self.set_aside.push(SetAside { line, reason, text: text.chars().take(200).collect() });
        }
    }

    fn line(&mut self, number: u64, line: &[u8], seen: &mut HashSet<Name>) {
        let text = String::from_utf8_lossy(line);
        let Some(item) = item(&text) else { return };
        let parsed = if std::str::from_utf8(line).is_ok() {
            parse_mail_domain(item).map_err(|e| e.to_string())
        } else {
            Err("not UTF-8".to_owned())
        };
        match parsed {
            Ok(name) if seen.insert(name.clone()) => self.names.push(name),
            Ok(_) => self.repeated += 1,
            Err(reason) => self.put_aside(number, reason, item),
        }
    }

    /// Brings the domains into an order that has nothing to do with who serves them, so that no server is asked for many at once.
    pub fn scatter(&mut self) {
        scatter(&mut self.names);
    }

    /// Keeps at most so many domains, always the same ones of the same list, whatever its order.
    pub fn sample(&mut self, count: usize) {
        if count < self.names.len() {
            let mut ranked: Vec<(u64, usize)> = self.names.iter().enumerate().map(|(i, n)| (rank(n, b"sample"), i)).collect();
            ranked.sort_unstable();
            let kept: HashSet<usize> = ranked.into_iter().take(count).map(|(_, i)| i).collect();
            let mut index = 0..;
            self.names.retain(|_| index.next().is_some_and(|i| kept.contains(&i)));
        }
    }

    /// Keeps one part. Every domain is in exactly one part, the same one in every list.
    pub fn shard(&mut self, shard: Shard) {
        self.names.retain(|name| rank(name, b"shard") % shard.of + 1 == shard.part);
    }
}

/// The domain in a line: comments and blanks away; of a rank list (`17,example.com`) the second column.
pub fn item(line: &str) -> Option<&str> {
    let text = line.split('#').next().unwrap_or_default().trim().trim_start_matches('\u{feff}');
    let item = match text.split_once(',') {
        Some((rank, domain)) if !rank.is_empty() && rank.bytes().all(|b| b.is_ascii_digit()) => domain.trim(),
        _ => text,
    };
    (!item.is_empty()).then_some(item)
}

/// The order of [`Targets::scatter`]: always the same one for the same domains.
pub fn scatter(names: &mut [Name]) {
    names.sort_by_cached_key(|name| rank(name, b"order"));
}

/// A number that depends on the name and the purpose only.
fn rank(name: &Name, purpose: &[u8]) -> u64 {
    let mut bytes = purpose.to_vec();
    bytes.extend(name.to_string().to_ascii_lowercase().bytes());
    let hash = digest(&SHA256, &bytes);
    hash.as_ref().first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::{Shard, Targets};

    fn read(text: &str) -> Targets {
        Targets::read_from(text.as_bytes(), "list").unwrap()
    }

    #[test]
    fn lines_are_domains_comments_or_set_aside() {
        let list = read(
            "\u{feff}Example.nl\n# comment\n\nexample.NL.\nmünchen.example # IDN\n17,ranked.se\nbad..name\n192.0.2.1\nme@example.org\n.\n",
        );
        let names: Vec<String> = list.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["example.nl", "xn--mnchen-3ya.example", "ranked.se"]);
        assert_eq!((list.repeated, list.malformed), (1, 4));
        let lines: Vec<u64> = list.set_aside.iter().map(|s| s.line).collect();
        assert_eq!(lines, [7, 8, 9, 10]);
        assert!(list.set_aside[2].reason.contains("mailbox"), "{}", list.set_aside[2].reason);
    }

    #[test]
    fn zone_files_and_packed_lists() {
        let zone = "; a comment with domain.names in it\n$ORIGIN nl.\n@ 3600 IN SOA a.nic.nl. b.nic.nl. 1 2 3 4 5\n@ NS a.nic.nl.\n\
                    one NS a\none NS b\ntwo.nl. 3600 IN NS a\nbad..name NS a\n";
        let list = read(zone);
        let names: Vec<String> = list.names.iter().map(ToString::to_string).collect();
        assert_eq!(
            (names, list.repeated, list.malformed, list.set_aside[0].line),
            (vec!["one.nl".to_owned(), "two.nl".to_owned()], 0, 1, 8)
        );
        let mut gzip =
            std::process::Command::new("gzip").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut gzip.stdin.take().unwrap(), b"1,one.nl\n2,two.nl\n").unwrap();
        let packed = gzip.wait_with_output().unwrap().stdout;
        assert_eq!(Targets::unpacked(&packed[..], "list").unwrap().names, list.names);
        // Cut off in the middle, it is an error, and not half a list.
        assert!(Targets::unpacked(&packed[..packed.len() - 9], "list").is_err());
    }

    #[test]
    fn binary_data_is_one_clear_error_even_if_endless() {
        let error = Targets::read_from(std::io::BufReader::new(std::io::repeat(0)), "list").unwrap_err();
        assert_eq!(error.to_string(), "list: not a list of domains (binary data in line 1); give one domain a line");
        let error = Targets::read_from(std::io::BufReader::new(std::io::repeat(b'x')), "list").unwrap_err();
        assert!(error.to_string().contains("binary data"), "{error}");
    }

    #[test]
    fn shards_share_out_and_samples_are_stable() {
        let text: String = (0..500).map(|i| format!("d{i}.example\n")).collect();
        let mut parts = Vec::new();
        for part in 1..=3 {
            let mut list = read(&text);
            list.shard(Shard { part, of: 3 });
            assert!((120..220).contains(&list.names.len()), "{}", list.names.len());
            parts.extend(list.names);
        }
        parts.sort();
        let mut all = read(&text).names;
        all.sort();
        assert_eq!(parts, all);
        let sample = |text: &str| {
            let mut list = read(text);
            list.sample(20);
            list.names.sort();
            list.names
        };
        let reversed: String = text.lines().rev().map(|l| format!("{l}\n")).collect();
        assert_eq!(sample(&text), sample(&reversed));
        assert_eq!(sample(&text).len(), 20);
        assert!(Shard::parse("0/3").is_err() && Shard::parse("4/3").is_err() && Shard::parse("x").is_err());
    }
}

//! A whole file.

use super::{Parser, Row};
use crate::Error;
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line read, octets: a chain of 64 kB is 120 kB of base64 of PEM.
const MAX_LINE: u64 = 1 << 20;
/// Characters of a bad line that are kept.
const MAX_KEPT: usize = 200;
/// What a gzip file begins with. (RFC 1952 section 2.3.1)
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A line that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Its number, from 1.
    pub number: u64,
    /// Why; the same words for the same fault.
    pub reason: &'static str,
    /// How it begins; at most 200 characters.
    pub text: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It can be used.
    Row(Box<Row>),
    /// It cannot.
    Bad(Bad),
}

/// Reads lines one after the other. Empty ones are passed over. What is damaged in the medium (a gzip file that is cut off) ends it as a bad
/// line.
pub struct Reader<'p, R> {
    input: R,
    parser: &'p mut Parser,
    number: u64,
    line: Vec<u8>,
    done: bool,
}

impl<'p> Reader<'p, Box<dyn BufRead>> {
    /// Opens a file, plain or gzip, whatever it is called.
    ///
    /// # Errors
    /// It cannot be opened, or its first octets cannot be read.
    pub fn open(path: &Path, parser: &'p mut Parser) -> Result<Self, Error> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(Error::io(path))?);
        let packed = file.fill_buf().map_err(Error::io(path))?.starts_with(&GZIP);
        let input: Box<dyn BufRead> = if packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self::new(input, parser))
    }
}

impl<'p, R: BufRead> Reader<'p, R> {
    /// Reads from here on.
    pub fn new(input: R, parser: &'p mut Parser) -> Self {
        Self { input, parser, number: 0, line: Vec::new(), done: false }
    }

    /// The number of the line that came last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn bad(&self, reason: &'static str) -> Line {
        let begin = &self.line[..self.line.len().min(4 * MAX_KEPT)];
        let text = String::from_utf8_lossy(begin).chars().take(MAX_KEPT).collect();
        Line::Bad(Bad { number: self.number, reason, text })
    }

    /// The next line into `self.line`; `None` at the end.
    fn fill(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') || read < MAX_LINE as usize {
            return Ok(Some(true));
        }
        // The rest of a line that is too long is passed over, a buffer at a time.
        loop {
            let buffer = self.input.fill_buf()?;
            let (used, ended) = match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(used);
            if ended {
                return Ok(Some(false));
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<'_, R> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.done {
            self.number += 1;
            match self.fill() {
                Ok(Some(true)) if self.line.trim_ascii().is_empty() => {}
                Ok(Some(true)) => {
                    return Some(match self.parser.line(self.line.trim_ascii()) {
                        Ok(row) => Line::Row(Box::new(row)),
                        Err(reason) => self.bad(reason),
                    });
                }
                Ok(Some(false)) => return Some(self.bad("longer than 1 MiB")),
                Ok(None) => self.done = true,
                Err(_) => {
                    self.done = true;
                    return Some(self.bad("the file is damaged from here on, or cut off"));
                }
            }
        }
        None
    }
}

/// What a file had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that could be used.
    pub rows: u64,
    /// Lines that could not, by reason.
    pub bad: BTreeMap<&'static str, u64>,
}

/// Reads a file and hands on what it says, bad lines too.
///
/// # Errors
/// It cannot be opened.
pub fn read(path: &Path, parser: &mut Parser, mut each: impl FnMut(Line)) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for line in Reader::open(path, parser)? {
        match &line {
            Line::Row(_) => summary.rows += 1,
            Line::Bad(bad) => *summary.bad.entry(bad.reason).or_default() += 1,
        }
        each(line);
    }
    Ok(summary)
}

//! The names to look up, read as they are needed; and what an earlier run has done of them.

use crate::exit::UsageError;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Octets of a line of a list; longer ones are cut, and then are no name.
const LINE_OCTETS: u64 = 4096;

/// A line of the list that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Counted from 1.
    pub line: u64,
    /// Without comment and blanks.
    pub text: String,
}

/// A list that is read line by line: its length does not matter.
pub struct List {
    input: BufReader<Box<dyn Read + Send>>,
    shown: String,
    line: u64,
    done: Lines,
    buffer: Vec<u8>,
}

impl List {
    /// Opens a file, or stdin for `-`. Lines that are `done` are passed over.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path, done: Lines) -> Result<Self, UsageError> {
        let (shown, input): (_, Box<dyn Read + Send>) = if path.as_os_str() == "-" {
            ("stdin".to_owned(), Box::new(io::stdin()))
        } else {
            let shown = path.display().to_string();
            let file =
                File::open(path).map_err(|e| UsageError(format!("{shown}: {e}; give a readable file with one name a line, or '-'")))?;
            (shown, Box::new(file))
        };
        let input = BufReader::with_capacity(1 << 16, input);
        Ok(Self { input, shown, line: 0, done, buffer: Vec::new() })
    }

    /// Lines that are to be done, at most so many: as many as need not be waited for, but at least one. None: the list has ended.
    ///
    /// # Errors
    /// If the list cannot be read. What was read before is lost.
    pub fn next_few(&mut self, most: usize) -> Result<Vec<Item>, UsageError> {
        let mut few = Vec::new();
        while few.len() < most && (few.is_empty() || self.input.buffer().contains(&b'\n')) {
            match self.next()? {
                Some(item) => few.push(item),
                None => break,
            }
        }
        Ok(few)
    }

    /// The next line that is to be done; `None` at the end.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn next(&mut self) -> Result<Option<Item>, UsageError> {
        loop {
            self.buffer.clear();
            let failed = |e: io::Error| UsageError(format!("{}, line {}: {e}", self.shown, self.line + 1));
            let got = self.input.by_ref().take(LINE_OCTETS).read_until(b'\n', &mut self.buffer).map_err(failed)?;
            if got == 0 {
                return Ok(None);
            }
            self.line += 1;
            if got as u64 == LINE_OCTETS && !self.buffer.ends_with(b"\n") {
                skip_line(&mut self.input).map_err(|e| UsageError(format!("{}, line {}: {e}", self.shown, self.line)))?;
            }
            if self.done.has(self.line) {
                continue;
            }
            let text = String::from_utf8_lossy(&self.buffer);
            if let Some(item) = crate::common::targets::item(&text) {
                return Ok(Some(Item { line: self.line, text: item.to_owned() }));
            }
        }
    }
}

/// Reads to the end of the line, however far that is.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let chunk = input.fill_buf()?;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if used == 0 || end.is_some() {
            return Ok(());
        }
    }
}

/// A set of line numbers, one bit each.
#[derive(Debug, Default)]
pub struct Lines {
    bits: Vec<u64>,
    number: u64,
}

impl Lines {
    /// Whether the line is in the set.
    #[must_use]
    pub fn has(&self, line: u64) -> bool {
        let word = usize::try_from(line / 64).ok().and_then(|index| self.bits.get(index));
        word.is_some_and(|word| word & (1 << (line % 64)) != 0)
    }

    /// How many there are.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    fn add(&mut self, line: u64) {
        let Ok(index) = usize::try_from(line / 64) else { return };
        if self.bits.len() <= index {
            self.bits.resize(index + 1, 0);
        }
        if let Some(word) = self.bits.get_mut(index) {
            self.number += u64::from(*word & (1 << (line % 64)) == 0);
            *word |= 1 << (line % 64);
        }
    }
}

/// What an earlier run left in `file`: the lines it has done. A record that it could not finish is cut off, so that the file can be
/// appended to.
///
/// # Errors
/// If the file cannot be read or cut, or holds something else.
pub fn resume(path: &Path) -> Result<Lines, UsageError> {
    let failed = |e: io::Error| UsageError(format!("{}: {e}; --resume wants the file that the earlier run wrote", path.display()));
    let mut file = File::options().read(true).write(true).open(path).map_err(failed)?;
    let mut lines = Lines::default();
    let (mut whole, mut number) = (0, 0_u64);
    let mut input = BufReader::with_capacity(1 << 20, &file);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let got = input.read_until(b'\n', &mut buffer).map_err(failed)?;
        number += 1;
        if got == 0 || !buffer.ends_with(b"\n") {
            break;
        }
        let Some(line) = line_of(&buffer) else {
            return Err(UsageError(format!("{}, line {number}: no record of `danelaw dns scan`; name the file it wrote", path.display())));
        };
        lines.add(line);
        whole += got as u64;
    }
    drop(input);
    file.set_len(whole).map_err(failed)?;
    file.seek(SeekFrom::End(0)).map_err(failed)?;
    Ok(lines)
}

/// The number that every record begins with.
fn line_of(record: &[u8]) -> Option<u64> {
    let digits = record.strip_prefix(b"{\"line\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_list_is_read_once_without_what_is_done() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "a.example\n# nothing\n\n17,b.example\n{}\nc.example", "x".repeat(10_000)).unwrap();
        let mut done = Lines::default();
        done.add(1);
        let mut list = List::open(file.path(), done).unwrap();
        let mut seen = Vec::new();
        while let Some(item) = list.next().unwrap() {
            seen.push((item.line, item.text.len(), item.text.chars().take(9).collect::<String>()));
        }
        assert_eq!(seen, [(4, 9, "b.example".to_owned()), (5, 4096, "xxxxxxxxx".to_owned()), (6, 9, "c.example".to_owned())]);
    }

    #[test]
    fn a_torn_record_is_cut_and_done_again() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"line\":3,\"name\":\"c\"}\n{\"line\":1}\n{\"line\":2,\"na").unwrap();
        let lines = resume(file.path()).unwrap();
        assert_eq!((lines.has(1), lines.has(2), lines.has(3), lines.number()), (true, false, true, 2));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"{\"line\":3,\"name\":\"c\"}\n{\"line\":1}\n");
        file.write_all(b"something else\n").unwrap();
        assert!(resume(file.path()).unwrap_err().to_string().contains("line 3"));
    }
}

//! What cannot be used: counted by its reason, and kept with its text.

use crate::exit::UsageError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Lines that are kept with their text; more are counted.
const MOST_KEPT: u64 = 1_000_000;

/// Lines that were set aside. The file is made when there is one.
#[derive(Serialize)]
pub struct Aside {
    /// How many.
    pub count: u64,
    /// How many for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Where they are.
    pub file: Option<PathBuf>,
    #[serde(skip)]
    first: Option<String>,
    #[serde(skip)]
    place: PathBuf,
    #[serde(skip)]
    out: Option<BufWriter<File>>,
}

impl Aside {
    /// Will be kept in this file.
    #[must_use]
    pub fn new(place: PathBuf) -> Self {
        Self { count: 0, reasons: BTreeMap::new(), file: None, first: None, place, out: None }
    }

    /// Sets a line aside; `line` is its number from 1, 0 for the whole file.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn put(&mut self, file: &Path, line: u64, reason: &str, text: &str) -> Result<(), UsageError> {
        self.count += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        self.first.get_or_insert_with(|| format!("{}, line {line}: {}", file.display(), present::clean(reason)));
        if self.count > MOST_KEPT {
            return Ok(());
        }
        let failed =
            |e: std::io::Error| UsageError(format!("{}: {e}; free some space, or choose another --set-aside", self.place.display()));
        if self.out.is_none() {
            let mut out = BufWriter::new(File::create_new(&self.place).map_err(failed)?);
            writeln!(out, "file\tline\treason\ttext").map_err(failed)?;
            self.out = Some(out);
            self.file = Some(self.place.clone());
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        let file = file.display().to_string();
        writeln!(out, "{}\t{line}\t{}\t{}", present::clean(&file), present::clean(reason), present::clean(text)).map_err(failed)
    }

    /// The last line is on its way to the disk, and the user knows of them.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&mut self) -> Result<(), UsageError> {
        if let Some(out) = &mut self.out {
            out.flush().map_err(|e| UsageError(format!("{}: {e}", self.place.display())))?;
        }
        if let (Some(first), Some(file)) = (&self.first, &self.file) {
            anstream::eprintln!("danelaw: {} set aside ({first}); they are in {}", present::count(self.count, "line"), file.display());
        }
        Ok(())
    }
}

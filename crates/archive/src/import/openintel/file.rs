//! One Parquet file, row by row.

use crate::Error;
use crate::columns::{Source, Values, Wrong};
use crate::table::parquet_error;
use std::fs::File;
use std::path::Path;

/// Rows that are read at a time.
const BATCH_ROWS: usize = 8192;

/// Without these it is another thing.
const NEEDED: [&str; 7] = ["query_type", "query_name", "response_type", "timestamp", "status_code", "mx_address", "mx_preference"];
/// Older files lack some of these.
const ALL: [&str; 15] = [
    "query_type",
    "query_name",
    "response_type",
    "timestamp",
    "status_code",
    "mx_address",
    "mx_preference",
    "ad_flag",
    "ip4_address",
    "ip6_address",
    "ns_address",
    "tlsa_usage",
    "ds_key_tag",
    "dnskey_flags",
    "rrsig_type_covered",
];

/// The columns of one row. Names are as in the file: with a final dot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row<'a> {
    pub query_type: &'a str,
    pub query_name: &'a str,
    /// Empty: there is no record.
    pub response_type: &'a str,
    pub timestamp_ms: Option<i64>,
    pub status_code: Option<i64>,
    pub mx_address: Option<&'a str>,
    pub mx_preference: Option<i64>,
    pub ad_flag: Option<bool>,
    pub address: bool,
    pub ns_address: Option<&'a str>,
    pub tlsa: bool,
    pub ds: bool,
    pub dnskey: bool,
    pub rrsig_type_covered: Option<&'a str>,
}

/// How many rows there are in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows(pub u64);

/// Whether a file is one of these, by its footer; how many rows it has.
///
/// # Errors
/// If it cannot be read, is cut off, or lacks a column: which one.
pub fn check(path: &Path) -> Result<Rows, Error> {
    open(path).map(|source| Rows(source.rows()))
}

fn open(path: &Path) -> Result<Source, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let source = Source::new(file).map_err(|e| parquet_error(path, e))?;
    match NEEDED.iter().find(|name| !source.has(name)) {
        None => Ok(source),
        Some(name) => {
            Err(Error::damaged(path, format!("not OpenINTEL's forward DNS: no column '{name}'; give files with its published columns")))
        }
    }
}

/// Hands over every row.
pub(super) fn read(path: &Path, mut each: impl FnMut(Row<'_>)) -> Result<(), Error> {
    let source = open(path)?;
    let batch = |columns: &[Option<Values>], count: usize| {
        for row in 0..count {
            each(Cells { columns, row }.row()?);
        }
        Ok(())
    };
    source.each(&ALL, BATCH_ROWS, batch).map_err(|wrong| wrong.error(path))
}

/// Values of one row by the places of [`ALL`].
struct Cells<'a> {
    columns: &'a [Option<Values>],
    row: usize,
}

impl<'a> Cells<'a> {
    fn row(&self) -> Result<Row<'a>, Wrong> {
        Ok(Row {
            query_type: self.text(0)?.unwrap_or_default(),
            query_name: self.text(1)?.unwrap_or_default(),
            response_type: self.text(2)?.unwrap_or_default(),
            timestamp_ms: self.number(3)?,
            status_code: self.number(4)?,
            mx_address: self.text(5)?,
            mx_preference: self.number(6)?,
            ad_flag: self.number(7)?.map(|flag| flag != 0),
            address: self.text(8)?.or(self.text(9)?).is_some_and(|address| !address.is_empty()),
            ns_address: self.text(10)?,
            tlsa: self.number(11)?.is_some(),
            ds: self.number(12)?.is_some(),
            dnskey: self.number(13)?.is_some(),
            rrsig_type_covered: self.text(14)?,
        })
    }

    fn foreign(place: usize) -> Wrong {
        Wrong::Content(format!("column {}: of a foreign type", ALL.get(place).unwrap_or(&"")))
    }

    fn text(&self, place: usize) -> Result<Option<&'a str>, Wrong> {
        match self.columns.get(place).and_then(Option::as_ref) {
            None => Ok(None),
            // What is no text is no name, either.
            Some(Values::Bytes(values)) => {
                let value = values.get(self.row).and_then(Option::as_ref);
                Ok(value.map(|value| std::str::from_utf8(value.data()).unwrap_or("\u{fffd}")))
            }
            Some(_) => Err(Self::foreign(place)),
        }
    }

    /// A flag is a number here, or a truth value there.
    fn number(&self, place: usize) -> Result<Option<i64>, Wrong> {
        match self.columns.get(place).and_then(Option::as_ref) {
            None => Ok(None),
            Some(Values::Int(values)) => Ok(values.get(self.row).copied().flatten()),
            Some(Values::Bool(values)) => Ok(values.get(self.row).copied().flatten().map(i64::from)),
            Some(_) => Err(Self::foreign(place)),
        }
    }
}

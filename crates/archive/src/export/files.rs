//! Tables as files of JSON lines and CSV.

use super::rows::names;
use super::{Cells, TABLES, Table, Wanted, rows};
use crate::Error;
use crate::states::Archive;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Whether files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As they are.
    Plain,
    /// `.gz` at the end of the name.
    Gzip,
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One JSON object a line, every column in it.
    Jsonl,
    /// Comma-separated values after a line of names (RFC 4180); nothing where nothing is known, lists with `; ` between.
    Csv,
}

/// Writes one table as `DIR/TABLE.jsonl` or `DIR/TABLE.csv`, which has its name when it is whole. How many rows there are.
///
/// # Errors
/// If the archive cannot be read, has no such vantage point, or the file cannot be written.
pub fn write_table(archive: &Archive, table: Table, wanted: &Wanted, form: Rows, packing: Packing, dir: &Path) -> Result<u64, Error> {
    let name = TABLES.iter().find(|(one, _)| *one == table).map_or("", |(_, name)| name);
    let ending = if form == Rows::Csv { "csv" } else { "jsonl" };
    let path = dir.join(format!("{name}.{ending}{}", if packing == Packing::Gzip { ".gz" } else { "" }));
    let temporary = dir.join(format!("{name}.{ending}.tmp"));
    let file = BufWriter::new(File::create(&temporary).map_err(Error::io(&temporary))?);
    let count = match packing {
        Packing::Plain => {
            let (count, mut file) = fill(file, archive, table, wanted, form, &path)?;
            file.flush().map(|()| count)
        }
        Packing::Gzip => {
            let (count, packer) = fill(GzEncoder::new(file, Compression::default()), archive, table, wanted, form, &path)?;
            packer.finish().and_then(|mut file| file.flush()).map(|()| count)
        }
    };
    let count = count.map_err(Error::io(&path))?;
    fs::rename(&temporary, &path).map_err(Error::io(&path))?;
    Ok(count)
}

fn fill<W: Write>(mut out: W, archive: &Archive, table: Table, wanted: &Wanted, form: Rows, path: &Path) -> Result<(u64, W), Error> {
    let (mut count, mut lost) = (0, None);
    if form == Rows::Csv {
        write!(out, "{}\r\n", names(archive, table).join(",")).map_err(Error::io(path))?;
    }
    rows(archive, table, wanted, |cells| {
        if lost.is_none() {
            lost = match form {
                Rows::Jsonl => json(&mut out, cells),
                Rows::Csv => values(&mut out, cells),
            }
            .err();
        }
        count += 1;
    })?;
    lost.map_or(Ok(()), Err).map_err(Error::io(path))?;
    Ok((count, out))
}

fn json(out: &mut impl Write, cells: Cells<'_>) -> io::Result<()> {
    // By hand, as a map would sort the columns.
    for (place, (name, value)) in cells.iter().enumerate() {
        write!(out, "{}\"{name}\":{value}", if place == 0 { "{" } else { "," })?;
    }
    out.write_all(b"}\n")
}

fn values(out: &mut impl Write, cells: Cells<'_>) -> io::Result<()> {
    fn text(value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join("; "),
            other => other.to_string(),
        }
    }
    for (place, (_, value)) in cells.iter().enumerate() {
        let text = text(value);
        // RFC 4180 section 2, rules 6 and 7. A list without members is told from nothing by its quotes.
        let quoted = text.contains([',', '"', '\r', '\n']) || (text.is_empty() && !value.is_null());
        let text = if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text };
        write!(out, "{}{text}", if place == 0 { "" } else { "," })?;
    }
    out.write_all(b"\r\n")
}

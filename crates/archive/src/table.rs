//! A Parquet table defined once: its columns, their documentation, and how each is taken from a row.

use crate::Error;
use crate::columns::{self, Kind, Values};
use dane::observation::SCHEMA_VERSION;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of one row group: what a writer holds, and a reader of one column.
const ROW_GROUP_ROWS: usize = 4096;
/// The key of the schema version in a file's metadata.
pub(crate) const SCHEMA_KEY: &str = "danelaw.schema";

/// One value.
pub(crate) enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    List(Vec<String>),
    Bytes(Vec<u8>),
}

/// One column: name, type, meaning, source.
pub(crate) struct Column<T: ?Sized> {
    pub name: &'static str,
    pub kind: Kind,
    pub about: &'static str,
    pub get: fn(&T) -> Cell,
}

/// The values of one column; a cell of another type is missing.
fn values(kind: Kind, cells: impl Iterator<Item = Cell>) -> Values {
    match kind {
        Kind::Int => Values::Int(cells.map(|c| if let Cell::Int(i) = c { i } else { None }).collect()),
        Kind::Bool => Values::Bool(cells.map(|c| if let Cell::Bool(b) = c { b } else { None }).collect()),
        Kind::Texts => {
            Values::Lists(
                cells
                    .map(|c| {
                        if let Cell::List(items) = c {
                            items.into_iter().map(|text| text.into_bytes().into()).collect()
                        } else {
                            Vec::new()
                        }
                    })
                    .collect(),
            )
        }
        Kind::Text | Kind::Bytes => Values::Bytes(
            cells
                .map(|c| match c {
                    Cell::Text(text) => text.map(|text| text.into_bytes().into()),
                    Cell::Bytes(bytes) => Some(bytes.into()),
                    _ => None,
                })
                .collect(),
        ),
    }
}

/// Writes one table to a temporary file, row by row, with bounded memory.
pub(crate) struct TableWriter<T: 'static> {
    columns: &'static [Column<T>],
    rows: Vec<T>,
    writer: SerializedFileWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl<T> TableWriter<T> {
    /// Begins `directory/name.parquet`.
    pub fn create(directory: &Path, name: &str, columns: &'static [Column<T>]) -> Result<Self, Error> {
        let path = directory.join(format!("{name}.parquet"));
        let temporary = directory.join(format!("{name}.parquet.tmp"));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.into(), SCHEMA_VERSION.to_string())]))
            .build();
        let file = File::create(&temporary).map_err(Error::io(&temporary))?;
        let fields = columns.iter().map(|c| (c.name, c.kind));
        let writer = columns::create(file, fields, Arc::new(properties)).map_err(|e| parquet_error(&temporary, e))?;
        Ok(Self { columns, rows: Vec::new(), writer, temporary, path })
    }

    /// Adds a row.
    pub fn push(&mut self, row: T) -> Result<(), Error> {
        self.rows.push(row);
        if self.rows.len() >= ROW_GROUP_ROWS { self.write_rows() } else { Ok(()) }
    }

    /// Completes the file, still under its temporary name, and makes sure that it is on disk.
    pub fn complete(mut self) -> Result<Completed, Error> {
        self.write_rows()?;
        self.writer.finish().map_err(|e| parquet_error(&self.temporary, e))?;
        self.writer.inner().sync_all().map_err(Error::io(&self.temporary))?;
        Ok(Completed { temporary: self.temporary, path: self.path })
    }

    fn write_rows(&mut self) -> Result<(), Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let taken = |place: usize| {
            let column = self.columns.get(place);
            column.map_or(Values::Bytes(Vec::new()), |column| values(column.kind, rows.iter().map(column.get)))
        };
        columns::write_group(&mut self.writer, taken).map_err(|e| parquet_error(&self.temporary, e))
    }
}

/// A whole file that waits for its name.
pub(crate) struct Completed {
    temporary: PathBuf,
    path: PathBuf,
}

impl Completed {
    /// Gives it its name.
    pub fn publish(self) -> Result<(), Error> {
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path))
    }
}

/// The system's own error where there is one inside.
pub(crate) fn parquet_error(path: &Path, error: parquet::errors::ParquetError) -> Error {
    match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(source) => Error::Io { path: path.to_path_buf(), source: *source },
            Err(other) => Error::damaged(path, other),
        },
        other => Error::damaged(path, other),
    }
}

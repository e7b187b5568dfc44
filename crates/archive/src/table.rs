//! A Parquet table defined once: its columns, their documentation, and how each is taken from a row.

use crate::Error;
use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use dane::observation::SCHEMA_VERSION;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows handed to the Parquet writer at a time.
const BATCH_ROWS: usize = 1024;
/// Rows of one row group: what a reader must hold of one column.
const ROW_GROUP_ROWS: usize = 16 * 1024;
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

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Bool,
    List,
    Bytes,
}

/// One column: name, type, meaning, source.
pub(crate) struct Column<T: ?Sized> {
    pub name: &'static str,
    pub kind: Kind,
    pub about: &'static str,
    pub get: fn(&T) -> Cell,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Bool => DataType::Boolean,
            Kind::List => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            Kind::Bytes => DataType::Binary,
        }
    }

    /// The type's name as SQL has it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Kind::Text => "VARCHAR",
            Kind::Int => "BIGINT",
            Kind::Bool => "BOOLEAN",
            Kind::List => "VARCHAR[]",
            Kind::Bytes => "BLOB",
        }
    }

    /// An array of the cells; one of another type becomes null.
    fn array(self, cells: impl Iterator<Item = Cell>) -> ArrayRef {
        match self {
            Kind::Text => Arc::new(cells.map(|c| if let Cell::Text(t) = c { t } else { None }).collect::<arrow_array::StringArray>()),
            Kind::Int => Arc::new(
                cells
                    .map(|c| if let Cell::Int(i) = c { i } else { None })
                    .fold(Int64Builder::new(), |mut b, v| {
                        b.append_option(v);
                        b
                    })
                    .finish(),
            ),
            Kind::Bool => Arc::new(
                cells
                    .map(|c| if let Cell::Bool(v) = c { v } else { None })
                    .fold(BooleanBuilder::new(), |mut b, v| {
                        b.append_option(v);
                        b
                    })
                    .finish(),
            ),
            Kind::List => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for cell in cells {
                    if let Cell::List(items) = cell {
                        items.iter().for_each(|i| builder.values().append_value(i));
                        builder.append(true);
                    } else {
                        builder.append(false);
                    }
                }
                Arc::new(builder.finish())
            }
            Kind::Bytes => {
                let mut builder = BinaryBuilder::new();
                for cell in cells {
                    builder.append_option(if let Cell::Bytes(b) = cell { Some(b) } else { None });
                }
                Arc::new(builder.finish())
            }
        }
    }
}

/// Writes one table to a temporary file, row by row, with bounded memory.
pub(crate) struct TableWriter<T: 'static> {
    columns: &'static [Column<T>],
    schema: Arc<Schema>,
    rows: Vec<T>,
    writer: ArrowWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl<T> TableWriter<T> {
    /// Begins `directory/name.parquet`.
    pub fn create(directory: &Path, name: &str, columns: &'static [Column<T>]) -> Result<Self, Error> {
        let fields: Vec<Field> = columns.iter().map(|c| Field::new(c.name, c.kind.data_type(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let path = directory.join(format!("{name}.parquet"));
        let temporary = directory.join(format!("{name}.parquet.tmp"));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.into(), SCHEMA_VERSION.to_string())]))
            .build();
        let file = File::create(&temporary).map_err(Error::io(&temporary))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|e| parquet_error(&temporary, e))?;
        Ok(Self { columns, schema, rows: Vec::new(), writer, temporary, path })
    }

    /// Adds a row.
    pub fn push(&mut self, row: T) -> Result<(), Error> {
        self.rows.push(row);
        if self.rows.len() >= BATCH_ROWS { self.write_rows() } else { Ok(()) }
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
        let arrays = self.columns.iter().map(|c| c.kind.array(self.rows.iter().map(c.get))).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(|e| Error::damaged(&self.temporary, e))?;
        self.rows.clear();
        self.writer.write(&batch).map_err(|e| parquet_error(&self.temporary, e))
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

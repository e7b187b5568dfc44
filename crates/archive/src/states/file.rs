//! One Parquet file of a table.

use super::manifest::Entry;
use super::parts::Parts;
use super::place::Place;
use super::table::{Access, Table};
use crate::Error;
use crate::table::parquet_error;
use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::sync::Arc;

/// Version of the tables of states. Raise it when a reader of the old form could go wrong, and keep reading the old one.
pub const STATES_SCHEMA: u16 = 1;
/// The key of that version in a file's metadata.
pub(crate) const SCHEMA_KEY: &str = "danelaw.states";
/// Rows that are turned into columns, and back, at a time.
const BATCH_ROWS: usize = 8192;
/// Rows of one row group: what a reader can pass over by the statistics of sorted columns.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Columns of numbers of which there are as many as rounds. The values of others come in short runs that zstd sees, and would not see through
/// the packed places of a dictionary: measured, a quarter of all octets.
const OF_ROUNDS: [&str; 2] = ["valid_from_s", "valid_to_s"];
/// What is written is read for years.
const ZSTD_LEVEL: i32 = 9;

/// Writes the rows as a file of the archive.
pub(crate) fn write<T: Table>(place: &Place, name: &str, rows: &[T], parts: &Parts) -> Result<Entry, Error> {
    let schema = Arc::new(Schema::new(T::COLUMNS.iter().map(|c| Field::new(c.name, data_type(&c.access), true)).collect::<Vec<_>>()));
    let mut sink = place.begin(name)?;
    let path = sink.path().to_path_buf();
    let mut writer = ArrowWriter::try_new(&mut sink, schema.clone(), Some(properties::<T>())).map_err(|e| parquet_error(&path, e))?;
    for rows in rows.chunks(BATCH_ROWS) {
        let arrays = T::COLUMNS.iter().map(|c| array(&c.access, rows, parts)).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|e| Error::damaged(&path, e))?;
        writer.write(&batch).map_err(|e| parquet_error(&path, e))?;
    }
    writer.finish().map_err(|e| parquet_error(&path, e))?;
    drop(writer);
    let (sha256, octets) = sink.publish()?;
    Ok(Entry { table: T::NAME.to_owned(), path: name.to_owned(), rows: rows.len() as u64, octets, sha256, schema: STATES_SCHEMA })
}

fn properties<T: Table>() -> WriterProperties {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.into(), STATES_SCHEMA.to_string())]));
    for column in T::COLUMNS {
        let path = ColumnPath::from(column.name);
        let dictionary = match column.access {
            Access::Int(..) => OF_ROUNDS.contains(&column.name),
            Access::Bytes(..) | Access::JoinedText(_) | Access::JoinedInt(_) => false,
            Access::Bool(..) | Access::Text(..) | Access::Word(..) => true,
        };
        builder = builder.set_column_dictionary_enabled(path, dictionary);
    }
    builder.build()
}

fn data_type<T>(access: &Access<T>) -> DataType {
    match access {
        Access::Int(..) | Access::JoinedInt(_) => DataType::Int64,
        Access::Bool(..) => DataType::Boolean,
        Access::Text(..) | Access::Word(..) | Access::JoinedText(_) => DataType::Utf8,
        Access::Bytes(..) => DataType::Binary,
    }
}

fn array<T>(access: &Access<T>, rows: &[T], parts: &Parts) -> ArrayRef {
    fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        let mut builder = StringBuilder::new();
        values.for_each(|value| builder.append_option(value));
        Arc::new(builder.finish())
    }
    match access {
        Access::Int(take, _) => Arc::new(rows.iter().map(take).collect::<Int64Array>()),
        Access::JoinedInt(take) => Arc::new(rows.iter().map(|row| take(row, parts)).collect::<Int64Array>()),
        Access::Bool(take, _) => Arc::new(rows.iter().map(take).collect::<BooleanArray>()),
        Access::Text(take, _) => text(rows.iter().map(take)),
        Access::Word(take, _) => text(rows.iter().map(|row| take(row).map(|word| parts.text(word)))),
        Access::JoinedText(take) => Arc::new(rows.iter().map(|row| take(row, parts)).collect::<StringArray>()),
        Access::Bytes(take, _) => {
            let mut builder = BinaryBuilder::new();
            rows.iter().for_each(|row| builder.append_option(take(row)));
            Arc::new(builder.finish())
        }
    }
}

/// Hands over the rows of a file, some thousands at a time. Of `columns`, if given, others stay blank; so do columns that the file does not
/// have, being older.
pub(crate) fn read<T: Table>(
    place: &Place,
    entry: &Entry,
    columns: Option<&[&str]>,
    parts: &Parts,
    mut each: impl FnMut(&[T]),
) -> Result<(), Error> {
    let path = place.path(&entry.path);
    let file = File::open(&path).map_err(Error::io(&path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| parquet_error(&path, e))?;
    let metadata = builder.metadata().file_metadata().key_value_metadata();
    let version = metadata.and_then(|m| m.iter().find(|k| k.key == SCHEMA_KEY)).and_then(|k| k.value.as_deref()?.parse::<u64>().ok());
    match version {
        Some(version) if version <= u64::from(STATES_SCHEMA) => {}
        Some(found) => return Err(Error::TooNew { path, found, known: STATES_SCHEMA }),
        None => return Err(Error::damaged(&path, "not a file of an archive of states: it carries no schema version")),
    }
    let wanted: Vec<&str> = T::COLUMNS
        .iter()
        .filter(|c| !matches!(c.access, Access::JoinedText(_) | Access::JoinedInt(_)))
        .map(|c| c.name)
        .filter(|name| columns.is_none_or(|columns| columns.contains(name)))
        .collect();
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| parquet_error(&path, e))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| Error::damaged(&path, e))?;
        rows.clear();
        rows.resize(batch.num_rows(), T::blank());
        for column in T::COLUMNS {
            let Some(array) = batch.column_by_name(column.name) else { continue };
            fill(&column.access, array, &mut rows, parts)
                .map_err(|what| Error::damaged(&path, format!("column {}: {what}", column.name)))?;
        }
        each(&rows);
    }
    Ok(())
}

fn fill<T>(access: &Access<T>, array: &ArrayRef, rows: &mut [T], parts: &Parts) -> Result<(), String> {
    fn cast<A: 'static>(array: &ArrayRef) -> Result<&A, String> {
        array.as_any().downcast_ref::<A>().ok_or_else(|| format!("of the foreign type {}", array.data_type()))
    }
    let put = |done: Option<()>| done.ok_or_else(|| "a value that cannot be".to_owned());
    let present = |index: &usize| array.is_valid(*index);
    match access {
        Access::Int(_, set) => {
            let values = cast::<Int64Array>(array)?.values();
            (0..rows.len()).filter(present).try_for_each(|i| put(set(&mut rows[i], values[i])))
        }
        Access::Bool(_, set) => {
            let values = cast::<BooleanArray>(array)?;
            (0..rows.len()).filter(present).try_for_each(|i| put(set(&mut rows[i], values.value(i))))
        }
        Access::Text(_, set) => {
            let values = cast::<StringArray>(array)?;
            (0..rows.len()).filter(present).try_for_each(|i| put(set(&mut rows[i], values.value(i))))
        }
        Access::Bytes(_, set) => {
            let values = cast::<BinaryArray>(array)?;
            (0..rows.len()).filter(present).try_for_each(|i| put(set(&mut rows[i], values.value(i))))
        }
        Access::Word(_, set) => {
            let values = cast::<StringArray>(array)?;
            // Rows are sorted: mostly it is the word of the row before.
            let mut last = ("", None);
            (0..rows.len()).filter(present).try_for_each(|i| {
                let word = values.value(i);
                if last.1.is_none() || last.0 != word {
                    last = (word, parts.find_word(word));
                }
                put(last.1.and_then(|word| set(&mut rows[i], word)))
            })
        }
        Access::JoinedText(_) | Access::JoinedInt(_) => Ok(()),
    }
}

//! One Parquet file of a table.

use super::manifest::Entry;
use super::model::{DomainState, ServerState, Snapshot, WordId};
use super::parts::Parts;
use super::place::Place;
use super::table::{Access, Column, Table};
use crate::Error;
use crate::columns::{self, Cursor, Source, Value, Values};
use crate::table::parquet_error;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Version of the tables of states. Raise it when a reader of the old form could go wrong, and keep reading the old one.
pub const STATES_SCHEMA: u16 = 1;
/// The key of that version in a file's metadata.
pub(crate) const SCHEMA_KEY: &str = "danelaw.states";
/// Rows that are read at a time: as many as fit into a core's own cache.
const BATCH_ROWS: usize = 2048;
/// Rows of one row group: what a reader can pass over by the statistics of sorted columns.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Columns of numbers of which there are as many as rounds.
const OF_ROUNDS: [&str; 2] = ["valid_from_s", "valid_to_s"];
/// Columns of numbers each of which is a little more than the one before, in tables sorted for that.
const CLOSE: [(&str, &str); 6] = [
    (DomainState::NAME, "domain_id"),
    (DomainState::NAME, "mx_set_id"),
    (DomainState::NAME, "ns_set_id"),
    (Snapshot::NAME, "scheduled_s"),
    (Snapshot::NAME, "started_s"),
    (Snapshot::NAME, "finished_s"),
];
/// What is written is read for years.
const ZSTD_LEVEL: i32 = 9;

/// Writes the rows as a file of the archive.
pub(crate) fn write<T: Table>(place: &Place, name: &str, rows: &[T], parts: &Parts) -> Result<Entry, Error> {
    write_groups(place, name, rows.chunks(ROW_GROUP_ROWS), parts)
}

/// The same of rows that are not all there at once: [`ROW_GROUP_ROWS`] at a time.
pub(crate) fn write_groups<T: Table>(
    place: &Place,
    name: &str,
    groups: impl Iterator<Item = impl AsRef<[T]>>,
    parts: &Parts,
) -> Result<Entry, Error> {
    let mut sink = place.begin(name)?;
    let path = sink.path().to_path_buf();
    let fields = T::COLUMNS.iter().map(|column| (column.name, column.access.kind()));
    let mut writer = columns::create(&mut sink, fields, Arc::new(properties::<T>())).map_err(|e| parquet_error(&path, e))?;
    let mut count = 0;
    for rows in groups {
        let rows = rows.as_ref();
        count += rows.len() as u64;
        let values = |place: usize| T::COLUMNS.get(place).map_or(Values::Int(Vec::new()), |column| values(&column.access, rows, parts));
        columns::write_group(&mut writer, values).map_err(|e| parquet_error(&path, e))?;
    }
    writer.finish().map_err(|e| parquet_error(&path, e))?;
    drop(writer);
    let (sha256, octets) = sink.publish()?;
    Ok(Entry { table: T::NAME.to_owned(), path: name.to_owned(), rows: count, octets, sha256, schema: STATES_SCHEMA })
}

fn properties<T: Table>() -> WriterProperties {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.into(), STATES_SCHEMA.to_string())]));
    for column in T::COLUMNS {
        let path = ColumnPath::from(column.name);
        let form = form::<T>(column);
        builder = builder.set_column_dictionary_enabled(path.clone(), form == Form::Dictionary);
        if form == Form::Differences {
            builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    builder.build()
}

/// How the values of a column stand in a file, before zstd sees them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Dictionary,
    Differences,
}

fn form<T: Table>(column: &Column<T>) -> Form {
    let is_own_number = T::COLUMNS.first().is_some_and(|first| first.name == column.name);
    let is_of_rows_alike = [DomainState::NAME, Snapshot::NAME].contains(&T::NAME);
    match column.access {
        _ if CLOSE.contains(&(T::NAME, column.name)) => Form::Differences,
        Access::Int(..) if OF_ROUNDS.contains(&column.name) => Form::Dictionary,
        // Long runs of the same.
        Access::Int(..) | Access::Bytes(..) if is_of_rows_alike => Form::Dictionary,
        // Tables of parts: they count.
        Access::Int(..) if is_own_number && T::NAME != ServerState::NAME => Form::Differences,
        // Short runs, which zstd sees, and would not see through the packed places of a dictionary: measured, a quarter of all octets.
        Access::Int(..) | Access::Bytes(..) | Access::JoinedText(_) | Access::JoinedInt(_) => Form::Plain,
        Access::Bool(..) | Access::Text(..) | Access::Word(..) => Form::Dictionary,
    }
}

fn values<T>(access: &Access<T>, rows: &[T], parts: &Parts) -> Values {
    match access {
        Access::Int(take, _) => Values::Int(rows.iter().map(take).collect()),
        Access::JoinedInt(take) => Values::Int(rows.iter().map(|row| take(row, parts)).collect()),
        Access::Bool(take, _) => Values::Bool(rows.iter().map(take).collect()),
        Access::Text(take, _) => Values::Bytes(rows.iter().map(|row| take(row).map(ByteArray::from)).collect()),
        Access::Word(take, _) => {
            let mut known: HashMap<WordId, ByteArray> = HashMap::new();
            let mut text = |word| known.entry(word).or_insert_with(|| parts.text(word).into()).clone();
            Values::Bytes(rows.iter().map(|row| take(row).map(&mut text)).collect())
        }
        Access::JoinedText(take) => Values::Bytes(rows.iter().map(|row| take(row, parts).map(|text| text.into_bytes().into())).collect()),
        Access::Bytes(take, _) => Values::Bytes(rows.iter().map(|row| take(row).map(ByteArray::from)).collect()),
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
    let mut file = Reading::open(place, entry, columns)?;
    let mut rows = Vec::new();
    while file.next(BATCH_ROWS, parts, &mut rows)? {
        each(&rows);
    }
    Ok(())
}

/// A file that is being read.
pub(super) struct Reading<T: Table> {
    path: PathBuf,
    wanted: Wanted<T>,
    cursor: Cursor<Source>,
    /// Only rows with this text in the column at this place of those wanted.
    only: Option<(usize, String)>,
}

impl<T: Table> Reading<T> {
    /// Its begin.
    pub fn open(place: &Place, entry: &Entry, columns: Option<&[&str]>) -> Result<Self, Error> {
        let path = place.path(&entry.path);
        let file = place.open(entry)?;
        let octets = file.metadata().map_err(Error::io(&path))?.len();
        let source = Source::new(file).map_err(|e| parquet_error(&path, e))?;
        let version = source.note(SCHEMA_KEY).and_then(|version| version.parse::<u64>().ok());
        match version {
            Some(version) if version <= u64::from(STATES_SCHEMA) => {}
            Some(found) => return Err(Error::TooNew { path, found, known: STATES_SCHEMA }),
            None => return Err(Error::damaged(&path, "not a file of an archive of states: it carries no schema version")),
        }
        // Another table has none of the columns, and all of its rows would be blank: whoever writes must not take that for what was seen.
        if octets != entry.octets {
            let detail = format!("{octets} octets, not the {} that were written; restore it from a copy", entry.octets);
            return Err(Error::damaged(&path, detail));
        }
        let wanted = Wanted::<T>::new(columns);
        let cursor = Cursor::new(source, &wanted.names());
        Ok(Self { path, wanted, cursor, only: None })
    }

    /// Passes over all rows but those with this text in a column that is read.
    pub fn only(mut self, column: &str, text: &str) -> Self {
        let place = self.wanted.columns.iter().position(|wanted| wanted.name == column);
        self.only = place.map(|place| (place, text.to_owned()));
        self
    }

    /// The next rows, at most so many, in the place of what was in `rows`, perhaps none of them wanted; whether there were any.
    pub fn next(&mut self, most: usize, parts: &Parts, rows: &mut Vec<T>) -> Result<bool, Error> {
        let next = self.cursor.next(most).map_err(|e| parquet_error(&self.path, e))?;
        let Some((mut columns, mut count)) = next else { return Ok(false) };
        if let Some((place, text)) = &self.only
            && let Some(Some(values)) = columns.get(*place)
        {
            let kept = values.are(text.as_bytes(), count);
            columns.iter_mut().flatten().for_each(|values| values.keep(&kept));
            count = kept.into_iter().filter(|kept| *kept).count();
        }
        self.wanted.rows(&columns, count, parts, rows).map_err(|what| Error::damaged(&self.path, what))?;
        Ok(true)
    }

    /// What is wrong with what it holds.
    pub fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.path, what)
    }
}

/// Columns that are read back into rows.
pub(super) struct Wanted<T: Table> {
    columns: Vec<&'static Column<T>>,
}

impl<T: Table> Wanted<T> {
    /// Of these columns, or all, those that are not only joined from elsewhere.
    pub fn new(columns: Option<&[&str]>) -> Self {
        let is_read = |column: &&Column<T>| !matches!(column.access, Access::JoinedText(_) | Access::JoinedInt(_));
        let is_asked_for = |column: &&Column<T>| columns.is_none_or(|columns| columns.contains(&column.name));
        Self { columns: T::COLUMNS.iter().filter(is_read).filter(is_asked_for).collect() }
    }

    /// Their names, in their order.
    pub fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// Makes rows of the values of each column; of a column that is not there they stay blank.
    pub fn rows(&self, columns: &[Option<Values>], count: usize, parts: &Parts, rows: &mut Vec<T>) -> Result<(), String> {
        rows.clear();
        rows.resize(count, T::blank());
        for (column, values) in self.columns.iter().zip(columns) {
            let Some(values) = values else { continue };
            fill(&column.access, values, rows, parts).map_err(|what| format!("column {}: {what}", column.name))?;
        }
        Ok(())
    }
}

fn fill<T>(access: &Access<T>, values: &Values, rows: &mut [T], parts: &Parts) -> Result<(), String> {
    fn text(bytes: &ByteArray) -> Result<&str, String> {
        std::str::from_utf8(bytes.data()).map_err(|e| e.to_string())
    }
    let put = |done: Option<()>| done.ok_or_else(|| "a value that cannot be".to_owned());
    match (access, values) {
        (Access::Int(_, set), Values::Ints(values)) => rows.iter_mut().zip(values).try_for_each(|(row, value)| put(set(row, *value))),
        (Access::Int(_, set), Values::Int(values)) => present(rows, values).try_for_each(|(row, value)| put(set(row, *value))),
        (Access::Int(_, set), Values::Same(Value::Int(value))) => rows.iter_mut().try_for_each(|row| put(set(row, *value))),
        (Access::Bool(_, set), Values::Bool(values)) => present(rows, values).try_for_each(|(row, value)| put(set(row, *value))),
        (Access::Bool(_, set), Values::Same(Value::Bool(value))) => rows.iter_mut().try_for_each(|row| put(set(row, *value))),
        (Access::Text(_, set), Values::Bytes(_) | Values::Coded(..) | Values::Same(Value::Bytes(_))) => {
            with_bytes(rows, values).try_for_each(|(row, value)| put(set(row, text(value)?)))
        }
        (Access::Bytes(_, set), Values::Bytes(_) | Values::Coded(..) | Values::Same(Value::Bytes(_))) => {
            with_bytes(rows, values).try_for_each(|(row, value)| put(set(row, value.data())))
        }
        (Access::Word(_, set), Values::Coded(words, places)) => {
            let mut known: Vec<Option<WordId>> = vec![None; words.len()];
            present(rows, places).try_for_each(|(row, place)| {
                let place = *place as usize;
                if known[place].is_none() {
                    known[place] = parts.find_word(text(&words[place])?);
                }
                put(known[place].and_then(|word| set(row, word)))
            })
        }
        (Access::Word(_, set), Values::Bytes(_) | Values::Same(Value::Bytes(_))) => {
            // Rows are sorted: mostly it is the word of the row before.
            let mut last: (&[u8], Option<WordId>) = (&[], None);
            with_bytes(rows, values).try_for_each(|(row, value)| {
                if last.1.is_none() || last.0 != value.data() {
                    last = (value.data(), parts.find_word(text(value)?));
                }
                put(last.1.and_then(|word| set(row, word)))
            })
        }
        (Access::JoinedText(_) | Access::JoinedInt(_), _) => Ok(()),
        _ => Err("of a foreign type".to_owned()),
    }
}

/// Rows that have a value, with it.
fn present<'a, T, V>(rows: &'a mut [T], values: &'a [Option<V>]) -> impl Iterator<Item = (&'a mut T, &'a V)> {
    rows.iter_mut().zip(values).filter_map(|(row, value)| Some((row, value.as_ref()?)))
}

/// The same of texts and bytes, in whatever form they come.
fn with_bytes<'a, T>(rows: &'a mut [T], values: &'a Values) -> impl Iterator<Item = (&'a mut T, &'a ByteArray)> {
    rows.iter_mut().enumerate().filter_map(|(place, row)| Some((row, values.bytes(place)?)))
}

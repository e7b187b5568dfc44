//! Columns to Parquet files and back, by the `parquet` crate's own column readers and writers: Arrow's arrays would add nothing to them here,
//! and take a fifth of the time that danelaw takes to build.

mod coded;

use self::coded::Coded;
use crate::Error;
use crate::table::parquet_error;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use std::borrow::Borrow;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// The type of a column; every value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
    /// Lists of text.
    Texts,
}

impl Kind {
    /// The type's name as SQL has it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Kind::Text => "VARCHAR",
            Kind::Int => "BIGINT",
            Kind::Bool => "BOOLEAN",
            Kind::Texts => "VARCHAR[]",
            Kind::Bytes => "BLOB",
        }
    }

    fn field(self, name: &str) -> Result<TypePtr> {
        let leaf = |name: &str, physical, is_text| {
            let text = if is_text { (Some(LogicalType::String), ConvertedType::UTF8) } else { (None, ConvertedType::NONE) };
            let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            Ok::<_, ParquetError>(Arc::new(builder.with_logical_type(text.0).with_converted_type(text.1).build()?))
        };
        match self {
            Kind::Int => leaf(name, Physical::INT64, false),
            Kind::Bool => leaf(name, Physical::BOOLEAN, false),
            Kind::Bytes => leaf(name, Physical::BYTE_ARRAY, false),
            Kind::Text => leaf(name, Physical::BYTE_ARRAY, true),
            // The three levels that a list has in Parquet.
            Kind::Texts => {
                let element = leaf("element", Physical::BYTE_ARRAY, true)?;
                let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]).build()?;
                let whole = Type::group_type_builder(name)
                    .with_repetition(Repetition::OPTIONAL)
                    .with_logical_type(Some(LogicalType::List))
                    .with_converted_type(ConvertedType::LIST);
                Ok(Arc::new(whole.with_fields(vec![Arc::new(list)]).build()?))
            }
        }
    }
}

/// Values of one column, a row each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    /// Of text and of bytes.
    Bytes(Vec<Option<ByteArray>>),
    /// Only written.
    Lists(Vec<Vec<ByteArray>>),
    /// Only read: none is missing.
    Ints(Vec<i64>),
    /// Only read: this one in every row.
    Same(Value),
    /// Only read: words, and of every row the place of its own among them.
    Coded(Arc<[ByteArray]>, Vec<Option<u32>>),
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    Bool(bool),
    Bytes(ByteArray),
}

/// Levels of definition in a list: it is empty, it has this element.
const EMPTY: i16 = 1;
const ELEMENT: i16 = 3;

impl Values {
    /// A value for each row.
    fn plain(&self, rows: usize) -> Self {
        match self {
            Values::Ints(values) => Values::Int(values.iter().copied().map(Some).collect()),
            Values::Same(Value::Int(value)) => Values::Int(vec![Some(*value); rows]),
            Values::Same(Value::Bool(value)) => Values::Bool(vec![Some(*value); rows]),
            Values::Same(Value::Bytes(value)) => Values::Bytes(vec![Some(value.clone()); rows]),
            Values::Coded(..) => Values::Bytes((0..rows).map(|row| self.bytes(row).cloned()).collect()),
            plain => plain.clone(),
        }
    }

    /// The text or the bytes of a row.
    pub(crate) fn bytes(&self, row: usize) -> Option<&ByteArray> {
        match self {
            Values::Bytes(values) => values.get(row)?.as_ref(),
            Values::Same(Value::Bytes(value)) => Some(value),
            Values::Coded(words, places) => words.get((*places.get(row)?)? as usize),
            _ => None,
        }
    }

    /// Which rows have this text.
    pub(crate) fn are(&self, text: &[u8], rows: usize) -> Vec<bool> {
        match self {
            Values::Bytes(values) => values.iter().map(|value| value.as_ref().is_some_and(|value| value.data() == text)).collect(),
            Values::Same(Value::Bytes(value)) => vec![value.data() == text; rows],
            Values::Coded(words, places) => {
                let wanted = words.iter().position(|word| word.data() == text);
                places.iter().map(|place| place.is_some_and(|place| Some(place as usize) == wanted)).collect()
            }
            _ => vec![false; rows],
        }
    }

    /// Leaves out the rows that are not to be kept.
    pub(crate) fn keep(&mut self, kept: &[bool]) {
        fn keep<T>(values: &mut Vec<T>, kept: &[bool]) {
            let mut kept = kept.iter();
            values.retain(|_| kept.next().copied().unwrap_or(false));
        }
        match self {
            Values::Int(values) => keep(values, kept),
            Values::Bool(values) => keep(values, kept),
            Values::Bytes(values) => keep(values, kept),
            Values::Lists(values) => keep(values, kept),
            Values::Ints(values) => keep(values, kept),
            Values::Coded(_, places) => keep(places, kept),
            Values::Same(_) => {}
        }
    }

    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        match self {
            Values::Int(values) => flat::<Int64Type>(column, values),
            Values::Bool(values) => flat::<BoolType>(column, values),
            Values::Bytes(values) => flat::<ByteArrayType>(column, values),
            Values::Lists(lists) => {
                let (mut definition, mut repetition) = (Vec::new(), Vec::new());
                for list in lists {
                    for place in 0..list.len().max(1) {
                        definition.push(if list.is_empty() { EMPTY } else { ELEMENT });
                        repetition.push(i16::from(place > 0));
                    }
                }
                let values: Vec<ByteArray> = lists.iter().flatten().cloned().collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&definition), Some(&repetition)).map(drop)
            }
            Values::Ints(_) | Values::Same(_) | Values::Coded(..) => {
                Err(ParquetError::General("values as they are read cannot be written".to_owned()))
            }
        }
    }
}

fn flat<D: DataType>(column: &mut SerializedColumnWriter<'_>, values: &[Option<D::T>]) -> Result<()> {
    let definition: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let there: Vec<D::T> = values.iter().flatten().cloned().collect();
    column.typed::<D>().write_batch(&there, Some(&definition), None).map(drop)
}

/// A file with these columns, to be written a row group at a time.
pub(crate) fn create<W: Write + Send>(
    sink: W,
    columns: impl Iterator<Item = (&'static str, Kind)>,
    properties: WriterPropertiesPtr,
) -> Result<SerializedFileWriter<W>> {
    let fields = columns.map(|(name, kind)| kind.field(name)).collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
    SerializedFileWriter::new(sink, Arc::new(schema), properties)
}

/// Writes one row group; `column` gives the values of each column in turn.
pub(crate) fn write_group<W: Write + Send>(writer: &mut SerializedFileWriter<W>, mut column: impl FnMut(usize) -> Values) -> Result<()> {
    let mut group = writer.next_row_group()?;
    let mut place = 0;
    while let Some(mut into) = group.next_column()? {
        column(place).write(&mut into)?;
        into.close()?;
        place += 1;
    }
    group.close().map(drop)
}

/// What is wrong with a file: its form, or what is in it.
pub(crate) enum Wrong {
    Form(ParquetError),
    Content(String),
}

impl From<ParquetError> for Wrong {
    fn from(error: ParquetError) -> Self {
        Wrong::Form(error)
    }
}

impl Wrong {
    pub(crate) fn error(self, path: &Path) -> Error {
        match self {
            Wrong::Form(error) => parquet_error(path, error),
            Wrong::Content(what) => Error::damaged(path, what),
        }
    }
}

/// A file to be read.
pub(crate) struct Source {
    reader: SerializedFileReader<File>,
}

impl Source {
    pub(crate) fn new(file: File) -> Result<Self> {
        Ok(Self { reader: SerializedFileReader::new(file)? })
    }

    /// What its metadata has under this key.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        let notes = self.reader.metadata().file_metadata().key_value_metadata()?;
        notes.iter().find(|note| note.key == key)?.value.as_deref()
    }

    /// Whether there is such a column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.reader.metadata().file_metadata().schema_descr().columns().iter().any(|column| column.path().parts() == [name])
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Reads some thousand rows at a time: of each column asked for its values, or `None` if the file has no such column. A value for each row.
    pub(crate) fn each(
        &self,
        columns: &[&str],
        rows: usize,
        mut each: impl FnMut(&[Option<Values>], usize) -> std::result::Result<(), Wrong>,
    ) -> std::result::Result<(), Wrong> {
        // Other people's statistics are taken for no data.
        self.groups(columns, rows, Column::read_all, |values, rows| {
            let plain: Vec<Option<Values>> = values.iter().map(|values| values.as_ref().map(|values| values.plain(rows))).collect();
            each(&plain, rows)
        })
    }

    fn groups(
        &self,
        columns: &[&str],
        rows: usize,
        open: impl Fn(&dyn RowGroupReader, usize) -> Result<Column>,
        mut each: impl FnMut(&[Option<Values>], usize) -> std::result::Result<(), Wrong>,
    ) -> std::result::Result<(), Wrong> {
        let mut cursor = Cursor::new(self, columns);
        while let Some((values, rows)) = cursor.next_by(rows, &open)? {
            each(&values, rows)?;
        }
        Ok(())
    }
}

/// A place in a file: what comes is asked for, so that several files can be read side by side.
pub(crate) struct Cursor<S> {
    source: S,
    /// Of the columns asked for: where they are in the file.
    places: Vec<Option<usize>>,
    /// The row group that comes next.
    group: usize,
    /// Of the one before.
    readers: Vec<Option<Column>>,
    left: usize,
}

impl<S: Borrow<Source>> Cursor<S> {
    /// At the begin.
    pub(crate) fn new(source: S, columns: &[&str]) -> Self {
        let schema = source.borrow().reader.metadata().file_metadata().schema_descr();
        let place = |name: &&str| schema.columns().iter().position(|c| c.path().parts() == [*name]);
        let places = columns.iter().map(place).collect();
        Self { source, places, group: 0, readers: Vec::new(), left: 0 }
    }

    /// The next rows of a file that we wrote, at most so many: their values as they come, and how many they are. `None`: there are no more.
    pub(crate) fn next(&mut self, most: usize) -> Result<Option<(Vec<Option<Values>>, usize)>> {
        self.next_by(most, &Column::open)
    }

    fn next_by(
        &mut self,
        most: usize,
        open: &dyn Fn(&dyn RowGroupReader, usize) -> Result<Column>,
    ) -> Result<Option<(Vec<Option<Values>>, usize)>> {
        let reader = &self.source.borrow().reader;
        while self.left == 0 {
            if self.group >= reader.num_row_groups() {
                return Ok(None);
            }
            let group = reader.get_row_group(self.group)?;
            let open = |place: &Option<usize>| place.map(|place| open(&*group, place)).transpose();
            self.readers = self.places.iter().map(open).collect::<Result<Vec<_>>>()?;
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.group += 1;
        }
        let rows = self.left.min(most);
        self.left -= rows;
        let read = |column: &mut Option<Column>| column.as_mut().map(|column| column.read(rows)).transpose();
        Ok(Some((self.readers.iter_mut().map(read).collect::<Result<Vec<_>>>()?, rows)))
    }
}

/// A column of one row group.
enum Column {
    Reader(Box<ColumnReader>),
    Coded(Box<Coded>),
    /// The group's statistics say that all rows have this value: nothing has to be read.
    Same(Value),
}

impl Column {
    fn open(group: &dyn RowGroupReader, place: usize) -> Result<Self> {
        if let Some(value) = group.metadata().column(place).statistics().and_then(only_value) {
            return Ok(Column::Same(value));
        }
        Coded::open(group, place)?.map_or_else(|| Self::read_all(group, place), |coded| Ok(Column::Coded(Box::new(coded))))
    }

    fn read_all(group: &dyn RowGroupReader, place: usize) -> Result<Self> {
        Ok(Column::Reader(Box::new(group.get_column_reader(place)?)))
    }

    fn read(&mut self, rows: usize) -> Result<Values> {
        let reader = match self {
            Column::Same(value) => return Ok(Values::Same(value.clone())),
            Column::Coded(coded) => return coded.read(rows),
            Column::Reader(reader) => &mut **reader,
        };
        match reader {
            ColumnReader::Int64ColumnReader(reader) => {
                let (levels, values) = flat_values(reader, rows)?;
                Ok(if values.len() == rows { Values::Ints(values) } else { Values::Int(spread(&levels, values)) })
            }
            // Other people's.
            ColumnReader::Int32ColumnReader(reader) => {
                Ok(Values::Int(optional(reader, rows)?.into_iter().map(|value| value.map(i64::from)).collect()))
            }
            ColumnReader::BoolColumnReader(reader) => Ok(Values::Bool(optional(reader, rows)?)),
            ColumnReader::ByteArrayColumnReader(reader) => Ok(Values::Bytes(optional(reader, rows)?)),
            _ => Err(ParquetError::General("a column of a foreign type".to_owned())),
        }
    }
}

/// The value of every row, if none is missing and the least is the greatest. Long texts may stand shortened in statistics.
fn only_value(statistics: &Statistics) -> Option<Value> {
    let exact = statistics.null_count_opt() == Some(0) && statistics.min_is_exact() && statistics.max_is_exact();
    let same = || Some(statistics.min_bytes_opt()? == statistics.max_bytes_opt()?);
    if !exact || same() != Some(true) {
        return None;
    }
    match statistics {
        Statistics::Int64(values) => values.min_opt().copied().map(Value::Int),
        Statistics::Boolean(values) => values.min_opt().copied().map(Value::Bool),
        Statistics::ByteArray(values) => values.min_opt().cloned().map(Value::Bytes),
        _ => None,
    }
}

/// Levels of definition, none if nothing may be missing, and the values that are there.
fn flat_values<D: DataType>(reader: &mut ColumnReaderImpl<D>, rows: usize) -> Result<(Vec<i16>, Vec<D::T>)> {
    let (mut definition, mut values) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let (records, ..) = reader.read_records(rows, Some(&mut definition), None, &mut values)?;
    if records != rows {
        return Err(ParquetError::General(format!("a column ends {} rows early", rows - records)));
    }
    Ok((definition, values))
}

fn spread<T>(definition: &[i16], values: Vec<T>) -> Vec<Option<T>> {
    let mut values = values.into_iter();
    definition.iter().map(|level| if *level > 0 { values.next() } else { None }).collect()
}

fn optional<D: DataType>(reader: &mut ColumnReaderImpl<D>, rows: usize) -> Result<Vec<Option<D::T>>> {
    let (definition, values) = flat_values(reader, rows)?;
    Ok(if values.len() == rows { values.into_iter().map(Some).collect() } else { spread(&definition, values) })
}

//! States in Arrow's stream format: how other programs hand them over, as Spark does with the partitions of a table.

use super::file::Wanted;
use super::model::{DomainState, ServerState};
use super::parts::Parts;
use super::table::Table;
use crate::columns::Values;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, BinaryArray, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::data_type::ByteArray;
use std::io::{Read, Write};
use std::sync::Arc;

/// Rows of `server_state` or of `domain_state`, told apart by their columns.
#[derive(Clone, Copy, Debug)]
pub enum States<'a> {
    /// Of servers.
    Servers(&'a [ServerState]),
    /// Of domains.
    Domains(&'a [DomainState]),
}

/// Reads a stream of record batches whose columns have the names and types of `server_state` or `domain_state` in docs/schema.md: in any order, all
/// or some, others beside them. `parts` are those of the archive that the states come from.
///
/// # Errors
/// In one line: not a stream of Arrow, cut off, a column of another type, a value that cannot be.
pub fn read(input: impl Read, parts: &Parts, mut each: impl FnMut(States<'_>)) -> Result<(), String> {
    let reader = StreamReader::try_new(input, None).map_err(|e| format!("not a stream of Arrow: {e}"))?;
    let has = |name: &str| reader.schema().column_with_name(name).is_some();
    match (has("server_id"), has("domain_id")) {
        (true, false) => rows::<ServerState>(reader, parts, |rows| each(States::Servers(rows))),
        (false, true) => rows::<DomainState>(reader, parts, |rows| each(States::Domains(rows))),
        _ => Err("neither states of servers nor of domains: it has to have one of the columns server_id and domain_id".to_owned()),
    }
}

fn rows<T: Table>(reader: StreamReader<impl Read>, parts: &Parts, mut each: impl FnMut(&[T])) -> Result<(), String> {
    let wanted = Wanted::<T>::new(None);
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| format!("the stream of Arrow breaks off: {e}"))?;
        let column = |name: &&str| batch.column_by_name(name).map(|array| values(array).ok_or_else(|| foreign(name, array))).transpose();
        let columns = wanted.names().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        wanted.rows(&columns, batch.num_rows(), parts, &mut rows)?;
        each(&rows);
    }
    Ok(())
}

fn foreign(name: &str, array: &dyn Array) -> String {
    format!("column {name}: of a foreign type ({})", array.data_type())
}

/// Values of a column in one of the types that the tables have.
fn values(array: &Arc<dyn Array>) -> Option<Values> {
    fn bytes<'a, B: AsRef<[u8]> + ?Sized + 'a>(each: impl Iterator<Item = Option<&'a B>>) -> Values {
        Values::Bytes(each.map(|value| value.map(|value| ByteArray::from(value.as_ref()))).collect())
    }
    Some(match array.data_type() {
        DataType::Int64 => Values::Int(array.as_primitive::<Int64Type>().iter().collect()),
        DataType::Boolean => Values::Bool(array.as_boolean().iter().collect()),
        DataType::Utf8 => bytes(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => bytes(array.as_string::<i64>().iter()),
        DataType::Binary => bytes(array.as_binary::<i32>().iter()),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().iter()),
        // A column of nulls only.
        DataType::Null => Values::Int(vec![None; array.len()]),
        _ => return None,
    })
}

/// What was counted, by the name of the question.
pub type Counted = (String, Vec<u8>);

/// Writes what was counted as one batch: `question` VARCHAR, `part` BLOB.
///
/// # Errors
/// Those of the system.
pub fn write_parts(output: impl Write, parts: &[Counted]) -> Result<(), ArrowError> {
    let fields = vec![Field::new("question", DataType::Utf8, false), Field::new("part", DataType::Binary, false)];
    let schema = Arc::new(Schema::new(fields));
    let questions: StringArray = parts.iter().map(|(question, _)| Some(question.as_str())).collect();
    let counted: BinaryArray = parts.iter().map(|(_, part)| Some(part.as_slice())).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(questions), Arc::new(counted)])?;
    let mut writer = StreamWriter::try_new(output, &schema)?;
    writer.write(&batch)?;
    writer.finish()
}

/// Reads what [`write_parts`] wrote, or many such batches one after the other in one stream.
///
/// # Errors
/// In one line: not a stream of Arrow, or other columns.
pub fn read_parts(input: impl Read) -> Result<Vec<Counted>, String> {
    let reader = StreamReader::try_new(input, None).map_err(|e| format!("not a stream of Arrow: {e}"))?;
    let mut parts = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| format!("the stream of Arrow breaks off: {e}"))?;
        let column = |name: &str| match batch.column_by_name(name).and_then(values) {
            Some(Values::Bytes(values)) => Ok(values),
            _ => Err(format!("no column {name} as 'analyse --arrow' writes it")),
        };
        for pair in column("question")?.into_iter().zip(column("part")?) {
            let (Some(question), Some(part)) = pair else { return Err("a question or part is null".to_owned()) };
            parts.push((String::from_utf8_lossy(question.data()).into_owned(), part.data().to_vec()));
        }
    }
    Ok(parts)
}

//! The Parquet form of one run: made from its log, and read back.

use crate::record::{self, Certificates, Record, Skipped};
use crate::table::{Completed, SCHEMA_KEY, TableWriter, parquet_error};
use crate::tables::{self, HostRow, ServerRow};
use crate::{Error, Reader};
use arrow_array::{Array, BinaryArray, RecordBatch, StringArray};
use dane::name::Name;
use dane::observation::{CertificateBytes, DomainObservation, HostObservation, RunObservation, SCHEMA_VERSION};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

/// The tables of a run, in the order in which they get their names: the last one makes the run whole.
pub const PARQUET_FILES: [&str; 6] = ["certificates", "servers", "hosts", "domains", "skipped", "snapshot"];

struct Tables {
    certificates: TableWriter<CertificateBytes>,
    servers: TableWriter<ServerRow>,
    hosts: TableWriter<HostRow>,
    domains: TableWriter<DomainObservation>,
    skipped: TableWriter<Skipped>,
    snapshot: TableWriter<RunObservation>,
}

/// Makes the files from a log. Memory is bounded by row groups and by the run's certificates.
pub(crate) fn write<R: BufRead>(directory: &Path, log: &mut Reader<R>) -> Result<(), Error> {
    let mut tables = Tables {
        certificates: TableWriter::create(directory, "certificates", tables::CERTIFICATES)?,
        servers: TableWriter::create(directory, "servers", tables::SERVERS)?,
        hosts: TableWriter::create(directory, "hosts", tables::HOSTS)?,
        domains: TableWriter::create(directory, "domains", tables::DOMAINS)?,
        skipped: TableWriter::create(directory, "skipped", tables::SKIPPED)?,
        snapshot: TableWriter::create(directory, "snapshot", tables::SNAPSHOT)?,
    };
    let mut run = None;
    while let Some(record) = log.next_record()? {
        match record {
            Record::Run(r) => run = Some(*r),
            Record::Certificate(c) => tables.certificates.push(c)?,
            Record::Domain(d) => tables.domains.push(*d)?,
            Record::Host(h) => push_host(&mut tables, *h, directory)?,
            Record::Skipped(s) => tables.skipped.push(s)?,
        }
    }
    if let Some(run) = run {
        tables.snapshot.push(run)?;
    }
    let completed = [
        tables.certificates.complete()?,
        tables.servers.complete()?,
        tables.hosts.complete()?,
        tables.domains.complete()?,
        tables.skipped.complete()?,
        tables.snapshot.complete()?,
    ];
    completed.into_iter().try_for_each(Completed::publish)
}

fn push_host(tables: &mut Tables, mut host: HostObservation, directory: &Path) -> Result<(), Error> {
    let broken = |e: serde_json::Error| Error::damaged(directory, e);
    let whole = record::host_by_reference(&host).map_err(broken)?;
    let jsons = whole.get("servers").and_then(|s| s.as_array()).cloned().unwrap_or_default();
    for (server, json) in std::mem::take(&mut host.servers).into_iter().zip(jsons) {
        let json = json.to_string();
        tables.servers.push(ServerRow { host: host.host.clone(), port: host.port, server, json })?;
    }
    let json = serde_json::to_string(&host).map_err(broken)?;
    tables.hosts.push(HostRow { host, json })
}

/// The run's metadata.
pub(crate) fn read_run(directory: &Path) -> Result<Option<RunObservation>, Error> {
    let mut run = None;
    each_json(&directory.join("snapshot.parquet"), |json| {
        run = Some(serde_json::from_str(json).map_err(|e| e.to_string())?);
        Ok(())
    })?;
    Ok(run)
}

/// All hosts, with servers and certificates filled in.
pub(crate) fn read_hosts(directory: &Path) -> Result<HashMap<Name, Arc<HostObservation>>, Error> {
    let certificates = read_certificates(directory)?;
    let mut servers: HashMap<(String, u16), Vec<Value>> = HashMap::new();
    each_row(&directory.join("servers.parquet"), &["host", "port", "json"], |batch| {
        let (hosts, jsons) = (strings(batch, "host")?, strings(batch, "json")?);
        for row in 0..batch.num_rows() {
            let server = serde_json::from_str(jsons.value(row)).map_err(|e| e.to_string())?;
            servers.entry((hosts.value(row).to_owned(), port(batch, row)?)).or_default().push(server);
        }
        Ok(())
    })?;
    let mut hosts = HashMap::new();
    each_row(&directory.join("hosts.parquet"), &["host", "port", "json"], |batch| {
        let (names, jsons) = (strings(batch, "host")?, strings(batch, "json")?);
        for row in 0..batch.num_rows() {
            let mut fields: Map<String, Value> = serde_json::from_str(jsons.value(row)).map_err(|e| e.to_string())?;
            if let Some(found) = servers.remove(&(names.value(row).to_owned(), port(batch, row)?)) {
                fields.insert("servers".to_owned(), found.into());
            }
            let host = record::host_from_reference(Value::Object(fields), &certificates)?;
            hosts.insert(host.host.clone(), Arc::new(host));
        }
        Ok(())
    })?;
    Ok(hosts)
}

/// Every domain, in the order written.
pub(crate) fn each_domain(directory: &Path, mut each: impl FnMut(DomainObservation)) -> Result<(), Error> {
    each_json(&directory.join("domains.parquet"), |json| {
        each(serde_json::from_str(json).map_err(|e| e.to_string())?);
        Ok(())
    })
}

/// Every target that was not looked at.
pub(crate) fn each_skipped(directory: &Path, mut each: impl FnMut(Skipped)) -> Result<(), Error> {
    each_json(&directory.join("skipped.parquet"), |json| {
        each(serde_json::from_str(json).map_err(|e| e.to_string())?);
        Ok(())
    })
}

fn read_certificates(directory: &Path) -> Result<Certificates, Error> {
    let mut certificates = Certificates::new();
    each_row(&directory.join("certificates.parquet"), &["sha256", "der"], |batch| {
        let names = strings(batch, "sha256")?;
        let bytes = batch.column_by_name("der").and_then(|c| c.as_any().downcast_ref::<BinaryArray>()).ok_or("no column der")?;
        for row in 0..batch.num_rows() {
            certificates.insert(names.value(row).to_owned(), CertificateBytes(bytes.value(row).into()));
        }
        Ok(())
    })?;
    Ok(certificates)
}

fn port(batch: &RecordBatch, row: usize) -> Result<u16, String> {
    let column = batch.column_by_name("port").and_then(|c| c.as_any().downcast_ref::<arrow_array::Int64Array>()).ok_or("no column port")?;
    u16::try_from(column.value(row)).map_err(|e| e.to_string())
}

fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref()).ok_or_else(|| format!("no column {name}"))
}

fn each_json(path: &Path, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<(), Error> {
    each_row(path, &["json"], |batch| {
        let jsons = strings(batch, "json")?;
        (0..batch.num_rows()).try_for_each(|row| each(jsons.value(row)))
    })
}

fn each_row(path: &Path, columns: &[&str], mut each: impl FnMut(&RecordBatch) -> Result<(), String>) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| parquet_error(path, e))?;
    let metadata = builder.metadata().file_metadata();
    let version = metadata.key_value_metadata().and_then(|m| m.iter().find(|k| k.key == SCHEMA_KEY)).and_then(|k| k.value.as_deref());
    let version: u64 =
        version.and_then(|v| v.parse().ok()).ok_or_else(|| Error::damaged(path, "not written by danelaw: it carries no schema version"))?;
    if version > u64::from(SCHEMA_VERSION) {
        return Err(Error::TooNew { path: path.to_path_buf(), found: version, known: SCHEMA_VERSION });
    }
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build().map_err(|e| parquet_error(path, e))?;
    for batch in reader {
        each(&batch.map_err(|e| Error::damaged(path, e))?).map_err(|e| Error::damaged(path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::observation::{AddressObservation, Connect};

    fn server(host: &Name) -> ServerRow {
        let server = AddressObservation::new([192, 0, 2, 1].into(), 25, 0, Connect::Refused);
        ServerRow { host: host.clone(), port: 25, json: serde_json::to_string(&server).unwrap(), server }
    }

    #[test]
    fn a_host_that_is_no_object_is_damage() {
        let host = HostObservation::unseen(&Name::root_bytes(), 25, 0);
        for (json, good) in [(serde_json::to_string(&host).unwrap(), true), ("[1]".to_owned(), false), ("\"x\"".to_owned(), false)] {
            let directory = tempfile::tempdir().unwrap();
            let mut hosts = TableWriter::create(directory.path(), "hosts", tables::HOSTS).unwrap();
            let mut servers = TableWriter::create(directory.path(), "servers", tables::SERVERS).unwrap();
            let certificates = TableWriter::<CertificateBytes>::create(directory.path(), "certificates", tables::CERTIFICATES).unwrap();
            servers.push(server(&host.host)).unwrap();
            hosts.push(HostRow { host: host.clone(), json: json.clone() }).unwrap();
            let completed = [hosts.complete().unwrap(), servers.complete().unwrap(), certificates.complete().unwrap()];
            completed.into_iter().try_for_each(Completed::publish).unwrap();
            match read_hosts(directory.path()) {
                Ok(found) => assert!(good && found.values().all(|h| h.servers.len() == 1), "{json}"),
                Err(error) => assert!(!good && matches!(error, Error::Damaged { .. }), "{json}: {error}"),
            }
        }
    }
}

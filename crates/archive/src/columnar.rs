//! The Parquet form of one run: made from its log, and read back.

use crate::columns::{Source, Values, Wrong};
use crate::record::{self, Certificates, Record, Skipped};
use crate::table::{Completed, SCHEMA_KEY, TableWriter, parquet_error};
use crate::tables::{self, HostRow, ServerRow};
use crate::{Error, Reader};
use dane::name::Name;
use dane::observation::{CertificateBytes, DomainObservation, HostObservation, RunObservation, SCHEMA_VERSION};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

/// The tables of a run, in the order in which they get their names: the last one makes the run whole.
pub const PARQUET_FILES: [&str; 6] = ["certificates", "servers", "hosts", "domains", "skipped", "snapshot"];

/// Rows that are read at a time.
const BATCH_ROWS: usize = 1024;

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
    each_row(&directory.join("servers.parquet"), ["host", "port", "json"], |row| {
        let server = serde_json::from_str(row.text(2)?).map_err(|e| e.to_string())?;
        servers.entry((row.text(0)?.to_owned(), row.port(1)?)).or_default().push(server);
        Ok(())
    })?;
    let mut hosts = HashMap::new();
    each_row(&directory.join("hosts.parquet"), ["host", "port", "json"], |row| {
        let mut fields: Map<String, Value> = serde_json::from_str(row.text(2)?).map_err(|e| e.to_string())?;
        if let Some(found) = servers.remove(&(row.text(0)?.to_owned(), row.port(1)?)) {
            fields.insert("servers".to_owned(), found.into());
        }
        let host = record::host_from_reference(Value::Object(fields), &certificates)?;
        hosts.insert(host.host.clone(), Arc::new(host));
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
    each_row(&directory.join("certificates.parquet"), ["sha256", "der"], |row| {
        certificates.insert(row.text(0)?.to_owned(), CertificateBytes(row.bytes(1)?.into()));
        Ok(())
    })?;
    Ok(certificates)
}

fn each_json(path: &Path, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<(), Error> {
    each_row(path, ["json"], |row| each(row.text(0)?))
}

/// One row of the columns asked for, by their places.
struct Row<'a> {
    columns: &'a [Option<Values>],
    index: usize,
}

impl<'a> Row<'a> {
    fn bytes(&self, column: usize) -> Result<&'a [u8], String> {
        match self.columns.get(column).and_then(Option::as_ref) {
            Some(Values::Bytes(values)) => {
                values.get(self.index).and_then(Option::as_ref).map(|b| b.data()).ok_or("a value is missing".into())
            }
            _ => Err("a column is missing, or of a foreign type".to_owned()),
        }
    }

    fn text(&self, column: usize) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes(column)?).map_err(|e| e.to_string())
    }

    fn port(&self, column: usize) -> Result<u16, String> {
        match self.columns.get(column).and_then(Option::as_ref) {
            Some(Values::Int(values)) => {
                let port = values.get(self.index).copied().flatten().ok_or("a port is missing")?;
                u16::try_from(port).map_err(|e| e.to_string())
            }
            _ => Err("no column of ports".to_owned()),
        }
    }
}

fn each_row<const N: usize>(path: &Path, columns: [&str; N], mut each: impl FnMut(&Row) -> Result<(), String>) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let source = Source::new(file).map_err(|e| parquet_error(path, e))?;
    let version = source.note(SCHEMA_KEY).and_then(|version| version.parse::<u64>().ok());
    let version = version.ok_or_else(|| Error::damaged(path, "not written by danelaw: it carries no schema version"))?;
    if version > u64::from(SCHEMA_VERSION) {
        return Err(Error::TooNew { path: path.to_path_buf(), found: version, known: SCHEMA_VERSION });
    }
    let rows =
        |columns: &[Option<Values>], rows: usize| (0..rows).try_for_each(|index| each(&Row { columns, index })).map_err(Wrong::Content);
    source.each(&columns, BATCH_ROWS, rows).map_err(|wrong| wrong.error(path))
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

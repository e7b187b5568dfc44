//! Between parts in memory and the rows of their tables.

use super::model::{Cert, Digest, Evidence, Id, MxSet, NsSet, ServerKey};
use super::parts::Parts;
use super::store::{Archive, Columns};
use super::table::Table;
use super::tables::{CertRow, ChainRow, DerRow, DomainRow, EvidenceRow, MxRow, NsRow, ServerRow, TlsaRow, WordRow};
use crate::Error;

/// A table of parts: what is in no file yet, as rows.
pub(crate) trait Fresh: Table {
    fn fresh(parts: &Parts) -> Vec<Self>;
}

impl Fresh for WordRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        parts.words.fresh().map(|(place, word)| Self { id: Id::at(place), word: word.clone() }).collect()
    }
}

impl Fresh for ServerRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let row = |(place, key): (usize, &ServerKey)| Self {
            id: Id::at(place),
            key: key.clone(),
            address: key.address.map(|address| address.to_string()),
        };
        parts.servers.fresh().map(row).collect()
    }
}

impl Fresh for DomainRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        parts.domains.fresh().map(|(place, domain)| Self { id: Id::at(place), domain: domain.clone() }).collect()
    }
}

impl Fresh for CertRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        parts.certs.fresh().map(|(place, _, der)| Self { id: Id::at(place), cert: Cert::read(der) }).collect()
    }
}

impl Fresh for DerRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        parts.certs.fresh().map(|(place, _, der)| Self { id: Id::at(place), cert: der.clone() }).collect()
    }
}

/// One row for each member, or one without.
fn members<M, R>(members: &[M], row: impl Fn(Option<(usize, &M)>) -> R) -> Vec<R> {
    if members.is_empty() { vec![row(None)] } else { members.iter().enumerate().map(|member| row(Some(member))).collect() }
}

impl Fresh for ChainRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let rows = parts.chains.fresh().flat_map(|(place, sha256, chain)| {
            members(&chain.certs, |member| Self {
                id: Id::at(place),
                sha256: *sha256,
                place: member.and_then(|(place, _)| u16::try_from(place).ok()),
                cert: member.map(|(_, cert)| *cert),
            })
        });
        rows.collect()
    }
}

impl Fresh for TlsaRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let rows = parts.tlsa_sets.fresh().flat_map(|(place, sha256, set)| {
            members(&set.records, |member| Self {
                id: Id::at(place),
                sha256: *sha256,
                usage: member.map(|(_, record)| record.usage),
                selector: member.map(|(_, record)| record.selector),
                matching: member.map(|(_, record)| record.matching),
                data: member.map(|(_, record)| record.data.clone()),
            })
        });
        rows.collect()
    }
}

impl Fresh for EvidenceRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let row =
            |(place, sha256, one): (usize, &_, &Evidence)| Self { id: Id::at(place), sha256: *sha256, messages: one.messages.clone() };
        parts.evidence.fresh().map(row).collect()
    }
}

impl Fresh for MxRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let rows = parts.mx_sets.fresh().flat_map(|(place, _, set)| {
            members(&set.hosts, |member| Self {
                id: Id::at(place),
                preference: member.map(|(_, (preference, _))| *preference),
                host: member.map(|(_, (_, host))| host.clone()),
            })
        });
        rows.collect()
    }
}

impl Fresh for NsRow {
    fn fresh(parts: &Parts) -> Vec<Self> {
        let rows = parts.ns_sets.fresh().flat_map(|(place, _, set)| {
            members(&set.hosts, |member| Self { id: Id::at(place), host: member.map(|(_, host)| host.clone()) })
        });
        rows.collect()
    }
}

impl Archive {
    /// Words and servers by their numbers.
    pub(super) fn load_names(&mut self) -> Result<(), Error> {
        let (mut words, mut servers) = (Vec::new(), Vec::new());
        self.files::<WordRow>(Columns::All, |rows| words.extend_from_slice(rows))?;
        self.files::<ServerRow>(Columns::All, |rows| servers.extend_from_slice(rows))?;
        for (place, row) in words.into_iter().enumerate() {
            self.in_order::<WordRow>(row.id.index(), place)?;
            self.parts.words.known(row.word);
        }
        for (place, row) in servers.into_iter().enumerate() {
            self.in_order::<ServerRow>(row.id.index(), place)?;
            let address = row.address.map(|text| text.parse()).transpose();
            let address = address.map_err(|e| Error::damaged(&self.place.path(ServerRow::NAME), format!("server {}: {e}", place + 1)))?;
            self.parts.servers.known(ServerKey { address, ..row.key });
        }
        Ok(())
    }

    /// The names of all other parts.
    pub(super) fn load_content(&mut self) -> Result<(), Error> {
        let mut domains = Vec::new();
        self.files::<DomainRow>(Columns::All, |rows| domains.extend_from_slice(rows))?;
        for (place, row) in domains.into_iter().enumerate() {
            self.in_order::<DomainRow>(row.id.index(), place)?;
            self.parts.domains.known(row.domain);
        }
        let name = Columns::Only(&["cert_id", "sha256"]);
        self.digests::<CertRow>(name, |row| (row.id.index(), row.cert.sha256))?.for_each(|d| self.parts.certs.known(d));
        let name = Columns::Only(&["chain_id", "sha256"]);
        self.digests::<ChainRow>(name, |row| (row.id.index(), row.sha256))?.for_each(|d| self.parts.chains.known(d));
        let name = Columns::Only(&["tlsa_set_id", "sha256"]);
        self.digests::<TlsaRow>(name, |row| (row.id.index(), row.sha256))?.for_each(|d| self.parts.tlsa_sets.known(d));
        let name = Columns::Only(&["evidence_id", "sha256"]);
        self.digests::<EvidenceRow>(name, |row| (row.id.index(), row.sha256))?.for_each(|d| self.parts.evidence.known(d));
        self.mx_sets()?.iter().map(MxSet::sha256).for_each(|d| self.parts.mx_sets.known(d));
        self.ns_sets()?.iter().map(NsSet::sha256).for_each(|d| self.parts.ns_sets.known(d));
        Ok(())
    }

    /// The digests of a table's things, each once, by their numbers.
    fn digests<T: Table>(&self, columns: Columns<'_>, get: impl Fn(&T) -> (usize, Digest)) -> Result<std::vec::IntoIter<Digest>, Error> {
        let mut found: Vec<(usize, Digest)> = Vec::new();
        self.files::<T>(columns, |rows| found.extend(rows.iter().map(&get)))?;
        found.dedup_by_key(|(place, _)| *place);
        for (place, (id, _)) in found.iter().enumerate() {
            self.in_order::<T>(*id, place)?;
        }
        Ok(found.into_iter().map(|(_, digest)| digest).collect::<Vec<_>>().into_iter())
    }
}

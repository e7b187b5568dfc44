//! Rows of states and rounds in which everything stands for itself.
//!
//! Columns have the names that they have in docs/schema.md. In the place of numbers stand the things themselves: `tlsa` the records as zone
//! files have them, `chain` the SHA-256 of the certificates, `mx` preference and host, `ns` the name servers. Evidence is left out.

use super::{Only, Wanted};
use crate::Error;
use crate::states::model::{
    Cert, Chain, Domain, DomainState, Id, KeyType, MxSet, NsSet, ServerKey, ServerState, Snapshot, TlsaSet, WordId,
};
use crate::states::{Archive, Columns, Table as _};
use serde_json::Value;

/// Names and values of one row, in the order of the columns.
pub type Cells<'a> = &'a [(&'static str, Value)];

/// What there are rows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// States of servers.
    Servers,
    /// States of domains.
    Domains,
    /// Rounds: only they tell what was missed.
    Rounds,
}

/// Every table, with its name in docs/schema.md.
pub const TABLES: [(Table, &str); 3] = [(Table::Servers, "server_state"), (Table::Domains, "domain_state"), (Table::Rounds, "snapshot")];

/// Hands over the rows of a table, in the order of its files.
///
/// # Errors
/// If a file cannot be read, or the vantage point is none of the archive's.
pub fn rows(archive: &Archive, table: Table, wanted: &Wanted, mut each: impl FnMut(Cells<'_>)) -> Result<(), Error> {
    let only = wanted.of(archive)?;
    match table {
        Table::Servers => servers(archive, &only, each),
        Table::Domains => domains(archive, &only, each),
        Table::Rounds => {
            let rounds = archive.snapshots().iter().filter(|round| only.round(round));
            rounds.for_each(|round| each(&round_cells(archive, round)));
            Ok(())
        }
    }
}

/// The names of a table's columns.
pub(super) fn names(archive: &Archive, table: Table) -> Vec<&'static str> {
    fn of<const N: usize>(cells: [(&'static str, Value); N]) -> Vec<&'static str> {
        cells.into_iter().map(|(name, _)| name).collect()
    }
    match table {
        Table::Servers => of(server_cells(archive, &ServerKey::new("", 0, None), &ServerState::blank(), None, None)),
        Table::Domains => of(domain_cells(archive, &Domain { domain: "".into() }, &DomainState::blank(), None, None)),
        Table::Rounds => of(round_cells(archive, &Snapshot::blank())),
    }
}

fn servers(archive: &Archive, only: &Only, mut each: impl FnMut(Cells<'_>)) -> Result<(), Error> {
    let certs: Vec<Cert> = archive.certs(Columns::Only(&["sha256"]))?;
    let (chains, sets): (Vec<Chain>, Vec<TlsaSet>) = (archive.chains()?, archive.tlsa_sets()?);
    let chain = |chain: &Chain| -> Value {
        chain.certs.iter().filter_map(|id| certs.get(id.index())).map(|cert| cert.sha256.to_string()).collect()
    };
    let records = |set: &TlsaSet| -> Value { set.records.iter().map(ToString::to_string).collect() };
    archive.server_states(Columns::All, |states| {
        for state in states.iter().filter(|state| only.state(state.vantage, state.span)) {
            let Some(key) = archive.servers().get(state.key.index()) else { continue };
            let set = state.seen.tlsa_set.and_then(|id| sets.get(id.index())).map(&records);
            let chain = state.seen.chain.and_then(|id| chains.get(id.index())).map(&chain);
            each(&server_cells(archive, key, state, set, chain));
        }
    })
}

fn server_cells(
    archive: &Archive,
    key: &ServerKey,
    state: &ServerState,
    tlsa: Option<Value>,
    chain: Option<Value>,
) -> [(&'static str, Value); 27] {
    let word = |id: Option<WordId>| id.map(|id| archive.parts().text(id));
    let (seen, notes) = (&state.seen, &state.notes);
    let key_type: KeyType = key.key_type;
    [
        ("host", (&*key.host).into()),
        ("port", key.port.into()),
        ("address", key.address.map(|address| address.to_string()).into()),
        ("key_type", key_type.word().into()),
        ("vantage", archive.parts().text(state.vantage).into()),
        ("valid_from_s", state.span.valid_from_s.into()),
        ("valid_to_s", state.span.valid_to_s.into()),
        ("n_obs", state.span.n_obs.into()),
        ("tlsa", tlsa.into()),
        ("ttl", seen.ttl.into()),
        ("dnssec", seen.dnssec.map(|status| status.word()).into()),
        ("reason", word(seen.reason).into()),
        ("signed", seen.signed.into()),
        ("address_dnssec", seen.address_dnssec.map(|status| status.word()).into()),
        ("smtp_status", word(seen.smtp_status).into()),
        ("smtp_code", seen.smtp_code.into()),
        ("tls_version", word(seen.tls_version).into()),
        ("tls_cipher", word(seen.tls_cipher).into()),
        ("chain", chain.into()),
        ("paper_match", seen.verdict.paper_match.into()),
        ("paper_valid", seen.verdict.paper_valid.into()),
        ("rfc_action", seen.verdict.rfc_action.map(|action| action.word()).into()),
        ("rfc_delivers", seen.verdict.rfc_delivers.into()),
        ("causes", word(seen.verdict.causes).map(|causes| causes.split(' ').collect::<Value>()).into()),
        ("rules", notes.rules.into()),
        ("sig_inception_s", notes.sig_inception_s.into()),
        ("sig_expiration_s", notes.sig_expiration_s.into()),
    ]
}

fn domains(archive: &Archive, only: &Only, mut each: impl FnMut(Cells<'_>)) -> Result<(), Error> {
    let names: Vec<Domain> = archive.domains()?;
    let (mx_sets, ns_sets): (Vec<MxSet>, Vec<NsSet>) = (archive.mx_sets()?, archive.ns_sets()?);
    let mx = |set: &MxSet| -> Value { set.hosts.iter().map(|(preference, host)| format!("{preference} {host}")).collect() };
    let ns = |set: &NsSet| -> Value { set.hosts.iter().map(|host| host.to_string()).collect() };
    archive.domain_states(Columns::All, |states| {
        for state in states.iter().filter(|state| only.state(state.vantage, state.span)) {
            let Some(name) = names.get(state.key.index()) else { continue };
            let mx = state.seen.mx_set.and_then(|id| mx_sets.get(id.index())).map(&mx);
            let ns = state.seen.ns_set.and_then(|id| ns_sets.get(id.index())).map(&ns);
            each(&domain_cells(archive, name, state, mx, ns));
        }
    })
}

fn domain_cells(
    archive: &Archive,
    name: &Domain,
    state: &DomainState,
    mx: Option<Value>,
    ns: Option<Value>,
) -> [(&'static str, Value); 20] {
    let word = |id: Option<WordId>| id.map(|id| archive.parts().text(id));
    let (seen, notes) = (&state.seen, &state.notes);
    [
        ("domain", (&*name.domain).into()),
        ("tld", word(seen.tld).into()),
        ("vantage", archive.parts().text(state.vantage).into()),
        ("valid_from_s", state.span.valid_from_s.into()),
        ("valid_to_s", state.span.valid_to_s.into()),
        ("n_obs", state.span.n_obs.into()),
        ("mx", mx.into()),
        ("ns", ns.into()),
        ("hosts", seen.hosts.into()),
        ("addresses", seen.addresses.into()),
        ("tlsa", seen.tlsa.into()),
        ("ds", seen.ds.into()),
        ("dnskey", seen.dnskey.into()),
        ("signed", seen.signed.into()),
        ("status", seen.status.map(|status| status.word()).into()),
        ("reason", word(seen.reason).into()),
        ("standing", word(seen.standing).into()),
        ("rules", notes.rules.into()),
        ("sig_inception_s", notes.sig_inception_s.into()),
        ("sig_expiration_s", notes.sig_expiration_s.into()),
    ]
}

fn round_cells(archive: &Archive, round: &Snapshot) -> [(&'static str, Value); 18] {
    let word = |id: Option<WordId>| id.map(|id| archive.parts().text(id));
    let versions = &round.versions;
    [
        ("vantage", archive.parts().text(round.vantage).into()),
        ("scheduled_s", round.scheduled_s.into()),
        ("every_s", round.every_s.into()),
        ("started_s", round.started_s.into()),
        ("finished_s", round.finished_s.into()),
        ("clock_offset_ms", round.clock_offset_ms.into()),
        ("targets_sha256", word(round.targets_sha256).into()),
        ("targets", round.targets.into()),
        ("done", round.done.into()),
        ("servers", round.servers.into()),
        ("domains", round.domains.into()),
        ("complete", round.complete.into()),
        ("config_sha256", word(round.config_sha256).into()),
        ("danelaw", word(versions.danelaw).into()),
        ("rules", versions.rules.into()),
        ("anchors", word(versions.anchors).into()),
        ("psl", word(versions.psl).into()),
        ("roots", word(versions.roots).into()),
    ]
}

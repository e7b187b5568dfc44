//! The tables: which columns there are, what they mean, where they come from.

use crate::columns::Kind;
use crate::record::{self, Skipped};
use crate::table::Cell::{Bool, Bytes, Int, List, Text};
use crate::table::{Cell, Column};
use dane::dns::Lookup;
use dane::name::Name;
use dane::observation::{
    AddressObservation, CertificateBytes, Connect, DomainObservation, HostObservation, RoundObservation, RunObservation,
};
use serde::Serialize;

/// One address of one host.
pub(crate) struct ServerRow {
    pub host: Name,
    pub port: u16,
    pub server: AddressObservation,
    pub json: String,
}

/// One host, its servers apart.
pub(crate) struct HostRow {
    pub host: HostObservation,
    pub json: String,
}

/// The documentation of one column.
pub struct ColumnDoc {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub name: &'static str,
    /// Its type in SQL.
    pub sql_type: &'static str,
    /// What it holds.
    pub about: &'static str,
}

/// Every column of every table, in order.
#[must_use]
pub fn documentation() -> Vec<ColumnDoc> {
    fn of<T>(table: &'static str, columns: &[Column<T>]) -> Vec<ColumnDoc> {
        columns.iter().map(|c| ColumnDoc { table, name: c.name, sql_type: c.kind.sql(), about: c.about }).collect()
    }
    let tables = [
        of("snapshot", SNAPSHOT),
        of("domains", DOMAINS),
        of("hosts", HOSTS),
        of("servers", SERVERS),
        of("certificates", CERTIFICATES),
        of("skipped", SKIPPED),
    ];
    tables.into_iter().flatten().collect()
}

macro_rules! columns {
    ($($name:literal $kind:ident $about:literal $get:expr;)*) => {
        &[$(Column { name: $name, kind: Kind::$kind, about: $about, get: $get },)*]
    };
}

pub(crate) const SNAPSHOT: &[Column<RunObservation>] = columns! {
    "vantage" Text "Name of the vantage point." |r| text(&r.vantage.name);
    "started_s" Int "When the run began, epoch seconds." |r| Int(Some(r.started));
    "finished_s" Int "When it ended; null if it was cut off." |r| Int(r.finished);
    "clock_offset_s" Int "Our clock minus the true time, if known to be off." |r| Int(r.vantage.clock_offset_s);
    "targets_sha256" Text "SHA-256 of the list of targets." |r| text(&r.targets_sha256);
    "targets" Int "Number of well-formed targets." |r| int(r.targets);
    "malformed" Int "Number of lines set aside." |r| int(r.malformed);
    "shard" Text "Part of the list, i/n." |r| Text(r.shard.clone());
    "slot_s" Int "Of a round: the slot of the clock that it was for, epoch seconds." |r| Int(r.round.as_ref().map(|round| round.scheduled_s));
    "late_ms" Int "Of a round: how much later it began." |r| Int(r.round.as_ref().and_then(|round| i64::try_from(round.late_ms).ok()));
    "missed" Int "Of a round: slots missed since the round before." |r| Int(r.round.as_ref().map(|round| missed(round)));
    "complete" Bool "Of a round: whether every target has its record." |r| Bool(r.round.as_ref().and_then(|round| round.complete));
    "config_sha256" Text "SHA-256 of the configuration." |r| text(&r.config_sha256);
    "danelaw" Text "Version of danelaw." |r| text(&r.danelaw);
    "anchors" Texts "Trust anchors in use." |r| List(r.anchors.clone());
    "roots" Texts "Root servers or upstream in use." |r| List(r.roots.clone());
    "json" Text "The whole observation." |r| json(r);
};

pub(crate) const DOMAINS: &[Column<DomainObservation>] = columns! {
    "domain" Text "The domain, lower case, no final dot." |d| name(&d.domain);
    "tld" Text "Its last label." |d| Text(d.domain.iter().nth(d.domain.label_count().saturating_sub(2)).map(|l| l.to_string().to_lowercase()));
    "at_s" Int "When the look began, epoch seconds." |d| Int(Some(d.at));
    "mx_status" Text "DNSSEC status of the MX answer: secure, insecure, bogus, indeterminate." |d| status(&d.mx);
    "mx_reason" Text "Why it is not secure: a stable code." |d| reason(&d.mx);
    "mx_failure" Text "Why there is no answer at all." |d| failure(&d.mx);
    "mx_rcode" Int "Response code: 0 NOERROR, 3 NXDOMAIN." |d| Int(Some(d.mx.rcode.into()));
    "mx_ttl" Int "TTL of the MX records, seconds." |d| ttl(&d.mx);
    "mx" Texts "The MX records." |d| data(Some(&d.mx));
    "mx_hosts" Texts "Hosts that mail goes to, best first; the domain itself if it has no MX." |d| List(d.mx_hosts().iter().map(|m| lower(&m.host)).collect());
    "zone" Text "Apex of the domain's zone." |d| Text(d.zone.as_ref().map(|z| lower(&z.apex)));
    "zone_status" Text "DNSSEC status of the zone's keys." |d| Text(d.zone.as_ref().map(|z| z.dnskey.status.word().into()));
    "ns" Texts "Name servers of the zone." |d| data(d.zone.as_ref().map(|z| &z.ns));
    "ds" Texts "DS records at the parent." |d| data(d.zone.as_ref().map(|z| &z.ds));
    "dnskey" Texts "Keys of the zone." |d| data(d.zone.as_ref().map(|z| &z.dnskey));
    "sts" Texts "TXT records at _mta-sts; empty if nobody looked." |d| data(d.policies.as_ref().map(|p| &p.sts));
    "tlsrpt" Texts "TXT records at _smtp._tls; empty if nobody looked." |d| data(d.policies.as_ref().map(|p| &p.tlsrpt));
    "json" Text "The whole observation." |d| json(d);
};

pub(crate) const HOSTS: &[Column<HostRow>] = columns! {
    "host" Text "The host, lower case, no final dot." |h| name(&h.host.host);
    "port" Int "The service's port." |h| Int(Some(h.host.port.into()));
    "at_s" Int "When the look began, epoch seconds." |h| Int(Some(h.host.at));
    "a_status" Text "DNSSEC status of the IPv4 addresses." |h| status(&h.host.a);
    "aaaa_status" Text "DNSSEC status of the IPv6 addresses." |h| status(&h.host.aaaa);
    "addresses" Texts "IPv4, then IPv6 addresses." |h| List(h.host.a.records.iter().chain(&h.host.aaaa.records).map(|r| r.data.clone()).collect());
    "tlsa_name" Text "Where TLSA records were found, or asked first." |h| Text(tlsa(h).map(|l| lower(&l.name)));
    "tlsa_status" Text "DNSSEC status of the TLSA answer." |h| tlsa(h).map_or(Text(None), status);
    "tlsa_reason" Text "Why it is not secure." |h| tlsa(h).map_or(Text(None), reason);
    "tlsa_failure" Text "Why there is no answer at all." |h| tlsa(h).map_or(Text(None), failure);
    "tlsa_signed" Bool "Whether the answer carried signatures, valid or not." |h| Bool(tlsa(h).map(|l| l.signed));
    "tlsa_ttl" Int "TTL of the TLSA records, seconds." |h| tlsa(h).map_or(Int(None), ttl);
    "tlsa" Texts "The TLSA records." |h| data(tlsa(h));
    "sig_inception_s" Int "Signature over the TLSA records: begin." |h| Int(tlsa(h).and_then(|l| l.signature.as_ref()).map(|s| s.inception));
    "sig_expiration_s" Int "Signature over the TLSA records: end." |h| Int(tlsa(h).and_then(|l| l.signature.as_ref()).map(|s| s.expiration));
    "json" Text "The whole observation but its servers." |h| text(&h.json);
};

pub(crate) const SERVERS: &[Column<ServerRow>] = columns! {
    "host" Text "The host." |s| name(&s.host);
    "port" Int "The service's port." |s| Int(Some(s.port.into()));
    "address" Text "The address." |s| text(&s.server.address.to_string());
    "transport_port" Int "The port connected to." |s| Int(Some(s.server.transport_port.into()));
    "at_s" Int "When the attempt began, epoch seconds." |s| Int(Some(s.server.at));
    "connect" Text "connected, refused, timeout, unreachable, not-tried, local-error." |s| text(connect(&s.server.connect));
    "earlier_visits" Int "Visits before this one in the same look." |s| int(s.server.earlier.len() as u64);
    "greeting_code" Int "Reply code of the greeting." |s| Int(s.server.reply_code(None).map(i64::from));
    "starttls_code" Int "Reply code to STARTTLS." |s| Int(s.server.reply_code(Some("STARTTLS")).map(i64::from));
    "tls_version" Text "TLS version." |s| Text(s.server.tls.as_ref().and_then(|t| t.version.clone()));
    "tls_cipher" Text "Cipher suite." |s| Text(s.server.tls.as_ref().and_then(|t| t.cipher.clone()));
    "tls_group" Text "Key exchange group." |s| Text(s.server.tls.as_ref().and_then(|t| t.group.clone()));
    "tls_signature" Text "Signature scheme of the server's proof." |s| Text(s.server.tls.as_ref().and_then(|t| t.signature_scheme.clone()));
    "key_proven" Bool "Whether the handshake proved the certificate's key." |s| Bool(s.server.tls.as_ref().and_then(|t| t.key_proven));
    "tls_error" Text "Why the handshake failed: a stable code." |s| Text(s.server.tls.as_ref().and_then(|t| t.error.as_ref()).map(|e| e.kind.clone()));
    "chain" Texts "SHA-256 of the certificates, in the order received." |s| List(s.server.tls.iter().flat_map(|t| &t.chain).map(record::key).collect());
    "json" Text "The whole observation." |s| text(&s.json);
};

pub(crate) const CERTIFICATES: &[Column<CertificateBytes>] = columns! {
    "sha256" Text "SHA-256 of the bytes, lower-case hex." |c| text(&record::key(c));
    "der" Bytes "The bytes as received, well-formed or not." |c| Bytes(c.0.to_vec());
};

pub(crate) const SKIPPED: &[Column<Skipped>] = columns! {
    "domain" Text "The target." |s| name(&s.domain);
    "at_s" Int "When it was decided not to look, epoch seconds." |s| Int(Some(s.at));
    "why" Text "opted-out, cancelled, crashed." |s| text(&s.why);
    "json" Text "The whole record." |s| json(s);
};

fn missed(round: &RoundObservation) -> i64 {
    round.missed.iter().map(|m| i64::try_from(m.count).unwrap_or(i64::MAX)).fold(0, i64::saturating_add)
}

/// The TLSA lookup with records, or the first.
fn tlsa(row: &HostRow) -> Option<&Lookup> {
    let lookups = &row.host.tlsa;
    lookups.iter().find(|l| !l.records.is_empty()).or_else(|| lookups.first())
}

fn connect(connect: &Connect) -> &'static str {
    match connect {
        Connect::Connected => "connected",
        Connect::Refused => "refused",
        Connect::Timeout => "timeout",
        Connect::Unreachable { .. } => "unreachable",
        Connect::NotTried { .. } => "not-tried",
        Connect::LocalError { .. } => "local-error",
    }
}

fn text(text: &str) -> Cell {
    Text(Some(text.to_owned()))
}

fn int(number: u64) -> Cell {
    Int(i64::try_from(number).ok())
}

fn lower(name: &Name) -> String {
    name.to_string().to_ascii_lowercase()
}

fn name(name: &Name) -> Cell {
    Text(Some(lower(name)))
}

fn json<T: Serialize>(value: &T) -> Cell {
    Text(serde_json::to_string(value).ok())
}

fn status(lookup: &Lookup) -> Cell {
    text(lookup.status.word())
}

fn reason(lookup: &Lookup) -> Cell {
    Text(lookup.reason.as_ref().map(|r| r.code.clone()))
}

fn failure(lookup: &Lookup) -> Cell {
    let code = lookup.failure.and_then(|f| serde_json::to_value(f).ok());
    Text(code.and_then(|v| v.as_str().map(str::to_owned)))
}

fn ttl(lookup: &Lookup) -> Cell {
    Int(lookup.records.iter().map(|r| r.ttl.into()).min())
}

fn data(lookup: Option<&Lookup>) -> Cell {
    List(lookup.map(|l| l.records.iter().map(|r| r.data.clone()).collect()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_table_is_documented() {
        let documented: BTreeSet<&str> = documentation().iter().map(|column| column.table).collect();
        assert_eq!(documented, BTreeSet::from(crate::PARQUET_FILES));
    }
}

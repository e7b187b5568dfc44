//! What observations take in memory, near enough to keep a cache within its bounds.

use crate::once::Weigh;
use dane::dns::Lookup;
use dane::observation::{AddressObservation, Exchange, Got, HostObservation, Shows, TlsObservation, ZoneObservation};

/// A name, or a short text.
const TEXT: usize = 40;

impl Weigh for HostObservation {
    fn octets(&self) -> usize {
        let lookups = [&self.a, &self.aaaa].into_iter().chain(&self.cname).chain(&self.tlsa);
        // The zone is shared, and counted where it is kept.
        size_of::<Self>() + TEXT + lookups.map(lookup).sum::<usize>() + self.servers.iter().map(server).sum::<usize>()
    }
}

impl Weigh for ZoneObservation {
    fn octets(&self) -> usize {
        let lookups = [&self.soa, &self.ns, &self.ds, &self.dnskey].into_iter().chain(&self.cds).chain(&self.cdnskey);
        size_of::<Self>() + TEXT + lookups.map(lookup).sum::<usize>()
    }
}

fn lookup(lookup: &Lookup) -> usize {
    let records: usize = lookup.records.iter().map(|r| size_of_val(r) + TEXT + r.data.len()).sum();
    let aliases: usize = lookup.aliases.iter().map(|a| size_of_val(a) + 2 * TEXT).sum();
    let reason = lookup.reason.as_ref().map_or(0, |r| r.detail.len() + 3 * TEXT);
    size_of_val(lookup) + TEXT + records + aliases + reason
}

fn server(server: &AddressObservation) -> usize {
    let session = |seen: &Option<Box<TlsObservation>>| seen.as_deref().map_or(0, tls);
    let earlier: usize = server.earlier.iter().map(|e| size_of_val(e) + dialogue(&e.dialogue) + session(&e.tls)).sum();
    let others = server.others.iter().map(|o| {
        size_of_val(o)
            + match &o.shows {
                Shows::Same => 0,
                Shows::Other(other) => tls(other),
                Shows::NotSeen { dialogue: said } => dialogue(said),
            }
    });
    let session = server.tls.as_ref().map_or(0, tls);
    size_of_val(server) + dialogue(&server.dialogue) + session + earlier + others.sum::<usize>()
}

fn dialogue(steps: &[Exchange]) -> usize {
    let said = |got: &Got| match got {
        Got::Reply { lines, .. } => lines.iter().map(|l| size_of_val(l) + l.len()).sum(),
        Got::Garbage { text, .. } => text.len(),
        Got::Timeout | Got::Closed | Got::Reset => 0,
    };
    steps.iter().map(|e| size_of_val(e) + TEXT + said(&e.got)).sum()
}

fn tls(tls: &TlsObservation) -> usize {
    let error = tls.error.as_ref().map_or(0, |e| e.detail.len() + TEXT);
    size_of_val(tls) + 5 * TEXT + error + tls.chain.iter().map(|c| size_of_val(c) + c.0.len()).sum::<usize>()
}

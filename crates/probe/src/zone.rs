//! Zones, each looked at once.

use crate::dns::Dns;
use crate::once::Once;
use dane::dns::Outcome;
use dane::name::Name;
use dane::observation::ZoneObservation;
use domain::base::iana::Rtype;
use std::sync::Arc;

/// The zones seen so far.
pub(crate) struct Zones {
    dns: Arc<dyn Dns>,
    seen: Once<ZoneObservation>,
}

impl Zones {
    /// `remembered`: octets of zones.
    pub(crate) fn new(dns: Arc<dyn Dns>, remembered: usize) -> Self {
        Self { dns, seen: Once::new(remembered) }
    }

    /// The zone that a name lies in; `None` if not even its apex can be found.
    pub(crate) async fn around(&self, name: &Name) -> Option<Arc<ZoneObservation>> {
        let apex = self.dns.zone_apex(name).await?;
        let dns = Arc::clone(&self.dns);
        self.seen.start(&apex, || observe(dns, apex.clone())).wait().await
    }
}

pub(crate) async fn observe(dns: Arc<dyn Dns>, apex: Name) -> ZoneObservation {
    let (soa, ns, ds, dnskey) = tokio::join!(
        dns.lookup(&apex, Rtype::SOA),
        dns.lookup(&apex, Rtype::NS),
        dns.lookup(&apex, Rtype::DS),
        dns.lookup(&apex, Rtype::DNSKEY),
    );
    // CDS and CDNSKEY say what the parent should publish; only a zone with keys can have them. (RFC 7344 section 4)
    let (cds, cdnskey) = if dnskey.records.is_empty() || dnskey.outcome() == Outcome::NxDomain {
        (None, None)
    } else {
        let (cds, cdnskey) = tokio::join!(dns.lookup(&apex, Rtype::CDS), dns.lookup(&apex, Rtype::CDNSKEY));
        (Some(cds), Some(cdnskey))
    };
    ZoneObservation { apex, soa, ns, ds, dnskey, cds, cdnskey }
}

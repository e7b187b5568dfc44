//! A look at the world: what every authority serves, and what every address shows.

use super::config::{KeyConfig, Service};
use super::keys::Keys;
use dane::name::{Name, fqdn};
use dane::observation::{HostObservation, ZoneAuthorities};
use probe::{Dns, Looker, observe_authorities};
use rollover::look::{Look, Said, ServerLook};
use rollover::time::Now;
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

type Make = dyn Fn() -> io::Result<(Arc<dyn Dns>, Looker)>;

/// Who looks.
pub struct World {
    /// Makes one who asks authorities himself and one who visits mail servers: new ones for each look, as they remember what they have seen.
    make: Box<Make>,
}

/// One look at a service.
pub struct Seen {
    /// For the machine.
    pub look: Look,
    /// Where the records are, after all aliases: there changes are written.
    pub owner: Name,
}

impl World {
    /// By whatever this makes.
    pub fn new(make: impl Fn() -> io::Result<(Arc<dyn Dns>, Looker)> + 'static) -> Self {
        Self { make: Box::new(make) }
    }

    /// Looks at a service.
    ///
    /// # Errors
    /// If a key that lies ready cannot be read.
    pub async fn look(&self, service: &Service, keys: &Keys) -> io::Result<Seen> {
        let (dns, looker) = (self.make)()?;
        let names = service.names();
        let owner = service.owner_name().unwrap_or_else(Name::root_bytes);
        let mut hosts = Vec::new();
        for name in &names {
            hosts.push(looker.observe_host(name).await);
        }
        let authorities = observe_authorities(&dns, &owner).await;
        let owner = authorities.lookup.expanded().clone();
        let hosts: Vec<_> = hosts.iter().map(AsRef::as_ref).collect();
        if let Some(host) = hosts.iter().find(|host| leads_elsewhere(host, &owner)) {
            let (host, owner) = (&host.host, fqdn(&owner));
            let words = "give it a service of its own, or make its TLSA name an alias";
            return Err(io::Error::other(format!("the TLSA records of {host} are not those at {owner}: {words}")));
        }
        let mut look = Look::of(&hosts, &[], &owner);
        look.servers = match authorities.zones.iter().find(|zone| zone.name == owner) {
            Some(zone) => servers(zone),
            None => vec![silent(format!("the servers of {}", fqdn(&owner)))],
        };
        look.primary = look.agreed();
        let aliases = authorities.lookup.aliases.iter().fold(0_u32, |sum, alias| sum.saturating_add(alias.ttl));
        look.aliases_ttl = look.aliases_ttl.max(aliases);
        for config in &service.keys {
            look.prepared.extend(prepared(config, keys)?);
        }
        Ok(Seen { look, owner })
    }
}

/// Every server, also those that did not answer or have no address: they may hold something else.
fn servers(zone: &ZoneAuthorities) -> Vec<ServerLook> {
    let asked = zone.tlsa().map(|(server, answer)| ServerLook {
        server: format!("{} [{}]", fqdn(&server.server), server.address),
        said: answer.and_then(Said::of),
    });
    let unknown = zone.without_address.iter().map(|server| silent(fqdn(server)));
    let beyond = (zone.not_asked > 0).then(|| silent(format!("{} more addresses", zone.not_asked)));
    asked.chain(unknown).chain(beyond).collect()
}

fn silent(server: String) -> ServerLook {
    ServerLook { server, said: None }
}

/// Whether a host's TLSA name was asked for, and leads to other records.
fn leads_elsewhere(host: &HostObservation, owner: &Name) -> bool {
    let mut answered = host.tlsa.iter().filter(|lookup| lookup.failure.is_none()).peekable();
    answered.peek().is_some() && answered.all(|lookup| lookup.expanded() != owner)
}

/// Keys that were made and never used: what was certified once does not come again.
fn prepared(config: &KeyConfig, keys: &Keys) -> io::Result<Vec<(String, rollover::key::Key)>> {
    let fresh = keys.of(config)?.into_iter().filter(|kept| !keys.chain(config, &kept.key).exists());
    Ok(fresh.map(|kept| (config.name.clone(), kept.key)).collect())
}

/// This moment, by the clock that people set and by the one that counts since boot, sleep included.
#[must_use]
pub fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().cast_signed());
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = boot.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
    Now { wall, boot: u64::from_str_radix(&digits, 16).unwrap_or(0), uptime }
}

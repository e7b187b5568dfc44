//! Zones to serve, whoever made and signed them.

use lab::{Crowd, CrowdZone};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

/// A signed master file, and who serves it.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The zone's name with the final dot.
    pub name: String,
    /// Its master file.
    pub file: PathBuf,
    /// The addresses of its name servers, all on 127.0.0.0/8.
    pub servers: Vec<IpAddr>,
}

impl Zone {
    fn depth(&self) -> usize {
        self.name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()).count()
    }
}

/// The zones of a crowd that was written to `directory`.
#[must_use]
pub fn of_crowd(crowd: &Crowd, directory: &Path) -> Vec<Zone> {
    let zone = |zone: &CrowdZone| Zone {
        name: if zone.apex == "." { ".".to_owned() } else { format!("{}.", zone.apex) },
        file: directory.join(Crowd::file(&zone.apex)),
        servers: zone.servers.iter().copied().map(IpAddr::V4).collect(),
    };
    crowd.zones.iter().map(zone).collect()
}

/// Zones that one name server process serves at its addresses.
pub struct Group {
    /// All zones of the group.
    pub zones: Vec<Zone>,
    /// Every address at which one of them is served.
    pub addresses: Vec<IpAddr>,
}

/// One group for the root, one for the top-level domains and one for everything below, so that referrals are really followed. Groups
/// that share an address are one.
#[must_use]
pub fn groups(zones: &[Zone]) -> Vec<Group> {
    let mut levels: BTreeMap<usize, Group> = BTreeMap::new();
    for zone in zones {
        let group = levels.entry(zone.depth().min(2)).or_insert_with(|| Group { zones: Vec::new(), addresses: Vec::new() });
        group.zones.push(zone.clone());
        group.addresses.extend(zone.servers.iter().filter(|address| !group.addresses.contains(address)).copied().collect::<Vec<_>>());
    }
    let mut groups: Vec<Group> = Vec::new();
    for level in levels.into_values() {
        match groups.iter_mut().find(|group| group.addresses.iter().any(|address| level.addresses.contains(address))) {
            Some(group) => {
                group.zones.extend(level.zones);
                group.addresses.extend(level.addresses);
                group.addresses.sort();
                group.addresses.dedup();
            }
            None => groups.push(level),
        }
    }
    groups
}

/// A port that is free for UDP and TCP at all these addresses.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port(addresses: &[IpAddr]) -> u16 {
    let free = |port: u16| {
        addresses.iter().all(|ip| {
            let address = SocketAddr::new(*ip, port);
            TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
        })
    };
    // Tests run at the same time, as processes (nextest) or as threads (cargo test): each starts looking somewhere else.
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or(0) + 10 * ASKED.fetch_add(1, Ordering::Relaxed);
    (first..first + 2_000).find(|port| free(*port)).expect("a free port")
}

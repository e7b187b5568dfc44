//! The network in which senders, resolvers and the lab meet.

use crate::network;
use crate::world::World;
use lab::{Content, Visit};
use scenario::{Scenario, Section};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The lab at the ports of the real world, and room for files.
pub struct Place {
    /// The lab.
    pub world: World,
    directory: PathBuf,
    /// The scenario and the host of every mail server.
    servers: BTreeMap<IpAddr, (&'static str, String)>,
}

/// Software has one address in each of these networks, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Resolvers.
    Resolver = 60,
    /// Taps.
    Tap = 61,
    /// Senders, where they take mail.
    Sender = 62,
    /// Name servers.
    Authority = 63,
}

/// An address of a network.
#[must_use]
pub fn address(network: Network, group: u8, number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, network as u8, group, number)
}

impl Place {
    /// Starts the lab. Only in a network of our own.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        // Programs that give up their privileges have to get at their files.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("permissions");
        network::list(&(1..20).map(|number| address(Network::Resolver, 0, number)).collect::<Vec<_>>());
        network::list(&(1..20).map(|number| address(Network::Authority, 0, number)).collect::<Vec<_>>());
        network::reach_out();
        let world = World::start_at(directory, Content::Catalogue, 53, 25);
        let servers = world.servers.iter().filter_map(|server| Some((server.address, (scenario_of(&server.host)?, server.host.clone()))));
        Self { servers: servers.collect(), world, directory: directory.to_path_buf() }
    }

    /// A directory for one program.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn room(&self, name: &str) -> PathBuf {
        let room = self.directory.join(name);
        fs::create_dir_all(&room).expect("directory");
        fs::set_permissions(&room, fs::Permissions::from_mode(0o777)).expect("permissions");
        room
    }

    /// The visits of a client that calls itself so, by scenario, and the host that each was at.
    #[must_use]
    pub fn visits(&self, helo: &str) -> Vec<(&'static str, String, Visit)> {
        let visits = self.world.lab.visits().into_iter().filter(|visit| visit.helo.as_deref() == Some(helo));
        visits.filter_map(|visit| self.servers.get(&visit.server.ip()).map(|(id, host)| (*id, host.clone(), visit))).collect()
    }
}

/// Scenarios in which chance decides: of two servers or addresses one is wrong, and who is asked first is not the sender's to say.
pub const CHANCE: [&str; 3] = ["open-resolver-lies", "per-address-differs", "per-server-differs"];

/// Scenarios a sender is tried with: those of the published test bed, and of rules that senders have broken; but for those of [`CHANCE`].
#[must_use]
pub fn scenarios() -> Vec<&'static Scenario> {
    Scenario::all().iter().filter(|scenario| scenario.section != Section::C && !CHANCE.contains(&scenario.id)).collect()
}

/// The scenario whose domain or side zone a host is in.
fn scenario_of(host: &str) -> Option<&'static str> {
    let zone = host.trim_end_matches('.').strip_suffix(".nl").or_else(|| host.trim_end_matches(".nl.").strip_suffix(".nl"));
    let label = zone.unwrap_or_else(|| host.trim_end_matches('.').trim_end_matches(".nl")).rsplit('.').next()?;
    Scenario::find(label).or_else(|| Scenario::find(label.strip_suffix("-side")?)).map(|scenario| scenario.id)
}

//! NSD serves zones.

use crate::process::Server;
use crate::software;
use crate::zone::{Group, Zone, groups};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// A hundred thousand zones take half a minute, on a busy machine several.
const START: Duration = Duration::from_secs(600);

/// Serves the zones at `port` of their own addresses. One NSD a group; their files are below `directory`.
///
/// # Panics
/// If NSD does not start.
#[must_use]
pub fn serve(zones: &[Zone], port: u16, directory: &Path) -> Vec<Server> {
    groups(zones).iter().enumerate().map(|(number, group)| start(group, port, &directory.join(format!("nsd{number}")))).collect()
}

fn start(group: &Group, port: u16, directory: &Path) -> Server {
    fs::create_dir_all(directory).expect("directory");
    let file = directory.join("nsd.conf");
    fs::write(&file, configuration(group, port, directory)).expect("nsd.conf");
    let mut command = software::command("nsd");
    command.arg("-d").arg("-c").arg(&file);
    let first = group.addresses.first().expect("an address");
    Server::start_within(START, command, &directory.join("log"), SocketAddr::new(*first, port))
}

fn configuration(group: &Group, port: u16, directory: &Path) -> String {
    let d = directory.display();
    let mut text = format!(
        "server:\n username: \"\"\n database: \"\"\n server-count: 1\n pidfile: \"\"\n zonesdir: \"{d}\"\n xfrdir: \"{d}\"\n \
         xfrdfile: \"{d}/xfrd.state\"\n zonelistfile: \"{d}/zone.list\"\n tcp-count: 100\n rrl-ratelimit: 0\n zonefiles-check: no\n \
         receive-buffer-size: 4194304\n send-buffer-size: 4194304\n"
    );
    for address in &group.addresses {
        let _ = writeln!(text, " ip-address: {address}@{port}");
    }
    text.push_str("remote-control:\n control-enable: no\n");
    for zone in &group.zones {
        let _ = writeln!(text, "zone:\n name: \"{}\"\n zonefile: \"{}\"", zone.name, zone.file.display());
    }
    text
}

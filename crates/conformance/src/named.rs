//! BIND's `named` serves zones.

use crate::process::Server;
use crate::relay::relay;
use crate::software;
use crate::zone::{Group, Zone, free_port, groups};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Serves the zones at `port` of their own addresses. One `named` a group; their files are below `directory`.
///
/// # Panics
/// If `named` does not start.
#[must_use]
pub fn serve(zones: &[Zone], port: u16, directory: &Path) -> Vec<Server> {
    groups(zones).iter().enumerate().map(|(number, group)| start(group, port, &directory.join(format!("named{number}")))).collect()
}

fn start(group: &Group, port: u16, directory: &Path) -> Server {
    fs::create_dir_all(directory).expect("directory");
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let own = SocketAddr::new(here, free_port(&[here]));
    let file = directory.join("named.conf");
    fs::write(&file, configuration(group, own.port(), directory)).expect("named.conf");
    let mut command = software::command("named");
    command.args(["-g", "-n", "1", "-c"]).arg(&file);
    let server = Server::start(command, &directory.join("log"), own);
    for address in &group.addresses {
        relay(SocketAddr::new(*address, port), own);
    }
    server
}

fn configuration(group: &Group, port: u16, directory: &Path) -> String {
    let d = directory.display();
    let mut text = format!(
        "options {{ directory \"{d}\"; managed-keys-directory \"{d}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         recursion no; dnssec-validation no; notify no; pid-file none; session-keyfile none; lock-file none; check-names primary ignore;\n\
         zone-statistics none; tcp-clients 500; }};\ncontrols {{ }};\n"
    );
    for zone in &group.zones {
        let check = "check-integrity no; check-mx ignore; check-srv-cname ignore; check-mx-cname ignore; masterfile-format text;";
        let _ = writeln!(text, "zone \"{}\" {{ type primary; file \"{}\"; {check} }};", zone.name, zone.file.display());
    }
    text
}

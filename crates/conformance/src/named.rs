//! BIND's `named` serves zones.

use crate::process::Server;
use crate::relay::relay;
use crate::software;
use crate::unbound::bind_anchor;
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

/// `named` as a recursive server that validates what another resolver passes on to it: the validator of `delv`, without a process a
/// question.
pub struct Validator {
    _server: Server,
    address: SocketAddr,
}

impl Validator {
    /// Starts it behind `upstream`. `anchor` is the root's DS record as zone-file text.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(upstream: SocketAddr, anchor: &str, directory: &Path) -> Self {
        let directory = directory.join("named-validator");
        fs::create_dir_all(&directory).expect("directory");
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = SocketAddr::new(here, free_port(&[here]));
        let (d, port, ip, to) = (directory.display(), address.port(), upstream.ip(), upstream.port());
        let text = format!(
            "options {{ directory \"{d}\"; managed-keys-directory \"{d}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
             recursion yes; forward only; forwarders {{ {ip} port {to}; }}; dnssec-validation yes; synth-from-dnssec no; servfail-ttl 0; resolver-query-timeout 800;\n\
             empty-zones-enable no; notify no; pid-file none; session-keyfile none; lock-file none; recursive-clients 5000;\n\
             minimal-responses no; max-udp-size 4096; qname-minimization off; }};\ncontrols {{ }};\n{}",
            bind_anchor(anchor)
        );
        let file = directory.join("named.conf");
        fs::write(&file, text).expect("named.conf");
        let mut command = software::command("named");
        command.args(["-g", "-n", "1", "-c"]).arg(&file);
        Self { _server: Server::start(command, &directory.join("log"), address), address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
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

//! Two validators that are not ours: unbound, and BIND's `delv` behind an unbound that does not validate.

use crate::process::{self, Server};
use crate::zone::{Zone, free_port};
use crate::{Question, Status, software};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// `unbound-host` with every zone as a stub, because delegations name no port.
pub struct UnboundHost {
    configuration: PathBuf,
}

impl UnboundHost {
    /// Writes its configuration. `anchor` is the root's DS or DNSKEY record as zone-file text.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn new(zones: &[Zone], port: u16, anchor: &str, directory: &Path) -> Self {
        let anchor_file = directory.join("unbound-anchor");
        fs::write(&anchor_file, anchor).expect("anchor");
        let configuration = directory.join("unbound-host.conf");
        let validate = format!("module-config: \"validator iterator\"\n trust-anchor-file: \"{}\"", anchor_file.display());
        fs::write(&configuration, stubs(zones, port, &validate)).expect("configuration");
        Self { configuration }
    }

    /// Its verdict, and what it printed.
    #[must_use]
    pub fn ask(&self, question: &Question) -> (Status, String) {
        let mut command = software::command("unbound-host");
        command.arg("-v").arg("-C").arg(&self.configuration).args(["-t", question.rtype, &question.name]);
        let output = process::output(command, LIMIT);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let status = match &text {
            text if text.contains("(BOGUS") => Status::Bogus,
            text if text.contains("(error)") => Status::Indeterminate,
            text if text.contains("(insecure)") => Status::Insecure,
            text if text.contains("(secure)") => Status::Secure,
            _ => Status::Indeterminate,
        };
        (status, text)
    }
}

/// A recursive server that passes everything on unvalidated: the upstream of `delv` and of `danelaw --upstream`.
pub struct Recursor {
    _server: Server,
    address: SocketAddr,
    anchor: PathBuf,
}

impl Recursor {
    /// Starts unbound without its validator.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(zones: &[Zone], port: u16, anchor_ds: &str, directory: &Path) -> Self {
        let (server, address) = daemon(zones, port, "module-config: \"iterator\"", directory, "recursor");
        let anchor = directory.join("delv-anchor");
        fs::write(&anchor, bind_anchor(anchor_ds)).expect("anchor");
        Self { _server: server, address, anchor }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `delv`'s verdict, and what it printed.
    #[must_use]
    pub fn delv(&self, question: &Question) -> (Status, String) {
        // A delv that ends without a word, as it now and then does, has judged nothing: it is asked again. Three times is a difference.
        let text = (0..3).map(|_| self.run_delv(question)).find(|text| !text.trim().is_empty()).unwrap_or_default();
        let fully = text.contains("fully validated");
        let unsigned = text.contains("unsigned answer") || text.contains("answer not validated");
        let status = match (fully, unsigned) {
            // "ncache" is how delv words an answer that says no.
            _ if text.contains("resolution failed") && !text.contains("resolution failed: ncache") => Status::Bogus,
            (_, true) => Status::Insecure,
            (true, false) => Status::Secure,
            _ => Status::Indeterminate,
        };
        (status, text)
    }

    /// All that delv prints.
    fn run_delv(&self, question: &Question) -> String {
        let mut command = software::command("delv");
        command.arg(format!("@{}", self.address.ip())).args(["-p", &self.address.port().to_string()]);
        command.arg("-a").arg(&self.anchor).args(["+root=.", "-q", &question.name, "-t", question.rtype]);
        let output = process::output(command, LIMIT);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

/// Unbound as a recursive server that validates.
pub struct Validator {
    _server: Server,
    address: SocketAddr,
}

impl Validator {
    /// Starts it. `anchor` is the root's DS or DNSKEY record as zone-file text.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(zones: &[Zone], port: u16, anchor: &str, directory: &Path) -> Self {
        let file = directory.join("validator-anchor");
        fs::write(&file, anchor).expect("anchor");
        let options = format!("module-config: \"validator iterator\"\n ede: yes\n trust-anchor-file: \"{}\"", file.display());
        let (server, address) = daemon(zones, port, &options, directory, "validator");
        Self { _server: server, address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Starts unbound as a server with these options besides.
fn daemon(zones: &[Zone], port: u16, options: &str, directory: &Path, name: &str) -> (Server, SocketAddr) {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let own = free_port(&[here]);
    let options = format!(
        "{options}\n interface: 127.0.0.1@{own}\n port: {own}\n do-daemonize: no\n use-syslog: no\n logfile: \"\"\n \
         pidfile: \"\"\n directory: \"\"\n num-threads: 1\n so-reuseport: no\n max-udp-size: 4096"
    );
    let configuration = directory.join(format!("{name}.conf"));
    fs::write(&configuration, stubs(zones, port, &options)).expect("configuration");
    let mut command = software::command("unbound");
    command.arg("-d").arg("-c").arg(&configuration);
    let address = SocketAddr::new(here, own);
    (Server::start(command, &directory.join(format!("{name}.log")), address), address)
}

/// `. IN DS 1 13 2 AB CD` as BIND writes anchors.
pub(crate) fn bind_anchor(ds: &str) -> String {
    let mut text = String::from("trust-anchors {\n");
    for line in ds.lines().filter(|line| !line.trim_start().starts_with(';')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "DS")
            && let [tag, algorithm, digest_type, digest @ ..] = &words[at + 1..]
        {
            let _ = writeln!(text, " \"{}\" static-ds {tag} {algorithm} {digest_type} \"{}\";", words[0], digest.concat());
        }
    }
    text + "};\n"
}

fn stubs(zones: &[Zone], port: u16, options: &str) -> String {
    let mut text = format!(
        "server:\n {options}\n chroot: \"\"\n username: \"\"\n do-not-query-localhost: no\n do-ip6: no\n verbosity: 0\n \
         local-zone: \"127.in-addr.arpa.\" nodefault\n \
         val-log-level: 2\n val-sig-skew-min: 0\n val-sig-skew-max: 0\n aggressive-nsec: no\n minimal-responses: no\n \
         harden-below-nxdomain: no\n qname-minimisation: no\n"
    );
    for zone in zones {
        let _ = writeln!(text, " local-zone: \"{}\" transparent", zone.name);
    }
    for zone in zones {
        let _ = writeln!(text, "stub-zone:\n name: \"{}\"\n stub-prime: no", zone.name);
        for server in &zone.servers {
            let _ = writeln!(text, " stub-addr: {server}@{port}");
        }
    }
    text
}

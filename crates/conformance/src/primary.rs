//! Primaries whose zone can be changed: each signs it by itself, and knows the same two keys for signed updates.

use crate::process::{self, Server, succeed};
use crate::software;
use crate::zone::free_port;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LIMIT: Duration = Duration::from_secs(30);

/// The zone's apex, with the final dot.
pub const ZONE: &str = "mail.example.";

/// A name server whose zone can be changed by signed updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BIND, `dnssec-policy` and `update-policy`.
    Bind,
    /// Knot DNS, `acl`.
    Knot,
    /// PowerDNS with LMDB, and its API.
    PowerDns,
}

/// A running primary of [`ZONE`].
pub struct Primary {
    _server: Server,
    /// Where it answers.
    pub address: SocketAddr,
    /// PowerDNS' API.
    pub api: SocketAddr,
    directory: PathBuf,
}

/// Keys that the servers know, as BIND's `tsig-keygen` made them: the first may change TLSA records, the second nothing.
pub const KEYS: [&str; 2] = ["danelaw", "bystander"];

impl Primary {
    /// Starts it with an unsigned zone that it signs, its files below `directory`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(kind: Kind, algorithm: &str, directory: &Path) -> Self {
        let directory = directory.join(format!("{kind:?}"));
        fs::create_dir_all(&directory).expect("directory");
        let (address, api) = (SocketAddr::new(HERE, free_port(&[HERE])), SocketAddr::new(HERE, free_port(&[HERE])));
        fs::write(directory.join("zone"), TEXT).expect("zone");
        for name in KEYS {
            let mut command = software::command("tsig-keygen");
            command.args(["-a", algorithm, name]);
            write_secret(&directory.join(name), &succeed(command));
        }
        let primary = |server| Self { _server: server, address, api, directory: directory.clone() };
        let command = match kind {
            Kind::Bind => bind(address, &directory),
            Kind::Knot => knot(address, algorithm, &directory),
            Kind::PowerDns => power_dns(address, api, algorithm, &directory),
        };
        primary(Server::start(command, &directory.join("log"), address))
    }

    /// A file of its directory: the zone, the keys, its log.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Runs these lines by BIND's `nsupdate` with the key in this file; what it said if that failed.
    ///
    /// # Errors
    /// What `nsupdate` said.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn nsupdate(&self, key: &Path, lines: &str) -> Result<(), String> {
        let script = self.file("nsupdate.txt");
        let (ip, port) = (self.address.ip(), self.address.port());
        fs::write(&script, format!("server {ip} {port}\nzone {ZONE}\n{lines}\n")).expect("script");
        let mut command = software::command("nsupdate");
        command.arg("-k").arg(key).arg(&script);
        let output = process::output(command, LIMIT);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    /// Whether an answer that dig gets has this.
    #[must_use]
    pub fn answers(&self, name: &str, rtype: &str, has: &str) -> bool {
        dig(self.address, name, rtype, &["+dnssec"]).contains(has)
    }

    /// The data of the RRset at a name as dig shows it, sorted: `TTL DATA`, the data without blanks behind the first three numbers.
    #[must_use]
    pub fn tlsa(&self, name: &str) -> Vec<String> {
        tlsa(self.address, name)
    }
}

/// The TLSA records that a server has at a name, by dig, sorted: `TTL U S M HEX`.
#[must_use]
pub fn tlsa(server: SocketAddr, name: &str) -> Vec<String> {
    let text = dig(server, name, "TLSA", &[]);
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [owner, ttl, "IN", "TLSA", usage, selector, matching, data @ ..] = words.as_slice() else { return None };
        let data = data.concat().to_ascii_lowercase();
        owner.eq_ignore_ascii_case(name).then(|| format!("{ttl} {usage} {selector} {matching} {data}"))
    };
    let mut found: Vec<String> = text.lines().filter_map(line).collect();
    found.sort();
    found
}

/// What dig prints of an answer's answer section.
#[must_use]
pub fn dig(server: SocketAddr, name: &str, rtype: &str, options: &[&str]) -> String {
    let mut command = software::command("dig");
    command.args(["+noall", "+answer", "+norecurse", "+time=5", "+tries=2", "-p", &server.port().to_string()]);
    command.args([&format!("@{}", server.ip()), name, rtype]).args(options);
    String::from_utf8_lossy(&process::output(command, LIMIT).stdout).into_owned()
}

/// A file for its owner alone.
///
/// # Panics
/// If it cannot be written.
pub fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).expect("key");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode");
}

/// The secret in a key file of `tsig-keygen`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn secret(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("key");
    text.split('"').nth(3).expect("name and secret are quoted").to_owned()
}

/// NSD, which cannot be updated: its zone includes a file, and a script of its operator raises the serial, signs by BIND's tools and reloads.
pub struct Nsd {
    _server: Server,
    /// Where it answers.
    pub address: SocketAddr,
    directory: PathBuf,
}

impl Nsd {
    /// Starts it with the zone signed, its files below `directory`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        Self::start_at(SocketAddr::new(HERE, free_port(&[HERE])), &TEXT.replace(" 1 3600 ", " SERIAL 3600 "), directory)
    }

    /// The same at an address, with a zone of this text, which says `SERIAL` where its serial is and to which the fragment is appended.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_at(address: SocketAddr, zone: &str, directory: &Path) -> Self {
        let directory = directory.join("Nsd");
        fs::create_dir_all(&directory).expect("directory");
        let d = directory.display().to_string();
        fs::write(directory.join("zone"), format!("{zone}$INCLUDE {d}/tlsa\n")).expect("zone");
        fs::write(directory.join("serial"), "1").expect("serial");
        fs::write(directory.join("tlsa"), "; TLSA records\n").expect("fragment");
        let control = format!("yes\n control-interface: \"{d}/control\"");
        let zone = "zonefile: \"signed\"\n provide-xfr: 127.0.0.0/8 NOKEY";
        fs::write(directory.join("nsd.conf"), nsd_configuration(address, &directory, &control, zone)).expect("nsd.conf");
        // A script of a person's machine, where these programs are in the path.
        let program = |name: &str| {
            let command = software::command(name);
            format!(
                "{}() {{ LD_LIBRARY_PATH={} {} \"$@\"; }}\n",
                name.replace('-', "_"),
                library_path(&command),
                command.get_program().to_string_lossy()
            )
        };
        let programs: String = ["dnssec-keygen", "dnssec-signzone", "nsd-control"].map(program).concat();
        let sign = format!(
            "set -e\ncd {d}\n{programs}test -e keys || {{ mkdir keys; dnssec_keygen -q -K keys -a ECDSAP256SHA256 {ZONE}; \
             dnssec_keygen -q -K keys -a ECDSAP256SHA256 -f KSK {ZONE}; }}\nserial=$(($(cat serial) + 1))\necho $serial > serial\n\
             sed s/SERIAL/$serial/ zone > unsigned\ndnssec_signzone -S -K keys -o {ZONE} -f signed unsigned\n"
        );
        fs::write(directory.join("sign"), &sign).expect("script");
        fs::write(directory.join("reload"), sign + &format!("nsd_control -c {d}/nsd.conf reload {ZONE}\n")).expect("script");
        let mut command = std::process::Command::new("sh");
        command.arg(directory.join("sign"));
        let _ = succeed(command);
        Self { _server: nsd(address, &directory), address, directory }
    }

    /// A file of its directory: `tlsa`, which the zone includes, and the script `reload`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// As [`Primary::answers`].
    #[must_use]
    pub fn answers(&self, name: &str, rtype: &str, has: &str) -> bool {
        dig(self.address, name, rtype, &["+dnssec"]).contains(has)
    }

    /// As [`Primary::tlsa`].
    #[must_use]
    pub fn tlsa(&self, name: &str) -> Vec<String> {
        tlsa(self.address, name)
    }
}

/// An NSD that has the zone from a primary, asks it as often as the SOA record says, and is told nothing.
///
/// # Panics
/// If it does not start.
#[must_use]
pub fn secondary(address: SocketAddr, primary: SocketAddr, directory: &Path) -> Server {
    fs::create_dir_all(directory).expect("directory");
    let zone = format!("zonefile: \"copy\"\n request-xfr: AXFR {}@{} NOKEY", primary.ip(), primary.port());
    fs::write(directory.join("nsd.conf"), nsd_configuration(address, directory, "no", &zone)).expect("nsd.conf");
    nsd(address, directory)
}

fn nsd(address: SocketAddr, directory: &Path) -> Server {
    let mut command = software::command("nsd");
    command.arg("-d").arg("-c").arg(directory.join("nsd.conf"));
    Server::start(command, &directory.join("log"), address)
}

fn nsd_configuration(address: SocketAddr, directory: &Path, control: &str, zone: &str) -> String {
    let (d, ip, port) = (directory.display(), address.ip(), address.port());
    format!(
        "server:\n ip-address: {ip}@{port}\n username: \"\"\n zonesdir: \"{d}\"\n pidfile: \"\"\n database: \"\"\n xfrdir: \"{d}\"\n \
         xfrdfile: \"{d}/xfrd\"\n zonelistfile: \"{d}/list\"\n server-count: 1\nremote-control:\n control-enable: {control}\nzone:\n name: \"{ZONE}\"\n {zone}\n"
    )
}

/// The library path that a command is given.
fn library_path(command: &std::process::Command) -> String {
    let value = command.get_envs().find(|(name, _)| *name == "LD_LIBRARY_PATH").and_then(|(_, value)| value);
    value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

fn bind(address: SocketAddr, directory: &Path) -> std::process::Command {
    let (d, port) = (directory.display(), address.port());
    let keys: String = KEYS.iter().map(|name| fs::read_to_string(directory.join(name)).expect("key")).collect();
    let text = format!(
        "options {{ directory \"{d}\"; key-directory \"{d}\"; managed-keys-directory \"{d}\"; listen-on port {port} {{ 127.0.0.1; }};\n\
         listen-on-v6 {{ none; }}; recursion no; notify no; pid-file none; session-keyfile none; lock-file none; allow-transfer {{ any; }}; }};\n\
         controls {{ }};\n{keys}\
         zone \"{ZONE}\" {{ type primary; file \"{d}/zone\"; dnssec-policy default; update-policy {{ grant danelaw subdomain {ZONE} TLSA; }}; }};\n"
    );
    fs::write(directory.join("named.conf"), text).expect("named.conf");
    let mut command = software::command("named");
    command.args(["-g", "-n", "1", "-c"]).arg(directory.join("named.conf"));
    command
}

fn knot(address: SocketAddr, algorithm: &str, directory: &Path) -> std::process::Command {
    let d = directory.display();
    fs::create_dir_all(directory.join("db")).expect("directory");
    let key = |name: &&str| format!("  - id: {name}\n    algorithm: {algorithm}\n    secret: {}\n", secret(&directory.join(name)));
    let keys: String = KEYS.iter().map(key).collect();
    let text = format!(
        "server:\n  listen: {}@{}\n  rundir: {d}\n  background-workers: 1\ndatabase:\n  storage: {d}/db\nlog:\n  - target: stderr\n    any: debug\n\
         key:\n{keys}acl:\n  - id: danelaw\n    key: danelaw\n    action: update\n    update-type: [TLSA]\n  - id: transfer\n    action: transfer\n\
         zone:\n  - domain: {ZONE}\n    storage: {d}\n    file: zone\n    acl: [danelaw, transfer]\n    dnssec-signing: on\n    zonefile-sync: -1\n    \
         zonefile-load: difference-no-serial\n    journal-content: all\n",
        address.ip(),
        address.port(),
    );
    fs::write(directory.join("knot.conf"), text).expect("knot.conf");
    let mut command = software::command("knotd");
    command.arg("-c").arg(directory.join("knot.conf"));
    command
}

/// What PowerDNS' API wants to see.
pub const API_KEY: &str = "0123456789abcdef-api";

fn power_dns(address: SocketAddr, api: SocketAddr, algorithm: &str, directory: &Path) -> std::process::Command {
    let d = directory.display();
    let modules = format!("{}/usr/lib/x86_64-linux-gnu/pdns", software::unpacked().display());
    let text = format!(
        "launch=lmdb\nlmdb-filename={d}/db\nlmdb-shards=1\nmodule-dir={modules}\nlocal-address={}\nlocal-port={}\nsocket-dir={d}\nsecurity-poll-suffix=\n\
         zone-cache-refresh-interval=0\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nprimary=yes\ndnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n\
         api=yes\napi-key={API_KEY}\nwebserver=yes\nwebserver-address={}\nwebserver-port={}\nallow-axfr-ips=127.0.0.0/8\n",
        address.ip(),
        address.port(),
        api.ip(),
        api.port(),
    );
    fs::write(directory.join("pdns.conf"), text).expect("pdns.conf");
    write_secret(&directory.join("api-key"), API_KEY);
    let zone = ZONE.trim_end_matches('.');
    let file = directory.join("zone").display().to_string();
    let secrets = KEYS.map(|name| secret(&directory.join(name)));
    for arguments in [
        vec!["load-zone", zone, &file],
        vec!["set-kind", zone, "primary"],
        vec!["import-tsig-key", KEYS[0], algorithm, &secrets[0]],
        vec!["import-tsig-key", KEYS[1], algorithm, &secrets[1]],
        vec!["set-meta", zone, "TSIG-ALLOW-DNSUPDATE", KEYS[0]],
        vec!["set-meta", zone, "SOA-EDIT-DNSUPDATE", "INCREASE"],
        vec!["secure-zone", zone],
    ] {
        let mut command = software::command("pdnsutil");
        command.arg(format!("--config-dir={d}")).args(arguments);
        let _ = succeed(command);
    }
    let mut command = software::command("pdns_server");
    command.arg(format!("--config-dir={d}")).args(["--daemon=no", "--guardian=no"]);
    command
}

const TEXT: &str = "$TTL 60
@ IN SOA nowhere.example. hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mx
mx IN A 192.0.2.25
mx2 IN A 192.0.2.26
_25._tcp.alias IN CNAME _25._tcp.mx
";

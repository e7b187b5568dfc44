//! The lab as files, for other programs.

use crate::dns::{keys::KeySet, master};
use crate::parallel::parallel;
use crate::pki::chain::Identity;
use crate::pki::der::pem;
use crate::seed::Seed;
use crate::smtp::server::Host;
use crate::{Lab, LabError};
use dane::name::{Name, fqdn};
use domain::base::iana::Rtype;
use scenario::recipe::Smtp;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// One SMTP server, as another program needs it to take its place: one line of `servers.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct ServerFacts {
    /// Name in the greeting, and server name that clients send.
    pub host: String,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// What it does.
    pub smtp: Smtp,
    /// Key and chain, PEM: one file for each certificate that the server has.
    pub files: Vec<String>,
    #[serde(skip)]
    pems: Vec<String>,
}

/// The facts of all servers.
pub fn facts(hosts: &[Host], port: u16) -> Vec<ServerFacts> {
    let pem_of = |identity: &Identity| {
        let chain: String = identity.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
        identity.signing.pem() + &chain
    };
    hosts
        .iter()
        .map(|h| ServerFacts {
            host: h.name.clone(),
            address: h.address,
            port,
            smtp: h.smtp,
            files: (0..h.identities.len()).map(|i| format!("servers/{}-{}-{i}.pem", h.name, h.address)).collect(),
            pems: h.identities.iter().map(pem_of).collect(),
        })
        .collect()
}

/// What `check` and `scan` need.
pub fn hints(lab: &Lab, dir: &Path) -> Result<(), LabError> {
    make(dir)?;
    write(dir, "root.hints", &lab.root_hints())?;
    write(dir, "anchor.ds", &lab.anchor())?;
    write(dir, "anchor.dnskey", &anchor_key(lab))?;
    write(dir, "ca.pem", &lab.ca_pem())?;
    let domains: String = lab.truth().iter().map(|t| format!("{}\n", t.domain)).collect();
    write(dir, "domains.txt", &domains)?;
    write(dir, "truth.jsonl", &lines(lab.truth()))
}

/// Everything.
pub fn everything(lab: &Lab, dir: &Path) -> Result<(), LabError> {
    hints(lab, dir)?;
    make(&dir.join("zones"))?;
    make(&dir.join("servers"))?;
    write(dir, "servers.jsonl", &lines(&lab.servers))?;
    for server in &lab.servers {
        for (file, text) in server.files.iter().zip(&server.pems) {
            write(dir, file, text)?;
        }
    }
    let zones: Vec<_> = lab.zones.firsts().collect();
    let written = parallel(&zones, |zone| write(dir, &zone_file(&zone.plan.apex), &master::text(&zone.plan.apex, lab.zones.sign(zone))));
    written.into_iter().collect::<Result<Vec<()>, _>>()?;
    let apexes: Vec<&Name> = zones.iter().map(|z| &z.plan.apex).collect();
    write(dir, "nsd.conf", &nsd(lab, &apexes, dir))?;
    write(dir, "named.conf", &named(lab, &apexes, dir))
}

fn zone_file(apex: &Name) -> String {
    if apex.is_root() { "zones/root.zone".to_owned() } else { format!("zones/{apex}.zone") }
}

/// The root's key-signing key as zone-file text, for programs that want DNSKEY records as anchors.
fn anchor_key(lab: &Lab) -> String {
    let root = Name::root_bytes();
    let signing = lab.zones.zone(&root).map(|z| z.plan.signing);
    let keys = signing.and_then(|s| KeySet::derive(&Seed::new(lab.config.seed), &root, s));
    let key = keys.as_ref().and_then(|k| k.keys.first()).map(|k| k.rdata().clone()).unwrap_or_default();
    master::record(&root, 3600, Rtype::DNSKEY, &key) + "\n"
}

fn nsd(lab: &Lab, apexes: &[&Name], dir: &Path) -> String {
    let mut out = format!(
        "# NSD serves all zones of the lab at the lab's addresses. Start with: nsd -d -c {0}/nsd.conf\nserver:\n  port: {1}\n  \
         zonesdir: \"{0}\"\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  zonelistfile: \"{0}/nsd.zonelist\"\n  \
         xfrdfile: \"\"\n  database: \"\"\n  hide-version: yes\n  rrl-ratelimit: 0\n",
        dir.display(),
        lab.config.dns_port
    );
    for address in lab.zones.addresses() {
        let _ = writeln!(out, "  ip-address: {address}");
    }
    out.push_str("remote-control:\n  control-enable: no\n");
    for apex in apexes {
        let _ = writeln!(out, "zone:\n  name: \"{}\"\n  zonefile: \"{}\"", fqdn(apex), zone_file(apex));
    }
    out
}

fn named(lab: &Lab, apexes: &[&Name], dir: &Path) -> String {
    let addresses: String = lab.zones.addresses().iter().map(|a| format!(" {a};")).collect();
    let mut out = format!(
        "// BIND serves all zones of the lab at the lab's addresses. Start with: named -g -c {0}/named.conf\noptions {{\n  directory \"{0}\";\n  \
         listen-on port {1} {{{addresses} }};\n  listen-on-v6 {{ none; }};\n  recursion no;\n  dnssec-validation no;\n  \
         pid-file none;\n  session-keyfile none;\n  zone-statistics no;\n  minimal-responses yes;\n}};\ncontrols {{ }};\n",
        dir.display(),
        lab.config.dns_port
    );
    for apex in apexes {
        let _ = writeln!(out, "zone \"{}\" {{ type primary; file \"{}\"; check-names ignore; }};", fqdn(apex), zone_file(apex));
    }
    out
}

fn lines<T: Serialize>(items: &[T]) -> String {
    items.iter().filter_map(|t| serde_json::to_string(t).ok()).map(|l| l + "\n").collect()
}

/// Makes a directory and those above it.
pub fn make(dir: &Path) -> Result<(), LabError> {
    fs::create_dir_all(dir).map_err(|source| LabError::Write { path: dir.display().to_string(), source })
}

/// Writes a file in a directory.
pub fn write(dir: &Path, file: &str, text: &str) -> Result<(), LabError> {
    let path = dir.join(file);
    fs::write(&path, text).map_err(|source| LabError::Write { path: path.display().to_string(), source })
}

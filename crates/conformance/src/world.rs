//! The lab, running, with everything that other programs need to take over a part of it.

use crate::zone::{Zone, free_port};
use crate::{Question, danelaw, process};
use dane::cause::Cause;
use lab::{Content, Lab, LabConfig, Truth};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Scenarios that live in what the lab's name servers do and not in its zones: other name servers do not play them.
pub const NAME_SERVER_BEHAVIOUR: [&str; 6] =
    ["tlsa-servfail", "tlsa-timeout", "tlsa-refused", "zone-servfail", "zone-refused", "zone-timeout"];

/// A running lab and its export.
pub struct World {
    /// The lab. Its own name servers and mail servers answer until it is dropped.
    pub lab: Lab,
    /// Every zone, for other name servers.
    pub zones: Vec<Zone>,
    /// Every mail server, for other mail servers.
    pub servers: Vec<MailServer>,
    directory: PathBuf,
}

/// One line of the lab's `servers.jsonl`.
pub struct MailServer {
    /// The host's name.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
    /// What it does: `normal`, or the name of its fault.
    pub behaviour: String,
    /// PEM files, each with a key and its chain.
    pub files: Vec<PathBuf>,
}

impl World {
    /// Starts the catalogue's lab at free ports and exports it to `directory`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        Self::start_with(directory, Content::Catalogue)
    }

    /// The same, in the deep tier (`cargo xtask test --deep`) with a population of 2,000 domains beside the catalogue.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_large(directory: &Path) -> Self {
        let deep = std::env::var_os("DANELAW_DEEP").is_some();
        Self::start_with(directory, if deep { Content::Everything } else { Content::Catalogue })
    }

    fn start_with(directory: &Path, content: Content) -> Self {
        let somewhere: [IpAddr; 2] = [[127, 53, 0, 1].into(), [127, 100, 1, 25].into()];
        Self::start_at(directory, content, free_port(&somewhere), free_port(&somewhere))
    }

    /// The same at these ports: those of DNS and SMTP can be had in a network of our own.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_at(directory: &Path, content: Content, dns_port: u16, smtp_port: u16) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        let mut config = LabConfig::new(i64::try_from(now).expect("a clock before the end of time"));
        (config.content, config.dns_port, config.smtp_port) = (content, dns_port, smtp_port);
        let lab = Lab::start(config).expect("the lab starts");
        let directory = directory.join("lab");
        lab.export(&directory).expect("the lab is exported");
        let zones = zones(&directory.join("zones"));
        Self { lab, zones, servers: servers(&directory), directory }
    }

    /// Every name server's address.
    #[must_use]
    pub fn name_servers(&self) -> Vec<IpAddr> {
        self.zones.iter().flat_map(|zone| zone.servers.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The root's DS record as zone-file text.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.lab.anchor()
    }

    /// What there is to ask validators about every mail domain and its hosts.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let domains = self.lab.truth().iter().map(|truth| Question::new(format!("{}.", truth.domain), "MX"));
        let hosts = self.servers.iter().flat_map(|server| {
            let host = format!("{}.", server.host);
            [Question::new(format!("_25._tcp.{host}"), "TLSA"), Question::new(host.clone(), "AAAA"), Question::new(host, "A")]
        });
        domains.chain(hosts).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The TLSA records that stand at `owner` (with the final dot) in any of the zones.
    #[must_use]
    pub fn tlsa(&self, owner: &str) -> Vec<String> {
        self.data(owner, "TLSA")
    }

    /// The data of the records of that type at `owner` (with the final dot) in any of the zones.
    #[must_use]
    pub fn data(&self, owner: &str, rtype: &str) -> Vec<String> {
        let texts = self.zones.iter().filter_map(|zone| fs::read_to_string(&zone.file).ok());
        let records = |text: String| -> Vec<String> {
            let fields = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
            fields.filter(|f| f.len() == 5 && f[3] == rtype && f[0] == owner).map(|f| f[4].to_owned()).collect()
        };
        texts.flat_map(records).collect()
    }

    /// A file of the export.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The options that make danelaw resolve in the lab, from name servers at `dns_port`.
    #[must_use]
    pub fn resolver_options(&self, dns_port: u16) -> Vec<String> {
        let file = |name: &str| self.directory.join(name).display().to_string();
        vec!["--root-hints".to_owned(), file("root.hints"), "--anchor".to_owned(), file("anchor.ds"), format!("--dns-port={dns_port}")]
    }

    /// What `danelaw scan` says of these domains, from name servers at `dns_port` and mail servers at `smtp_port`.
    ///
    /// # Panics
    /// If the scan fails.
    #[must_use]
    pub fn scan<'a>(&self, domains: impl Iterator<Item = &'a str>, dns_port: u16, smtp_port: u16) -> BTreeMap<String, Verdict> {
        let list = self.directory.join(format!("list-{dns_port}-{smtp_port}"));
        fs::write(&list, domains.collect::<Vec<_>>().join("\n")).expect("list");
        let mut command = danelaw::command();
        command.arg("scan").arg(&list).args(["--json", "--allow-private", "--ehlo", "scanner.example.net"]);
        command.arg(format!("--connect-port={smtp_port}")).args(self.resolver_options(dns_port));
        command.args(["--policies=all", &format!("--https-port={}", self.lab.config().smtp_port)]);
        command.arg("--roots").arg(self.directory.join("ca.pem"));
        command.arg("--out").arg(list.with_extension("jsonl"));
        let output = process::output(command, Duration::from_secs(300));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.is_empty(), "the scan says nothing: {}", String::from_utf8_lossy(&output.stderr));
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["kind"] == "verdict")
            .filter_map(|line| Some((line["domain"].as_str()?.to_owned(), Verdict::read(&line))))
            .collect()
    }
}

/// What a verdict comes to.
pub struct Verdict {
    standing: String,
    causes: BTreeSet<String>,
    /// Causes that weigh as error or as unknown.
    grave: BTreeSet<String>,
    line: String,
}

impl Verdict {
    fn read(line: &Value) -> Self {
        let findings = line["findings"].as_array().cloned().unwrap_or_default();
        let code = |finding: &Value| finding["cause"].as_str().unwrap_or_default().to_owned();
        let weighty = |finding: &&Value| ["error", "unknown"].map(Some).contains(&finding["weight"].as_str());
        Self {
            standing: line["standing"].as_str().unwrap_or_default().to_owned(),
            causes: findings.iter().map(code).collect(),
            grave: findings.iter().filter(weighty).map(code).collect(),
            line: line.to_string(),
        }
    }

    /// How it departs from what the lab knows, if it does.
    #[must_use]
    pub fn departs_from(&self, truth: &Truth) -> Option<String> {
        let codes = |causes: &[Cause]| causes.iter().map(|cause| cause.code().to_owned()).collect::<BTreeSet<_>>();
        let (must, may) = (codes(&truth.causes), codes(&truth.also));
        let missing: Vec<_> = must.difference(&self.causes).cloned().collect();
        let extra: Vec<_> = self.grave.iter().filter(|code| !must.contains(*code) && !may.contains(*code)).cloned().collect();
        let alike = self.standing == truth.standing.word() && missing.is_empty() && extra.is_empty();
        let text = || {
            let (is, should) = (&self.standing, truth.standing.word());
            format!("{}: {is}, should be {should}; not found: {missing:?}; found besides: {extra:?}\n  {}", truth.domain, self.line)
        };
        (!alike).then(text)
    }
}

fn servers(directory: &Path) -> Vec<MailServer> {
    let text = fs::read_to_string(directory.join("servers.jsonl")).expect("servers.jsonl");
    let server = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a JSON object");
        let files = line["files"].as_array().cloned().unwrap_or_default();
        let behaviour = line["smtp"].as_str().map_or_else(|| line["smtp"].to_string(), str::to_owned);
        MailServer {
            host: line["host"].as_str().expect("host").to_owned(),
            address: line["address"].as_str().and_then(|address| address.parse().ok()).expect("address"),
            behaviour,
            files: files.iter().filter_map(Value::as_str).map(|file| directory.join(file)).collect(),
        }
    };
    text.lines().map(server).collect()
}

/// Reads the master files: a zone's servers are the addresses of the names in its NS records, wherever those addresses stand.
fn zones(directory: &Path) -> Vec<Zone> {
    let mut addresses: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut found: Vec<(String, PathBuf, Vec<String>)> = Vec::new();
    for entry in fs::read_dir(directory).expect("zones").flatten() {
        let text = fs::read_to_string(entry.path()).expect("zone");
        let records = text.lines().filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok());
        let records: Vec<[&str; 5]> = records.collect();
        let apex = records.iter().find(|record| record[3] == "SOA").map_or("", |record| record[0]).to_owned();
        let names = records.iter().filter(|record| record[3] == "NS" && record[0] == apex).map(|record| record[4].to_owned()).collect();
        found.push((apex, entry.path(), names));
        for record in records.iter().filter(|record| record[3] == "A") {
            addresses.entry(record[0].to_owned()).or_default().extend(record[4].parse::<IpAddr>());
        }
    }
    let known = |name: &String| addresses.get(name).into_iter().flatten().copied().collect::<Vec<_>>();
    let zones = found.into_iter().map(|(name, file, names)| Zone { name, file, servers: names.iter().flat_map(known).collect() });
    zones.filter(|zone| !zone.servers.is_empty()).collect()
}

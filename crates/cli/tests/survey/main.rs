//! `check`, `scan`, `report` and `demo` as their users run them, against a lab on loopback.

mod adversity;
mod bad_input;
mod check;
mod depth;
mod dns_scan;
mod generate;
mod policies;
mod resolver;
mod rounds;
mod scan;
mod states;
mod testbed;

use lab::{Content, Lab, LabConfig};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// One lab for all tests of this file: one domain per scenario.
struct Bed {
    lab: Lab,
    directory: tempfile::TempDir,
}

static BED: LazyLock<Bed> = LazyLock::new(|| bed(0));

/// A lab of one's own, for servers that remember who was there; `shift` keeps its ports from those of others.
fn bed(shift: u16) -> Bed {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let directory = tempfile::tempdir().unwrap();
    let base = 20_000 + shift + u16::try_from(std::process::id() % 10_000).unwrap();
    let start = |port| {
        let config =
            LabConfig { dns_port: port, smtp_port: port + 1, content: Content::Catalogue, ..LabConfig::new(i64::try_from(now).unwrap()) };
        Lab::start(config).ok()
    };
    let lab = (0..20).find_map(|i| start(base + 10 * i)).expect("two free ports on 127.0.0.0/8");
    lab.export_hints(directory.path()).unwrap();
    Bed { lab, directory }
}

impl Bed {
    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// The options that point a verb at the lab's name servers.
    fn dns_options(&self) -> Vec<String> {
        let port = self.lab.config().dns_port.to_string();
        ["--root-hints", &self.file("root.hints"), "--anchor", &self.file("anchor.ds"), "--dns-port", &port].map(str::to_owned).to_vec()
    }

    /// The options that point a verb at the lab.
    fn options(&self) -> Vec<String> {
        let mut options = self.dns_options();
        options.extend(["--allow-private", "--smtp-timeout", "4", "--connect-port"].map(str::to_owned));
        options.push(self.lab.config().smtp_port.to_string());
        for rate in ["--rate", "--rate-address", "--rate-network", "--rate-provider"] {
            options.extend([rate.to_owned(), "10000".to_owned()]);
        }
        options
    }
}

/// Runs a verb against the lab.
fn in_lab(arguments: &[&str]) -> Output {
    in_lab_with(arguments, &BED.options())
}

fn in_lab_with(arguments: &[&str], options: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_danelaw")).args(arguments).args(options).stdin(Stdio::null()).output().unwrap()
}

/// Runs a verb that has nobody to ask.
fn alone(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_danelaw")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn list(directory: &tempfile::TempDir, text: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join("list.txt");
    std::fs::write(&path, text).unwrap();
    path
}

//! Implementations that registries ship: a library that sends (npm's mx-connect) and a checker (PyPI's smtp-dane-verify), over the same scenarios.

use super::deeds::{self, Deed, Deeds, Fate};
use super::place::{Network, Place, address};
use super::resolver::Resolver;
use super::sender::TRUST_AD;
use super::tap::Tap;
use crate::apart::Machine;
use crate::{process, python, software};
use scenario::recipe::{Place as HostPlace, Route};
use scenario::{Scenario, Sender as Wanted};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The library and its version.
pub const MX_CONNECT: &str = "mx-connect@1.6.0";
/// How the driver calls itself.
const HELO: &str = "mx-connect.client.example";

/// What a driver said: scenario, one word, and why.
type Said = BTreeMap<String, (String, String)>;

/// Fetches both. Within a network of a test's own there is no registry to fetch them from: call this before.
///
/// # Panics
/// If they cannot be had.
pub fn fetch() {
    node_modules();
    let _ = python::checker();
}

/// What the library does with every scenario, driven by the script at `driver`.
///
/// # Panics
/// If there is no Node.js with npm, or the library cannot be had.
#[must_use]
pub fn mx_connect(place: &Place, ids: &[&'static str], driver: &Path) -> Deeds {
    let domain = |id: &str| place.world.lab.truth().iter().find(|truth| truth.scenario == id).map(|truth| truth.domain.to_string());
    let lines: String = ids.iter().filter_map(|id| Some(format!("{id} {}\n", domain(id)?))).collect();
    let modules = node_modules();
    let (said, tap) = drive(place, "mx-connect", &format!("NODE_PATH={} node {}", modules.display(), driver.display()), &lines);
    let fates = ids.iter().filter_map(|id| {
        let (word, why) = said.get(*id)?;
        let fate = match word.as_str() {
            "sent" => Fate::Sent,
            "bounced" => Fate::Bounced,
            _ => Fate::Deferred,
        };
        // What it says of each record comes in the order of the answer, which changes.
        let (about, mut records) = why.rsplit_once(": ").map_or(("", vec![]), |(about, of)| (about, of.split("; ").collect::<Vec<_>>()));
        records.sort_unstable();
        records.dedup();
        let why = if records.is_empty() { why.clone() } else { format!("{about}: {}", records.join("; ")) };
        Some((*id, (fate, why)))
    });
    deeds::seen(place, HELO, &tap, fates.collect())
}

/// What the checker says of every scenario with a host of its own: whether DANE holds there, beside whether it does.
///
/// # Panics
/// If there is no Python with `venv`, or the checker cannot be had.
#[must_use]
pub fn smtp_dane_verify(place: &Place, scenarios: &[&'static Scenario], driver: &Path) -> Vec<(&'static Scenario, Wrong)> {
    let own = |scenario: &&&Scenario| {
        scenario.recipe.route == Route::Mx && scenario.recipe.hosts.first().is_some_and(|host| host.place == HostPlace::Own)
    };
    let chosen: Vec<&Scenario> = scenarios.iter().filter(own).copied().collect();
    let lines: String = chosen.iter().map(|scenario| format!("{0} mx1.{0}.nl\n", scenario.id)).collect();
    let (said, _) = drive(place, "smtp-dane-verify", &format!("{} {}", python::checker().display(), driver.display()), &lines);
    let judged = chosen.into_iter().filter_map(|scenario| {
        let (word, why) = said.get(scenario.id)?;
        let (found, holds) = (word == "valid", scenario.sender == [Wanted::Dane]);
        (found != holds).then(|| (scenario, Wrong { found: word.clone(), why: why.clone() }))
    });
    judged.collect()
}

/// A finding that is not what it should be.
pub struct Wrong {
    /// `valid` or `invalid`.
    pub found: String,
    /// In the checker's words.
    pub why: String,
}

/// Runs a driver on a machine whose resolver is Unbound.
fn drive(place: &Place, name: &str, command: &str, lines: &str) -> (Said, Tap) {
    let room = place.room(name);
    let number = if name == "mx-connect" { 200 } else { 201 };
    let here = address(Network::Tap, Resolver::Unbound as u8, number);
    let tap = Tap::before(SocketAddr::from((Resolver::Unbound.address(), 53)), here);
    fs::write(room.join("list"), lines).expect("list");
    let resolv_conf = format!("nameserver {here}\n{TRUST_AD}");
    let machine = Machine { accounts: &[], tree: None, resolver: Some(&resolv_conf) };
    let script = format!("{command} < {}\n", room.join("list").display());
    let output = process::output(machine.command(&script, &room), Duration::from_secs(900));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let said: Value = serde_json::from_str(line).ok()?;
        let word = |name: &str| said[name].as_str().map(str::to_owned);
        Some((word("id")?, (word("fate")?, word("words")?)))
    };
    let said: Said = text.lines().filter_map(line).collect();
    assert!(!said.is_empty(), "{name} says nothing: {}", String::from_utf8_lossy(&output.stderr));
    (said, tap)
}

/// The directory of the library, which is fetched at the first use.
fn node_modules() -> PathBuf {
    let place = software::unpacked().join("../../node");
    let modules = place.join("node_modules");
    let done = place.join(format!("has {MX_CONNECT}"));
    let _turn = software::turn(&place);
    if !done.exists() {
        fs::create_dir_all(&place).expect("directory");
        let mut npm = Command::new("npm");
        npm.args(["install", "--loglevel=error", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&place).arg(MX_CONNECT);
        let output = process::output(npm, Duration::from_secs(300));
        assert!(output.status.success(), "npm install {MX_CONNECT}: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(&done, "").expect("mark");
    }
    modules.canonicalize().unwrap_or(modules)
}

/// The section of the page.
#[must_use]
pub fn section(sender: &Deeds, checker: &[(&'static Scenario, Wrong)]) -> String {
    let mut text = format!(
        "## Libraries\n\nnpm's {MX_CONNECT} with `dane.enabled`, through Unbound. It takes TLSA records from whoever resolves them, and they were given to it as Node.js\n\
         does from version 22.15 on. `connection.daneVerifier` was called with the certificate and its verdict kept. Version 1.6.0 looks for `publicKey` in that certificate, which Node.js\n\
         has in its `X509Certificate` only: no record of selector 1 matches, so mail to nearly every domain with DANE waits. As wanted: {} of {}.\n\n\
         | scenario | RFC 7672 wants | seen | rests on |\n|---|---|---|---|\n",
        sender.len() - deeds::departures(sender).len(),
        sender.len(),
    );
    let wants = |scenario: &Scenario| scenario.sender.iter().map(|w| format!("{w:?}").to_lowercase()).collect::<Vec<_>>().join(", then ");
    for (scenario, what) in deeds::departures(sender) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            scenario.id,
            wants(scenario),
            super::page::plain(&what),
            scenario.requirements.join(", ")
        );
    }
    let _ = writeln!(
        text,
        "\nPyPI's {}, a checker of one host (`danesmtp HOST`), through Unbound. It says *valid* of hosts without DANE, or *invalid* of hosts with it, here:\n\n\
         | scenario | a sender | found | in its words | rests on |\n|---|---|---|---|---|",
        python::CHECKER
    );
    for (scenario, wrong) in checker {
        let (why, rests) = (super::page::plain(&wrong.why), scenario.requirements.join(", "));
        let _ = writeln!(text, "| {} | {} | {} | {why} | {rests} |", scenario.id, wants(scenario), wrong.found);
    }
    text
}

/// Whether what a library does tells anything: mail arrives where there is no DANE, and where a record holds the digest of the whole certificate.
/// Not more is asked: mx-connect 1.6.0 finds no key in the certificate that Node.js hands out, so it takes every `3 1 1` for a failure.
#[must_use]
pub fn works(deeds: &Deeds) -> bool {
    ["no-tlsa-nsec3", "certificate-digest"].iter().all(|id| deeds.get(id).is_some_and(Deed::delivered))
}

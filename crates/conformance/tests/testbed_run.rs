//! `danelaw testbed run` as a mail server's makers run it: real senders, driven by the scripts of `docs/testbed`.

use conformance::apart::Machine;
use conformance::{danelaw, network, process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is played: each takes one try, and no server that says nothing.
const SCENARIOS: &str = "valid,tlsa-wrong-data,tlsa-wrong-selector,starttls-refused,cert-self-signed-no-tlsa,mx-rrsig-wrong,agility-strong-bad,bad-mx-preferred,tlsa-wrong-matching-type";

/// Accounts that the packages would make.
const ACCOUNTS: [&str; 3] = ["postfix", "postdrop", "Debian-exim"];

/// What the packages' own scripts do.
const INSTALLED: &str = "mkdir -p /etc/postfix /var/spool/postfix /var/lib/postfix\nchown postfix /var/lib/postfix\n";

/// What came of it: the exit code, and what was against RFC 7672, with its outcome.
struct Seen {
    code: Option<i32>,
    faults: BTreeMap<String, String>,
    class: String,
    junit: String,
}

/// Runs a script of `docs/testbed` on a machine of its own.
fn run(directory: &Path, script: &str) -> Seen {
    let (room, junit) = (directory.join("room"), directory.join("junit.xml"));
    fs::create_dir_all(&room).unwrap();
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/testbed").canonicalize().unwrap();
    let binary = danelaw::command().get_program().to_owned();
    let inside = format!(
        "{INSTALLED}PATIENCE=12 exec {} testbed run --json --wait 2 --only {SCENARIOS} --state {} --junit {} -- {}/{script} >{} 2>{}\n",
        Path::new(&binary).display(),
        directory.join("bed").display(),
        junit.display(),
        scripts.display(),
        directory.join("out").display(),
        directory.join("err").display(),
    );
    let machine = Machine { accounts: &ACCOUNTS, tree: None, resolver: Some("nameserver 127.0.0.1\noptions edns0 trust-ad\n") };
    let status = process::output(machine.command(&inside, &room), Duration::from_secs(120)).status;
    let said = fs::read_to_string(directory.join("out")).unwrap();
    let why = || fs::read_to_string(directory.join("err")).unwrap_or_default();
    // What the command says goes to the same place: the verdict is the last line.
    let verdict: Value =
        said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("{said}\n{}", why()));
    let trials = verdict["trials"].as_array().unwrap();
    let word = |trial: &Value, key: &str| trial[key].as_str().unwrap().to_owned();
    let faulty = trials.iter().filter(|trial| trial["ruling"] != "kept");
    let faults = faulty.map(|trial| (word(trial, "scenario"), format!("{}: {}", word(trial, "ruling"), word(trial, "outcome")))).collect();
    println!("{verdict:#}");
    Seen { code: status.code(), faults, class: word(&verdict, "class"), junit: fs::read_to_string(junit).unwrap() }
}

/// In a network of its own: at the ports of DNS and SMTP.
fn in_a_network(test: &str, work: impl FnOnce(&Path)) {
    if network::of_our_own(test, &[]) {
        work(tempfile::tempdir().unwrap().path());
    }
}

fn list(faults: &[(&str, &str)]) -> BTreeMap<String, String> {
    faults.iter().map(|(scenario, what)| ((*scenario).to_owned(), (*what).to_owned())).collect()
}

/// R-033 rfc7672#2.2: Postfix with `dane` returns what a 554 in reply to STARTTLS should make it keep, as docs/software.md has it from its log.
#[test]
fn postfix_with_dane() {
    in_a_network("postfix_with_dane", |directory| {
        let seen = run(directory, "postfix.sh dane");
        assert_eq!(seen.faults, list(&[("starttls-refused", "too-strict: returned")]));
        assert_eq!((seen.code, seen.class.as_str()), (Some(1), "too-strict"));
        assert!(seen.junit.contains("tests=\"9\" failures=\"1\" skipped=\"0\""), "{}", seen.junit);
    });
}

/// With `may` it looks at no TLSA record; a resolver that validates keeps bogus MX records from it.
#[test]
fn postfix_without_dane() {
    in_a_network("postfix_without_dane", |directory| {
        let seen = run(directory, "postfix.sh may");
        let delivered = ["tlsa-wrong-data", "tlsa-wrong-selector", "agility-strong-bad"];
        let mut faults = list(&delivered.map(|scenario| (scenario, "too-lax: delivered-encrypted")));
        faults.extend(list(&[("starttls-refused", "too-lax: delivered-in-clear")]));
        // It names no host in its ClientHello, so which of the two took the message is not known.
        faults.extend(list(&[("bad-mx-preferred", "cannot-tell-yet: delivered-encrypted")]));
        assert_eq!(seen.faults, faults);
        assert_eq!((seen.code, seen.class.as_str()), (Some(1), "opportunistic"));
    });
}

/// Exim takes any digest that fits, not only the strongest (R-074 rfc7671#9).
#[test]
fn exim() {
    in_a_network("exim", |directory| {
        let seen = run(directory, "exim.sh");
        assert_eq!(seen.faults, list(&[("agility-strong-bad", "too-lax: delivered-encrypted")]));
        assert_eq!((seen.code, seen.class.as_str()), (Some(1), "validates-with-faults"));
    });
}

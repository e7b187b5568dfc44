//! MTA-STS, TLS reporting and CAA, seen in the lab: every scenario has its causes, and `check` says so in a few lines.

use super::{BED, alone, in_lab, lines, list, stderr, stdout};
use scenario::Scenario;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The options that let a verb fetch policies in the lab, and trust the lab's CA.
fn options() -> Vec<String> {
    vec!["--https-port".into(), BED.lab.config().smtp_port.to_string(), "--roots".into(), BED.file("ca.pem")]
}

fn with_options<'a>(arguments: &[&'a str], options: &'a [String]) -> Vec<&'a str> {
    arguments.iter().copied().chain(options.iter().map(String::as_str)).collect()
}

fn played() -> impl Iterator<Item = &'static Scenario> {
    Scenario::all().iter().filter(|s| s.recipe.policies.is_some())
}

#[test]
fn every_scenario_of_a_policy_has_its_causes() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, played().map(|s| format!("{}.nl\n", s.id)).collect::<String>());
    let out = place.path().join("seen.jsonl");
    let (out, options) = (out.to_str().unwrap(), options());
    let output = in_lab(&with_options(&["scan", list.to_str().unwrap(), "--out", out, "--json", "--policies", "all"], &options));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = lines(&output);
    let verdicts: BTreeMap<&str, &Value> =
        told.iter().filter(|l| l["kind"] == "verdict").map(|l| (l["domain"].as_str().unwrap(), l)).collect();
    assert!(verdicts.len() >= 20, "{}", verdicts.len());
    for s in played() {
        let verdict = verdicts[format!("{}.nl", s.id).as_str()];
        // What weighs as info and is no cause of the scenario is of no interest here.
        let causes = |info: bool| -> BTreeSet<String> {
            let of_interest = |f: &&Value| info || f["weight"] != "info";
            verdict["findings"].as_array().unwrap().iter().filter(of_interest).map(|f| f["cause"].as_str().unwrap().to_owned()).collect()
        };
        let expected: BTreeSet<String> = s.receiver.causes.iter().map(|c| c.code().to_owned()).collect();
        assert!(causes(true).is_superset(&expected), "{}: {:?}", s.id, causes(true));
        assert!(causes(false).is_subset(&expected), "{}: {:?}", s.id, causes(false));
        assert_eq!(verdict["standing"], s.receiver.standing.word(), "{}", s.id);
    }
    // A report made later from the records says the same, with the same roots.
    let report = alone(&["report", "--from", out, "--json", "--roots", &BED.file("ca.pem")]);
    let summary = |lines: &[Value]| lines.iter().find(|l| l["kind"] == "summary").unwrap().clone();
    assert_eq!(summary(&lines(&report)), summary(&told));
}

#[test]
fn check_says_it_in_a_few_lines() {
    let options = options();
    let text = |domain: &str| stdout(&in_lab(&with_options(&["check", domain], &options)));
    let good = text("sts-enforce.nl");
    for there in
        ["Other policies", "✓ MTA-STS   enforce        holds for every MX host", "for 7 days)", "mailto:tls-reports@example.net", "CAA"]
    {
        assert!(good.contains(there), "{there} is not in\n{good}");
    }
    assert!(text("sts-mx-mismatch.nl").contains("✗ MTA-STS   enforce        fails for mx1.sts-mx-mismatch.nl"));
    assert!(text("sts-policy-404.nl").contains("! MTA-STS   unavailable"));
    assert!(text("valid.nl").contains("· MTA-STS   none"));
    let output = in_lab(&with_options(&["check", "sts-enforce.nl", "--json"], &options));
    assert_eq!(output.status.code(), Some(0));
    let sts = &lines(&output)[0]["policies"]["sts"];
    assert_eq!(
        (&sts["mode"], &sts["max_age"], &sts["webpki"], &sts["hosts"][0]["covered"]),
        (&"enforce".into(), &604_800.into(), &true.into(), &true.into())
    );
    // An enforced policy that is not fulfilled loses mail.
    assert_eq!(in_lab(&with_options(&["check", "sts-mx-mismatch.nl"], &options)).status.code(), Some(1));
    // The lab's CA is nobody's but the lab's.
    let line = &lines(&in_lab(&["check", "sts-enforce.nl", "--json", "--https-port", &options[1]]))[0];
    assert_eq!(line["policies"]["sts"]["state"], "unavailable", "{line}");
}

/// an address of this machine is not fetched from without leave, and nothing but the DNS is asked if only that is wanted.
#[test]
fn nobody_is_turned_against_his_own_surroundings() {
    let dns = [BED.dns_options(), vec!["--https-port".into(), BED.lab.config().smtp_port.to_string()]].concat();
    let attempt = |more: &[&str]| {
        let output = super::in_lab_with(&[&["check", "sts-enforce.nl", "--json", "--evidence"], more].concat(), &dns);
        lines(&output)[0]["observation"]["domain"]["policies"]["fetch"]["attempts"][0]["connect"].clone()
    };
    assert_eq!(attempt(&[])["why"], "not-public-address");
    assert_eq!(attempt(&["--allow-private", "--dns-only"])["why"], "dns-only");
    let none = super::in_lab_with(&["check", "sts-enforce.nl", "--json", "--evidence", "--policies", "none", "--dns-only"], &dns);
    assert!(lines(&none)[0]["observation"]["domain"].get("policies").is_none());
}

/// From one scan: counted by hand from the recipes of these scenarios.
#[test]
fn a_report_has_the_planted_shares_of_transport() {
    let place = tempfile::tempdir().unwrap();
    // Domains with mail: all but null-mx. A session with all but null-mx and connection-refused; TLS with all of these but
    // starttls-not-offered. Trusted: all but the self-signed and the expired one; for neither name: cert-name-mismatch.
    let names = [
        "sts-enforce",
        "sts-testing",
        "sts-record-invalid",
        "tlsrpt",
        "auth-before-starttls",
        "unsigned",
        "cert-self-signed-no-tlsa",
        "cert-expired-no-tlsa",
        "cert-name-mismatch-no-tlsa",
        "starttls-not-offered",
        "rsa-kex-only",
        "connection-refused",
        "null-mx",
    ];
    let list = list(&place, names.map(|n| format!("{n}.nl\n")).concat());
    let archive = place.path().join("archive");
    let (archive, options) = (archive.to_str().unwrap(), options());
    let output = in_lab(&with_options(&["scan", list.to_str().unwrap(), "--archive", archive, "--policies", "all"], &options));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = |more: &[&str]| lines(&alone(&[&["report", "--archive", archive, "--json"], more].concat()))[0]["transport"].clone();
    let transport = report(&["--roots", &BED.file("ca.pem")]);
    let share = |path: &str| {
        let share = transport.pointer(path).unwrap_or_else(|| panic!("no {path} in {transport}"));
        (share["count"].as_u64().unwrap(), share["of"].as_u64().unwrap())
    };
    assert_eq!(transport["with_mail"], 12);
    assert_eq!(share("/support/starttls"), (10, 11));
    assert_eq!(share("/support/auth_before_starttls"), (1, 10));
    assert_eq!(share("/parameters/forward_secrecy"), (9, 10), "rsa-kex-only has none");
    assert_eq!((&transport["parameters"]["key"]["RSA 2048"], &transport["parameters"]["key"]["P-256"]), (&1.into(), &9.into()));
    assert_eq!((&transport["parameters"]["version"]["TLSv1.2"], &transport["parameters"]["version"]["TLSv1.3"]), (&1.into(), &9.into()));
    assert_eq!((share("/trust/trusted"), share("/trust/untrusted")), ((8, 10), (2, 10)));
    assert_eq!((share("/trust/for_server"), share("/trust/for_neither"), share("/trust/for_domain")), ((7, 10), (1, 10), (0, 10)));
    assert_eq!((share("/dnssec/dnssec_of_mail"), share("/dnssec/dnssec_of_tls")), ((11, 12), (9, 10)), "all but unsigned");
    assert_eq!((share("/policies/sts"), share("/policies/sts_valid"), share("/policies/sts_enforced")), ((3, 12), (2, 2), (1, 2)));
    assert_eq!(share("/policies/tlsrpt"), (4, 12), "the three with MTA-STS, and tlsrpt");
    assert_eq!(transport["providers_in_all"], 12);
    // Without roots nothing is judged.
    assert_eq!(report(&["--roots", "none"])["trust"], Value::Null);
    // Nobody but the lab trusts its CA.
    assert_eq!(report(&[])["trust"]["untrusted"], serde_json::json!({"count": 10, "of": 10}));
    let text = stdout(&alone(&["report", "--archive", archive, "--roots", "none"]));
    assert!(text.contains("certificate trusted           not judged"), "{text}");
    // A scan with no option has the records of policies, and fetches none.
    let archive = place.path().join("records");
    let archive = archive.to_str().unwrap();
    in_lab(&["scan", list.to_str().unwrap(), "--archive", archive]);
    let policies = lines(&alone(&["report", "--archive", archive, "--json"]))[0]["transport"]["policies"].clone();
    assert_eq!((&policies["sts"]["count"], &policies["sts_valid"]["of"], &policies["tlsrpt"]["count"]), (&3.into(), &0.into(), &4.into()));
}

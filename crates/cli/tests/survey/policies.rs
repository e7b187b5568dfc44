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

//! `check`: exit codes, first line, labels, repairs, preflight, Nagios.

use super::{BED, in_lab, lines, stderr, stdout};

#[test]
fn exit_codes_say_right_wrong_and_could_not_tell() {
    for (domain, standing, exit) in [
        ("valid.nl", "protected", 0),
        ("null-mx.nl", "no-mail", 0),
        ("tlsa-wrong-data.nl", "broken", 1),
        ("mx-rrsig-expired.nl", "broken", 1),
        ("ds-missing.nl", "unprotected", 1),
        ("connection-refused.nl", "could-not-tell", 3),
    ] {
        let output = in_lab(&["check", domain, "--json"]);
        let line = &lines(&output)[0];
        assert_eq!(line["standing"], standing, "{domain}: {}", stdout(&output));
        assert_eq!(output.status.code(), Some(exit), "{domain}: {}", stdout(&output));
        assert_eq!((line["kind"].as_str(), line["domain"].as_str()), (Some("check"), Some(domain)));
    }
}

#[test]
fn the_first_line_speaks_of_mail_and_the_rest_proves_it() {
    let output = in_lab(&["check", "valid.nl"]);
    let text = stdout(&output);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("✓ Mail to valid.nl"), "{first}");
    for there in ["trust anchor", ".nl", "DNSKEY", "MX", "_25._tcp.mx1.valid.nl", "matches", "STARTTLS 220", "TLSv1.3", "leaf"] {
        assert!(text.contains(there), "{there} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours through a pipe");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let coloured = stdout(&in_lab(&["check", "valid.nl", "--color", "always"]));
    assert!(coloured.contains("\u{1b}[32m"), "colours survive a pipe if they are asked for");
}

#[test]
fn what_failed_is_where_the_cross_stands() {
    let row = |text: &str, what: &str| {
        let is = |l: &&str| l.trim_start().starts_with(['✓', '✗', '!', '?', '·']) && l.split_whitespace().nth(1) == Some(what);
        let row = text.lines().find(is);
        row.unwrap_or_else(|| panic!("no {what} in\n{text}")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let stale = stdout(&in_lab(&["check", "stale-tlsa.nl"]));
    assert!(row(&stale, "SMTP").starts_with("✓ SMTP works"), "{stale}");
    assert!(row(&stale, "leaf").starts_with("✗ leaf no match"), "{stale}");
    assert!(row(&stale, "DANE").starts_with("✗ DANE fails"), "{stale}");
    assert!(stale.contains("rfc6698#2.1 · R-048"), "the place in the RFCs: {stale}");
    let refused = stdout(&in_lab(&["check", "starttls-refused.nl"]));
    assert!(row(&refused, "SMTP").starts_with("✗ SMTP fails"), "{refused}");
    // No certificate under a broken chain is called matched.
    let expired = stdout(&in_lab(&["check", "ta-expired.nl"]));
    assert!(row(&expired, "DANE").starts_with("✗ DANE fails") && !expired.contains("matched"), "{expired}");
}

/// The line to publish is checked by publishing it: it must match what the server shows.
#[test]
fn the_repair_of_a_stale_record_is_the_line_that_matches() {
    let output = in_lab(&["check", "stale-tlsa.nl", "--json", "--evidence"]);
    let line = &lines(&output)[0];
    let steps = line["findings"][0]["repair"]["steps"].as_array().unwrap();
    let record = steps.iter().find_map(|s| s["line"].as_str()).unwrap();
    let (owner, data) = record.split_once(" IN TLSA 3 1 1 ").unwrap();
    assert!(owner.starts_with("_25._tcp.mx1.stale-tlsa.nl. "), "{record}");
    let server = &line["observation"]["hosts"][0]["servers"][0];
    let der = data_encoding::BASE64.decode(server["tls"]["chain"][0]["der"].as_str().unwrap().as_bytes()).unwrap();
    let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf.tbs_certificate.subject_pki.raw);
    assert_eq!(data, data_encoding::HEXLOWER.encode(digest.as_ref()));
}

#[test]
fn a_certificate_is_judged_before_it_is_deployed() {
    let place = tempfile::tempdir().unwrap();
    let served = |domain: &str| {
        let output = in_lab(&["check", domain, "--json", "--evidence"]);
        let der = lines(&output)[0]["observation"]["hosts"][0]["servers"][0]["tls"]["chain"][0]["der"].as_str().unwrap().to_owned();
        let path = place.path().join(format!("{domain}.der"));
        std::fs::write(&path, data_encoding::BASE64.decode(der.as_bytes()).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (same, other) = (served("valid.nl"), served("stale-tlsa.nl"));
    let output = in_lab(&["check", "valid.nl", "--with-cert", &same]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output = in_lab(&["check", "valid.nl", "--with-cert", &other]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let text = stdout(&output);
    let (now, then) = text.split_once("With the certificate in").unwrap();
    assert!(now.starts_with('✓') && then.contains("unknown-mismatch"), "{text}");
    assert!(then.contains("IN TLSA 3 1 1 "), "the record to publish before the switch: {then}");
    let line = &lines(&in_lab(&["check", "valid.nl", "--with-cert", &other, "--json"]))[0];
    assert_eq!((line["standing"].as_str(), line["with_cert"]["standing"].as_str()), (Some("protected"), Some("broken")));
}

#[test]
fn a_single_host_is_judged_by_itself() {
    let output = in_lab(&["check", "mx1.valid.nl", "--host", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(lines(&output)[0]["hosts"][0]["action"], "dane");
    assert!(stdout(&in_lab(&["check", "mx1.stale-tlsa.nl", "--host"])).contains("no match"));
}

#[test]
fn nagios_reads_one_line_and_its_own_exit_codes() {
    for (domain, word, exit) in [
        ("valid.nl", "DANE OK - ", 0),
        ("tlsa-wrong-data.nl", "DANE CRITICAL - ", 2),
        ("connection-refused.nl", "DANE UNKNOWN - ", 3),
        ("unsigned.nl", "DANE WARNING - ", 1),
    ] {
        let output = in_lab(&["check", domain, "--nagios"]);
        let text = stdout(&output);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with(word) && text.contains(" | hosts=1 servers="), "{text}");
        assert_eq!(output.status.code(), Some(exit), "{text}");
    }
    let output = in_lab(&["check", "bad..name", "--nagios"]);
    assert_eq!(output.status.code(), Some(3), "to Nagios 2 is CRITICAL");
}

#[test]
fn one_bad_domain_does_not_stop_the_others() {
    let output = in_lab(&["check", "valid.nl", "bad..name", "null-mx.nl", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines(&output).len(), 2);
    assert!(stderr(&output).contains("'bad..name' is not a domain name"), "{}", stderr(&output));
}

#[test]
fn what_will_break_is_told_on_request() {
    let line = &lines(&in_lab(&["check", "valid.nl", "--days", "400", "--json"]))[0];
    let outlook = line["outlook"].as_array().unwrap();
    assert!(outlook.iter().any(|f| f["cause"] == "rrsig-expired"), "the lab's signatures end within 400 days: {outlook:?}");
    assert_eq!(lines(&in_lab(&["check", "valid.nl", "--json"]))[0]["outlook"].as_array().unwrap().len(), 0);
}

/// R-112 rfc4035#5.3.1: whether the root, its TLD and the zone will be signed then cannot be known, and is not the domain's fault.
#[test]
fn a_time_beyond_all_signatures_is_judged_by_records_and_certificates() {
    let later = (jiff::Timestamp::now().as_second() + 400 * 86_400).to_string();
    let line = &lines(&in_lab(&["check", "valid.nl", "--at", &later, "--json"]))[0];
    assert_eq!(line["standing"], "protected", "{line}");
    let findings = line["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["cause"] == "signatures-to-come" && f["weight"] == "info"), "{findings:?}");
    assert!(findings.iter().all(|f| f["cause"] != "rrsig-expired" && f["cause"] != "clock-off"), "{findings:?}");
    // Of certificates the future is known: under usage 2 they end.
    let line = &lines(&in_lab(&["check", "ta-private.nl", "--at", &later, "--json"]))[0];
    assert_eq!((line["standing"].as_str(), line["findings"][0]["cause"].as_str()), (Some("broken"), Some("ta-expired")), "{line}");
    // What has expired already is not excused by the future.
    let line = &lines(&in_lab(&["check", "mx-rrsig-expired.nl", "--at", &later, "--json"]))[0];
    assert_eq!(line["standing"], "broken", "{line}");
}

/// With roots, what the studies count of usages 0 and 1 is known. (analyses: paper_valid)
#[test]
fn roots_say_whether_usages_0_and_1_are_valid() {
    let place = tempfile::tempdir().unwrap();
    let line = &lines(&in_lab(&["check", "only-pkix.nl", "--json", "--evidence"]))[0];
    // Without an option they are Mozilla's, which does not know the lab's CA.
    assert_eq!(line["hosts"][0]["servers"][0]["paper_valid"], false, "{line}");
    // Whatever it showed last, taken as the root that it leads to.
    let chain = line["observation"]["hosts"][0]["servers"][0]["tls"]["chain"].as_array().unwrap();
    let root = place.path().join("roots.pem");
    let der = chain.last().unwrap()["der"].as_str().unwrap();
    std::fs::write(&root, format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")).unwrap();
    let line = &lines(&in_lab(&["check", "only-pkix.nl", "--json", "--roots", root.to_str().unwrap()]))[0];
    assert_eq!(line["hosts"][0]["servers"][0]["paper_valid"], true, "{line}");
    assert_eq!(in_lab(&["check", "only-pkix.nl", "--roots", "/no/such"]).status.code(), Some(2));
}

/// Exactly one object per domain, also for one that nobody looks at.
#[test]
fn a_domain_left_alone_has_its_line() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("leave-alone.txt");
    std::fs::write(&path, "valid.nl\n").unwrap();
    let opt_out = path.to_str().unwrap();
    for verb in [&["check"][..], &["smtp", "probe"]] {
        let output = in_lab(&[verb, &["valid.nl", "null-mx.nl", "--json", "--opt-out", opt_out]].concat());
        let told = lines(&output);
        assert_eq!(told.len(), 2, "{verb:?}: {}", stdout(&output));
        assert_eq!((told[0]["domain"].as_str(), told[0]["standing"].as_str()), (Some("valid.nl"), Some("could-not-tell")));
        assert_eq!(output.status.code(), Some(if verb == ["check"] { 3 } else { 1 }));
    }
    let told = lines(&in_lab(&["check", "valid.nl", "--json", "--opt-out", opt_out]));
    assert_eq!(told[0]["findings"][0]["cause"], "opted-out");
    let nagios = stdout(&in_lab(&["check", "valid.nl", "--nagios", "--opt-out", opt_out]));
    assert!(nagios.starts_with("DANE UNKNOWN - ") && nagios.lines().count() == 1, "{nagios}");
}

/// A null MX: nothing is wrong with the domain, and no sender delivers. Those who ask for the one or the other get the same answer each.
#[test]
fn null_mx_is_well_and_takes_no_mail() {
    assert_eq!(in_lab(&["check", "null-mx.nl"]).status.code(), Some(0));
    assert_eq!(in_lab(&["smtp", "probe", "null-mx.nl"]).status.code(), Some(1));
    let policy = super::in_lab_with(&["smtp", "policy", "null-mx.nl"], &BED.dns_options());
    assert_eq!(policy.status.code(), Some(1));
}

/// A verdict has all of its fields, null or empty where there is nothing, as in `smtp policy`.
#[test]
fn what_is_not_there_is_null() {
    let line = &lines(&in_lab(&["check", "unsigned.nl", "--json"]))[0];
    let policy = &lines(&super::in_lab_with(&["smtp", "policy", "unsigned.nl", "--json"], &BED.dns_options()))[0];
    for field in ["tlsa_base", "names"] {
        assert_eq!(line["hosts"][0].get(field), policy["hosts"][0].get(field), "{field}");
        assert!(line["hosts"][0].get(field).is_some(), "{field}");
    }
}

#[test]
fn a_status_of_any_length_stands_apart_from_what_follows() {
    let text = stdout(&in_lab(&["check", "tlsa-rrsig-missing.nl", "connection-refused.nl", "zone-timeout.nl", "--dns-timeout", "0.2"]));
    let glued = text.lines().find(|l| l.split("could not tell").nth(1).is_some_and(|rest| rest.starts_with(|c: char| c != ' ')));
    assert_eq!(glued, None);
}

/// both visits are evidence, and a person is told what is waited for.
#[test]
fn who_greylists_is_visited_again_on_request() {
    let output = in_lab(&["check", "greylisted.nl", "--json", "--evidence", "--retries", "1"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let server = &lines(&output)[0]["observation"]["hosts"][0]["servers"][0];
    assert_eq!(server["earlier"][0]["dialogue"][0]["got"]["code"], 450, "{server}");
    assert!(stderr(&output).contains("mx1.greylisted.nl") && stderr(&output).contains("come back later"), "{}", stderr(&output));
    let output = in_lab(&["check", "greylisted-once.nl", "--retries", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn both_families_are_visited() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let line = &lines(&in_lab(&["check", "dual-stack.nl", "--json"]))[0];
    assert_eq!(line["standing"], "protected", "{line}");
    let servers = line["hosts"][0]["servers"].as_array().unwrap();
    assert!(servers.iter().any(|s| s["address"] == "::1" && s["rfc_delivers"] == true), "{line}");
    assert!(BED.lab.visits().iter().any(|v| v.server.is_ipv6() && v.tls.is_some()), "the lab's server at ::1 was visited");
    let line = &lines(&in_lab(&["check", "dual-stack.nl", "--json", "--no-ipv6"]))[0];
    let servers = line["hosts"][0]["servers"].as_array().unwrap();
    assert!(servers.iter().any(|s| s["address"] == "::1" && s["obstacle"] == "no-ipv6"), "{line}");
}

/// R-127 rfc4035#4.3: a name server that answers wrong breaks nothing as long as another answers right, and its operator is told. It, and
/// nobody else, is named each time, as every server is asked.
#[test]
fn a_stale_name_server_is_named() {
    for domain in ["per-server-differs.nl", "open-resolver-lies.nl"] {
        for _ in 0..4 {
            let line = &lines(&in_lab(&["check", domain, "--json", "--dns-only", "--evidence"]))[0];
            assert!(line["hosts"][0]["tlsa_status"] == "secure" && line["mx_status"] == "secure", "{line}");
            let findings = line["findings"].as_array().unwrap().iter().filter(|f| f["cause"].as_str().unwrap().starts_with("server-"));
            let named: Vec<_> = findings.map(|f| (f["cause"].as_str().unwrap(), f["party"].as_str().unwrap(), &f["address"])).collect();
            let servers = line["observation"]["domain"]["name_servers"].as_array().unwrap();
            let second = &servers.iter().find(|s| s["server"].as_str().unwrap().starts_with("ns2.")).unwrap()["address"];
            assert_eq!(named, [("server-bogus", "domain", second)], "{domain}: {line}");
        }
    }
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("list");
    std::fs::write(&list, "per-server-differs.nl\n").unwrap();
    let scan = in_lab(&[
        "scan",
        list.to_str().unwrap(),
        "--out",
        place.path().join("out").to_str().unwrap(),
        "--json",
        "--dns-only",
        "--all-servers",
    ]);
    assert!(stdout(&scan).contains("\"server-bogus\""), "{}", stdout(&scan));
}

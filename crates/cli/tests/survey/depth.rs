//! `--depth`: what a server accepts, for people and for programs, and with it in the record of a scan.

use super::{in_lab, lines, list, stderr, stdout};
use serde_json::Value;

fn accepted(depth: &Value) -> Vec<&str> {
    let versions = depth["versions"].as_array().unwrap();
    versions.iter().filter(|v| v["answer"]["answer"] == "accepted").filter_map(|v| v["version"].as_str()).collect()
}

/// The lab's servers speak what rustls does: TLS 1.2 and 1.3, and of each three cipher suites that fit their certificates.
#[test]
fn probe_tells_all_of_it() {
    let output = in_lab(&["smtp", "probe", "valid.nl", "--depth", "full", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let server = &lines(&output)[0]["hosts"][0]["servers"][0];
    let depth = &server["depth"];
    assert_eq!((depth["depth"].as_str(), accepted(depth)), (Some("full"), vec!["TLSv1.3", "TLSv1.2"]));
    for version in [0, 1] {
        let version = &depth["versions"][version];
        assert_eq!((version["suites"].as_array().map(Vec::len), version["complete"].as_bool()), (Some(3), Some(true)), "{version}");
    }
    assert_eq!((depth["injection"]["outcome"].as_str(), depth.get("ended")), (Some("discarded"), None));
    let offered = &server["capabilities"];
    assert!(offered["before"].as_array().unwrap().iter().any(|line| line == "STARTTLS"), "{offered}");
    assert_eq!((&offered["auth_before"], &offered["requiretls"]), (&Value::Array(Vec::new()), &Value::Bool(false)));
    assert_eq!(server["class"]["guideline"], "ncsc-2025-05");
    // It shows nothing that the guideline would not call good or sufficient.
    assert_eq!(server["class"]["worst"], "sufficient");
    let less = in_lab(&["smtp", "probe", "valid.nl", "--depth", "tls", "--json"]);
    let server = &lines(&less)[0]["hosts"][0]["servers"][0];
    assert_eq!((server["depth"].get("injection"), server.get("capabilities")), (None, None), "that is for full");
    let plain = in_lab(&["smtp", "probe", "valid.nl", "--json"]);
    let server = &lines(&plain)[0]["hosts"][0]["servers"][0];
    assert_eq!((server.get("depth"), server.get("class")), (None, None));
}

#[test]
fn people_read_a_table() {
    for verb in [&["check"][..], &["smtp", "probe"]] {
        let output = in_lab(&[verb, &["valid.nl", "--depth", "tls"]].concat());
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for expected in ["TLS class", "TLSv1.3      good", "TLS_AES_256_GCM_SHA384", "TLSv1.0      refused"] {
            assert!(text.contains(expected), "{verb:?} {expected}: {text}");
        }
        assert!(!stdout(&in_lab(&[verb, &["valid.nl"]].concat())).contains("TLS class"));
    }
}

#[test]
fn a_scan_keeps_it() {
    let place = tempfile::tempdir().unwrap();
    let domains = list(&place, "valid.nl\nstarttls-not-offered.nl\n");
    let output = in_lab(&["scan", domains.to_str().unwrap(), "--out", "-", "--depth", "tls"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let hosts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|l: &Value| l["kind"] == "host").collect();
    let of = |name: &str| hosts.iter().find(|h| h["host"].as_str().is_some_and(|h| h.contains(name))).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(accepted(&of("valid.nl")["servers"][0]["depth"]), ["TLSv1.3", "TLSv1.2"]);
    assert_eq!(of("starttls-not-offered.nl")["servers"][0].get("depth"), None, "without STARTTLS there is nothing to ask");
}

#[test]
fn depth_needs_a_server_to_look_at() {
    for option in [&["--dns-only"][..], &["--chain", "x.pem"]] {
        let output = in_lab(&[&["check", "valid.nl", "--depth", "tls"], option].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let output = in_lab(&["check", "valid.nl", "--depth", "deep"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("chain"), "{}", stderr(&output));
}

//! `dns validate` as its users run it: exit codes, one-line errors, the JSON contract.

use serde_json::Value;
use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Output};

fn danelaw(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_danelaw")).args(["dns", "validate"]).args(arguments).output().unwrap()
}

/// A file with this text, and its path.
fn file(text: &[u8]) -> (tempfile::NamedTempFile, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

#[test]
fn unusable_input_is_exit_2_and_one_line_that_names_it() {
    let (_a, bad_anchor) = file(b"\n. IN DS 20326 8 2 E06D4\n");
    let (_b, bad_hints) = file(b"ns. A 127.0.0.256\n");
    let (_c, no_hints) = file(b"; nothing\n");
    let (_d, binary) = file(&[0xff, 0xfe, 0x00]);
    let long = "x".repeat(64);
    for (arguments, named) in [
        (vec!["", "A"], "empty"),
        (vec!["a..b", "A"], "a..b"),
        (vec![long.as_str(), "A"], "xxxx"),
        (vec!["a.b", "NOTYPE"], "NOTYPE"),
        (vec!["a.b", "TYPE65536"], "TYPE65536"),
        (vec!["a.b", "A", "--anchor", "/no/such/file"], "/no/such/file"),
        (vec!["a.b", "A", "--anchor", &bad_anchor], "line 2"),
        (vec!["a.b", "A", "--anchor", &binary], "not a text file"),
        (vec!["a.b", "A", "--anchor", &no_hints], "no DS or DNSKEY record"),
        (vec!["a.b", "A", "--root-hints", &bad_hints], "127.0.0.256"),
        (vec!["a.b", "A", "--root-hints", &no_hints], "no root server"),
    ] {
        let output = danelaw(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(named) && error.lines().count() == 1, "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

/// R-127 rfc4035#4.3: no answer is "could not tell", and says whose silence it was.
#[test]
fn nobody_there_is_exit_3() {
    // Bound and never read: packets sent there are not answered.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let upstream = silent.local_addr().unwrap().to_string();
    let output = danelaw(&["_25._tcp.mx.example", "TLSA", "--json", "--upstream", &upstream, "--dns-timeout", "0.1"]);
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "indeterminate");
    assert_eq!((report["failure"].as_str(), report["reason"].as_str()), (Some("timeout"), Some("fetch-failed")));
    assert_eq!(report["ede"], serde_json::json!([22]));
    assert!(report["failure_detail"].as_str().unwrap().contains("127.0.0.1"));
    assert_eq!(report["answers"], serde_json::json!([]));
}

/// An upstream that sets AD and proves nothing is not believed. R-001 rfc7672#2.1.1, R-125 rfc4035#4.9.3
#[test]
fn a_lying_upstream_is_bogus_or_worse() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let upstream = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            // The query with QR, RA and AD set: NOERROR, no records.
            let mut answer = buffer[..length].to_vec();
            answer[2] |= 0x80;
            answer[3] |= 0xA0;
            let _ = socket.send_to(&answer, peer);
        }
    });
    let output = danelaw(&["example.com", "MX", "--json", "--upstream", &upstream, "--dns-timeout", "0.2"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 3)), "{report}");
    assert!(report["status"] == "bogus" || report["status"] == "indeterminate", "{report}");
    assert_eq!(report["rcode"], "SERVFAIL");
    for field in ["name", "type", "at", "ede", "reason", "at_name", "answers"] {
        assert!(report.get(field).is_some(), "{field}");
    }
}

/// What failed is said of the question itself as it is of a proof: R-127 rfc4035#4.3
#[test]
fn the_reason_is_what_failed() {
    for (code, failure, reason) in [(2, "servfail", "fetch-servfail"), (5, "refused", "fetch-refused"), (4, "notimp", "fetch-error")] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let upstream = socket.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                // The query with QR set and this response code.
                let mut answer = buffer[..length].to_vec();
                answer[2] |= 0x80;
                answer[3] = code;
                let _ = socket.send_to(&answer, peer);
            }
        });
        let output = danelaw(&["example.com", "MX", "--json", "--upstream", &upstream, "--dns-timeout", "0.2"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((report["failure"].as_str(), report["reason"].as_str()), (Some(failure), Some(reason)), "{report}");
    }
}

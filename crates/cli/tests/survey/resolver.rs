//! `check --resolver`: what can be said without a resolver. Those of other people are in `conformance`.

use super::{alone, lines, stderr, stdout};
use std::net::UdpSocket;

#[test]
fn who_does_not_answer_is_not_called_bad() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("resolv.conf");
    std::fs::write(&file, "nameserver 127.0.0.1\noptions edns0 trust-ad\n").unwrap();
    // Taken, so that nobody else answers there, and never read.
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = |form: &[&str]| {
        let common =
            ["check", "--resolver", "--resolver-timeout", "0.1", "--resolv-conf", file.to_str().unwrap(), "--resolver-port", &port];
        alone(&[&common, form].concat())
    };
    let output = run(&["--json", "--evidence"]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    let line = &lines(&output)[0];
    assert_eq!((&line["kind"], &line["standing"]), (&"resolver".into(), &"could-not-tell".into()), "{line}");
    assert_eq!(line["findings"][0]["trouble"], "resolver-silent", "{line}");
    assert_eq!(line["observation"]["servers"][0]["exchanges"][0]["failure"], "no answer within 0.1 s", "{line}");
    let text = stdout(&run(&[]));
    assert!(text.starts_with("? ") && text.lines().all(|l| l.chars().count() <= 80), "{text}");
    let nagios = run(&["--nagios"]);
    assert_eq!(nagios.status.code(), Some(3));
    assert!(stdout(&nagios).starts_with("DANE UNKNOWN - "), "{}", stdout(&nagios));
}

#[test]
fn what_cannot_be_used_is_told_in_one_line() {
    for (arguments, told) in [
        (&["check", "--resolver", "--resolv-conf", "no/such/file"][..], "--resolv-conf no/such/file"),
        (&["check", "--resolver", "example.com"], "cannot be used with"),
        (&["check", "--resolver", "--signed-name", "example.com"], "as in example.com/MX"),
        (&["check", "--resolver", "--long-name", "example.com/NOSUCHTYPE"], "as in example.com/MX"),
        (&["check", "--resolver-port", "5300", "example.com", "--upstream", "127.0.0.1:9"], "cannot be used with"),
        (&["check", "--resolver-port", "5300"], "--resolver"),
        (&["check"], "<DOMAIN>"),
    ] {
        let output = alone(arguments);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.lines().count() == 1 && error.contains(told), "{arguments:?}: {error}");
    }
}

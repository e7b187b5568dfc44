//! Input that cannot be used: one clear line that names the item and the remedy, exit 2, nothing lost.

use super::{BED, alone, in_lab, in_lab_with, lines, list, stderr, stdout};
use std::io::Read;
use std::process::{Command, Stdio};

/// Exit 2, and a last line that says all this.
fn refused(output: &std::process::Output, says: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let last = error.lines().last().unwrap_or_default();
    assert!(last.starts_with("danelaw: "), "{error}");
    for part in says {
        assert!(last.contains(part), "'{part}' is not in: {error}");
    }
}

#[test]
fn lists_that_are_none() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("archive");
    let archive = archive.to_str().unwrap();
    let scan = |text: &[u8]| alone(&["scan", list(&place, text).to_str().unwrap(), "--archive", archive]);
    refused(&scan(b""), &["holds no domain", "one domain a line"]);
    refused(&scan(b"# only a comment\n"), &["holds no domain"]);
    refused(&scan(b"\x7fELF\x00\x01\x02"), &["list.txt", "binary data in line 1"]);
    refused(&scan(b"not a domain\nneither..this\n"), &["holds no domain", "line 1", "not a domain"]);
    refused(&alone(&["scan", "/no/such/list", "--archive", archive]), &["/no/such/list", "No such file", "give a readable file"]);
    refused(&alone(&["scan", "/", "--archive", archive]), &["/: "]);
    assert!(!std::path::Path::new(archive).exists(), "no empty run is left behind");
}

#[test]
fn domains_that_are_none() {
    for (text, says) in [
        ("bad..name", "empty label"),
        ("192.0.2.1", "is an IP address"),
        ("me@example.org", "give only 'example.org'"),
        ("exa mple.org", "only letters"),
        ("", "empty domain name"),
        (&"a".repeat(64), "longer than 63"),
    ] {
        refused(&alone(&["check", "--", text]), &[says]);
    }
    let international = in_lab(&["check", "bücher.nl", "--json"]);
    assert!(stdout(&international).contains("xn--bcher-kva.nl"));
}

#[test]
fn one_bad_name_does_not_keep_us_from_the_others() {
    for (verb, options) in [(&["check"][..], BED.options()), (&["smtp", "probe"], BED.options()), (&["smtp", "policy"], BED.dns_options())]
    {
        let output = in_lab_with(&[verb, &["bad..name", "valid.nl", "--json"]].concat(), &options);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(lines(&output).len(), 1, "{verb:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("bad..name"));
    }
}

#[test]
fn whoever_is_on_the_opt_out_list_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let leave = list(&place, "valid.nl\n");
    for verb in [&["check"][..], &["smtp", "probe"]] {
        let output = in_lab(&[verb, &["valid.nl", "--opt-out", leave.to_str().unwrap()]].concat());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(3), ""));
        assert!(stderr(&output).contains("valid.nl: is on the opt-out list"), "{verb:?}: {}", stderr(&output));
    }
}

#[test]
fn output_that_is_lost_is_no_success() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let run = |arguments: &[&str], options: &[String]| {
        let full = full.try_clone().unwrap();
        Command::new(env!("CARGO_BIN_EXE_danelaw")).args(arguments).args(options).stdin(Stdio::null()).stdout(full).output().unwrap()
    };
    for output in [
        run(&["dns", "validate", "valid.nl", "MX", "--json"], &BED.dns_options()),
        run(&["check", "valid.nl"], &BED.options()),
        run(&["lab", "scenarios"], &[]),
    ] {
        refused(&output, &["cannot write to stdout", "No space left"]);
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    let scan = run(&["scan", list.to_str().unwrap(), "--out", "-", "--dns-only"], &BED.options());
    refused(&scan, &["stdout: No space left"]);
}

#[test]
fn certificates_that_are_none() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("new.pem");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        alone(&["check", "valid.nl", "--with-cert", file.to_str().unwrap()])
    };
    refused(&check(""), &["--with-cert", "new.pem", "no certificate in it"]);
    refused(&check("-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n"), &["new.pem", "is broken"]);
    refused(&check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &["new.pem", "not an X.509 certificate"]);
    refused(&alone(&["check", "valid.nl", "--with-cert", "/no/such.pem"]), &["/no/such.pem"]);
    let openssl = alone(&["check", "valid.nl", "--openssl", "/no/such", "--upstream", "127.0.0.1:1"]);
    refused(&openssl, &["no OpenSSL 3 in /no/such", "libssl.so.3"]);
    refused(&alone(&["check", "valid.nl", "--roots", "/no/roots", "--upstream", "127.0.0.1:1"]), &["/no/roots"]);
}

#[test]
fn a_full_disk_is_one_line_and_nothing_is_lost() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    refused(
        &alone(&["scan", list.to_str().unwrap(), "--out", "/dev/full", "--upstream", "127.0.0.1:1"]),
        &["/dev/full: No space left", "stays readable"],
    );
}

#[test]
fn nothing_is_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    let old = place.path().join("old.jsonl");
    std::fs::write(&old, "precious\n").unwrap();
    refused(&alone(&["scan", list.to_str().unwrap(), "--out", old.to_str().unwrap()]), &["exists already", "name another file"]);
    assert_eq!(std::fs::read_to_string(old).unwrap(), "precious\n");
}

#[test]
fn a_file_without_records_is_no_survey() {
    let place = tempfile::tempdir().unwrap();
    for (name, content) in [("empty", &b""[..]), ("text", b"root:x:0:0\n"), ("binary", &[0, 255, 3, 10]), ("json", b"{}\n")] {
        let path = place.path().join(name);
        std::fs::write(&path, content).unwrap();
        let output = alone(&["report", "--from", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains("no record in it"), "{}", stderr(&output));
    }
}

#[test]
fn the_root_has_no_mail() {
    for verb in [&["check"][..], &["smtp", "policy"], &["smtp", "probe"]] {
        let output = alone(&[verb, &["."]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("the root is no mail domain"), "{}", stderr(&output));
    }
}

#[test]
fn archives_that_are_none() {
    let place = tempfile::tempdir().unwrap();
    let empty = place.path().to_str().unwrap();
    refused(&alone(&["report", "--archive", empty]), &["no archive here", "danelaw scan"]);
    refused(&alone(&["report", "--from", "/no/such.jsonl"]), &["/no/such.jsonl"]);
    std::fs::create_dir(place.path().join("runs")).unwrap();
    refused(&alone(&["report", "--archive", empty]), &["the archive has no run"]);
}

#[test]
fn files_that_prove_nothing() {
    let place = tempfile::tempdir().unwrap();
    let empty = list(&place, "; no record\n");
    let empty = empty.to_str().unwrap();
    refused(&alone(&["dns", "validate", "valid.nl", "MX", "--anchor", empty]), &["--anchor", "list.txt", "no DS or DNSKEY record in it"]);
    std::fs::write(empty, "").unwrap();
    refused(&alone(&["check", "valid.nl", "--anchor", empty]), &["--anchor", "no DS or DNSKEY record in it"]);
    refused(&alone(&["tlsa", "verify", "--chain", empty, "--tlsa", "3 1 1 00"]), &["list.txt", "no PEM block of a certificate"]);
}

#[test]
fn nagios_takes_no_usage_error_for_critical() {
    for arguments in [&["check", "--nagios", "valid.nl", "--tiemout", "3"][..], &["check", "--nagios"], &["check", "--nagios", "bad..name"]]
    {
        let output = alone(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert_eq!(stdout(&output).lines().count(), 1, "{arguments:?}: {}", stdout(&output));
        assert!(stdout(&output).starts_with("DANE UNKNOWN - "), "{arguments:?}: {}", stdout(&output));
    }
    let help = alone(&["check", "--nagios", "--help"]);
    assert!(help.status.success() && stdout(&help).contains("EXIT CODES"));
}

#[test]
fn what_is_missing_is_named_with_its_alternatives() {
    let says = |arguments: &[&str], parts: &[&str]| {
        let output = alone(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        for part in parts {
            assert!(stderr(&output).contains(part), "{arguments:?}: '{part}' is not in {}", stderr(&output));
        }
    };
    says(&["scan", "list"], &["--archive", "--out"]);
    says(&["report"], &["--archive", "--from"]);
    says(&["tlsa", "generate"], &["FILE", "--host"]);
    says(&["tlsa", "verify", "--tlsa", "3 1 1 00"], &["--chain ", "--chain-der"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\nunsigned.nl\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_danelaw"))
        .args(["scan", list.to_str().unwrap(), "--out", "-", "--json"])
        .args(BED.options())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0_u8; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = stderr(&output);
    assert!(!error.contains("panicked"), "{error}");
    assert_eq!(output.status.code(), Some(3), "stopped, for nobody reads: {error}");
}

#[test]
fn a_port_in_use_is_named() {
    let config = BED.lab.config();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().to_str().unwrap();
    let port = config.dns_port.to_string();
    let output = alone(&["demo", "--domains", "20", "--dns-port", &port, "--out", out]);
    refused(&output, &[&port, "in use", "--dns-port"]);
    refused(&alone(&["demo", "--out", "/proc/nowhere"]), &["--out /proc/nowhere", "name a directory"]);
}

//! `danelaw tlsa` as a user runs it, with openssl making the files and computing what has to come out.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a shell script in `directory`, or says that openssl is missing.
fn make(directory: &Path, script: &str) -> bool {
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is not installed, and CI wants this test");
        eprintln!("SKIPPED: openssl is not installed, so there is nothing to compare with");
        return false;
    }
    let output = Command::new("sh").args(["-ec", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

fn danelaw(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_danelaw")).arg("tlsa").args(arguments).current_dir(directory).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Exit 2 and one line that has all these words.
#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(words.iter().all(|w| error.contains(w)), "{error}");
    assert!(output.stdout.is_empty());
}

const FILES: &str = "
for kind in 'RSA rsa_keygen_bits:2048' 'EC ec_paramgen_curve:P-256' 'EC ec_paramgen_curve:P-384' 'EC ec_paramgen_curve:P-521' 'ED25519'; do
    set -- $kind; name=$(echo $kind | tr -c 'A-Za-z0-9\\n' _)
    openssl genpkey -algorithm $1 ${2:+-pkeyopt $2} -out $name.pkcs8 2>/dev/null
    openssl pkey -in $name.pkcs8 -outform DER -out $name.pkcs8.der
    [ $1 = ED25519 ] || openssl pkey -in $name.pkcs8 -traditional -out $name.traditional
    openssl pkey -in $name.pkcs8 -pubout -out $name.public
    openssl pkey -in $name.pkcs8 -pubout -outform DER -out $name.public.der
    openssl req -new -key $name.pkcs8 -subj /CN=mx.example.com -out $name.csr
    openssl req -new -key $name.pkcs8 -subj /CN=mx.example.com -outform DER -out $name.csr.der
    openssl req -x509 -key $name.pkcs8 -subj /CN=mx.example.com -days 9000 -out $name.cert
    openssl x509 -in $name.cert -outform DER -out $name.cert.der
    sha256sum < $name.public.der | cut -d' ' -f1 > $name.key256
    sha512sum < $name.cert.der | cut -d' ' -f1 > $name.cert512
done
openssl ec -in EC_ec_paramgen_curve_P_256.pkcs8 -no_public -out EC_ec_paramgen_curve_P_256.bare 2>/dev/null
openssl pkey -in ED25519.pkcs8 -aes256 -passout pass:x -out encrypted
head -c 200 ED25519.cert > cut
printf -- '-----BEGIN CERTIFICATE-----\\nAA!A\\n-----END CERTIFICATE-----\\n' | cat ED25519.cert - > second-broken
: > empty
";

#[test]
fn generate_agrees_with_openssl_whatever_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    if !make(directory.path(), FILES) {
        return;
    }
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap().trim().to_owned();
    let mut compared = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let (name, form) = file.split_once('.').unwrap_or((&file, ""));
        if form.is_empty() || form.starts_with("key256") || form.starts_with("cert512") {
            continue;
        }
        let output = danelaw(directory.path(), &["generate", &file, "--name", "mx.example.com"]);
        let expected = format!("_25._tcp.mx.example.com. IN TLSA 3 1 1 {}", read(&format!("{name}.key256")));
        assert_eq!(stdout(&output).lines().next(), Some(expected.as_str()), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        compared += 1;
        if form.starts_with("cert") {
            let arguments = ["generate", &file, "--selector", "Cert", "--type", "SHA2-512", "--port", "465", "--json"];
            let json: serde_json::Value = serde_json::from_slice(&danelaw(directory.path(), &arguments).stdout).unwrap();
            assert_eq!(json["data"], read(&format!("{name}.cert512")).as_str());
            assert_eq!(json["owner"], "_465._tcp");
            assert_eq!(json["rfc3597"], format!("_465._tcp IN TYPE52 \\# 67 030002{}", read(&format!("{name}.cert512"))));
        }
    }
    assert!(compared >= 40, "{compared}");
    let key = danelaw(directory.path(), &["generate", "ED25519.cert", "ED25519.csr", "--key", "ED25519.pkcs8"]);
    assert_eq!((key.status.code(), stdout(&key).lines().count()), (Some(0), 2));
    let run = |arguments: &[&str]| danelaw(directory.path(), &[&["generate"], arguments].concat());
    assert_refused(&run(&["ED25519.cert", "--key", "EC_ec_paramgen_curve_P_256.pkcs8"]), &["does not belong to ED25519.cert"]);
    assert_refused(&run(&["ED25519.pkcs8", "--selector", "0"]), &["ED25519.pkcs8", "--selector 1"]);
    assert_refused(&run(&["encrypted"]), &["encrypted", "block 1", "openssl pkey"]);
    assert_refused(&run(&["cut"]), &["cut", "block 1", "END line is missing"]);
    assert_refused(&run(&["second-broken"]), &["second-broken", "block 2", "not base64"]);
    assert_refused(&run(&["empty"]), &["empty", "no certificate"]);
    for undefined in [["--usage", "9"], ["--usage", "PrivCert"], ["--selector", "2"], ["--type", "3"]] {
        // R-040 rfc6698#2.1
        assert_refused(&run(&[&["ED25519.cert"], &undefined[..]].concat()), &[undefined[0], "nobody has defined"]);
    }
    assert_refused(&run(&["absent"]), &["absent", "No such file"]);
    assert_refused(&run(&["ED25519.cert", "--name", "a..b"]), &["--name", "a..b"]);
}

#[test]
fn verify_keeps_its_contract() {
    let directory = tempfile::tempdir().unwrap();
    if !make(directory.path(), FILES) {
        return;
    }
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap().trim().to_owned();
    let run = |arguments: &[&str]| danelaw(directory.path(), &[&["verify"], arguments].concat());
    let right = format!("3 1 1 {}", read("ED25519.key256"));
    let wrong = format!("3 1 1 {}", read("RSA_rsa_keygen_bits_2048.key256"));
    let unusable = "3 1 1 abcd";
    let common = ["--chain", "ED25519.cert", "--name", "mx.example.com", "--at", "1790000000", "--json", "--tlsa"];
    for (record, code, verdict, error, status) in [
        (right.as_str(), 0, "match", None, "matched"),
        (&wrong, 1, "nomatch", Some("no-match"), "unmatched"),
        (unusable, 3, "unusable", Some("no-usable-record"), "unusable"),
    ] {
        let output = run(&[&common[..], &[record]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(
            (json["verdict"].as_str(), json["error"].as_str(), json["records"][0]["status"].as_str()),
            (Some(verdict), error, Some(status))
        );
        assert_eq!((json["usage"].as_u64(), json["depth"].as_u64()), if code == 0 { (Some(3), Some(0)) } else { (None, None) });
    }
    make(directory.path(), "mkdir chain; cp ED25519.cert.der chain/0.der; cp RSA_rsa_keygen_bits_2048.cert.der chain/10.der; mkdir none");
    let by_directory = run(&["--chain-der", "chain", "--name", "mx.example.com", "--tlsa", &right]);
    assert!(stdout(&by_directory).starts_with("match: usage 3 at depth 0\n"), "{}", stdout(&by_directory));
    // An issuer named rightly under which the server's certificate is expired, or for another name, is no match.
    make(
        directory.path(),
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=CA -days 9000 -out ca.pem 2>/dev/null
        printf 'subjectAltName=DNS:mx.example.com' > names
        openssl x509 -req -in ED25519.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 1000 -out leaf.pem 2>/dev/null
        cat leaf.pem ca.pem > issued; openssl x509 -in ca.pem -outform DER | sha256sum | cut -d' ' -f1 > ca256",
    );
    let issuer = format!("2 0 1 {}", read("ca256"));
    let text = |name: &str, at: &[&str]| run(&[&["--chain", "issued", "--name", name, "--tlsa", &issuer], at].concat());
    assert!(stdout(&text("mx.example.com", &[])).starts_with("match: usage 2 at depth 1\n"));
    for output in [text("mx.example.com", &["--at", "2032-01-01T00:00:00Z"]), text("mx.example.net", &[])] {
        assert_eq!(output.status.code(), Some(1));
        assert!(stdout(&output).starts_with("nomatch: "), "{}", stdout(&output));
    }
    let empty = run(&["--chain-der", "none", "--name", "mx.example.com", "--tlsa", &right, "--json"]);
    assert!(stdout(&empty).contains("\"error\":\"no-certificate\""));
    assert_refused(&run(&["--chain", "ED25519.cert", "--tlsa", "3 1 1 abc"]), &["--tlsa '3 1 1 abc'", "two for each octet"]);
    assert_refused(&run(&["--chain", "ED25519.cert.der", "--tlsa", &right]), &["ED25519.cert.der", "--chain-der"]);
    assert_refused(&run(&["--chain", "second-broken", "--tlsa", &right]), &["second-broken", "block 2"]);
    assert_refused(&run(&["--chain", "absent", "--tlsa", &right]), &["absent", "No such file"]);
    assert_refused(&run(&["--chain", "empty", "--tlsa", &right]), &["empty", "no PEM block of a certificate"]);
}

#[test]
fn a_match_that_needs_a_second_path_is_told() {
    let directory = tempfile::tempdir().unwrap();
    // R-063 rfc7671#5.2: openssl takes the crossed CA for the issuer, finds no issuer of that, and gives up.
    let made = make(
        directory.path(),
        "for name in CA Old; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -subj /CN=$name -days 9000 -out $name.pem; done
        printf 'subjectAltName=DNS:mx.example.com' > names; printf 'basicConstraints=critical,CA:TRUE' > issuer
        openssl req -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr; openssl req -new -key CA.key -subj /CN=CA -out CA.csr
        openssl x509 -req -in leaf.csr -CA CA.pem -CAkey CA.key -CAcreateserial -extfile names -days 1000 -out leaf.pem
        openssl x509 -req -in CA.csr -CA Old.pem -CAkey Old.key -CAcreateserial -extfile issuer -days 1000 -out crossed.pem
        cat leaf.pem crossed.pem CA.pem > wrong; cat leaf.pem CA.pem crossed.pem > right
        openssl x509 -in CA.pem -outform DER | sha256sum | cut -d' ' -f1 > CA256",
    );
    if !made {
        return;
    }
    let record = format!("2 0 1 {}", std::fs::read_to_string(directory.path().join("CA256")).unwrap().trim());
    let verify = |chain: &str, more: &[&str]| {
        stdout(&danelaw(directory.path(), &[&["verify", "--chain", chain, "--name", "mx.example.com", "--tlsa", &record], more].concat()))
    };
    let warning = |chain: &str| {
        let json: serde_json::Value = serde_json::from_str(&verify(chain, &["--json"])).unwrap();
        assert_eq!(json["verdict"], "match", "{json}");
        json["warning"]["cause"].as_str().map(str::to_owned)
    };
    assert_eq!((warning("wrong").as_deref(), warning("right")), (Some("ta-second-path"), None));
    let text = verify("wrong", &[]);
    assert!(text.contains("ta-second-path") && text.contains("number 2 of the chain"), "{text}");
}

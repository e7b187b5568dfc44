//! A TLS server that is not ours: OpenSSL's `s_server` behind a little SMTP, with certificates made by OpenSSL.
//!
//! Needs the `openssl` binary. Without it the tests say so and pass, unless CI is set.

mod support;

use dane::observation::{AddressObservation, ClientOffer, Shows, TlsObservation};
use probe::{Certificates, OpenSsl};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::{Peer, serve, summary, visit};

/// A running `s_server`.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl_is_there() -> bool {
    let there = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    assert!(there || std::env::var_os("CI").is_none(), "install openssl: CI does not skip");
    if !there {
        eprintln!("skipped: there is no openssl here");
    }
    there
}

fn openssl(directory: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A key (`genpkey` arguments) and a self-signed version 3 certificate for it, in key.pem and cert.pem.
fn certificate(key: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    openssl(directory.path(), &format!("genpkey {key} -out key.pem"));
    openssl(directory.path(), "req -new -x509 -key key.pem -out cert.pem -days 3 -subj /CN=mx.example.org");
    directory
}

fn s_server(directory: &Path, arguments: &str) -> Server {
    let mut child = Command::new("openssl")
        .args("s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem".split(' '))
        .args(arguments.split(' ').filter(|a| !a.is_empty()))
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("s_server ended early").unwrap();
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.parse().unwrap();
        }
    };
    // What it reads it sends to its client: whoever has shaken hands gets both replies that a visit needs.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.starts_with("CIPHER is") {
                let _ = stdin.write_all(b"250 mx.example.org\n221 bye\n");
            }
        }
    });
    Server { child, address }
}

async fn observe(server: &Server) -> AddressObservation {
    visit(in_front_of(server).await, |_| ()).await
}

/// A little SMTP before it.
async fn in_front_of(server: &Server) -> SocketAddr {
    let behind = server.address;
    serve(move |mut peer: Peer| async move {
        peer.up_to_starttls().await;
        let mut tls = tokio::net::TcpStream::connect(behind).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut peer.stream, &mut tls).await;
    })
    .await
}

fn tls(seen: &AddressObservation) -> &TlsObservation {
    seen.tls.as_ref().unwrap_or_else(|| panic!("no TLS: {seen:?}"))
}

fn der(directory: &Path) -> Vec<u8> {
    openssl(directory, "x509 -in cert.pem -outform DER -out cert.der");
    std::fs::read(directory.join("cert.der")).unwrap()
}

#[tokio::test]
async fn keys_versions_and_schemes() {
    if !openssl_is_there() {
        return;
    }
    for (key, arguments, version, scheme, proven) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "", "TLSv1.3", "rsa_pss_rsae_sha256", Some(true)),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-tls1_2 -sigalgs RSA+SHA512", "TLSv1.2", "rsa_pkcs1_sha512", Some(true)),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-tls1_2 -sigalgs RSA+SHA384", "TLSv1.2", "rsa_pkcs1_sha384", Some(true)),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "", "TLSv1.3", "ecdsa_secp256r1_sha256", Some(true)),
        // In TLS 1.2 the scheme names the hash only: a P-384 key may sign SHA-256.
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "-tls1_2 -sigalgs ECDSA+SHA256",
            "TLSv1.2",
            "ecdsa_secp256r1_sha256",
            Some(true),
        ),
        ("-algorithm ED25519", "", "TLSv1.3", "ed25519", Some(true)),
        // Short keys: PKCS #1 v1.5 can be verified, PSS cannot.
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "-tls1_2 -cipher ALL:@SECLEVEL=0 -sigalgs RSA+SHA256",
            "TLSv1.2",
            "rsa_pkcs1_sha256",
            Some(true),
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "-tls1_2 -cipher ALL:@SECLEVEL=0 -sigalgs RSA+SHA1",
            "TLSv1.2",
            "rsa_pkcs1_sha1",
            Some(true),
        ),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-cipher ALL:@SECLEVEL=0", "TLSv1.3", "rsa_pss_rsae_sha256", None),
    ] {
        let directory = certificate(key);
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server).await;
        let tls = tls(&seen);
        assert_eq!(tls.error, None, "{key} {arguments}");
        assert_eq!((tls.version.as_deref(), tls.signature_scheme.as_deref()), (Some(version), Some(scheme)), "{key} {arguments}");
        assert_eq!(tls.key_proven, proven, "{key} {arguments}");
        assert_eq!(tls.chain.len(), 1);
        assert_eq!(*tls.chain[0].0, *der(directory.path()));
        assert_eq!(summary(&seen).last().map(String::as_str), Some("tls QUIT -> 221"), "{key} {arguments}");
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_does_not_stand_in_the_way() {
    if !openssl_is_there() {
        return;
    }
    let directory = certificate("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    openssl(directory.path(), "req -new -key key.pem -out request.pem -subj /CN=mx.example.org");
    openssl(directory.path(), "x509 -req -in request.pem -signkey key.pem -out cert.pem");
    let text = openssl(directory.path(), "x509 -in cert.pem -noout -text");
    assert!(text.contains("Version: 1 (0x0)"), "{text}");
    let server = s_server(directory.path(), "");
    let seen = observe(&server).await;
    assert_eq!(tls(&seen).key_proven, Some(true));
    assert_eq!(*tls(&seen).chain[0].0, *der(directory.path()));
}

/// Servers that rustls cannot talk to: key, arguments of `s_server`, what rustls says, version, beginning of the cipher suite.
const OLD: [(&str, &str, &str, &str, &str); 9] = [
    (RSA, "-tls1 -cipher ALL:@SECLEVEL=0", "protocol-version", "TLSv1.0", "TLS_ECDHE_RSA_WITH_AES_"),
    (RSA, "-tls1_1 -cipher AES128-SHA:@SECLEVEL=0", "protocol-version", "TLSv1.1", "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (RSA, "-tls1_2 -cipher AES128-SHA", "alert", "TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (RSA, "-tls1_2 -cipher AES256-GCM-SHA384", "alert", "TLSv1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (RSA, "-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", "alert", "TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (RSA, "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", "alert", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (RSA, "-tls1 -cipher DHE-RSA-AES128-SHA:@SECLEVEL=0", "protocol-version", "TLSv1.0", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    ("-algorithm ED448", "-tls1_2", "alert", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_"),
    ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "-tls1_2", "alert", "TLSv1.2", "TLS_ECDHE_RSA_WITH_"),
];

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";

#[tokio::test]
async fn what_rustls_refuses_openssl_completes() {
    if !openssl_is_there() {
        return;
    }
    for (key, arguments, refused, version, cipher) in OLD {
        let directory = certificate(key);
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server).await;
        let tls = tls(&seen);
        assert_eq!(tls.error, None, "{key} {arguments}");
        assert_eq!(tls.refused.as_ref().map(|r| r.kind.as_str()), Some(refused), "{key} {arguments}");
        assert!(tls.engine.starts_with("OpenSSL 3."), "{}", tls.engine);
        assert_eq!(tls.version.as_deref(), Some(version), "{key} {arguments}");
        assert!(tls.cipher.as_deref().is_some_and(|c| c.starts_with(cipher)), "{key} {arguments}: {:?}", tls.cipher);
        assert_eq!(tls.key_proven, Some(true), "{key} {arguments}");
        assert_eq!(tls.sni.as_ref().map(ToString::to_string).as_deref(), Some("mx.example.org"));
        assert_eq!(tls.chain.len(), 1, "{key} {arguments}");
        assert_eq!(*tls.chain[0].0, *der(directory.path()), "{key} {arguments}");
        let group = tls.cipher.as_deref().is_some_and(|c| c.contains("ECDHE"));
        assert_eq!(tls.group.is_some(), group, "{key} {arguments}: {:?}", tls.group);
        // The dialogue goes on inside, in good order.
        assert_eq!(summary(&seen).last().map(String::as_str), Some("tls QUIT -> 221"), "{key} {arguments}");
    }
}

#[tokio::test]
async fn without_openssl_a_bare_hello_sees_the_chain() {
    if !openssl_is_there() {
        return;
    }
    for (key, arguments, _, version, cipher) in OLD {
        let directory = certificate(key);
        let server = s_server(directory.path(), arguments);
        let seen = visit(in_front_of(&server).await, |config| config.openssl = OpenSsl::Without).await;
        let tls = tls(&seen);
        let error = tls.error.as_ref().unwrap_or_else(|| panic!("{key} {arguments}: {seen:?}"));
        let kind = if version == "TLSv1.2" { "no-common-cipher" } else { "protocol-version" };
        assert_eq!((error.kind.as_str(), tls.version.as_deref()), (kind, Some(version)), "{key} {arguments}");
        assert!(tls.cipher.as_deref().is_some_and(|c| c.starts_with(cipher)), "{key} {arguments}: {:?}", tls.cipher);
        assert_eq!(tls.chain.len(), 1, "{key} {arguments}");
        assert_eq!(*tls.chain[0].0, *der(directory.path()), "{key} {arguments}");
        assert_eq!(tls.key_proven, None, "nothing was proven");
    }
}

#[tokio::test]
async fn whoever_names_nobody_shows_no_certificate() {
    if !openssl_is_there() {
        return;
    }
    let directory = certificate(RSA);
    for (arguments, version) in [("-tls1_2 -cipher aNULL:@SECLEVEL=0", "TLSv1.2"), ("-tls1 -cipher aNULL:@SECLEVEL=0", "TLSv1.0")] {
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server).await;
        let tls = tls(&seen);
        assert_eq!((&tls.error, tls.version.as_deref()), (&None, Some(version)), "{arguments}");
        assert!(tls.cipher.as_deref().is_some_and(|c| c.contains("_anon_")), "{:?}", tls.cipher);
        assert_eq!((tls.chain.len(), tls.key_proven, &tls.signature_scheme), (0, None, &None), "{arguments}");
    }
}

#[tokio::test]
async fn keys_too_short_for_anybody_else() {
    if !openssl_is_there() {
        return;
    }
    for bits in [512, 1024] {
        let directory = certificate(&format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"));
        for arguments in ["-tls1_2 -cipher AES128-SHA:@SECLEVEL=0", "-tls1 -cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0"] {
            let server = s_server(directory.path(), arguments);
            let seen = observe(&server).await;
            assert_eq!((&tls(&seen).error, tls(&seen).key_proven), (&None, Some(true)), "{bits} {arguments}");
            assert_eq!(*tls(&seen).chain[0].0, *der(directory.path()), "{bits} {arguments}");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_everybody_stays_refused() {
    if !openssl_is_there() {
        return;
    }
    // An ECDSA certificate and only RSA cipher suites: nobody can shake hands with it.
    let directory = certificate("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let server = s_server(directory.path(), "-tls1_2 -cipher aRSA");
    let seen = observe(&server).await;
    let error = tls(&seen).error.as_ref().unwrap();
    assert_eq!((error.kind.as_str(), error.alert.as_deref()), ("alert", Some("handshake_failure")));
    assert_eq!(tls(&seen).chain, []);
    assert_eq!(tls(&seen).engine, "rustls");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_ours() {
    if !openssl_is_there() {
        return;
    }
    let directory = certificate("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    // Asks only: the session stands. Insists: in TLS 1.3 the alert comes after our side is done.
    let server = s_server(directory.path(), "-verify 1");
    assert_eq!(tls(&observe(&server).await).error, None);
    for arguments in ["-Verify 1", "-Verify 1 -tls1_2"] {
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server).await;
        let error = tls(&seen).error.as_ref().unwrap_or_else(|| panic!("{seen:?}"));
        assert_eq!(error.kind, "alert");
        assert_eq!(tls(&seen).key_proven, Some(true), "the server has shown all we came for");
        assert_eq!(tls(&seen).chain.len(), 1);
    }
}

/// What other kinds of client are shown: offer, and the subject of the certificate, or why there is none.
fn others(seen: &AddressObservation, directory: &Path) -> Vec<(ClientOffer, String)> {
    let subject = |der: &[u8]| {
        std::fs::write(directory.join("shown.der"), der).unwrap();
        openssl(directory, "x509 -inform DER -in shown.der -noout -subject").trim().to_owned()
    };
    let shown = |shows: &Shows| match shows {
        Shows::Same => "same".to_owned(),
        Shows::Other(tls) => match &tls.error {
            Some(error) => error.alert.clone().unwrap_or_else(|| error.kind.clone()),
            None => subject(&tls.chain[0].0),
        },
        Shows::NotSeen { dialogue } => format!("{dialogue:?}"),
    };
    seen.others.iter().map(|look| (look.offer, shown(&look.shows))).collect()
}

async fn observe_all(server: &Server) -> AddressObservation {
    visit(in_front_of(server).await, |config| config.certificates = Certificates::All).await
}

#[tokio::test]
async fn both_certificates_of_a_server_that_has_two() {
    if !openssl_is_there() {
        return;
    }
    // R-090 rfc7671#8
    let directory = certificate(RSA);
    openssl(directory.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out second.key");
    openssl(directory.path(), "req -new -x509 -key second.key -out second.pem -days 3 -subj /CN=second.example.org");
    let second = "subject=CN = second.example.org".to_owned();
    for arguments in ["", "-tls1_2", "-tls1 -cipher ALL:@SECLEVEL=0"] {
        let server = s_server(directory.path(), &format!("-dcert second.pem -dkey second.key {arguments}"));
        let seen = observe_all(&server).await;
        // Which it prefers is its own business.
        let first = openssl_subject(&seen, directory.path());
        let (other, shown) = if first == second {
            (ClientOffer::Rsa, "subject=CN = mx.example.org".to_owned())
        } else {
            (ClientOffer::Ecdsa, second.clone())
        };
        assert_eq!(others(&seen, directory.path()), [(other, shown), (ClientOffer::NoName, "same".to_owned())], "{arguments}");
        let Shows::Other(tls) = &seen.others[0].shows else { panic!() };
        assert_eq!(tls.key_proven, Some(true), "{arguments}");
    }
}

fn openssl_subject(seen: &AddressObservation, directory: &Path) -> String {
    std::fs::write(directory.join("first.der"), &tls(seen).chain[0].0).unwrap();
    openssl(directory, "x509 -inform DER -in first.der -noout -subject").trim().to_owned()
}

#[tokio::test]
async fn who_has_one_certificate_refuses_who_wants_another() {
    if !openssl_is_there() {
        return;
    }
    for (key, offer) in [(RSA, ClientOffer::Ecdsa), ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", ClientOffer::Rsa)] {
        let directory = certificate(key);
        for arguments in ["", "-tls1_2", "-tls1_1 -cipher ALL:@SECLEVEL=0"] {
            let server = s_server(directory.path(), arguments);
            let seen = observe_all(&server).await;
            let expected = [(offer, "handshake_failure".to_owned()), (ClientOffer::NoName, "same".to_owned())];
            assert_eq!(others(&seen, directory.path()), expected, "{key} {arguments}");
        }
    }
}

#[tokio::test]
async fn who_goes_by_the_name_shows_another_certificate_without_it() {
    if !openssl_is_there() {
        return;
    }
    // R-067 rfc7672#8.1
    let directory = certificate(RSA);
    openssl(directory.path(), "req -new -x509 -key key.pem -out default.pem -days 3 -subj /CN=default.example.org");
    // s_server shows `cert2` to whoever asks for the name, and `cert` to everybody else.
    std::fs::rename(directory.path().join("cert.pem"), directory.path().join("named.pem")).unwrap();
    std::fs::rename(directory.path().join("default.pem"), directory.path().join("cert.pem")).unwrap();
    let server = s_server(directory.path(), "-servername mx.example.org -cert2 named.pem -key2 key.pem");
    let seen = observe_all(&server).await;
    assert_eq!(openssl_subject(&seen, directory.path()), "subject=CN = mx.example.org");
    let nameless = (ClientOffer::NoName, "subject=CN = default.example.org".to_owned());
    assert!(others(&seen, directory.path()).contains(&nameless), "{:?}", others(&seen, directory.path()));
}

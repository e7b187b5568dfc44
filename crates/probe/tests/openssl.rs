//! A TLS server that is not ours: OpenSSL's `s_server` behind a little SMTP, with certificates made by OpenSSL.
//!
//! Needs the `openssl` binary. Without it the tests say so and pass, unless CI is set.

mod support;

use dane::observation::{AddressObservation, TlsObservation};
use std::path::Path;
use support::openssl::{certificate, observe, openssl, openssl_is_there, s_server};
use support::summary;

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
        let seen = observe(&server, |_| ()).await;
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
    let seen = observe(&server, |_| ()).await;
    assert_eq!(tls(&seen).key_proven, Some(true));
    assert_eq!(*tls(&seen).chain[0].0, *der(directory.path()));
}

#[tokio::test]
async fn servers_with_which_our_engine_has_no_common_ground_get_a_second_look() {
    if !openssl_is_there() {
        return;
    }
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    for (key, arguments, kind, version, cipher) in [
        (rsa, "-tls1 -cipher ALL:@SECLEVEL=0", "protocol-version", "TLSv1.0", "TLS_ECDHE_RSA_WITH_AES_"),
        (rsa, "-tls1_1 -cipher AES128-SHA:@SECLEVEL=0", "protocol-version", "TLSv1.1", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        (rsa, "-tls1_2 -cipher AES128-SHA", "no-common-cipher", "TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        (rsa, "-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", "no-common-cipher", "TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        (rsa, "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", "no-common-cipher", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
        ("-algorithm ED448", "-tls1_2", "no-common-cipher", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_"),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "-tls1_2", "no-common-cipher", "TLSv1.2", "TLS_ECDHE_RSA_WITH_"),
    ] {
        let directory = certificate(key);
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server, |_| ()).await;
        let tls = tls(&seen);
        let error = tls.error.as_ref().unwrap_or_else(|| panic!("{key} {arguments}: {seen:?}"));
        assert_eq!((error.kind.as_str(), tls.version.as_deref()), (kind, Some(version)), "{key} {arguments}");
        assert!(tls.cipher.as_deref().is_some_and(|c| c.starts_with(cipher)), "{key} {arguments}: {:?}", tls.cipher);
        assert_eq!(tls.chain.len(), 1, "{key} {arguments}");
        assert_eq!(*tls.chain[0].0, *der(directory.path()), "{key} {arguments}");
        assert_eq!(tls.key_proven, None, "nothing was proven");
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
    let seen = observe(&server, |_| ()).await;
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
    assert_eq!(tls(&observe(&server, |_| ()).await).error, None);
    for arguments in ["-Verify 1", "-Verify 1 -tls1_2"] {
        let server = s_server(directory.path(), arguments);
        let seen = observe(&server, |_| ()).await;
        let error = tls(&seen).error.as_ref().unwrap_or_else(|| panic!("{seen:?}"));
        assert_eq!(error.kind, "alert");
        assert_eq!(tls(&seen).key_proven, Some(true), "the server has shown all we came for");
        assert_eq!(tls(&seen).chain.len(), 1);
    }
}

//! `--depth tls` and `full`: what an OpenSSL server was told to accept is what is found, in its order; and servers that let plaintext into
//! their TLS are told from those that do not.
//!
//! Needs the `openssl` binary. Without it these tests say so and pass, unless CI is set.

mod support;

use dane::observation::{AddressObservation, Depth, DepthObservation, HelloAnswer, Injection, Order, VersionObservation};
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::openssl::{certificate, observe, openssl, openssl_is_there, s_server};
use support::{Peer, serve, summary, visit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// `s_server` says inside TLS only what it was given to say at first, and nobody waits for more.
const BRIEFLY: Duration = Duration::from_secs(1);

fn depth(seen: &AddressObservation) -> &DepthObservation {
    seen.depth.as_ref().unwrap_or_else(|| panic!("{seen:?}"))
}

/// What is found of an s_server with these arguments.
async fn found(key: &str, arguments: &str) -> DepthObservation {
    let directory = certificate(key);
    if arguments.contains("dh1024.pem") {
        // A group of its own; RFC 5114 has one that openssl makes without a search: q of 160 bits.
        openssl(directory.path(), "genpkey -genparam -algorithm DHX -pkeyopt dh_rfc5114:1 -out dhx.pem");
        std::fs::write(directory.path().join("dh1024.pem"), OAKLEY_2).unwrap();
    }
    let server = s_server(directory.path(), arguments);
    let seen = observe(&server, |config| {
        config.depth = Depth::Tls;
        config.smtp.reply = BRIEFLY;
    })
    .await;
    depth(&seen).clone()
}

/// The second group of RFC 2409 as parameters.
const OAKLEY_2: &str = "-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
";

fn version<'a>(seen: &'a DepthObservation, name: &str) -> &'a VersionObservation {
    seen.versions.iter().find(|v| v.version == name).unwrap_or_else(|| panic!("{name}: {seen:?}"))
}

fn accepted(seen: &DepthObservation) -> Vec<&str> {
    seen.versions.iter().filter(|v| v.accepted() == Some(true)).map(|v| v.version.as_str()).collect()
}

#[tokio::test]
async fn suites_in_the_order_of_the_server() {
    if !openssl_is_there() {
        return;
    }
    let ciphers = "ECDHE-RSA-AES256-SHA384:AES128-SHA:DHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384";
    let names = [
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
    ];
    let seen = found(RSA, &format!("-tls1_2 -serverpref -cipher {ciphers} -dhparam dh1024.pem -cipher {ciphers}:@SECLEVEL=0")).await;
    assert_eq!(accepted(&seen), ["TLSv1.2"]);
    let twelve = version(&seen, "TLSv1.2");
    assert_eq!(twelve.suites, names);
    assert_eq!((twelve.order, twelve.complete, &seen.ended), (Some(Order::Server), true, &None));
    assert_eq!(version(&seen, "TLSv1.3").answer, HelloAnswer::Alert { alert: "protocol_version".into() });
    assert_eq!(
        seen.dh.iter().map(|d| (d.bits, d.known.as_deref(), d.suite.as_str())).collect::<Vec<_>>(),
        [(1024, Some("rfc2409-1024"), names[2])]
    );
    assert_eq!(seen.dh[0].generator, "02");
    assert_eq!((seen.encrypt_then_mac, seen.extended_master_secret, seen.secure_renegotiation), (Some(true), Some(true), Some(true)));
    assert_eq!((seen.compression, seen.fallback_scsv, seen.groups), (Some(false), None, None));
    // The same, and the client decides.
    let mut seen = found(RSA, &format!("-tls1_2 -cipher {ciphers}")).await;
    let twelve = &mut seen.versions[1];
    twelve.suites.sort();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!((twelve.suites.as_slice(), twelve.order), (&sorted.map(str::to_owned)[..], Some(Order::Client)));
}

#[tokio::test]
async fn old_versions_and_none_at_all() {
    if !openssl_is_there() {
        return;
    }
    let seen = found(RSA, "-tls1 -cipher AES128-SHA:AES256-SHA:@SECLEVEL=0 -serverpref").await;
    assert_eq!(accepted(&seen), ["TLSv1.0"]);
    assert_eq!(version(&seen, "TLSv1.0").suites, ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"]);
    // OpenSSL answers a hello for TLS 1.2 with what it has.
    assert!(matches!(&version(&seen, "TLSv1.2").answer, HelloAnswer::Other { version, .. } if version == "TLSv1.0"), "{seen:?}");
    assert_eq!(version(&seen, "SSLv3").accepted(), Some(false));
    assert_eq!((seen.resumed, seen.sha1_signature), (None, None), "our engine cannot speak to it");

    let seen =
        found(RSA, "-no_tls1_1 -cipher AES128-SHA:@SECLEVEL=0 -ciphersuites TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256 -serverpref")
            .await;
    assert_eq!(accepted(&seen), ["TLSv1.3", "TLSv1.2", "TLSv1.0"]);
    let thirteen = version(&seen, "TLSv1.3");
    assert_eq!(
        (thirteen.suites.join(" "), thirteen.order),
        ("TLS_AES_256_GCM_SHA384 TLS_AES_128_CCM_SHA256".to_owned(), Some(Order::Server))
    );
    assert_eq!((seen.fallback_scsv, seen.resumed), (Some(true), Some(true)));
}

#[tokio::test]
async fn anonymous_and_unencrypted_suites() {
    if !openssl_is_there() {
        return;
    }
    let seen = found(RSA, "-tls1_2 -cipher ADH-AES128-SHA:AECDH-AES256-SHA:NULL-SHA256:@SECLEVEL=0 -dhparam dh1024.pem").await;
    let mut suites = version(&seen, "TLSv1.2").suites.clone();
    suites.sort();
    assert_eq!(suites, ["TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_NULL_SHA256"]);
    assert_eq!(seen.dh[0].known.as_deref(), Some("rfc2409-1024"));
}

#[tokio::test]
async fn groups_curves_and_the_certificate_of_one_of_them() {
    if !openssl_is_there() {
        return;
    }
    for key in [RSA, P256] {
        let seen = found(key, "-groups X448:P-256:ffdhe3072:P-384 -serverpref -no_tls1_1 -no_tls1").await;
        let groups = seen.groups.as_ref().unwrap();
        assert_eq!(groups.accepted, ["x448", "secp256r1", "ffdhe3072", "secp384r1"], "{key}");
        assert_eq!((groups.order, groups.complete), (Some(Order::Server), true));
        let curves = seen.curves.as_ref().unwrap();
        assert_eq!(curves.version, "TLSv1.2");
        // The certificate needs its curve, whatever the keys are agreed upon by: what stands behind it cannot be told.
        let expected: &[&str] = if key == RSA { &["x448", "secp256r1", "secp384r1"] } else { &["x448", "secp256r1"] };
        assert_eq!(
            (curves.accepted.as_slice(), curves.complete),
            (&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], key == RSA)
        );
        // Where the client decides, all are seen.
        let seen = found(key, "-groups X448:P-256:P-384").await;
        let mut curves = seen.curves.unwrap();
        curves.accepted.sort();
        assert_eq!((curves.order, curves.complete), (Some(Order::Client), true), "{key}");
        assert_eq!(curves.accepted, ["secp256r1", "secp384r1", "x448"], "{key}");
    }
}

#[tokio::test]
async fn tickets_ids_and_sha_1() {
    if !openssl_is_there() {
        return;
    }
    let seen = found(RSA, "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0").await;
    assert_eq!((seen.session_ticket, seen.session_id, seen.resumed, seen.sha1_signature), (Some(true), Some(true), Some(true), Some(true)));
    // Neither tickets nor a cache; SHA-1 is beneath the default level.
    let seen = found(RSA, "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 -no_ticket -no_cache -sigalgs RSA+SHA256").await;
    assert_eq!((seen.session_ticket, seen.resumed, seen.sha1_signature), (Some(false), Some(false), Some(false)));
}

#[tokio::test]
async fn clients_that_begin_the_handshake_anew() {
    if !openssl_is_there() {
        return;
    }
    let ciphers = "-cipher ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0";
    // OpenSSL 3 goes along only if it is told to (SSL_OP_ALLOW_CLIENT_RENEGOTIATION), and then without end.
    for (arguments, times) in [
        (format!("-tls1_2 {ciphers} -client_renegotiation"), Some(11)),
        (format!("-tls1_2 {ciphers}"), Some(0)),
        (format!("-tls1_2 {ciphers} -no_renegotiation"), Some(0)),
        ("-tls1 -cipher AES128-SHA:@SECLEVEL=0 -client_renegotiation".to_owned(), Some(11)),
        ("-tls1_3 -client_renegotiation".to_owned(), None),
    ] {
        assert_eq!(found(RSA, &arguments).await.client_renegotiations, times, "{arguments}");
    }
}

/// A server that knows SSL 2.0 and nothing else, by draft-hickman-netscape-ssl-00: a SERVER-HELLO with this certificate and these cipher kinds.
async fn speaks_ssl2(kinds: &'static [u8]) -> SocketAddr {
    serve(move |mut peer: Peer| async move {
        peer.up_to_starttls().await;
        let mut hello = [0; 11];
        if peer.stream.read_exact(&mut hello).await.is_err() || hello[0] & 0x80 == 0 || hello[2..5] != [1, 0, 2] {
            return;
        }
        let (certificate, connection) = ([0x30; 700], [7; 16]);
        let lengths = [certificate.len(), kinds.len(), connection.len()].map(|n| u16::try_from(n).unwrap().to_be_bytes());
        let message = [&[4, 0, 1, 0, 2][..], lengths.as_flattened(), &certificate, kinds, &connection].concat();
        peer.say(&(0x8000 | u16::try_from(message.len()).unwrap()).to_be_bytes()).await;
        for part in message.chunks(300) {
            peer.say(part).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        peer.drain().await;
    })
    .await
}

#[tokio::test]
async fn ssl_2_is_recognised() {
    let seen = visit(speaks_ssl2(&[7, 0, 0xc0, 1, 0, 0x80]).await, |config| config.depth = Depth::Tls).await;
    assert_eq!(accepted(depth(&seen)), ["SSLv2"]);
    let two = version(depth(&seen), "SSLv2");
    assert_eq!((two.suites.join(" ").as_str(), two.complete), ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5 SSL_CK_RC4_128_WITH_MD5", true));
    // Without any cipher kind it is still a server that takes whatever the client chooses. (CVE-2015-3197)
    let seen = visit(speaks_ssl2(&[]).await, |config| config.depth = Depth::Tls).await;
    assert_eq!(version(depth(&seen), "SSLv2").accepted(), Some(true));
    if openssl_is_there() {
        let seen = found(RSA, "-tls1 -cipher AES128-SHA:@SECLEVEL=0").await;
        assert_eq!(version(&seen, "SSLv2").accepted(), Some(false), "{seen:?}");
    }
}

#[tokio::test]
async fn a_budget_ends_it_and_keeps_what_was_found() {
    if !openssl_is_there() {
        return;
    }
    let directory = certificate(RSA);
    let server = s_server(directory.path(), "-tls1_2 -cipher ALL");
    let look = |connections| {
        observe(&server, move |config| {
            config.depth = Depth::Tls;
            config.depth_limits.connections = connections;
            config.smtp.reply = BRIEFLY;
        })
    };
    let seen = look(25).await;
    let seen = depth(&seen);
    assert_eq!((seen.connections, seen.ended.as_ref().map(|e| e.why.as_str())), (25, Some("connections")));
    assert_eq!((accepted(seen), version(seen, "TLSv1.2").complete), (vec!["TLSv1.2"], false));
    assert!(!version(seen, "TLSv1.2").suites.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn a_server_that_has_enough_is_left_alone() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let address = serve(move |mut peer: Peer| {
        let before = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            if before >= 3 {
                peer.say("421 4.7.0 too many connections\r\n").await;
                return;
            }
            peer.up_to_starttls().await;
            peer.take_hello().await;
            peer.say([21, 3, 3, 0, 2, 2, 40]).await;
        }
    })
    .await;
    let seen = visit(address, |config| config.depth = Depth::Full).await;
    let ended = depth(&seen).ended.clone().unwrap();
    assert_eq!((ended.why.as_str(), ended.detail.as_str()), ("rate-limited", "421 4.7.0 too many connections"));
    assert_eq!(accepted(depth(&seen)), Vec::<&str>::new());
    // One visit, its second look, one hello, and the one that was turned away.
    assert_eq!(visits.load(Ordering::Relaxed), 4, "{seen:?}");
}

#[tokio::test]
async fn nothing_is_asked_unless_it_is_wanted_or_without_tls() {
    let (address, transcripts) = support::scripted("220 mx\r\n", &[("EHLO", "250 mx\r\n"), ("QUIT", "221 bye\r\n")]).await;
    let seen = visit(address, |config| config.depth = Depth::Full).await;
    assert_eq!((seen.depth.is_none(), transcripts.lock().unwrap().len()), (true, 1), "{:?}", summary(&seen));
}

/// What a server does with octets that came with STARTTLS.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Forgotten,
    Obeyed,
    AnsweredAtOnce,
    Resented,
}

async fn server(rest: Rest) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say("220 mx.example.org ESMTP\r\n").await;
            peer.hear().await;
            peer.say("250-mx.example.org\r\n250 STARTTLS\r\n").await;
            // As a server with a buffer reads: whatever there is.
            let mut buffer = [0; 512];
            let got = peer.stream.read(&mut buffer).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&buffer[..got]).into_owned();
            let Some(("STARTTLS", more)) = text.split_once("\r\n") else { return };
            if !more.is_empty() && rest == Rest::Resented {
                peer.say("554 5.5.0 pipelining after STARTTLS\r\n").await;
                return;
            }
            peer.say("220 go ahead\r\n").await;
            if !more.is_empty() && rest == Rest::AnsweredAtOnce {
                peer.say("250 2.0.0 OK\r\n").await;
            }
            let Ok(mut tls) = acceptor.accept(peer.stream).await else { return };
            let mut pending = if rest == Rest::Obeyed { more.to_owned() } else { String::new() };
            loop {
                while let Some((line, after)) = pending.split_once("\r\n") {
                    let reply = match line.split(' ').next() {
                        Some("EHLO") => "250-mx.example.org\r\n250 REQUIRETLS\r\n",
                        Some("NOOP") => "250 2.0.0 OK\r\n",
                        Some("QUIT") => "221 bye\r\n",
                        _ => "502 what?\r\n",
                    };
                    if tls.write_all(reply.as_bytes()).await.is_err() || tls.flush().await.is_err() {
                        return;
                    }
                    pending = after.to_owned();
                }
                match tls.read(&mut buffer).await {
                    Ok(n @ 1..) => pending.push_str(&String::from_utf8_lossy(&buffer[..n])),
                    _ => return,
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn commands_sent_before_tls() {
    for (rest, outcome) in [
        (Rest::Forgotten, Injection::Discarded),
        (Rest::Obeyed, Injection::Answered),
        (Rest::AnsweredAtOnce, Injection::AnsweredInClear),
        (Rest::Resented, Injection::Closed),
    ] {
        let address = server(rest).await;
        let seen = visit(address, |config| config.depth = Depth::Full).await;
        let injection = depth(&seen).injection.clone().unwrap_or_else(|| panic!("{seen:?}"));
        assert_eq!(injection.outcome, outcome, "{injection:?}");
        // rustls speaks for itself: TLS 1.2 and 1.3, its own suites, resumption.
        assert_eq!(accepted(depth(&seen)), ["TLSv1.3", "TLSv1.2"]);
        assert_eq!((version(depth(&seen), "TLSv1.3").suites.len(), depth(&seen).resumed), (3, Some(true)));
        // It forgets to send its "no_renegotiation": who is silent has neither gone along nor refused.
        assert_eq!(depth(&seen).client_renegotiations, None);
        assert_eq!(summary(&seen).last().map(String::as_str), Some("tls QUIT -> 221"), "the visit itself is as ever");
    }
    let address = server(Rest::Forgotten).await;
    let seen = visit(address, |config| config.depth = Depth::Tls).await;
    assert_eq!(depth(&seen).injection, None, "that is for full");
}

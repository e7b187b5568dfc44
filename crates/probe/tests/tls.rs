//! STARTTLS with servers that are right, odd, lying or hostile: what they present is kept whole, and whether they proved their key is known.

mod support;

use dane::observation::{AddressObservation, CertificateBytes, TlsObservation};
use probe::OpenSsl;
use rcgen::{CertificateParams, Issuer, KeyPair, SignatureAlgorithm};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Peer, serve, summary, visit};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;

/// Gives every client the same chain, and remembers the names asked for.
#[derive(Debug)]
struct Same(Arc<CertifiedKey>, Arc<Mutex<Vec<Option<String>>>>);

impl ResolvesServerCert for Same {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.1.lock().unwrap().push(hello.server_name().map(str::to_owned));
        Some(Arc::clone(&self.0))
    }
}

struct Server {
    address: SocketAddr,
    /// SNI of every ClientHello.
    names: Arc<Mutex<Vec<Option<String>>>>,
    /// What was said inside TLS.
    said: Arc<Mutex<Vec<String>>>,
}

/// A server that presents this chain, signs with this key, and speaks this version.
async fn tls_server(chain: Vec<Vec<u8>>, key: &KeyPair, version: &'static rustls::SupportedProtocolVersion) -> Server {
    let key = any_supported_type(&PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap();
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let (names, said) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Same(Arc::new(CertifiedKey::new(chain, key)), Arc::clone(&names))));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let heard = Arc::clone(&said);
    let address = serve(move |mut peer| {
        let (acceptor, said) = (acceptor.clone(), Arc::clone(&heard));
        async move {
            peer.up_to_starttls().await;
            let Ok(stream) = acceptor.accept(peer.stream).await else { return };
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while let Ok(1..) = stream.read_line(&mut line).await {
                let reply = if line.starts_with("QUIT") { "221 bye\r\n" } else { "250-mx.example.org\r\n250 AUTH PLAIN\r\n" };
                said.lock().unwrap().push(std::mem::take(&mut line));
                if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            }
        }
    })
    .await;
    Server { address, names, said }
}

fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

fn self_signed(key: &KeyPair) -> Vec<u8> {
    CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap().self_signed(key).unwrap().der().to_vec()
}

fn bytes(chain: &[Vec<u8>]) -> Vec<CertificateBytes> {
    chain.iter().map(|c| CertificateBytes(Arc::from(c.as_slice()))).collect()
}

const TLS12: &rustls::SupportedProtocolVersion = &rustls::version::TLS12;
const TLS13: &rustls::SupportedProtocolVersion = &rustls::version::TLS13;
const WHOLE: [&str; 5] =
    ["(greeting) -> 220", "EHLO prober.example -> 250", "STARTTLS -> 220", "tls EHLO prober.example -> 250", "tls QUIT -> 221"];

fn tls(seen: &AddressObservation) -> &TlsObservation {
    seen.tls.as_ref().unwrap_or_else(|| panic!("no TLS: {seen:?}"))
}

#[tokio::test]
async fn every_kind_of_key_is_proven_and_named() {
    // R-073 rfc7672#8.1: TLS 1.2 and 1.3 are offered.
    for (algorithm, version, scheme) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, TLS13, "ecdsa_secp256r1_sha256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, TLS13, "ecdsa_secp384r1_sha384"),
        (&rcgen::PKCS_ECDSA_P521_SHA512, TLS13, "ecdsa_secp521r1_sha512"),
        (&rcgen::PKCS_ED25519, TLS13, "ed25519"),
        (&rcgen::PKCS_RSA_SHA256, TLS13, "rsa_pss_rsae"),
        (&rcgen::PKCS_ECDSA_P256_SHA256, TLS12, "ecdsa_secp256r1_sha256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, TLS12, "ecdsa_secp384r1_sha384"),
        (&rcgen::PKCS_ED25519, TLS12, "ed25519"),
        (&rcgen::PKCS_RSA_SHA256, TLS12, "rsa_p"),
    ] {
        let key = key(algorithm);
        let chain = vec![self_signed(&key)];
        let server = tls_server(chain.clone(), &key, version).await;
        let seen = visit(server.address, |_| ()).await;
        let tls = tls(&seen);
        assert_eq!(tls.error, None, "{scheme}");
        assert_eq!(tls.key_proven, Some(true), "{scheme}");
        assert!(tls.signature_scheme.as_deref().unwrap().starts_with(scheme), "{scheme} {:?}", tls.signature_scheme);
        assert_eq!(tls.chain, bytes(&chain));
        assert_eq!(tls.version.as_deref(), Some(if version.version == TLS13.version { "TLSv1.3" } else { "TLSv1.2" }));
        let cipher = tls.cipher.as_deref().unwrap();
        assert!(cipher.starts_with(if version.version == TLS13.version { "TLS_AES_" } else { "TLS_ECDHE_" }), "{cipher}");
        assert_eq!(tls.group.as_deref().map(|g| g.starts_with('x') || g.starts_with('X')), Some(true), "{:?}", tls.group);
        assert_eq!(summary(&seen), WHOLE);
        assert_eq!(*server.said.lock().unwrap(), ["EHLO prober.example\r\n", "QUIT\r\n"]);
    }
}

#[tokio::test]
async fn sni_is_the_host() {
    // R-067 rfc7672#8.1 (for aliases see tests/domains.rs)
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let server = tls_server(vec![self_signed(&key)], &key, TLS13).await;
    let seen = visit(server.address, |_| ()).await;
    assert_eq!(tls(&seen).sni, Some(support::name("mx.example.org")));
    assert_eq!(*server.names.lock().unwrap(), [Some("mx.example.org".to_owned())]);
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_is_noticed_and_the_chain_kept() {
    for version in [TLS12, TLS13] {
        for (right, wrong) in
            [(&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256), (&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256)]
        {
            let chain = vec![self_signed(&key(right))];
            let server = tls_server(chain.clone(), &key(wrong), version).await;
            let seen = visit(server.address, |_| ()).await;
            assert_eq!(tls(&seen).key_proven, Some(false));
            assert_eq!(tls(&seen).chain, bytes(&chain));
            assert_eq!(tls(&seen).error, None);
            assert_eq!(summary(&seen), WHOLE, "the dialogue goes on to its polite end");
        }
    }
}

#[tokio::test]
async fn chains_are_kept_in_the_order_received() {
    // R-062 rfc8446#4.4.2: leaf, then anything, in any order, twice.
    let (root_key, leaf_key) = (key(&rcgen::PKCS_ECDSA_P256_SHA256), key(&rcgen::PKCS_ECDSA_P256_SHA256));
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).unwrap().der().to_vec();
    let issuer = Issuer::from_params(&params, &root_key);
    let leaf = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap().der().to_vec();
    let other = self_signed(&root_key);
    let chain = vec![leaf.clone(), other, root.clone(), root, leaf];
    for version in [TLS12, TLS13] {
        let server = tls_server(chain.clone(), &leaf_key, version).await;
        let seen = visit(server.address, |_| ()).await;
        assert_eq!(tls(&seen).chain, bytes(&chain));
        assert_eq!(tls(&seen).key_proven, Some(true));
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_kept_whole() {
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut cut = self_signed(&key);
    cut.truncate(100);
    for garbage in [vec![b"garbage".to_vec()], vec![vec![0x30, 0x82, 0xff, 0xff]], vec![cut.clone(), b"x".to_vec()], vec![vec![0; 3000]]] {
        for version in [TLS12, TLS13] {
            let server = tls_server(garbage.clone(), &key, version).await;
            let seen = visit(server.address, |_| ()).await;
            assert_eq!(tls(&seen).chain, bytes(&garbage));
            assert_eq!(tls(&seen).key_proven, Some(false), "no certificate, no key to prove");
            assert_eq!(tls(&seen).error, None);
        }
    }
}

#[tokio::test]
async fn no_certificate_at_all() {
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    for version in [TLS12, TLS13] {
        let server = tls_server(Vec::new(), &key, version).await;
        let seen = visit(server.address, |_| ()).await;
        let error = tls(&seen).error.as_ref().unwrap();
        assert_eq!(error.kind, "empty-chain", "{error:?}");
        assert_eq!(tls(&seen).chain, []);
        assert_eq!(summary(&seen).last().map(String::as_str), Some("STARTTLS -> 220"));
    }
}

#[tokio::test]
async fn long_chains_are_kept_whatever_rustls_takes() {
    //
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let leaf = self_signed(&key);
    for version in [TLS12, TLS13] {
        let long = vec![leaf.clone(); 100];
        let server = tls_server(long.clone(), &key, version).await;
        assert_eq!(tls(&visit(server.address, |_| ()).await).chain.len(), 100);
        let huge = vec![leaf.clone(); 600];
        let server = tls_server(huge, &key, version).await;
        let seen = visit(server.address, |_| ()).await;
        assert_eq!((&tls(&seen).error, tls(&seen).chain.len()), (&None, 600));
    }
}

#[tokio::test]
async fn a_chain_too_long_for_rustls_is_kept_all_the_same() {
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let leaf = self_signed(&key);
    // What OpenSSL takes by default; a thousand certificates, in a version that encrypts them.
    for (count, versions) in [(90_000 / leaf.len(), TLS12), (1000, TLS13)] {
        let chain = vec![leaf.clone(); count];
        let server = tls_server(chain.clone(), &key, versions).await;
        let seen = visit(server.address, |_| ()).await;
        assert_eq!((&tls(&seen).error, tls(&seen).key_proven, tls(&seen).chain.len()), (&None, Some(true), count));
        assert!(tls(&seen).chain == bytes(&chain));
        assert_eq!(tls(&seen).refused.as_ref().map(|r| r.kind.as_str()), Some("chain-too-large"));
    }
    // Without OpenSSL, by a bare ClientHello.
    let chain = vec![leaf.clone(); 90_000 / leaf.len()];
    let server = tls_server(chain.clone(), &key, TLS12).await;
    let seen = visit(server.address, |c| c.openssl = OpenSsl::Without).await;
    assert_eq!(failure(&seen), ("chain-too-large", None));
    assert!(tls(&seen).chain == bytes(&chain));
}

#[tokio::test]
async fn ten_megabytes_of_certificates_are_nobodys_chain() {
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let leaf = self_signed(&key);
    let chain = vec![leaf.clone(); 10_000_000 / leaf.len()];
    for versions in [TLS12, TLS13] {
        let server = tls_server(chain.clone(), &key, versions).await;
        let seen = visit(server.address, |_| ()).await;
        assert_eq!((failure(&seen), tls(&seen).chain.len()), (("chain-too-large", None), 0));
    }
}

/// ServerHello of this version with an ECDHE_ECDSA suite, and a Certificate message, in a record each; RFC 5246 sections 6.2.1, 7.4.1.3 and 7.4.2.
fn flight(version: [u8; 2], chain: &[Vec<u8>]) -> Vec<u8> {
    let sized = |body: &[u8]| [&u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat();
    let suite = if version == [3, 3] { [0xc0, 0x2b] } else { [0xc0, 0x09] };
    let hello = [&version[..], &[7; 32], &[0], &suite, &[0]].concat();
    let list = chain.iter().map(|der| sized(der)).collect::<Vec<_>>().concat();
    let messages = [[&[2][..], &sized(&hello)].concat(), [&[11][..], &sized(&sized(&list))].concat()];
    let record = |m: &Vec<u8>| [&[22][..], &version, &u16::try_from(m.len()).unwrap().to_be_bytes(), m].concat();
    messages.iter().flat_map(record).collect()
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Rst,
}

/// A server that sends this and ends the connection.
async fn breaks_off(flight: Vec<u8>, end: End) -> SocketAddr {
    serve(move |mut peer| {
        let flight = flight.clone();
        async move {
            peer.up_to_starttls().await;
            peer.take_hello().await;
            // In two pieces, as the network may have it.
            let (first, second) = flight.split_at(flight.len() / 2);
            peer.say(first).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            peer.say(second).await;
            // A reset overtakes what was not read yet.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if end == End::Rst {
                peer.stream.set_zero_linger().unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_came_of_the_certificates_is_kept_where_they_broke_off() {
    let keys = [key(&rcgen::PKCS_ECDSA_P256_SHA256), key(&rcgen::PKCS_ECDSA_P256_SHA256)];
    let chain: Vec<Vec<u8>> = keys.iter().map(self_signed).collect();
    let announced = u32::try_from(3 + 6 + chain.iter().map(Vec::len).sum::<usize>()).unwrap();
    // 20 octets before the end of the second; its first octet; half of the first; one octet of it.
    let second = chain[1].len();
    for (missing, whole, part) in [
        (20, 1, &chain[1][..second - 20]),
        (second - 1, 1, &chain[1][..1]),
        (second + 3 + 30, 0, &chain[0][..chain[0].len() - 30]),
        (second + 3 + chain[0].len() - 1, 0, &chain[0][..1]),
    ] {
        for (version, openssl, end, kind) in [
            ([3, 3], OpenSsl::Without, End::Fin, "closed"),
            ([3, 3], OpenSsl::Without, End::Rst, "reset"),
            // rustls refuses the version, and OpenSSL sees no more than there is; without it a bare ClientHello does.
            ([3, 1], OpenSsl::System, End::Fin, "protocol-version"),
            ([3, 1], OpenSsl::Without, End::Fin, "protocol-version"),
        ] {
            let mut flight = flight(version, &chain);
            flight.truncate(flight.len() - missing);
            let server = breaks_off(flight, end).await;
            let seen = visit(server, |c| c.openssl = openssl.clone()).await;
            let case = format!("{missing} {version:?} {openssl:?} {kind}");
            let cut = tls(&seen).cut_off.as_deref().unwrap_or_else(|| panic!("{case}: {seen:?}"));
            assert_eq!((failure(&seen).0, tls(&seen).chain.len()), (kind, 0), "{case}");
            assert_eq!((cut.announced, cut.announced - cut.arrived), (announced, u32::try_from(missing).unwrap()), "{case}");
            assert_eq!((&cut.whole[..], cut.part.as_ref().map(|p| &p.0[..])), (&bytes(&chain[..whole])[..], Some(part)), "{case}");
        }
    }
    // All of them, and nothing after: no proof of the key, but a chain.
    let seen = visit(breaks_off(flight([3, 3], &chain), End::Fin).await, |_| ()).await;
    assert_eq!((failure(&seen).0, &tls(&seen).chain, tls(&seen).key_proven), ("closed", &bytes(&chain), None));
    assert_eq!(tls(&seen).cut_off, None);
}

/// After 220 to STARTTLS the server does this, and the visit must end within a generous time.
async fn after_220<F>(script: impl Fn(Peer) -> F + Send + Sync + 'static) -> AddressObservation
where
    F: Future<Output = ()> + Send + 'static,
{
    let script = Arc::new(script);
    let server = serve(move |mut peer| {
        let script = Arc::clone(&script);
        async move {
            peer.up_to_starttls().await;
            peer.take_hello().await;
            script(peer).await;
        }
    })
    .await;
    let begun = Instant::now();
    let seen = visit(server, |c| {
        c.smtp.handshake = Duration::from_secs(2);
        c.smtp.reply = Duration::from_secs(2);
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    seen
}

fn failure(seen: &AddressObservation) -> (&str, Option<&str>) {
    let error = tls(seen).error.as_ref().unwrap_or_else(|| panic!("no error: {seen:?}"));
    (&error.kind, error.alert.as_deref())
}

#[tokio::test]
async fn handshakes_that_fail_say_how() {
    let seen = after_220(|mut peer| async move { peer.drain().await }).await;
    assert_eq!(failure(&seen), ("timeout", None));
    assert_eq!(tls(&seen).version, None);
    let seen = after_220(|peer| async move { drop(peer) }).await;
    assert_eq!(failure(&seen), ("closed", None));
    let seen = after_220(|mut peer| async move {
        peer.say("500 5.5.1 command unrecognized\r\n").await;
        peer.drain().await;
    })
    .await;
    assert_eq!(failure(&seen), ("not-tls", None));
    // Alerts: RFC 8446 section 6.2.
    for (code, kind, name) in [
        (40, "alert", "handshake_failure"),
        (80, "alert", "internal_error"),
        (112, "alert", "unrecognized_name"),
        (70, "protocol-version", "protocol_version"),
        (71, "no-common-cipher", "insufficient_security"),
    ] {
        let seen = after_220(move |mut peer| async move {
            peer.say([21, 3, 3, 0, 2, 2, code]).await;
            peer.drain().await;
        })
        .await;
        assert_eq!(failure(&seen), (kind, Some(name)));
    }
}

#[tokio::test]
async fn a_server_that_speaks_only_tls_1_0() {
    // A ServerHello of RFC 2246: version 3.1, a random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let seen = after_220(move |mut peer| {
        let hello = hello.clone();
        async move {
            peer.say(hello).await;
            peer.drain().await;
        }
    })
    .await;
    assert_eq!(failure(&seen), ("protocol-version", None));
    assert_eq!(tls(&seen).version.as_deref(), Some("TLSv1.0"));
}

#[tokio::test]
async fn endless_tls_records_end() {
    // Change cipher spec and warning alerts: allowed now and then, not for ever.
    for record in [&[20, 3, 3, 0, 1, 1][..], &[21, 3, 3, 0, 2, 1, 90], &[22, 3, 3, 0, 0]] {
        let seen = after_220(move |mut peer| async move { while peer.say(record.repeat(100)).await {} }).await;
        assert!(tls(&seen).error.is_some(), "{record:?}");
    }
    // One record begins a message of 64 kB or of 16 MB, the others go on with it.
    for length in [[0, 0xff, 0xff], [0xff, 0xff, 0xff]] {
        let seen = after_220(move |mut peer| async move {
            let record = |begin: &[u8]| [&[22, 3, 3, 64, 0], begin, &vec![0; 16_384 - begin.len()]].concat();
            peer.say(record(&[&[2], &length[..]].concat())).await;
            while peer.say(record(&[])).await {}
        })
        .await;
        assert_eq!(failure(&seen), ("message-too-large", None), "{length:?}: nobody closed the connection");
    }
}

#[tokio::test]
async fn plaintext_between_220_and_tls_is_kept() {
    let key = key(&rcgen::PKCS_ECDSA_P256_SHA256);
    let chain = vec![self_signed(&key)];
    let inner = tls_server(chain, &key, TLS13).await;
    // A man in the middle who adds his words to the 220.
    let server = serve(move |mut peer| async move {
        peer.say("220 hi\r\n").await;
        peer.hear().await;
        peer.say("250 STARTTLS\r\n").await;
        peer.hear().await;
        peer.say("220 go\r\n250 injected\r\n").await;
        let mut behind = Peer { stream: tokio::net::TcpStream::connect(inner.address).await.unwrap(), commands: Vec::new() };
        let mut replies = BufReader::new(&mut behind.stream);
        let mut line = String::new();
        for command in ["", "EHLO x\r\n", "STARTTLS\r\n"] {
            replies.get_mut().write_all(command.as_bytes()).await.unwrap();
            loop {
                line.clear();
                replies.read_line(&mut line).await.unwrap();
                if line.as_bytes()[3] == b' ' {
                    break;
                }
            }
        }
        drop(replies);
        let _ = tokio::io::copy_bidirectional(&mut peer.stream, &mut behind.stream).await;
    })
    .await;
    let seen = visit(server, |_| ()).await;
    // "250 injected\r\n" in base64, by base64(1).
    assert_eq!(seen.early_bytes.as_deref(), Some("MjUwIGluamVjdGVkDQo="));
    assert_eq!(tls(&seen).error, None);
    assert_eq!(summary(&seen), WHOLE);
}

//! MTA-STS policies by HTTPS, and the records that announce them: what is asked, what is fetched, what is left alone.

mod support;

use dane::dns::LookupFailure;
use dane::observation::{Body, Connect, FetchAttempt, PoliciesObservation};
use domain::base::iana::Rtype;
use probe::{Destinations, Looker, LookerConfig, OptOut, Policies, Scope};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Table, config, name, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmax_age: 86400\r\n";

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A policy host on 127.0.0.1 that gives this answer to every request; its port, and the requests.
async fn policy_host(answer: String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap().self_signed(&key).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let (acceptor, requests) = (TlsAcceptor::from(Arc::new(tls)), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&requests);
    let address = serve(move |peer| {
        let (acceptor, heard, answer) = (acceptor.clone(), Arc::clone(&heard), answer.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(peer.stream).await else { return };
            let (mut request, mut buffer) = (String::new(), [0; 1024]);
            while !request.ends_with("\r\n\r\n") {
                let Ok(n @ 1..) = stream.read(&mut buffer).await else { return };
                request.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
            }
            heard.lock().unwrap().push(request);
            if answer.is_empty() {
                // Silence.
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address.port(), requests)
}

/// A domain with a record; its policy host has this address.
fn announced(addresses: &[&str]) -> Table {
    Table::default()
        .with("example.org", Rtype::MX, &["10 mx.example.org."])
        .with("_mta-sts.example.org", Rtype::TXT, &["\"v=STSv1; id=1\""])
        .with("mta-sts.example.org", Rtype::A, addresses)
}

async fn look(table: Table, port: u16, change: impl FnOnce(&mut LookerConfig)) -> (Option<Box<PoliciesObservation>>, Arc<Table>) {
    let mut config = LookerConfig { policies: Policies::All, https_port: port, ..config(port) };
    change(&mut config);
    let table = Arc::new(table);
    let looker = Looker::new(Arc::clone(&table) as Arc<dyn probe::Dns>, config).unwrap();
    (looker.observe_domain(&name("example.org")).await.unwrap().domain.policies, table)
}

fn attempts(seen: Option<Box<PoliciesObservation>>) -> Vec<FetchAttempt> {
    seen.unwrap().fetch.unwrap().attempts
}

fn why(attempt: &FetchAttempt) -> &str {
    match &attempt.connect {
        Connect::NotTried { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_policy_is_fetched_whatever_the_certificate_is_worth() {
    // R-081 rfc8461#3.2, rfc8461#3.3
    let (port, requests) = policy_host(ok(POLICY)).await;
    // Nothing listens at the first address.
    let (seen, _) = look(announced(&["127.0.0.0", "127.0.0.1", "127.0.0.3"]), port, |_| ()).await;
    let attempts = attempts(seen);
    assert_eq!(attempts.len(), 2, "the next address only where no connection was made: {attempts:?}");
    // Addresses in numerical order: 127.0.0.1 is asked first if it is there.
    let attempt = attempts.iter().find(|a| a.connect == Connect::Connected).unwrap();
    let response = attempt.response.as_ref().unwrap();
    assert_eq!((response.status, response.content_type.as_deref(), attempt.failure.as_deref()), (200, Some("text/plain"), None));
    assert_eq!(response.body, Body::Text(POLICY.into()));
    let tls = attempt.tls.as_ref().unwrap();
    assert_eq!((tls.chain.len(), tls.key_proven, tls.sni.clone()), (1, Some(true), Some(name("mta-sts.example.org"))));
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\n"), "{}", requests[0]);
}

#[tokio::test]
async fn redirects_are_recorded_and_not_followed() {
    // R-081 rfc8461#3.3
    let answer = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    let (port, requests) = policy_host(answer.to_owned()).await;
    let (seen, _) = look(announced(&["127.0.0.1"]), port, |_| ()).await;
    let response = attempts(seen)[0].response.clone().unwrap();
    assert_eq!((response.status, response.location.as_deref()), (302, Some("https://127.0.0.1/")));
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn hostile_policy_hosts_are_bounded_and_named() {
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(300_000));
    for (answer, failure) in [(endless, "too-large"), ("hello\r\n".to_owned(), "not-http"), (ok(POLICY)[..70].to_owned(), "closed")] {
        let (port, _) = policy_host(answer).await;
        let (seen, _) = look(announced(&["127.0.0.1"]), port, |_| ()).await;
        let attempt = attempts(seen).remove(0);
        assert_eq!(attempt.failure.as_deref(), Some(failure));
        assert!(attempt.response.is_none_or(|r| r.body.text().unwrap().len() <= 64 * 1024));
    }
    let (port, _) = policy_host(String::new()).await;
    let (seen, _) = look(announced(&["127.0.0.1"]), port, |c| c.smtp.visit = Duration::from_secs(1)).await;
    assert_eq!(attempts(seen)[0].failure.as_deref(), Some("timeout"));
}

#[tokio::test]
async fn who_is_left_alone_is_not_asked() {
    let (port, requests) = policy_host(ok(POLICY)).await;
    let public = |c: &mut LookerConfig| c.destinations = Destinations::PublicOnly;
    let (seen, _) = look(announced(&["127.0.0.1", "10.0.0.1"]), port, public).await;
    assert_eq!(attempts(seen).iter().map(why).collect::<Vec<_>>(), ["not-public-address"; 2]);
    let opt_out = |c: &mut LookerConfig| c.opt_out = Arc::new(OptOut::parse("127.0.0.0/8").unwrap());
    let (seen, _) = look(announced(&["127.0.0.1"]), port, opt_out).await;
    assert_eq!(why(&attempts(seen)[0]), "opted-out");
    let (seen, _) = look(announced(&["127.0.0.1"]), port, |c| c.scope = Scope::DnsOnly).await;
    assert_eq!(why(&attempts(seen)[0]), "dns-only");
    assert!(requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn records_decide_what_is_fetched() {
    let (port, requests) = policy_host(ok(POLICY)).await;
    // R-081 rfc8461#3.1: no record, or no good one, and nobody fetches.
    for record in ["\"v=spf1 -all\"", "\"v=STSv1\""] {
        let (seen, table) = look(announced(&["127.0.0.1"]).with("_mta-sts.example.org", Rtype::TXT, &[record]), port, |_| ()).await;
        assert!(seen.unwrap().fetch.is_none(), "{record}");
        assert_eq!(table.times_asked("mta-sts.example.org", Rtype::A), 0);
    }
    let (seen, table) = look(announced(&["127.0.0.1"]), port, |c| c.policies = Policies::Records).await;
    let seen = seen.unwrap();
    assert!(seen.fetch.is_none() && seen.caa.is_empty());
    assert_eq!((table.times_asked("_mta-sts.example.org", Rtype::TXT), table.times_asked("_smtp._tls.example.org", Rtype::TXT)), (1, 1));
    assert!(look(announced(&["127.0.0.1"]), port, |c| c.policies = Policies::Skip).await.0.is_none());
    // Below a domain that does not exist, or does not answer, there is nothing to be asked.
    for change in [|l: &mut dane::dns::Lookup| l.rcode = 3, |l: &mut dane::dns::Lookup| l.failure = Some(LookupFailure::Timeout)] {
        let table = announced(&[]).with("example.org", Rtype::MX, &[]).change("example.org", Rtype::MX, change);
        let (seen, table) = look(table, port, |_| ()).await;
        assert!(seen.is_none());
        assert_eq!(table.times_asked("_mta-sts.example.org", Rtype::TXT), 0);
    }
    assert!(requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn caa_is_looked_for_up_the_tree() {
    // R-140 rfc8659#3
    let table = Table::default().with("example.org", Rtype::MX, &["10 mx.a.example.org.", "20 mx.example.net."]).with(
        "example.org",
        Rtype::CAA,
        &["0 issue \"ca.example\""],
    );
    let (seen, _) = look(table, 1, |_| ()).await;
    let caa = seen.unwrap().caa;
    let asked = |i: usize| caa[i].lookups.iter().map(|l| l.name.to_string()).collect::<Vec<_>>();
    assert_eq!(asked(0), ["mx.a.example.org", "a.example.org", "example.org"]);
    assert_eq!(asked(1), ["mx.example.net", "example.net", "net"]);
    assert_eq!((caa[0].host.to_string().as_str(), caa[0].lookups[2].records.len()), ("mx.a.example.org", 1));
}

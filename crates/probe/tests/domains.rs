//! Looks at domains and hosts, and surveys of many: what is asked, what is visited, what is shared, what is left alone.

mod support;

use dane::dns::{LookupFailure, Security};
use dane::observation::{Connect, Observation};
use domain::base::iana::Rtype;
use probe::{Destinations, Dns, DnsFuture, Ipv6, Looked, Looker, OptOut, Scope, Survey, SurveyOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Table, config, name, serve};

/// A server that refuses politely, counts its visitors, and the port it is at.
async fn refusing_server() -> (u16, Arc<AtomicUsize>) {
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    let address = serve(move |mut peer| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            peer.say("554 no\r\n").await;
            peer.hear().await;
            peer.say("221 bye\r\n").await;
        }
    })
    .await;
    (address.port(), visits)
}

fn looker(table: Table, config: probe::LookerConfig) -> (Looker, Arc<Table>) {
    let table = Arc::new(table);
    (Looker::new(Arc::clone(&table) as Arc<dyn Dns>, config).unwrap(), table)
}

fn why(observation: &dane::observation::AddressObservation) -> &str {
    match &observation.connect {
        Connect::NotTried { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_host_and_every_address() {
    let (port, visits) = refusing_server().await;
    let table = Table::default()
        .with("example.org", Rtype::MX, &["20 mx2.example.net.", "10 mx1.example.net."])
        .with("mx1.example.net", Rtype::A, &["127.0.0.3", "127.0.0.1"])
        .with("mx2.example.net", Rtype::A, &["127.0.0.2"])
        .with("mx2.example.net", Rtype::AAAA, &["::1"])
        .with("_25._tcp.mx1.example.net", Rtype::TLSA, &["3 1 1 00"]);
    // The server listens on 127.0.0.1 only.
    let (looker, table) = looker(table, config(port));
    let seen = looker.observe_domain(&name("example.org")).await.unwrap();
    let hosts: Vec<String> = seen.hosts.iter().map(|h| h.host.to_string()).collect();
    assert_eq!(hosts, ["mx1.example.net", "mx2.example.net"], "best preference first");
    let servers =
        |i: usize| seen.hosts[i].servers.iter().map(|s| (s.address.to_string(), s.connect == Connect::Connected)).collect::<Vec<_>>();
    assert_eq!(servers(0), [("127.0.0.1".to_owned(), true), ("127.0.0.3".to_owned(), false)]);
    assert_eq!(servers(1), [("127.0.0.2".to_owned(), false), ("::1".to_owned(), false)]);
    assert_eq!(visits.load(Ordering::Relaxed), 1);
    // R-027 rfc6698#3: the service's port, not the transport's.
    assert_eq!(table.times_asked("_25._tcp.mx1.example.net", Rtype::TLSA), 1);
    assert_eq!(seen.hosts[0].tlsa[0].records[0].data, "3 1 1 00");
    assert_eq!(seen.hosts[0].servers[0].transport_port, port);
    assert_eq!(seen.hosts[0].port, 25);
    assert_eq!(seen.vantage.port_open, Some(true));
}

#[tokio::test]
async fn tlsa_is_asked_also_below_insecure_and_failed_addresses() {
    // a prober asks all the same, else a missing DS can never be seen.
    let table = Table::default()
        .with("mx.example.org", Rtype::A, &["127.0.0.1"])
        .change("mx.example.org", Rtype::A, |l| l.status = Security::Insecure)
        .change("mx.example.org", Rtype::AAAA, |l| l.failure = Some(LookupFailure::Timeout))
        .with("_25._tcp.mx.example.org", Rtype::TLSA, &["3 1 1 00"]);
    let mut config = config(1);
    config.scope = Scope::DnsOnly;
    let (looker, _) = looker(table, config);
    let host = looker.observe_host(&name("mx.example.org")).await;
    assert_eq!(host.tlsa.len(), 1);
    assert_eq!(host.tlsa[0].records.len(), 1);
    assert_eq!(host.cname, None);
    assert_eq!(why(&host.servers[0]), "dns-only");
}

#[tokio::test]
async fn aliases_are_asked_at_both_names_and_name_the_right_sni() {
    // the expanded name is what a sender asks for only if the whole way to it is secure.
    for (status, at_target, expected) in [
        (Security::Secure, true, "target.example.net"),
        (Security::Secure, false, "mx.example.org"),
        (Security::Insecure, true, "mx.example.org"),
    ] {
        let names = Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = Arc::clone(&names);
        let server = serve(move |mut peer| {
            let heard = Arc::clone(&heard);
            async move {
                peer.up_to_starttls().await;
                let start = tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), peer.stream).await.unwrap();
                heard.lock().unwrap().push(start.client_hello().server_name().map(str::to_owned));
            }
        })
        .await;
        let mut table = Table::default().alias("mx.example.org", Rtype::A, "target.example.net", status, &["127.0.0.1"]);
        let owner = if at_target { "_25._tcp.target.example.net" } else { "_25._tcp.mx.example.org" };
        table = table.with(owner, Rtype::TLSA, &["3 1 1 00"]);
        let (looker, table) = looker(table, config(server.port()));
        let host = looker.observe_host(&name("mx.example.org")).await;
        let owners: Vec<String> = host.tlsa.iter().map(|l| l.name.to_string()).collect();
        assert_eq!(owners, ["_25._tcp.target.example.net", "_25._tcp.mx.example.org"], "expanded first");
        assert_eq!(table.times_asked("mx.example.org", Rtype::CNAME), 1);
        assert!(host.cname.is_some());
        assert_eq!(*names.lock().unwrap(), [Some(expected.to_owned())]);
        assert_eq!(host.servers[0].tls.as_ref().unwrap().sni, Some(name(expected)));
        let zone = if at_target { "example.net" } else { "example.org" };
        assert_eq!(host.zone.as_ref().unwrap().apex, name(zone), "the zone that holds the TLSA records");
    }
}

#[tokio::test]
async fn aliases_that_differ_by_family_are_asked_at_both_ends() {
    // R-021 rfc7672#2.2.3: a sender goes by the secure family, here the second; its end comes first, and is the name in SNI.
    let table = Table::default()
        .alias("mx.example.org", Rtype::A, "four.example.net", Security::Insecure, &["127.0.0.1"])
        .alias("mx.example.org", Rtype::AAAA, "six.example.com", Security::Secure, &["::1"])
        .with("_25._tcp.six.example.com", Rtype::TLSA, &["3 1 1 00"]);
    let mut config = config(1);
    config.scope = Scope::DnsOnly;
    let (looker, _) = looker(table, config);
    let host = looker.observe_host(&name("mx.example.org")).await;
    let owners: Vec<String> = host.tlsa.iter().map(|l| l.name.to_string()).collect();
    assert_eq!(owners, ["_25._tcp.six.example.com", "_25._tcp.four.example.net", "_25._tcp.mx.example.org"]);
    assert_eq!(host.zone.as_ref().unwrap().apex, name("example.com"), "the zone that holds the TLSA records");
    // What the probe asked is what the walk wants.
    let verdict = dane::judge::judge_host(&host, &dane::observation::VantageObservation::default(), 0);
    assert_eq!(verdict.hosts[0].tlsa_base, Some(name("six.example.com")));
}

#[tokio::test]
async fn the_zone_of_domain_and_host_with_all_that_a_repair_needs() {
    let table = Table::default()
        .with("example.org", Rtype::MX, &["10 mx.example.org."])
        .with("example.org", Rtype::DNSKEY, &["257 3 13 AA=="])
        .with("example.org", Rtype::CDS, &["1 13 2 00"])
        .with("mx.example.org", Rtype::A, &["127.0.0.1"]);
    let mut config = config(1);
    config.scope = Scope::DnsOnly;
    let (looker, table) = looker(table, config);
    let seen = looker.observe_domain(&name("example.org")).await.unwrap();
    let zone = seen.domain.zone.as_ref().unwrap();
    assert_eq!(zone.dnskey.records.len(), 1);
    assert_eq!(zone.cds.as_ref().unwrap().records.len(), 1);
    assert!(Arc::ptr_eq(zone, seen.hosts[0].zone.as_ref().unwrap()), "one zone, looked at once");
    for rtype in [Rtype::SOA, Rtype::NS, Rtype::DS, Rtype::DNSKEY, Rtype::CDS, Rtype::CDNSKEY] {
        assert_eq!(table.times_asked("example.org", rtype), 1, "{rtype}");
    }
}

#[tokio::test]
async fn no_mx_bad_mx_and_no_domain() {
    let table = Table::default()
        .change("gone.example", Rtype::MX, |l| l.rcode = 3)
        .change("bogus.example", Rtype::MX, |l| l.status = Security::Bogus)
        .with("null.example", Rtype::MX, &["0 ."]);
    let mut config = config(1);
    config.scope = Scope::DnsOnly;
    let (looker, table) = looker(table, config);
    let hosts = async |domain: &str| looker.observe_domain(&name(domain)).await.unwrap().hosts.len();
    assert_eq!(hosts("gone.example").await, 0);
    assert_eq!(hosts("bogus.example").await, 0);
    assert_eq!(hosts("null.example").await, 0);
    assert_eq!(hosts("implicit.example").await, 1);
    assert_eq!(table.times_asked("null.example", Rtype::A), 0);
    assert_eq!(table.times_asked("implicit.example", Rtype::A), 1);
}

#[tokio::test]
async fn who_is_left_alone() {
    let (port, visits) = refusing_server().await;
    let table = Table::default().with("mx.example.org", Rtype::A, &["127.0.0.1"]).with("mx.example.net", Rtype::A, &["127.0.0.1"]).with(
        "private.example",
        Rtype::A,
        &["127.0.0.1", "10.0.0.1", "192.0.2.1"],
    );
    let mut settings = config(port);
    settings.opt_out = Arc::new(OptOut::parse("example.org\n127.0.0.0/8\n").unwrap());
    let (by_list, _) = looker(table, settings);
    assert!(by_list.observe_domain(&name("sub.example.org")).await.is_none());
    assert!(by_list.observe_domain(&name("example.net")).await.is_some());
    assert_eq!(why(&by_list.observe_host(&name("mx.example.org")).await.servers[0]), "opted-out");
    assert_eq!(why(&by_list.observe_host(&name("mx.example.net")).await.servers[0]), "opted-out");
    let mut settings = config(port);
    settings.destinations = Destinations::PublicOnly;
    let table = Table::default().with("private.example", Rtype::A, &["127.0.0.1", "10.0.0.1", "192.0.2.1"]);
    let (by_address, _) = looker(table, settings);
    for server in &by_address.observe_host(&name("private.example")).await.servers {
        assert_eq!(why(server), "not-public-address");
    }
    let mut settings = config(port);
    settings.ipv6 = Ipv6::Off;
    let (by_family, _) = looker(Table::default().with("six.example", Rtype::AAAA, &["::1", "2001:db8::1"]), settings);
    for server in &by_family.observe_host(&name("six.example")).await.servers {
        assert_eq!(why(server), "no-ipv6");
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn hosts_with_a_crowd_of_addresses_and_domains_with_a_crowd_of_hosts() {
    let (port, visits) = refusing_server().await;
    let addresses: Vec<String> = (0..40).map(|i| format!("127.0.1.{i}")).chain(["127.0.0.1".to_owned()]).collect();
    let mx: Vec<String> = (0..200).map(|i| format!("10 mx{i}.example.net.")).collect();
    let table = Table::default().with("example.org", Rtype::MX, &mx.iter().map(String::as_str).collect::<Vec<_>>()).with(
        "mx.example.org",
        Rtype::A,
        &addresses.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let (looker, _) = looker(table, config(port));
    let host = looker.observe_host(&name("mx.example.org")).await;
    assert_eq!(host.servers.len(), 41, "each is on record");
    assert_eq!(host.servers.iter().filter(|s| matches!(s.connect, Connect::NotTried { .. })).count(), 25);
    assert_eq!(visits.load(Ordering::Relaxed), 1);
    assert_eq!(looker.observe_domain(&name("example.org")).await.unwrap().hosts.len(), dane::walk::MAX_HOSTS);
}

#[tokio::test]
async fn a_chain_from_a_file_stands_in_for_a_visit() {
    let (port, visits) = refusing_server().await;
    let chain = vec![dane::observation::CertificateBytes(Arc::from(&b"a chain"[..]))];
    let mut settings = config(port);
    settings.scope = Scope::Presented(chain.clone());
    let (looker, _) = looker(Table::default().with("mx.example.org", Rtype::A, &["127.0.0.1"]), settings);
    let host = looker.observe_host(&name("mx.example.org")).await;
    assert_eq!(why(&host.servers[0]), "chain-from-file");
    assert_eq!(host.servers[0].tls.as_ref().unwrap().chain, chain);
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

fn population(domains: usize, hosts: usize) -> Table {
    let mut table = Table::default();
    for i in 0..domains {
        let host = format!("10 mx{}.example.net.", i % hosts);
        table = table.with(&format!("d{i}.example"), Rtype::MX, &[&host]);
    }
    for i in 0..hosts {
        table = table.with(&format!("mx{i}.example.net"), Rtype::A, &["127.0.0.1"]);
    }
    table
}

fn domains(count: usize) -> Vec<dane::name::Name> {
    (0..count).map(|i| name(&format!("d{i}.example"))).collect()
}

#[tokio::test]
async fn a_survey_gives_one_result_for_each_domain_and_visits_each_host_once() {
    let (port, visits) = refusing_server().await;
    let mut settings = config(port);
    settings.opt_out = Arc::new(OptOut::parse("d7.example").unwrap());
    let (looker, table) = looker(population(500, 20), settings);
    // One of them twice: it is put in twice, so it comes out twice.
    let input: Vec<_> = domains(500).into_iter().chain([name("d3.example")]).collect();
    let mut survey = Survey::start(looker, input, SurveyOptions { parallel: 50, ..SurveyOptions::default() });
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut opted_out = Vec::new();
    while let Some(looked) = survey.next().await {
        match looked {
            Looked::Seen(observation) => {
                let Observation { domain, hosts, .. } = *observation;
                *seen.entry(domain.domain.to_string()).or_default() += 1;
                assert_eq!(hosts.len(), 1);
                assert_eq!(hosts[0].servers[0].connect, Connect::Connected);
            }
            Looked::OptedOut(domain) => opted_out.push(domain),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen.len(), 499);
    assert_eq!(seen.values().sum::<usize>(), 500);
    assert_eq!(seen["d3.example"], 2);
    assert_eq!(opted_out, [name("d7.example")]);
    assert_eq!(table.times_asked("d7.example", Rtype::MX), 0);
    assert_eq!(visits.load(Ordering::Relaxed), 20);
    assert_eq!(table.times_asked("mx3.example.net", Rtype::A), 1);
    let progress = survey.progress();
    assert_eq!((progress.begun, progress.done, progress.hosts, progress.visits, progress.waiting), (501, 501, 20, 20, 0));
}

#[tokio::test]
async fn those_who_queue_for_one_provider_hold_up_nobody_else() {
    // 240.0.0.0/4 routes nowhere: what matters is that 20 domains wait for it, a minute each, and 20 others do not.
    let mut table = Table::default();
    for i in 0..20 {
        table = table.with(&format!("d{i}.example"), Rtype::MX, &[&format!("10 mx{i}.big.example.")]);
        table = table.with(&format!("mx{i}.big.example"), Rtype::A, &["240.0.0.1"]);
    }
    let mut settings = config(9);
    settings.pace.address_per_s = 1.0 / 60.0;
    let (looker, _) = looker(table, settings);
    // The others have no MX and no address.
    let mut survey = Survey::start(looker, domains(40), SurveyOptions { parallel: 2, grace: Duration::from_millis(1) });
    let begun = Instant::now();
    let mut quick = 0;
    while quick < 20 {
        if let Looked::Seen(seen) = survey.next().await.unwrap() {
            quick += usize::from(seen.hosts[0].servers.is_empty());
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_survey_reads_no_further_than_it_works() {
    let (port, _) = refusing_server().await;
    let (looker, _) = looker(population(10, 1), config(port));
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let endless = (0..).map(move |i| {
        counter.fetch_add(1, Ordering::Relaxed);
        name(&format!("d{}.example", i % 10))
    });
    let mut survey = Survey::start(looker, endless, SurveyOptions { parallel: 4, ..SurveyOptions::default() });
    for _ in 0..10 {
        assert!(survey.next().await.is_some());
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    // 10 taken, up to 64 waiting to be taken, 4 in work, 4 waiting to be begun, one in the reader's hand and one on its way.
    assert!(taken.load(Ordering::Relaxed) <= 10 + 64 + 4 + 4 + 2, "{taken:?}");
    survey.cancel();
    let mut rest = 0;
    while survey.next().await.is_some() {
        rest += 1;
    }
    assert!(rest <= 64 + 4 + 4);
}

#[tokio::test]
async fn a_cancelled_survey_delivers_what_is_done_and_names_what_is_not() {
    // A server that accepts and says nothing, until its visitor gives up after 5 s.
    let server = serve(|mut peer| async move { peer.drain().await }).await;
    let (looker, _) = looker(population(3, 3), config(server.port()));
    let mut survey = Survey::start(looker, domains(3), SurveyOptions { grace: Duration::from_millis(100), ..SurveyOptions::default() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    survey.cancel();
    let mut cancelled = 0;
    while let Some(looked) = survey.next().await {
        assert!(matches!(looked, Looked::Cancelled(_)));
        cancelled += 1;
    }
    assert_eq!(cancelled, 3);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_domain_that_takes_too_long_is_delivered_with_what_there_is() {
    let server = serve(|mut peer| async move { peer.drain().await }).await;
    let table = Table::default().with("example.org", Rtype::MX, &["10 slow.example.net.", "20 quick.example.net."]).with(
        "slow.example.net",
        Rtype::A,
        &["127.0.0.1"],
    );
    let mut settings = config(server.port());
    settings.domain_deadline = Duration::from_millis(300);
    let (looker, _) = looker(table, settings);
    let begun = Instant::now();
    let seen = looker.observe_domain(&name("example.org")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(seen.domain.mx.records.len(), 2);
    let hosts: Vec<String> = seen.hosts.iter().map(|h| h.host.to_string()).collect();
    assert_eq!(hosts, ["quick.example.net"]);
}

/// A DNS that never answers, or panics.
struct Broken {
    panics: &'static str,
}

impl Dns for Broken {
    fn lookup<'a>(&'a self, asked: &'a dane::name::Name, _: Rtype) -> DnsFuture<'a, dane::dns::Lookup> {
        assert!(*asked != name(self.panics), "this is the crash that the test wants");
        Box::pin(std::future::pending())
    }

    fn zone_apex<'a>(&'a self, _: &'a dane::name::Name) -> DnsFuture<'a, Option<dane::name::Name>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn silence_and_crashes_are_results_too() {
    let mut settings = config(1);
    settings.domain_deadline = Duration::from_millis(100);
    let looker = Looker::new(Arc::new(Broken { panics: "d1.example" }), settings).unwrap();
    let mut survey = Survey::start(looker, domains(3), SurveyOptions::default());
    let (mut seen, mut crashed) = (Vec::new(), Vec::new());
    while let Some(looked) = survey.next().await {
        match looked {
            Looked::Seen(observation) => {
                assert_eq!(observation.domain.mx.failure, Some(LookupFailure::Budget));
                assert_eq!(observation.domain.zone, None);
                seen.push(observation.domain.domain);
            }
            Looked::Crashed(domain) => crashed.push(domain),
            other => panic!("{other:?}"),
        }
    }
    seen.sort();
    assert_eq!(seen, [name("d0.example"), name("d2.example")]);
    assert_eq!(crashed, [name("d1.example")]);
}

use super::{Place, ResolverVerdict, Standing, Trouble, judge};
use crate::cause::Weight;
use crate::observation::{
    ResolvConf, ResolverExchange, ResolverObservation, ResolverProbe as Probe, ResolverQuestion, ResolverQuestions, ResolverReply,
    ResolverServer, ResolverTransport as Transport,
};
use crate::requirement;
use crate::testing::name;
use domain::base::iana::Rtype;

const SERVFAIL: ResolverReply =
    ResolverReply { rcode: 2, ad: false, ra: true, tc: false, edns: true, octets: 40, records: 0, signatures: 0 };

fn data(ad: bool) -> ResolverReply {
    ResolverReply { rcode: 0, ad, ra: true, tc: false, edns: true, octets: 900, records: 1, signatures: 1 }
}

fn none(rcode: u16, ad: bool) -> ResolverReply {
    ResolverReply { rcode, ad, ..SERVFAIL }
}

/// A resolver that does everything as it should, by RFC 4035 section 3.2 and RFC 6840 section 5.7.
fn good(address: &str) -> ResolverServer {
    let bare = ResolverReply { signatures: 0, edns: false, ..data(false) };
    let replies = [
        (Probe::Plain, Transport::Udp, bare),
        (Probe::Signed, Transport::Udp, data(true)),
        (Probe::SignedAd, Transport::Udp, ResolverReply { ad: true, ..bare }),
        (Probe::Bogus, Transport::Udp, SERVFAIL),
        (Probe::BogusUnchecked, Transport::Udp, data(false)),
        (Probe::Tlsa, Transport::Udp, data(true)),
        (Probe::BesideTlsa, Transport::Udp, none(0, true)),
        (Probe::Long, Transport::Udp, data(true)),
        (Probe::LongInSmall, Transport::Udp, ResolverReply { tc: true, records: 0, ..data(true) }),
        (Probe::LongOverTcp, Transport::Tcp, data(true)),
    ];
    let exchange = |(probe, transport, reply)| ResolverExchange { probe, transport, elapsed_ms: 1, reply: Some(reply), failure: None };
    let address: std::net::SocketAddr = address.parse().unwrap();
    ResolverServer { address, own: address.ip().is_loopback(), exchanges: replies.into_iter().map(exchange).collect() }
}

impl ResolverServer {
    /// The same, but for this reply; `None`: no reply.
    fn but(mut self, probe: Probe, reply: Option<ResolverReply>) -> Self {
        for exchange in self.exchanges.iter_mut().filter(|e| e.probe == probe) {
            exchange.reply = reply;
            exchange.failure = reply.is_none().then(|| "no answer within 5.0 s".to_owned());
        }
        self
    }

    fn silent(mut self) -> Self {
        let probes: Vec<Probe> = self.exchanges.iter().map(|e| e.probe).collect();
        for probe in probes {
            self = self.but(probe, None);
        }
        self
    }
}

fn observation(servers: Vec<ResolverServer>) -> ResolverObservation {
    let question = |n: &str, rtype| ResolverQuestion { name: name(n), rtype };
    let file = ResolvConf {
        path: "/etc/resolv.conf".to_owned(),
        servers: servers.iter().map(|s| s.address).collect(),
        options: vec!["edns0".to_owned(), "trust-ad".to_owned()],
        ..ResolvConf::default()
    };
    let questions = ResolverQuestions {
        signed: question("signed.example", Rtype::SOA),
        bogus: question("bogus.example", Rtype::A),
        tlsa: name("_25._tcp.mx.example"),
        long: question("long.example", Rtype::DNSKEY),
    };
    ResolverObservation { at: 0, file, container: None, questions, servers }
}

fn verdict(server: ResolverServer) -> ResolverVerdict {
    judge(&observation(vec![server]))
}

fn troubles(verdict: &ResolverVerdict) -> Vec<Trouble> {
    verdict.findings.iter().map(|f| f.trouble).collect()
}

fn lines(verdict: &ResolverVerdict) -> String {
    verdict.findings.iter().flat_map(|f| &f.repair).flat_map(|r| &r.steps).filter_map(|s| s.line.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_resolver_has_no_findings() {
    let verdict = verdict(good("127.0.0.1:53"));
    assert_eq!((verdict.standing, troubles(&verdict)), (Standing::Works, vec![]));
    let server = &verdict.servers[0];
    for shown in [server.dnssec, server.validates, server.ad, server.ad_without_do, server.tlsa, server.tcp, server.long] {
        assert_eq!(shown, Some(true), "{server:?}");
    }
    assert!(server.answers && server.place == Place::ThisMachine);
}

/// Each way of losing DANE, by the one reply that is another.
#[test]
fn one_wrong_reply_is_one_finding() {
    let stripped = ResolverReply { signatures: 0, ad: false, ..data(false) };
    let cut = ResolverReply { records: 0, octets: 500, ..data(true) };
    for (probe, reply, trouble) in [
        (Probe::Signed, Some(stripped), Trouble::NoDnssec),
        (Probe::Bogus, Some(data(false)), Trouble::NotValidating),
        // It sets AD to please, even on what is bogus.
        (Probe::Bogus, Some(data(true)), Trouble::NotValidating),
        (Probe::Signed, Some(data(false)), Trouble::AdWithheld),
        (Probe::SignedAd, Some(data(false)), Trouble::AdWithoutDo),
        (Probe::Tlsa, None, Trouble::TlsaFiltered),
        (Probe::Tlsa, Some(none(4, false)), Trouble::TlsaFiltered),
        (Probe::LongOverTcp, None, Trouble::TcpRefused),
        (Probe::Long, None, Trouble::LongLost),
        (Probe::LongInSmall, Some(cut), Trouble::TruncationHidden),
        (Probe::Signed, Some(SERVFAIL), Trouble::SignedFails),
        (Probe::Bogus, Some(none(3, true)), Trouble::BogusUnclear),
        (Probe::Bogus, None, Trouble::BogusUnclear),
        (Probe::Tlsa, Some(none(3, false)), Trouble::TlsaUnclear),
        (Probe::Long, Some(SERVFAIL), Trouble::LongUnclear),
    ] {
        let verdict = verdict(good("127.0.0.1:53").but(probe, reply));
        assert_eq!(troubles(&verdict), [trouble], "{probe:?} {reply:?}");
        let expected = match trouble.weight() {
            Weight::Error => Standing::Fails,
            Weight::Unknown => Standing::CouldNotTell,
            Weight::Warning | Weight::Info => Standing::Works,
        };
        assert_eq!(verdict.standing, expected, "{trouble:?}");
        assert!(!verdict.headline.contains("see the findings"), "{}", verdict.headline);
        let mends = verdict.findings[0].repair.is_some();
        assert_eq!(mends, verdict.findings[0].weight == Weight::Error, "what is wrong has a repair: {trouble:?}");
    }
}

#[test]
fn what_could_not_be_seen_is_not_bad() {
    let silent = verdict(good("127.0.0.1:53").silent());
    assert_eq!((silent.standing, troubles(&silent)), (Standing::CouldNotTell, vec![Trouble::Silent]));
    // The name fails, not the type; the name fails, not the length.
    let name_fails = good("127.0.0.1:53").but(Probe::Tlsa, Some(SERVFAIL)).but(Probe::BesideTlsa, Some(SERVFAIL));
    assert_eq!(troubles(&verdict(name_fails)), [Trouble::TlsaUnclear]);
    let long_fails = good("127.0.0.1:53").but(Probe::Long, None).but(Probe::LongOverTcp, Some(SERVFAIL));
    assert_eq!(troubles(&verdict(long_fails)), [Trouble::LongUnclear]);
    // A proof that there is none has come through, and a short answer is the name's affair.
    let proven = verdict(good("127.0.0.1:53").but(Probe::Tlsa, Some(none(0, true))));
    assert_eq!((proven.standing, proven.servers[0].tlsa), (Standing::Works, None));
    assert!(proven.headline.contains("as far as could be seen"), "{}", proven.headline);
    let short = verdict(good("127.0.0.1:53").but(Probe::Long, Some(ResolverReply { octets: 300, ..data(true) })));
    assert_eq!((short.standing, troubles(&short)), (Standing::Works, vec![Trouble::LongUnclear]));
}

/// Truncated over UDP, whole over TCP: that is how it should be.
#[test]
fn a_truncated_answer_is_the_one_over_tcp() {
    let mut server = good("127.0.0.1:53").but(Probe::Long, Some(ResolverReply { tc: true, records: 0, octets: 40, ..data(false) }));
    let over_tcp =
        ResolverExchange { probe: Probe::Long, transport: Transport::Tcp, elapsed_ms: 1, reply: Some(data(true)), failure: None };
    server.exchanges.push(over_tcp.clone());
    let whole = verdict(server.clone());
    assert_eq!((troubles(&whole), whole.servers[0].long), (vec![], Some(true)));
    // TCP fails, this time and the other.
    server.exchanges.retain(|e| e.transport == Transport::Udp);
    server.exchanges.push(ResolverExchange { reply: None, ..over_tcp.clone() });
    server.exchanges.push(ResolverExchange { probe: Probe::LongOverTcp, reply: None, ..over_tcp });
    let broken = verdict(server);
    assert_eq!((troubles(&broken), broken.servers[0].long), (vec![Trouble::TcpRefused], Some(false)));
}

#[test]
fn the_bit_is_worth_what_the_way_is_worth() {
    for (address, place, trouble, standing) in [
        ("127.0.0.53:53", Place::SystemdResolved, None, Standing::Works),
        ("[::1]:53", Place::ThisMachine, None, Standing::Works),
        ("127.0.0.11:53", Place::Docker, Some(Trouble::ForwarderBetween), Standing::Works),
        ("10.0.0.99:53", Place::LocalNetwork, Some(Trouble::Remote), Standing::Works),
        ("[fd00::53]:53", Place::LocalNetwork, Some(Trouble::Remote), Standing::Works),
        ("192.0.2.53:53", Place::Internet, Some(Trouble::Remote), Standing::Fails),
    ] {
        let verdict = verdict(good(address));
        assert_eq!((verdict.servers[0].place, verdict.standing), (place, standing), "{address}");
        assert_eq!(troubles(&verdict), trouble.into_iter().collect::<Vec<_>>(), "{address}");
    }
    // A public address of this machine's own crosses no network.
    let own = ResolverServer { own: true, ..good("192.0.2.53:53") };
    assert_eq!(troubles(&verdict(own)), []);
    // Where there is no AD, nobody can forge it.
    let none = verdict(good("192.0.2.53:53").but(Probe::Signed, Some(data(false))));
    assert_eq!(troubles(&none), [Trouble::AdWithheld]);
}

#[test]
fn the_repair_fits_what_listens_there() {
    let not_validating = |address| lines(&verdict(good(address).but(Probe::Bogus, Some(data(false)))));
    assert!(not_validating("127.0.0.1:53").contains("dnssec-validation auto;"));
    assert!(not_validating("127.0.0.53:53").contains("DNSSEC=yes"));
    assert!(not_validating("127.0.0.11:53").contains("dns_opt:"));
    assert!(not_validating("192.0.2.53:53").contains("nameserver 127.0.0.1\noptions edns0 trust-ad"));
}

#[test]
fn the_file_can_lose_what_the_server_says() {
    let mut seen = observation(vec![good("127.0.0.1:53")]);
    seen.file.options = vec!["edns0".to_owned(), "timeout:1".to_owned()];
    let verdict = judge(&seen);
    assert_eq!(troubles(&verdict), [Trouble::TrustAdMissing]);
    assert!(lines(&verdict).contains("options edns0 trust-ad timeout:1"), "{}", lines(&verdict));
    seen.container = Some("/.dockerenv".to_owned());
    assert!(lines(&judge(&seen)).contains("--dns-option trust-ad"), "the engine writes the file");
    // The engine writes that file only.
    seen.file.path = "/var/spool/postfix/etc/resolv.conf".to_owned();
    assert!(lines(&judge(&seen)).contains("options edns0 trust-ad timeout:1"));
    // A server that does not deserve it gets no advice to trust it.
    let mut seen = observation(vec![good("127.0.0.1:53").but(Probe::Bogus, Some(data(true)))]);
    seen.file.options.clear();
    let verdict = judge(&seen);
    assert_eq!(troubles(&verdict), [Trouble::NotValidating, Trouble::TrustAdMissing, Trouble::Edns0Missing]);
    assert!(verdict.findings[1].repair.is_none());
}

#[test]
fn one_bad_server_spoils_the_others() {
    let bad = good("127.0.0.2:53").but(Probe::Bogus, Some(data(false))).but(Probe::Signed, Some(data(false)));
    let verdict = judge(&observation(vec![good("127.0.0.1:53"), bad]));
    assert_eq!(troubles(&verdict), [Trouble::NotValidating, Trouble::ServersDiffer]);
    let remove: Vec<&str> = verdict.findings[1].repair.iter().flat_map(|r| &r.steps).flat_map(|s| &s.remove).map(String::as_str).collect();
    assert_eq!(remove, ["nameserver 127.0.0.2"]);
    let one_silent = judge(&observation(vec![good("127.0.0.1:53"), good("127.0.0.2:53").silent()]));
    assert_eq!((one_silent.standing, troubles(&one_silent)), (Standing::CouldNotTell, vec![Trouble::Silent]));
}

#[test]
fn servers_that_are_not_asked_are_told() {
    let mut seen = observation(vec![good("127.0.0.1:53")]);
    seen.file.servers = (1..=4).map(|n| format!("127.0.0.{n}:53").parse().unwrap()).collect();
    seen.file.unusable = vec!["fe80::1%eth0".to_owned()];
    assert_eq!(troubles(&judge(&seen)), [Trouble::Unasked, Trouble::TooMany]);
    (seen.file.servers, seen.file.unusable) = (vec![], vec![]);
    let none = judge(&seen);
    assert_eq!((none.standing, troubles(&none)), (Standing::Works, vec![Trouble::NoServerLine]));
}

#[test]
fn every_trouble_has_a_code_and_a_place_of_its_own() {
    let codes: std::collections::BTreeSet<&str> = Trouble::ALL.iter().map(|t| t.code()).collect();
    assert_eq!(codes.len(), Trouble::ALL.len());
    for trouble in Trouble::ALL {
        assert!(requirement::place(trouble.requirement()).is_some(), "{trouble:?}");
    }
}

//! Who is to blame for a lookup.

use super::*;
use crate::observation::NameServerObservation;

#[test]
fn broken_signatures_have_their_names() {
    // rfc7672#2.1.2, R-127: the reason survives to the finding, at the name where the chain breaks.
    let shown = identity(HOST);
    let codes = [
        ("ds-digest-mismatch", Cause::DsDigestMismatch),
        ("ds-no-matching-key", Cause::DsNoMatchingKey),
        ("dnskey-missing", Cause::DnskeyMissing),
        ("rrsig-expired", Cause::RrsigExpired),
        ("rrsig-not-yet-valid", Cause::RrsigNotYetValid),
        ("rrsig-times-reversed", Cause::RrsigTimesReversed),
        ("rrsig-missing", Cause::RrsigMissing),
        ("rrsig-unknown-key", Cause::RrsigUnknownKey),
        ("rrsig-wrong", Cause::RrsigWrong),
        ("denial-wrong", Cause::DenialWrong),
        ("wildcard-wrong", Cause::WildcardWrong),
        ("cname-proof-wrong", Cause::CnameProofWrong),
        ("denial-missing", Cause::DenialWrong),
        ("key-revoked", Cause::DsNoMatchingKey),
        ("rrsig-signer", Cause::RrsigWrong),
        ("rrsig-algorithm", Cause::RrsigMissing),
        ("something-new", Cause::DnssecOther),
    ];
    for (code, cause) in codes {
        let judged = verdict(&domain(mx1().bogus(code).in_zone("zone.example.nl"), vec![]));
        assert_eq!((judged.standing, judged.delivery), (Standing::Broken, Some(Delivery::Defer)), "{code}");
        assert_eq!((grave(&judged), find(&judged, cause).subject.clone()), (vec![cause], name("zone.example.nl")));
        assert!(find(&judged, cause).repair.is_some(), "{code}");

        let mut observation = site(&shown, &[&shown.record()]);
        edit(&mut observation, 0, |h| h.tlsa[0] = h.tlsa[0].clone().bogus(code));
        let judged = verdict(&observation);
        assert_eq!((judged.standing, judged.delivery), (Standing::Broken, Some(Delivery::Defer)), "{code}");
        assert_eq!(grave(&judged), [cause]);
    }
}

#[test]
fn an_alias_that_cannot_be_believed_is_named_as_such() {
    // R-124 rfc4035#5, R-028 rfc7672#2.2.3
    let shown = identity(HOST);
    for (code, cause) in
        [("rrsig-wrong", Cause::CnameProofWrong), ("rrsig-missing", Cause::CnameProofWrong), ("rrsig-expired", Cause::RrsigExpired)]
    {
        let mut observation = site(&shown, &[&shown.record()]);
        edit(&mut observation, 0, |h| {
            h.tlsa[0] = h.tlsa[0].clone().via("tlsa.dane.example.nl", Security::Bogus).bogus(code);
            h.tlsa[0].reason.as_mut().unwrap().at_type = Rtype::CNAME;
        });
        let judged = verdict(&observation);
        assert_eq!((judged.standing, grave(&judged)), (Standing::Broken, vec![cause]));
    }
}

#[test]
fn without_an_anchor_nothing_can_be_told() {
    // our configuration, not the domain's fault.
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    let blind = |l: &Lookup| l.clone().insecure("no-anchor").in_zone("nl");
    observation.domain.mx = blind(&observation.domain.mx);
    edit(&mut observation, 0, |h| (h.a, h.aaaa, h.tlsa[0]) = (blind(&h.a), blind(&h.aaaa), blind(&h.tlsa[0])));
    let judged = verdict(&observation);
    assert_eq!((judged.standing, grave(&judged)), (Standing::CouldNotTell, vec![Cause::NoAnchor]));
    let stale = verdict(&domain(mx1().bogus("anchor-stale"), vec![]));
    assert_eq!((stale.standing, stale.delivery, grave(&stale)), (Standing::CouldNotTell, None, vec![Cause::AnchorStale]));
}

#[test]
fn lookups_that_fail_are_told_apart() {
    let judged = |failure| verdict(&domain(mx1().failing(failure), vec![]));
    for (failure, cause) in [
        (LookupFailure::Timeout, Cause::DnsTimeout),
        (LookupFailure::Unreachable, Cause::DnsUnreachable),
        (LookupFailure::Budget, Cause::BudgetExhausted),
    ] {
        let verdict = judged(failure);
        assert_eq!((verdict.standing, verdict.delivery, grave(&verdict)), (Standing::CouldNotTell, None, vec![cause]));
    }
    for (failure, cause) in [
        (LookupFailure::Servfail, Cause::DnsServfail),
        (LookupFailure::Refused, Cause::DnsRefused),
        (LookupFailure::Malformed, Cause::DnsError),
        (LookupFailure::AliasLoop, Cause::AliasLoop),
        (LookupFailure::DelegationLoop, Cause::DelegationLoop),
    ] {
        let verdict = judged(failure);
        assert_eq!((verdict.standing, verdict.delivery, grave(&verdict)), (Standing::Broken, Some(Delivery::Defer), vec![cause]));
    }
    // R-018 rfc7672#2.1.2
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| h.aaaa = h.aaaa.clone().bogus("denial-wrong"));
    let verdict = verdict(&observation);
    assert_eq!((verdict.standing, find(&verdict, Cause::OneFamilyBogus).weight), (Standing::Protected, Weight::Warning));
}

fn zone(apex: &str) -> Arc<crate::observation::ZoneObservation> {
    let of = |rtype| answer(apex, rtype, &[]);
    let (soa, ns, ds, dnskey) = (of(Rtype::SOA), of(Rtype::NS), of(Rtype::DS), of(Rtype::DNSKEY));
    Arc::new(crate::observation::ZoneObservation { apex: name(apex), soa, ns, ds, dnskey, cds: None, cdnskey: None })
}

#[test]
fn a_zone_above_is_not_the_domains_to_mend() {
    // R-127 rfc4035#4.3, R-002 rfc7672#2.1.2: mail waits, and its owner can do nothing about it.
    let shown = identity(HOST);
    let broken = |code: &str, place: &str, rtype: Rtype| {
        let mut observation = site(&shown, &[&shown.record()]);
        observation.domain.zone = Some(zone(DOMAIN));
        observation.domain.mx = observation.domain.mx.clone().bogus(code).in_zone(place);
        observation.domain.mx.reason.as_mut().unwrap().at_type = rtype;
        verdict(&observation)
    };
    for (code, place, rtype) in [
        ("rrsig-expired", ".", Rtype::DNSKEY),
        ("rrsig-expired", "nl", Rtype::DNSKEY),
        ("ds-no-matching-key", "nl", Rtype::DNSKEY),
        // The parent signs the DS record. (RFC 4035 section 2.4)
        ("rrsig-expired", DOMAIN, Rtype::DS),
    ] {
        let judged = broken(code, place, rtype);
        assert_eq!((judged.standing, judged.delivery), (Standing::CouldNotTell, None), "{code} {place}");
        let finding = find(&judged, Cause::ZoneAbove);
        assert_eq!((finding.party, finding.weight, &finding.repair), (Party::Path, Weight::Unknown, &None));
        assert!(judged.findings.iter().all(|f| f.weight != Weight::Error), "{:#?}", judged.findings);
        let own = Cause::from_code(code).unwrap().title().trim_end_matches('.').to_lowercase();
        assert!(finding.sentence.to_lowercase().contains(&own), "what is wrong there: {}", finding.sentence);
    }
    for (code, place, rtype, cause) in [
        ("rrsig-expired", DOMAIN, Rtype::DNSKEY, Cause::RrsigExpired),
        ("rrsig-expired", "sub.example.nl", Rtype::DS, Cause::RrsigExpired),
        ("ds-digest-mismatch", DOMAIN, Rtype::DS, Cause::DsDigestMismatch),
    ] {
        let judged = broken(code, place, rtype);
        assert_eq!((judged.standing, find(&judged, cause).party), (Standing::Broken, Party::Domain), "{code} {place}");
        assert!(find(&judged, cause).repair.is_some());
    }
}

#[test]
fn signatures_that_are_not_made_yet_are_not_called_expired() {
    // R-112 rfc4035#5.3.1: of the future only certificates and records are known.
    let shown = identity_until(HOST, 2030);
    let mut observation = site(&shown, &[&shown.record()]);
    observation.domain.mx = observation.domain.mx.clone().signed_until(NOW + 86_400);
    assert!(verdict(&observation).findings.is_empty());
    let later = judge(&observation, NOW + 400 * 86_400);
    assert_eq!(later.standing, Standing::Protected);
    let finding = find(&later, Cause::SignaturesToCome);
    assert_eq!((finding.party, finding.weight), (Party::Us, Weight::Info));
    assert!(finding.sentence.starts_with("Judged for 2028-02-19"), "{}", finding.sentence);
    assert!(finding.sentence.contains("example.nl") && finding.repair.is_none());
    // What had expired when it was seen stays so.
    observation.domain.mx = observation.domain.mx.clone().bogus("rrsig-expired");
    assert_eq!(judge(&observation, NOW + 400 * 86_400).standing, Standing::Broken);
}

#[test]
fn a_name_server_that_answers_wrong_is_named() {
    // R-127 rfc4035#4.3
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    let bad = "192.0.2.53".parse().unwrap();
    edit(&mut observation, 0, |h| {
        h.a.bogus_servers = vec![bad];
        h.tlsa[0].bogus_servers = vec![bad];
    });
    let judged = verdict(&observation);
    assert_eq!(judged.standing, Standing::Protected);
    let finding = find(&judged, Cause::ServerBogus);
    assert_eq!((finding.party, finding.weight, finding.address), (Party::Domain, Weight::Warning, Some(bad)));
    assert!(finding.sentence.contains("192.0.2.53"), "{}", finding.sentence);
    assert!(finding.sentence.contains("(_25._tcp.mx1.example.nl TLSA, mx1.example.nl A)"), "both questions, once: {}", finding.sentence);
    assert_eq!(judged.findings.iter().filter(|f| f.cause == Cause::ServerBogus).count(), 1);
}

#[test]
fn whoever_failed_is_to_blame() {
    // R-001 rfc7672#2.1.1, R-002 rfc7672#2.1.2: mail waits whoever fails; who has to mend it is another question.
    let failing = |edit: &dyn Fn(&mut Observation)| {
        let shown = identity(HOST);
        let mut observation = site(&shown, &[&shown.record()]);
        observation.domain.mx = answer(DOMAIN, Rtype::MX, &[]).failing(LookupFailure::Refused);
        observation.hosts.clear();
        edit(&mut observation);
        let judged = verdict(&observation);
        (judged.standing, judged.findings.iter().map(|f| (f.cause, f.party)).next().unwrap())
    };
    let zone = |apex: &'static str| move |o: &mut Observation| o.domain.mx.failed_zone = Some(name(apex));
    assert_eq!(failing(&zone(".")), (Standing::CouldNotTell, (Cause::RootUnreachable, Party::Us)));
    let rooted = |o: &mut Observation| {
        o.domain.mx.failed_zone = Some(name("."));
        o.vantage.anchor_current = Some(true);
    };
    assert_eq!(failing(&rooted), (Standing::CouldNotTell, (Cause::ZoneAbove, Party::Path)));
    assert_eq!(failing(&zone("nl")), (Standing::CouldNotTell, (Cause::ZoneAbove, Party::Path)));
    assert_eq!(failing(&zone(DOMAIN)), (Standing::Broken, (Cause::DnsRefused, Party::Domain)));
    // Servers of both the zone and its parent give no referral; they answer for the zone's keys, so what fails is the zone's own.
    let hosted = |o: &mut Observation| {
        o.domain.zone = Some(self::zone(DOMAIN));
        o.domain.mx.failed_zone = Some(name("nl"));
    };
    assert_eq!(failing(&hosted), (Standing::Broken, (Cause::DnsRefused, Party::Domain)));
    let upstream = |o: &mut Observation| o.domain.mx.failed_upstream = true;
    assert_eq!(failing(&upstream), (Standing::CouldNotTell, (Cause::ResolverFails, Party::Us)));
    // A resolver that answers other questions passes on what it met.
    let working = |o: &mut Observation| {
        o.domain.mx.failed_upstream = true;
        o.vantage.anchor_current = Some(true);
    };
    assert_eq!(failing(&working), (Standing::Broken, (Cause::DnsRefused, Party::Domain)));
}

/// A name server with its answers: SOA with this serial, MX with this data.
fn name_server(address: &str, serial: u32, mx: &str) -> NameServerObservation {
    let soa = format!("ns.example.nl. host.example.nl. {serial} 3600 600 86400 300");
    let answers = vec![answer(DOMAIN, Rtype::SOA, &[&soa]), answer(DOMAIN, Rtype::MX, &[mx])];
    NameServerObservation { zone: name(DOMAIN), server: name("ns.example.nl"), address: address.parse().unwrap(), answers, tcp: Some(true) }
}

/// The causes about name servers, with the last octet of the server that each is about.
fn about_servers(servers: Vec<NameServerObservation>) -> Vec<(Cause, u8)> {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    observation.domain.name_servers = servers;
    let judged = verdict(&observation);
    assert_eq!(judged.standing, Standing::Protected, "a server among several breaks nothing by itself");
    let last = |f: &Finding| match f.address {
        Some(std::net::IpAddr::V4(ip)) => ip.octets()[3],
        _ => 0,
    };
    let mut found: Vec<_> = judged.findings.iter().filter(|f| f.cause.code().starts_with("server-")).map(|f| (f.cause, last(f))).collect();
    found.sort_by_key(|(cause, server)| (*server, cause.code()));
    found
}

#[test]
fn the_name_server_that_differs_is_named() {
    let usual =
        || vec![name_server("192.0.2.1", 7, "10 mx1"), name_server("192.0.2.2", 7, "10 mx1"), name_server("192.0.2.3", 7, "10 mx1")];
    let with = |change: &dyn Fn(&mut Vec<NameServerObservation>)| {
        let mut servers = usual();
        change(&mut servers);
        about_servers(servers)
    };
    assert_eq!(with(&|_| {}), []);
    // Most servers are right; the number of the zone's copy does not help against them.
    assert_eq!(with(&|s| s[1] = name_server("192.0.2.2", 7, "10 mx2")), [(Cause::ServerDiffers, 2)]);
    assert_eq!(with(&|s| s[1] = name_server("192.0.2.2", 6, "10 mx1")), [(Cause::ServerBehind, 2)]);
    // Of two, the newer one; serial numbers go round. (RFC 1982)
    let two = vec![name_server("192.0.2.1", u32::MAX, "10 mx1"), name_server("192.0.2.2", 1, "10 mx2")];
    assert_eq!(about_servers(two), [(Cause::ServerBehind, 1), (Cause::ServerDiffers, 1)]);
    // Of two with the same number nobody can say which is right.
    let two = vec![name_server("192.0.2.1", 7, "10 mx1"), name_server("192.0.2.2", 7, "10 mx2")];
    assert_eq!(about_servers(two), [(Cause::ServerDiffers, 1), (Cause::ServerDiffers, 2)]);
    assert_eq!(with(&|s| s[2].tcp = Some(false)), [(Cause::ServerNoTcp, 3)]);
    assert_eq!(with(&|s| s[2].tcp = None), []);
    let fail = |server: &mut NameServerObservation, which: std::ops::Range<usize>, how: LookupFailure| {
        server.answers[which].iter_mut().for_each(|a| *a = a.clone().failing(how));
    };
    assert_eq!(with(&|s| fail(&mut s[0], 0..2, LookupFailure::Timeout)), [(Cause::ServerSilent, 1)]);
    assert_eq!(with(&|s| fail(&mut s[0], 1..2, LookupFailure::Timeout)), [(Cause::ServerFails, 1)]);
    assert_eq!(with(&|s| fail(&mut s[0], 0..2, LookupFailure::Refused)), [(Cause::ServerFails, 1)]);
    // Where none of them answers, none of them differs.
    assert_eq!(with(&|s| s.iter_mut().for_each(|s| fail(s, 0..2, LookupFailure::Refused))), []);
    // R-127 rfc4035#4.3
    let bogus =
        |s: &mut Vec<NameServerObservation>| s[2].answers[1] = s[2].answers[1].clone().with_status(Security::Bogus, "rrsig-expired");
    assert_eq!(with(&bogus), [(Cause::ServerBogus, 3)]);
}

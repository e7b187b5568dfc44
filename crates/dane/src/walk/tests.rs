//! Every row of the decision table, and, with expectations read from RFC 7672 sections 2 and 3.2.2.
//!
//! The world of a test holds the answers that a sender may ask for and no others: a walk that asks anything else fails.

use super::*;
use crate::dns::LookupFailure::{Budget, Malformed, Notimp, Refused, Servfail, Timeout};
use crate::dns::Security::{Bogus, Indeterminate, Insecure, Secure};
use crate::testing::{NOW, a, aaaa, answer, cname, mx, name, tlsa, ttl};
use crate::verdict::Action::{Dane, Enc, Opp, Skip};
use crate::verdict::Delivery::{Bounce, Defer, Deliver};

const GOOD: &str = "3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d";
const PKIX: &str = "1 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d";
const SHORT: &str = "3 1 1 8d02536c";
const DOMAIN: &str = "example.nl";
const HOST: &str = "mx1.example.nl";

fn walk(world: &[Lookup]) -> Route {
    walk_with(&NextHop::Domain(name(DOMAIN)), &Rules::default(), world)
}

fn mandatory() -> Rules {
    Rules { demand: Demand::Mandatory, ..Rules::default() }
}

fn walk_with(next_hop: &NextHop, rules: &Rules, world: &[Lookup]) -> Route {
    let answers: HashMap<Query, Lookup> = world.iter().map(|l| (Query { name: l.name.clone(), rtype: l.rtype }, l.clone())).collect();
    route(next_hop, rules, &answers).unwrap_or_else(|query| panic!("a sender does not ask for {query}"))
}

/// MX and addresses of one host, all secure, and these TLSA answers.
fn one_host(more: &[Lookup]) -> Vec<Lookup> {
    let mut world = vec![mx(DOMAIN, &["10 mx1.example.nl."]), a(HOST, &["192.0.2.1"]), aaaa(HOST, &[])];
    world.extend_from_slice(more);
    world
}

fn asked(route: &Route) -> Vec<String> {
    route.queries.iter().map(ToString::to_string).collect()
}

fn only(route: &Route) -> &HostRoute {
    assert_eq!(route.hosts.len(), 1, "{:?}", route.hosts);
    &route.hosts[0]
}

fn names(host: &HostRoute) -> Vec<String> {
    host.names.iter().map(ToString::to_string).collect()
}

/// Everything that RFC 7672 section 2.1.1 calls a lookup failure.
fn errors(lookup: &Lookup) -> Vec<Lookup> {
    let failures = [Timeout, Servfail, Refused, Notimp, Malformed, crate::dns::LookupFailure::AliasLoop, Budget];
    let mut all: Vec<Lookup> = failures.into_iter().map(|f| lookup.clone().failing(f)).collect();
    all.push(lookup.clone().bogus("rrsig-wrong"));
    all.push(lookup.clone().with_status(Indeterminate, "fetch-failed"));
    let mut formerr = lookup.clone();
    formerr.rcode = 1;
    formerr.records.clear();
    all.push(formerr);
    all
}

#[test]
fn mx_errors_defer_and_ask_no_further() {
    // R-002 rfc7672#2.1.2
    for failed in errors(&mx(DOMAIN, &["10 mx1.example.nl."])) {
        let route = walk(std::slice::from_ref(&failed));
        assert_eq!((route.mx, route.delivery), (MxStage::Failed, Defer), "{failed:?}");
        assert!(route.hosts.is_empty());
        assert_eq!(asked(&route), ["example.nl MX"]);
    }
}

#[test]
fn every_mx_host_is_a_destination_of_its_own() {
    // R-003 rfc7672#2.2.1: one with usable records, one without any.
    let route = walk(&[
        mx(DOMAIN, &["20 mx2.example.nl.", "10 mx1.example.nl."]),
        a(HOST, &["192.0.2.1"]),
        aaaa(HOST, &[]),
        tlsa(HOST, &[]),
        a("mx2.example.nl", &["192.0.2.2"]),
        aaaa("mx2.example.nl", &[]),
        tlsa("mx2.example.nl", &[GOOD]),
    ]);
    // R-011 rfc7672#2.2.1: the host without TLSA records stays first, for it has the better preference.
    let hosts: Vec<_> = route.hosts.iter().map(|h| (h.host.to_string(), h.preference, h.action)).collect();
    assert_eq!(hosts, [("mx1.example.nl".to_owned(), 10, Opp), ("mx2.example.nl".to_owned(), 20, Dane)]);
    assert_eq!(route.delivery, Deliver);
    // R-016 rfc7672#2.2.2: of each host A and AAAA before TLSA.
    assert_eq!(
        asked(&route),
        [
            "example.nl MX",
            "mx1.example.nl A",
            "mx1.example.nl AAAA",
            "_25._tcp.mx1.example.nl TLSA",
            "mx2.example.nl A",
            "mx2.example.nl AAAA",
            "_25._tcp.mx2.example.nl TLSA",
        ]
    );
}

#[test]
fn insecure_mx_still_leads_to_host_level_dane() {
    // R-004 rfc7672#2.2.1
    let mut world = one_host(&[tlsa(HOST, &[GOOD])]);
    world[0] = mx(DOMAIN, &["10 mx1.example.nl."]).insecure("unsigned");
    let route = walk(&world);
    assert_eq!(only(&route).action, Dane);
    // R-069 rfc7672#3.2.2: then the MX host is the only reference identifier.
    assert_eq!(names(only(&route)), [HOST]);
    // The other reading, by knob: no TLSA query then.
    let none = Rules { insecure_mx: InsecureMx::Opportunistic, ..Rules::default() };
    let route = walk_with(&NextHop::Domain(name(DOMAIN)), &none, &world[..3]);
    assert_eq!((only(&route).action, only(&route).why), (Opp, Why::MxInsecure));
}

#[test]
fn mandatory_dane_below_insecure_mx_defers() {
    // R-005 rfc7672#2.2.1
    let world = [mx(DOMAIN, &["10 mx1.example.nl."]).insecure("unsigned")];
    let route = walk_with(&NextHop::Domain(name(DOMAIN)), &mandatory(), &world);
    assert_eq!((only(&route).action, route.delivery), (Skip, Defer));
    assert_eq!(asked(&route), ["example.nl MX"]);
}

#[test]
fn no_mx_record_is_an_implicit_mx() {
    // R-006 rfc5321#5.1: secure or insecure, the absence is an answer.
    for denial in [mx(DOMAIN, &[]), mx(DOMAIN, &[]).insecure("unsigned")] {
        let route = walk(&[denial, a(DOMAIN, &["192.0.2.9"]), aaaa(DOMAIN, &[]), tlsa(DOMAIN, &[GOOD])]);
        assert_eq!(route.mx, MxStage::Implicit);
        let host = only(&route);
        assert_eq!((host.host.to_string().as_str(), host.preference, host.action), (DOMAIN, 0, Dane));
        assert_eq!(names(host), [DOMAIN]);
    }
}

#[test]
fn no_such_domain_bounces() {
    // R-007 rfc5321#5.1: no A lookup of the domain.
    for denial in [mx(DOMAIN, &[]).nxdomain(), mx(DOMAIN, &[]).nxdomain().insecure("unsigned")] {
        let route = walk(&[denial]);
        assert_eq!((route.mx, route.delivery), (MxStage::NoSuchDomain, Bounce));
    }
}

#[test]
fn null_mx_bounces_and_asks_nothing() {
    // R-008 rfc7505#3: the preference SHOULD be 0; a root exchange alone says it.
    for null in ["0 .", "10 ."] {
        let route = walk(&[mx(DOMAIN, &[null])]);
        assert_eq!((route.mx, route.delivery, route.hosts.len()), (MxStage::Null, Bounce, 0));
        assert_eq!(asked(&route), ["example.nl MX"]);
    }
}

#[test]
fn null_mx_beside_others_is_never_looked_up() {
    // R-009 rfc7505#3
    let mut world = one_host(&[tlsa(HOST, &[GOOD])]);
    world[0] = mx(DOMAIN, &["0 .", "10 mx1.example.nl."]);
    let route = walk(&world);
    assert_eq!((route.mx, only(&route).action), (MxStage::Found, Dane));
}

#[test]
fn an_aliased_domain_is_followed() {
    // R-010 rfc7672#2.2.1: secure all the way; the alias and its end are reference identifiers.
    let mut world = one_host(&[tlsa(HOST, &[GOOD])]);
    world[0] = mx(DOMAIN, &["10 mx1.example.nl."]).via("mail.example.org", Secure).via("example.com", Secure);
    let route = walk(&world);
    assert_eq!(names(only(&route)), [HOST, DOMAIN, "example.com"]);
    // One insecure link makes the whole insecure.
    world[0] = mx(DOMAIN, &["10 mx1.example.nl."]).via("mail.example.org", Secure).via("example.com", Insecure);
    let route = walk(&world);
    assert_eq!(route.mx_answer.unwrap().status, Insecure);
    assert_eq!(names(only(&route)), [HOST]);
}

#[test]
fn no_host_with_an_address_is_no_reason_to_use_the_domains() {
    // R-012 rfc5321#5.1, R-020 rfc7672#2.2.2: the world has no A of the domain.
    let route = walk(&[mx(DOMAIN, &["10 mx1.example.nl."]), a(HOST, &[]).nxdomain(), aaaa(HOST, &[]).nxdomain()]);
    assert_eq!((only(&route).action, only(&route).why), (Skip, Why::NoAddress));
    assert_ne!(route.delivery, Deliver);
}

#[test]
fn dane_does_not_apply_to_addresses() {
    // R-013 rfc7672#2.2
    let literal = NextHop::Address("192.0.2.1".parse().unwrap());
    let route = walk_with(&literal, &Rules::default(), &[]);
    assert_eq!((route.delivery, route.queries.len()), (Deliver, 0));
    assert_eq!(walk_with(&literal, &mandatory(), &[]).delivery, Defer);
    // An MX record with an address: neither addresses nor TLSA are asked for.
    for address in ["192.0.2.1", "2001:db8::1"] {
        let route = walk(&[mx(DOMAIN, &[&format!("10 {address}.")])]);
        assert_eq!((only(&route).action, only(&route).why), (Opp, Why::MxIsAddress), "{address}");
    }
}

#[test]
fn a_relay_host_needs_no_mx_and_is_as_good_as_secure() {
    // R-014 rfc7672#2.2.2
    let relay = NextHop::Relay(name("relay.example.net"));
    let world = [
        a("relay.example.net", &["192.0.2.7"]),
        aaaa("relay.example.net", &[]),
        answer("_587._tcp.relay.example.net", Rtype::TLSA, &[GOOD]),
    ];
    // R-027 rfc7672#2.2.3: the port is that of the connection.
    let route = walk_with(&relay, &Rules { port: 587, ..mandatory() }, &world);
    assert_eq!((only(&route).action, route.delivery), (Dane, Deliver));
    assert_eq!(asked(&route)[0], "relay.example.net A");
}

#[test]
fn names_are_compared_without_case() {
    // R-015 rfc4343: one host, written in two ways, is one host; its base domain is not "another name" of the next hop.
    let mut world = one_host(&[tlsa(HOST, &[GOOD])]);
    world[0] = mx(DOMAIN, &["10 MX1.Example.NL.", "20 mx1.example.nl."]);
    let route = walk(&world);
    assert_eq!((only(&route).preference, only(&route).action), (10, Dane));
}

#[test]
fn insecure_addresses_are_the_end() {
    // R-017 rfc7672#2.2.2: the TLSA answer is not in the world; asking for it fails the test.
    let route =
        walk(&[mx(DOMAIN, &["10 mx1.example.nl."]), a(HOST, &["192.0.2.1"]).insecure("unsigned"), aaaa(HOST, &[]).insecure("unsigned")]);
    assert_eq!((only(&route).action, only(&route).why, route.delivery), (Opp, Why::AddressInsecure, Deliver));
}

#[test]
fn one_failing_family_does_not_spoil_the_other() {
    // R-018 rfc7672#2.1.2
    let good = [a(HOST, &["192.0.2.1"]), aaaa(HOST, &["2001:db8::1"])];
    for failed in errors(&good[1]) {
        let route = walk(&[mx(DOMAIN, &["10 mx1.example.nl."]), good[0].clone(), failed, tlsa(HOST, &[GOOD])]);
        assert_eq!(only(&route).action, Dane);
    }
    for failed in errors(&good[0]) {
        let route = walk(&[mx(DOMAIN, &["10 mx1.example.nl."]), failed, good[1].clone(), tlsa(HOST, &[GOOD])]);
        assert_eq!(only(&route).action, Dane);
    }
    // Both fail, or one fails and the other does not exist: nobody knows where to connect.
    for (first, second) in errors(&good[0]).into_iter().zip(errors(&good[1])) {
        for other in [second, aaaa(HOST, &[])] {
            let route = walk(&[mx(DOMAIN, &["10 mx1.example.nl."]), first.clone(), other]);
            assert_eq!((only(&route).action, only(&route).why, route.delivery), (Skip, Why::AddressFailed, Defer));
        }
    }
}

#[test]
fn families_of_different_security_are_a_matter_of_policy() {
    // one secure family is enough, unless the sender wants both.
    let (v4, v6) = (a(HOST, &["192.0.2.1"]), aaaa(HOST, &["2001:db8::1"]));
    for (first, second) in [(v4.clone().insecure("unsigned"), v6.clone()), (v4, v6.insecure("unsigned"))] {
        let world = [mx(DOMAIN, &["10 mx1.example.nl."]), first, second, tlsa(HOST, &[GOOD])];
        assert_eq!(only(&walk(&world)).action, Dane);
        let both = Rules { families: Families::Both, ..Rules::default() };
        let route = walk_with(&NextHop::Domain(name(DOMAIN)), &both, &world[..3]);
        assert_eq!((only(&route).action, only(&route).why), (Opp, Why::AddressInsecure));
    }
}

const END: &str = "host.provider.example";

/// MX, and a host that is an alias of `END` by way of a third name.
fn aliased(link: Security, end: Security) -> Vec<Lookup> {
    let through = |l: Lookup| {
        let l = l.via("middle.example.nl", link).via(END, Secure);
        let status = l.status.weakest(end);
        if status == Secure { l } else { l.with_status(status, "unsigned") }
    };
    vec![mx(DOMAIN, &["10 mx1.example.nl."]), through(a(HOST, &["192.0.2.1"])), through(aaaa(HOST, &[]))]
}

#[test]
fn a_secure_alias_has_two_candidates() {
    // R-021 rfc7672#2.2.3: the end first, then the beginning; "middle" is never asked for.
    let mut world = aliased(Secure, Secure);
    world.push(tlsa(END, &[GOOD]));
    let route = walk(&world);
    assert_eq!(only(&route).tlsa_base, Some(name(END)));
    // R-067 rfc7672#8.1, R-069 rfc7672#3.2.2
    assert_eq!(only(&route).sni, Some(name(END)));
    assert_eq!(names(only(&route)), [END, DOMAIN]);

    for nothing in [tlsa(END, &[]), tlsa(END, &[]).nxdomain(), tlsa(END, &[]).insecure("unsigned"), tlsa(END, &[GOOD]).insecure("unsigned")]
    {
        let mut world = aliased(Secure, Secure);
        world.extend([nothing, tlsa(HOST, &[GOOD])]);
        let route = walk(&world);
        assert_eq!((only(&route).tlsa_base.clone(), only(&route).action), (Some(name(HOST)), Dane));
        assert_eq!(only(&route).sni, Some(name(HOST)));
        assert_eq!(asked(&route)[3..], ["_25._tcp.host.provider.example TLSA", "_25._tcp.mx1.example.nl TLSA"]);
    }
}

#[test]
fn a_secure_alias_to_insecure_addresses_has_one_candidate() {
    // R-022 rfc7672#2.2.2: TLSA at the original name only, after a query for the first link alone.
    let mut world = aliased(Secure, Insecure);
    world.extend([cname(HOST, "middle.example.nl"), tlsa(HOST, &[GOOD])]);
    let route = walk(&world);
    assert_eq!((only(&route).tlsa_base.clone(), only(&route).action), (Some(name(HOST)), Dane));
    assert_eq!(asked(&route)[3..], ["mx1.example.nl CNAME", "_25._tcp.mx1.example.nl TLSA"]);
}

#[test]
fn an_insecure_alias_is_the_end() {
    // R-023 rfc7672#2.2.2
    let mut world = aliased(Insecure, Insecure);
    world.push(cname(HOST, "middle.example.nl").insecure("unsigned"));
    let route = walk(&world);
    assert_eq!((only(&route).action, only(&route).why), (Opp, Why::AliasInsecure));
}

#[test]
fn an_alias_that_cannot_be_validated_skips_the_host() {
    // R-024 rfc7672#2.1.2; an alias that has vanished in between, too.
    let link = cname(HOST, "middle.example.nl");
    let mut failed = errors(&link);
    failed.extend([answer(HOST, Rtype::CNAME, &[]), answer(HOST, Rtype::CNAME, &[]).nxdomain()]);
    for link in failed {
        let mut world = aliased(Secure, Insecure);
        world.push(link.clone());
        let route = walk(&world);
        assert_eq!((only(&route).action, only(&route).why, route.delivery), (Skip, Why::AliasFailed, Defer), "{link:?}");
    }
}

#[test]
fn a_synthesised_alias_counts_as_one() {
    // R-025 rfc7672#2.1.3: the lookup gives a CNAME made from a DNAME the status of the DNAME; the walk needs nothing more.
    let mut world = aliased(Secure, Secure);
    world.push(tlsa(END, &[GOOD]));
    assert_eq!(only(&walk(&world)).tlsa_base, Some(name(END)));
}

#[test]
fn an_alias_at_the_tlsa_name_does_not_move_the_base() {
    // R-028 rfc7672#2.2.3
    let route = walk(&one_host(&[tlsa(HOST, &[GOOD]).via("tlsa._dane.example.nl", Secure)]));
    assert_eq!((only(&route).tlsa_base.clone(), only(&route).sni.clone()), (Some(name(HOST)), Some(name(HOST))));
    // One insecure link is no secure RRset.
    let route = walk(&one_host(&[tlsa(HOST, &[GOOD]).via("tlsa._dane.example.nl", Insecure)]));
    assert_eq!((only(&route).action, only(&route).tlsa_base.clone()), (Opp, None));
}

#[test]
fn insecure_or_absent_records_mean_opportunistic() {
    let none = [
        // R-029 rfc7672#2.2.3
        tlsa(HOST, &[GOOD]).insecure("unsigned"),
        // R-030 rfc7672#2.1.1
        tlsa(HOST, &[]).insecure("unsigned"),
        tlsa(HOST, &[]).nxdomain().insecure("unsigned"),
        // R-032 rfc7672#2.2
        tlsa(HOST, &[]),
        tlsa(HOST, &[]).nxdomain(),
    ];
    for lookup in none {
        let route = walk(&one_host(std::slice::from_ref(&lookup)));
        assert_eq!((only(&route).action, only(&route).why, route.delivery), (Opp, Why::NoSecureTlsa, Deliver), "{lookup:?}");
        assert_eq!((only(&route).sni.clone(), names(only(&route)).len()), (None, 0));
        // R-035 rfc7672#6
        let route = walk_with(&NextHop::Domain(name(DOMAIN)), &mandatory(), &one_host(&[lookup]));
        assert_eq!((only(&route).action, route.delivery), (Skip, Defer));
    }
}

#[test]
fn an_error_at_tlsa_skips_the_host() {
    // R-031 rfc7672#2.1.2: not even the other candidate is tried; the world does not have it.
    for failed in errors(&tlsa(END, &[GOOD])) {
        let mut world = aliased(Secure, Secure);
        world.push(failed.clone());
        let route = walk(&world);
        assert_eq!((only(&route).action, only(&route).why, route.delivery), (Skip, Why::TlsaFailed, Defer), "{failed:?}");
    }
    // The second candidate fails.
    for failed in errors(&tlsa(HOST, &[GOOD])) {
        let mut world = aliased(Secure, Secure);
        world.extend([tlsa(END, &[]), failed]);
        assert_eq!(only(&walk(&world)).action, Skip);
    }
    // Another host takes the message.
    let mut world = one_host(&[tlsa(HOST, &[]).bogus("denial-wrong")]);
    world[0] = mx(DOMAIN, &["10 mx1.example.nl.", "20 mx2.example.nl."]);
    world.extend([a("mx2.example.nl", &["192.0.2.2"]), aaaa("mx2.example.nl", &[]), tlsa("mx2.example.nl", &[])]);
    let route = walk(&world);
    assert_eq!(route.hosts.iter().map(|h| h.action).collect::<Vec<_>>(), [Skip, Opp]);
    assert_eq!(route.delivery, Deliver);
}

#[test]
fn one_usable_record_is_dane_and_none_is_encryption() {
    // R-033 rfc7672#2.2
    let route = walk(&one_host(&[tlsa(HOST, &[SHORT, GOOD, PKIX])]));
    assert_eq!((only(&route).action, only(&route).usable, only(&route).records.len()), (Dane, 1, 3));
    // R-034 rfc7672#2.2, R-043 rfc7672#3.1.3
    for unusable in [SHORT, PKIX, "9 1 1 00", "3 9 1 00", "3 1 9 00", "\\# 2 0301"] {
        let route = walk(&one_host(&[tlsa(HOST, &[unusable])]));
        assert_eq!((only(&route).action, only(&route).usable, route.delivery), (Enc, 0, Deliver), "{unusable}");
        assert_eq!(only(&route).sni, Some(name(HOST)));
        // R-035 rfc7672#6
        let route = walk_with(&NextHop::Domain(name(DOMAIN)), &mandatory(), &one_host(&[tlsa(HOST, &[unusable])]));
        assert_eq!((only(&route).action, route.delivery), (Skip, Defer));
    }
    // An unusable set at the expanded name is a secure set: the original name is not tried.
    let mut world = aliased(Secure, Secure);
    world.push(tlsa(END, &[SHORT]));
    assert_eq!((only(&walk(&world)).action, only(&walk(&world)).tlsa_base.clone()), (Enc, Some(name(END))));
}

#[test]
fn without_mx_the_original_next_hop_is_a_second_name() {
    // R-070 rfc7672#3.2.2
    let relay = NextHop::Relay(name("relay.example.nl"));
    let alias = |l: Lookup| l.via(END, Secure);
    let world = [alias(a("relay.example.nl", &["192.0.2.1"])), alias(aaaa("relay.example.nl", &[])), tlsa(END, &[GOOD])];
    let route = walk_with(&relay, &Rules::default(), &world);
    assert_eq!(names(only(&route)), [END, "relay.example.nl"]);
    // The base is the original name: it is the only one.
    let world = [world[0].clone(), world[1].clone(), tlsa(END, &[]), tlsa("relay.example.nl", &[GOOD])];
    let route = walk_with(&relay, &Rules::default(), &world);
    // R-068 rfc7672#3.2.2
    assert_eq!(names(only(&route)), ["relay.example.nl"]);
}

#[test]
fn the_rfcs_own_example() {
    // rfc7672#3.2.2: exchange.example.org and its three MX hosts.
    let next_hop = NextHop::Domain(name("exchange.example.org"));
    let ta = "2 0 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d";
    let exchange = mx("exchange.example.org", &["10 mx10.example.com.", "15 mx15.example.com.", "20 mx20.example.com."])
        .via("mail.example.org", Secure)
        .via("example.com", Secure);
    let world = [
        exchange,
        a("mx10.example.com", &["192.0.2.10"]),
        aaaa("mx10.example.com", &[]),
        tlsa("mx10.example.com", &[ta]),
        a("mx15.example.com", &["192.0.2.15"]).via("mxbackup.example.com", Secure),
        aaaa("mx15.example.com", &[]).via("mxbackup.example.com", Secure),
        tlsa("mxbackup.example.com", &[]).nxdomain(),
        tlsa("mx15.example.com", &[ta]),
        a("mx20.example.com", &["198.51.100.20"]).via("mxbackup.example.net", Secure),
        aaaa("mx20.example.com", &[]).via("mxbackup.example.net", Secure),
        tlsa("mxbackup.example.net", &[ta]),
    ];
    let route = walk_with(&next_hop, &Rules::default(), &world);
    let bases: Vec<Vec<String>> = route.hosts.iter().map(names).collect();
    let also = ["exchange.example.org", "example.com"];
    assert_eq!(bases[0], ["mx10.example.com", also[0], also[1]]);
    assert_eq!(bases[1], ["mx15.example.com", also[0], also[1]]);
    assert_eq!(bases[2], ["mxbackup.example.net", also[0], also[1]]);
}

#[test]
fn a_route_lives_as_long_as_its_shortest_answer() {
    // R-037 rfc4035#5.3.3: by TTL …
    let mut world = one_host(&[ttl(tlsa(HOST, &[GOOD]), 600)]);
    world[2].negative_ttl = Some(900);
    assert_eq!(walk(&world).expires, Some(NOW + 600));
    // … or by the end of a signature that comes earlier.
    world[3] = world[3].clone().signed_until(NOW + 60);
    assert_eq!(walk(&world).expires, Some(NOW + 60));
}

#[test]
fn the_machine_asks_what_the_function_asks() {
    // R-001 rfc7672#2.1.1: every decision rests on the status that validation gave.
    let world = one_host(&[tlsa(HOST, &[GOOD])]);
    let mut machine = Walk::new(NextHop::Domain(name(DOMAIN)), Rules::default());
    for expected in &world {
        let Step::Ask(query) = machine.step() else { panic!("it stopped before {}", expected.name) };
        assert_eq!((&query.name, query.rtype), (&expected.name, expected.rtype));
        machine.supply(query, expected.clone());
    }
    let Step::Done(route) = machine.step() else { panic!("it asks on") };
    assert_eq!(*route, walk(&world));
    assert_eq!(route.hosts[0].tlsa, Some(Answered { outcome: Outcome::Data, status: Secure }));
    assert_ne!(route.hosts[0].tlsa.unwrap().status, Bogus);
}

#[test]
fn many_hosts_are_bounded() {
    let records: Vec<String> = (0..200).map(|i| format!("10 mx{i}.192.0.2.1.")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let world: HashMap<Query, Lookup> = HashMap::from([(Query { name: name(DOMAIN), rtype: Rtype::MX }, mx(DOMAIN, &records))]);
    let mut machine = Walk::new(NextHop::Domain(name(DOMAIN)), Rules::default());
    machine.supply(Query { name: name(DOMAIN), rtype: Rtype::MX }, world.into_values().next().unwrap());
    let mut questions = 0;
    while let Step::Ask(query) = machine.step() {
        let lookup = answer(&query.name.to_string(), query.rtype, &[]);
        machine.supply(query, lookup);
        questions += 1;
        assert!(questions <= 5 * MAX_HOSTS);
    }
    assert_eq!(questions, 2 * MAX_HOSTS);
}

//! Proofs of absence, wildcards and aliases, one rule at a time.

mod support;

use std::rc::Rc;

use dnssec::{Outcome, ReasonCode, Security};
use domain::base::iana::Rtype;
use support::record::Rr;
use support::world::{Bend, Nsec3, World, Zone, records};

const SOA: &str = "example. 3600 IN SOA ns.example. host.example. 1 2 3 4 300";

fn world() -> (World, Rc<Zone>) {
    let world = World::new();
    let zone = world.zone("example.");
    (world, zone)
}

/// The outcome of a denial with these NSEC records, each signed by the zone.
fn denied(asked: &str, rcode: u16, nsecs: &[&str]) -> Outcome {
    let (world, zone) = world();
    names_are_no_cuts(&world, &zone);
    world.put(asked, rcode, vec![], zone.sets(&[&[SOA], nsecs].concat()));
    world.validate(asked)
}

/// Says that the names tests use are no delegations, so that what is bogus is not called unreachable.
fn names_are_no_cuts(world: &World, zone: &Zone) {
    for name in ["a", "b.a", "x", "y.x", "z.y.x", "w"] {
        let nsec = format!("{name}.example. NSEC \\000.{name}.example. TXT RRSIG NSEC");
        world.put(&format!("{name}.example. DS"), 0, vec![], zone.set(&nsec));
    }
}

fn says(outcome: &Outcome) -> (Security, Option<ReasonCode>, u16) {
    (outcome.status, outcome.reason.as_ref().map(|r| r.code), outcome.rcode)
}

const OK: (Security, Option<ReasonCode>, u16) = (Security::Secure, None, 0);
const NX: (Security, Option<ReasonCode>, u16) = (Security::Secure, None, 3);

#[track_caller]
fn bogus(outcome: &Outcome, why: ReasonCode) {
    assert_eq!((outcome.status, outcome.reason.as_ref().map(|r| r.code)), (Security::Bogus, Some(why)), "{outcome:?}");
}

// R-116 rfc4035#5.4 rfc6840#4.3
#[test]
fn no_data_by_nsec() {
    let outcome = denied("a.example. MX", 0, &["a.example. NSEC x.example. A RRSIG NSEC"]);
    assert_eq!(says(&outcome), OK);
    assert_eq!((outcome.negative_ttl, outcome.expires), (Some(300), support::world::NOW + 300));
    bogus(&denied("a.example. MX", 0, &["a.example. NSEC x.example. MX RRSIG NSEC"]), ReasonCode::DenialWrong);
    bogus(&denied("a.example. MX", 0, &["a.example. NSEC x.example. CNAME RRSIG NSEC"]), ReasonCode::DenialWrong);
    assert_eq!(says(&denied("a.example. CNAME", 0, &["a.example. NSEC x.example. A RRSIG NSEC"])), OK);
    bogus(&denied("a.example. MX", 0, &["x.example. NSEC y.example. A RRSIG NSEC"]), ReasonCode::DenialWrong);
    bogus(&denied("a.example. MX", 0, &[]), ReasonCode::DenialMissing);
}

// R-117 rfc4035#5.4
#[test]
fn no_name_by_nsec() {
    let (name, wildcard) = ("x.example. NSEC zz.example. A RRSIG NSEC", "example. NSEC a.example. NS SOA RRSIG NSEC DNSKEY");
    assert_eq!(says(&denied("y.example. A", 3, &[name, wildcard])), NX);
    bogus(&denied("y.example. A", 3, &[name]), ReasonCode::DenialWrong);
    bogus(&denied("a.example. A", 3, &[name, wildcard]), ReasonCode::DenialWrong);
    // The last record of the zone goes round to the apex, and only there.
    assert_eq!(says(&denied("y.example. A", 3, &["x.example. NSEC example. A RRSIG NSEC", wildcard])), NX);
    bogus(&denied("w.example. A", 3, &["w.a.example. NSEC a.example. A RRSIG NSEC", wildcard]), ReasonCode::DenialWrong);
    // One record for both.
    assert_eq!(says(&denied("y.example. A", 3, &["example. NSEC zz.example. NS SOA RRSIG NSEC DNSKEY"])), NX);
    // The wildcard exists.
    bogus(&denied("z.y.x.example. A", 3, &["x.example. NSEC *.x.example. A", "*.x.example. NSEC zz.example. A"]), ReasonCode::DenialWrong);
    // The proof that the name is there without the type puts the response code right.
    assert_eq!(says(&denied("a.example. MX", 3, &["a.example. NSEC x.example. A RRSIG NSEC"])), OK);
}

// R-117 rfc4035#5.4: compact denial, RFC 9824 section 3.1, with either response code.
#[test]
fn a_name_that_nxname_denies_does_not_exist() {
    let absent = "a.example. NSEC \\000.a.example. RRSIG NSEC TYPE128";
    for rcode in [0, 3] {
        assert_eq!(says(&denied("a.example. MX", rcode, &[absent])), NX, "{rcode}");
    }
    assert_eq!(says(&denied("a.example. MX", 0, &["a.example. NSEC \\000.a.example. RRSIG NSEC"])), OK, "an empty name");
    // It speaks of its owner only.
    let outcome = denied("a.example. MX", 0, &["a.example. NSEC x.example. A RRSIG NSEC", "x.example. NSEC y.example. RRSIG NSEC TYPE128"]);
    assert_eq!(says(&outcome), OK);
}

// R-118 rfc4035#3.1.3.4 rfc4592#2.2.2
#[test]
fn wildcard_no_data_and_empty_names_by_nsec() {
    // An empty non-terminal: the next name lies below it.
    assert_eq!(says(&denied("x.example. A", 0, &["a.example. NSEC y.x.example. A RRSIG NSEC"])), OK);
    bogus(&denied("x.example. A", 3, &["a.example. NSEC y.z.example. A RRSIG NSEC"]), ReasonCode::DenialWrong);
    // A wildcard without the type.
    let nothing = "example. NSEC *.example. NS SOA RRSIG NSEC DNSKEY";
    assert_eq!(says(&denied("a.example. MX", 0, &["*.example. NSEC x.example. TXT RRSIG NSEC"])), OK);
    bogus(&denied("a.example. MX", 0, &["*.example. NSEC x.example. MX RRSIG NSEC"]), ReasonCode::DenialWrong);
    bogus(&denied("x.example. MX", 0, &[nothing, "*.example. NSEC a.example. TXT RRSIG NSEC"]), ReasonCode::DenialWrong);
    // An empty non-terminal is no NXDOMAIN, and NXDOMAIN is no empty answer.
    let both = ["x.example. NSEC zz.example. A RRSIG NSEC", "example. NSEC a.example. NS SOA RRSIG NSEC DNSKEY"];
    assert_ne!(denied("y.example. A", 0, &both).status, Security::Secure);
}

// R-119 rfc6840#4.1 rfc6840#4.4
#[test]
fn records_speak_only_for_their_side() {
    let wildcard = "example. NSEC a.example. NS SOA RRSIG NSEC DNSKEY";
    // A delegation or a DNAME says nothing of names below; a zone's apex does.
    for (types, status) in [("NS DS RRSIG NSEC", false), ("DNAME RRSIG NSEC", false), ("NS SOA RRSIG NSEC", true), ("A RRSIG NSEC", true)] {
        let outcome = denied("y.x.example. A", 3, &[&format!("x.example. NSEC zz.example. {types}"), wildcard]);
        assert_eq!(outcome.status == Security::Secure, status, "{types}");
    }
    // The parent's record does not deny types of the child: here the name is shown to be unsigned.
    let outcome = denied("a.example. A", 0, &["a.example. NSEC x.example. NS RRSIG NSEC"]);
    assert_eq!((outcome.status, outcome.reason.unwrap().code), (Security::Insecure, ReasonCode::Unsigned));
    // With a DS bit it is the business of the child.
    assert_ne!(denied("a.example. A", 0, &["a.example. NSEC x.example. NS DS RRSIG NSEC"]).status, Security::Secure);
    // The child's record does not deny DS.
    let (world, zone) = world();
    world.put("example. DS", 0, vec![], zone.sets(&[SOA, "example. NSEC a.example. NS SOA RRSIG NSEC DNSKEY"]));
    bogus(&world.validate("example. DS"), ReasonCode::DenialWrong);
    world.put("example. DS", 0, vec![], world.root.sets(&["example. NSEC f. NS RRSIG NSEC"]));
    assert_eq!(says(&world.validate("example. DS")), OK);
}

// R-120 rfc4035#5.2: a record of another zone, or from a wildcard, proves nothing.
#[test]
fn foreign_records_prove_nothing() {
    let (world, zone) = world();
    names_are_no_cuts(&world, &zone);
    let other = world.zone("other.");
    world.put("a.example. MX", 0, vec![], other.set("a.example. NSEC x.example. A RRSIG NSEC"));
    bogus(&world.validate("a.example. MX"), ReasonCode::DenialWrong);
    let wild = zone.bent("a.example. NSEC x.example. A RRSIG NSEC", Bend { labels: Some(1), ..Bend::default() });
    world.put("a.example. MX", 0, vec![], wild);
    bogus(&world.validate("a.example. MX"), ReasonCode::DenialMissing);
}

/// The outcome with these NSEC3 records.
fn hashed(asked: &str, rcode: u16, make: impl Fn(&Zone) -> Vec<Vec<Rr>>) -> Outcome {
    let (world, zone) = world();
    let records = [vec![zone.set(SOA)], make(&zone)].concat().concat();
    names_are_no_cuts(&world, &zone);
    world.put(asked, rcode, vec![], records);
    world.validate(asked)
}

/// Covers exactly one name.
fn cover(zone: &Zone, name: &str, n: Nsec3) -> Vec<Rr> {
    zone.nsec3(&format!("{name}-"), &format!("{name}+"), n, "TXT")
}

/// Matches exactly one name.
fn matching(zone: &Zone, name: &str, n: Nsec3, types: &str) -> Vec<Rr> {
    zone.nsec3(name, &format!("{name}+"), n, types)
}

const N: Nsec3 = Nsec3::PLAIN;
const OUT: Nsec3 = Nsec3::OPT_OUT;

// R-116 rfc5155#8.5 rfc5155#8.6
#[test]
fn no_data_by_nsec3() {
    let m = |types: &'static str| move |z: &Zone| vec![matching(z, "a.example.", N, types)];
    assert_eq!(says(&hashed("a.example. MX", 0, m("A RRSIG"))), OK);
    assert_eq!(says(&hashed("a.example. MX", 0, m(""))), OK, "an empty non-terminal");
    assert_eq!(hashed("a.example. MX", 0, m("MX RRSIG")).status, Security::Bogus);
    assert_eq!(hashed("a.example. MX", 0, m("CNAME RRSIG")).status, Security::Bogus);
    assert_eq!(says(&hashed("a.example. DS", 0, m("NS"))), OK);
    assert_eq!(hashed("a.example. DS", 0, m("NS SOA")).status, Security::Bogus);
    // R-119 rfc6840#4.4
    let outcome = hashed("a.example. A", 0, m("NS"));
    assert_eq!((outcome.status, outcome.reason.unwrap().code), (Security::Insecure, ReasonCode::Unsigned));
}

// R-117 rfc5155#8.4
#[test]
fn no_name_by_nsec3() {
    let parts = |z: &Zone, n: Nsec3| [matching(z, "example.", N, "NS SOA"), cover(z, "x.example.", n), cover(z, "*.example.", N)];
    assert_eq!(says(&hashed("y.x.example. A", 3, |z| parts(z, N).to_vec())), NX);
    // Each part is needed.
    for without in 0..3 {
        let outcome = hashed("y.x.example. A", 3, |z| {
            let mut parts = parts(z, N).to_vec();
            parts.remove(without);
            parts
        });
        assert_ne!(outcome.status, Security::Secure, "without {without}");
    }
    // R-121 rfc5155#9.2
    let outcome = hashed("y.x.example. A", 3, |z| parts(z, OUT).to_vec());
    assert_eq!((outcome.status, outcome.opt_out), (Security::Insecure, true));
    // R-119 rfc5155#8.3: the closest encloser must not be a delegation or DNAME.
    for types in ["NS", "DNAME RRSIG"] {
        let outcome = hashed("y.x.example. A", 3, |z| {
            vec![matching(z, "x.example.", N, types), cover(z, "y.x.example.", N), cover(z, "*.x.example.", N)]
        });
        assert_ne!(outcome.status, Security::Secure, "{types}");
    }
}

// R-118 rfc5155#8.7
#[test]
fn wildcard_no_data_by_nsec3() {
    let parts = |z: &Zone, n: Nsec3, types| {
        vec![matching(z, "example.", N, "NS SOA"), cover(z, "x.example.", n), matching(z, "*.example.", N, types)]
    };
    assert_eq!(says(&hashed("x.example. MX", 0, |z| parts(z, N, "A RRSIG"))), OK);
    assert_ne!(hashed("x.example. MX", 0, |z| parts(z, N, "MX RRSIG")).status, Security::Secure);
    assert_eq!(hashed("x.example. MX", 0, |z| parts(z, OUT, "A RRSIG")).status, Security::Insecure);
    // R-120 rfc5155#8.6: without a record for the name, only opt-out makes DS absent, and then insecure.
    let ds = |n| move |z: &Zone| vec![matching(z, "example.", N, "NS SOA"), cover(z, "x.example.", n)];
    assert_eq!(hashed("x.example. DS", 0, ds(OUT)).status, Security::Insecure);
    assert_eq!(hashed("x.example. DS", 0, ds(N)).status, Security::Bogus);
}

// R-122 rfc5155#8.1 rfc5155#8.2
#[test]
fn strange_nsec3_records_are_ignored() {
    let one = |n: Nsec3| move |z: &Zone| vec![matching(z, "a.example.", n, "A RRSIG")];
    assert_eq!(says(&hashed("a.example. MX", 0, one(Nsec3 { salt: b"salt", iterations: 3, ..N }))), OK);
    bogus(&hashed("a.example. MX", 0, one(Nsec3 { algorithm: 2, ..N })), ReasonCode::DenialMissing);
    bogus(&hashed("a.example. MX", 0, one(Nsec3 { flags: 2, ..N })), ReasonCode::DenialMissing);
    // Parts of one proof must hash alike; two whole proofs may stand side by side.
    let salted = Nsec3 { salt: b"x", ..N };
    let mixed = |z: &Zone| vec![matching(z, "example.", N, "NS SOA"), cover(z, "x.example.", salted), cover(z, "*.example.", N)];
    assert_ne!(hashed("x.example. A", 3, mixed).status, Security::Secure);
    let two = |z: &Zone| vec![matching(z, "a.example.", salted, "A RRSIG"), matching(z, "a.example.", N, "A RRSIG")];
    assert_eq!(says(&hashed("a.example. MX", 0, two)), OK);
}

// R-123 rfc9276#3.2   R-126 rfc9276#3.2
#[test]
fn many_iterations() {
    let outcome = |iterations, bogus_above| {
        let (mut world, zone) = world();
        world.policy.nsec3_bogus_above = bogus_above;
        world.put("a.example. MX", 0, vec![], matching(&zone, "a.example.", Nsec3 { iterations, ..N }, "A RRSIG"));
        names_are_no_cuts(&world, &zone);
        world.validate("a.example. MX")
    };
    assert_eq!(says(&outcome(50, u16::MAX)), OK);
    let high = outcome(51, u16::MAX);
    assert_eq!((high.status, high.reason.unwrap().ede), (Security::Insecure, Some(27)));
    bogus(&outcome(501, 500), ReasonCode::Nsec3Iterations);
    // The signature counts all the same.
    let (world, zone) = world();
    let mut records = matching(&zone, "a.example.", Nsec3 { iterations: 51, ..N }, "A RRSIG");
    *records.last_mut().unwrap().data.last_mut().unwrap() ^= 1;
    world.put("a.example. MX", 0, vec![], records);
    names_are_no_cuts(&world, &zone);
    bogus(&world.validate("a.example. MX"), ReasonCode::RrsigWrong);
}

// R-114 rfc4035#5.3.4 rfc5155#8.8
#[test]
fn a_wildcard_needs_a_proof() {
    let wild = Bend { labels: Some(1), ..Bend::default() };
    let outcome = |authority: &dyn Fn(&Zone) -> Vec<Rr>| {
        let (world, zone) = world();
        world.put("y.x.example. A", 0, zone.bent("y.x.example. A 192.0.2.1", wild), authority(&zone));
        world.validate("y.x.example. A")
    };
    let good = outcome(&|z| z.set("w.example. NSEC zz.example. A RRSIG NSEC"));
    assert_eq!((good.status, good.wildcard), (Security::Secure, true));
    bogus(&outcome(&|_| vec![]), ReasonCode::WildcardWrong);
    // It covers the name, but shows that something closer than the wildcard exists.
    bogus(&outcome(&|z| z.set("a.x.example. NSEC zz.example. A RRSIG NSEC")), ReasonCode::WildcardWrong);
    bogus(&outcome(&|z| z.set("w.example. NSEC z.x.example. A RRSIG NSEC")), ReasonCode::WildcardWrong);
    assert_eq!(outcome(&|z| cover(z, "x.example.", N)).status, Security::Secure);
    bogus(&outcome(&|z| cover(z, "y.x.example.", N)), ReasonCode::WildcardWrong);
    // R-121 rfc5155#6
    let out = outcome(&|z| cover(z, "x.example.", OUT));
    assert_eq!((out.status, out.opt_out), (Security::Insecure, true));
    // The wildcard itself, asked for by name, needs none.
    let (world, zone) = world();
    world.put("*.example. A", 0, zone.set("*.example. A 192.0.2.1"), vec![]);
    assert_eq!(says(&world.validate("*.example. A")), OK);
}

// R-124 rfc4035#5
#[test]
fn the_weakest_link_decides() {
    let (world, zone) = world();
    let alias = zone.set("a.example. CNAME b.plain.");
    world.put("a.example. A", 0, [alias.clone(), records("b.plain. A 192.0.2.1")].concat(), vec![]);
    world.put("plain. DS", 0, vec![], world.root.set("plain. NSEC q. NS RRSIG NSEC"));
    let outcome = world.validate("a.example. A");
    assert_eq!((outcome.status, outcome.aliases.len(), outcome.aliases[0].status), (Security::Insecure, 1, Security::Secure));
    assert_eq!(outcome.reason.unwrap().code, ReasonCode::Unsigned);
    // The target is asked for if the response ends in the middle.
    world.put("a.example. A", 0, alias, vec![]);
    world.put("b.plain. A", 0, records("b.plain. A 192.0.2.1"), vec![]);
    assert_eq!(world.validate("a.example. A").answer.unwrap().owner.to_string(), "b.plain");
    // An insecure alias to secure data is insecure.
    world.put("c.plain. A", 0, records("c.plain. CNAME d.example."), vec![]);
    world.put("d.example. A", 0, zone.set("d.example. A 192.0.2.2"), vec![]);
    let outcome = world.validate("c.plain. A");
    assert_eq!((outcome.status, outcome.answer.is_some(), outcome.signature.is_some()), (Security::Insecure, true, true));
    // A bogus alias ends it.
    let mut forged = zone.set("a.example. CNAME b.plain.");
    forged[0] = records("a.example. CNAME d.example.").remove(0);
    world.put("a.example. A", 0, forged, vec![]);
    names_are_no_cuts(&world, &zone);
    let outcome = world.validate("a.example. A");
    bogus(&outcome, ReasonCode::RrsigWrong);
    assert_eq!(outcome.aliases[0].status, Security::Bogus);
}

// R-124 rfc6672#5.3
#[test]
fn a_dname_makes_the_cname() {
    let (world, zone) = world();
    let dname = zone.set("x.example. DNAME w.example.");
    let a = zone.set("y.w.example. A 192.0.2.1");
    let put = |cname: &str| world.put("y.x.example. A", 0, [dname.clone(), records(cname), a.clone()].concat(), vec![]);
    put("y.x.example. CNAME y.w.example.");
    let outcome = world.validate("y.x.example. A");
    assert_eq!((says(&outcome), outcome.aliases[0].rtype), (OK, Rtype::DNAME));
    put("");
    assert_eq!(says(&world.validate("y.x.example. A")), OK, "it is made, not believed");
    put("y.x.example. CNAME evil.example.");
    bogus(&world.validate("y.x.example. A"), ReasonCode::CnameProofWrong);
    // A name that gets too long.
    let long = format!("{0}.{0}.{0}.{1}.", "l".repeat(63), "m".repeat(50));
    world.put("z.y.x.example. A", 6, zone.set(&format!("x.example. DNAME {long}")), vec![]);
    let asked = format!("{0}.x.example. A", "o".repeat(20));
    world.put(&asked, 6, zone.set(&format!("x.example. DNAME {long}")), vec![]);
    assert_eq!(says(&world.validate(&asked)), (Security::Secure, None, 6));
}

// R-124 rfc2181#10.1
#[test]
fn a_cname_stands_alone() {
    let (world, zone) = world();
    let both = zone.sets(&["a.example. A 192.0.2.1", "a.example. CNAME b.example."]);
    world.put("a.example. A", 0, both, vec![]);
    bogus(&world.validate("a.example. A"), ReasonCode::CnameProofWrong);
    let two = zone.set("a.example. CNAME b.example.\na.example. CNAME c.example.");
    world.put("a.example. MX", 0, two, vec![]);
    bogus(&world.validate("a.example. MX"), ReasonCode::CnameProofWrong);
}

// R-127 rfc4035#4.3: bogus is only what a chain of trust contradicts.
#[test]
fn a_malformed_alias_is_forged_only_where_it_must_be_signed() {
    let (world, zone) = world();
    world.put("plain. DS", 0, vec![], world.root.set("plain. NSEC q. NS RRSIG NSEC"));
    names_are_no_cuts(&world, &zone);
    let two_names = "CNAME b.plain.\n{} CNAME c.plain.";
    let dname = |zone: &str| format!("x.{zone} DNAME w.{zone}\ny.x.{zone} CNAME evil.{zone}");
    let two_dnames = |zone: &str| format!("x.{zone} DNAME w.{zone}\nx.{zone} DNAME v.{zone}");
    for (asked, text, detail) in [
        ("a.plain. MX", format!("a.plain. {}", two_names.replace("{}", "a.plain.")), "more than one CNAME"),
        ("y.x.plain. A", dname("plain."), "not what the DNAME makes"),
        ("y.x.plain. A", two_dnames("plain."), "more than one DNAME"),
    ] {
        world.put(asked, 0, records(&text), vec![]);
        let outcome = world.validate(asked);
        let reason = outcome.reason.unwrap();
        assert_eq!((outcome.status, reason.code), (Security::Indeterminate, ReasonCode::FetchError), "{asked}");
        assert!(reason.detail.contains(detail), "{reason}");
    }
    // Unsigned in a signed zone: forged.
    for text in [dname("example."), two_dnames("example.")] {
        world.put("y.x.example. A", 0, records(&text), vec![]);
        bogus(&world.validate("y.x.example. A"), ReasonCode::RrsigMissing);
    }
    let two = zone.set("x.example. DNAME w.example.\nx.example. DNAME v.example.");
    world.put("y.x.example. A", 0, two, vec![]);
    bogus(&world.validate("y.x.example. A"), ReasonCode::CnameProofWrong);
}

// R-107 rfc4035#5: a zone with a trust anchor is signed, whatever stands above it.
#[test]
fn an_unsigned_dname_does_not_replace_an_island_of_security() {
    let (mut world, _) = world();
    let island = Zone::new("corp.plain.", 257);
    world.keys(&island, &[island.key()]);
    world.put("plain. DS", 0, vec![], world.root.set("plain. NSEC q. NS RRSIG NSEC"));
    world.put("evil. DS", 0, vec![], world.root.set("evil. NSEC f. NS RRSIG NSEC"));
    let no_cut = island.set("www.corp.plain. NSEC \\000.www.corp.plain. A RRSIG NSEC");
    world.put("www.corp.plain. DS", 0, vec![], no_cut);
    let dname = "plain. DNAME evil.\nwww.corp.plain. CNAME www.corp.evil.\nwww.corp.evil. A 192.0.2.66";
    world.put("www.corp.plain. A", 0, records(dname), vec![]);
    world.put("www.corp.plain. CNAME", 0, records(dname.rsplit_once('\n').unwrap().0), vec![]);
    assert_eq!(world.validate("www.corp.plain. A").status, Security::Insecure, "without an anchor");
    let root = world.anchors.texts().join("\n");
    let key = data_encoding::BASE64.encode(&island.dnskey[4..]);
    world.anchors = dnssec::Anchors::parse(&format!("{root}\ncorp.plain. DNSKEY 257 3 13 {key}")).unwrap();
    for asked in ["www.corp.plain. A", "www.corp.plain. CNAME"] {
        bogus(&world.validate(asked), ReasonCode::RrsigMissing);
    }
    // Beside the island the DNAME holds as before.
    world.put("www.shop.plain. A", 0, records("plain. DNAME evil.\nwww.shop.evil. A 192.0.2.1"), vec![]);
    assert_eq!(world.validate("www.shop.plain. A").status, Security::Insecure);
}

// aliases end.
#[test]
fn aliases_have_an_end() {
    let (world, zone) = world();
    world.put("a.example. A", 0, zone.sets(&["a.example. CNAME b.example.", "b.example. CNAME a.example."]), vec![]);
    let outcome = world.validate("a.example. A");
    assert_eq!((outcome.status, outcome.reason.unwrap().code), (Security::Indeterminate, ReasonCode::AliasLoop));
    let long: Vec<Rr> = (0..40).flat_map(|n| zone.set(&format!("n{n}.example. CNAME n{}.example.", n + 1))).collect();
    world.put("n0.example. A", 0, long, vec![]);
    assert_eq!(world.validate("n0.example. A").reason.unwrap().code, ReasonCode::AliasLoop);
}

// R-125 rfc4035#4.9: what was not asked for is neither believed nor handed out.
#[test]
fn other_records_are_not_looked_at() {
    let (world, zone) = world();
    let mut answer = zone.set("a.example. A 192.0.2.1");
    answer.extend(records("bank.test. A 192.0.2.66\nb.example. CNAME c.example."));
    world.put("a.example. A", 0, answer, records("test. NS evil.test."));
    let outcome = world.validate("a.example. A");
    assert_eq!(says(&outcome), OK);
    assert_eq!(outcome.answer.unwrap().data, [vec![192, 0, 2, 1]]);
}

// R-117 CVE-2023-50868: a name of many labels costs no more than the budget.
#[test]
fn hashing_has_a_budget() {
    let (mut world, zone) = world();
    world.policy.max_hashes = 20;
    let deep = format!("{}example.", "l.".repeat(100));
    world.put(&format!("{deep} A"), 3, vec![], cover(&zone, "q.example.", N));
    let outcome = world.validate(&format!("{deep} A"));
    assert_eq!((outcome.status, outcome.reason.unwrap().code), (Security::Indeterminate, ReasonCode::Budget));
}

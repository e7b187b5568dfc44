//! Every scenario's zone answers what its recipe says, asked over the wire from the root down.

mod support;

use domain::base::iana::{Rcode, Rtype};
use domain::rdata::AllRecordData;
use lab::{Content, Group, Lab};
use scenario::Scenario;
use scenario::recipe::{Ds, Harm, Place, Route, Service, Signing, Spot, TlsaVia};
use std::sync::LazyLock;
use support::{Answer, Client, Failure, Section, count, name, records};

static LAB: LazyLock<Lab> = LazyLock::new(|| support::lab(0, Content::Catalogue));

fn client() -> Client {
    Client::new(&LAB)
}

/// Mail domain, first host, owner of its TLSA records.
fn names(s: &Scenario) -> (support::Name, support::Name, support::Name) {
    let mail = match s.recipe.route {
        Route::WildcardMx | Route::AliasedDomain => name(&format!("mail.{}.nl.", s.id)),
        _ => name(&format!("{}.nl.", s.id)),
    };
    let host = match s.recipe.hosts.first().map(|h| h.place) {
        _ if s.recipe.route == Route::Implicit => mail.clone(),
        Some(Place::Side | Place::AliasToSide) => name(&format!("mx1.{}-side.nl.", s.id)),
        _ => name(&format!("mx1.{}.nl.", s.id)),
    };
    let owner = name(&format!("_25._tcp.{host}."));
    (mail, host, owner)
}

fn services(s: &Scenario) -> Vec<Service> {
    s.recipe.zone.service.iter().chain(s.recipe.side.iter().flat_map(|z| &z.service)).copied().collect()
}

/// Scenarios whose whole DNS answers.
fn answering() -> impl Iterator<Item = &'static Scenario> {
    Scenario::all().iter().filter(|s| services(s).iter().all(|v| matches!(v, Service::TcpOnly)))
}

#[test]
fn mx_records_are_as_the_route_says() {
    let client = client();
    for s in answering() {
        let (mail, ..) = names(s);
        let answer = client.walk(&mail, Rtype::MX).unwrap_or_else(|e| panic!("{}: {e:?}", s.id));
        let wanted = match s.recipe.route {
            Route::Null | Route::Address | Route::NoSuchHost => 1,
            Route::Implicit | Route::NoSuchDomain => 0,
            Route::NullAndMx => s.recipe.hosts.len() + 1,
            Route::Mx | Route::WildcardMx | Route::AliasedDomain => s.recipe.hosts.len(),
        };
        // An alias into another zone must be followed by the client.
        let found = match s.recipe.route {
            Route::AliasedDomain => {
                assert_eq!(count(&answer.reply, Section::Answer, Rtype::CNAME), 1, "{}", s.id);
                count(&client.walk(&name(&format!("{}-side.nl.", s.id)), Rtype::MX).expect("MX").reply, Section::Answer, Rtype::MX)
            }
            _ => count(&answer.reply, Section::Answer, Rtype::MX),
        };
        assert_eq!(found, wanted, "{}", s.id);
        let gone = answer.reply.header().rcode() == Rcode::NXDOMAIN;
        assert_eq!(gone, s.recipe.route == Route::NoSuchDomain, "{}", s.id);
    }
}

#[test]
fn tlsa_records_are_as_many_as_the_recipe_has_with_its_fields() {
    let client = client();
    for s in answering().filter(|s| !s.recipe.hosts.is_empty() && s.recipe.hosts[0].place != Place::AliasLoop) {
        let host = &s.recipe.hosts[0];
        let (_, _, owner) = names(s);
        let mut answer = client.walk(&owner, Rtype::TLSA).unwrap_or_else(|e| panic!("{}: {e:?}", s.id));
        if matches!(host.tlsa_via, TlsaVia::Alias | TlsaVia::AliasToSide) {
            assert_eq!(count(&answer.reply, Section::Answer, Rtype::CNAME), 1, "{}", s.id);
        }
        if host.tlsa_via == TlsaVia::AliasToSide {
            answer = client.walk(&name(&format!("_dane.{}-side.nl.", s.id)), Rtype::TLSA).expect("TLSA");
        }
        let mut found: Vec<[u8; 3]> = Vec::new();
        for (.., data) in records(&answer.reply, Section::Answer) {
            if let AllRecordData::Tlsa(t) = data {
                found.push([t.usage().into(), t.selector().into(), t.matching_type().into()]);
            }
        }
        let mut wanted: Vec<[u8; 3]> = host.tlsa.iter().map(|t| [t.usage, t.selector, t.matching]).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{}", s.id);
    }
}

#[test]
fn the_parent_has_the_ds_that_the_recipe_says() {
    let client = client();
    for s in answering().filter(|s| s.recipe.route != Route::NoSuchDomain) {
        let (mail, ..) = names(s);
        let answer = client.walk(&mail, Rtype::SOA).expect("an answer");
        let wanted = usize::from(s.recipe.zone.ds != Ds::Missing);
        assert_eq!(answer.ds, wanted, "{}", s.id);
        let keys = client.walk(&name(&format!("{}.nl.", s.id)), Rtype::DNSKEY).expect("an answer");
        let withheld = s.recipe.zone.damage.iter().any(|d| d.how == Harm::Withheld);
        let wanted = match s.recipe.zone.signing {
            _ if withheld => 0,
            Signing::Unsigned => 0,
            Signing::OneKey(_) => 1,
            Signing::TwoKeys(_) => 2,
            Signing::CollidingTags(_) => 3,
            Signing::ManyKeys(_, idle) => usize::from(idle) + 1,
        };
        assert_eq!(count(&keys.reply, Section::Answer, Rtype::DNSKEY), wanted, "{}", s.id);
        if matches!(s.recipe.zone.signing, Signing::ManyKeys(..)) {
            assert!(keys.truncated, "{}", s.id);
        }
        if let Signing::CollidingTags(_) = s.recipe.zone.signing {
            let mut tags: Vec<u16> = records(&keys.reply, Section::Answer)
                .iter()
                .filter_map(|(.., d)| if let AllRecordData::Dnskey(k) = d { Some(k.key_tag()) } else { None })
                .collect();
            tags.sort_unstable();
            tags.dedup();
            assert_eq!(tags.len(), 2, "{}: three keys, two tags", s.id);
        }
    }
}

/// Signatures over the RRset in the answer: expiration and inception.
fn windows(answer: &Answer, rtype: Rtype) -> Vec<(i64, i64)> {
    let all = records(&answer.reply, Section::Answer);
    let of = |d: &support::Data| match d {
        AllRecordData::Rrsig(r) if r.type_covered() == rtype => Some((r.inception().into_int().into(), r.expiration().into_int().into())),
        _ => None,
    };
    all.iter().filter_map(|(.., d)| of(d)).collect()
}

#[test]
fn signatures_are_harmed_as_the_recipe_says_and_nowhere_else() {
    let (client, now) = (client(), support::now());
    for s in answering().filter(|s| s.recipe.zone.signing != Signing::Unsigned && s.recipe.hosts.len() == 1) {
        let (mail, host, owner) = names(s);
        if s.recipe.hosts[0].place != Place::Own || s.recipe.route != Route::Mx {
            continue;
        }
        for (spot, question, rtype) in [(Spot::Mx, mail, Rtype::MX), (Spot::A, host, Rtype::A), (Spot::Tlsa, owner, Rtype::TLSA)] {
            let answer = client.walk(&question, rtype).expect("an answer");
            if count(&answer.reply, Section::Answer, rtype) == 0 {
                continue;
            }
            let harm = s.recipe.zone.damage.iter().find(|d| d.at == spot).map(|d| d.how);
            let windows = windows(&answer, rtype);
            let [(inception, expiration)] = windows[..] else {
                assert!(windows.is_empty() && harm == Some(Harm::SignatureMissing), "{} {rtype}: {windows:?}", s.id);
                continue;
            };
            let valid = inception <= now && now <= expiration;
            match harm {
                Some(Harm::SignatureExpired) => assert!(expiration < now, "{}", s.id),
                Some(Harm::SignatureNotYetValid) => assert!(inception > now, "{}", s.id),
                Some(Harm::SignatureTimesReversed) => assert!(expiration < inception, "{}", s.id),
                _ => assert!(valid, "{} {rtype}", s.id),
            }
        }
    }
}

#[test]
fn negative_answers_carry_proofs_unless_the_recipe_harms_them() {
    let client = client();
    for s in answering().filter(|s| s.recipe.hosts.first().is_some_and(|h| h.tlsa.is_empty() && h.place == Place::Own)) {
        let (.., owner) = names(s);
        let answer = client.walk(&owner, Rtype::TLSA).expect("an answer");
        let proofs = count(&answer.reply, Section::Authority, Rtype::NSEC) + count(&answer.reply, Section::Authority, Rtype::NSEC3);
        let missing = s.recipe.zone.damage.iter().any(|d| d.how == Harm::ProofMissing);
        let signed = s.recipe.zone.signing != Signing::Unsigned;
        assert_eq!(proofs > 0, signed && !missing, "{}: {proofs} proofs", s.id);
        assert_eq!(count(&answer.reply, Section::Authority, Rtype::SOA), 1, "{}", s.id);
    }
}

#[test]
fn name_servers_misbehave_as_the_recipe_says() {
    let client = client();
    let mut seen = 0;
    for s in Scenario::all() {
        let (mail, _, owner) = names(s);
        for service in services(s) {
            let (question, failure) = match service {
                Service::Servfail(spot) => (spot, Failure::Rcode(Rcode::SERVFAIL)),
                Service::Refused(spot) => (spot, Failure::Rcode(Rcode::REFUSED)),
                Service::Silent(spot) => (spot, Failure::Silent),
                Service::TcpOnly => {
                    assert!(client.walk(&mail, Rtype::MX).expect("an answer over TCP").truncated, "{}", s.id);
                    continue;
                }
            };
            let at_tlsa = client.walk(&owner, Rtype::TLSA).err();
            assert_eq!(at_tlsa, Some(failure), "{} TLSA", s.id);
            let at_mx = client.walk(&mail, Rtype::MX).err();
            assert_eq!(at_mx, question.map_or(Some(failure), |_| None), "{} MX", s.id);
            seen += 1;
        }
    }
    assert!(seen >= 7, "{seen}");
}

#[test]
fn servers_refuse_what_is_not_theirs_and_other_operations() {
    let client = client();
    let root = LAB.roots()[0].1[0];
    let std::net::IpAddr::V4(root) = root else { panic!("IPv4") };
    let tld = client.walk(&name("nl."), Rtype::SOA).expect("SOA").server;
    assert_ne!(tld, root);
    let (reply, _) = client.ask(tld, &name("valid.com."), Rtype::MX).expect("a reply");
    assert_eq!(reply.header().rcode(), Rcode::REFUSED);
    let (reply, _) = client.ask(root, &name("valid.nl."), Rtype::DS).expect("a reply");
    assert!(!reply.header().aa() && count(&reply, Section::Authority, Rtype::NS) == 2, "a referral");
    assert_eq!(LAB.queries().last().map(|q| q.dnssec_ok && q.checking_disabled && !q.tcp), Some(true));
}

#[test]
fn the_catalogue_is_the_truth() {
    assert_eq!(LAB.truth().len(), Scenario::all().len());
    for (truth, s) in LAB.truth().iter().zip(Scenario::all()) {
        assert_eq!((truth.scenario.as_str(), truth.standing, truth.group), (s.id, s.receiver.standing, Group::Catalogue));
        assert_eq!(truth.tld, "nl");
        assert_eq!(truth.domain, names(s).0);
    }
}

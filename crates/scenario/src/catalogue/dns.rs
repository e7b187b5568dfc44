//! Routes to the hosts: MX, aliases, addresses; and name servers that do not answer.

use super::{Draft, PRIVATE, healthy, signed, unsigned};
use crate::recipe::{Damage, Harm, Place, Route, Service, Spot, TlsaVia, Zone};
use crate::{Scenario, Section, Sender};
use dane::cause::Cause;
use dane::verdict::Standing;

pub fn scenarios() -> Vec<Scenario> {
    let mut all = routes();
    all.extend(aliases());
    all.extend(other_aliases());
    all.extend(servers());
    all
}

fn routes() -> Vec<Scenario> {
    vec![
        healthy(Section::B, "null-mx", "No mail wanted", "`MX 0 .` (RFC 7505). That there is no DANE is no finding.")
            .route(Route::Null)
            .hosts(vec![])
            .sender(&[Sender::Bounce])
            .finds(Standing::NoMail, &[Cause::NullMx])
            .rests(&["R-008"]),
        healthy(Section::B, "null-mx-mixed", "Null MX beside a real one", "A publisher's error: the root is never looked up, the other hosts are used.")
            .route(Route::NullAndMx)
            .works(&[Cause::NullMxMixed])
            .rests(&["R-009"]),
        healthy(Section::B, "implicit-mx", "No MX record", "The absence of MX records is proven; the domain's own address takes the mail, with TLSA at `_25._tcp.<domain>`.")
            .route(Route::Implicit)
            .works(&[Cause::ImplicitMx])
            .rests(&["R-006"]),
        healthy(Section::B, "mx-wildcard", "MX from a wildcard", "The MX record is expanded from a wildcard one label up.").route(Route::WildcardMx).rests(&["R-114"]),
        healthy(Section::B, "mx-is-address", "MX names an IP address", "The record's host is an IP address written as a name. DANE does not apply to it: some senders connect to the address, others find no such host and return the mail.")
            .route(Route::Address)
            .hosts(vec![])
            .sender(&[Sender::Opp])
            .finds(Standing::Unprotected, &[Cause::MxIsAddress])
            .rests(&["R-013"]),
        healthy(Section::B, "mx-host-unresolvable", "MX host does not exist", "The record's host does not exist, and the domain's own address must not be used instead.")
            .route(Route::NoSuchHost)
            .hosts(vec![])
            .sender(&[Sender::Next, Sender::Bounce])
            .finds(Standing::Undeliverable, &[Cause::MxHostUnresolvable])
            .rests(&["R-012", "R-020"]),
        healthy(Section::B, "no-such-domain", "The domain does not exist", "A validated NXDOMAIN is an answer: the message is returned.")
            .route(Route::NoSuchDomain)
            .hosts(vec![])
            .sender(&[Sender::Bounce])
            .finds(Standing::Undeliverable, &[Cause::NoSuchDomain])
            .rests(&["R-007"]),
        healthy(Section::B, "mx-insecure", "MX records insecure, host secure", "The domain is unsigned, its provider's host has TLSA records. Senders use them for the host, and cannot claim that the mail went to the right host.")
            .zone(unsigned())
            .side(signed())
            .place(Place::Side)
            .sender(&[Sender::Dane])
            .finds(Standing::Unprotected, &[Cause::MxInsecure])
            .also(&[Cause::Unsigned])
            .rests(&["R-004"]),
        healthy(Section::B, "host-at-provider", "Host in a provider's zone", "Domain and provider's zone are signed: how most DANE domains are made.").side(signed()).place(Place::Side).rests(&["R-003", "R-033"]),
    ]
}

fn aliases() -> Vec<Scenario> {
    vec![
        healthy(
            Section::B,
            "mx-cname",
            "MX host is an alias",
            "SMTP forbids it, many do it. All links are secure, so the TLSA records are looked up at the alias' target.",
        )
        .side(signed())
        .place(Place::AliasToSide)
        .works(&[Cause::MxIsAlias])
        .rests(&["R-021", "R-026"]),
        healthy(
            Section::B,
            "mx-cname-tlsa-here",
            "MX host is an alias, TLSA at its own name",
            "There are no TLSA records at the alias' target, but at the alias' own name, which is the second candidate.",
        )
        .side(signed())
        .place(Place::AliasToSideTlsaHere)
        .works(&[Cause::MxIsAlias])
        .rests(&["R-021", "R-026"]),
        healthy(
            Section::B,
            "mx-cname-insecure-target",
            "MX host is an alias into an unsigned zone",
            "The alias itself is secure, its target is not: TLSA is looked up at the alias' own name only.",
        )
        .side(unsigned())
        .place(Place::AliasToSideTlsaHere)
        .works(&[Cause::MxIsAlias])
        .also(&[Cause::AddressInsecure, Cause::Unsigned])
        .rests(&["R-022", "R-026"]),
        healthy(
            Section::B,
            "mx-cname-loop",
            "MX host is an alias of itself",
            "An alias chain without end is an error like any other lookup failure: the host is skipped.",
        )
        .place(Place::AliasLoop)
        .tlsa(&[])
        .fails(&[Cause::AliasLoop])
        .rests(&["R-010", "R-018"]),
    ]
}

fn other_aliases() -> Vec<Scenario> {
    vec![
        healthy(
            Section::B,
            "domain-cname",
            "The domain is an alias",
            "The mail domain is a CNAME into another secure zone, which has the MX records.",
        )
        .side(signed())
        .route(Route::AliasedDomain)
        .place(Place::Side)
        .rests(&["R-010"]),
        healthy(
            Section::B,
            "tlsa-cname",
            "TLSA behind an alias",
            "`_25._tcp.<host>` is a secure CNAME: common where many hosts share one record. The TLSA base domain stays the host.",
        )
        .via(TlsaVia::Alias)
        .presents(PRIVATE)
        .rests(&["R-028"]),
        healthy(
            Section::B,
            "tlsa-cname-insecure",
            "TLSA behind an alias into an unsigned zone",
            "The alias is secure, its target is not: as if there were no TLSA records.",
        )
        .side(unsigned())
        .via(TlsaVia::AliasToSide)
        .unprotected(&[Cause::Unsigned])
        .rests(&["R-028", "R-029"]),
    ]
}

fn servers() -> Vec<Scenario> {
    let second = |id, title, text, how| {
        let damage = [Spot::Mx, Spot::A, Spot::Tlsa].map(|at| Damage { at, how });
        // Which of them is asked first is chance.
        healthy(Section::B, id, title, text)
            .edit(|r| r.zone.second = damage.to_vec())
            .works(&[])
            .also(&[Cause::ServerBogus])
            .rests(&["R-115", "R-127"])
    };
    let tlsa_only = |id, title, text, service| healthy(Section::B, id, title, text).service(service).rests(&["R-031"]);
    vec![
        tlsa_only("tlsa-servfail", "SERVFAIL at TLSA", "The name servers answer the TLSA question with SERVFAIL. The host must be skipped: never opportunistic, that is just what an attacker would cause.", Service::Servfail(Some(Spot::Tlsa)))
            .fails(&[Cause::DnsServfail]),
        tlsa_only("tlsa-timeout", "Silence at TLSA", "The name servers never answer the TLSA question: broken load balancers and firewalls do that with types they do not know.", Service::Silent(Some(Spot::Tlsa)))
            .sender(&[Sender::Next, Sender::Defer])
            .finds(Standing::CouldNotTell, &[Cause::DnsTimeout]),
        tlsa_only("tlsa-refused", "REFUSED at TLSA", "The name servers refuse the TLSA question.", Service::Refused(Some(Spot::Tlsa))).fails(&[Cause::DnsRefused]),
        healthy(Section::B, "insecure-address-tlsa-poisoned", "Insecure host whose TLSA question fails", "The host lies in an unsigned zone, whose servers fail on TLSA. A sender that asks only below secure addresses never notices; one that asks anyway holds the mail for ever. (Hosts of a large provider were like that.)")
            .side(Zone { service: vec![Service::Servfail(Some(Spot::Tlsa))], ..unsigned() })
            .place(Place::Side)
            .tlsa(&[])
            .unprotected(&[Cause::AddressInsecure])
            .also(&[Cause::DnsServfail, Cause::Unsigned])
            .rests(&["R-016", "R-017"]),
        healthy(Section::B, "dns-tcp-only", "Name servers truncate everything", "Every answer over UDP is truncated; over TCP all is well.").service(Service::TcpOnly).rests(&["R-128"]),
        second("per-server-differs", "One of two name servers is stale", "The second name server has an old copy of the zone whose signatures have expired. Resolvers that ask again get the right answer from the first; whoever does not gets a bogus one, every other time.", Harm::SignatureExpired),
        second("open-resolver-lies", "One of two name servers knows no DNSSEC", "What answers in the place of the second name server leaves the signatures out: a forwarder, an open resolver, somebody who lies. Nobody who validates believes it.", Harm::SignatureMissing),
        healthy(Section::B, "zone-servfail", "SERVFAIL everywhere", "Every question for the domain is answered with SERVFAIL: an expired secondary.")
            .service(Service::Servfail(None))
            .defers(&[Cause::DnsServfail])
            .rests(&["R-002"]),
        healthy(Section::B, "zone-refused", "REFUSED everywhere", "The name servers do not know the zone: a lame delegation.")
            .service(Service::Refused(None))
            .defers(&[Cause::DnsRefused])
            .rests(&["R-002"]),
        healthy(Section::B, "zone-timeout", "Silence everywhere", "The name servers of the domain never answer.")
            .service(Service::Silent(None))
            .sender(&[Sender::Defer])
            .finds(Standing::CouldNotTell, &[Cause::DnsTimeout])
            .rests(&["R-002"]),
    ]
}

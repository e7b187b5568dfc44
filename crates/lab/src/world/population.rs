//! A population of mail domains with shares like those the studies found.
//!
//! P20 is Lee et al., "A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email" (2020); P22 is Lee et al., "Under the Hood of
//! DANE Mismanagement in SMTP" (2022). Shares are quotas, not chances: the same number of domains has the same counts for every seed.

use super::build::{Builder, Operator, TTL, zone};
use super::names;
use crate::Group;
use crate::dns::rdata::{self, below, name};
use dane::cause::Cause;
use dane::name::Name;
use dane::verdict::Standing;
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Ds, Signing};
use scenario::{Receiver, Scenario};

/// A share in thousandths of per cent, what it is of, and where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of what group, what part.
    pub what: &'static str,
    /// In 1/100,000.
    pub parts: u32,
    /// Source.
    pub source: &'static str,
}

const fn share(what: &'static str, parts: u32, source: &'static str) -> Share {
    Share { what, parts, source }
}

/// Share of the population in each top-level domain, and of those the share with TLSA records at any MX host.
const TLDS: [(&str, Share, Share); 5] = [
    ("com", share("domains in com", 30_000, "ours"), share("com: with TLSA", 700, "P20 table 1")),
    ("net", share("domains in net", 10_000, "ours"), share("net: with TLSA", 730, "P20 section 4.2")),
    ("org", share("domains in org", 10_000, "ours"), share("org: with TLSA", 730, "P20 section 4.2")),
    ("nl", share("domains in nl", 25_000, "ours"), share("nl: with TLSA", 9_800, "P20 table 1")),
    ("se", share("domains in se", 25_000, "ours"), share("se: with TLSA", 38_200, "P20 table 1")),
];

/// Of domains with TLSA: those that run their own mail server.
const SELF_MANAGED: Share =
    share("with TLSA: own mail server", 30_000, "ours; 0.5 % in P22 section 5.1, far too few to show their failures");
/// Of domains with TLSA at a provider: partial deployment, by whether they are in nl.
const PARTIAL_NL: Share = share("nl, at a provider: partial", 15_000, "P20 section 4.2");
const PARTIAL: Share = share("elsewhere, at a provider: partial", 5_000, "P20 section 4.2 (less than 5 %)");
/// Of domains with TLSA at a provider: invalid.
const PROVIDER_INVALID: Share = share("at a provider: invalid", 230, "P22 table 2");

/// What is wrong at domains that run their own mail server. What is left is right.
const SELF_MANAGED_FAULTS: [(&str, Share); 14] = [
    ("unsigned", share("own server: unsigned", 15_000, "P20 section 5.2 (85 % signed)")),
    ("ds-missing", share("own server: DS missing", 17_000, "P20 section 5.2 (20 % of the signed)")),
    ("stale-tlsa", share("own server: stale record", 4_550, "P22 section 5.2 (70 % of the mismatches)")),
    ("wrong-usage", share("own server: wrong usage", 380, "P20 section 5.3 (11.81 % of the mismatches, with the next)")),
    ("tlsa-wrong-selector", share("own server: wrong selector", 390, "P20 section 5.3")),
    ("digest-of-nothing", share("own server: digest of nothing", 300, "P22 table 4, rounded up")),
    (
        "tlsa-wrong-data",
        share("own server: unknown mismatch", 880, "P22 section 5.2: mismatches are 19.5 % of 33 % invalid; the rest of them"),
    ),
    ("rrsig-expired", share("own server: signature expired", 366, "P20 section 5.3 (66.5 % of 0.55 %)")),
    ("dnskey-missing", share("own server: no DNSKEY", 161, "P20 section 5.3 (29.2 % of 0.55 %)")),
    ("rrsig-wrong", share("own server: signature wrong", 23, "P20 section 5.3 (the rest of 0.55 %)")),
    ("starttls-not-offered", share("own server: no STARTTLS", 300, "P20 section 5.2")),
    ("smtp-blocked", share("own server: blocks us", 1_000, "ours")),
    ("ta-private", share("own server, right: usage 2", 2_800, "P22 section 6.3.1 (4.6 % of all)")),
    ("current-and-issuer", share("own server, right: usages 2 and 3", 2_650, "P22 section 6.3.1 (4.4 % of all)")),
];

/// Of domains without TLSA: signed, and of those without DS.
const OTHERS_SIGNED: Share = share("without TLSA: signed", 25_000, "ours");
const OTHERS_DS_MISSING: Share = share("without TLSA, signed: DS missing", 30_000, "P20 section 5.2, from Chung et al. 2017");

/// Every share that the population is made from.
pub const SHARES: [Share; 30] = {
    let mut all = [SELF_MANAGED; 30];
    let mut i = 0;
    while i < 5 {
        all[2 * i] = TLDS[i].1;
        all[2 * i + 1] = TLDS[i].2;
        i += 1;
    }
    all[11] = PARTIAL_NL;
    all[12] = PARTIAL;
    all[13] = PROVIDER_INVALID;
    let mut j = 0;
    while j < 14 {
        all[14 + j] = SELF_MANAGED_FAULTS[j].1;
        j += 1;
    }
    all[28] = OTHERS_SIGNED;
    all[29] = OTHERS_DS_MISSING;
    all
};

/// Mail providers: zone, the scenario that their hosts play, and its meaning for their customers.
const PROVIDERS: [(&str, &str); 7] = [
    ("nordmail.se.", "valid"),
    ("postbode.nl.", "ta-public"),
    ("mailhaven.net.", "current-and-next"),
    ("halfway-mail.nl.", "mx-without-tlsa"),
    ("tangled-mail.net.", "bad-mx-preferred"),
    ("bigmail.com.", "unsigned-without-tlsa"),
    ("plainpost.org.", "no-tlsa-nsec"),
];
const HALFWAY: usize = 3;
const TANGLED: usize = 4;
const WITHOUT: [usize; 2] = [5, 6];

/// How many of `total` a share is, to the nearest whole.
pub fn quota(total: usize, share: Share) -> usize {
    (total * share.parts as usize + 50_000) / 100_000
}

struct Provider {
    hosts: Vec<Name>,
    scenario: &'static str,
}

/// One domain to be made.
struct Plot {
    tld: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Own(&'static str),
    At(usize),
    Other { provider: usize, signing: Signing, ds: Ds },
}

/// Adds `count` domains.
pub fn populate(builder: &mut Builder, count: usize) {
    let providers = providers(builder);
    for (number, plot) in plots(count).into_iter().enumerate() {
        let domain = name(&format!("{}.{}.", names::label(&builder.seed, number), plot.tld));
        match plot.kind {
            Kind::Own(scenario) => own_server(builder, &domain, scenario, number),
            Kind::At(provider) => {
                let (signing, denial) = (customer_signing(number), customer_denial(number));
                customer(builder, &domain, &providers[provider], signing, Ds::Right, denial);
                let scenario = providers[provider].scenario;
                if let Some(known) = Scenario::find(scenario) {
                    builder.know(domain, Group::Population, scenario, &known.receiver);
                }
            }
            Kind::Other { provider, signing, ds } => {
                let provider = &providers[provider];
                customer(builder, &domain, provider, signing, ds, customer_denial(number));
                builder.know(domain, Group::Population, provider.scenario, &unprotected(provider.scenario, ds));
            }
        }
    }
}

/// A domain without TLSA has no DANE, whatever else is so.
fn unprotected(scenario: &str, ds: Ds) -> Receiver {
    let secure = ds == Ds::Right && scenario == "no-tlsa-nsec";
    let (causes, also) = if secure { (vec![Cause::NoTlsa], vec![]) } else { (vec![], vec![Cause::DsMissing]) };
    Receiver { standing: Standing::Unprotected, causes, also }
}

/// Who is what: quotas by top-level domain, in a fixed order.
fn plots(count: usize) -> Vec<Plot> {
    let mut plots = Vec::with_capacity(count);
    let mut sizes: Vec<usize> = TLDS.iter().map(|(_, part, _)| quota(count, *part)).collect();
    // Rounding must not lose or gain a domain.
    let placed: usize = sizes.iter().skip(1).sum();
    sizes[0] = count.saturating_sub(placed);
    let with_tlsa: Vec<usize> = TLDS.iter().zip(&sizes).map(|((.., tlsa), size)| quota(*size, *tlsa)).collect();
    let all_tlsa: usize = with_tlsa.iter().sum();
    let mut own = own_kinds(quota(all_tlsa, SELF_MANAGED)).into_iter();
    let mut invalid = quota(all_tlsa, PROVIDER_INVALID);
    for ((tld, ..), (size, tlsa)) in TLDS.iter().zip(sizes.iter().zip(&with_tlsa)) {
        let own_here = quota(*tlsa, SELF_MANAGED);
        let outsourced = tlsa - own_here;
        let partial = quota(outsourced, if *tld == "nl" { PARTIAL_NL } else { PARTIAL });
        let others = size - tlsa;
        let signed = quota(others, OTHERS_SIGNED);
        let no_ds = quota(signed, OTHERS_DS_MISSING);
        let mut add = |kind| plots.push(Plot { tld, kind });
        for _ in 0..own_here {
            add(Kind::Own(own.next().unwrap_or("valid")));
        }
        for i in 0..outsourced {
            let broken = i >= partial && invalid > 0;
            invalid -= usize::from(broken);
            add(Kind::At(if i < partial {
                HALFWAY
            } else if broken {
                TANGLED
            } else {
                i % 3
            }));
        }
        for i in 0..others {
            let signing = if i < signed { customer_signing(i) } else { Signing::Unsigned };
            let ds = if i < no_ds || i >= signed { Ds::Missing } else { Ds::Right };
            add(Kind::Other { provider: WITHOUT[usize::from(i % 3 == 0)], signing, ds });
        }
    }
    plots
}

/// The scenarios of domains with their own mail server, spread so that each top-level domain gets some of all.
fn own_kinds(count: usize) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = SELF_MANAGED_FAULTS.iter().flat_map(|(id, s)| std::iter::repeat_n(*id, quota(count, *s))).collect();
    kinds.truncate(count);
    kinds.resize(count, "valid");
    // A step coprime to the count visits every place once.
    let step = (count / 3..).find(|s| *s > 0 && gcd(*s, count) == 1).unwrap_or(1);
    (0..count).filter_map(|i| kinds.get(i * step % count.max(1)).copied()).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn customer_signing(number: usize) -> Signing {
    match number % 20 {
        0 => Signing::OneKey(Algorithm::RsaSha256),
        1 => Signing::OneKey(Algorithm::Ed25519),
        2..6 => Signing::TwoKeys(Algorithm::EcdsaP256),
        _ => Signing::OneKey(Algorithm::EcdsaP256),
    }
}

fn customer_denial(number: usize) -> Denial {
    if number % 5 < 2 { Denial::Nsec3 { iterations: 0 } } else { Denial::Nsec }
}

fn providers(builder: &mut Builder) -> Vec<Provider> {
    let mut out = Vec::new();
    for (i, (zone, scenario)) in PROVIDERS.into_iter().enumerate() {
        let known = Scenario::find(if scenario == "unsigned-without-tlsa" { "no-tlsa-nsec" } else { scenario });
        let Some(mut recipe) = known.map(|s| s.recipe.clone()) else { continue };
        if scenario == "unsigned-without-tlsa" {
            (recipe.zone.signing, recipe.zone.ds) = (Signing::Unsigned, Ds::Missing);
        }
        if let [only] = recipe.hosts.as_slice() {
            recipe.hosts.push(only.clone());
        }
        let (apex, operator) = (name(zone), operator(builder, i));
        let played = builder.play(&recipe, &apex, &below("side", &apex), &operator);
        out.push(Provider { hosts: played.hosts, scenario });
    }
    out
}

fn operator(builder: &Builder, number: usize) -> Operator {
    builder.operators[number % (builder.operators.len() - 1)].clone()
}

/// A domain at a provider.
fn customer(builder: &mut Builder, domain: &Name, provider: &Provider, signing: Signing, ds: Ds, denial: Denial) {
    let operator = operator(builder, builder.plans.len());
    let mut plan = zone(domain, signing, denial, &operator);
    plan.ds = ds;
    for (i, host) in provider.hosts.iter().enumerate() {
        plan.add(domain, Rtype::MX, TTL, rdata::mx(10 * (i as u16 + 1), host));
    }
    builder.plans.push(plan);
}

/// A domain with its own mail server; every second one runs its own name servers, too.
fn own_server(builder: &mut Builder, domain: &Name, scenario: &str, number: usize) {
    let Some(known) = Scenario::find(scenario) else { return };
    let operator = if number.is_multiple_of(2) { builder.self_run(domain) } else { operator(builder, number) };
    let played = builder.play(&known.recipe, domain, &below("side", domain), &operator);
    builder.know(played.mail, Group::Population, scenario, &known.receiver);
}

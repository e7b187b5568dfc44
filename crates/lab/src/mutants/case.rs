//! A case: a small zone, what is done to it, and what is asked about it.

use super::operator::Operator;
use crate::dns::rdata::{self, below, name};
use crate::dns::zone::{Place, ZonePlan};
use crate::seed::Seed;
use crate::world::{self, Operator as Servers};
use dane::name::{Name, fqdn};
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Signing};
use std::net::Ipv4Addr;

const TTL: u32 = 3600;
/// Questions of a case, at most.
const ASKED: usize = 9;
/// Where the zones of cases lie: by the kinds of proof that registries use.
pub const PARENTS: [(&str, Denial); 3] =
    [("nsec.", Denial::Nsec), ("hash.", Denial::Nsec3 { iterations: 0 }), ("open.", Denial::Nsec3OptOut)];

/// What the true answer to a question is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Records at the apex, keys among them.
    Apex,
    /// Records.
    Data,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// An empty non-terminal.
    Empty,
    /// Records from a wildcard.
    Wild,
    /// A wildcard without the type.
    WildNoData,
    /// A CNAME, or two, to records of the zone.
    Alias,
    /// A CNAME to a name that does not exist.
    Dangling,
    /// A CNAME or DNAME to the zone of the next case.
    Away,
    /// CNAMEs without an end.
    Loop,
    /// By a DNAME to records of the zone.
    Dname,
    /// By a DNAME to nothing.
    DnameNone,
    /// The DS record of a signed zone below.
    Ds,
    /// That there is no DS record of an unsigned zone below.
    NoDs,
    /// Records of the signed zone below, or that there are none.
    BelowSigned,
    /// Records of the unsigned zone below.
    BelowUnsigned,
}

/// A question of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The name, with the final dot.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: &'static str,
    /// What the true answer is like.
    pub kind: Kind,
}

/// A zone that was mutated, and what to ask about it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its number: with the seed, all that makes it.
    pub number: usize,
    /// The zone, with the final dot.
    pub apex: String,
    /// Its keys.
    pub signing: Signing,
    /// Its proofs.
    pub denial: Denial,
    /// What was done to it, and the question that each aims at.
    pub operators: Vec<(Operator, Ask)>,
    /// The next case: aliases lead to its zone.
    pub beyond: Beyond,
    /// What to ask.
    pub asks: Vec<Ask>,
}

/// What there is to know of the case that aliases lead to.
#[derive(Clone, Debug)]
pub struct Beyond {
    /// Its keys.
    pub signing: Signing,
    /// Its proofs.
    pub denial: Denial,
    /// What was done to it.
    pub operators: Vec<Operator>,
}

use Kind::{Alias, Apex, Away, BelowSigned, BelowUnsigned, Dangling, Data, Dname, DnameNone, Ds, Empty, Loop};
use Kind::{NoData, NoDs, NxDomain, Wild, WildNoData};

/// All there is to ask: names relative to the apex.
const QUESTIONS: [(&str, &str, Kind); 39] = [
    ("", "MX", Apex),
    ("", "SOA", Apex),
    ("", "DNSKEY", Apex),
    ("", "TXT", Apex),
    ("", "AAAA", NoData),
    ("mail", "A", Data),
    ("mail", "AAAA", Data),
    ("mail", "TXT", NoData),
    ("_25._tcp.mail", "CAA", Data),
    ("_25._tcp.mail", "A", NoData),
    ("held.wild", "A", Data),
    ("held.wild", "TXT", NoData),
    ("under", "A", NoData),
    ("nope", "A", NxDomain),
    ("nope", "CAA", NxDomain),
    ("_25._tcp.nope", "CAA", NxDomain),
    ("zz.mail", "A", NxDomain),
    ("ent", "TXT", Empty),
    ("_tcp.mail", "CAA", Empty),
    ("x.wild", "A", Wild),
    ("y.x.wild", "TXT", Wild),
    ("x.wild", "CAA", WildNoData),
    ("x.walias", "A", Alias),
    ("alias", "A", Alias),
    ("alias6", "AAAA", Alias),
    ("chain", "A", Alias),
    ("aliast", "TXT", Dangling),
    ("dangling", "A", Dangling),
    ("away", "A", Away),
    ("post.far", "A", Away),
    ("loop", "A", Loop),
    ("host.tree", "A", Dname),
    ("bush", "DNAME", Data),
    ("nope.wood", "A", DnameNone),
    ("safe", "DS", Ds),
    ("sub", "DS", NoDs),
    ("host.safe", "A", BelowSigned),
    ("nope.safe", "A", BelowSigned),
    ("host.sub", "A", BelowUnsigned),
];

impl Ask {
    fn new(apex: &Name, (label, rtype, kind): (&str, &'static str, Kind)) -> Self {
        let owner = if label.is_empty() { apex.clone() } else { below(label, apex) };
        Self { name: fqdn(&owner), rtype, kind }
    }

    /// Name and type as the server reads them.
    pub(crate) fn place(&self) -> Place {
        (name(&self.name), self.rtype.parse().unwrap_or(Rtype::A))
    }
}

impl Case {
    /// The case of a number.
    pub(crate) fn new(seed: &Seed, number: usize) -> Self {
        let own = own_seed(seed, number);
        let apex = apex(seed, number);
        let all = Self::every_ask(&apex);
        let operators = draw_all(&own, &all);
        let next = own_seed(seed, number + 1);
        let beyond = Beyond {
            signing: signing(&next),
            denial: denial(&next),
            operators: draw_all(&next, &all).into_iter().map(|(operator, _)| operator).collect(),
        };
        let mut asks: Vec<Ask> = Vec::new();
        let others = (0..ASKED).map(|n| all[own.child(&format!("ask {n}")).below(all.len())].clone());
        for ask in operators.iter().map(|(_, aim)| aim.clone()).chain(others) {
            if asks.len() < ASKED && !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        Self { number, apex: fqdn(&apex), signing: signing(&own), denial: denial(&own), operators, beyond, asks }
    }

    /// All there is to ask of a zone.
    pub(crate) fn every_ask(apex: &Name) -> Vec<Ask> {
        QUESTIONS.iter().map(|question| Ask::new(apex, *question)).collect()
    }

    /// Its zone, the signed zone below, and the unsigned one.
    pub(crate) fn plans(&self, seed: &Seed, servers: &[Servers; 3], safe_ds: impl Fn(&ZonePlan) -> Option<rdata::Rdata>) -> [ZonePlan; 3] {
        let apex = name(&self.apex);
        let mut plan = world::zone(&apex, self.signing, self.denial, &servers[0]);
        fill(&mut plan, &apex, &self::apex(seed, self.number + 1));
        let below_it = |label: &str, signing, servers: &Servers| {
            let apex = below(label, &apex);
            let mut plan = world::zone(&apex, signing, Denial::Nsec, servers);
            plan.add(&below("host", &apex), Rtype::A, TTL, rdata::a(Ipv4Addr::new(192, 0, 2, 9)));
            plan
        };
        let safe = below_it("safe", Signing::OneKey(Algorithm::EcdsaP256), &servers[1]);
        let sub = below_it("sub", Signing::Unsigned, &servers[2]);
        for child in [&safe, &sub] {
            for (owner, rtype, data) in world::delegation(child, safe_ds(child).as_ref()) {
                plan.add(&owner, rtype, TTL, data);
            }
        }
        [plan, safe, sub]
    }
}

fn apex(seed: &Seed, number: usize) -> Name {
    let parent = PARENTS[seed.child(&format!("parent {number}")).below(PARENTS.len())].0;
    below(&format!("c{number:05}"), &name(parent))
}

fn own_seed(seed: &Seed, number: usize) -> Seed {
    seed.child(&format!("case {number}"))
}

/// Of ten cases one is left as it is, and three are changed twice.
fn draw_all(own: &Seed, all: &[Ask]) -> Vec<(Operator, Ask)> {
    let count = [0, 1, 1, 1, 1, 1, 1, 2, 2, 2][own.child("how many").below(10)];
    (0..count).map(|n| draw(&own.child(&format!("operator {n}")), all)).collect()
}

fn draw(seed: &Seed, all: &[Ask]) -> (Operator, Ask) {
    let operator = Operator::ALL[seed.child("which").below(Operator::ALL.len())];
    let suited: Vec<&Ask> = all.iter().filter(|ask| operator.suits(ask.kind)).collect();
    (operator, suited[seed.child("aim").below(suited.len())].clone())
}

fn signing(seed: &Seed) -> Signing {
    use Algorithm::{EcdsaP256, EcdsaP384, Ed25519, Gost, RsaSha1, RsaSha256, RsaSha512};
    match seed.child("signing").below(100) {
        0..32 => Signing::OneKey(EcdsaP256),
        32..70 => Signing::TwoKeys(EcdsaP256),
        70..73 => Signing::CollidingTags(EcdsaP256),
        73..76 => Signing::OneKey(RsaSha256),
        76..81 => Signing::TwoKeys(RsaSha256),
        81..85 => Signing::OneKey(Ed25519),
        85..90 => Signing::TwoKeys(Ed25519),
        90..93 => Signing::TwoKeys(EcdsaP384),
        93..95 => Signing::OneKey(RsaSha512),
        95 => Signing::OneKey(RsaSha1),
        96 => Signing::TwoKeys(RsaSha512),
        97 => Signing::OneKey(Gost),
        _ => Signing::Unsigned,
    }
}

fn denial(seed: &Seed) -> Denial {
    match seed.child("denial").below(100) {
        0..40 => Denial::Nsec,
        40..81 => Denial::Nsec3 { iterations: 0 },
        81..86 => Denial::Nsec3 { iterations: [1, 10, 50, 51, 100, 150, 151, 200][seed.child("iterations").below(8)] },
        _ => Denial::Nsec3OptOut,
    }
}

fn fill(plan: &mut ZonePlan, apex: &Name, next: &Name) {
    let at = |label: &str| below(label, apex);
    let mut add = |label: &str, rtype, data| {
        let owner = if label.is_empty() { apex.clone() } else { at(label) };
        plan.add(&owner, rtype, TTL, data);
    };
    let address = |last| rdata::a(Ipv4Addr::new(192, 0, 2, last));
    add("", Rtype::MX, rdata::mx(10, &at("mail")));
    add("", Rtype::MX, rdata::mx(20, &below("mail", next)));
    add("", Rtype::TXT, rdata::txt("apex"));
    add("mail", Rtype::A, address(1));
    add("mail", Rtype::A, address(2));
    add("mail", Rtype::AAAA, rdata::aaaa(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)));
    add("_25._tcp.mail", Rtype::CAA, rdata::caa("issue", "ca.example"));
    add("*.wild", Rtype::A, address(3));
    add("*.wild", Rtype::TXT, rdata::txt("wild"));
    add("held.wild", Rtype::A, address(4));
    add("a.ent", Rtype::TXT, rdata::txt("below an empty non-terminal"));
    add("*.walias", Rtype::CNAME, rdata::target(&at("post")));
    add("alias", Rtype::CNAME, rdata::target(&at("post")));
    // Names that nobody asks for, so that only the answers to aliases are about them.
    add("post", Rtype::A, address(6));
    add("post", Rtype::AAAA, rdata::aaaa(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 6)));
    // Names of their own, for whoever remembers an alias asks no more for it.
    add("alias4", Rtype::CNAME, rdata::target(&at("post")));
    add("alias6", Rtype::CNAME, rdata::target(&at("post")));
    add("aliast", Rtype::CNAME, rdata::target(&at("post")));
    add("chain", Rtype::CNAME, rdata::target(&at("alias4")));
    add("dangling", Rtype::CNAME, rdata::target(&at("void")));
    add("away", Rtype::CNAME, rdata::target(&below("post", next)));
    add("far", Rtype::DNAME, rdata::target(next));
    add("loop", Rtype::CNAME, rdata::target(&at("pool")));
    add("pool", Rtype::CNAME, rdata::target(&at("loop")));
    add("tree", Rtype::DNAME, rdata::target(&at("under")));
    add("wood", Rtype::DNAME, rdata::target(&at("under")));
    add("bush", Rtype::DNAME, rdata::target(&at("under")));
    add("host.under", Rtype::A, address(5));
}

//! Where attacks are played: a signed root with the honest zones `good` (signed) and `plain` (not), and the attacker's zone `evil`, on servers in a thread of their own,
//! and a resolver whose processor time is measured in this one. Signing is done here, not with the code under test.

use crate::support::{Action, Log, Query, Via, World, name};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use domain::base::iana::Rtype;
use nix::sys::resource::{UsageWho, getrusage};
use resolve::{Anchors, Answer, Clock, Config, Counters, Mode, Name, Resolver, Security};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const NOW: i64 = 1_795_000_000;
const TTL: u32 = 300;
/// The address that honest servers give.
const HONEST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// A record.
#[derive(Clone)]
pub struct Rr {
    pub owner: Name,
    pub rtype: Rtype,
    pub data: Vec<u8>,
}

pub fn rr(owner: &Name, rtype: Rtype, data: impl Into<Vec<u8>>) -> Rr {
    Rr { owner: owner.clone(), rtype, data: data.into() }
}

pub fn a(owner: &Name, ip: Ipv4Addr) -> Rr {
    rr(owner, Rtype::A, ip.octets())
}

pub fn soa(apex: &Name) -> Rr {
    let names = [name("ns.invalid").as_slice(), name("hostmaster.invalid").as_slice()].concat();
    let numbers: Vec<u8> = [1, 3600, 600, 86_400, TTL].iter().flat_map(|number: &u32| number.to_be_bytes()).collect();
    rr(apex, Rtype::SOA, [names, numbers].concat())
}

/// A key that signs.
pub struct Key {
    pair: EcdsaKeyPair,
    pub rdata: Vec<u8>,
}

impl Key {
    /// ECDSA P-256.
    pub fn new(flags: u16) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let rdata = dnskey(flags, 13, &pair.public_key().as_ref()[1..]);
        Self { pair, rdata }
    }

    /// SHA-256.
    pub fn ds(&self, apex: &Name) -> Vec<u8> {
        let sum = digest(&SHA256, &[apex.as_slice(), &self.rdata].concat());
        [&tag(&self.rdata).to_be_bytes()[..], &[13, 2], sum.as_ref()].concat()
    }

    /// The signature of one RRset of the zone `apex`, all of whose records are given.
    pub fn sign(&self, apex: &Name, set: &[Rr]) -> Rr {
        let head = rrsig_head(apex, &set[0], 13, tag(&self.rdata));
        let mut message = head.clone();
        let mut data: Vec<&Vec<u8>> = set.iter().map(|record| &record.data).collect();
        data.sort();
        for data in data {
            message.extend_from_slice(set[0].owner.as_slice());
            message.extend_from_slice(&set[0].rtype.to_int().to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            message.extend_from_slice(&TTL.to_be_bytes());
            message.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend_from_slice(data);
        }
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        rr(&set[0].owner, Rtype::RRSIG, [&head, signature.as_ref()].concat())
    }

    /// The RRset and its signature.
    pub fn signed(&self, apex: &Name, set: &[Rr]) -> Vec<Rr> {
        [set, &[self.sign(apex, set)]].concat()
    }
}

fn rrsig_head(apex: &Name, first: &Rr, algorithm: u8, tag: u16) -> Vec<u8> {
    let mut head = first.rtype.to_int().to_be_bytes().to_vec();
    head.extend_from_slice(&[algorithm, u8::try_from(first.owner.label_count() - 1).unwrap()]);
    for number in [TTL, u32::try_from(NOW + 86_400).unwrap(), u32::try_from(NOW - 86_400).unwrap()] {
        head.extend_from_slice(&number.to_be_bytes());
    }
    head.extend_from_slice(&tag.to_be_bytes());
    head.extend_from_slice(apex.as_slice());
    head
}

/// A signature that looks right and is not: two random numbers below the order of the curve.
pub fn forged(apex: &Name, first: &Rr, algorithm: u8, tag: u16, number: u32) -> Rr {
    let length = if algorithm == 14 { 96 } else { 64 };
    let mut signature = vec![0x5a; length];
    signature[length / 2 - 4..length / 2].copy_from_slice(&number.to_be_bytes());
    rr(&first.owner, Rtype::RRSIG, [rrsig_head(apex, first, algorithm, tag), signature].concat())
}

fn dnskey(flags: u16, algorithm: u8, public: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes(), &[3, algorithm][..], public].concat()
}

/// RFC 4034 appendix B.
pub fn tag(rdata: &[u8]) -> u16 {
    let sum: u32 = rdata.iter().enumerate().map(|(at, octet)| u32::from(*octet) << if at % 2 == 0 { 8 } else { 0 }).sum();
    u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap()
}

/// Flags of a zone key that give it this tag, if there are any. Fourteen bits of the flags mean nothing to anybody (RFC 4034 section 2.1.1), but count in
/// the tag.
pub fn with_tag(algorithm: u8, public: &[u8], wanted: u16) -> Option<Vec<u8>> {
    let bare = tag(&dnskey(0, algorithm, public));
    // The sum may carry.
    let flags = [0, 1].map(|carry| wanted.wrapping_sub(bare).wrapping_sub(carry)).map(|flags| (flags & !0x0080) | 0x0100);
    flags.map(|flags| dnskey(flags, algorithm, public)).into_iter().find(|rdata| tag(rdata) == wanted)
}

/// Different ECDSA P-384 zone keys with one tag.
pub fn colliding(number: usize, wanted: u16) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    while keys.len() < number {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        keys.extend(with_tag(14, &pair.public_key().as_ref()[1..], wanted));
    }
    keys
}

/// A response: sections as given, owner names compressed where they end like the question. Truncated if it does not fit.
#[derive(Clone, Default)]
pub struct Reply {
    pub rcode: u8,
    pub referral: bool,
    pub answer: Vec<Rr>,
    pub authority: Vec<Rr>,
    pub additional: Vec<Rr>,
}

impl Reply {
    pub fn send(&self, query: &Query) -> Action {
        let whole = self.bytes(query);
        if query.via == Via::Udp && whole.len() > 1232 {
            return Action::Send(truncated(query));
        }
        assert!(whole.len() <= 65_535, "{} octets", whole.len());
        Action::Send(whole)
    }

    pub fn bytes(&self, query: &Query) -> Vec<u8> {
        let mut out = query.bytes[..2].to_vec();
        out.extend_from_slice(&[if self.referral { 0x80 } else { 0x84 }, self.rcode, 0, 1]);
        for section in [&self.answer, &self.authority, &self.additional] {
            out.extend_from_slice(&u16::try_from(section.len()).unwrap().to_be_bytes());
        }
        out.extend_from_slice(question(query));
        for record in [&self.answer, &self.authority, &self.additional].into_iter().flatten() {
            write_owner(&mut out, &record.owner, &query.name);
            out.extend_from_slice(&record.rtype.to_int().to_be_bytes());
            out.extend_from_slice(&[0, 1]);
            out.extend_from_slice(&TTL.to_be_bytes());
            out.extend_from_slice(&u16::try_from(record.data.len()).unwrap().to_be_bytes());
            out.extend_from_slice(&record.data);
        }
        out
    }
}

fn write_owner(out: &mut Vec<u8>, owner: &Name, asked: &Name) {
    // The longest end that both have in common, told by a pointer to the question.
    let common = asked.iter_suffixes().filter(|suffix| !suffix.is_root()).find(|suffix| owner.ends_with(suffix));
    match common {
        None => out.extend_from_slice(owner.as_slice()),
        Some(suffix) => {
            out.extend_from_slice(&owner.as_slice()[..owner.len() - suffix.len()]);
            let at = u16::try_from(12 + asked.len() - suffix.len()).unwrap();
            out.extend_from_slice(&(0xc000 | at).to_be_bytes());
        }
    }
}

fn question(query: &Query) -> &[u8] {
    &query.bytes[12..12 + query.name.len() + 4]
}

pub fn truncated(query: &Query) -> Vec<u8> {
    [&query.bytes[..2], &[0x86, 0, 0, 1, 0, 0, 0, 0, 0, 0], question(query)].concat()
}

/// What an attack came to.
pub struct Told {
    pub answers: Vec<Arc<Answer>>,
    pub cost: Counters,
    pub cpu: Duration,
}

/// The stage.
pub struct Stage {
    pub world: Arc<World>,
    servers: Runtime,
    runtime: Runtime,
    pub resolver: Resolver,
    /// What the server of `good` was asked.
    pub good: Log,
}

impl Stage {
    /// Root at .1, `good` at .3, `plain` at .5; `evil` to be at .2 and .4 with these DS records; unsigned if there are none.
    pub fn new(evil: &[Vec<u8>]) -> Self {
        let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = Arc::new(World::new());
        let (root, honest) = (Key::new(257), Key::new(257));
        let anchor: String = root.ds(&name(".")).iter().skip(4).map(|octet| format!("{octet:02X}")).collect();
        let anchor = format!(". 300 IN DS {} 13 2 {anchor}\n", tag(&root.rdata));
        let cuts = [
            (name("evil"), vec![2, 4], evil.to_vec()),
            (name("good"), vec![3], vec![honest.ds(&name("good"))]),
            (name("plain"), vec![5], vec![]),
        ];
        servers.block_on(world.serve(1, {
            let world = world.clone();
            move |query| root_answer(&root, &cuts, &world, query)
        }));
        let good = servers.block_on(world.serve(3, move |query| honest_answer(&honest, query)));
        servers.block_on(world.serve(5, |query| Reply { answer: vec![a(&query.name, HONEST)], ..Reply::default() }.send(query)));
        let roots = vec![(name("ns.root"), vec![IpAddr::V4(world.ip(1))])];
        let config = Config {
            mode: Mode::Iterative { roots },
            anchors: Anchors::parse(&anchor).unwrap(),
            clock: Clock::At(NOW),
            // The bounds under test are those that everybody has.
            budgets: Config::default().budgets,
            policy: Config::default().policy,
            timeouts: resolve::Timeouts { query: Duration::from_millis(500), tcp: Duration::from_secs(3), lookup: Duration::from_secs(20) },
            ..world.config()
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { world, servers, runtime, resolver: Resolver::new(config).unwrap(), good }
    }

    /// Another server.
    pub fn serve(&self, last: u8, script: impl Fn(&Query) -> Action + Send + Sync + 'static) -> Log {
        self.servers.block_on(self.world.serve(last, script))
    }

    /// The attacker's two servers, which say the same.
    pub fn evil(&self, script: impl Fn(&Query) -> Action + Send + Sync + 'static) -> [Log; 2] {
        let (script, other) = {
            let script = Arc::new(script);
            (script.clone(), script)
        };
        [self.serve(2, move |query| script(query)), self.serve(4, move |query| other(query))]
    }

    /// Asks these questions one after the other, as a survey does, and meanwhile and afterwards honest ones, whose answers must be right.
    pub fn ask(&self, questions: &[(&str, Rtype)]) -> Told {
        let before = (self.resolver.counters(), cpu());
        let answers = self.runtime.block_on(async {
            let attacked = async {
                let mut answers = Vec::new();
                for (owner, rtype) in questions {
                    answers.push(self.resolver.lookup(&name(owner), *rtype).await);
                }
                answers
            };
            let (answers, ..) = tokio::join!(attacked, self.neighbour("during.good"), self.neighbour("during.plain"));
            self.neighbour("after.good").await;
            self.neighbour("after.plain").await;
            answers
        });
        let (now, was) = (self.resolver.counters(), before.0);
        let cost = Counters {
            queries: now.queries - was.queries,
            replies: now.replies - was.replies,
            verifications: now.verifications - was.verifications,
            hashes: now.hashes - was.hashes,
        };
        let told = Told { answers, cost, cpu: cpu() - before.1 };
        for answer in &told.answers {
            let why = answer.reason.as_ref().map(|reason| reason.code.code()).or(answer.failure.map(resolve::Failure::code));
            println!("{} {}: {:?} {why:?}", answer.question.name, answer.question.rtype, answer.status);
        }
        println!("{:?} {:?}", told.cost, told.cpu);
        told
    }

    async fn neighbour(&self, owner: &str) {
        let answer = self.resolver.lookup(&name(owner), Rtype::A).await;
        let right = if owner.ends_with("good") { Security::Secure } else { Security::Insecure };
        assert_eq!(answer.status, right, "{owner}: {:?} {:?}", answer.reason, answer.failure_detail);
        assert_eq!(answer.data_text(), [HONEST.to_string()], "{owner}");
    }
}

/// Processor time of this thread, in which only the resolver works.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let read =
        |time: nix::sys::time::TimeVal| Duration::new(time.tv_sec().try_into().unwrap(), u32::try_from(time.tv_usec() * 1000).unwrap());
    read(usage.user_time()) + read(usage.system_time())
}

/// A zone, the last octets of its servers' addresses, its DS records.
type Cut = (Name, Vec<u8>, Vec<Vec<u8>>);

fn root_answer(key: &Key, cuts: &[Cut], world: &World, query: &Query) -> Action {
    let apex = name(".");
    if query.name == apex {
        let set = if query.rtype == Rtype::DNSKEY { rr(&apex, Rtype::DNSKEY, key.rdata.clone()) } else { soa(&apex) };
        return Reply { answer: key.signed(&apex, &[set]), ..Reply::default() }.send(query);
    }
    let Some((zone, servers, ds)) = cuts.iter().find(|(zone, ..)| query.name.ends_with(zone)) else {
        return Reply { rcode: 3, authority: key.signed(&apex, &[soa(&apex)]), ..Reply::default() }.send(query);
    };
    let ds: Vec<Rr> = ds.iter().map(|ds| rr(zone, Rtype::DS, ds.clone())).collect();
    let about = if ds.is_empty() {
        // NSEC: NS and its own kind, no DS.
        let nsec = rr(zone, Rtype::NSEC, [b"\x01a", zone.as_slice(), &[0, 6, 0x20, 0, 0, 0, 0, 3]].concat());
        key.signed(&apex, &[nsec])
    } else {
        key.signed(&apex, &ds)
    };
    if query.rtype == Rtype::DS && query.name == *zone {
        return if ds.is_empty() {
            Reply { authority: [key.signed(&apex, &[soa(&apex)]), about].concat(), ..Reply::default() }.send(query)
        } else {
            Reply { answer: about, ..Reply::default() }.send(query)
        };
    }
    let mut reply = Reply { referral: true, ..Reply::default() };
    for (number, last) in servers.iter().enumerate() {
        let host = name(&format!("ns{number}.{zone}"));
        reply.authority.push(rr(zone, Rtype::NS, host.as_slice()));
        reply.additional.push(a(&host, world.ip(*last)));
    }
    // A DS RRset too large for a referral is asked for by itself.
    if ds.len() < 10 {
        reply.authority.extend(about);
    }
    reply.send(query)
}

/// Whatever the name, it has an address, unless it is to be one that does not exist.
fn honest_answer(key: &Key, query: &Query) -> Action {
    let apex = name("good");
    if query.name.to_string().contains("nowhere") {
        return Reply { rcode: 3, authority: vec![soa(&apex)], ..Reply::default() }.send(query);
    }
    let set = match query.rtype {
        Rtype::DNSKEY => rr(&apex, Rtype::DNSKEY, key.rdata.clone()),
        _ => a(&query.name, HONEST),
    };
    Reply { answer: key.signed(&apex, &[set]), ..Reply::default() }.send(query)
}

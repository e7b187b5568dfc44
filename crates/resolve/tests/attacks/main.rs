//! Known attacks on resolvers, each played over UDP and TCP by an attacker who has a zone, `evil`, signed by right, and two servers. What
//! must hold: the attacked names get a verdict with a reason, at a bounded cost in queries, in signatures and hashes computed, and in
//! processor time; and whoever asks for an honest name meanwhile or afterwards gets the right answer.
//!
//! The bounds are those of the design, not of what was measured: see each.

#[path = "../support/mod.rs"]
mod support;

mod stage;

use domain::base::iana::Rtype;
use resolve::{Failure, Name, ReasonCode, Resolver, Security};
use stage::{Key, Reply, Rr, Stage, Told, a, colliding, forged, rr, soa, with_tag};
use std::collections::HashSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Action, Query, Via, name};

/// What the questions of a survey about one name may cost in processor time, unoptimized and on a busy machine: a machine that looks at
/// a hundred names a second in all must not be stopped by one. KeyTrap cost others hours, the rest seconds to minutes.
const CPU: Duration = Duration::from_secs(2);
/// What the honest neighbour and the way to the attacker cost beside the attack: keys of root, `good` and `evil`, DS records, addresses.
const AROUND: u64 = 20;
/// Lookups of one question until a bogus answer is believed: the first, and two with other servers. (`Budgets::bogus_retries`)
const LOOKS: u64 = 3;
/// Signatures that fail before a validation is given up. BIND 9.20 makes at most 16 validations a fetch, of which one may fail; Unbound since
/// 1.19.1 makes eight an RRset and goes on at most 16 times.
const FAILURES: u64 = 16;

/// Hashes that a validation may take. (`Policy::max_hashes`)
const HASHES: u64 = 128;
/// Links of an alias chain. (`Budgets::aliases`)
const ALIASES: u64 = 11;

const A: [(&str, Rtype); 1] = [("www.evil", Rtype::A)];
/// What `dns scan` asks.
const SURVEY: [(&str, Rtype); 6] = [
    ("www.evil", Rtype::SOA),
    ("www.evil", Rtype::NS),
    ("www.evil", Rtype::DNSKEY),
    ("www.evil", Rtype::MX),
    ("www.evil", Rtype::A),
    ("www.evil", Rtype::AAAA),
];

impl Told {
    fn within(&self, queries: u64, verifications: u64, hashes: u64) {
        assert!(self.cost.queries <= queries + AROUND, "{:?}", self.cost);
        assert!(self.cost.verifications <= verifications + AROUND, "{:?}", self.cost);
        assert!(self.cost.hashes <= hashes + AROUND, "{:?}", self.cost);
        assert!(self.cpu <= CPU, "{:?}", self.cpu);
    }

    /// Every question failed for one of these reasons.
    fn fails(&self, failures: &[Failure]) {
        for answer in &self.answers {
            assert_eq!(answer.status, Security::Indeterminate, "{}", answer.question.rtype);
            assert!(answer.failure.is_some_and(|failure| failures.contains(&failure)), "{:?}", answer.failure_detail);
        }
    }

    /// Every question has its verdict, and the reason is one of these.
    fn because(&self, status: &[Security], reasons: &[ReasonCode]) {
        for answer in &self.answers {
            let reason = answer.reason.as_ref().map(|reason| reason.code);
            assert!(status.contains(&answer.status), "{}: {:?} {reason:?}", answer.question.rtype, answer.status);
            assert!(reason.is_some_and(|code| reasons.contains(&code)), "{}: {reason:?}", answer.question.rtype);
        }
    }
}

fn evil() -> Name {
    name("evil")
}

fn keys(all: &[Vec<u8>]) -> Vec<Rr> {
    all.iter().map(|data| rr(&evil(), Rtype::DNSKEY, data.clone())).collect()
}

/// The answer to any question but that for keys: one record.
fn some(query: &Query) -> Rr {
    match query.rtype {
        Rtype::SOA => Rr { owner: query.name.clone(), ..soa(&evil()) },
        Rtype::NS => rr(&query.name, Rtype::NS, name("ns0.evil").as_slice()),
        Rtype::MX => rr(&query.name, Rtype::MX, [&[0, 10], name("mx.evil").as_slice()].concat()),
        Rtype::A => a(&query.name, Ipv4Addr::new(192, 0, 2, 66)),
        rtype => rr(&query.name, rtype, vec![0x20; 16]),
    }
}

/// CVE-2023-50387, KeyTrap: every record has hundreds of signatures, each of which any of hundreds of keys with the same tag may have made.
#[test]
fn keytrap() {
    let (ksk, trap) = (Key::new(257), colliding(400, 4711));
    let stage = Stage::new(&[ksk.ds(&evil())]);
    let all = keys(&[vec![ksk.rdata.clone()], trap].concat());
    let signed = ksk.signed(&evil(), &all);
    stage.evil(move |query| {
        if query.rtype == Rtype::DNSKEY && query.name == evil() {
            return Reply { answer: signed.clone(), ..Reply::default() }.send(query);
        }
        let set = some(query);
        let signatures = (0..400).map(|number| forged(&evil(), &set, 14, 4711, number));
        Reply { answer: std::iter::once(set.clone()).chain(signatures).collect(), ..Reply::default() }.send(query)
    });
    let told = stage.ask(&SURVEY);
    told.because(&[Security::Bogus, Security::Indeterminate], &[ReasonCode::RrsigWrong, ReasonCode::Budget]);
    let lookups = SURVEY.len() as u64 * LOOKS;
    // Each is asked over UDP, cut, and asked again over TCP.
    told.within(2 * lookups, FAILURES * lookups, 0);
}

/// One of two servers plays KeyTrap, the other is honest: that what one says is too dear to look at is no reason not to ask the other.
#[test]
fn keytrap_at_one_server() {
    let (ksk, trap) = (Arc::new(Key::new(257)), colliding(100, 4711));
    let mut stage = Stage::new(&[ksk.ds(&evil())]);
    let dnskey = Arc::new(ksk.signed(&evil(), &keys(&[vec![ksk.rdata.clone()], trap].concat())));
    let serve = |last, traps: bool| {
        let (ksk, dnskey) = (ksk.clone(), dnskey.clone());
        stage.serve(last, move |query| {
            let set = some(query);
            let answer = match (query.rtype == Rtype::DNSKEY && query.name == evil(), traps) {
                (true, _) => dnskey.to_vec(),
                (_, false) => ksk.signed(&evil(), &[set]),
                _ => std::iter::once(set.clone()).chain((0..400).map(|number| forged(&evil(), &set, 14, 4711, number))).collect(),
            };
            Reply { answer, ..Reply::default() }.send(query)
        })
    };
    let trapped = serve(2, true);
    serve(4, false);
    // Which server is asked first is drawn.
    for round in 0..50 {
        stage.resolver = Resolver::new(stage.resolver.config().clone()).unwrap();
        let told = stage.ask(&A);
        assert_eq!(told.answers[0].status, Security::Secure, "round {round}");
        told.within(2 * 2, FAILURES, 0);
        if trapped.queries().iter().any(|query| query.rtype == Rtype::A) {
            return;
        }
    }
    panic!("the trap was never met");
}

/// The same with DS records in the place of signatures: hundreds of them name any of four keys, each of which is large to hash.
#[test]
fn hash_trap() {
    let trap: Vec<Vec<u8>> = (0..200).filter_map(|number| with_tag(14, &[vec![number; 15_000], vec![1]].concat(), 4711)).take(4).collect();
    assert_eq!(trap.len(), 4);
    let ds = |number: u16| [&[0x12, 0x67, 14, 4][..], &[0x5a; 46], &number.to_be_bytes()].concat();
    let stage = Stage::new(&(0..900).map(ds).collect::<Vec<_>>());
    let trap = keys(&trap);
    stage.evil(move |query| {
        let answer = if query.rtype == Rtype::DNSKEY && query.name == evil() { trap.clone() } else { vec![some(query)] };
        Reply { answer, ..Reply::default() }.send(query)
    });
    let told = stage.ask(&SURVEY);
    told.because(&[Security::Bogus, Security::Indeterminate], &[ReasonCode::DsDigestMismatch, ReasonCode::Budget]);
    let lookups = SURVEY.len() as u64 * LOOKS;
    told.within(4 * lookups, 0, HASHES * lookups);
}

/// A zone that says of a very long name that it does not exist, with NSEC3 records that never fit, so that every name above is hashed in
/// every way that the records name.
fn nsec3(iterations: u16) -> Told {
    let key = Key::new(257);
    let stage = Stage::new(&[key.ds(&evil())]);
    let mut proof = key.signed(&evil(), &[soa(&evil())]);
    for salt in 1..=3 {
        let owner = name(&format!("{}.evil", salt.to_string().repeat(32)));
        let hashing = [&[1, 0][..], &iterations.to_be_bytes(), &[255], &[salt; 255]].concat();
        let next = [&[20][..], &[salt; 20], &[0, 1, 0x40]].concat();
        proof.extend(key.signed(&evil(), &[rr(&owner, Rtype::NSEC3, [hashing, next].concat())]));
    }
    let dnskey = key.signed(&evil(), &keys(std::slice::from_ref(&key.rdata)));
    stage.evil(move |query| {
        if query.rtype == Rtype::DNSKEY && query.name == evil() {
            return Reply { answer: dnskey.clone(), ..Reply::default() }.send(query);
        }
        Reply { rcode: 3, authority: proof.clone(), ..Reply::default() }.send(query)
    });
    let long = format!("{}evil", "a.".repeat(110));
    stage.ask(&SURVEY.map(|(_, rtype)| (long.as_str(), rtype)))
}

/// CVE-2023-50868, with as many iterations as are not simply called insecure (RFC 9276 section 3.2) and the longest salt.
#[test]
fn nsec3_closest_encloser() {
    let told = nsec3(50);
    told.because(&[Security::Bogus, Security::Indeterminate], &[ReasonCode::DenialWrong, ReasonCode::Budget]);
    let lookups = SURVEY.len() as u64 * LOOKS;
    told.within(2 * lookups, 4 * lookups, HASHES * lookups);
}

/// Beyond that nothing is hashed at all.
#[test]
fn nsec3_iterations() {
    let told = nsec3(2500);
    told.because(&[Security::Insecure], &[ReasonCode::Nsec3Iterations]);
    let lookups = SURVEY.len() as u64;
    told.within(2 * lookups, 4 * lookups, 0);
}

/// NXNSAttack (2020): one answer of the attacker's names a hundred name servers in somebody else's zone, none of which exists.
#[test]
fn nxns() {
    let stage = Stage::new(&[]);
    let [one, two] = stage.evil(|query| {
        let host = |number| name(&format!("ns{number}.nowhere.good"));
        let authority = (0..100).map(|number| rr(&name("www.evil"), Rtype::NS, host(number).as_slice())).collect();
        Reply { referral: true, authority, ..Reply::default() }.send(query)
    });
    let told = stage.ask(&SURVEY);
    told.fails(&[Failure::DelegationLoop, Failure::Refused]);
    // Of one delegation 32 servers are remembered, of which each question tries at most eight.
    let victim = stage.good.queries().iter().filter(|query| query.name.to_string().contains("nowhere")).count();
    assert!(victim <= 32, "{victim}");
    let attacker = one.count() + two.count();
    assert!(attacker <= 4 * 6, "{attacker}");
    told.within(32 + 4 * 6, 4, 0);
}

/// Zones whose servers lie in each other, and zones below zones without end.
#[test]
fn delegation_loops() {
    let stage = Stage::new(&[]);
    let (world, depth) = (stage.world.clone(), AtomicUsize::new(3));
    let [one, two] = stage.evil(move |query| {
        let refer = |zone: &str, host: &str| rr(&name(zone), Rtype::NS, name(host).as_slice());
        let mut reply = Reply { referral: true, ..Reply::default() };
        if query.name.ends_with(&name("a.evil")) {
            reply.authority.push(refer("a.evil", "ns.b.evil"));
        } else if query.name.ends_with(&name("b.evil")) {
            reply.authority.push(refer("b.evil", "ns.a.evil"));
        } else if query.name.ends_with(&name("self.evil")) {
            reply.authority.push(refer("self.evil", "ns.self.evil"));
        } else {
            // One label deeper with every question.
            let depth = depth.fetch_add(1, SeqCst);
            let zone = query.name.iter_suffixes().find(|zone| zone.label_count() == depth).unwrap_or_else(|| query.name.clone());
            let (zone, host) = (zone.to_string(), format!("ns.{zone}"));
            reply.authority.push(refer(&zone, &host));
            reply.additional.push(a(&name(&host), world.ip(2)));
        }
        reply.send(query)
    });
    let deep = format!("{}evil", "d.".repeat(100));
    let told = stage.ask(&[("www.a.evil", Rtype::A), ("www.b.evil", Rtype::MX), ("www.self.evil", Rtype::A), (&deep, Rtype::A)]);
    told.fails(&[Failure::DelegationLoop, Failure::Refused]);
    // 24 referrals of one question, 20 queries for each of the three loops.
    assert!(one.count() + two.count() <= 24 + 3 * 20, "{}", one.count() + two.count());
    told.within(24 + 3 * 20, 0, 0);
}

/// Aliases of aliases without end, and in a circle; each signed by right.
#[test]
fn alias_chains() {
    let key = Key::new(257);
    let stage = Stage::new(&[key.ds(&evil())]);
    let [one, two] = stage.evil(move |query| {
        if query.rtype == Rtype::DNSKEY && query.name == evil() {
            return Reply { answer: key.signed(&evil(), &keys(std::slice::from_ref(&key.rdata))), ..Reply::default() }.send(query);
        }
        let first = query.name.first().to_string();
        let target = match first.parse::<u32>() {
            Ok(number) => format!("{}.evil", number + 1),
            Err(_) if first == "tick" => "tock.evil".to_owned(),
            Err(_) => "tick.evil".to_owned(),
        };
        let alias = rr(&query.name, Rtype::CNAME, name(&target).as_slice());
        Reply { answer: key.signed(&evil(), &[alias]), ..Reply::default() }.send(query)
    });
    let told = stage.ask(&[("0.evil", Rtype::A), ("tick.evil", Rtype::A), ("500.evil", Rtype::MX)]);
    told.fails(&[Failure::AliasLoop]);
    assert!(u64::from(one.count() + two.count()) <= 3 * (ALIASES + 1), "{}", one.count() + two.count());
    told.within(3 * (ALIASES + 1), 0, 0);
}

/// A chain just short enough, each link in a message full of records that nobody asked for.
#[test]
fn stuffed_answers() {
    let stage = Stage::new(&[]);
    let junk: Arc<Vec<Rr>> = Arc::new((0..3000).map(|number| a(&name(&format!("j{number}.evil")), Ipv4Addr::new(192, 0, 2, 1))).collect());
    stage.evil(move |query| {
        let number: u32 = query.name.first().to_string().parse().unwrap_or(100);
        let target = name(&format!("{}.evil", number + 1));
        let link = if number < 9 { rr(&query.name, Rtype::CNAME, target.as_slice()) } else { some(query) };
        let authority = junk.iter().take(10).cloned().collect();
        Reply { answer: [&[link], &junk[..2700]].concat(), authority, ..Reply::default() }.send(query)
    });
    let told = stage.ask(&[("0.evil", Rtype::A), ("0.evil", Rtype::MX), ("0.evil", Rtype::NS)]);
    told.because(&[Security::Insecure], &[ReasonCode::Unsigned]);
    assert!(told.answers.iter().all(|answer| answer.aliases.len() == 9 && answer.data_text().len() == 1));
    // Each message over UDP, cut, and over TCP.
    told.within(2 * 3 * (ALIASES + 1), 4, 0);
}

/// A zone with so many keys that their RRset fills a message: that is allowed, and its answers are secure.
#[test]
fn oversized_key_set() {
    let ksk = Key::new(257);
    let stage = Stage::new(&[ksk.ds(&evil())]);
    let idle = (0..700).map(|_| Key::new(256).rdata);
    let set = ksk.signed(&evil(), &keys(&[vec![ksk.rdata.clone()], idle.collect()].concat()));
    stage.evil(move |query| {
        let keys = query.rtype == Rtype::DNSKEY && query.name == evil();
        let answer = if keys { set.clone() } else { ksk.signed(&evil(), &[some(query)]) };
        Reply { answer, ..Reply::default() }.send(query)
    });
    let told = stage.ask(&[("www.evil", Rtype::A), ("evil", Rtype::DNSKEY), ("evil", Rtype::MX)]);
    assert!(told.answers.iter().all(|answer| answer.status == Security::Secure));
    told.within(4 * 3, 3 * 2, 0);
}

/// Answers larger than was said to be wanted travel in fragments, which anybody may add to. What is cut is asked for over TCP, what is not
/// cut although it is too large is not believed.
#[test]
fn fragments() {
    let key = Key::new(257);
    let stage = Stage::new(&[key.ds(&evil())]);
    let logs = stage.evil(move |query| {
        if query.rtype == Rtype::DNSKEY && query.name == evil() {
            return Reply { answer: key.signed(&evil(), &keys(std::slice::from_ref(&key.rdata))), ..Reply::default() }.send(query);
        }
        let mut reply = Reply { answer: key.signed(&evil(), &[some(query)]), ..Reply::default() };
        if query.via == Via::Udp {
            // In the last fragment stands something else.
            reply.answer[0] = a(&query.name, Ipv4Addr::new(6, 6, 6, 6));
            reply.authority = (0..600).map(|number| a(&name(&format!("j{number}.evil")), Ipv4Addr::new(6, 6, 6, 6))).collect();
            return Action::Send(reply.bytes(query));
        }
        reply.send(query)
    });
    let told = stage.ask(&A);
    assert_eq!(told.answers[0].status, Security::Secure);
    assert_eq!(told.answers[0].data_text(), ["192.0.2.66"]);
    for query in logs.iter().flat_map(support::Log::queries) {
        // The OPT record ends the query: its class is the size. (RFC 6891 section 6.1.2)
        let opt = &query.bytes[query.bytes.len() - 11..];
        assert_eq!(opt[..5], [0, 0, 41, 0x04, 0xd0], "1232 octets");
    }
    // Two servers, three tries each.
    told.within(2 * 3, FAILURES, 0);
}

/// Somebody else answers faster: from another address with everything else right, and from the right address with ids that are guessed.
#[test]
fn spoofed_answers() {
    let stage = Stage::new(&[]);
    let stranger = Arc::new(UdpSocket::bind((stage.world.ip(66), stage.world.port)).unwrap());
    let lie = Ipv4Addr::new(6, 6, 6, 6);
    let logs = stage.evil(move |query| {
        let truth = Reply { answer: vec![some(query)], ..Reply::default() }.bytes(query);
        let forged = Reply { answer: vec![a(&query.name, lie)], ..Reply::default() }.bytes(query);
        if query.via == Via::Tcp {
            return Action::Send(truth);
        }
        stranger.send_to(&forged, query.peer).unwrap();
        let flood = query.name.first().as_slice() == b"flood";
        let guesses = if flood { 5000 } else { 10 };
        let id = u16::from_be_bytes([forged[0], forged[1]]);
        let guess = |number: u16| [&id.wrapping_add(number).to_be_bytes()[..], &forged[2..]].concat();
        Action::SendAll((1..=guesses).map(guess).chain([truth]).collect())
    });
    let hosts: Vec<String> = (0..300).map(|number| format!("w{number}.evil")).collect();
    let questions: Vec<(&str, Rtype)> =
        hosts.iter().map(|host| (host.as_str(), Rtype::A)).chain([("flood.evil", Rtype::A), ("flood.evil", Rtype::MX)]).collect();
    let told = stage.ask(&questions);
    assert!(told.answers.iter().all(|answer| answer.data_text().iter().all(|data| data != "6.6.6.6")));
    let right = told.answers.iter().filter(|answer| answer.status == Security::Insecure && answer.rrset.is_some()).count();
    assert_eq!(right, questions.len());
    let queries: Vec<Query> = logs.iter().flat_map(support::Log::queries).filter(|query| query.via == Via::Udp).collect();
    let ids: HashSet<&[u8]> = queries.iter().map(|query| &query.bytes[..2]).collect();
    let ports: HashSet<u16> = queries.iter().map(|query| query.peer.port()).collect();
    // Of 300 drawn from 65,536 some may be the same; of four ports each is drawn.
    assert!(ids.len() >= 290 && ports.len() >= 4, "{} ids, {} ports", ids.len(), ports.len());
    // Each may be given up twice at both servers, before TCP.
    told.within(6 * questions.len() as u64, 4, 0);
}

/// A server that also speaks for names that are not its own: in every section, as aliases' targets, as glue.
#[test]
fn lies_about_others() {
    let stage = Stage::new(&[]);
    let (world, lie) = (stage.world.clone(), Ipv4Addr::new(6, 6, 6, 6));
    let liar = stage.serve(6, move |query| Reply { answer: vec![a(&query.name, lie)], ..Reply::default() }.send(query));
    stage.evil(move |query| {
        let ns = |zone: &str, host: &str| rr(&name(zone), Rtype::NS, name(host).as_slice());
        let mut reply = Reply { answer: vec![some(query)], ..Reply::default() };
        match query.name.first().to_string().as_str() {
            // To a server of the victim's, with an address of ours.
            "glue" => {
                reply = Reply { referral: true, authority: vec![ns("glue.evil", "ns0.plain")], ..Reply::default() };
            }
            // To the victim's zone, or all zones.
            "side" => reply = Reply { referral: true, authority: vec![ns("plain", "ns.evil")], ..Reply::default() },
            "up" => reply = Reply { referral: true, authority: vec![ns(".", "ns.evil")], ..Reply::default() },
            "alias" => reply.answer = vec![rr(&query.name, Rtype::CNAME, name("alias.plain").as_slice())],
            _ => {}
        }
        reply.answer.extend(["during.plain", "after.plain", "alias.plain", "after.good"].map(|owner| a(&name(owner), lie)));
        reply.authority.extend([ns("plain", "ns.evil"), ns("good", "ns.evil"), ns(".", "ns.evil")]);
        let hosts = ["ns0.plain", "ns0.good", "ns.root", "ns.evil"];
        reply.additional.extend(hosts.map(|host| a(&name(host), world.ip(6))));
        reply.send(query)
    });
    let told = stage.ask(&[
        ("www.evil", Rtype::A),
        ("evil", Rtype::NS),
        ("evil", Rtype::SOA),
        ("alias.evil", Rtype::A),
        ("www.glue.evil", Rtype::A),
        ("side.evil", Rtype::A),
        ("up.evil", Rtype::A),
    ]);
    assert_eq!(told.answers[3].data_text(), ["192.0.2.80"], "the alias's target has its own servers");
    let status: Vec<_> = told.answers.iter().map(|answer| answer.status).collect();
    assert_eq!(status[..4], [Security::Insecure; 4]);
    assert_eq!(status[5..], [Security::Indeterminate; 2], "no answer, and no referral that counts");
    assert!(told.answers.iter().all(|answer| answer.data_text().iter().all(|data| data != "6.6.6.6")));
    assert_eq!(liar.count(), 0, "nobody was led there");
    told.within(7 * 6, 4, 0);
}

//! A signed zone (made by BIND's tools) on servers of which some serve bad data.

mod support;

use bytes::Bytes;
use domain::base::ParsedName;
use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::message_builder::MessageBuilder;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use resolve::{AnchorCheck, Anchors, Budgets, Clock, Config, Failure, Mode, Name, ReasonCode, Resolver, Security};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Action, Query, World, name};

const ZONE: &str = include_str!("data/signed-root.zone");
/// Within the validity of the signatures.
const NOW: i64 = 1_795_000_000;

/// What one server does to the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Faithful,
    /// Other addresses under the same signatures.
    WrongAddress,
    /// No signatures at all.
    Stripped,
    /// Keys fail, the rest is right.
    NoKeys,
}

struct Record {
    owner: Name,
    rtype: Rtype,
    covered: Option<Rtype>,
    data: ZoneRecordData<Bytes, Name>,
}

fn zone() -> Arc<Vec<Record>> {
    let mut file = Zonefile::from(ZONE.as_bytes());
    file.set_origin(Name::root_bytes());
    let mut records = Vec::new();
    while let Some(Entry::Record(record)) = file.next_entry().unwrap() {
        let owner: Name = domain::base::ToName::to_name(record.owner());
        let data = flatten(record.data());
        let covered = if let ZoneRecordData::Rrsig(rrsig) = &data { Some(rrsig.type_covered()) } else { None };
        records.push(Record { owner, rtype: domain::base::RecordData::rtype(&data), covered, data });
    }
    Arc::new(records)
}

fn flatten<N: domain::base::ToName>(data: &ZoneRecordData<Bytes, N>) -> ZoneRecordData<Bytes, Name>
where
    ZoneRecordData<Bytes, N>: domain::base::rdata::ComposeRecordData,
{
    let mut wire = Vec::new();
    domain::base::rdata::ComposeRecordData::compose_rdata(data, &mut wire).unwrap();
    let wire = Bytes::from(wire);
    let mut parser = domain::dep::octseq::Parser::from_ref(&wire);
    let rtype = domain::base::RecordData::rtype(data);
    let parsed: ZoneRecordData<Bytes, ParsedName<Bytes>> =
        domain::base::rdata::ParseRecordData::parse_rdata(rtype, &mut parser).unwrap().unwrap();
    domain::base::name::FlattenInto::flatten_into(parsed)
}

fn serve(records: &[Record], service: Service, query: &Query) -> Action {
    let signed = service != Service::Stripped;
    let fits = |r: &&Record, rtype: Rtype| r.rtype == rtype || signed && r.covered == Some(rtype);
    let here: Vec<&Record> = records.iter().filter(|r| r.owner == query.name && fits(r, query.rtype)).collect();
    if service == Service::NoKeys && query.rtype == Rtype::DNSKEY {
        return support::Answer::code(query, Rcode::SERVFAIL);
    }
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(u16::from_be_bytes([query.bytes[0], query.bytes[1]]));
    header.set_qr(true);
    header.set_aa(true);
    let exists = records.iter().any(|r| r.owner == query.name);
    header.set_rcode(if exists { Rcode::NOERROR } else { Rcode::NXDOMAIN });
    let mut question = builder.question();
    question.push((&query.name, query.rtype)).unwrap();
    let mut answer = question.answer();
    let ttl = domain::base::Ttl::from_secs(300);
    for record in &here {
        let data = match &record.data {
            ZoneRecordData::A(_) if service == Service::WrongAddress => ZoneRecordData::A(domain::rdata::A::new(Ipv4Addr::new(6, 6, 6, 6))),
            data => data.clone(),
        };
        answer.push((&record.owner, Class::IN, ttl, data)).unwrap();
    }
    let mut authority = answer.authority();
    if here.is_empty() {
        for record in records.iter().filter(|r| fits(r, Rtype::SOA) || signed && fits(r, Rtype::NSEC)) {
            authority.push((&record.owner, Class::IN, ttl, record.data.clone())).unwrap();
        }
    }
    let mut additional = authority.additional();
    additional.opt(|_| Ok(())).unwrap();
    Action::Send(additional.finish())
}

/// A resolver whose root servers are `services`, at .1, .2, …
async fn resolver(world: &World, services: &[Service]) -> (Resolver, Vec<support::Log>) {
    let zone = zone();
    let mut logs = Vec::new();
    let mut roots = Vec::new();
    for (last, service) in (1..).zip(services.iter().copied()) {
        let zone = zone.clone();
        logs.push(world.serve(last, move |query| serve(&zone, service, query)).await);
        roots.push((name(&format!("ns{last}")), vec![IpAddr::V4(world.ip(last))]));
    }
    (Resolver::new(config(world, Mode::Iterative { roots })).unwrap(), logs)
}

/// Trusts the zone's keys.
fn config(world: &World, mode: Mode) -> Config {
    let keys: String = ZONE.lines().filter(|line| line.contains("DNSKEY\t257")).collect::<Vec<_>>().join("\n");
    let anchors = Anchors::parse(&keys).unwrap();
    Config { mode, anchors, clock: Clock::At(NOW), ..world.config() }
}

#[tokio::test]
async fn good_data_is_secure_and_its_absence_too() {
    let world = World::new();
    let (resolver, logs) = resolver(&world, &[Service::Faithful]).await;
    let answer = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert_eq!(answer.status, Security::Secure, "{:?} {:?}", answer.reason, answer.failure_detail);
    assert_eq!(answer.data_text(), ["192.0.2.80"]);
    assert!(answer.is_signed() && answer.raw.is_empty(), "secure answers need no evidence");
    let signature = answer.signature.as_ref().unwrap();
    assert_eq!((signature.key_tag, signature.expiration), (59839, 2_082_758_400));
    for (owner, rcode) in [("www.test", 0), ("no.test", 3), ("test", 0)] {
        let answer = resolver.lookup(&name(owner), Rtype::TLSA).await;
        assert_eq!((answer.status, answer.rrset.is_none()), (Security::Secure, true), "{owner}: {:?}", answer.reason);
        if owner != "test" {
            assert_eq!(answer.rcode, rcode, "{owner}");
        }
    }
    let keys = logs[0].queries().iter().filter(|q| q.rtype == Rtype::DNSKEY).count();
    assert_eq!(keys, 1, "keys once proven are not fetched again");
    assert_eq!(resolver.check_anchor().await, AnchorCheck::Fits);
}

/// One bad server among several does not make a zone bogus; it is named.
#[tokio::test]
async fn bogus_is_asked_again_of_other_servers() {
    for bad in [Service::WrongAddress, Service::Stripped, Service::NoKeys] {
        let mut blamed = 0;
        for _ in 0..8 {
            let world = World::new();
            let (resolver, _) = resolver(&world, &[bad, Service::Faithful]).await;
            let answer = resolver.lookup(&name("www.test"), Rtype::A).await;
            assert_eq!(answer.status, Security::Secure, "{bad:?}: {:?} {:?}", answer.reason, answer.failure_detail);
            assert_eq!(answer.data_text(), ["192.0.2.80"], "{bad:?}");
            assert!(answer.bogus_servers.iter().all(|ip| *ip == world.ip(1)), "{bad:?}: {:?} were blamed", answer.bogus_servers);
            blamed += usize::from(!answer.bogus_servers.is_empty());
            // The good answer is the one that is kept.
            assert_eq!(resolver.lookup(&name("www.test"), Rtype::A).await.data_text(), ["192.0.2.80"]);
        }
        assert!(blamed > 0 || bad == Service::NoKeys, "{bad:?} was never asked first in eight tries");
    }
}

#[tokio::test]
async fn what_all_servers_say_is_believed_bogus_with_evidence() {
    for bad in [Service::WrongAddress, Service::Stripped] {
        let world = World::new();
        let (resolver, logs) = resolver(&world, &[bad, bad, bad]).await;
        let answer = resolver.lookup(&name("www.test"), Rtype::A).await;
        assert_eq!((answer.status, answer.failure), (Security::Bogus, None), "{bad:?}");
        assert!(answer.rrset.is_none() && !answer.raw.is_empty() && answer.bogus_servers.is_empty());
        let queries: u32 = logs.iter().map(support::Log::count).sum();
        assert!(queries <= 8, "{bad:?}: {queries}");
    }
}

/// R-125 rfc4035#4.7: what is from the cache and makes an answer bogus is asked for again, of the same server if there is no other.
#[tokio::test]
async fn bad_data_in_the_cache_is_not_the_last_word() {
    let world = World::new();
    let (zone, mended) = (zone(), Arc::new(AtomicBool::new(false)));
    let [one, two] = [1, 2].map(|_| {
        let (zone, mended) = (zone.clone(), mended.clone());
        move |query: &Query| {
            let bad = query.rtype == Rtype::DNSKEY && !mended.load(Ordering::SeqCst);
            serve(&zone, if bad { Service::Stripped } else { Service::Faithful }, query)
        }
    });
    let logs = [world.serve(1, one).await, world.serve(2, two).await];
    let roots = vec![(name("ns1"), vec![IpAddr::V4(world.ip(1))])];
    let modes = [Mode::Iterative { roots }, Mode::Upstream((world.ip(2), world.port).into())];
    let resolvers = modes.map(|mode| Resolver::new(config(&world, mode)).unwrap());
    let keys_asked = |log: &support::Log| log.queries().iter().filter(|q| q.rtype == Rtype::DNSKEY).count();
    for (resolver, log) in resolvers.iter().zip(&logs) {
        assert_eq!(resolver.lookup(&name("www.test"), Rtype::A).await.status, Security::Bogus);
        assert_eq!(keys_asked(log), 1, "what was just asked is not asked again");
    }
    mended.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(5100)).await;
    for (resolver, log) in resolvers.iter().zip(&logs) {
        let answer = resolver.lookup(&name("www.test"), Rtype::TLSA).await;
        assert_eq!((answer.status, answer.bogus_servers.is_empty()), (Security::Secure, true), "{:?}", answer.reason);
        assert_eq!(keys_asked(log), 2);
    }
}

/// R-113 rfc4035#5.3.3: an answer is not given again after the end of its signature.
#[tokio::test]
async fn an_answer_ends_with_its_signature() {
    let world = World::new();
    let (resolver, _) = resolver(&world, &[Service::Faithful]).await;
    let ends = Config { clock: Clock::At(2_082_758_400 - 1), ..resolver.config().clone() };
    let resolver = Resolver::new(ends).unwrap();
    let first = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert_eq!(first.status, Security::Secure, "{:?}", first.reason);
    let again = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert_eq!(again.attempts, first.attempts, "the same answer");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let later = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert!(later.attempts.len() < first.attempts.len(), "validated anew, with keys that are known");
}

/// R-127 rfc4035#4.3: keys that cannot be fetched make the answer indeterminate, not bogus.
#[tokio::test]
async fn keys_that_cannot_be_fetched_prove_nothing() {
    let world = World::new();
    let (resolver, _) = resolver(&world, &[Service::NoKeys]).await;
    let answer = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert_eq!(answer.status, Security::Indeterminate);
    let reason = answer.reason.as_ref().unwrap();
    assert_eq!((reason.code, reason.at_name.clone(), reason.at_type), (ReasonCode::FetchServfail, name("."), Rtype::DNSKEY));
    assert!(reason.detail.contains("SERVFAIL"), "{reason:?}");
    // Our own bound is nobody else's fault.
    let budgets = Budgets { queries: 1, ..resolver.config().budgets };
    let poor = Resolver::new(Config { budgets, ..resolver.config().clone() }).unwrap();
    let reason = poor.lookup(&name("www.test"), Rtype::A).await.reason.clone().unwrap();
    assert_eq!(reason.code, ReasonCode::Budget, "{reason:?}");
    assert!(matches!(resolver.check_anchor().await, AnchorCheck::CouldNotLook(_)));
}

#[tokio::test]
async fn one_server_can_be_examined() {
    let world = World::new();
    let (resolver, _) = resolver(&world, &[Service::Faithful, Service::WrongAddress]).await;
    let good = resolver.lookup_at(world.ip(1).into(), &name("www.test"), Rtype::A).await;
    let bad = resolver.lookup_at(world.ip(2).into(), &name("www.test"), Rtype::A).await;
    assert_eq!((good.status, bad.status), (Security::Secure, Security::Bogus));
    let gone = resolver.lookup_at(world.ip(3).into(), &name("www.test"), Rtype::A).await;
    assert_eq!((gone.status, gone.failure), (Security::Indeterminate, Some(Failure::Unreachable)));
}

/// R-107 rfc5011: an anchor that does not fit is noticed as such.
#[tokio::test]
async fn stale_anchors_and_wrong_clocks_are_ours() {
    let world = World::new();
    let (resolver, _) = resolver(&world, &[Service::Faithful]).await;
    let with = |anchors: Anchors, clock| Resolver::new(Config { anchors, clock, ..resolver.config().clone() }).unwrap();
    let stale = with(Anchors::iana(), Clock::At(NOW));
    assert!(matches!(stale.check_anchor().await, AnchorCheck::Mismatch(_)), "{:?}", stale.check_anchor().await);
    let late = with(resolver.config().anchors.clone(), Clock::At(2_200_000_000));
    assert!(matches!(late.check_anchor().await, AnchorCheck::Clock(_)), "{:?}", late.check_anchor().await);
    assert_eq!(with(Anchors::none(), Clock::At(NOW)).check_anchor().await, AnchorCheck::NoRootAnchor);
}

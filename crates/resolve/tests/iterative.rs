//! Iteration against servers that behave, and the caches.

mod support;

use domain::base::iana::{Rcode, Rtype};
use resolve::{Failure, Resolver, Security};
use std::time::{Duration, Instant};
use support::{Action, Answer, Data, Via, World, Zone, name};

/// Root at .1, `test` at .2, `example.test` at .3 and .4, `other.test` at .5 under a server name of `example.test`.
async fn internet(world: &World) -> [support::Log; 4] {
    let root = Zone::new(".").ns("test", "ns.nic.test").a("ns.nic.test", world.ip(2));
    let tld = Zone::new("test")
        .ns("test", "ns.nic.test")
        .a("ns.nic.test", world.ip(2))
        .ns("example.test", "ns1.example.test")
        .ns("example.test", "ns2.example.test")
        .a("ns1.example.test", world.ip(3))
        .a("ns2.example.test", world.ip(3))
        .ns("other.test", "ns-other.example.test");
    let example = Zone::new("example.test")
        .a("www.example.test", world.ip(80))
        .a("ns-other.example.test", world.ip(5))
        .cname("alias.example.test", "www.example.test")
        .cname("away.example.test", "www.other.test")
        .cname("nowhere.example.test", "gone.other.test")
        .dname("old.example.test", "other.test");
    let other = Zone::new("other.test").a("www.other.test", world.ip(81));
    [world.zone(1, root).await, world.zone(2, tld).await, world.zone(3, example).await, world.zone(5, other).await]
}

#[tokio::test]
async fn follows_referrals_to_the_data_and_to_its_absence() {
    let world = World::new();
    let [root, tld, example, _] = internet(&world).await;
    let resolver = world.resolver();
    let answer = resolver.lookup(&name("www.example.test"), Rtype::A).await;
    assert_eq!(answer.failure_detail, None);
    assert_eq!((answer.rcode, answer.data_text()), (0, vec![world.ip(80).to_string()]));
    assert_eq!(answer.status, Security::Insecure, "there is no anchor");
    assert_eq!(answer.server, Some(world.ip(3).into()));
    assert!(!answer.raw.is_empty(), "evidence is kept of what is not secure");
    assert_eq!([root.count(), tld.count(), example.count()], [1, 1, 1]);

    let nodata = resolver.lookup(&name("www.example.test"), Rtype::TLSA).await;
    assert_eq!((nodata.rcode, nodata.rrset.is_none(), nodata.failure), (0, true, None));
    let nothing = resolver.lookup(&name("nope.example.test"), Rtype::A).await;
    assert_eq!((nothing.rcode, nothing.failure), (3, None));
    assert_eq!(nothing.negative_ttl, Some(60));
    assert_eq!([root.count(), tld.count(), example.count()], [1, 1, 3], "the delegation is remembered");
}

#[tokio::test]
async fn follows_aliases_within_and_across_zones() {
    let world = World::new();
    internet(&world).await;
    let resolver = world.resolver();
    for (owner, target, ip) in [
        ("alias.example.test", "www.example.test", 80),
        ("away.example.test", "www.other.test", 81),
        ("www.old.example.test", "www.other.test", 81),
    ] {
        let answer = resolver.lookup(&name(owner), Rtype::A).await;
        assert_eq!(answer.failure_detail, None, "{owner}");
        assert_eq!(answer.data_text(), vec![world.ip(ip).to_string()], "{owner}");
        assert_eq!(*answer.expanded(), name(target), "{owner}");
    }
    let gone = resolver.lookup(&name("nowhere.example.test"), Rtype::A).await;
    assert_eq!((gone.rcode, gone.failure, gone.expanded().clone()), (3, None, name("gone.other.test")));
    let alias = resolver.lookup(&name("away.example.test"), Rtype::CNAME).await;
    assert_eq!(alias.data_text(), vec!["www.other.test.".to_owned()]);
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let world = World::new();
    let [root, tld, example, _] = internet(&world).await;
    let resolver = world.resolver();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.lookup(&name("www.example.test"), Rtype::A).await.data_text() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), vec![world.ip(80).to_string()]);
    }
    assert_eq!([root.count(), tld.count(), example.count()], [1, 1, 1]);
}

/// R-113 rfc4035#5.3.3: TTL 0 serves those who ask at the same time, and nobody after them.
#[tokio::test]
async fn ttl_zero_is_not_cached() {
    let world = World::new();
    let log = world
        .serve(1, |query| {
            let answer = vec![(query.name.clone(), support::Data::A("192.0.2.1".parse().unwrap()))];
            let mut bytes = Answer { answer, ..Answer::to(query) }.bytes();
            let ttl = bytes.windows(4).rposition(|octets| octets == 300_u32.to_be_bytes()).unwrap();
            bytes[ttl + 2..ttl + 4].fill(0);
            Action::Send(bytes)
        })
        .await;
    let resolver = world.resolver();
    let at_once = || {
        let resolver = resolver.clone();
        async move { resolver.lookup(&name("www.test"), Rtype::A).await.data_text() }
    };
    assert_eq!(tokio::join!(at_once(), at_once()), (vec!["192.0.2.1".to_owned()], vec!["192.0.2.1".to_owned()]));
    assert_eq!(log.count(), 1);
    at_once().await;
    assert_eq!(log.count(), 2);
}

#[tokio::test]
async fn ds_is_asked_of_the_parent_and_dnskey_of_the_child() {
    let world = World::new();
    let [_, tld, example, _] = internet(&world).await;
    let resolver = world.resolver();
    resolver.lookup(&name("www.example.test"), Rtype::A).await;
    let ds = resolver.lookup(&name("example.test"), Rtype::DS).await;
    assert_eq!((ds.failure, ds.rcode, ds.server), (None, 0, Some(world.ip(2).into())));
    let keys = resolver.lookup(&name("example.test"), Rtype::DNSKEY).await;
    assert_eq!((keys.failure, keys.server), (None, Some(world.ip(3).into())));
    assert!(tld.queries().iter().any(|q| q.rtype == Rtype::DS) && !tld.queries().iter().any(|q| q.rtype == Rtype::DNSKEY));
    assert!(!example.queries().iter().any(|q| q.rtype == Rtype::DS));
}

#[tokio::test]
async fn finds_the_apex_of_a_name() {
    let world = World::new();
    internet(&world).await;
    let resolver = world.resolver();
    for below in ["www.example.test", "example.test", "a.b.c.example.test", "alias.example.test", "away.example.test"] {
        assert_eq!(resolver.zone_apex(&name(below)).await, Some(name("example.test")), "{below}");
    }
}

#[tokio::test]
async fn one_server_is_asked_directly() {
    let world = World::new();
    internet(&world).await;
    let resolver = world.resolver();
    let question = resolve::Question { name: name("www.example.test"), rtype: Rtype::A };
    let direct = resolver.query_at(world.ip(3).into(), &question).await.unwrap();
    assert!(direct.authoritative && !direct.recursive && direct.edns);
    let at = resolver.lookup_at(world.ip(3).into(), &question.name, Rtype::A).await;
    assert_eq!(at.data_text(), vec![world.ip(80).to_string()]);
    let dead = resolver.lookup_at(world.ip(99).into(), &question.name, Rtype::A).await;
    assert_eq!(dead.failure, Some(Failure::Unreachable));
}

#[tokio::test]
async fn what_a_server_has_from_others_is_not_its_word() {
    let world = World::new();
    internet(&world).await;
    let (owner, address) = (name("www.example.test"), world.ip(80));
    let owner_too = owner.clone();
    world
        .serve(6, move |query| {
            Answer { aa: false, ra: true, answer: vec![(owner_too.clone(), Data::A(address))], ..Answer::to(query) }.send()
        })
        .await;
    let resolver = world.resolver();
    // A cache answers; a server of another zone refers to others.
    for (server, rtype) in [(6, Rtype::A), (2, Rtype::A), (1, Rtype::SOA)] {
        let answer = resolver.lookup_at(world.ip(server).into(), &owner, rtype).await;
        assert_eq!(answer.failure, Some(Failure::Refused), "{server}: {:?}", answer.failure_detail);
    }
    world.serve(7, |query| Answer { aa: false, rcode: Rcode::SERVFAIL, ..Answer::to(query) }.send()).await;
    let failing = resolver.lookup_at(world.ip(7).into(), &owner, Rtype::A).await;
    assert_eq!(failing.failure, Some(Failure::Servfail));
    let own = resolver.lookup_at(world.ip(3).into(), &owner, Rtype::TLSA).await;
    assert_eq!((own.failure, own.rcode), (None, 0), "nothing there, says the authority");
    // The parent's word about its delegation.
    let servers = resolver.delegation(&name("example.test")).await.unwrap();
    assert_eq!(servers, ["ns1.example.test", "ns2.example.test"].map(|server| (name(server), vec![world.ip(3).into()])));
    assert_eq!(resolver.delegation(&name(".")).await, None);
}

/// R-128 rfc7766#5: what is cut over UDP is asked for again over TCP.
#[tokio::test]
async fn truncated_answers_come_over_tcp() {
    let world = World::new();
    let zone = Zone::new(".").a("big.test", world.ip(80));
    let log = world
        .serve(1, move |query| match query.via {
            Via::Tcp => zone.answer(query),
            Via::Udp => Answer { tc: true, ..Answer::to(query) }.send(),
        })
        .await;
    let answer = world.resolver().lookup(&name("big.test"), Rtype::A).await;
    assert_eq!(answer.data_text(), vec![world.ip(80).to_string()]);
    assert_eq!(log.queries().iter().map(|q| q.via).collect::<Vec<_>>(), [Via::Udp, Via::Tcp]);
}

/// R-128 rfc6891#7: a server that answers FORMERR to EDNS is asked without, and that is remembered.
#[tokio::test]
async fn servers_without_edns_are_asked_without() {
    let world = World::new();
    let zone = Zone::new(".").a("old.test", world.ip(80)).a("older.test", world.ip(81));
    let log =
        world
            .serve(1, move |query| {
                if query.edns { Answer { opt: false, rcode: Rcode::FORMERR, ..Answer::to(query) }.send() } else { zone.answer(query) }
            })
            .await;
    let resolver = world.resolver();
    assert_eq!(resolver.lookup(&name("old.test"), Rtype::A).await.data_text(), vec![world.ip(80).to_string()]);
    assert_eq!(resolver.lookup(&name("older.test"), Rtype::A).await.data_text(), vec![world.ip(81).to_string()]);
    assert_eq!(log.queries().iter().map(|q| q.edns).collect::<Vec<_>>(), [true, false, false]);
}

/// R-125 rfc4035#4.9: the upstream is asked with RD, CD and DO, and its AD bit counts for nothing. R-001
#[tokio::test]
async fn an_upstream_is_asked_but_not_believed() {
    let world = World::new();
    let upstream = world
        .serve(1, |query| {
            let answer = vec![(query.name.clone(), support::Data::A("192.0.2.1".parse().unwrap()))];
            Answer { ra: true, ad: true, aa: false, answer, ..Answer::to(query) }.send()
        })
        .await;
    let mut config = resolve::Config::upstream((world.ip(1), world.port).into());
    config.timeouts = world.config().timeouts;
    let answer = Resolver::new(config).unwrap().lookup(&name("www.example.test"), Rtype::A).await;
    assert_ne!(answer.status, Security::Secure);
    let first = &upstream.queries()[0];
    assert_eq!(first.bytes[2] & 0x01, 0x01, "RD");
    assert_eq!(first.bytes[3] & 0x30, 0x10, "CD and not AD");
    assert_eq!(first.bytes[first.bytes.len() - 11..], [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0], "EDNS 1232 with DO");
}

#[tokio::test]
async fn an_upstream_that_fails_is_named() {
    let world = World::new();
    world.serve(1, |query| Answer::code(query, Rcode::SERVFAIL)).await;
    let mut config = resolve::Config::upstream((world.ip(1), world.port).into());
    config.timeouts = world.config().timeouts;
    let answer = Resolver::new(config).unwrap().lookup(&name("www.example.test"), Rtype::A).await;
    assert_eq!((answer.failure, answer.status), (Some(Failure::Servfail), Security::Indeterminate));
    assert!(answer.failure_detail.as_deref().unwrap().contains(&world.ip(1).to_string()));
}

#[tokio::test]
async fn interception_shows_by_an_answer_from_nowhere() {
    let world = World::new();
    world.serve(1, |query| Answer::code(query, Rcode::NOERROR)).await;
    world.serve(2, |_| Action::Silence).await;
    let resolver = world.resolver();
    let started = Instant::now();
    assert_eq!(resolver.check_interception(Some(world.ip(2).into())).await, resolve::Interception::NotSeen);
    assert!(started.elapsed().as_millis() < 500);
    assert!(matches!(resolver.check_interception(Some(world.ip(1).into())).await, resolve::Interception::Seen(_)));
    // A closed port: it came back from this machine, and says nothing of the path.
    assert!(matches!(resolver.check_interception(Some(world.ip(3).into())).await, resolve::Interception::CouldNotLook(_)));
}

/// Thousands of lookups at once share delegations and stay within the sockets allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_at_once() {
    let world = World::new();
    let root = Zone::new(".").ns("test", "ns.nic.test").a("ns.nic.test", world.ip(2));
    let root = world.zone(1, root).await;
    let ip = world.ip(80);
    let tld =
        world.serve(2, move |query| Answer { answer: vec![(query.name.clone(), support::Data::A(ip))], ..Answer::to(query) }.send()).await;
    let budgets = resolve::Budgets { sockets: 64, ..resolve::Budgets::default() };
    // On a busy machine all of them wait for the few sockets longer than one lookup usually may.
    let timeouts = resolve::Timeouts { query: Duration::from_secs(5), tcp: Duration::from_secs(5), lookup: Duration::from_secs(120) };
    let resolver = Resolver::new(resolve::Config { budgets, timeouts, ..world.config() }).unwrap();
    let lookups: Vec<_> = (0..3000)
        .map(|i| {
            let resolver = resolver.clone();
            tokio::spawn(async move {
                let owner: &str = &format!("d{i}.test");
                resolver.lookup(&name(owner), Rtype::A).await
            })
        })
        .collect();
    for lookup in lookups {
        let answer = lookup.await.unwrap();
        assert_eq!(answer.data_text(), vec![ip.to_string()], "{:?}", answer.failure_detail);
    }
    // A question sent again because the answer was late is no second question.
    let distinct =
        |log: &support::Log| log.queries().into_iter().map(|q| (q.name, q.rtype)).collect::<std::collections::HashSet<_>>().len();
    assert_eq!([distinct(&root), distinct(&tld)], [1, 3000]);
}

/// RFC 9156: every server sees one label more than its zone, and only the last one the whole name. The answers stay the same.
#[tokio::test]
async fn servers_are_shown_no_more_than_they_need() {
    let world = World::new();
    let [root, tld, example, _] = internet(&world).await;
    let resolver = Resolver::new(resolve::Config { minimise: true, ..world.config() }).unwrap();
    let answer = resolver.lookup(&name("www.example.test"), Rtype::A).await;
    assert_eq!((answer.rcode, answer.data_text()), (0, vec![world.ip(80).to_string()]));
    let seen = |log: &support::Log| log.queries().iter().map(|q| format!("{} {}", q.name, q.rtype)).collect::<Vec<_>>();
    assert_eq!(seen(&root), ["test A"]);
    assert_eq!(seen(&tld), ["example.test A"]);
    assert_eq!(seen(&example), ["www.example.test A"]);

    // Below an empty name and below one that does not exist.
    let deep = resolver.lookup(&name("_25._tcp.www.example.test"), Rtype::TLSA).await;
    assert_eq!((deep.rcode, deep.failure), (3, None));
    assert_eq!(seen(&example)[1..], ["www.example.test A", "_tcp.www.example.test A", "_25._tcp.www.example.test TLSA"]);
    let ds = resolver.lookup(&name("example.test"), Rtype::DS).await;
    assert_eq!((ds.rcode, ds.rrset.is_none(), ds.failure), (0, true, None));
    assert_eq!(seen(&tld).last().map(String::as_str), Some("example.test DS"));
    let alias = resolver.lookup(&name("www.old.example.test"), Rtype::A).await;
    assert_eq!(alias.data_text(), vec![world.ip(81).to_string()]);
}

/// A server that answers nothing but what it expects is asked the whole question after all.
#[tokio::test]
async fn who_cannot_stand_a_part_of_the_name_is_shown_all_of_it() {
    let world = World::new();
    let root = Zone::new(".").ns("test", "ns.test").a("ns.test", world.ip(2));
    let tld = Zone::new("test").a("a.b.c.test", world.ip(80));
    world.zone(1, root).await;
    let log = world
        .serve(2, move |query| if query.name == name("c.test") { Answer::code(query, Rcode::REFUSED) } else { tld.answer(query) })
        .await;
    let resolver = Resolver::new(resolve::Config { minimise: true, ..world.config() }).unwrap();
    assert_eq!(resolver.lookup(&name("a.b.c.test"), Rtype::A).await.data_text(), vec![world.ip(80).to_string()]);
    assert_eq!(log.queries().last().unwrap().name, name("a.b.c.test"));
}

/// Queries come from the ports and the address that were asked for, over UDP and TCP; and not to those who are to be left alone.
#[tokio::test]
async fn source_and_who_is_left_alone() {
    let world = World::new();
    let root = Zone::new(".").ns("test", "a.test").a("a.test", world.ip(2)).ns("test", "b.test").a("b.test", world.ip(3));
    let test = Zone::new("test").a("www.test", world.ip(80)).a("mx.test", world.ip(81));
    let mut logs = vec![world.zone(1, root).await];
    for server in [2, 3] {
        let test = test.clone();
        let script = move |query: &support::Query| {
            if query.via == Via::Udp && query.name == name("mx.test") {
                Answer { tc: true, ..Answer::to(query) }.send()
            } else {
                test.answer(query)
            }
        };
        logs.push(world.serve(server, script).await);
    }
    let mut alone = resolve::Networks::default();
    assert!(alone.add(&format!("{}/32", world.ip(2))));
    let source = resolve::Source { address: Some(world.ip(99).into()), ports: Some(20_000..=29_999) };
    let resolver = Resolver::new(resolve::Config { source, leave_alone: alone.into(), ..world.config() }).unwrap();
    for owner in ["www.test", "mx.test"] {
        assert!(resolver.lookup(&name(owner), Rtype::A).await.rrset.is_some(), "{owner}");
    }
    let queries: Vec<_> = logs.iter().flat_map(support::Log::queries).collect();
    assert!(queries.iter().any(|query| query.via == Via::Tcp));
    for query in queries {
        assert_eq!(query.peer.ip(), world.ip(99));
        assert!((20_000..=29_999).contains(&query.peer.port()), "{}", query.peer);
    }
    assert_eq!(logs[1].count(), 0, "it wants to be left alone");
}

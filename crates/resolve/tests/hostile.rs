//! Servers and zones that are broken or mean harm: bounded queries, bounded time, and the right name for the failure. (R-066 in spirit)

mod support;

use domain::base::iana::{Rcode, Rtype};
use resolve::{Config, Failure, Resolver};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use support::{Action, Answer, Data, Query, Via, World, Zone, name};

async fn a(resolver: &Resolver, text: &str) -> std::sync::Arc<resolve::Answer> {
    let started = Instant::now();
    let answer = resolver.lookup(&name(text), Rtype::A).await;
    assert!(started.elapsed() < Duration::from_secs(6), "took {:?}", started.elapsed());
    answer
}

/// The root at .1 delegates `test` to .2 and .3.
async fn two_servers(
    world: &World,
    first: impl Fn(&Query, &Zone) -> Action + Send + Sync + 'static,
    second: impl Fn(&Query, &Zone) -> Action + Send + Sync + 'static,
) -> [support::Log; 2] {
    let root = Zone::new(".").ns("test", "ns1.test").ns("test", "ns2.test").a("ns1.test", world.ip(2)).a("ns2.test", world.ip(3));
    world.zone(1, root).await;
    let zone = Zone::new("test").a("www.test", world.ip(80));
    let other = zone.clone();
    [world.serve(2, move |query| first(query, &zone)).await, world.serve(3, move |query| second(query, &other)).await]
}

fn good(query: &Query, zone: &Zone) -> Action {
    zone.answer(query)
}

/// The query's own question under a header that promises nine answers, of which half a name follows.
fn broken(query: &Query) -> Vec<u8> {
    let question = &query.bytes[12..12 + query.name.len() + 4];
    [&query.bytes[..2], &[0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0], question, &[0xc0]].concat()
}

#[tokio::test]
async fn one_good_server_is_enough_whatever_the_other_does() {
    type Script = fn(&Query, &Zone) -> Action;
    let bad: [Script; 7] = [
        |_, _| Action::Silence,
        |query, _| Answer::code(query, Rcode::REFUSED),
        |query, _| Answer::code(query, Rcode::SERVFAIL),
        |query, _| Answer::code(query, Rcode::NOTIMP),
        |query, _| Answer { aa: false, ..Answer::to(query) }.send(),
        |query, _| Answer { aa: false, authority: vec![(name("."), Data::Ns("ns.root"))], ..Answer::to(query) }.send(),
        |query, _| Action::Send(broken(query)),
    ];
    for (index, bad) in bad.into_iter().enumerate() {
        let world = World::new();
        two_servers(&world, bad, good).await;
        // Which server is asked first is drawn.
        for _ in 0..4 {
            let answer = a(&world.resolver(), "www.test").await;
            assert_eq!(answer.data_text(), vec![world.ip(80).to_string()], "script {index}: {:?}", answer.failure_detail);
        }
    }
}

#[tokio::test]
async fn when_all_fail_alike_the_failure_has_that_name() {
    type Script = fn(&Query, &Zone) -> Action;
    let cases: [(Script, Failure); 7] = [
        (|_, _| Action::Silence, Failure::Timeout),
        (|query, _| Answer::code(query, Rcode::REFUSED), Failure::Refused),
        (|query, _| Answer::code(query, Rcode::SERVFAIL), Failure::Servfail),
        (|query, _| Answer::code(query, Rcode::NOTIMP), Failure::Notimp),
        (|query, _| Answer::code(query, Rcode::FORMERR), Failure::ErrorCode),
        (|query, _| Answer { aa: false, ..Answer::to(query) }.send(), Failure::Refused),
        (|query, _| Action::Send(broken(query)), Failure::Malformed),
    ];
    for (script, failure) in cases {
        let world = World::new();
        let logs = two_servers(&world, script, script).await;
        let answer = a(&world.resolver(), "www.test").await;
        assert_eq!(answer.failure, Some(failure), "{:?}", answer.failure_detail);
        let detail = answer.failure_detail.as_deref().unwrap();
        assert!(detail.contains(&world.ip(2).to_string()) && detail.contains(&world.ip(3).to_string()), "{detail}");
        assert_eq!(answer.raw.is_empty(), failure == Failure::Timeout, "what servers said is kept");
        // RFC 9520 section 3.1: three times over each transport at most.
        for via in [Via::Udp, Via::Tcp] {
            let counts = logs.each_ref().map(|log| log.queries().iter().filter(|query| query.via == via).count());
            assert!(counts.iter().all(|count| *count <= 3), "{failure:?} over {via:?}: {counts:?}");
        }
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable_and_quick() {
    let world = World::new();
    world.zone(1, Zone::new(".").ns("test", "ns.test").a("ns.test", world.ip(9))).await;
    let started = Instant::now();
    let answer = a(&world.resolver(), "www.test").await;
    assert_eq!(answer.failure, Some(Failure::Unreachable));
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn a_path_that_loses_datagrams_is_bridged() {
    let world = World::new();
    let lossy = |query: &Query, zone: &Zone| if query.number.is_multiple_of(2) { Action::Silence } else { zone.answer(query) };
    two_servers(&world, lossy, lossy).await;
    assert_eq!(a(&world.resolver(), "www.test").await.data_text(), vec![world.ip(80).to_string()]);
    let world = World::new();
    let tcp_only = |query: &Query, zone: &Zone| if query.via == Via::Udp { Action::Silence } else { zone.answer(query) };
    two_servers(&world, tcp_only, tcp_only).await;
    assert_eq!(a(&world.resolver(), "www.test").await.data_text(), vec![world.ip(80).to_string()]);
}

#[tokio::test]
async fn tcp_that_never_ends_is_given_up() {
    let world = World::new();
    let stuck = |query: &Query, _: &Zone| match query.via {
        Via::Udp => Answer { tc: true, ..Answer::to(query) }.send(),
        Via::Tcp => Action::Hold,
    };
    two_servers(&world, stuck, stuck).await;
    assert_eq!(a(&world.resolver(), "www.test").await.failure, Some(Failure::Timeout));
}

/// RFC 5452: what does not fit the query is somebody else's, and the right answer is still awaited.
#[tokio::test]
async fn strangers_datagrams_are_passed_over() {
    let world = World::new();
    let forged = |query: &Query| {
        let lie = Answer { answer: vec![(query.name.clone(), Data::A(Ipv4Addr::new(6, 6, 6, 6)))], ..Answer::to(query) }.bytes();
        let mut wrong_id = lie.clone();
        wrong_id[0] ^= 0x55;
        let other = Query { name: name("other.test"), ..query.clone() };
        let wrong_question =
            Answer { answer: vec![(query.name.clone(), Data::A(Ipv4Addr::new(6, 6, 6, 6)))], ..Answer::to(&other) }.bytes();
        let mut no_response = lie;
        no_response[2] &= 0x7f;
        vec![wrong_id, wrong_question, no_response, vec![1, 2, 3]]
    };
    let script = move |query: &Query, zone: &Zone| {
        let mut all = forged(query);
        if let Action::Send(truth) = zone.answer(query) {
            all.push(truth);
        }
        Action::SendAll(all)
    };
    two_servers(&world, script, script).await;
    assert_eq!(a(&world.resolver(), "www.test").await.data_text(), vec![world.ip(80).to_string()]);

    let world = World::new();
    let only = move |query: &Query, _: &Zone| Action::SendAll(forged(query));
    two_servers(&world, only, only).await;
    assert_eq!(a(&world.resolver(), "www.test").await.failure, Some(Failure::Malformed));
}

/// RFC 2181 section 5.4.1: a server is not believed about names outside its zone.
#[tokio::test]
async fn poison_is_not_swallowed() {
    let world = World::new();
    let root = Zone::new(".").ns("evil", "ns.evil").a("ns.evil", world.ip(2)).ns("good", "ns.good").a("ns.good", world.ip(3));
    world.zone(1, root).await;
    let liar = Ipv4Addr::new(6, 6, 6, 6);
    world
        .serve(2, move |query| {
            let answer = vec![(query.name.clone(), Data::Cname("www.good")), (name("www.good"), Data::A(liar))];
            let authority = vec![(name("good"), Data::Ns("ns.evil"))];
            Answer { answer, authority, additional: vec![(name("ns.good"), Data::A(liar))], ..Answer::to(query) }.send()
        })
        .await;
    world.zone(3, Zone::new("good").a("www.good", world.ip(80))).await;
    let resolver = world.resolver();
    assert_eq!(a(&resolver, "www.evil").await.data_text(), vec![world.ip(80).to_string()]);
    assert_eq!(a(&resolver, "www.good").await.data_text(), vec![world.ip(80).to_string()]);
}

#[tokio::test]
async fn alias_loops_and_endless_chains_end() {
    let world = World::new();
    let root = Zone::new(".").cname("a.test", "b.test").cname("b.test", "a.test").cname("self.test", "self.test");
    world.zone(1, root).await;
    let resolver = world.resolver();
    for loops in ["a.test", "self.test"] {
        let answer = a(&resolver, loops).await;
        assert_eq!(answer.failure, Some(Failure::AliasLoop));
        assert!(answer.failure_detail.as_deref().unwrap().contains("loops"));
    }

    let world = World::new();
    let endless = world
        .serve(1, |query| {
            let number: u32 = query.name.first().to_string().parse().unwrap_or(0);
            let next: &'static str = Box::leak(format!("{}.test", number + 1).into_boxed_str());
            Answer { answer: vec![(query.name.clone(), Data::Cname(next))], ..Answer::to(query) }.send()
        })
        .await;
    let answer = a(&world.resolver(), "0.test").await;
    assert_eq!(answer.failure, Some(Failure::AliasLoop));
    assert!(answer.failure_detail.as_deref().unwrap().contains("too long"));
    assert!(endless.count() <= 13, "{}", endless.count());
}

#[tokio::test]
async fn delegations_that_need_each_other_are_a_loop() {
    let world = World::new();
    let root = Zone::new(".").ns("a", "ns.b").ns("b", "ns.a").ns("c", "ns.c").ns("d", "ns1.e").ns("e", "ns.f").ns("f", "ns.d");
    let log = world.zone(1, root).await;
    for zone in ["www.a", "www.b", "www.c", "www.d", "www.f"] {
        let before = log.count();
        let answer = a(&world.resolver(), zone).await;
        assert_eq!(answer.failure, Some(Failure::DelegationLoop), "{zone}: {:?}", answer.failure_detail);
        assert!(log.count() - before < 20, "{zone}: {}", log.count() - before);
    }
}

#[tokio::test]
async fn referrals_that_lead_nowhere_are_lame() {
    let world = World::new();
    let root = Zone::new(".").ns("test", "ns.test").a("ns.test", world.ip(2));
    world.zone(1, root).await;
    let ip = world.ip(2);
    let circle = world
        .serve(2, move |query| {
            let authority = vec![(name("test"), Data::Ns("ns.test"))];
            Answer { aa: false, authority, additional: vec![(name("ns.test"), Data::A(ip))], ..Answer::to(query) }.send()
        })
        .await;
    assert_eq!(a(&world.resolver(), "www.test").await.failure, Some(Failure::Refused));
    assert!(circle.count() <= 2);
}

/// RFC 4035 section 3.1.4.1: DS is the parent's to answer; a child that denies it proves nothing.
#[tokio::test]
async fn a_child_cannot_answer_for_its_parent() {
    let world = World::new();
    let child = |query: &Query, _: &Zone| Answer { soa: Some(name("sub.test")), ..Answer::to(query) }.send();
    two_servers(&world, child, child).await;
    let answer = world.resolver().lookup(&name("sub.test"), Rtype::DS).await;
    assert_eq!(answer.failure, Some(Failure::Refused));
    assert!(answer.failure_detail.as_deref().unwrap().contains("answers for the child"));
}

/// A server that speaks EDNS and chokes on one question keeps being asked with EDNS: without, signed data would look bogus.
#[tokio::test]
async fn one_formerr_does_not_cost_the_signatures() {
    let world = World::new();
    let picky = |query: &Query, zone: &Zone| {
        if query.name == name("odd.test") {
            Answer { opt: false, rcode: Rcode::FORMERR, ..Answer::to(query) }.send()
        } else {
            zone.answer(query)
        }
    };
    let [log, _] = two_servers(&world, picky, |_, _| Action::Silence).await;
    let resolver = world.resolver();
    for owner in ["www.test", "odd.test", "nope.test"] {
        a(&resolver, owner).await;
    }
    assert!(log.queries().last().is_some_and(|query| query.name == name("nope.test") && query.edns));
}

/// NXNSAttack (2020): a delegation to many names in a victim's zone must not become many queries to the victim.
#[tokio::test]
async fn amplification_by_delegation_is_bounded() {
    let world = World::new();
    let root = Zone::new(".").ns("evil", "ns.evil").a("ns.evil", world.ip(2)).ns("victim", "ns.victim").a("ns.victim", world.ip(3));
    world.zone(1, root).await;
    let evil = world
        .serve(2, |query| {
            let sub = if query.name.label_count() > 3 { query.name.clone() } else { name("sub.evil") };
            let names = (0..100).map(|i| -> &'static str { Box::leak(format!("ns{i}.{}.victim", query.number).into_boxed_str()) });
            Answer { aa: false, authority: names.map(|n| (sub.clone(), Data::Ns(n))).collect(), ..Answer::to(query) }.send()
        })
        .await;
    let victim = world.zone(3, Zone::new("victim").a("www.victim", world.ip(80))).await;
    let answer = a(&world.resolver(), "www.sub.evil").await;
    assert_eq!(answer.failure, Some(Failure::DelegationLoop), "{:?}", answer.failure_detail);
    assert!(victim.count() <= 16, "{}", victim.count());
    assert!(evil.count() <= 2);
}

/// The same, each name server's name being in another zone of the attacker that has many again.
#[tokio::test]
async fn amplification_in_depth_is_bounded_by_the_budget() {
    let world = World::new();
    let log = world
        .serve(1, |query| {
            let zone = query.name.iter_suffixes().find(|s| s.label_count() == 2).unwrap_or(name("."));
            let names = (0..30).map(|i| -> &'static str { Box::leak(format!("ns.z{}x{i}", query.number).into_boxed_str()) });
            Answer { aa: false, authority: names.map(|n| (zone.clone(), Data::Ns(n))).collect(), ..Answer::to(query) }.send()
        })
        .await;
    let answer = a(&world.resolver(), "www.evil").await;
    assert!(matches!(answer.failure, Some(Failure::Budget | Failure::DelegationLoop)), "{:?}", answer.failure);
    assert!(log.count() <= 150, "{}", log.count());
    assert!(answer.failure_detail.as_deref().unwrap().len() < 4000);
}

#[tokio::test]
async fn many_silent_servers_cost_no_more_than_the_time_allowed() {
    let world = World::new();
    let mut root = Zone::new(".");
    for i in 10..40 {
        world.serve(i, |_| Action::Silence).await;
        let server: &'static str = Box::leak(format!("ns{i}.test").into_boxed_str());
        root = root.ns("test", server).a(server, world.ip(i));
    }
    world.zone(1, root).await;
    let answer = a(&world.resolver(), "www.test").await;
    assert_eq!(answer.failure, Some(Failure::Timeout), "nobody spoke: the path's fault, not our budget's");
}

/// Every byte of an answer changed in turn, and cut at every length: an answer or a failure, never a panic or a hang.
#[tokio::test]
async fn damaged_answers_never_hurt() {
    let world = World::new();
    world
        .serve(1, |query| {
            let mut zone =
                Answer { answer: vec![(query.name.clone(), Data::Cname("x.test"))], soa: Some(name("test")), ..Answer::to(query) };
            zone.additional = vec![(name("ns.test"), Data::A(Ipv4Addr::LOCALHOST))];
            let mut bytes = zone.bytes();
            let number = query.number as usize;
            let at = 2 + number / 2 % (bytes.len() - 2);
            if number.is_multiple_of(2) {
                bytes[at] ^= 1 << (number % 7);
                bytes[at] = bytes[at].wrapping_add(0xc0);
            } else {
                bytes.truncate(at);
            }
            Action::Send(bytes)
        })
        .await;
    let config = Config { attempts: 1, ..world.config() };
    let config = Config { timeouts: resolve::Timeouts { query: Duration::from_millis(5), ..config.timeouts }, ..config };
    let resolver = Resolver::new(config).unwrap();
    for i in 0..400 {
        let owner: &str = &format!("n{i}.test");
        let _ = resolver.lookup(&name(owner), Rtype::A).await;
    }
}

/// A zone on the Internet that names this machine as its server is not asked here.
#[tokio::test]
async fn strangers_do_not_send_us_to_ourselves() {
    let world = World::new();
    let here = world.zone(1, Zone::new(".")).await;
    let documentation: IpAddr = "192.0.2.1".parse().unwrap();
    let roots = vec![(name("ns.root"), vec![documentation])];
    let config = Config { mode: resolve::Mode::Iterative { roots }, ..world.config() };
    let resolver = Resolver::new(config).unwrap();
    let _ = resolver.lookup(&name("www.test"), Rtype::A).await;
    assert_eq!(here.count(), 0);
}

/// Lookups that wait for a socket of ours give up in their own time, and hold nothing against the servers that they never asked.
#[tokio::test]
async fn our_own_crowd_is_nobodys_silence() {
    let world = World::new();
    let log = world.serve(1, |_| Action::Silence).await;
    let config = world.config();
    let timeouts = resolve::Timeouts { query: Duration::from_secs(5), lookup: Duration::from_millis(300), ..config.timeouts };
    let budgets = resolve::Budgets { sockets: 1, ..config.budgets };
    let resolver = Resolver::new(Config { timeouts, budgets, ..config }).unwrap();
    let started = Instant::now();
    let lookups: Vec<_> = (0..10)
        .map(|i| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.lookup(&name(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i]), Rtype::A).await })
        })
        .collect();
    let mut failures = Vec::new();
    for lookup in lookups {
        failures.push(lookup.await.unwrap().failure);
    }
    assert!(started.elapsed() < Duration::from_millis(600), "took {:?}", started.elapsed());
    assert_eq!(log.count(), 1, "one socket");
    assert_eq!(failures.iter().filter(|f| **f == Some(Failure::Timeout)).count(), 1, "{failures:?}");
    assert_eq!(failures.iter().filter(|f| **f == Some(Failure::Budget)).count(), 9, "{failures:?}");
}

//! `dns scan`: exactly one record per line of the list, whatever happens on the way.

use super::{BED, in_lab_with, stderr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The records by their lines; each line once.
pub fn records(path: &Path) -> BTreeMap<u64, Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = BTreeMap::new();
    for record in text.lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let line = record["line"].as_u64().unwrap();
        assert!(found.insert(line, record).is_none(), "line {line} has two records");
    }
    found
}

fn start(list: &str, out: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_danelaw"))
        .args(["dns", "scan", list, "--out", out.to_str().unwrap()])
        .args(more)
        .args(BED.dns_options())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the file is at least so long.
fn wait_for(path: &Path, octets: u64) {
    let begun = Instant::now();
    while std::fs::metadata(path).map_or(0, |m| m.len()) < octets {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} stays short", path.display());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_line_has_its_record() {
    let place = tempfile::tempdir().unwrap();
    let (list, out) = (place.path().join("list"), place.path().join("out"));
    std::fs::write(&list, "valid.nl\n# nothing\nunsigned.nl\nbad..name\nmx-rrsig-expired.nl\n7,valid.nl\nno-such-name.nl\n").unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["dns", "scan", list.to_str().unwrap(), "--out", out.to_str().unwrap()], more].concat();
        in_lab_with(&arguments, &BED.dns_options())
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = records(&out);
    let status: Vec<(u64, &str, &str)> =
        told.iter().map(|(line, r)| (*line, r["name"].as_str().unwrap(), r["status"].as_str().unwrap())).collect();
    let expected = [
        (1, "valid.nl", "secure"),
        (3, "unsigned.nl", "insecure"),
        (4, "bad..name", "indeterminate"),
        (5, "mx-rrsig-expired.nl", "bogus"),
        (6, "valid.nl", "secure"),
        (7, "no-such-name.nl", "insecure"),
    ];
    assert_eq!(status, expected);
    assert_eq!((told[&4]["reason"].as_str(), told[&4]["answers"].as_array().map(Vec::len)), (Some("not-a-name"), Some(0)));
    // TLSA stands for the MX hosts' addresses and TLSA records.
    let asked: Vec<&str> = told[&1]["answers"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
    assert!(["SOA", "NS", "DS", "DNSKEY", "MX", "A", "AAAA", "TLSA"].iter().all(|rtype| asked.contains(rtype)), "{asked:?}");
    // Nothing is overwritten, and where all is done nothing is added.
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&["--resume"]).status.code(), Some(0));
    assert_eq!(records(&out), told);
}

#[test]
fn killed_and_resumed_none_is_lost_and_none_doubled() {
    let place = tempfile::tempdir().unwrap();
    let (list, out) = (place.path().join("list"), place.path().join("out"));
    let lines = 4000;
    let names = ["valid.nl", "unsigned.nl", "null-mx.nl", "bad..name"];
    std::fs::write(&list, (0..lines).map(|i| format!("{}\n", names[i % names.len()])).collect::<String>()).unwrap();
    let mut first = start(list.to_str().unwrap(), &out, &["--in-flight", "20"]);
    wait_for(&out, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    // What a crash of the machine leaves: half a record at the end.
    std::fs::OpenOptions::new().append(true).open(&out).unwrap().write_all(b"{\"line\":4000,\"na").unwrap();
    let before = std::fs::read_to_string(&out).unwrap().lines().count();
    assert!(before < lines, "it was killed in the middle");
    let second = start(list.to_str().unwrap(), &out, &["--resume"]).wait().unwrap();
    assert_eq!(second.code(), Some(0));
    let told = records(&out);
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (1..=lines as u64).collect::<Vec<_>>());
    assert!(told.iter().all(|(line, r)| r["name"] == names[(*line as usize - 1) % names.len()]));
}

/// Whoever writes the list may be slow: what is there is done meanwhile.
#[test]
fn a_slow_list_holds_up_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut child = start("-", &out, &["--workers", "1"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"valid.nl\n").unwrap();
    input.flush().unwrap();
    wait_for(&out, 1);
    input.write_all(b"unsigned.nl\n").unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(records(&out).len(), 2);
}

/// What a record says of its name, without time, servers and words: each answer's question, status, response code, reason and data.
pub fn verdict(record: &Value) -> (String, Vec<String>) {
    let answer = |answer: &Value| {
        let mut data: Vec<&str> = answer["data"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        data.sort_unstable();
        let [name, rtype, status, rcode, reason] = ["name", "type", "status", "rcode", "reason"].map(|field| &answer[field]);
        format!("{name} {rtype}: {status} {rcode} {reason} {data:?}")
    };
    let mut answers: Vec<String> = record["answers"].as_array().unwrap().iter().map(answer).collect();
    answers.sort_unstable();
    (format!("{} {}", record["status"], record["reason"]), answers)
}

/// Neither the order of the names, and so of what caches hold, nor how many are in work at once, nor which server happens to answer first,
/// changes what is said of a name.
#[test]
fn verdicts_do_not_depend_on_the_order_of_things() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("list");
    let mut names: Vec<String> = scenario::Scenario::all().iter().map(|s| format!("{}.nl", s.id)).collect();
    let mut known: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for (round, [in_flight, workers]) in [[1000, 1], [5, 1], [40, 2], [1000, 2], [20, 1]].into_iter().enumerate() {
        for last in (1..names.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            names.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
        }
        std::fs::write(&list, names.join("\n")).unwrap();
        let out = place.path().join(round.to_string());
        let (in_flight, workers) = (in_flight.to_string(), workers.to_string());
        let run =
            start(list.to_str().unwrap(), &out, &["--in-flight", &in_flight, "--workers", &workers, "--dns-timeout", "1"]).wait().unwrap();
        assert_eq!(run.code(), Some(0));
        let told = records(&out);
        assert_eq!(told.len(), names.len());
        for record in told.values() {
            let (name, verdict) = (record["name"].as_str().unwrap().to_owned(), verdict(record));
            let first = known.entry(name.clone()).or_insert_with(|| verdict.clone());
            assert_eq!(*first, verdict, "round {round}: {name} with {in_flight} in flight and {workers} workers");
        }
    }
}

/// What the short cut of a survey says of a name is what the resolver says of it, which validates every answer by itself.
#[test]
fn the_short_cut_agrees_with_the_resolver() {
    const TYPES: [&str; 6] = ["SOA", "NS", "DS", "DNSKEY", "MX", "CAA"];
    let place = tempfile::tempdir().unwrap();
    let (list, out) = (place.path().join("list"), place.path().join("out"));
    let names: Vec<String> = scenario::Scenario::all().iter().map(|s| format!("{}.nl", s.id)).collect();
    std::fs::write(&list, names.join("\n")).unwrap();
    let types = format!("--types={}", TYPES.join(","));
    let arguments = ["dns", "scan", list.to_str().unwrap(), "--out", out.to_str().unwrap(), &types];
    assert_eq!(in_lab_with(&arguments, &BED.dns_options()).status.code(), Some(0));
    let told = records(&out);

    let (hints, anchor) = (std::fs::read_to_string(BED.file("root.hints")), std::fs::read_to_string(BED.file("anchor.ds")));
    let mut config = resolve::Config {
        mode: resolve::Mode::Iterative { roots: resolve::hints::parse(&hints.unwrap()).unwrap() },
        anchors: resolve::Anchors::parse(&anchor.unwrap()).unwrap(),
        dns_port: BED.lab.config().dns_port,
        ..resolve::Config::default()
    };
    config.attempts = 3;
    let resolver = resolve::Resolver::new(config).unwrap();
    let questions: Vec<(resolve::Name, &str, &Value)> = told
        .values()
        .flat_map(|record| {
            let name: resolve::Name = record["name"].as_str().unwrap().parse().unwrap();
            record["answers"].as_array().unwrap().iter().zip(TYPES).map(move |(entry, rtype)| (name.clone(), rtype, entry))
        })
        .collect();
    let answers = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let ask = |(name, rtype, _): &(resolve::Name, &str, &Value)| {
            let (resolver, name, rtype) = (resolver.clone(), name.clone(), rtype.parse().unwrap());
            tokio::spawn(async move { resolver.lookup(&name, rtype).await })
        };
        let mut answers = Vec::new();
        for asked in questions.iter().map(ask).collect::<Vec<_>>() {
            answers.push(asked.await.unwrap());
        }
        answers
    });
    let mut compared = 0;
    for ((name, rtype, entry), answer) in questions.iter().zip(answers) {
        let sorted = |mut data: Vec<String>| {
            data.sort();
            data
        };
        let texts = entry["data"].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect();
        let reason = answer.reason.as_ref().map(|reason| reason.code.code()).or(answer.failure.map(resolve::Failure::code));
        let ttl = answer.rrset.as_ref().map(|set| set.ttl).or(answer.negative_ttl);
        let status = serde_json::to_value(answer.status).unwrap();
        assert_eq!(entry["type"], **rtype);
        assert_eq!(
            (&entry["status"], entry["rcode"].as_u64(), entry["reason"].as_str(), entry["ttl"].as_u64(), sorted(texts)),
            (&status, Some(answer.rcode.into()), reason, ttl.map(u64::from), sorted(answer.data_text())),
            "{name} {rtype}: {entry}"
        );
        compared += 1;
    }
    assert_eq!(compared, TYPES.len() * names.len());
}

/// Nobody on the opt-out list is asked anything, and the record says so; limits and source are kept by the short cut, too.
#[test]
fn politeness_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (list, out, opt_out) = (place.path().join("list"), place.path().join("out"), place.path().join("opt-out"));
    std::fs::write(&list, "valid.nl\nunsigned.nl\nmx.valid.nl\n").unwrap();
    std::fs::write(&opt_out, "unsigned.nl\n").unwrap();
    let before = BED.lab.queries().len();
    let arguments = ["dns", "scan", list.to_str().unwrap(), "--out", out.to_str().unwrap(), "--opt-out", opt_out.to_str().unwrap()];
    let polite = ["--source-ports", "28000-28999", "--dns-rate-server", "50", "--dns-open-server", "3"];
    let output = in_lab_with(&[&arguments[..], &polite].concat(), &BED.dns_options());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = records(&out);
    assert_eq!((told[&2]["status"].as_str(), told[&2]["reason"].as_str()), (Some("indeterminate"), Some("opted-out")));
    assert_eq!((told[&2]["answers"].as_array().unwrap().len(), told[&1]["status"].as_str()), (0, Some("secure")));
    let ours: Vec<_> = BED.lab.queries()[before..].iter().filter(|q| (28_000..29_000).contains(&q.source.port())).cloned().collect();
    assert!(ours.iter().any(|query| query.name.to_string() == "valid.nl"), "{} queries", ours.len());
    // Other tests may ask about it meanwhile, from other ports.
    assert!(ours.iter().all(|query| query.name.to_string() != "unsigned.nl"));

    for (option, value, says) in [
        ("--source-address", "192.0.2.77", "address of this machine"),
        ("--source-ports", "28000-28001", "at least 256"),
        ("--dns-rate", "0", "0.001"),
    ] {
        let output = in_lab_with(&["dns", "scan", list.to_str().unwrap(), "--out", "-", option, value], &BED.dns_options());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

/// A dry run tells who would be asked how often, and asks for delegations only.
#[test]
fn a_dry_run_counts_and_asks_no_more_than_it_must() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("list");
    std::fs::write(&list, "valid.nl\nunsigned.nl\n").unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["dns", "scan", list.to_str().unwrap(), "--dry-run", "--source-ports", "27000-27999"], more].concat();
        let output = in_lab_with(&arguments, &BED.dns_options());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let told: Value = serde_json::from_str(&run(&["--json", "--dns-rate-server", "2"])).unwrap();
    // The parent, and SOA, DNSKEY and MX of two names: DS comes with the referral, NS with SOA.
    assert_eq!((&told["names"], &told["queries"], &told["unknown"]), (&2.into(), &8.into(), &0.into()));
    let sum = |what: &str| told[what].as_array().unwrap().iter().map(|load| load["queries"].as_u64().unwrap()).sum::<u64>();
    assert!(sum("servers").abs_diff(8) <= 2 && sum("networks").abs_diff(8) <= 2, "{told}");
    assert!(told["servers"][0]["seconds"].as_f64().unwrap() > 0.0);
    let ours: Vec<_> = BED.lab.queries().into_iter().filter(|q| (27_000..28_000).contains(&q.source.port())).collect();
    assert!(!ours.iter().any(|query| query.rtype.to_string() == "MX" || query.rtype.to_string() == "TLSA"));
    let opt_out = place.path().join("opt-out");
    std::fs::write(&opt_out, "unsigned.nl\n").unwrap();
    let fewer: Value = serde_json::from_str(&run(&["--json", "--opt-out", opt_out.to_str().unwrap()])).unwrap();
    assert_eq!((&fewer["names"], &fewer["queries"]), (&1.into(), &4.into()), "nothing is asked about who wants to be left alone");
    let text = run(&[]);
    assert!(text.contains("2 names would cost about 8 queries") && text.contains("no limit"), "{text}");
}

/// As a stub every question costs one query, whatever the answer is.
#[test]
fn a_stub_asks_once() {
    let place = tempfile::tempdir().unwrap();
    let (list, out, stats) = (place.path().join("list"), place.path().join("out"), place.path().join("stats"));
    std::fs::write(&list, "valid.nl\nunsigned.nl\nno-such-name.nl\nns.valid.nl\n").unwrap();
    let server = BED.lab.name_servers().iter().find(|(zone, _)| zone.to_string() == "nl").unwrap().1[0];
    let stub = format!("--stub={server}:{}", BED.lab.config().dns_port);
    let arguments = ["dns", "scan", list.to_str().unwrap(), "--out", out.to_str().unwrap(), "--types=SOA,DS,CAA", &stub, "--stats"];
    let output = in_lab_with(&[&arguments[..], &[stats.to_str().unwrap()]].concat(), &BED.dns_options());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = records(&out);
    let codes = |line| told[&line]["answers"].as_array().unwrap().iter().map(|a| a["rcode"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!((codes(1), codes(2), codes(3)), (vec![0; 3], vec![0; 3], vec![3; 3]));
    assert!(told[&1]["answers"][1]["data"][0].as_str().is_some_and(|ds| ds.split(' ').count() == 4), "{}", told[&1]);
    assert!(told.values().all(|record| record["status"] == "indeterminate"));
    let stats: Value = serde_json::from_str(&std::fs::read_to_string(&stats).unwrap()).unwrap();
    assert_eq!(stats["queries"], 12);
}

//! The studies' own form: a planned history goes through it and is found again, and bad lines stop nothing.

use archive::import::dane_study::{Bad, Line, Parser, Row, Summary, WhyBogus, WhyFail, read};
use dane::dns::Security;
use dane::rollover::{Catalogue, Grade, Rounds, Served, State, grade};
use lab::history::{Answer, Dnssec, History, HistoryConfig, Packing};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const HOUR: i64 = 3600;

fn history(servers: usize, days: u32, vantages: usize) -> History {
    History::new(HistoryConfig { servers, days, vantages, seed: 11, ..HistoryConfig::new() }).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn rows(file: &Path, parser: &mut Parser) -> Vec<Row> {
    let mut rows = Vec::new();
    let summary = read(file, parser, |line| match line {
        Line::Row(row) => rows.push(*row),
        Line::Bad(bad) => panic!("{bad:?}"),
    });
    assert_eq!(summary.unwrap().rows, rows.len() as u64);
    rows
}

/// Nothing but the files: rounds are the hours in which there is any line.
#[test]
fn planned_rollovers_are_found_in_the_studies_form() {
    let history = history(90, 14, 1);
    let directory = tempfile::tempdir().unwrap();
    let written = history.write_dane_study(directory.path(), Packing::Plain).unwrap();
    let (mut hours, mut lines) = (BTreeSet::new(), 0);
    let mut catalogue = Catalogue::new(Vec::new());
    let mut states = BTreeMap::<String, Vec<State>>::new();
    let mut parser = Parser::new();
    let mut all: Vec<(i64, String, State)> = Vec::new();
    for file in files(&directory.path().join("virginia")) {
        for row in rows(&file, &mut parser) {
            let served = row.tlsa.as_ref().map(|t| Served { set: catalogue.set(&t.records), ttl: t.ttl });
            let chain = row.starttls.as_ref().ok().and_then(|chain| catalogue.chain(chain));
            all.push((row.hour, row.host.to_string(), State { from: row.hour, to: row.hour + HOUR, served, chain }));
            hours.insert(row.hour);
            lines += 1;
        }
    }
    assert_eq!((written.lines, written.files), (lines, hours.len() as u64));
    // The names of the files do not sort by time.
    all.sort_by_key(|(hour, ..)| *hour);
    all.into_iter().for_each(|(_, host, state)| states.entry(host).or_default().push(state));
    let hours: Vec<i64> = hours.into_iter().collect();
    assert_eq!(hours, history.rounds(0));
    let rounds = Rounds::new(&hours, HOUR).unwrap();
    let mut grades = BTreeSet::new();
    for truth in history.truth() {
        let graded = grade(&states[&truth.host], rounds, &catalogue).unwrap();
        let found: Vec<_> = graded.changes.iter().map(|change| (change.at, change.grade.map(Grade::word))).collect();
        let planned: Vec<_> = truth.changes.iter().map(|change| (change.at, change.grade)).collect();
        assert_eq!(found, planned, "{truth:#?}");
        grades.extend(found.into_iter().filter_map(|(_, grade)| grade));
    }
    assert!(grades.len() >= 8, "{grades:?}");
}

/// Every field comes back as it was planned: status, signatures, TTL, records, chain, and why there is none; at every vantage point.
#[test]
fn every_field_comes_back_gzip_or_plain() {
    let history = history(12, 14, 2);
    let [plain, packed] = [Packing::Plain, Packing::Gzip].map(|packing| {
        let directory = tempfile::tempdir().unwrap();
        (history.write_dane_study(directory.path(), packing).unwrap(), directory)
    });
    assert_eq!(plain.0, packed.0);
    let (mut failed, mut insecure, mut parser) = (0, 0, Parser::new());
    for (vantage, city) in ["virginia", "oregon"].into_iter().enumerate() {
        let stretches: Vec<_> = (0..12).map(|server| history.stretches(server, vantage)).collect();
        for (file, same) in files(&plain.1.path().join(city)).iter().zip(files(&packed.1.path().join(city))).step_by(23) {
            let rows = rows(file, &mut parser);
            assert_eq!(rows, self::rows(&same, &mut parser), "{}", file.display());
            for row in rows {
                let server = history.truth().iter().position(|truth| row.host.to_string() == truth.host).unwrap();
                let sight = stretches[server].iter().find(|s| s.from <= row.hour && row.hour < s.to).unwrap().sight;
                assert_eq!((row.city.as_str(), row.port), (city, 25));
                assert_eq!(row.starttls.as_ref().ok(), sight.chain.ok().map(|chain| history.certificates(chain)).as_ref());
                assert_eq!(row.starttls.as_ref().err().map(|failure| failure.text.as_str()), sight.chain.err());
                failed += u32::from(row.starttls.is_err());
                assert_eq!(row.tlsa.is_some(), sight.tlsa.is_some());
                let Some((found, Answer { set, ttl, dnssec })) = row.tlsa.zip(sight.tlsa) else { continue };
                assert_eq!((&found.records[..], found.ttl), (history.records(set), ttl));
                let expected = match dnssec {
                    Dnssec::Secure => (Security::Secure, true),
                    Dnssec::NoDs => (Security::Insecure, true),
                    Dnssec::Unsigned => (Security::Insecure, false),
                    Dnssec::Bogus(_) => (Security::Bogus, true),
                };
                assert_eq!((found.status, found.signed), expected);
                assert_eq!(found.original_ttl, found.signed.then_some(ttl));
                insecure += u32::from(found.status == Security::Insecure);
            }
        }
    }
    assert!(failed > 0 && insecure > 0);
}

/// Every text that the history knows for bogus answers means something of the studies' list.
#[test]
fn what_is_bogus_has_a_reason() {
    let history = history(2500, 14, 1);
    let reasons: BTreeSet<WhyBogus> = history.truth().iter().flat_map(|t| &t.bogus).map(|(.., why)| WhyBogus::of(why)).collect();
    assert!(reasons.len() >= 4 && !reasons.contains(&WhyBogus::Other), "{reasons:?}");
}

/// One good line, made by hand from RFC 1035 and RFC 6698: `_25._tcp.mx.example. 3600 IN TLSA 3 1 1 00…1f`.
fn good() -> serde_json::Value {
    let name = b"\x03_25\x04_tcp\x02mx\x07example\x00";
    let data: Vec<u8> = (0..32).collect();
    let message = [
        b"\x00\x00\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00",
        &name[..],
        b"\x00\x34\x00\x01",
        b"\xc0\x0c\x00\x34\x00\x01\x00\x00\x0e\x10\x00\x23\x03\x01\x01",
        &data,
    ]
    .concat();
    let pem = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let base64 = |octets: &[u8]| data_encoding::BASE64.encode(octets);
    serde_json::json!({"domain": "MX.example.", "port": "25", "time": "20191031 9", "city": "virginia",
        "tlsa": {"dnssec": "Bogus", "why_bogus": "signature expired", "record_raw": base64(&message)},
        "starttls": {"certs": [base64(pem.as_bytes())]}, "more": 1})
}

#[test]
fn a_line_made_by_hand() {
    let row = Parser::new().line(good().to_string().as_bytes()).unwrap();
    // date -u -d '2019-10-31 09:00' +%s
    assert_eq!((row.host.to_string().as_str(), row.port, row.hour, row.city.as_str()), ("mx.example", 25, 1_572_512_400, "virginia"));
    let tlsa = row.tlsa.unwrap();
    let hex: String = (0..32).map(|i| format!("{i:02x}")).collect();
    assert_eq!(tlsa.records.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("3 1 1 {hex}")]);
    assert_eq!((tlsa.status, tlsa.why_bogus, tlsa.signed), (Security::Bogus, Some(WhyBogus::Expired), false));
    assert_eq!((tlsa.ttl, tlsa.original_ttl), (3600, None));
    assert_eq!(*row.starttls.unwrap()[0].0, [0, 1, 2]);
    let mut other = good();
    other["starttls"] = serde_json::json!({"why_fail": "502 5.5.1 no"});
    other.as_object_mut().unwrap().remove("tlsa");
    other["time"] = "20200229 23".into();
    let row = Parser::new().line(other.to_string().as_bytes()).unwrap();
    assert_eq!((row.tlsa, row.starttls.unwrap_err().class, row.hour), (None, WhyFail::NotImplemented, 1_583_017_200));
    // P20 Figure 6: "no certificate".
    other["starttls"] = serde_json::json!({"certs": []});
    assert_eq!(Parser::new().line(other.to_string().as_bytes()).unwrap().starttls.unwrap_err().class, WhyFail::NoCertificate);
}

#[test]
fn every_fault_has_its_reason() {
    let why = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut line = good();
        change(&mut line);
        Parser::new().line(line.to_string().as_bytes()).unwrap_err()
    };
    for (field, value, reason) in [
        ("domain", "a..b", "domain:"),
        ("port", "0", "port:"),
        ("port", "smtp", "port:"),
        ("time", "20191032 9", "time:"),
        ("time", "20190229 9", "time:"),
        ("time", "20191031 24", "time:"),
        ("time", "2019103109", "time:"),
        ("time", "+0191031 9", "time:"),
        ("city", "", "city:"),
    ] {
        assert!(why(&|line| line[field] = value.into()).starts_with(reason), "{field} {value}");
    }
    for (field, value, reason) in
        [("dnssec", "Maybe", "dnssec:"), ("record_raw", "!", "record_raw: not base64"), ("record_raw", "AAAA", "record_raw: not a DNS")]
    {
        assert!(why(&|line| line["tlsa"][field] = value.into()).starts_with(reason), "{field} {value}");
    }
    let empty = data_encoding::BASE64.encode(b"\x00\x00\x81\x80\x00\x00\x00\x00\x00\x00\x00\x00");
    assert_eq!(why(&|line| line["tlsa"]["record_raw"] = empty.as_str().into()), "record_raw: no TLSA record");
    for certs in [serde_json::json!(vec!["AAAA"; 65]), serde_json::json!(["?"]), serde_json::json!(["AAAA"])] {
        assert!(why(&|line| line["starttls"]["certs"] = certs.clone()).starts_with("certs:"));
    }
    assert!(why(&|line| line["starttls"] = serde_json::json!({})).starts_with("starttls:"));
    assert!(why(&|line| line["starttls"]["why_fail"] = "x".into()).starts_with("starttls:"));
    assert!(why(&|line| drop(line.as_object_mut().unwrap().remove("starttls"))).starts_with("a field is missing"));
    assert_eq!(Parser::new().line(b"{\"domain\": "), Err("not a JSON object"));
}

#[test]
fn bad_lines_are_counted_and_stop_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let good = good().to_string();
    let long = format!("{{\"domain\": \"{}\"}}", "x".repeat(2 << 20));
    let text = [good.as_bytes(), b"", b"\xff\xfe", long.as_bytes(), b"{}", good.as_bytes()].join(&b'\n');
    let plain = directory.path().join("plain");
    fs::write(&plain, &text).unwrap();
    let mut bad = Vec::new();
    let mut keep = |line| {
        if let Line::Bad(line) = line {
            bad.push(line);
        }
    };
    let summary = read(&plain, &mut Parser::new(), &mut keep).unwrap();
    assert_eq!(summary.rows, 2);
    let reasons: Vec<_> = bad.iter().map(|Bad { number, reason, .. }| (*number, *reason)).collect();
    assert_eq!(reasons, [(3, "not a JSON object"), (4, "longer than 1 MiB"), (5, "a field is missing, or is not what it should be")]);
    assert!(bad.iter().all(|bad| bad.text.chars().count() <= 200) && bad[1].text.starts_with("{\"domain\": \"xxx"));
    assert_eq!(summary.bad.values().sum::<u64>(), 3);
    assert!(read(&directory.path().join("nothing"), &mut Parser::new(), |_| ()).is_err());
    fs::write(&plain, "").unwrap();
    assert_eq!(read(&plain, &mut Parser::new(), |_| ()).unwrap(), Summary::default());
}

/// gzip itself packs; what is cut off gives what came before, and says so.
#[test]
fn gzip_of_others_whole_in_parts_and_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    fs::write(&path, format!("{}\n", good()).repeat(300)).unwrap();
    let packed = std::process::Command::new("gzip").arg("-c").arg(&path).output().expect("gzip is on every machine").stdout;
    let count = |octets: &[u8]| {
        let file = directory.path().join("packed");
        fs::write(&file, octets).unwrap();
        let summary = read(&file, &mut Parser::new(), |_| ()).unwrap();
        (summary.rows, summary.bad.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(count(&packed), (300, vec![]));
    assert_eq!(count(&packed.repeat(2)), (600, vec![]));
    let (rows, bad) = count(&packed[..packed.len() / 2]);
    assert!(rows < 300);
    assert_eq!(bad, [("the file is damaged from here on, or cut off", 1)]);
    let (rows, bad) = count(&[&packed[..], b"\x1f\x8brubbish"].concat());
    assert_eq!((rows, bad.len()), (300, 1));
}

proptest! {
    /// Lines with octets changed anywhere are rows or have a reason.
    #[test]
    fn changed_lines_do_no_harm(at in any::<prop::sample::Index>(), octet in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut line = good().to_string().into_bytes();
        let i = at.index(line.len());
        line[i] = octet;
        let _ = Parser::new().line(&line);
        let _ = Parser::new().line(&line[..cut.index(line.len())]);
    }
}

//! The studies' lines in, and the states that they make.

use super::{danelaw, history, hours, refused, said, stderr, text};
use archive::states::model::{Digest, ServerKey, ServerState};
use archive::states::{Answer, Archive, Columns};
use data_encoding::BASE64;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const HOUR: i64 = 3600;

/// Everything that states refer to, by number.
struct Open {
    archive: Archive,
    certs: Vec<Digest>,
    chains: Vec<Vec<usize>>,
    sets: Vec<Vec<Vec<u8>>>,
    evidence: Vec<String>,
}

fn open(root: &Path) -> Open {
    let archive = Archive::open(root).unwrap();
    let certs = archive.certs(Columns::All).unwrap().iter().map(|cert| cert.sha256).collect();
    let chains = archive.chains().unwrap().iter().map(|chain| chain.certs.iter().map(|id| id.number() as usize - 1).collect()).collect();
    let sets = archive.tlsa_sets().unwrap().iter().map(|set| set.records.iter().map(|record| record.to_rdata()).collect()).collect();
    let evidence = archive.evidence().unwrap().into_iter().map(|one| one.messages.into()).collect();
    Open { archive, certs, chains, sets, evidence }
}

fn verified(root: &Path) {
    assert_eq!(Archive::open(root).unwrap().verify().unwrap().faults, Vec::<String>::new());
}

/// A line, read without any of our readers: hour, TLSA data and certificates by what must stand in them.
fn holds(open: &Open, state: &ServerState, line: &Value) {
    let word = |id: Option<archive::states::model::WordId>| id.map(|id| open.archive.parts().text(id));
    let seen = &state.seen;
    match line.get("tlsa") {
        None => assert_eq!((seen.tlsa_set, seen.dnssec, seen.signed), (None, None, None)),
        Some(tlsa) => {
            assert_eq!(seen.dnssec.unwrap().word(), tlsa["dnssec"].as_str().unwrap().to_lowercase());
            let message = BASE64.decode(tlsa["record_raw"].as_str().unwrap().as_bytes()).unwrap();
            let has = |octets: &[u8]| message.windows(octets.len()).any(|window| window == octets);
            let records = &open.sets[seen.tlsa_set.unwrap().number() as usize - 1];
            // The count of answers, RFC 1035 section 4.1.1, and TTL and length before each RDATA, section 3.2.1.
            let signed = seen.signed.unwrap();
            assert_eq!(u16::from_be_bytes([message[6], message[7]]) as usize, records.len() + usize::from(signed));
            assert!(!signed || has(&[0, 46, 0, 1]), "an RRSIG record");
            for record in records {
                let length = u16::try_from(record.len()).unwrap().to_be_bytes();
                assert!(has(&[&[0, 52, 0, 1][..], &seen.ttl.unwrap().to_be_bytes(), &length, record].concat()));
            }
            let kept = state.notes.evidence_from.map(|id| open.evidence[id.number() as usize - 1].as_str());
            assert!(tlsa["dnssec"] == "Secure" || kept.is_some());
            let reason = word(seen.reason).unwrap_or("");
            match tlsa["why_bogus"].as_str() {
                Some(why) if why.contains("signature expired") => assert_eq!(reason, "rrsig-expired"),
                Some(_) => assert!(!reason.is_empty()),
                None if signed => assert!(matches!(reason, "" | "ds-missing"), "{reason}"),
                None => assert_eq!(reason, "unsigned"),
            }
        }
    }
    let starttls = &line["starttls"];
    if let Some(certs) = starttls["certs"].as_array() {
        let chain = &open.chains[seen.chain.unwrap().number() as usize - 1];
        let found: Vec<Digest> = chain.iter().map(|cert| open.certs[*cert]).collect();
        let expected = certs.iter().map(|cert| Digest::of(&der(cert.as_str().unwrap()))).collect::<Vec<_>>();
        assert_eq!((found, word(seen.smtp_status)), (expected, Some("ok")));
    } else {
        let why = starttls["why_fail"].as_str().unwrap();
        assert_eq!(seen.chain, None);
        assert_eq!(seen.smtp_status.is_some(), why != "NoData");
        if let Ok(code) = why[..why.len().min(3)].parse::<u16>() {
            assert_eq!(seen.smtp_code, Some(code));
        }
    }
}

/// The bytes of a PEM file in base64, by hand.
fn der(text: &str) -> Vec<u8> {
    let pem = String::from_utf8(BASE64.decode(text.as_bytes()).unwrap()).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    BASE64.decode(body.as_bytes()).unwrap()
}

/// The hour that a file's name has: `190713_4`.
fn hour(path: &Path) -> i64 {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (day, hour) = name.split('.').next().unwrap().split_once('_').unwrap();
    let day: jiff::civil::Date = format!("20{}-{}-{}", &day[..2], &day[2..4], &day[4..]).parse().unwrap();
    day.at(hour.parse().unwrap(), 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
}

#[test]
fn states_say_what_the_lines_said() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "25", "--vantages", "2"]);
    let root = place.path().join("archive");
    let report = said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&root), "--json"]), 0);
    let files = hours(&history, "virginia").len() + hours(&history, "oregon").len();
    assert_eq!((report["rounds"]["new"].as_u64(), report["set_aside"]["count"].as_u64()), (Some(files as u64), Some(0)));
    verified(&root);
    let open = open(&root);
    let states = open.archive.server_history().unwrap();
    let (mut lines, mut failures, mut not_secure) = (0, 0, 0);
    for city in ["virginia", "oregon"] {
        let vantage = open.archive.parts().find_word(city).unwrap();
        for file in hours(&history, city) {
            let at = hour(&file);
            let mut there = 0;
            for line in fs::read_to_string(&file).unwrap().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                let host = line["domain"].as_str().unwrap().trim_end_matches('.');
                let key = ServerKey::new(host, 25, None);
                let key = open.archive.servers().iter().position(|server| *server == key).unwrap();
                let key = archive::states::model::ServerId::new(key as u32 + 1).unwrap();
                let Answer::Seen(state) = states.at(key, vantage, at + 17) else { panic!("{host} at {at}") };
                holds(&open, state, &line);
                there += 1;
                failures += usize::from(line["starttls"].get("why_fail").is_some());
                not_secure += usize::from(line["tlsa"]["dnssec"] == "Insecure");
            }
            let round = states.round(vantage, at).unwrap();
            assert_eq!((round.servers, round.complete, round.every_s), (Some(there), true, 3600));
            lines += u64::from(there);
        }
        // The truth: these hours were missed, and nothing is known of them.
        let truth: Value = serde_json::from_slice(&fs::read(history.join("truth.json")).unwrap()).unwrap();
        let number = truth["vantages"].as_array().unwrap().iter().position(|name| name == city).unwrap();
        for missed in truth["missed"][number].as_array().unwrap() {
            assert_eq!(states.round(vantage, missed.as_i64().unwrap()), None);
        }
    }
    assert_eq!(report["rows"].as_u64(), Some(lines));
    assert!(failures > 0 && not_secure > 0, "{failures} {not_secure}");
}

/// As [`archive`] tells them apart: rounds and states without the numbers, which depend on the order of arrival.
pub fn content(root: &Path) -> Vec<String> {
    let open = open(root);
    let parts = open.archive.parts();
    let mut all: Vec<String> =
        open.archive.snapshots().iter().map(|s| format!("{} {} {:?}", parts.text(s.vantage), s.scheduled_s, s.servers)).collect();
    let show = |state: &ServerState| {
        let seen = &state.seen;
        let chain = seen.chain.map(|id| open.chains[id.number() as usize - 1].iter().map(|cert| open.certs[*cert]).collect::<Vec<_>>());
        let set = seen.tlsa_set.map(|id| &open.sets[id.number() as usize - 1]);
        let words = [seen.reason, seen.smtp_status].map(|word| word.map(|word| parts.text(word)));
        let key = &open.archive.servers()[state.key.number() as usize - 1];
        let rest = (seen.ttl, seen.dnssec, seen.signed, seen.smtp_code, seen.verdict);
        format!("{key:?} {} {:?} {set:?} {chain:?} {words:?} {rest:?}", parts.text(state.vantage), state.span)
    };
    open.archive.server_states(Columns::All, |states| all.extend(states.iter().map(show))).unwrap();
    all.sort();
    all
}

#[test]
fn again_and_late_and_compressed_it_is_the_same() {
    let place = tempfile::tempdir().unwrap();
    let plain = history(place.path(), &["--servers", "6"]);
    let root = |name: &str| place.path().join(name);
    let import =
        |from: &[&str], to: &str| said(&danelaw(&[&["import", "dane-study", "--json", "--archive", text(&root(to))], from].concat()), 0);
    let all = import(&[text(&plain)], "whole");
    let again = import(&[text(&plain)], "whole");
    assert_eq!(again["rounds"]["known"], all["rounds"]["new"]);
    assert_eq!((&again["rounds"]["new"], &again["changes"]), (&0.into(), &0.into()));
    let whole = content(&root("whole"));
    // Some hours come after all others.
    let files = hours(&plain, "virginia");
    let (late, early): (Vec<_>, Vec<_>) = files.iter().enumerate().partition(|(index, _)| index % 41 == 20);
    let names = |files: &[(usize, &std::path::PathBuf)]| files.iter().map(|(_, path)| text(path).to_owned()).collect::<Vec<_>>();
    let (late, early) = (names(&late), names(&early));
    import(&early.iter().map(String::as_str).collect::<Vec<_>>(), "late");
    let report = import(&late.iter().map(String::as_str).collect::<Vec<_>>(), "late");
    assert_eq!(report["rounds"]["late"].as_u64(), Some(late.len() as u64));
    assert_eq!(content(&root("late")), whole);
    verified(&root("late"));
    // Other people's gzip; and all hours in one file.
    for file in &files {
        assert!(Command::new("gzip").arg(file).status().unwrap().success());
    }
    import(&[text(&plain)], "packed");
    assert_eq!(content(&root("packed")), whole);
    let one = place.path().join("all-in-one");
    let packed: Vec<u8> = hours(&plain, "virginia").iter().flat_map(|path| fs::read(path).unwrap()).collect();
    fs::write(&one, packed).unwrap();
    import(&[text(&one)], "one");
    assert_eq!(content(&root("one")), whole);
    // Another name, and hours left out.
    let day = import(&[text(&one), "--vantage", "home", "--exclude-rounds", "2019-07-14/2019-07-25,2019-07-13T03"], "home");
    let kept = day["rounds"]["by_vantage"]["home"].as_u64().unwrap();
    let expected = files.iter().filter(|path| (1_562_976_000..1_563_062_400).contains(&hour(path)) && hour(path) != 1_562_986_800).count();
    let last_day = files.iter().filter(|path| hour(path) >= 1_562_976_000 + 13 * 86_400).count();
    assert_eq!(kept, (expected + last_day) as u64);
}

#[test]
fn a_killed_import_goes_on_where_it_was() {
    let place = tempfile::tempdir().unwrap();
    let plain = history(place.path(), &["--servers", "12"]);
    let (whole, killed) = (place.path().join("whole"), place.path().join("killed"));
    let import = |root: &Path| danelaw(&["import", "dane-study", text(&plain), "--archive", text(root), "--json"]);
    said(&import(&whole), 0);
    for wait in [30, 90, 200] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_danelaw"))
            .args(["import", "dane-study", text(&plain), "--archive", text(&killed)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().ok();
        child.wait().unwrap();
    }
    said(&import(&killed), 0);
    assert_eq!(content(&killed), content(&whole));
    verified(&killed);
}

#[test]
fn what_is_broken_is_set_aside_and_stops_nothing() {
    let place = tempfile::tempdir().unwrap();
    let plain = history(place.path(), &["--servers", "6"]);
    let root = place.path().join("archive");
    let files = hours(&plain, "virginia");
    // A line cut short, one twice, one of nothing; a file that ends in the middle of its compression.
    let good = fs::read_to_string(&files[1]).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    fs::write(&files[1], format!("{}\n\n{}\n{}\n{{}}\n", &lines[0][..lines[0].len() / 2], lines[1..].join("\n"), lines[1])).unwrap();
    let packed = Command::new("gzip").arg("-c").arg(&files[2]).output().unwrap().stdout;
    fs::write(files[2].with_extension("txt.gz"), &packed[..packed.len() * 3 / 4]).unwrap();
    fs::remove_file(&files[2]).unwrap();
    let output = danelaw(&["import", "dane-study", text(&plain), "--archive", text(&root), "--json"]);
    let report = said(&output, 0);
    assert_eq!((&report["set_aside"]["count"], &report["rounds"]["incomplete"]), (&4.into(), &2.into()));
    let kept = fs::read_to_string(report["set_aside"]["file"].as_str().unwrap()).unwrap();
    let kept: Vec<Vec<&str>> = kept.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(kept[0], ["file", "line", "reason", "text"]);
    let of = |number: usize| (kept[number][0], kept[number][1], kept[number][2]);
    let last = lines.len() + 2;
    assert_eq!(of(1), (text(&files[1]), "1", "not a JSON object"));
    assert_eq!(of(2), (text(&files[1]), last.to_string().as_str(), "the same server again in this hour; the first line counts"));
    assert_eq!(of(3), (text(&files[1]), (last + 1).to_string().as_str(), "a field is missing, or is not what it should be"));
    assert_eq!(of(4).2, "the file is damaged from here on, or cut off");
    assert!(stderr(&output).contains("set aside"), "{}", stderr(&output));
    verified(&root);
    let open = open(&root);
    let states = open.archive.server_history().unwrap();
    let virginia = open.archive.parts().find_word("virginia").unwrap();
    let complete = |at: i64| states.round(virginia, at).unwrap().complete;
    assert!(complete(hour(&files[0])) && !complete(hour(&files[1])) && complete(hour(&files[3])));
    // The whole hour comes later: the archive has another one, says so, and stays as it is.
    fs::write(&files[1], good).unwrap();
    let output = danelaw(&["import", "dane-study", text(&files[1]), "--archive", text(&root), "--json"]);
    assert_eq!(said(&output, 1)["rounds"]["refused"], 1);
    assert!(stderr(&output).contains("another round"), "{}", stderr(&output));
    assert!(hour(&files[3]) - hour(&files[0]) >= 3 * HOUR);
}

#[test]
fn what_is_no_such_data_makes_no_archive() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("archive");
    let import = |from: &Path| danelaw(&["import", "dane-study", text(from), "--archive", text(&root)]);
    let file = place.path().join("lines.txt");
    fs::write(&file, "hello\nworld\n").unwrap();
    refused(&import(&file), &["no line can be used", "line 1: not a JSON object", "one JSON object a line"]);
    fs::write(&file, "").unwrap();
    refused(&import(&file), &["no line can be used"]);
    refused(&import(&place.path().join("nothing")), &["nothing", "No such file"]);
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused(&import(&empty), &["no file there whose name ends in .txt or .txt.gz"]);
    refused(
        &danelaw(&["import", "dane-study", text(&file), "--archive", text(&root), "--exclude-rounds", "soon"]),
        &["--exclude-rounds", "2019-07-11"],
    );
    assert!(!root.exists());
}

/// Files of other forms and files that are cut off are named before anything is written.
#[test]
fn parquet_that_is_none_of_openintel() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("archive");
    let import = |from: &Path| danelaw(&["import", "openintel", text(from), "--archive", text(&root)]);
    let foreign = place.path().join("foreign.parquet");
    drop(archive::states::Writer::open(&place.path().join("other")).unwrap());
    let history = history(place.path(), &["--servers", "1"]);
    said(&danelaw(&["import", "dane-study", text(&history), "--archive", text(&place.path().join("other")), "--json"]), 0);
    let file = fs::read_dir(place.path().join("other/states/tlsa_set")).unwrap().next().unwrap().unwrap().path();
    let octets = fs::read(file).unwrap();
    fs::write(&foreign, &octets).unwrap();
    refused(&import(&foreign), &["foreign.parquet", "no column 'query_type'", "published columns"]);
    fs::write(&foreign, &octets[..octets.len() / 2]).unwrap();
    refused(&import(&foreign), &["foreign.parquet"]);
    fs::write(&foreign, b"PAR1").unwrap();
    refused(&import(&foreign), &["foreign.parquet"]);
    refused(&import(&place.path().join("nothing.parquet")), &["nothing.parquet", "No such file"]);
    assert!(!root.exists());
}

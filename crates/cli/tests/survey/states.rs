//! `scan --every`: rounds become states, and cost what changed.

use super::rounds::{records, runs, signal, spawn, wait_for};
use super::{alone, bed, in_lab_with, lines, list, stderr};
use archive::states::model::{KeyType, ServerState, Span, WordId};
use archive::states::{Answer, Archive, Columns};
use archive::{Run, RunWriter};
use std::path::Path;
use std::time::Duration;

/// Seconds between rounds.
const EVERY: i64 = 3;

fn states(archive: &Path) -> Archive {
    let states = Archive::open(archive).unwrap();
    assert_eq!(states.verify().unwrap().faults, Vec::<String>::new());
    states
}

/// Octets of all files below.
fn octets(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|e| if e.path().is_dir() { octets(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

fn slots(archive: &Archive) -> Vec<i64> {
    archive.snapshots().iter().map(|snapshot| snapshot.scheduled_s).collect()
}

/// The states of a host's first server as clients meet it who take every key.
fn of_host(archive: &Archive, host: &str) -> Vec<ServerState> {
    let mut found = Vec::new();
    archive.server_states(Columns::All, |rows| found.extend_from_slice(rows)).unwrap();
    found.retain(|state| {
        let key = &archive.servers()[state.key.number() as usize - 1];
        &*key.host == host && key.key_type == KeyType::Any
    });
    found.sort_by_key(|state| state.span.valid_from_s);
    found
}

/// When a state that these rounds saw begins and ends: the time of missed rounds is nobody's.
fn span(seen: &[i64], next: Option<i64>) -> Span {
    let last = seen.last().unwrap() + EVERY;
    let n_obs = u32::try_from(seen.len()).unwrap();
    Span { valid_from_s: seen[0], valid_to_s: next.map_or(last, |next| last.min(next)), n_obs }
}

#[test]
fn a_round_costs_what_changed() {
    let bed = bed(31);
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\nds-missing.nl\nno-tlsa-nsec.nl\n");
    let archive = place.path().join("archive");
    let scan = |rounds: &str| {
        let arguments = ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--json", "--vantage", "here"];
        let output =
            in_lab_with(&[&arguments[..], &["--every", "3s", "--align", "--spread", "0s", "--rounds", rounds]].concat(), &bed.options());
        // A round that a busy machine missed is 3.
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
        let told: Vec<_> = lines(&output).into_iter().filter(|line| line["kind"] == "states").collect();
        assert_eq!(told.len().to_string(), rounds, "{}", stderr(&output));
        told
    };
    let first = scan("1");
    assert_eq!((&first[0]["outcome"], &first[0]["vantage"]), (&"new".into(), &"here".into()));
    let begun = first[0]["changes"].as_u64().unwrap();
    assert!(begun >= 8, "four domains, four servers: {first:?}");
    let octets_of_first = octets(&archive.join("states"));
    let same = scan("2");
    assert!(same.iter().all(|told| told["changes"] == 0), "{same:?}");
    let of_two = octets(&archive.join("states")) - octets_of_first;
    assert!(of_two / 2 < octets_of_first / 20, "{of_two} octets of two unchanged rounds, {octets_of_first} of the first");
    // The records of a round make way for the next.
    assert_eq!(runs(&archive).len(), 1);

    // Somebody installs another server's certificate. Two slots at least go by without a round.
    assert_eq!(bed.lab.install("mx1.valid.nl", "mx1.no-tlsa-nsec.nl"), 1);
    std::thread::sleep(Duration::from_secs(2 * EVERY.unsigned_abs()));
    let changed = scan("1");
    assert!((1..begun).contains(&changed[0]["changes"].as_u64().unwrap()), "{changed:?}");

    let found = states(&archive);
    let slots = slots(&found);
    assert_eq!(slots.len(), 4);
    assert!(found.snapshots().iter().all(|s| s.complete && (s.targets, s.done, s.domains) == (4, 4, Some(4))));
    let (before, after) = slots.split_at(3);
    let valid = of_host(&found, "mx1.valid.nl");
    let [old, new] = valid[..] else { panic!("{valid:?}") };
    assert_eq!((old.span, new.span), (span(before, Some(slots[3])), span(after, None)));
    assert_eq!((old.seen.verdict.paper_match, new.seen.verdict.paper_match), (Some(true), Some(false)));
    assert_eq!((old.seen.tlsa_set, old.seen.chain == new.seen.chain), (new.seen.tlsa_set, false));
    for host in ["mx1.stale-tlsa.nl", "mx1.ds-missing.nl", "mx1.no-tlsa-nsec.nl"] {
        let states = of_host(&found, host);
        let [state] = states[..] else { panic!("{host}: {states:?}") };
        assert_eq!(state.span, span(&slots, None), "{host}");
    }
    // A missed round is no data, even within a state.
    let here = found.parts().find_word("here").unwrap();
    let history = found.server_history().unwrap();
    assert!(slots[3] - slots[2] > EVERY);
    assert_eq!(history.at(old.key, here, slots[3] - 1), Answer::NotLooked);
    assert_eq!(history.at(old.key, here, slots[1]), Answer::Seen(&old));

    rests_on_lists_of_the_day(&found);
    // The latest round has its records.
    let report = alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]);
    assert_eq!(lines(&report)[0]["domains"], 4);
}

fn rests_on_lists_of_the_day(found: &Archive) {
    let text = |word: Option<WordId>| found.parts().text(word.unwrap());
    let last = found.snapshots().last().unwrap();
    let versions = last.versions;
    assert_eq!((text(versions.psl), versions.rules), (dane::suffix::version(), dane::verdict::RULES_VERSION));
    assert_eq!(text(versions.roots), roots::at(last.started_s).release, "Mozilla's list of that day");
}

#[test]
fn a_restart_takes_up_what_was_killed() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\nstale-tlsa.nl\nds-missing.nl\nnull-mx.nl\n");
    let archive = place.path().join("archive");
    let fixed = ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--every", "4s", "--spread", "3500ms"];
    let mut child = spawn(&fixed);
    wait_for("a second round", || {
        let runs = runs(&archive);
        runs.len() == 2 && records(&runs[1]).iter().any(|r| r["kind"] == "domain")
    });
    signal(&child, "-KILL");
    child.wait().unwrap();
    let killed = runs(&archive)[1].file_name().unwrap().to_owned();

    let again = |rounds: &str| {
        let output = super::in_lab(&[&fixed[..], &["--json", "--rounds", rounds]].concat());
        let told: Vec<_> = lines(&output).into_iter().filter(|line| line["kind"] == "states").collect();
        (told, stderr(&output))
    };
    let (told, said) = again("1");
    assert!(said.contains("had no states yet"), "{said}");
    let outcome = told.iter().find(|told| told["run"] == killed.to_str().unwrap()).map(|told| told["outcome"].clone());
    assert_eq!(outcome, Some("new".into()), "{told:?}");
    let found = states(&archive);
    let whole: Vec<bool> = found.snapshots().iter().map(|snapshot| snapshot.complete).collect();
    assert_eq!(whole, [true, false, true]);
    assert!(found.snapshots()[1].done < 4 && found.snapshots()[1].finished_s.is_none());
    // Their records made way for a round that is whole.
    assert_eq!(runs(&archive).len(), 1);
    assert_eq!(lines(&alone(&["report", "--archive", archive.to_str().unwrap(), "--json"]))[0]["domains"], 4);
    // What is there is not taken up again.
    let (told, said) = again("1");
    assert!(told.len() == 1 && !said.contains("had no states yet"), "{said}");
    assert_eq!(states(&archive).snapshots().len(), 4);
}

#[test]
fn a_round_whose_clock_ran_backwards_is_named_and_kept() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "null-mx.nl\n");
    let archive = place.path().join("archive");
    let scan = || {
        let fixed =
            ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--every", "2s", "--spread", "0s", "--rounds", "1"];
        let output = super::in_lab(&[&fixed[..], &["--keep-records", "all"]].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
        stderr(&output)
    };
    scan();
    // The clock was set back in the middle of a round.
    let mut run = Run::at(&runs(&archive)[0]).metadata().unwrap();
    run.started += 1;
    run.round.as_mut().unwrap().scheduled_s = run.started;
    run.finished = Some(run.started - 3600);
    let odd = RunWriter::create(&archive, &run).unwrap().finish(&run).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let said = scan();
    let name = odd.directory().file_name().unwrap().to_str().unwrap();
    let named = |line: &str| line.contains(name) && line.contains("no states yet") && line.contains("before it began");
    assert!(said.lines().any(named), "{said}");
    // It stands in nobody's way, and its records stay for who mends them.
    assert_eq!(states(&archive).snapshots().len(), 2);
    assert!(odd.directory().is_dir() && runs(&archive).len() == 3);
}

#[test]
fn two_vantage_points_share_an_archive() {
    let place = tempfile::tempdir().unwrap();
    let list = list(&place, "valid.nl\n");
    let archive = place.path().join("archive");
    let start = |name| {
        let shared = ["scan", list.to_str().unwrap(), "--archive", archive.to_str().unwrap(), "--every", "2s", "--align", "--spread", "0s"];
        spawn(&[&shared[..], &["--rounds", "3", "--vantage", name]].concat())
    };
    for mut child in ["ams1", "nyc1"].map(start) {
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 3)));
    }
    let found = states(&archive);
    for name in ["ams1", "nyc1"] {
        let vantage = found.parts().find_word(name).unwrap();
        assert_eq!(found.snapshots().iter().filter(|s| s.vantage == vantage).count(), 3, "{name}");
        assert!(runs(&archive).iter().filter(|run| run.to_str().unwrap().ends_with(name)).count() == 1, "{name}");
    }
    // They saw the same: one certificate, one state each.
    assert_eq!(of_host(&found, "mx1.valid.nl").len(), 2);
}

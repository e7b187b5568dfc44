//! `report` of an archive that has a history.

use crate::{danelaw, history, refused, stderr, text};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

fn archive(place: &Path) -> PathBuf {
    let archive = place.join("archive");
    let history = history(place, &["--servers", "6", "--seed", "5"]);
    let output = danelaw(&["import", "dane-study", text(&history), "--archive", text(&archive)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    archive
}

fn report(archive: &Path, options: &[&str]) -> Output {
    danelaw(&[&["report", "--archive", text(archive)][..], options].concat())
}

fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_history_has_a_page_figures_and_sides() {
    let place = tempfile::tempdir().unwrap();
    let archive = archive(place.path());
    let (page, figures) = (place.path().join("history.html"), place.path().join("figures"));
    let told = done(&report(&archive, &["--out", text(&page), "--figures", text(&figures)]));
    assert!(told.contains("336 rounds") && told.contains("history.html"), "{told}");
    assert!(!place.path().join("history-latest.html").exists(), "there is no run");

    let html = fs::read_to_string(&page).unwrap();
    let known: BTreeSet<&str> = analysis::questions::all().iter().map(|question| question.about.id).collect();
    assert!(known.iter().all(|id| html.contains(&format!("<section id=\"{id}\""))), "every question has its section");
    assert!(html.contains("<svg class=\"chart wide\"") && html.contains("Published:"));

    // Every table is what `analyse --csv` writes.
    let tables = place.path().join("tables");
    done(&danelaw(&["analyse", "--archive", text(&archive), "--csv", text(&tables)]));
    let mut compared = 0;
    for entry in fs::read_dir(&tables).unwrap().map(Result::unwrap) {
        assert_eq!(fs::read(entry.path()).unwrap(), fs::read(figures.join(entry.file_name())).unwrap(), "{entry:?}");
        compared += 1;
    }
    let drawn = fs::read_dir(&figures).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "svg"));
    assert!(compared > 5 && drawn.count() > 3);
    assert!(figures.join("p22-rollover-funnel-paper.svg").is_file());

    // Two weeks beside each other.
    let week = |from: u32| format!("2019-07-{from}T00:00:00Z..2019-07-{}T00:00:00Z", from + 7);
    let (first, second) = (week(13), week(20));
    done(&report(&archive, &["--out", text(&page), "--period", &first, "--compare", &second]));
    let html = fs::read_to_string(&page).unwrap();
    for there in ["2019-07-13 to 2019-07-20", "2019-07-20 to 2019-07-27", "(difference)", "in 168 rounds"] {
        assert!(html.contains(there), "{there}");
    }
    done(&report(&archive, &["--out", text(&page), "--compare", text(&archive)]));
    assert!(fs::read_to_string(&page).unwrap().contains("(second)"), "two of the same name are told apart");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let place = tempfile::tempdir().unwrap();
    let archive = archive(place.path());
    refused(&report(&archive, &["--compare", "/no/such/archive"]), &["--compare /no/such/archive", "neither a directory nor a period"]);
    refused(&report(&archive, &["--compare", text(place.path())]), &["no archive of states here"]);
    refused(&report(&archive, &["--vantage", "nowhere"]), &["--vantage nowhere"]);
    refused(&report(&archive, &["--out", text(&place.path().join("none/page.html"))]), &["--out", "none/page.html"]);
    // Runs are asked for by name: here is none.
    refused(&report(&archive, &["--run", "x"]), &["no"]);
}

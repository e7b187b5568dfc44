//! Archives whose files are not what they should be, and disks with too little room: a clear line, and nothing lost.

use super::import::content;
use super::{danelaw, history, refused, said, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn import(history: &Path, root: &Path) -> Value {
    said(&danelaw(&["import", "dane-study", text(history), "--archive", text(root), "--json"]), 0)
}

/// Every file below, with its content.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut left = vec![root.to_path_buf()];
    let mut found = BTreeMap::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn every_verb_names_the_file_that_is_cut_short_or_foreign() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "3"]);
    let [root, out, page] = ["archive", "out", "page.html"].map(|name| place.path().join(name));
    import(&history, &root);
    said(&danelaw(&["archive", "compact", text(&root), "--json"]), 0);
    let whole = files(&root.join("states"));
    let table = |name: &str| whole.keys().find(|path| text(path).contains(&format!("/states/{name}"))).unwrap().clone();
    // The open states: every verb that looks at servers reads them, and who writes has to.
    let (states, foreign) = (table("server_state/month=open/"), whole[&table("word/")].clone());
    let octets = &whole[&states];
    let verbs: [&[&str]; 5] = [
        &["analyse", "--archive", text(&root)],
        &["report", "--archive", text(&root), "--out", text(&page)],
        &["export", "--archive", text(&root), "--form", "csv", "--out", text(&out)],
        &["rejudge", "--archive", text(&root)],
        &["archive", "compact", text(&root)],
    ];
    for bad in [&octets[..octets.len() / 2], &octets[..7], &b""[..], &b"PAR1 but not really PAR1"[..], &foreign[..]] {
        fs::write(&states, bad).unwrap();
        let before = files(&root.join("states"));
        for verb in verbs {
            let output = danelaw(verb);
            refused(&output, &[text(&states)]);
            assert_eq!(files(&root.join("states")), before, "{verb:?} has written");
        }
        said(&danelaw(&["archive", "verify", text(&root), "--json"]), 1);
        fs::write(&states, octets).unwrap();
    }
    said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
}

/// Runs danelaw with files of at most so many KiB, as on a disk that is full when one has grown so far.
fn cramped(kib: u32, arguments: &[&str]) -> std::process::Output {
    // Who ignores the signal gets an error instead.
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash", env!("CARGO_BIN_EXE_danelaw")]).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn a_file_that_cannot_grow_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let history = history(place.path(), &["--servers", "12"]);
    let (whole, root) = (place.path().join("whole"), place.path().join("archive"));
    let rounds = import(&history, &whole)["rounds"]["new"].as_u64().unwrap();
    let mut failed = Vec::new();
    for kib in [1, 3, 9, 20, 40, 80] {
        let output = cramped(kib, &["import", "dane-study", text(&history), "--archive", text(&root)]);
        if output.status.code() == Some(0) {
            break;
        }
        refused(&output, &["File too large", text(&root)]);
        let verified = said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
        failed.push(verified["rounds"].as_u64().unwrap());
    }
    // It stopped at the beginning and somewhere later, and what was there stayed.
    assert!(failed.is_sorted() && failed.len() > 2 && failed.last() > failed.first(), "{failed:?}");
    let rest = import(&history, &root);
    assert_eq!(rest["rounds"]["new"].as_u64().unwrap() + rest["rounds"]["known"].as_u64().unwrap(), rounds);
    assert_eq!(content(&root), content(&whole));
    // As a whole: the archive is as it was.
    let before = content(&root);
    refused(&cramped(1, &["archive", "compact", text(&root)]), &["File too large"]);
    said(&danelaw(&["archive", "verify", text(&root), "--json"]), 0);
    assert_eq!(content(&root), before);
    said(&danelaw(&["archive", "compact", text(&root), "--json"]), 0);
    assert_eq!(content(&root), before);
}

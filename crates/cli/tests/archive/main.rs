//! `import`, `export`, `archive` and `rejudge` as their users run them.

mod damage;
mod export;
mod import;
mod keep;
mod rejudge;
mod report;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn danelaw(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_danelaw")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a verb says with `--json`, if it ends in this way.
fn said(output: &Output, exit: i32) -> Value {
    assert_eq!(output.status.code(), Some(exit), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit 2, and one line that says all this.
fn refused(output: &Output, says: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let last = error.lines().last().unwrap_or_default();
    assert!(last.starts_with("danelaw: "), "{error}");
    for part in says {
        assert!(last.contains(part), "'{part}' is not in: {error}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A history by the lab, in the studies' form.
fn history(directory: &Path, options: &[&str]) -> PathBuf {
    let out = directory.join("history");
    let output = danelaw(&[&["lab", "history", "--out", text(&out), "--days", "14"][..], options].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    out
}

/// The files of a city, in the order of time.
fn hours(history: &Path, city: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(history.join(city)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (day, hour) = name.split_once('_').unwrap();
        (day.to_owned(), hour.split('.').next().unwrap().parse::<u32>().unwrap())
    });
    files
}

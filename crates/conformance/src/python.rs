//! Other people's programs that come as Python packages, in an environment of their own below the target directory.

use crate::software;
use std::path::Path;
use std::process::Command;

/// What is installed, with the versions that the tests were written against.
const PACKAGES: [&str; 2] = ["duckdb==2.0.1", "polars==2.1.0"];

/// An interpreter that has the packages; they are fetched at the first use.
///
/// # Panics
/// If there is no Python with `venv`, or the packages cannot be had: a test that cannot run must not pass.
#[must_use]
pub fn interpreter() -> Command {
    let place = software::unpacked().join("../../python");
    let python = place.join("bin/python");
    let done = place.join(format!("has {}", PACKAGES.join(" ")));
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place), "python3 -m venv (Debian: python3-venv)");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES), "pip install");
        mark(&done);
    }
    Command::new(python)
}

fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

fn mark(done: &Path) {
    std::fs::write(done, "").unwrap_or_else(|e| panic!("{}: {e}", done.display()));
}

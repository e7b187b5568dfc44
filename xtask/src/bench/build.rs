//! `cargo xtask bench build`: how long a cold release build takes, and how big the binary is.

use super::machine;
use crate::source;
use crate::steps::cargo;
use std::fs;
use std::time::Instant;

/// Builds into a directory of its own, from nothing.
pub fn run() -> Result<(), String> {
    let directory = source::target_directory().join("bench-build");
    let _ = fs::remove_dir_all(&directory);
    fetch()?;
    let started = Instant::now();
    let mut command = cargo(&["build", "--release", "--locked", "--offline", "--package", "cli"]);
    let status = command.env("CARGO_TARGET_DIR", &directory).status().map_err(|e| format!("cargo: {e}"))?;
    let seconds = started.elapsed().as_secs();
    if !status.success() {
        return Err("the release build fails".to_owned());
    }
    let binary = directory.join("release/danelaw");
    let size = fs::metadata(&binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    println!("cold release build: {}:{:02} min, binary {:.1} MB", seconds / 60, seconds % 60, size as f64 / 1e6);
    println!("{}", machine());
    let _ = fs::remove_dir_all(&directory);
    Ok(())
}

/// Downloads are not part of the measured time.
fn fetch() -> Result<(), String> {
    let status = cargo(&["fetch", "--locked"]).status().map_err(|e| format!("cargo fetch: {e}"))?;
    if status.success() { Ok(()) } else { Err("cargo fetch fails".to_owned()) }
}

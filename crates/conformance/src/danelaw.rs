//! Runs the `danelaw` binary as users do.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command for the binary of this build.
///
/// # Panics
/// If it has not been built.
#[must_use]
pub fn command() -> Command {
    let path = binary();
    assert!(path.is_file(), "{} is not there: run `cargo build --package cli` first", path.display());
    Command::new(path)
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DANELAW_BINARY") {
        return PathBuf::from(path);
    }
    // target/debug/deps/test-123 -> target/debug/danelaw
    let directory = std::env::current_exe().ok().and_then(|test| test.ancestors().nth(2).map(Path::to_path_buf));
    directory.unwrap_or_default().join("danelaw")
}

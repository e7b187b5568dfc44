//! `cargo xtask docs`: generates what can be generated, so that it cannot be wrong.

use crate::source;
use std::fs;

/// What to do with a generated page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write it.
    Write,
    /// Compare it with what is there, and write nothing.
    Check,
}

impl Mode {
    /// `--check` or nothing.
    pub fn from_arguments(arguments: &[String]) -> Result<Self, String> {
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Mode::Write),
            ["--check"] => Ok(Mode::Check),
            _ => Err("the only option is --check".to_owned()),
        }
    }
}

/// Generates `docs/`, or with `--check` says what is out of date.
pub fn run(_arguments: &[String]) -> Result<(), String> {
    Ok(())
}

/// Writes or compares a page of `docs/`.
pub fn put(name: &str, content: &str, mode: Mode) -> Result<(), String> {
    let path = source::root().join("docs").join(name);
    if fs::read_to_string(&path).is_ok_and(|now| now == content) {
        return Ok(());
    }
    if mode == Mode::Check {
        return Err(format!("docs/{name} is out of date: run `cargo xtask docs` and `cargo xtask rfc`"));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    }
    fs::write(&path, content).map_err(|e| format!("{}: {e}", path.display()))
}

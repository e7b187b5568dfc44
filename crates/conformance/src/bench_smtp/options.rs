//! What is to be measured, and in which role.

use crate::options::{Common, Own, number};
use std::path::PathBuf;

/// Where held connections stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The server accepted and is silent.
    Greeting,
    /// The server has our ClientHello and is silent.
    Handshake,
}

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Measures everything.
    All,
    /// Is the mail server.
    Serve,
    /// Is one of those that keep visits waiting.
    Stall,
    /// Holds many visits open and says what they cost.
    Hold(Stage),
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Options {
    pub role: Role,
    /// Visits of each kind.
    pub visits: usize,
    /// Visits under way at the same time.
    pub in_flight: usize,
    /// Visits held open.
    pub held: usize,
    pub peers: bool,
    pub directory: PathBuf,
    pub machine: String,
    pub page: Option<PathBuf>,
}

impl Options {
    /// From the command line.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut role, mut visits, mut held) = (Role::All, 20_000, 50_000);
        let common = Common::new(500, "danelaw-bench-smtp").read(arguments, "--no-peers", |name, value| {
            match name {
                "--visits" => visits = number(name, value)?,
                "--held" => held = number(name, value)?,
                "--role" => role = role_of(value)?,
                _ => return Ok(Own::Unknown),
            }
            Ok(Own::Taken)
        })?;
        let Common { in_flight, peers, directory, machine, page } = common;
        Ok(Self { role, visits, in_flight, held, peers, directory, machine, page })
    }
}

fn role_of(text: &str) -> Result<Role, String> {
    match text {
        "serve" => Ok(Role::Serve),
        "stall" => Ok(Role::Stall),
        "hold-greeting" => Ok(Role::Hold(Stage::Greeting)),
        "hold-handshake" => Ok(Role::Hold(Stage::Handshake)),
        _ => Err(format!("no such role: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options, String> {
        Options::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let options = parse("--visits 7 --no-peers --role hold-handshake").unwrap();
        assert_eq!((options.visits, options.peers, options.role), (7, false, Role::Hold(Stage::Handshake)));
        for (words, named) in [("--visits", "--visits"), ("--visits 0", "0"), ("--fast 1", "--fast"), ("--role cook", "cook")] {
            assert!(parse(words).err().unwrap().contains(named), "{words}");
        }
    }
}

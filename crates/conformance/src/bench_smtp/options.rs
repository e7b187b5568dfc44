//! What is to be measured, and in which role.

use std::path::PathBuf;
use std::str::FromStr;

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
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            role: Role::All,
            visits: 20_000,
            in_flight: 500,
            held: 50_000,
            peers: true,
            directory: std::env::temp_dir().join("danelaw-bench-smtp"),
            machine: String::new(),
            page: None,
        };
        while let Some(name) = arguments.next() {
            if name == "--no-peers" {
                options.peers = false;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--visits" => options.visits = number(&name, &value)?,
                "--in-flight" => options.in_flight = number(&name, &value)?,
                "--held" => options.held = number(&name, &value)?,
                "--directory" => options.directory = value.into(),
                "--machine" => options.machine = value,
                "--page" => options.page = Some(value.into()),
                "--role" => options.role = role(&value)?,
                _ => return Err(format!("no such option: {name}")),
            }
        }
        Ok(options)
    }
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "serve" => Ok(Role::Serve),
        "hold-greeting" => Ok(Role::Hold(Stage::Greeting)),
        "hold-handshake" => Ok(Role::Hold(Stage::Handshake)),
        _ => Err(format!("no such role: {text}")),
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    usize::from_str(value).ok().filter(|n| *n > 0).ok_or_else(|| format!("{name} wants a number above zero, not {value}"))
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

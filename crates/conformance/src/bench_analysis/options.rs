//! How much is to be measured.

use crate::options::{Common, Own, number};
use std::path::PathBuf;

/// How much is to be measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Mail servers.
    pub servers: usize,
    /// Days of 24 rounds.
    pub days: usize,
    /// Domains of the daily archive.
    pub domains: usize,
    /// Days of it.
    pub domain_days: usize,
    /// Whether DuckDB and Spark are asked, too.
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
        let (mut servers, mut days, mut domains, mut domain_days) = (13_900, 584, 10_000_000, 30);
        let common = Common::new(1, "danelaw-bench-analysis").read(arguments, "--no-peers", |name, value| {
            match name {
                "--servers" => servers = number(name, value)?,
                "--days" => days = number(name, value)?,
                "--domains" => domains = number(name, value)?,
                "--domain-days" => domain_days = number(name, value)?,
                _ => return Ok(Own::Unknown),
            }
            Ok(Own::Taken)
        })?;
        let Common { peers, directory, machine, page, .. } = common;
        Ok(Self { servers, days, domains, domain_days, peers, directory, machine, page })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let parse = |words: &str| Options::parse(words.split_whitespace().map(str::to_owned));
        let options = parse("--servers 7 --no-peers").unwrap();
        assert_eq!((options.servers, options.days, options.peers), (7, 584, false));
        for (words, named) in [("--servers", "--servers"), ("--days 0", "0"), ("--fast 1", "--fast")] {
            assert!(parse(words).err().unwrap().contains(named), "{words}");
        }
    }
}

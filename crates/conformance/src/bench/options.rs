//! The options of `cargo xtask bench dns`.

use crate::options::{Common, Own, number};
use lab::CrowdConfig;
use std::path::PathBuf;

/// What to build and how to measure it.
pub struct Options {
    /// The zones there are.
    pub crowd: CrowdConfig,
    /// Signed names that are looked up; of the unsigned ones all.
    pub names: usize,
    /// Names that danelaw has in work at the same time.
    pub in_flight: usize,
    /// Whether unbound is measured, too.
    pub peer: bool,
    /// Where worlds are kept and programs leave what they write.
    pub directory: PathBuf,
    /// What the machine is, in words.
    pub machine: String,
    /// The page to write, if one is wanted.
    pub page: Option<PathBuf>,
}

impl Options {
    /// Reads `--option VALUE` pairs.
    ///
    /// # Errors
    /// Names the argument that cannot be used.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut crowd = CrowdConfig { signed: 100_000, unsigned: 20_000, providers: 64, hosts: 2_000, seed: 1 };
        let mut names = usize::MAX;
        // On loopback nobody is far away: more would only fill the processor's caches.
        let common = Common::new(200, "danelaw-bench").read(arguments, "--no-unbound", |name, value| {
            match name {
                "--zones" => crowd = zones(&crowd, number(name, value)?),
                "--names" => names = number(name, value)?,
                _ => return Ok(Own::Unknown),
            }
            Ok(Own::Taken)
        })?;
        let Common { in_flight, peers: peer, directory, machine, page } = common;
        Ok(Self { names: names.min(crowd.signed), crowd, in_flight, peer, directory, machine, page })
    }
}

/// A world of this many signed zones, with the other numbers in proportion.
fn zones(crowd: &CrowdConfig, signed: usize) -> CrowdConfig {
    CrowdConfig { signed, unsigned: signed / 5, hosts: (signed / 50).clamp(crowd.providers, 2_000), ..*crowd }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options, String> {
        Options::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_smaller_world_keeps_its_proportions() {
        let options = parse("--zones 10000 --in-flight 7").unwrap();
        assert_eq!((options.crowd.signed, options.crowd.unsigned, options.crowd.hosts), (10_000, 2_000, 200));
        assert_eq!((options.names, options.in_flight), (10_000, 7));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (words, named) in [("--zones", "--zones"), ("--zones many", "many"), ("--fast 1", "--fast")] {
            assert!(parse(words).err().unwrap().contains(named), "{words}");
        }
    }
}

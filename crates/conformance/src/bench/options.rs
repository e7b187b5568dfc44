//! The options of `cargo xtask bench dns`.

use lab::CrowdConfig;
use std::path::PathBuf;
use std::str::FromStr;

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
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            crowd: CrowdConfig { signed: 100_000, unsigned: 20_000, providers: 64, hosts: 2_000, seed: 1 },
            names: usize::MAX,
            // On loopback nobody is far away: more would only fill the processor's caches.
            in_flight: 200,
            peer: true,
            directory: std::env::temp_dir().join("danelaw-bench"),
            machine: String::new(),
            page: None,
        };
        while let Some(name) = arguments.next() {
            if name == "--no-unbound" {
                options.peer = false;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--zones" => options.zones(number(&name, &value)?),
                "--names" => options.names = number(&name, &value)?,
                "--in-flight" => options.in_flight = number(&name, &value)?,
                "--directory" => options.directory = value.into(),
                "--machine" => options.machine = value,
                "--page" => options.page = Some(value.into()),
                _ => return Err(format!("no such option: {name}")),
            }
        }
        options.names = options.names.min(options.crowd.signed);
        Ok(options)
    }

    /// A world of this many signed zones, with the other numbers in proportion.
    fn zones(&mut self, signed: usize) {
        self.crowd.signed = signed;
        self.crowd.unsigned = signed / 5;
        self.crowd.hosts = (signed / 50).clamp(self.crowd.providers, 2_000);
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} wants a number, not {value}"))
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

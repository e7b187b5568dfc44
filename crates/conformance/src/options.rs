//! What both benchmarks are told alike.

use std::path::PathBuf;

/// The options that both have.
#[derive(Clone, Debug)]
pub struct Common {
    /// How much is in work at the same time.
    pub in_flight: usize,
    /// Whether other people's programs are measured, too.
    pub peers: bool,
    /// Where worlds are kept and programs leave what they write.
    pub directory: PathBuf,
    /// What the machine is, in words.
    pub machine: String,
    /// The page to write, if one is wanted.
    pub page: Option<PathBuf>,
}

/// Whether an option is one of its own benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It is, and was taken.
    Taken,
    /// It is not.
    Unknown,
}

impl Common {
    /// What holds unless something else is said; files go to this directory below the system's for such.
    #[must_use]
    pub fn new(in_flight: usize, directory: &str) -> Self {
        Self { in_flight, peers: true, directory: std::env::temp_dir().join(directory), machine: String::new(), page: None }
    }

    /// Reads `--option VALUE` pairs, and the word that does without other programs. What both do not have `own` may take.
    ///
    /// # Errors
    /// Names the argument that cannot be used.
    pub fn read(
        mut self,
        mut arguments: impl Iterator<Item = String>,
        without_peers: &str,
        mut own: impl FnMut(&str, &str) -> Result<Own, String>,
    ) -> Result<Self, String> {
        while let Some(name) = arguments.next() {
            if name == without_peers {
                self.peers = false;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--in-flight" => self.in_flight = number(&name, &value)?,
                "--directory" => self.directory = value.into(),
                "--machine" => self.machine = value,
                "--page" => self.page = Some(value.into()),
                _ if own(&name, &value)? == Own::Taken => {}
                _ => return Err(format!("no such option: {name}")),
            }
        }
        Ok(self)
    }
}

/// The value of an option that is a count.
///
/// # Errors
/// If it is none, or zero.
pub fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{name} wants a number above zero, not {value}"))
}

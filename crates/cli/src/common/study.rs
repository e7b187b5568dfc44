//! Options of verbs that ask questions of an archive of states.

use super::time;
use crate::exit::UsageError;
use analysis::study::Settings;
use archive::states::Archive;
use dane::Epoch;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What is asked of, and how.
#[derive(clap::Args)]
#[command(next_help_heading = "What counts")]
pub struct StudyOptions {
    /// Leave out what was seen before: seconds since 1970 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    from: Option<Epoch>,

    /// Leave out what was seen at this moment and later
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    to: Option<Epoch>,

    #[command(flatten)]
    choices: Choices,
}

/// The same but for the period.
#[derive(clap::Args)]
#[command(next_help_heading = "What counts")]
pub struct Choices {
    /// Whose view counts where there can be only one [default: the first vantage point by name]
    #[arg(long, value_name = "NAME")]
    vantage: Option<String>,

    /// Take rounds as missed whose slot is in this stretch, its end not included; may be given again
    #[arg(long, value_name = "TIME..TIME", value_parser = stretch)]
    exclude_rounds: Vec<(Epoch, Epoch)>,

    /// Leave this host, and all below it, out of questions about rollovers, issuers and newcomers; may be given again
    #[arg(long, value_name = "NAME")]
    exclude_hosts: Vec<String>,

    /// Who serves more domains than this serves others (P22 section 5.1)
    #[arg(long, value_name = "N", default_value_t = 50)]
    many: u64,

    /// Who has no TLSA records in so many days from the first round on and some later is a newcomer [default: 92, or 15% of the period]
    #[arg(long, value_name = "DAYS")]
    reference_days: Option<u16>,

    /// Common names of intermediates of public authorities, one a line
    #[arg(long, value_name = "FILE")]
    intermediates: Option<PathBuf>,

    /// Rank list: 17,example.com
    #[arg(long, value_name = "FILE")]
    ranks: Option<PathBuf>,
}

impl StudyOptions {
    /// What they mean for this archive.
    ///
    /// # Errors
    /// A file that cannot be read, a vantage point that the archive does not have.
    pub fn settings(&self, archive: &Archive) -> Result<Settings, UsageError> {
        self.choices.settings(archive, (self.from, self.to))
    }
}

impl Choices {
    /// What they mean for this archive and a period: its first moment, and the first after it.
    ///
    /// # Errors
    /// A file that cannot be read, a vantage point that the archive does not have.
    pub fn settings(&self, archive: &Archive, (from, to): (Option<Epoch>, Option<Epoch>)) -> Result<Settings, UsageError> {
        if let Some(vantage) = &self.vantage {
            let mut names: Vec<&str> = archive.snapshots().iter().map(|snapshot| archive.parts().text(snapshot.vantage)).collect();
            names.sort_unstable();
            names.dedup();
            if !names.contains(&vantage.as_str()) {
                return Err(UsageError(format!("--vantage {vantage}: the archive has no round of it; it has: {}", names.join(", "))));
            }
        }
        let lower = |name: &String| name.trim_end_matches('.').to_ascii_lowercase();
        Ok(Settings {
            vantage: self.vantage.clone(),
            exclude_rounds: self.exclude_rounds.clone(),
            exclude_hosts: self.exclude_hosts.iter().map(lower).collect(),
            from,
            to,
            many: self.many,
            reference_s: self.reference_days.map(|days| i64::from(days) * 86_400),
            intermediates: self.intermediates.as_deref().map(|path| Ok(lines(path)?.collect::<HashSet<_>>())).transpose()?,
            ranks: self.ranks.as_deref().map(ranks).transpose()?,
        })
    }
}

/// The states of an archive, opened; a round that was cut off is said.
///
/// # Errors
/// If there are none, or they cannot be read.
pub fn open(directory: &Path) -> Result<Archive, UsageError> {
    let archive = Archive::open(directory).map_err(UsageError::new)?;
    if let Some(torn) = archive.torn() {
        anstream::eprintln!("danelaw: {}: {torn}", directory.display());
    }
    Ok(archive)
}

/// Reads `TIME..TIME`.
///
/// # Errors
/// In words for clap to show.
pub fn stretch(text: &str) -> Result<(Epoch, Epoch), String> {
    let (from, to) = text.split_once("..").ok_or("give begin and end, such as 2020-02-22T00:00:00Z..2020-02-24T00:00:00Z")?;
    let (from, to) = (time::parse(from)?, time::parse(to)?);
    if from < to { Ok((from, to)) } else { Err("the end has to be later than the begin".to_owned()) }
}

fn read(path: &Path) -> Result<String, UsageError> {
    std::fs::read_to_string(path).map_err(|e| UsageError(format!("{}: {e}; give a readable text file", path.display())))
}

fn lines(path: &Path) -> Result<impl Iterator<Item = String>, UsageError> {
    let lines: Vec<String> = read(path)?.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(UsageError(format!("{}: has no line; give one name a line", path.display())));
    }
    Ok(lines.into_iter())
}

fn ranks(path: &Path) -> Result<HashMap<String, u32>, UsageError> {
    let ranked = |line: String| {
        let (rank, domain) = line.split_once(',')?;
        Some((domain.trim().trim_end_matches('.').to_ascii_lowercase(), rank.trim().parse().ok()?))
    };
    let ranks: HashMap<String, u32> = lines(path)?.filter_map(ranked).collect();
    if ranks.is_empty() {
        return Err(UsageError(format!("--ranks {}: has no line like 17,example.com", path.display())));
    }
    Ok(ranks)
}

#[cfg(test)]
mod tests {
    use super::stretch;

    #[test]
    fn stretches_of_time() {
        assert_eq!(stretch("10..20"), Ok((10, 20)));
        assert_eq!(stretch("1970-01-01T00:00:10Z..20"), Ok((10, 20)));
        assert!(stretch("20..10").unwrap_err().contains("later") && stretch("20").unwrap_err().contains("begin and end"));
    }
}

//! `danelaw import dane-study`: the hourly lines of the studies' authors.

use super::aside::Aside;
use super::files;
use crate::common::papers::Papers;
use crate::common::progress::Progress;
use crate::common::roots::RootsOption;
use crate::common::{print, time};
use crate::exit::{Exit, UsageError};
use archive::import::dane_study::{Import, Line, Parser, Reader, Shown, Terms, Took};
use archive::states::Writer;
use archive::states::model::ServerVerdict;
use dane::Epoch;
use dane::verdict::RULES_VERSION;
use serde::Serialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of a directory these are read.
const ENDINGS: [&str; 2] = [".txt", ".txt.gz"];
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// Takes the hourly lines of the studies of DANE into an archive of states.
///
/// One JSON object a line for each server and hour, plain or gzip, as the authors publish and 'lab history' writes. What one city says of one
/// hour is a round; a round that has no line did not take place. One that is there already changes nothing, one that comes late is put where
/// it belongs. What libunbound and the authors' scanner said is kept in the words that 'scan' has for it, records and certificates as they
/// are, and what they mean to the studies (paper_match, paper_valid) is found anew.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # All that the authors publish, CITY/YYMMDD_H.txt and compressed:
  danelaw import dane-study data/ --archive study

  # Without the hours in which their scanner failed:
  danelaw import dane-study data/ --archive study --exclude-rounds
    2019-07-11,2020-02-22/2020-02-23,2020-07-13,2020-12-17T05

  # A history that the lab made up:
  danelaw lab history --out history
  danelaw import dane-study history --archive made-up
  danelaw archive verify made-up

SET ASIDE
  Lines that cannot be read are counted and written with file, number and
  reason to set-aside-TIME.tsv in the archive. Their round is then one
  that is not complete: who has no line in it may have been there.

EXIT CODES
  0  every round is in the archive, whatever was set aside
  1  a round is not: the archive has another one for its city and hour
  2  no line can be used, or the archive cannot be written")]
pub struct Args {
    /// Files, or directories in which *.txt and *.txt.gz are read
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,

    /// The archive; made if there is none
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// Name of the vantage point [default: the city of the lines]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    vantage: Option<String>,

    /// From one round to the next: what a round stands for
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time::period)]
    interval: Duration,

    /// Leave out rounds that begin on these days or in these hours of UTC: 2019-07-11, 2020-02-22/2020-02-23, 2020-12-17T05
    #[arg(long, value_name = "WHEN", value_delimiter = ',', value_parser = when)]
    exclude_rounds: Vec<Range<Epoch>>,

    #[command(flatten)]
    roots: RootsOption,

    /// One JSON object (kind "import") on one line
    #[arg(long)]
    json: bool,
}

/// A day, days from one to another, or an hour.
fn when(text: &str) -> Result<Range<Epoch>, String> {
    let day = |text: &str| {
        let date: jiff::civil::Date = text.parse().map_err(|_| "give days like 2019-07-11, or hours like 2020-12-17T05".to_owned())?;
        Ok::<_, String>(i64::from((date - jiff::civil::Date::constant(1970, 1, 1)).get_days()) * DAY)
    };
    if let Some((from, to)) = text.split_once('/') {
        let (from, to) = (day(from)?, day(to)?);
        return if from <= to { Ok(from..to + DAY) } else { Err("the first day comes after the last".to_owned()) };
    }
    let Some((date, hour)) = text.split_once('T') else { return day(text).map(|from| from..from + DAY) };
    let hour: i64 = hour.parse().ok().filter(|hour| (0..24).contains(hour)).ok_or("give hours like 2020-12-17T05, from 00 to 23")?;
    day(date).map(|from| from + hour * HOUR..from + (hour + 1) * HOUR)
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    form: &'static str,
    archive: &'a Path,
    files: u64,
    /// Lines that are in the archive.
    rows: u64,
    /// Lines of rounds that were to be left out.
    excluded: u64,
    set_aside: &'a Aside,
    rounds: Rounds<'a>,
    /// States that began or ended.
    changes: u64,
}

#[derive(Serialize)]
struct Rounds<'a> {
    new: u64,
    late: u64,
    known: u64,
    refused: u64,
    /// Of those taken up: so many lack a line.
    incomplete: u64,
    by_vantage: &'a std::collections::BTreeMap<String, u64>,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// No line that can be used; an archive that cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let found = files::find(&self.files, &ENDINGS)?;
        if found.passed_over > 0 {
            let files = present::count(found.passed_over, "file");
            anstream::eprintln!("danelaw: {files} passed over: of a directory *.txt and *.txt.gz are read; name others one by one");
        }
        has_a_row(&found.paths)?;
        let mut papers = Papers::new(self.roots.trust()?);
        let mut judge = |shown: Shown<'_>| papers.ask(shown.chain, shown.tlsa, shown.dnssec, shown.at).verdict(ServerVerdict::default());
        let mut writer = Writer::open(&self.archive).map_err(UsageError::new)?;
        if let Some(torn) = writer.torn() {
            anstream::eprintln!("danelaw: {}: {torn}", self.archive.display());
        }
        let here = archive::on_this_machine(&self.archive).map_err(UsageError::new)?;
        let mut aside = Aside::new(here.join(format!("set-aside-{}.tsv", time::stamp(time::now_ms()))));
        let terms = Terms {
            vantage: self.vantage.clone(),
            every_s: u32::try_from(self.interval.as_secs()).unwrap_or(u32::MAX),
            excluded: self.exclude_rounds.clone(),
            danelaw: env!("CARGO_PKG_VERSION").to_owned(),
            rules: RULES_VERSION,
        };
        let import = Import::new(&mut writer, terms, &mut judge);
        let took = read_all(&found.paths, import, &mut aside)?;
        aside.finish()?;
        self.tell(found.paths.len() as u64, &took, &aside);
        Ok(if took.refused_count > 0 { Exit::Bad } else { Exit::Good })
    }

    fn tell(&self, files: u64, took: &Took, aside: &Aside) {
        for refused in took.refused.iter().take(3) {
            anstream::eprintln!("danelaw: {}", refused.why);
        }
        let Took { rows, excluded, new, late, known, incomplete, changes, .. } = *took;
        let refused = took.refused_count;
        if self.json {
            let rounds = Rounds { new, late, known, refused, incomplete, by_vantage: &took.vantages };
            let report = Report {
                kind: "import",
                form: "dane-study",
                archive: &self.archive,
                files,
                rows,
                excluded,
                set_aside: aside,
                rounds,
                changes,
            };
            return print::json(&report);
        }
        let number = present::number;
        let more: Vec<String> = [(late, "late"), (known, "known already"), (refused, "refused"), (incomplete, "not complete")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {} {what}", number(count)))
            .collect();
        print::line(format_args!(
            "{} of {}: {} new{}; {} of servers began or ended. The states are in {}",
            present::count(rows, "line"),
            present::count(took.vantages.len() as u64, "vantage point"),
            present::count(new, "round"),
            more.concat(),
            present::count(changes, "state"),
            self.archive.display()
        ));
    }
}

/// Whether there is anything to import: else no archive is made.
fn has_a_row(paths: &[PathBuf]) -> Result<(), UsageError> {
    let mut first = None;
    for path in paths {
        let mut parser = Parser::new();
        let lines = match Reader::open(path, &mut parser) {
            Ok(lines) => lines,
            Err(error) if first.is_none() => {
                first = Some(error.to_string());
                continue;
            }
            Err(_) => continue,
        };
        for line in lines {
            match line {
                Line::Row(_) => return Ok(()),
                Line::Bad(bad) if first.is_none() => first = Some(format!("{}: line {}: {}", path.display(), bad.number, bad.reason)),
                Line::Bad(_) => {}
            }
        }
    }
    let first = first.map_or_else(String::new, |first| format!(" ({first})"));
    Err(UsageError(format!("no line can be used{first}; give one JSON object a line, as the studies' authors publish, plain or gzip")))
}

fn read_all(paths: &[PathBuf], mut import: Import<'_>, aside: &mut Aside) -> Result<Took, UsageError> {
    let mut progress = Progress::of(paths.len() as u64, "files");
    let mut parser = Parser::new();
    for path in paths {
        let mut bad = 0;
        match Reader::open(path, &mut parser) {
            Err(error) => aside.put(path, 0, &error.to_string(), "")?,
            Ok(mut reader) => {
                while let Some(line) = reader.next() {
                    match line {
                        Line::Bad(line) => {
                            bad += 1;
                            aside.put(path, line.number, line.reason, &line.text)?;
                        }
                        Line::Row(row) => {
                            let name = row.host.to_string();
                            if let Err(reason) = import.row(*row).map_err(UsageError::new)? {
                                aside.put(path, reader.number(), reason, &name)?;
                            }
                        }
                    }
                }
            }
        }
        import.end_of_file(bad).map_err(UsageError::new)?;
        let rows = import.took().rows;
        progress.step(|| format!("({} lines)", present::number(rows)));
    }
    progress.finish();
    import.finish().map_err(UsageError::new)
}

#[cfg(test)]
mod tests {
    use super::when;

    #[test]
    fn days_and_hours() {
        // date -u -d '2019-07-11' +%s; date -u -d '2020-12-17 05:00' +%s
        assert_eq!(when("2019-07-11"), Ok(1_562_803_200..1_562_889_600));
        assert_eq!(when("2020-12-17T05"), Ok(1_608_181_200..1_608_184_800));
        assert_eq!(when("2020-02-22/2020-02-23").unwrap().count(), 2 * 86_400);
        for text in ["2019-13-01", "2020-02-23/2020-02-22", "2020-12-17T24", "", "yesterday", "2020-12-17T"] {
            assert!(when(text).is_err(), "{text}");
        }
    }
}

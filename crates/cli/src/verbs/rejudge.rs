//! `danelaw rejudge`: the rules of today for the states of then.

use crate::common::papers::Papers;
use crate::common::roots::RootsOption;
use crate::common::{print, resolver, revalidate};
use crate::exit::{Exit, UsageError};
use archive::states::model::{KeyType, ServerVerdict};
use archive::states::{Apply, Archive, Judged, Kept, Rejudged, Writer};
use dane::Epoch;
use dane::dns::Security;
use dane::verdict::RULES_VERSION;
use present::{count, number};
use resolve::Anchors;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Judges the states of servers in an archive anew, offline, by the rules of this version.
///
/// What the studies ask (paper_match, paper_valid) is found from the records and certificates that are kept, with the roots of the day of
/// each round. A DNSSEC status that is not secure is found anew where the raw answers that are kept have all keys on the way; else it stays.
/// What a sender does (rfc_action, rfc_delivers) and the causes rest on more than states keep, and stay: 'report' judges whole
/// observations anew. States that the rules tell apart no longer become one. The old states go when the new ones are on disk.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  # What would change?
  danelaw rejudge --archive survey --dry-run

  danelaw rejudge --archive survey
  danelaw archive verify survey

  # With roots of one's own:
  danelaw rejudge --archive lab-states --roots lab/ca.pem

EXIT CODES
  0  every state has the verdict of today's rules (with --dry-run: it is
     said what would change)
  2  there is no archive, someone writes to it, or it cannot be written")]
pub struct Args {
    /// The archive
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// Only say what would change
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    roots: RootsOption,

    /// Trust anchors for answers that are validated anew: DS or DNSKEY records in zone-file form [default: the root's keys of 2017 and 2024]
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,

    /// One JSON object (kind "rejudge") on one line
    #[arg(long)]
    json: bool,
}

/// The contract of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    archive: &'a Path,
    dry_run: bool,
    /// Version of the rules.
    rules: u16,
    #[serde(flatten)]
    rejudged: &'a Rejudged,
    #[serde(flatten)]
    dnssec: Dnssec,
}

/// Of judgements of answers that are not secure, each state and stretch of time counted.
#[derive(Clone, Copy, Default, Serialize)]
struct Dnssec {
    /// Validated anew.
    revalidated: u64,
    /// The messages kept do not suffice, or none is kept: the status stays.
    status_kept: u64,
}

struct Judge {
    papers: Papers,
    anchors: Anchors,
    dnssec: Dnssec,
}

impl Judge {
    fn judge(&mut self, kept: Kept<'_>) -> Judged {
        let old = kept.seen.verdict;
        // What other kinds of clients are shown has no verdict of its own.
        if kept.server.key_type != KeyType::Any {
            return Judged { verdict: old, dnssec: None, until: Epoch::MAX };
        }
        let dnssec = self.revalidate(&kept);
        let status = dnssec.map(|(status, _)| status).or(kept.seen.dnssec);
        let (Some(chain), Some(tlsa), Some(status)) = (kept.chain, kept.tlsa, status) else {
            return Judged { verdict: ServerVerdict { paper_match: None, paper_valid: None, ..old }, dnssec, until: Epoch::MAX };
        };
        let answer = self.papers.ask(chain, tlsa, status, kept.at);
        Judged { verdict: answer.verdict(old), dnssec, until: answer.holds.end }
    }

    fn revalidate(&mut self, kept: &Kept<'_>) -> Option<(Security, Option<&'static str>)> {
        kept.seen.dnssec.filter(|status| *status != Security::Secure)?;
        let found =
            kept.evidence.and_then(|evidence| revalidate::tlsa(evidence, &kept.server.host, kept.server.port, &self.anchors, kept.since));
        let counter = if found.is_some() { &mut self.dnssec.revalidated } else { &mut self.dnssec.status_kept };
        *counter += 1;
        found
    }
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If there is no archive, or it cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        // Before a writer makes one where there is none.
        drop(Archive::open(&self.archive).map_err(UsageError::new)?);
        let anchors = self.anchor.as_deref().map_or_else(|| Ok(Anchors::iana()), resolver::anchors)?;
        let mut judge = Judge { papers: Papers::new(self.roots.trust()?), anchors, dnssec: Dnssec::default() };
        let mut writer = Writer::open(&self.archive).map_err(UsageError::new)?;
        if let Some(torn) = writer.torn() {
            anstream::eprintln!("danelaw: {}: {torn}", self.archive.display());
        }
        let apply = if self.dry_run { Apply::DryRun } else { Apply::Write };
        let rejudged = writer.rejudge(RULES_VERSION, apply, |kept| judge.judge(kept)).map_err(UsageError::new)?;
        if self.json {
            let (archive, dnssec) = (self.archive.as_path(), judge.dnssec);
            print::json(&Report { kind: "rejudge", archive, dry_run: self.dry_run, rules: RULES_VERSION, rejudged: &rejudged, dnssec });
        } else {
            self.tell(&rejudged, judge.dnssec);
        }
        Ok(Exit::Good)
    }

    fn tell(&self, found: &Rejudged, dnssec: Dnssec) {
        let verb = if self.dry_run { "would have" } else { "have" };
        print::line(format_args!(
            "{} of {} observations {verb} another verdict by rules {RULES_VERSION}; {} instead of {}",
            number(found.changed),
            number(found.observations),
            count(found.states_after, "state"),
            number(found.states_before)
        ));
        for change in &found.changes {
            let value = |value: &Option<String>| value.as_deref().unwrap_or("null").to_owned();
            print::hanging(
                2,
                format_args!(
                    "{}: {} → {}: {} observations, {}",
                    change.column,
                    value(&change.from),
                    value(&change.to),
                    number(change.observations),
                    count(change.states, "state")
                ),
            );
        }
        if dnssec.revalidated + dnssec.status_kept > 0 {
            print::line(format_args!(
                "Not secure: {} validated anew; {} kept their status, as the answers kept do not suffice",
                count(dnssec.revalidated, "state"),
                number(dnssec.status_kept)
            ));
        }
    }
}

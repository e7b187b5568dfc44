//! From the records of a run to states.

use crate::common::roots::Trust;
use archive::states::model::Snapshot;
use archive::states::{Appended, Observed, Writer};
use archive::{Damage, Error, Item, Run};
use dane::judge::{Terms, judge};
use dane::observation::RunObservation;
use std::path::Path;
use std::time::{Duration, Instant};

/// So long we wait for another process that writes to the same states.
const PATIENCE: Duration = Duration::from_secs(60);
/// So often we ask whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What became of a run.
pub struct Folded {
    /// What the archive says.
    pub appended: Appended,
    /// Lines of its records that had to be passed over.
    pub damage: Damage,
}

/// Takes the records of a run up as one round of the archive's states, judged for the moments of the looks, as `report` does. What is there
/// already is not read again.
///
/// # Errors
/// If the records cannot be read; those of [`Writer::append`].
pub fn fold(writer: &mut Writer, run: &Run, metadata: &RunObservation, trust: &Trust) -> Result<Folded, Error> {
    if is_folded(writer, metadata) {
        return Ok(Folded { appended: Appended::Known, damage: Damage::default() });
    }
    let mut observed = Observed::new(writer, &vantage(metadata));
    if let Some(release) = trust.release(metadata.started) {
        observed.roots(&release);
    }
    let damage = run.items(|item| match item {
        Item::Skipped(_) => observed.skipped(),
        Item::Seen(observation) => {
            let at = observation.domain.at;
            let verdict = judge(&observation, Terms { at, roots: &trust.at(at) });
            observed.observation(&observation, &verdict);
        }
    })?;
    let round = observed.finish(metadata);
    Ok(Folded { appended: writer.append(&round)?, damage })
}

/// What the vantage point is called among states: by its name, and where machines share a list out, by the part as well, for each of
/// them looks at other domains.
#[must_use]
pub fn vantage(run: &RunObservation) -> String {
    match &run.shard {
        Some(shard) => format!("{} {shard}", run.vantage.name).trim_start().to_owned(),
        None => run.vantage.name.clone(),
    }
}

/// Whether this run is in the states already: its slot is, and by a round that began when it did.
fn is_folded(writer: &Writer, run: &RunObservation) -> bool {
    let slot = run.round.as_ref().map_or(run.started, |round| round.scheduled_s);
    // A round knows its vantage point by a number, which the archive has given out if it has the round.
    let Some(vantage) = writer.word(&vantage(run)) else { return false };
    writer.snapshots().iter().any(|s: &Snapshot| (s.vantage, s.scheduled_s, s.started_s) == (vantage, slot, run.started))
}

/// The writer of an archive's states; one that is busy is waited for. What a former writer lost half-written needs no word: the records of
/// that round are still there.
///
/// # Errors
/// Those of [`Writer::open`]; if another process writes for longer than a minute.
pub fn open(root: &Path) -> Result<Writer, Error> {
    let begun = Instant::now();
    loop {
        match Writer::open(root) {
            Err(Error::Locked { .. }) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK_AGAIN),
            opened => return opened,
        }
    }
}

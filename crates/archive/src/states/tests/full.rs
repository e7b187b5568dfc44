//! A disk that is full after any number of octets: the error is clear, and every round before is there.

use super::disk::{check, round};
use super::histories::{Raw, Rounds};
use crate::Error;
use crate::states::Writer;
use crate::states::place::Place;
use crate::states::store::STATES;
use dane::Epoch;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

fn raw(seen: &[(u32, u32)]) -> Raw {
    Raw { seen: seen.iter().copied().collect(), complete: true }
}

/// What is written: a change in the log, a late round, a checkpoint, a compaction.
fn everything(writer: &mut Writer, done: &mut Rounds) -> Result<(), Error> {
    append(writer, done, 20, &[(1, 1), (2, 1)])?;
    append(writer, done, 30, &[(1, 2), (2, 1)])?;
    append(writer, done, 10, &[(1, 1)])?;
    append(writer, done, 40, &[(2, 2)])?;
    writer.compact()
}

fn one_change(writer: &mut Writer, done: &mut Rounds) -> Result<(), Error> {
    append(writer, done, 20, &[(1, 1), (2, 3)])
}

fn append(writer: &mut Writer, done: &mut Rounds, slot: Epoch, seen: &[(u32, u32)]) -> Result<(), Error> {
    let raw = raw(seen);
    let one = round(writer, "here", slot, &raw);
    writer.append(&one)?;
    done.insert(slot, raw);
    Ok(())
}

fn start(root: &Path) -> Rounds {
    let mut writer = roomy(root, u64::MAX);
    let mut done = Rounds::new();
    append(&mut writer, &mut done, 0, &[(1, 1), (2, 1)]).unwrap();
    writer.checkpoint().unwrap();
    done
}

/// A writer on a disk with so much room.
fn roomy(root: &Path, octets: u64) -> Writer {
    let mut place = Place::new(&root.join(STATES));
    place.space = Some(Arc::new(AtomicU64::new(octets)));
    Writer::at(place).unwrap()
}

/// How often the disk was full, until there was room for all of the work.
fn failures(step: usize, work: fn(&mut Writer, &mut Rounds) -> Result<(), Error>) -> u32 {
    let mut failures = 0;
    for space in (0..).step_by(step) {
        let root = tempfile::tempdir().unwrap();
        let mut done = start(root.path());
        let mut writer = roomy(root.path(), space);
        let end = work(&mut writer, &mut done);
        if let Err(error) = &end {
            let text = error.to_string();
            assert!(text.contains("free some space") && !text.contains('\n'), "after {space} octets: {text}");
            failures += 1;
        }
        drop(writer);
        check(root.path(), &[done.clone(), Rounds::new()]).unwrap();
        // With room again it goes on where it was.
        let mut writer = roomy(root.path(), u64::MAX);
        work(&mut writer, &mut done).unwrap();
        drop(writer);
        check(root.path(), &[done, Rounds::new()]).unwrap();
        if end.is_ok() {
            return failures;
        }
    }
    failures
}

#[test]
fn a_log_that_is_full_after_any_octet() {
    assert!(failures(1, one_change) > 500);
}

#[test]
fn a_checkpoint_that_is_full_here_or_there() {
    // Every octet would take minutes. The step is a prime: it meets files at every kind of place.
    assert!(failures(1009, everything) > 50);
}

//! A disk that is full after any number of octets: the error is clear, and every round before is there.

use super::disk::{check, round};
use super::histories::{Raw, Rounds};
use crate::Error;
use crate::states::Writer;
use crate::states::log;
use crate::states::manifest::log_name;
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
    let before = tempfile::tempdir().unwrap();
    let first = start(before.path());
    for space in (0..).step_by(step) {
        let root = tempfile::tempdir().unwrap();
        copy(before.path(), root.path());
        let mut done = first.clone();
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
        if end.is_ok() {
            check(root.path(), &[done, Rounds::new()]).unwrap();
            return failures;
        }
    }
    failures
}

fn copy(from: &Path, to: &Path) {
    for name in Place::new(from).list().unwrap() {
        std::fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[test]
fn a_log_with_too_little_room() {
    assert!(failures(23, one_change) > 20);
}

#[test]
fn a_checkpoint_with_too_little_room() {
    // The step is a prime: it meets files at every kind of place.
    assert!(failures(3989, everything) > 15);
}

#[test]
fn a_log_that_ends_at_any_octet() {
    let root = tempfile::tempdir().unwrap();
    let mut done = Rounds::new();
    let mut writer = roomy(root.path(), u64::MAX);
    append(&mut writer, &mut done, 10, &[(1, 1)]).unwrap();
    let first = usize::try_from(writer.tail.length()).unwrap();
    append(&mut writer, &mut done, 20, &[(1, 2)]).unwrap();
    drop(writer);
    let place = Place::new(&root.path().join(STATES));
    let whole = place.get(&log_name(0, "")).unwrap().unwrap();
    let mut named = 0;
    for end in first..whole.len() - 1 {
        // Rubbish instead of what was not yet on disk is what some file systems leave.
        for rest in [&b""[..], &[0; 7], b"\n"] {
            std::fs::write(place.path("torn"), [&whole[..end], rest].concat()).unwrap();
            let read = log::read(&place, "torn").unwrap();
            assert_eq!((read.lines.len(), read.length), (1, first as u64), "cut at {end}");
            let torn = read.torn.filter(|_| end > first || !rest.is_empty());
            assert_eq!(torn.is_some(), end > first || !rest.is_empty());
            named += usize::from(torn.is_some_and(|torn| torn.round == Some((20, "here".to_owned()))));
        }
    }
    assert!(named > 2 * (whole.len() - first), "most of what is torn can be named: {named}");
    let mut damaged = whole.clone();
    damaged[first / 2] ^= 1;
    std::fs::write(place.path("torn"), damaged).unwrap();
    assert!(log::read(&place, "torn").err().unwrap().to_string().contains("torn: line 1 is not what was written"));
}

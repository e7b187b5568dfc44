//! Old archives of states stay readable; newer, foreign and torn files are refused by name.

use archive::states::model::{Digest, Notes, ServerKey, ServerSeen, Snapshot, Versions};
use archive::states::{Answer, Archive, Columns, Look, Round, STATES_SCHEMA, Writer};
use archive::{Error, RunWriter};
use dane::tlsa::Tlsa;
use std::fs;
use std::path::{Path, PathBuf};

/// Written by the first version and never to be changed: two rounds in tables and one in the log.
const SCHEMA_1: &str = "tests/data/states-1";

fn snapshot(writer: &mut Writer, slot: i64) -> Snapshot {
    let parts = writer.parts();
    Snapshot {
        vantage: parts.word("here"),
        scheduled_s: slot,
        every_s: 3600,
        started_s: slot + 1,
        finished_s: Some(slot + 900),
        clock_offset_ms: Some(-3),
        targets_sha256: Some(parts.word("7a")),
        targets: 2,
        done: 2,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: Some(parts.word("c0")),
        versions: Versions { danelaw: Some(parts.word("0.1.0")), rules: 5, ..Versions::default() },
        content: Digest::default(),
    }
}

/// A round in which one server has a certificate and the records `3 1 1 ab` and `2 0 1 cd`.
fn round(writer: &mut Writer, slot: i64, leaf: &[u8]) -> Round {
    let snapshot = snapshot(writer, slot);
    let parts = writer.parts();
    let key = parts.server(&ServerKey::new("mx.example.nl", 25, Some([192, 0, 2, 1].into())));
    let records = [(3, 1, 0xab), (2, 0, 0xcd)].map(|(usage, selector, data)| Tlsa { usage, selector, matching: 1, data: vec![data; 32] });
    let seen = ServerSeen {
        tlsa_set: Some(parts.tlsa_set(records.to_vec())),
        chain: Some(parts.chain([leaf, b"issuer"])),
        dnssec: Some(dane::dns::Security::Secure),
        smtp_status: Some(parts.word("ok")),
        ..ServerSeen::default()
    };
    let servers = vec![Look { key, seen, notes: Notes { rules: 5, ..Notes::default() } }];
    Round { snapshot, servers: Some(servers), domains: Some(Vec::new()) }
}

fn write(root: &Path) {
    let mut writer = Writer::open(root).unwrap();
    for (slot, leaf) in [(0, &b"leaf"[..]), (3600, b"leaf"), (7200, b"next leaf")] {
        let one = round(&mut writer, slot, leaf);
        writer.append(&one).unwrap();
        if slot == 3600 {
            writer.checkpoint().unwrap();
        }
    }
}

fn check(root: &Path) {
    let archive = Archive::open(root).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let here = archive.parts().find_word("here").unwrap();
    assert_eq!(archive.snapshots().len(), 3);
    assert_eq!((archive.snapshots()[0].started_s, archive.snapshots()[0].clock_offset_ms), (1, Some(-3)));
    assert_eq!(archive.servers(), [ServerKey::new("mx.example.nl", 25, Some([192, 0, 2, 1].into()))]);
    let history = archive.server_history().unwrap();
    let key = archive::states::model::ServerId::new(1).unwrap();
    let Answer::Seen(first) = history.at(key, here, 7199) else { panic!("a state") };
    let Answer::Seen(then) = history.at(key, here, 7200) else { panic!("a state") };
    assert_eq!((first.span.n_obs, then.span.n_obs, then.span.valid_to_s), (2, 1, 10_800));
    assert_eq!(history.at(key, here, 10_800), Answer::NotLooked);
    let records = &archive.tlsa_sets().unwrap()[0].records;
    assert_eq!(records.iter().map(|r| (r.usage, r.data[0])).collect::<Vec<_>>(), [(2, 0xcd), (3, 0xab)]);
    let chains = archive.chains().unwrap();
    let [first, then] = [first, then].map(|state| &chains[state.seen.chain.unwrap().number() as usize - 1]);
    assert!(first.certs[0] != then.certs[0] && first.certs[1] == then.certs[1]);
    // From `printf leaf | sha256sum`.
    let leaf = archive.certs(Columns::Only(&["sha256"])).unwrap()[first.certs[0].number() as usize - 1].sha256;
    assert_eq!(leaf.to_string(), LEAF_SHA256);
}

const LEAF_SHA256: &str = "9f91161f43433e49a6de6db680d79f60159f2e4ac9172621a12846428158440b";

#[test]
fn an_archive_of_schema_1_is_read_and_written_on() {
    check(Path::new(SCHEMA_1));
    let root = tempfile::tempdir().unwrap();
    copy(Path::new(SCHEMA_1), root.path());
    let mut writer = Writer::open(root.path()).unwrap();
    let again = round(&mut writer, 7200, b"next leaf");
    assert_eq!(writer.append(&again).unwrap(), archive::states::Appended::Known, "numbers and digests mean what they meant");
    writer.checkpoint().unwrap();
    drop(writer);
    check(root.path());
}

#[test]
fn what_this_version_writes_it_reads() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    check(root.path());
}

/// The one file of a table.
fn file(root: &Path, table: &str) -> PathBuf {
    let mut left = vec![root.join("states").join(table)];
    while let Some(path) = left.pop() {
        if path.is_file() {
            return path;
        }
        left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
    }
    panic!("no file of {table}")
}

/// The error of opening or of verifying it: one line.
fn refused(root: &Path) -> Error {
    let error = Archive::open(root).and_then(|archive| archive.server_history().map(|_| ())).expect_err("it is not what it should be");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[test]
fn newer_archives_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let manifest = root.path().join("states/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let newer = format!("\"schema\": {},\n  \"unheard-of\": 1", STATES_SCHEMA + 1);
    fs::write(&manifest, text.replacen("\"schema\": 1", &newer, 1)).unwrap();
    let error = refused(root.path());
    assert!(matches!(&error, Error::TooNew { found: 2, .. }) && error.to_string().contains("manifest.json: written by a newer"), "{error}");
    assert!(matches!(Writer::open(root.path()).err().unwrap(), Error::TooNew { .. }), "and not written to");

    fs::write(&manifest, &text).unwrap();
    let states = file(root.path(), "server_state");
    let mut octets = fs::read(&states).unwrap();
    // The metadata is Thrift: key, then a field header and a length before the value, "1".
    let key = octets.windows(14).position(|w| w == b"danelaw.states").unwrap();
    assert_eq!(octets[key + 15..key + 17], *b"\x011", "a value of one character");
    octets[key + 16] = b'7';
    fs::write(&states, octets).unwrap();
    let error = refused(root.path());
    assert!(matches!(&error, Error::TooNew { path, found: 7, .. } if *path == states), "{error}");
}

#[test]
fn a_manifest_reaches_nothing_outside() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let manifest = root.path().join("states/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for name in ["../word/000001.parquet", "/etc/passwd", "word/../../x", "word//x", ""] {
        fs::write(&manifest, text.replacen("word/000001.parquet", name, 1)).unwrap();
        let error = refused(root.path());
        assert!(error.to_string().contains("manifest.json: names a file outside of the archive"), "{error}");
        assert!(Writer::open(root.path()).is_err());
    }
}

#[test]
fn files_that_are_torn_foreign_or_gone_are_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let states = file(root.path(), "server_state");
    let whole = fs::read(&states).unwrap();
    let named = |error: Error| error.to_string().contains(states.to_str().unwrap());
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        fs::write(&states, &whole[..length]).unwrap();
        assert!(named(refused(root.path())), "{length}");
    }
    let runs = tempfile::tempdir().unwrap();
    let run = RunWriter::create(runs.path(), &crate::common::run()).unwrap().finish(&crate::common::run()).unwrap();
    fs::copy(run.directory().join("snapshot.parquet"), &states).unwrap();
    let error = refused(root.path());
    assert!(error.to_string().contains("not a file of an archive of states"), "{error}");
    fs::remove_file(&states).unwrap();
    assert!(named(refused(root.path())));
    // One octet otherwise, and a reader may not even notice: the manifest does.
    let mut other = whole.clone();
    other[whole.len() / 3] ^= 1;
    fs::write(&states, other).unwrap();
    let verified = Archive::open(root.path()).unwrap().verify().unwrap();
    assert!(verified.faults.iter().any(|fault| fault.contains("its content is not that of the manifest")), "{verified:?}");
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

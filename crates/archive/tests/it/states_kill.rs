//! A writer that is killed at any instant: what it has acknowledged is there, and the archive is sound.

use archive::states::model::{Notes, ServerKey, ServerSeen, Snapshot, Versions};
use archive::states::{Answer, Appended, Archive, Columns, Look, Round, Writer};
use dane::Epoch;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The directory that a child writes to.
const ROOT: &str = "DANELAW_STATES_ROOT";
const KILLS: u32 = 40;
const SERVERS: u32 = 5;

/// What server `n` shows in the round of a slot: it changes now and then, and is gone now and then.
fn shows(n: u32, slot: Epoch) -> Option<u32> {
    let value = u32::try_from(slot / 10).unwrap().wrapping_mul(2_654_435_761).rotate_left(n) / (1 << 30);
    (value > 0).then_some(value)
}

fn round(writer: &mut Writer, slot: Epoch) -> Round {
    let parts = writer.parts();
    let vantage = parts.word("here");
    let servers = (0..SERVERS).filter_map(|n| {
        let key = parts.server(&ServerKey::new(&format!("mx{n}.example"), 25, None));
        let chain = Some(parts.chain([format!("certificate {n} {}", slot / 50).as_bytes()]));
        Some(Look { key, seen: ServerSeen { ttl: Some(shows(n, slot)?), chain, ..ServerSeen::default() }, notes: Notes::default() })
    });
    let servers = Some(servers.collect());
    let snapshot = Snapshot {
        vantage,
        scheduled_s: slot,
        every_s: 10,
        started_s: slot,
        finished_s: Some(slot + 5),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: SERVERS.into(),
        done: SERVERS.into(),
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions::default(),
        content: Default::default(),
    };
    Round { snapshot, servers, domains: None }
}

/// Goes on where the last one ended, until it is killed. Every sixth round comes after the next.
fn child(root: &Path) {
    let mut writer = Writer::open(root).unwrap();
    if let Some(torn) = writer.torn() {
        println!("torn: {torn}");
    }
    let last = writer.snapshots().last().map_or(0, |last| last.scheduled_s / 10);
    for number in last - 1.. {
        let swapped = match number.rem_euclid(6) {
            4 => number + 1,
            5 => number - 1,
            _ => number,
        };
        if swapped < 0 {
            continue;
        }
        let one = round(&mut writer, swapped * 10);
        let appended = writer.append(&one).unwrap();
        println!("acknowledged {}{}", swapped * 10, if appended == Appended::Late { " late" } else { "" });
        std::io::stdout().flush().unwrap();
        match number % 13 {
            7 => writer.checkpoint().unwrap(),
            12 => writer.compact().unwrap(),
            _ => {}
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Some(root) = std::env::var_os(ROOT) {
        return child(Path::new(&root));
    }
    let root = tempfile::tempdir().unwrap();
    let mut acknowledged = std::collections::BTreeSet::new();
    let (mut late, mut torn) = (0, 0);
    for kill in 0..KILLS {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["states_kill::what_was_acknowledged_survives_kill_9", "--exact", "--nocapture"])
            .env(ROOT, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        // At least one new round each: the first two are there already.
        let mut said: Vec<String> = Vec::new();
        while said.iter().filter(|line| line.starts_with("acknowledged")).count() < 3 {
            said.push(lines.next().expect("the child ended by itself"));
        }
        std::thread::sleep(Duration::from_millis(u64::from(kill.wrapping_mul(2_654_435_761) % 173)));
        process.kill().unwrap();
        process.wait().unwrap();
        torn += usize::from(said.iter().any(|line| line.starts_with("torn: ")));
        for line in said.into_iter().chain(lines) {
            let Some(slot) = line.strip_prefix("acknowledged ") else { continue };
            late += u32::from(slot.ends_with(" late"));
            acknowledged.insert(slot.trim_end_matches(" late").parse::<Epoch>().unwrap());
        }
        check(root.path(), &acknowledged, kill);
    }
    assert!(acknowledged.len() > KILLS as usize && late > 0, "{} rounds, {late} of them late, {torn} torn", acknowledged.len());
}

fn check(root: &Path, acknowledged: &std::collections::BTreeSet<Epoch>, kill: u32) {
    let archive = Archive::open(root).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new(), "after kill {kill}");
    let history = archive.server_history().unwrap();
    let here = archive.parts().find_word("here").unwrap();
    for slot in acknowledged {
        assert!(history.round(here, *slot).is_some_and(|round| round.scheduled_s == *slot), "round {slot} is lost after kill {kill}");
        for n in 0..SERVERS {
            let key = archive.servers().iter().position(|key| *key.host == format!("mx{n}.example"));
            let key = key.and_then(|place| archive::states::model::ServerId::new(u32::try_from(place).unwrap() + 1));
            let seen = key.and_then(|key| match history.at(key, here, *slot) {
                Answer::Seen(state) => state.seen.ttl,
                other => {
                    assert_eq!(other, Answer::NobodyThere);
                    None
                }
            });
            assert_eq!(seen, shows(n, *slot), "server {n} in round {slot} after kill {kill}");
        }
    }
    let mut certificates = 0;
    archive.ders(|_, der| certificates += usize::from(der.der.starts_with(b"certificate "))).unwrap();
    assert_eq!(certificates, archive.certs(Columns::All).unwrap().len());
}

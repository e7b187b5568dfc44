//! Random histories on disk, delivered in any order, with the archive closed, compacted and opened in between.

use super::histories::{self, Raw, Rounds};
use crate::Error;
use crate::states::model::{DomainId, DomainSeen, Notes, ServerKey, ServerSeen, ServerState};
use crate::states::{Appended, Archive, History, Look, Parts, Round, Writer};
use dane::Epoch;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// A round with a server and a domain for every key that was seen, each with content.
pub fn round(writer: &mut Writer, vantage: &str, slot: Epoch, raw: &Raw) -> Round {
    round_of(writer.parts(), vantage, slot, raw)
}

pub fn round_of(parts: &mut Parts, vantage: &str, slot: Epoch, raw: &Raw) -> Round {
    let vantage = parts.word(vantage);
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    for (key, value) in &raw.seen {
        let server =
            parts.server(&ServerKey::new(&format!("mx{}.example", 9 - key), 25, Some([192, 0, 2, u8::try_from(*key).unwrap()].into())));
        let chain = parts.chain([&[u8::try_from(*value).unwrap()][..], b"issuer"]);
        let tlsa_set = parts.tlsa_set(vec![dane::tlsa::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![*value as u8; 32] }]);
        let status = parts.word(if *value == 1 { "ok" } else { "starttls-not-offered" });
        let seen = ServerSeen { chain: Some(chain), tlsa_set: Some(tlsa_set), smtp_status: Some(status), ..histories::seen(*value) };
        let evidence = parts.evidence([format!("{value}").as_str()]);
        servers.push(Look { key: server, seen, notes: Notes { evidence_from: Some(evidence), rules: 5, ..Notes::default() } });
        let name = format!("d{key}.example.nl");
        let seen = DomainSeen {
            tld: Some(parts.word("nl")),
            mx_set: Some(parts.mx_set([(*value as u16, "mx.example")])),
            ..DomainSeen::default()
        };
        domains.push(Look { key: parts.domain(&name), seen, notes: Notes::default() });
    }
    Round { snapshot: histories::snapshot(vantage, slot, raw), servers: Some(servers), domains: Some(domains) }
}

/// What to do between deliveries.
#[derive(Clone, Copy, Debug)]
enum Step {
    Nothing,
    Checkpoint,
    Compact,
    Reopen,
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![4 => Just(Step::Nothing), 1 => Just(Step::Checkpoint), 1 => Just(Step::Compact), 1 => Just(Step::Reopen), 1 => Just(Step::Again)]
}

type Delivery = (usize, Epoch, Raw, Step);

const VANTAGES: [&str; 2] = ["here", "there \" {"];

/// Two vantage points, and their rounds in the order of delivery: mostly by time.
fn deliveries() -> impl Strategy<Value = ([Rounds; 2], Vec<Delivery>)> {
    (histories::rounds(), histories::rounds(), prop::collection::vec((step(), prop::bool::weighted(0.15)), 30)).prop_map(
        |(one, other, steps)| {
            let mut all: Vec<(Epoch, usize, Raw)> = one.iter().map(|(at, raw)| (*at, 0, raw.clone())).collect();
            all.extend(other.iter().map(|(at, raw)| (*at, 1, raw.clone())));
            all.sort_by_key(|(at, vantage, _)| (*at, *vantage));
            let mut late = Vec::new();
            let mut deliveries = Vec::new();
            for ((at, vantage, raw), (step, is_late)) in all.into_iter().zip(steps) {
                if is_late { late.push((vantage, at, raw, step)) } else { deliveries.push((vantage, at, raw, step)) }
            }
            deliveries.extend(late);
            ([one, other], deliveries)
        },
    )
}

/// That the archive answers as the observations do, and is sound.
pub fn check(root: &Path, rounds: &[Rounds]) -> Result<(), TestCaseError> {
    let archive = Archive::open(root).unwrap();
    let verified = archive.verify().unwrap();
    prop_assert_eq!(&verified.faults, &Vec::<String>::new());
    let seen: usize = rounds.iter().flat_map(|rounds| rounds.values()).map(|raw| raw.seen.len()).sum();
    prop_assert_eq!(verified.observations, 2 * seen as u64);
    // Numbers are handed out by first appearance: translate them to those of the observations.
    let mut states = Vec::new();
    archive.server_states(crate::states::Columns::All, |rows| states.extend_from_slice(rows)).unwrap();
    check_by_host(&archive, &states)?;
    for state in &mut states {
        let key = &archive.servers()[crate::states::model::Id::index(state.key)];
        let Some(std::net::IpAddr::V4(address)) = key.address else { panic!("{key:?}") };
        state.key = crate::states::model::ServerId::new(address.octets()[3].into()).unwrap();
    }
    let history = History::new(archive.snapshots().iter().copied(), states);
    for (name, rounds) in VANTAGES.iter().zip(rounds).filter(|(_, rounds)| !rounds.is_empty()) {
        histories::check(&history, archive.parts().find_word(name).unwrap(), rounds)?;
    }
    let chains = archive.chains().unwrap();
    let certs = archive.certs(crate::states::Columns::All).unwrap();
    prop_assert!(chains.iter().all(|chain| chain.certs.len() == 2 && certs.len() > crate::states::model::Id::index(chain.certs[1])));
    Ok(())
}

/// That states come host by host as they come otherwise: every host once, in order; all of them, or those of one vantage point.
fn check_by_host(archive: &Archive, states: &[ServerState]) -> Result<(), TestCaseError> {
    let vantages = VANTAGES.iter().map(|name| archive.parts().find_word(name)).chain([None]);
    for only in vantages {
        let (mut hosts, mut found) = (Vec::new(), Vec::new());
        let host = |state: &ServerState| archive.servers()[crate::states::model::Id::index(state.key)].host.clone();
        let by_host = archive.server_states_by_host(crate::states::Columns::All, only, |rows| {
            hosts.push(host(&rows[0]));
            assert!(rows.iter().all(|state| host(state) == host(&rows[0])));
            found.extend_from_slice(rows);
        });
        by_host.unwrap();
        prop_assert!(hosts.is_sorted_by(|one, other| one < other), "{:?}", hosts);
        let mut wanted: Vec<ServerState> = states.iter().filter(|state| only.is_none_or(|only| state.vantage == only)).copied().collect();
        found.sort_by_key(crate::states::ask::place);
        wanted.sort_by_key(crate::states::ask::place);
        prop_assert_eq!(found, wanted);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_archive_answers_as_its_observations_do((rounds, deliveries) in deliveries()) {
        let root = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(root.path()).unwrap();
        let mut delivered = [Rounds::new(), Rounds::new()];
        for (vantage, slot, raw, step) in &deliveries {
            let one = round(&mut writer, VANTAGES[*vantage], *slot, raw);
            let late = delivered[*vantage].last_key_value().is_some_and(|(last, _)| last > slot);
            let appended = writer.append(&one).unwrap();
            prop_assert_eq!(appended == Appended::Late, late, "{:?}", appended);
            delivered[*vantage].insert(*slot, raw.clone());
            match step {
                Step::Nothing => {}
                Step::Checkpoint => writer.checkpoint().unwrap(),
                Step::Compact => writer.compact().unwrap(),
                Step::Reopen => {
                    drop(writer);
                    check(root.path(), &delivered)?;
                    writer = Writer::open(root.path()).unwrap();
                    prop_assert!(writer.torn().is_none());
                }
                Step::Again => {
                    let again = round(&mut writer, VANTAGES[*vantage], *slot, raw);
                    prop_assert_eq!(writer.append(&again).unwrap(), Appended::Known);
                }
            }
        }
        check(root.path(), &delivered)?;
        writer.compact().unwrap();
        check(root.path(), &delivered)?;
        prop_assert_eq!(delivered.iter().map(BTreeMap::len).sum::<usize>(), deliveries.len());
        prop_assert!(rounds.iter().zip(&delivered).all(|(all, some)| some.len() <= all.len()));
    }
}

fn raw(seen: &[(u32, u32)]) -> Raw {
    Raw { seen: seen.iter().copied().collect(), complete: true }
}

#[test]
fn another_round_for_the_same_slot_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(root.path()).unwrap();
    let first = round(&mut writer, "here", 3600, &raw(&[(1, 1)]));
    writer.append(&first).unwrap();
    let other = round(&mut writer, "here", 3600, &raw(&[(1, 2)]));
    let error = writer.append(&other).unwrap_err();
    assert!(
        error.to_string().contains("the round of 1970-01-01 01:00 UTC at 'here' (slot 3600): the archive has another round"),
        "{error}"
    );
    drop(writer);
    check(root.path(), &[Rounds::from([(3600, raw(&[(1, 1)]))]), Rounds::new()]).unwrap();
}

#[test]
fn a_clock_that_runs_backwards_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(root.path()).unwrap();
    let good = round(&mut writer, "here", 3600, &raw(&[(1, 1)]));
    for (started_s, finished_s, says) in [(3600, Some(3599), "ended (3599) before it began"), (3599, None, "began (3599) before its slot")]
    {
        let mut bad = good.clone();
        (bad.snapshot.started_s, bad.snapshot.finished_s) = (started_s, finished_s);
        let error = writer.append(&bad).unwrap_err();
        assert!(matches!(&error, Error::Round { slot: 3600, .. }) && error.to_string().contains(says), "{error}");
    }
    assert_eq!(writer.append(&good).unwrap(), Appended::New { changes: 2 });
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let root = tempfile::tempdir().unwrap();
    let first = Writer::open(root.path()).unwrap();
    let error = Writer::open(root.path()).err().unwrap();
    assert!(error.to_string().contains(&format!("is being written by process {}", std::process::id())), "{error}");
    Archive::open(root.path()).unwrap();
    drop(first);
    Writer::open(root.path()).unwrap();
}

#[test]
fn an_unchanged_round_appends_the_same_few_octets_for_one_server_and_for_four() {
    let size = |seen: &[(u32, u32)]| {
        let root = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(root.path()).unwrap();
        for slot in [0, 10] {
            let one = round(&mut writer, "here", slot, &raw(seen));
            writer.append(&one).unwrap();
        }
        let before = writer.tail.length();
        let one = round(&mut writer, "here", 20, &raw(seen));
        assert_eq!(writer.append(&one).unwrap(), Appended::New { changes: 0 });
        writer.tail.length() - before
    };
    assert_eq!(size(&[(1, 1)]), size(&[(1, 1), (2, 1), (3, 2), (4, 3)]));
    assert!(size(&[(1, 1)]) < 500);
}

#[test]
fn domains_are_by_name_too() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(root.path()).unwrap();
    let one = round(&mut writer, "here", 0, &raw(&[(2, 1)]));
    writer.append(&one).unwrap();
    writer.checkpoint().unwrap();
    let two = round(&mut writer, "here", 10, &raw(&[(2, 1), (3, 7)]));
    writer.append(&two).unwrap();
    let archive = Archive::open(root.path()).unwrap();
    let names: Vec<String> = archive.domains().unwrap().iter().map(|d| d.domain.to_string()).collect();
    assert_eq!(names, ["d2.example.nl", "d3.example.nl"]);
    assert_eq!(&*archive.mx_sets().unwrap()[1].hosts, &[(7, "mx.example".into())]);
    let mut states: Vec<(DomainId, u32)> = Vec::new();
    archive.domain_states(crate::states::Columns::All, |rows| states.extend(rows.iter().map(|s| (s.key, s.span.n_obs)))).unwrap();
    assert_eq!(states, [(DomainId::new(1).unwrap(), 2), (DomainId::new(2).unwrap(), 1)]);
}

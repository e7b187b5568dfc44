//! Rounds told by their changes make the archive that rounds told in full make.

use super::disk::round_of;
use super::histories::{self, Raw, Rounds};
use crate::Error;
use crate::states::model::{Chain, DomainId, DomainSeen, DomainState, Notes, ServerId, ServerSeen, ServerState, Snapshot};
use crate::states::{Archive, Bulk, Columns, Look, Round, Writer};
use dane::Epoch;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

const VANTAGES: [&str; 2] = ["here", "there"];

/// The rounds of both vantage points by time; each with a signature that is new every other round.
fn in_order(rounds: &[Rounds; 2]) -> Vec<(usize, Epoch, Raw)> {
    let of = |number: usize| rounds[number].iter().map(move |(at, raw)| (number, *at, raw.clone()));
    let mut all: Vec<_> = of(0).chain(of(1)).collect();
    all.sort_by_key(|(number, at, _)| (*at, *number));
    all
}

fn signed(mut round: Round) -> Round {
    let day = round.snapshot.scheduled_s.div_euclid(20) * 20;
    for look in round.servers.iter_mut().flatten() {
        look.notes = Notes { sig_inception_s: Some(day - 7), sig_expiration_s: Some(day + 100), ..look.notes };
    }
    round
}

/// What the last round of a vantage point saw.
type Last<K, S> = BTreeMap<K, Look<K, S>>;

/// Looks that differ from those of the round before, and what is gone.
fn changes<K: Ord + Copy, S: Copy + Eq>(last: &mut Last<K, S>, looks: &[Look<K, S>]) -> (Vec<Look<K, S>>, Vec<K>) {
    let now: Last<K, S> = looks.iter().map(|look| (look.key, *look)).collect();
    let new = now.values().filter(|look| last.get(&look.key) != Some(look)).copied().collect();
    let gone = last.keys().filter(|key| !now.contains_key(key)).copied().collect();
    *last = now;
    (new, gone)
}

type LastOfAll = (Last<ServerId, ServerSeen>, Last<DomainId, DomainSeen>);

fn tell(bulk: &mut Bulk<'_>, round: &Round, last: &mut LastOfAll) {
    let (servers, gone_servers) = changes(&mut last.0, round.servers.as_deref().unwrap());
    let (domains, gone_domains) = changes(&mut last.1, round.domains.as_deref().unwrap());
    let mut under_way = bulk.begin(&Snapshot { servers: Some(0), domains: Some(0), ..round.snapshot }).unwrap();
    servers.iter().for_each(|look| under_way.server(look).unwrap());
    gone_servers.into_iter().for_each(|key| under_way.gone_server(key));
    domains.iter().for_each(|look| under_way.domain(look).unwrap());
    gone_domains.into_iter().for_each(|key| under_way.gone_domain(key));
    under_way.end().unwrap();
}

/// Everything that an archive says.
#[derive(Debug, PartialEq)]
struct Said {
    snapshots: Vec<Snapshot>,
    servers: Vec<ServerState>,
    domains: Vec<DomainState>,
    chains: Vec<Chain>,
    counts: BTreeMap<String, u64>,
}

fn said(root: &Path) -> Said {
    let archive = Archive::open(root).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    archive.server_states(Columns::All, |rows| servers.extend_from_slice(rows)).unwrap();
    archive.domain_states(Columns::All, |rows| domains.extend_from_slice(rows)).unwrap();
    servers.sort_by_key(crate::states::ask::place);
    domains.sort_by_key(crate::states::ask::place);
    let (snapshots, chains, counts) = (archive.snapshots().to_vec(), archive.chains().unwrap(), archive.parts().counts());
    Said { snapshots, servers, domains, chains, counts }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn changes_make_what_full_rounds_make(
        one in histories::rounds(), other in histories::rounds(), stops in prop::collection::btree_set(0..24usize, 0..3)
    ) {
        let rounds = [one, other];
        let (full, by_changes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut writer = Writer::open(full.path()).unwrap();
        for (vantage, at, raw) in in_order(&rounds) {
            let round = signed(round_of(writer.parts(), VANTAGES[vantage], at, &raw));
            writer.append(&round).unwrap();
        }
        drop(writer);
        let mut last = <[LastOfAll; 2]>::default();
        let mut left: std::collections::VecDeque<_> = in_order(&rounds).into_iter().enumerate().collect();
        while !left.is_empty() {
            let mut writer = Writer::open(by_changes.path()).unwrap();
            let mut bulk = writer.bulk().unwrap();
            while let Some((number, (vantage, at, raw))) = left.pop_front() {
                let round = signed(round_of(bulk.parts(), VANTAGES[vantage], at, &raw));
                tell(&mut bulk, &round, &mut last[vantage]);
                if stops.contains(&number) {
                    break;
                }
            }
            bulk.finish().unwrap();
        }
        prop_assert_eq!(said(by_changes.path()), said(full.path()));
    }
}

#[test]
fn rounds_in_bulk_come_in_order_and_name_nothing_twice() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(root.path()).unwrap();
    let raw = Raw { seen: BTreeMap::from([(1, 1)]), complete: true };
    let first = round_of(writer.parts(), "here", 10, &raw);
    writer.append(&first).unwrap();
    let mut bulk = writer.bulk().unwrap();
    for at in [0, 10] {
        assert!(matches!(bulk.begin(&Snapshot { scheduled_s: at, ..first.snapshot }), Err(Error::Round { slot, .. }) if slot == at));
    }
    let look = first.servers.as_ref().unwrap()[0];
    let other = Look { seen: histories::seen(3), ..look };
    let mut round = bulk.begin(&Snapshot { scheduled_s: 20, started_s: 20, finished_s: None, ..first.snapshot }).unwrap();
    round.server(&other).unwrap();
    assert!(matches!(round.server(&other), Err(Error::Round { detail, .. }) if detail.contains("twice")));
    // Nobody ended it: this writer is of no use any more, and the archive is as it was.
    drop(bulk);
    assert!(writer.append(&first).is_err() && writer.bulk().is_err());
    drop(writer);
    let archive = Archive::open(root.path()).unwrap();
    assert_eq!((archive.snapshots().len(), archive.verify().unwrap().fault_count), (1, 0));
}

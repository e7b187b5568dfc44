//! What is written is what is read, from the log and from Parquet alike.

use archive::{Archive, Item, PARQUET_FILES, RunWriter, Skipped};
use dane::observation::{HostObservation, Observation};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The hosts of an observation as an archive gives them back: by the MX order, and the first look at a host for all its domains.
fn expected(written: &[Observation]) -> Vec<Observation> {
    let mut first: HashMap<dane::name::Name, Arc<HostObservation>> = HashMap::new();
    for host in written.iter().flat_map(|o| &o.hosts) {
        first.entry(host.host.clone()).or_insert_with(|| host.clone());
    }
    let join = |o: &Observation| {
        let hosts = dane::mx::hosts(&o.domain.domain, &o.domain.mx).iter().filter_map(|m| first.get(&m.host).cloned()).collect();
        Observation { domain: o.domain.clone(), hosts, vantage: crate::common::vantage() }
    };
    written.iter().map(join).collect()
}

fn write(archive: &Path, written: &[Observation]) -> archive::Run {
    let mut writer = RunWriter::create(archive, &crate::common::run()).unwrap();
    for observation in written {
        writer.observation(observation).unwrap();
    }
    writer.finish(&dane::observation::RunObservation { finished: Some(1_795_255_400), ..crate::common::run() }).unwrap()
}

fn seen(item: Item) -> Option<Observation> {
    if let Item::Seen(observation) = item { Some(*observation) } else { None }
}

fn read(run: &archive::Run) -> Vec<Observation> {
    let mut read = Vec::new();
    let damage = run.items(|i| read.extend(seen(i))).unwrap();
    assert_eq!(damage, archive::Damage::default());
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_forms_give_back_what_was_written(written in prop::collection::vec(crate::common::observation(), 0..5)) {
        let place = tempfile::tempdir().unwrap();
        let run = write(place.path(), &written);
        let expected = expected(&written);
        prop_assert_eq!(&read(&run), &expected, "from Parquet");
        prop_assert_eq!(run.metadata().unwrap().finished, Some(1_795_255_400));
        for file in PARQUET_FILES {
            std::fs::remove_file(run.directory().join(format!("{file}.parquet"))).unwrap();
        }
        prop_assert_eq!(&read(&run), &expected, "from the log");
        prop_assert_eq!(run.metadata().unwrap().finished, Some(1_795_255_400));
        run.write_parquet().unwrap();
        std::fs::remove_file(run.directory().join("observations.jsonl")).unwrap();
        prop_assert_eq!(&read(&run), &expected, "from Parquet made again, log gone");
        prop_assert_eq!(Archive::open(place.path()).unwrap().runs().unwrap().len(), 1);
    }

    #[test]
    fn a_log_cut_anywhere_gives_back_every_whole_domain(
        written in prop::collection::vec(crate::common::observation(), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let place = tempfile::tempdir().unwrap();
        let run = write(place.path(), &written);
        for file in PARQUET_FILES {
            std::fs::remove_file(run.directory().join(format!("{file}.parquet"))).unwrap();
        }
        let log = run.directory().join("observations.jsonl");
        let bytes = std::fs::read(&log).unwrap();
        let kept = &bytes[..cut.index(bytes.len())];
        std::fs::write(&log, kept).unwrap();
        let whole = kept.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n") || serde_json::from_slice::<serde_json::Value>(l).is_ok());
        let domains = whole.filter(|l| l.starts_with(b"{\"kind\":\"domain\"")).count();
        let mut read = Vec::new();
        let damage = run.items(|i| read.extend(seen(i))).unwrap();
        prop_assert_eq!(&read, &expected(&written)[..domains]);
        prop_assert_eq!(damage.count, 0, "a torn last line is no damage");
    }
}

#[test]
fn two_runs_in_one_second_do_not_meet() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), &[]);
    write(place.path(), &[]);
    assert_eq!(Archive::open(place.path()).unwrap().runs().unwrap().len(), 2);
}

#[test]
fn every_target_has_a_record_even_if_it_was_not_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(place.path(), &crate::common::run()).unwrap();
    let skipped = Skipped { domain: dane::name::parse_domain("left.alone.example").unwrap(), at: 9, why: "opted-out".into() };
    writer.skipped(&skipped).unwrap();
    let run = writer.finish(&crate::common::run()).unwrap();
    let items = || {
        let mut items = Vec::new();
        run.items(|i| items.push(i)).unwrap();
        items
    };
    assert_eq!(items(), [Item::Skipped(skipped.clone())], "from Parquet");
    std::fs::remove_file(run.directory().join("skipped.parquet")).unwrap();
    assert_eq!(items(), [Item::Skipped(skipped)], "from the log");
}

#[test]
fn an_alias_without_mx_keeps_its_host() {
    use dane::dns::{Alias, Lookup, Security};
    // R-006 rfc7672#2.2.2: the domain itself is the host, and not what it is an alias of.
    let (domain, target) = (dane::name::parse_domain("example.nl").unwrap(), dane::name::parse_domain("elsewhere.example").unwrap());
    let mut mx = Lookup::unasked(&domain, domain::base::iana::Rtype::MX, 1_795_255_300);
    (mx.failure, mx.failure_detail, mx.status) = (None, None, Security::Insecure);
    mx.aliases = vec![Alias { owner: domain.clone(), target, ttl: 60, status: Security::Insecure }];
    let seen = Observation {
        hosts: vec![Arc::new(HostObservation::unseen(&domain, 25, 1_795_255_300))],
        domain: dane::observation::DomainObservation {
            schema: 1,
            domain,
            at: 1_795_255_300,
            zone: None,
            mx,
            name_servers: Vec::new(),
            policies: None,
        },
        vantage: crate::common::vantage(),
    };
    let place = tempfile::tempdir().unwrap();
    let run = write(place.path(), std::slice::from_ref(&seen));
    assert_eq!(read(&run), [seen]);
}

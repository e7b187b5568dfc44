//! Forward DNS in Parquet files that DuckDB and Polars wrote, as states of domains.

use archive::import::openintel::{Import, Took, check};
use archive::states::model::{DomainState, Id};
use archive::states::{Archive, Columns, Writer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DAY: i64 = 86_400;
/// 2026-11-01.
const START: i64 = 1_793_491_200;

fn take(root: &Path, files: &[PathBuf]) -> (Took, Vec<(u64, &'static str)>) {
    let mut writer = Writer::open(root).unwrap();
    let mut import = Import::new(&mut writer, "openintel", "0");
    let mut aside = Vec::new();
    for file in files {
        import.file(file, |number, reason, _| aside.push((number, reason))).unwrap();
    }
    (import.finish().unwrap(), aside)
}

/// Of every domain its states in order: from and until which day, and what was seen.
fn seen(root: &Path) -> BTreeMap<String, Vec<String>> {
    let archive = Archive::open(root).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let (names, mx, ns) = (archive.domains().unwrap(), archive.mx_sets().unwrap(), archive.ns_sets().unwrap());
    let mut all: Vec<DomainState> = Vec::new();
    archive.domain_states(Columns::All, |states| all.extend_from_slice(states)).unwrap();
    all.sort_by_key(|state| state.span.valid_from_s);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for state in all {
        let DomainState { span, seen, .. } = state;
        let mx = seen.mx_set.map(|id| mx[id.index()].hosts.iter().map(|(p, host)| format!("{p} {host}")).collect::<Vec<_>>().join(", "));
        let ns = seen.ns_set.map(|id| ns[id.index()].hosts.join(", "));
        let text = |option: Option<String>| option.unwrap_or_else(|| "-".into());
        let said = format!(
            "{}-{} [{}] ns [{}] {}/{}/{} ds {:?} dnskey {:?} signed {:?} {} {}",
            (span.valid_from_s - START) / DAY,
            (span.valid_to_s - START) / DAY,
            text(mx),
            text(ns),
            seen.hosts,
            seen.addresses,
            seen.tlsa,
            seen.ds,
            seen.dnskey,
            seen.signed,
            seen.status.map_or("-", |status| status.word()),
            text(seen.reason.map(|word| archive.parts().text(word).to_owned())),
        );
        found.entry(names[state.key.index()].domain.to_string()).or_default().push(said);
    }
    found
}

/// By the rows of make.py.
fn expected() -> BTreeMap<String, Vec<String>> {
    let both = "10 mx1.secure.nl, 20 mx2.example.com";
    let servers = "ns1.secure.nl, ns2.secure.nl";
    [
        (
            "secure.nl",
            vec![
                format!("0-1 [{both}] ns [{servers}] 2/2/0 ds Some(true) dnskey Some(true) signed Some(true) secure -"),
                format!("1-3 [{both}] ns [{servers}] 2/2/1 ds Some(true) dnskey Some(true) signed Some(true) secure -"),
            ],
        ),
        ("implicit.nl", vec!["0-3 [0 implicit.nl] ns [-] 1/1/0 ds Some(false) dnskey None signed Some(false) insecure unsigned".into()]),
        ("null.se", vec!["0-3 [] ns [-] 0/0/0 ds None dnskey None signed Some(false) insecure unsigned".into()]),
        ("gone.se", vec!["0-3 [] ns [-] 0/0/0 ds None dnskey None signed Some(false) secure -".into()]),
        ("broken.se", vec!["0-3 [-] ns [-] 0/0/0 ds None dnskey None signed None indeterminate dns-servfail".into()]),
        (
            "island.se",
            vec![
                "0-1 [5 mx1.secure.nl] ns [-] 1/1/0 ds None dnskey None signed Some(true) insecure ds-missing".into(),
                "1-3 [5 mx1.secure.nl] ns [-] 1/1/1 ds None dnskey None signed Some(true) insecure ds-missing".into(),
            ],
        ),
    ]
    .into_iter()
    .map(|(name, states)| (name.to_owned(), states))
    .collect()
}

#[test]
fn days_become_states_of_domains() {
    let place = tempfile::tempdir().unwrap();
    let mut python = conformance::python::interpreter();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openintel/make.py");
    let output = python.arg(script).arg(place.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = ["day-0", "day-1", "day-2-a", "day-2-b"].map(|name| place.path().join(format!("{name}.parquet")));
    let root = place.path().join("archive");
    let (took, aside) = take(&root, &files);
    assert_eq!((took.new, took.late, took.known, took.domains, took.refused.len()), (3, 0, 0, 18, 0));
    assert_eq!(aside.iter().filter(|(_, reason)| *reason == "query_name: not a domain name").count(), aside.len());
    assert_eq!(aside.len(), 3);
    let expected = expected();
    assert_eq!(seen(&root), expected);
    // Again, it is known; the middle day late, it is where it belongs.
    assert_eq!(take(&root, &files).0.known, 3);
    let late = place.path().join("late");
    take(&late, &[files[0].clone(), files[2].clone(), files[3].clone()]);
    assert_eq!(take(&late, &files[1..2]).0.late, 1);
    assert_eq!(seen(&late), expected);
    // Cut off anywhere, it is refused before anything is read.
    let whole = std::fs::read(&files[0]).unwrap();
    for length in [0, 4, whole.len() / 2, whole.len() - 1] {
        let cut = place.path().join("cut.parquet");
        std::fs::write(&cut, &whole[..length]).unwrap();
        assert!(check(&cut).is_err(), "{length}");
    }
}

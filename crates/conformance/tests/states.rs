//! The tables of states in programs that know nothing of danelaw: DuckDB and Polars count what was put in, and what our reader counts.

use archive::states::model::{DomainSeen, Notes, ServerKey, ServerSeen, Snapshot, Versions};
use archive::states::{Answer, Archive, Columns, Look, Round, Writer};
use dane::tlsa::Tlsa;
use std::collections::BTreeMap;
use std::path::Path;

const SERVERS: i64 = 40;
const ROUNDS: i64 = 60;
/// A round that did not take place, and the moments that it would have stood for.
const MISSED: i64 = 33;
const EVERY: i64 = 3600;

/// Whether the server's visit fails in a round; whether its record fits its certificate.
fn fails(server: i64, round: i64) -> bool {
    (server * 7 + round * 5) % 31 == 0
}

fn fits(server: i64, round: i64) -> bool {
    (server + round / 20) % 3 != 0
}

fn certificate(server: i64, round: i64) -> Vec<u8> {
    format!("certificate of {server}, issue {}", (round + server) / 25).into_bytes()
}

fn round(writer: &mut Writer, vantage: &str, number: i64) -> Round {
    let parts = writer.parts();
    let (vantage, nl) = (parts.word(vantage), parts.word("nl"));
    let server = |server: i64| {
        let leaf = certificate(server, number);
        let named = if fits(server, number) { leaf.clone() } else { b"something else".to_vec() };
        let data = archive::states::model::Digest::of(&named).0.to_vec();
        let other = Tlsa { usage: 2, selector: 1, matching: 2, data: vec![7; 64] };
        let records = vec![Tlsa { usage: 3, selector: 0, matching: 1, data }, other];
        let seen = ServerSeen {
            tlsa_set: Some(parts.tlsa_set(records)),
            chain: (!fails(server, number)).then(|| parts.chain([&leaf[..], b"issuer"])),
            ..ServerSeen::default()
        };
        let key = parts.server(&ServerKey::new(&format!("mx{server}.example"), 25, Some([192, 0, 2, server as u8].into())));
        Look { key, seen, notes: Notes::default() }
    };
    let servers = (0..SERVERS).map(server).collect();
    let domain = |n: i64| {
        let key = parts.domain(&format!("d{n}.nl"));
        let seen = DomainSeen { tld: Some(nl), tlsa: u16::from(n < number), hosts: 1, ..DomainSeen::default() };
        Look { key, seen, notes: Notes::default() }
    };
    let domains = (0..SERVERS).map(domain).collect();
    let snapshot = Snapshot {
        vantage,
        scheduled_s: number * EVERY,
        every_s: EVERY as u32,
        started_s: number * EVERY,
        finished_s: Some(number * EVERY + 60),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: SERVERS as u64,
        done: SERVERS as u64,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions::default(),
        content: Default::default(),
    };
    Round { snapshot, servers: Some(servers), domains: Some(domains) }
}

fn write(root: &Path) {
    let mut writer = Writer::open(root).unwrap();
    for number in (0..ROUNDS).filter(|number| *number != MISSED) {
        for vantage in ["here", "there"] {
            let one = round(&mut writer, vantage, number);
            writer.append(&one).unwrap();
        }
        match number % 20 {
            9 => writer.checkpoint().unwrap(),
            // Some files of a table are merged, later ones stand beside them.
            19 if number < 40 => writer.compact().unwrap(),
            _ => {}
        }
    }
    writer.checkpoint().unwrap();
}

/// What was put in, by counting it: looks, looks without a certificate, looks that match.
fn put_in() -> [i64; 3] {
    let all = (0..ROUNDS).filter(|number| *number != MISSED).flat_map(|number| (0..SERVERS).map(move |server| (server, number)));
    let (mut looks, mut without, mut matching) = (0, 0, 0);
    for (server, number) in all {
        looks += 2;
        without += 2 * i64::from(fails(server, number));
        matching += 2 * i64::from(fits(server, number) && !fails(server, number));
    }
    [looks, without, matching]
}

/// What our reader counts.
fn read(root: &Path, moment: i64) -> BTreeMap<&'static str, i64> {
    let archive = Archive::open(root).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let (mut states, mut looks, mut of_mx1, mut domains) = (0, 0, 0, 0);
    archive
        .server_states(Columns::All, |rows| {
            states += rows.len();
            looks += rows.iter().map(|row| i64::from(row.span.n_obs)).sum::<i64>();
            let mx1 = |row: &&archive::states::model::ServerState| &*archive.servers()[row.key.number() as usize - 1].host == "mx1.example";
            of_mx1 += rows.iter().filter(mx1).map(|row| i64::from(row.span.n_obs)).sum::<i64>();
        })
        .unwrap();
    archive.domain_states(Columns::Only(&["n_obs"]), |rows| domains += rows.len()).unwrap();
    let history = archive.server_history().unwrap();
    let vantages = ["here", "there"].map(|name| archive.parts().find_word(name).unwrap());
    let keys = (1..=archive.servers().len() as u32).filter_map(archive::states::model::ServerId::new);
    let seen = keys.flat_map(|key| vantages.map(|vantage| matches!(history.at(key, vantage, moment), Answer::Seen(_))));
    BTreeMap::from([
        ("rounds", archive.snapshots().len() as i64),
        ("server states", states as i64),
        ("domain states", domains as i64),
        ("looks counted", looks),
        ("at the moment", seen.filter(|seen| *seen).count() as i64),
        ("certificates", archive.certs(Columns::All).unwrap().len() as i64),
        ("records", archive.tlsa_sets().unwrap().iter().map(|set| set.records.len() as i64).sum()),
        ("looks at mx1.example", of_mx1),
    ])
}

#[test]
fn duckdb_and_polars_count_what_was_put_in() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let views = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/views.sql");
    let ask = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/states/ask.py");
    // A moment within a round, and one that nobody looked at, though states last over it.
    for (moment, there) in [(41 * EVERY + 17, 2 * SERVERS), (MISSED * EVERY + 17, 0)] {
        let mut python = conformance::python::interpreter();
        let output = python.arg(ask).arg(root.path()).arg(views).arg(moment.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: BTreeMap<String, BTreeMap<String, i64>> = serde_json::from_slice(&output.stdout).unwrap();
        let ours = read(root.path(), moment);
        for (who, counts) in &theirs {
            for (what, count) in counts {
                assert!(
                    ours.get(what.as_str()).is_none_or(|our| our == count),
                    "{who}: {what}: {count}, ours {:?}",
                    ours.get(what.as_str())
                );
            }
        }
        let duckdb = &theirs["duckdb"];
        let [looks, without, matching] = put_in();
        assert_eq!([duckdb["looks"], duckdb["looks without a certificate"], duckdb["matching looks"]], [looks, without, matching]);
        assert_eq!((ours["looks counted"], ours["at the moment"], ours["rounds"]), (looks, there, 2 * (ROUNDS - 1)));
        let of_d1 = |from: i64| 2 * (from..ROUNDS).filter(|number| *number != MISSED).count() as i64;
        assert_eq!([duckdb["looks at d1.nl"], duckdb["looks at d1.nl with records"]], [of_d1(0), of_d1(2)]);
        assert_eq!((theirs["polars"].len(), theirs["polars"]["looks at d1.nl"]), (8, of_d1(0)));
    }
}

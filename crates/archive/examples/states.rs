//! What the archive of states costs: octets an observation by table, and CPU time a round.
//!
//! `cargo run --release -p archive --example states -- SERVERS ROUNDS VANTAGES DIR`. A made-up hourly survey: every server renews its
//! certificate every 60 to 90 days, one visit in 300 fails, zones are signed anew every week and 5% of them for every answer. Certificates are
//! half template, half noise, as real ones are for a compressor.

use archive::states::model::{Notes, ServerId, ServerKey, ServerSeen, Snapshot, Versions, WordId};
use archive::states::{Archive, Columns, Look, Round, Writer};
use dane::tlsa::Tlsa;
use std::path::Path;

/// Octets of a leaf certificate, and how many of them are noise: keys, signature, serial number.
const LEAF: usize = 1300;
const NOISE: usize = 700;
const HOUR: i64 = 3600;
const START: i64 = 1_600_000_000 / HOUR * HOUR;

/// SplitMix64.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn certificate(seed: u64) -> Vec<u8> {
    let noise = (0..).flat_map(|n| mix(mix(seed) ^ n).to_le_bytes()).take(NOISE);
    (0..LEAF - NOISE).map(|n| (n % 251) as u8).chain(noise).collect()
}

/// A server, and what it shows now.
struct Server {
    key: ServerId,
    renewed: i64,
    seen: ServerSeen,
}

fn server(writer: &mut Writer, n: u64, ok: WordId) -> Server {
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + n as u32);
    let host = format!("mx{}.provider{}.example", n % 7, mix(n) % 9000);
    let key = writer.parts().server(&ServerKey::new(&host, 25, Some(address.into())));
    let secure = Some(dane::dns::Security::Secure);
    let seen = ServerSeen { ttl: Some(3600), dnssec: secure, signed: Some(true), smtp_status: Some(ok), ..ServerSeen::default() };
    let mut server = Server { key, renewed: 0, seen };
    renew(writer, &mut server, n, -((mix(n) % 2000) as i64));
    server
}

fn renew(writer: &mut Writer, server: &mut Server, number: u64, hour: i64) {
    let leaf = certificate(number << 20 | hour as u64);
    let issuer = certificate(u64::MAX - number % 40);
    let parts = writer.parts();
    server.renewed = hour;
    server.seen.chain = Some(parts.chain([&leaf[..], &issuer]));
    // Two in three keep the key, or publish the issuer's.
    if number.is_multiple_of(3) || server.seen.tlsa_set.is_none() {
        let data = mix(number ^ hour as u64).to_le_bytes().repeat(4);
        server.seen.tlsa_set = Some(parts.tlsa_set(vec![Tlsa { usage: 3, selector: 1, matching: 1, data }]));
    }
}

fn looks(servers: &[Server], hour: i64, vantage: u64, fails: WordId) -> Vec<Look<ServerId, ServerSeen>> {
    let look = |(number, server): (usize, &Server)| {
        let number = number as u64;
        // One in twenty signs for every answer; the others once a week, each at its own hour.
        let signed = if number.is_multiple_of(20) { hour } else { hour - (hour + (mix(number) % 168) as i64) % 168 };
        let at = START + signed * HOUR;
        let failed = mix(number << 32 ^ hour as u64 ^ vantage << 60).is_multiple_of(300);
        let seen = if failed { ServerSeen { chain: None, smtp_status: Some(fails), ..server.seen } } else { server.seen };
        let notes = Notes { sig_inception_s: Some(at), sig_expiration_s: Some(at + 14 * 24 * HOUR), rules: 5, ..Notes::default() };
        Look { key: server.key, seen, notes }
    };
    servers.iter().enumerate().map(look).collect()
}

fn snapshot(vantage: WordId, hour: i64, many: usize) -> Snapshot {
    let scheduled_s = START + hour * HOUR;
    Snapshot {
        vantage,
        scheduled_s,
        every_s: HOUR as u32,
        started_s: scheduled_s + 2,
        finished_s: Some(scheduled_s + 1800),
        clock_offset_ms: Some(hour % 7),
        targets_sha256: Some(vantage),
        targets: many as u64,
        done: many as u64,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: Some(vantage),
        versions: Versions { rules: 5, ..Versions::default() },
        content: Default::default(),
    }
}

/// CPU time of this process, seconds. (Linux)
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (many, hours, vantages) = (number(0, 13_900), number(1, 500), number(2, 1));
    let root = arguments.get(3).map_or("states-example", String::as_str);
    let root = Path::new(root);
    let mut writer = Writer::open(root).expect("a directory that can be written");
    let (ok, fails) = (writer.parts().word("ok"), writer.parts().word("connection-timeout"));
    let names: Vec<WordId> = (0..vantages).map(|v| writer.parts().word(&format!("vantage-{v}"))).collect();
    let mut servers: Vec<Server> = (0..many).map(|n| server(&mut writer, n, ok)).collect();
    let begun = cpu();
    let mut appending = 0.0;
    for hour in 0..hours as i64 {
        for n in 0..many {
            let life = 60 * 24 + (mix(n) % (30 * 24)) as i64;
            if hour - servers[n as usize].renewed >= life {
                renew(&mut writer, &mut servers[n as usize], n, hour);
            }
        }
        for (v, vantage) in names.iter().enumerate() {
            let looks = looks(&servers, hour, v as u64, fails);
            let round = Round { snapshot: snapshot(*vantage, hour, looks.len()), servers: Some(looks), domains: None };
            let before = cpu();
            writer.append(&round).expect("room for a round");
            appending += cpu() - before;
        }
    }
    // The same again, and nothing else: what an unchanged round costs.
    let unchanged = 50;
    let same: Vec<_> = looks(&servers, hours as i64, 0, fails);
    let mut quiet = 0.0;
    for extra in 0..unchanged {
        let round = Round { snapshot: snapshot(names[0], hours as i64 + extra, same.len()), servers: Some(same.clone()), domains: None };
        let before = cpu();
        writer.append(&round).expect("room for a round");
        quiet += if extra == 0 { 0.0 } else { cpu() - before };
    }
    writer.compact().expect("room for tables");
    drop(writer);
    println!(
        "{:.2} ms a round, checkpoints included; {:.2} ms an unchanged one; {:.1} s in all",
        appending * 1e3 / (hours * vantages) as f64,
        quiet * 1e3 / (unchanged - 1) as f64,
        cpu() - begun
    );
    report(root, (many * (hours * vantages + unchanged as u64)) as f64);
}

/// What is on disk, and what it takes to read it.
fn report(root: &Path, observations: f64) {
    let mut tables: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    sizes(&root.join("states"), "", &mut tables);
    for (table, octets) in &tables {
        println!("{table:>16} {octets:>12} {:.4} octets an observation", *octets as f64 / observations);
    }
    let before = cpu();
    let archive = Archive::open(root).expect("what was written");
    let mut rows = 0;
    archive.server_states(Columns::All, |states| rows += states.len()).expect("states");
    println!("{rows} states of {observations} observations read in {:.3} CPU-s", cpu() - before);
    let before = cpu();
    println!("{} faults; verified in {:.3} CPU-s", archive.verify().expect("files").fault_count, cpu() - before);
}

fn sizes(directory: &Path, table: &str, sums: &mut std::collections::BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let table = if table.is_empty() { &name } else { table };
        if entry.path().is_dir() {
            sizes(&entry.path(), table, sums);
        } else {
            *sums.entry(table.to_owned()).or_default() += entry.metadata().map_or(0, |m| m.len());
        }
    }
}

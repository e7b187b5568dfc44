//! `operate::dns` changes zones of other people's name servers, beside `nsupdate`.

use conformance::primary::{Kind, Nsd, Primary, ZONE, secret, write_secret};
use conformance::process::Server;
use conformance::python;
use dane::name::Name;
use operate::dns::{ApiKey, Change, Done, Effect, Error, Fragment, Key, PowerDns, Reload, TlsaSet, TsigError, Update, Why, Writer};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const OWNER: &str = "_25._tcp.mx.mail.example.";
const OTHER: &str = "_25._tcp.mx2.mail.example.";

/// A `3 1 1` record; which, the digit says.
fn record(digit: char) -> String {
    format!("3 1 1 {}", digit.to_string().repeat(64))
}

fn set(digits: &str) -> TlsaSet {
    digits.chars().map(|digit| record(digit).parse().unwrap()).collect()
}

/// The set as [`Primary::tlsa`] has it.
fn seen(ttl: u32, digits: &str) -> Vec<String> {
    digits.chars().map(|digit| format!("{ttl} {}", record(digit))).collect()
}

fn change(owner: &str, from: &str, to: &str) -> Change {
    Change { owner: Name::from_str(owner).unwrap(), ttl: 300, from: set(from), to: set(to) }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn update(server: SocketAddr, key: &Path) -> Update {
    Update { server, zone: None, key: Key::read(key).unwrap(), wait: Duration::from_secs(5) }
}

#[tokio::main(flavor = "current_thread")]
async fn write_by(writer: &Writer, change: &Change, now: i64) -> Result<Done, Error> {
    writer.write(change, now).await
}

fn write_at(update: Update, change: &Change, now: i64) -> Result<Done, Error> {
    write_by(&Writer::Update(Box::new(update)), change, now)
}

fn write(primary: &Primary, change: &Change) -> Result<Done, Error> {
    write_at(update(primary.address, &primary.file("danelaw")), change, now())
}

/// Waits until it holds, up to ten seconds.
fn soon(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The life of an RRset, once by us and once by `nsupdate`: the zone says the same afterwards.
fn lives_as_with_nsupdate(primary: &Primary) {
    for (from, to) in [("", "a"), ("a", "ab"), ("ab", "b"), ("b", "bc"), ("bc", "")] {
        assert_eq!(write(primary, &change(OWNER, from, to)).unwrap(), Done::Written, "{from} to {to}");
        let theirs = Writer::Update(Box::new(update(primary.address, &primary.file("danelaw")))).rendering(&change(OTHER, from, to));
        let script: Vec<&str> = theirs.lines().filter(|line| !line.starts_with("server")).collect();
        primary.nsupdate(&primary.file("danelaw"), &script.join("\n")).unwrap();
        assert_eq!((primary.tlsa(OWNER), primary.tlsa(OTHER)), (seen(300, to), seen(300, to)), "{from} to {to}");
        if !to.is_empty() {
            soon("the server signs", || primary.answers(OWNER, "TLSA", "RRSIG"));
        }
        assert_eq!(write(primary, &change(OWNER, from, to)).unwrap(), Done::AlreadyThere, "again {from} to {to}");
    }
}

/// What `nsupdate` does in between is noticed, and stays.
fn others_are_noticed(primary: &Primary) {
    write(primary, &change(OWNER, "", "a")).unwrap();
    primary.nsupdate(&primary.file("danelaw"), &format!("update add {OWNER} 300 TLSA {}\nsend", record('d'))).unwrap();
    let error = write(primary, &change(OWNER, "a", "ab")).unwrap_err();
    let Why::ChangedMeanwhile { found, .. } = &error.why else { panic!("{error}") };
    assert_eq!((found, error.effect()), (&Some(set("ad")), Effect::Nothing));
    let text = error.to_string();
    assert!(text.contains(&format!("expected {}, found {}, {}", record('a'), record('a'), record('d'))), "{text}");
    assert_eq!(primary.tlsa(OWNER), seen(300, "ad"));
    let error = write(primary, &change(OWNER, "", "b")).unwrap_err();
    assert!(matches!(&error.why, Why::ChangedMeanwhile { found, .. } if *found == Some(set("ad"))), "{error}");
    assert_eq!(primary.tlsa(OWNER), seen(300, "ad"));

    // The same records with another TTL are another RRset.
    assert_eq!(write(primary, &Change { ttl: 600, ..change(OWNER, "a", "ad") }).unwrap(), Done::Written);
    assert_eq!(primary.tlsa(OWNER), seen(600, "ad"));
    write(primary, &change(OWNER, "ad", "")).unwrap();
    assert_eq!(primary.tlsa(OWNER), seen(0, ""));
}

/// Every refusal is told apart as far as the server does, and none changes anything. What PowerDNS refuses before it looks at the key it does
/// not sign (against RFC 8945 section 5.3), and Knot says BADKEY where a key lacks a right.
fn refusals_are_told_apart(kind: Kind, primary: &Primary) {
    let wanted = change(OWNER, "", "a");
    let with = |key: &Path| update(primary.address, key);
    let fails = |update: Update, change: &Change, now: i64, words: [&str; 3]| {
        let error = write_at(update, change, now).unwrap_err();
        let (text, words) = (error.to_string(), words[kind as usize]);
        println!("{kind:?}: {text}");
        assert!(!text.contains('\n') && text.contains(words), "not '{words}': {text}");
        assert_eq!(primary.tlsa(OWNER), seen(0, ""), "{text}");
        error
    };
    let right = primary.file("danelaw");
    let unsigned = "(NOTAUTH) is not signed";

    let wrong = primary.file("wrong");
    let text = fs::read_to_string(&right).unwrap();
    write_secret(&wrong, &text.replace(&secret(&right), &secret(&primary.file("bystander"))));
    let _ = fails(with(&wrong), &wanted, now(), ["BADSIG", "BADSIG", unsigned]);
    write_secret(&wrong, &text.replace("danelaw", "stranger"));
    let _ = fails(with(&wrong), &wanted, now(), ["BADKEY", "BADKEY", unsigned]);

    let error = fails(with(&right), &wanted, now() - 3600, ["BADTIME", "BADTIME", unsigned]);
    if kind != Kind::PowerDns {
        let Why::Tsig(TsigError::BadTime { ours, theirs }) = error.why else { panic!("{error}") };
        assert!((3590..=3610).contains(&(theirs - ours)), "{ours} {theirs}");
    }
    let _ = fails(with(&primary.file("bystander")), &wanted, now(), ["REFUSED", "BADKEY", "REFUSED"]);
    let zone = |zone: &str| Some(Name::from_str(zone).unwrap());
    let elsewhere = Update { zone: zone("elsewhere.example"), ..with(&right) };
    let _ = fails(elsewhere, &wanted, now(), ["NOTAUTH", "NOTAUTH", "NOTAUTH"]);
    let outside = change("_25._tcp.mx.other.example", "", "a");
    let _ = fails(Update { zone: zone(ZONE), ..with(&right) }, &outside, now(), ["NOTZONE", "NOTZONE", "NOTZONE"]);
    let alias = change("_25._tcp.alias.mail.example", "", "a");
    let error = fails(with(&right), &alias, now(), ["is an alias", "is an alias", "is an alias"]);
    assert!(matches!(&error.why, Why::Alias { target, .. } if target == OWNER.trim_end_matches('.')), "{error}");
}

fn all(kind: Kind, algorithm: &str) {
    let directory = tempfile::tempdir().unwrap();
    let primary = Primary::start(kind, algorithm, directory.path());
    soon("the zone is loaded", || primary.answers(ZONE, "SOA", "SOA"));
    lives_as_with_nsupdate(&primary);
    others_are_noticed(&primary);
    refusals_are_told_apart(kind, &primary);
}

#[test]
fn bind_takes_signed_updates() {
    all(Kind::Bind, "hmac-sha256");
}

#[test]
fn knot_takes_signed_updates() {
    all(Kind::Knot, "hmac-sha384");
}

#[test]
fn power_dns_takes_signed_updates() {
    all(Kind::PowerDns, "hmac-sha512");
}

fn api(primary: &Primary, key: &Path) -> PowerDns {
    let url = format!("http://{}/api/v1/servers/localhost", primary.api);
    PowerDns { url, ca: None, zone: None, key: ApiKey::read(key).unwrap(), wait: Duration::from_secs(5) }
}

#[test]
fn power_dns_takes_its_api() {
    let directory = tempfile::tempdir().unwrap();
    let primary = Primary::start(Kind::PowerDns, "hmac-sha256", directory.path());
    let key = primary.file("api-key");
    let write = |change: &Change| write_by(&Writer::PowerDns(api(&primary, &key)), change, 0);
    soon("the API answers", || std::net::TcpStream::connect(primary.api).is_ok());
    for (from, to) in [("", "a"), ("a", "ab"), ("ab", "b"), ("b", "")] {
        assert_eq!(write(&change(OWNER, from, to)).unwrap(), Done::Written, "{from} to {to}");
        assert_eq!(primary.tlsa(OWNER), seen(300, to), "{from} to {to}");
        assert_eq!(write(&change(OWNER, from, to)).unwrap(), Done::AlreadyThere, "again {from} to {to}");
    }
    write(&change(OWNER, "", "a")).unwrap();
    soon("the server signs", || primary.answers(OWNER, "TLSA", "RRSIG"));
    primary.nsupdate(&primary.file("danelaw"), &format!("update add {OWNER} 300 TLSA {}\nsend", record('d'))).unwrap();
    let error = write(&change(OWNER, "a", "ab")).unwrap_err();
    assert!(matches!(&error.why, Why::ChangedMeanwhile { found, .. } if *found == Some(set("ad"))), "{error}");
    assert_eq!(write(&Change { ttl: 600, ..change(OWNER, "a", "ad") }).unwrap(), Done::Written);
    assert_eq!(primary.tlsa(OWNER), seen(600, "ad"));

    let alias = change("_25._tcp.alias.mail.example", "", "a");
    let error = write(&alias).unwrap_err();
    assert!(matches!(&error.why, Why::Alias { target, .. } if target == OWNER.trim_end_matches('.')), "{error}");
    let error = write(&change("_25._tcp.mx.other.example", "", "a")).unwrap_err();
    assert!(matches!(error.why, Why::NoZone(_)), "{error}");
    let wrong = primary.file("wrong");
    write_secret(&wrong, "another\n");
    let error = write_by(&Writer::PowerDns(api(&primary, &wrong)), &change(OWNER, "ad", ""), 0).unwrap_err();
    assert!(matches!(error.why, Why::ApiKey(401)) && !error.to_string().contains("another"), "{error}");
    let open = PowerDns { url: "http://192.0.2.1:8081/api/v1/servers/localhost".to_owned(), ..api(&primary, &key) };
    let error = write_by(&Writer::PowerDns(open), &change(OWNER, "ad", ""), 0).unwrap_err();
    assert!(matches!(error.why, Why::InTheClear), "{error}");
    assert_eq!(primary.tlsa(OWNER), seen(600, "ad"));
}

/// A hidden primary: the zone includes our file, and the operator's script raises the serial, signs and reloads.
#[test]
fn nsd_reads_what_its_zone_includes() {
    let directory = tempfile::tempdir().unwrap();
    let nsd = Nsd::start(directory.path());
    let file = nsd.file("tlsa");
    let fragment = |argv: &[&str], limit| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Writer::Fragment(Fragment { file: file.clone(), reload: Reload { argv, limit: Duration::from_secs(limit) } })
    };
    let script = nsd.file("reload").display().to_string();
    let good = fragment(&["sh", &script], 30);
    for (from, to) in [("", "a"), ("a", "ab"), ("ab", "b")] {
        assert_eq!(write_by(&good, &change(OWNER, from, to), 0).unwrap(), Done::Written, "{from} to {to}");
        soon("the server has it", || nsd.tlsa(OWNER) == seen(300, to) && nsd.answers(OWNER, "TLSA", "RRSIG"));
        assert_eq!(write_by(&good, &change(OWNER, from, to), 0).unwrap(), Done::AlreadyThere, "again {from} to {to}");
    }
    // Two hosts share the file; mode and owner are kept, and a lack of either stays.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    write_by(&good, &change(OTHER, "", "c"), 0).unwrap();
    soon("the server has both", || nsd.tlsa(OWNER) == seen(300, "b") && nsd.tlsa(OTHER) == seen(300, "c"));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    let entries =
        || fs::read_dir(nsd.file("")).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".danelaw")).count();

    // A reload that fails leaves the file as it was; so does one that never ends.
    let before = fs::read_to_string(&file).unwrap();
    let failing = fragment(&["sh", "-c", "echo zone mail.example: syntax error >&2; exit 1"], 30);
    let error = write_by(&failing, &change(OWNER, "b", "bc"), 0).unwrap_err();
    assert!(error.to_string().ends_with(": zone mail.example: syntax error") && error.effect() == Effect::Unknown, "{error}");
    assert_eq!((fs::read_to_string(&file).unwrap(), entries()), (before.clone(), 0));
    let error = write_by(&fragment(&["sleep", "60"], 1), &change(OWNER, "b", "bc"), 0).unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);

    // What others have written is noticed, and nothing of it lost.
    fs::write(&file, before.clone() + &change(OWNER, "", "d").lines().collect::<String>() + "\n").unwrap();
    let error = write_by(&good, &change(OWNER, "b", "bc"), 0).unwrap_err();
    assert!(matches!(&error.why, Why::ChangedMeanwhile { found, .. } if *found == Some(set("bd"))), "{error}");
    fs::write(&file, before.clone() + "mx IN A 192.0.2.25\n").unwrap();
    let error = write_by(&good, &change(OWNER, "b", "bc"), 0).unwrap_err();
    assert!(matches!(&error.why, Why::ForeignLine { number: 4, .. }), "{error}");
    fs::write(&file, &before).unwrap();
    write_by(&good, &change(OWNER, "b", ""), 0).unwrap();
    soon("it is gone", || nsd.tlsa(OWNER).is_empty() && nsd.tlsa(OTHER) == seen(300, "c"));
}

const SECRET: &str = "c2VjcmV0IG9jdGV0cyBmb3IgYSB0ZXN0IC8vLys=";

/// dnspython as the server: it checks what we have signed, and answers rightly or not.
struct Script {
    server: Server,
    update: SocketAddr,
    key: std::path::PathBuf,
    _directory: tempfile::TempDir,
}

impl Script {
    fn start(how: &str, modes: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        write_secret(&key, &format!("hmac-sha256:danelaw:{SECRET}"));
        let mut command = python::with_dnspython();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dns_writers/server.py")).args([how, SECRET]).args(modes);
        let server = Server::start_silent(command, &directory.path().join("log"));
        let begun = Instant::now();
        let port = loop {
            if let Some(port) = server.log().lines().next().and_then(|line| line.parse::<u16>().ok()) {
                break port;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        };
        Self { server, update: SocketAddr::from(([127, 0, 0, 1], port)), key, _directory: directory }
    }

    fn write(&self, change: &Change) -> Result<Done, Error> {
        let zone = Some(Name::from_str(ZONE).unwrap());
        write_at(Update { zone, wait: Duration::from_secs(1), ..update(self.update, &self.key) }, change, now())
    }
}

#[test]
fn dnspython_reads_what_we_sign() {
    let script = Script::start("tcp", &["good", "good"]);
    assert_eq!(script.write(&change(OWNER, "", "ab")).unwrap(), Done::Written);
    assert_eq!(script.write(&change(OWNER, "ab", "")).unwrap(), Done::Written);
    let log = script.server.log();
    let seen: Vec<serde_json::Value> = log.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |ttl: u32, class: &str, rtype: &str, digit: Option<char>| {
        serde_json::json!([OWNER, ttl, class, rtype, digit.map(record).as_slice()])
    };
    let [first, second] = seen.as_slice() else { panic!("{log}") };
    assert_eq!((&first["opcode"], &first["sections"][0]), (&"UPDATE".into(), &serde_json::json!([[ZONE, 0, "IN", "SOA", []]])));
    // RFC 2136 section 2.4.3: neither is there. Section 2.5.2, 2.5.1: all that was goes, and these come.
    assert_eq!(first["sections"][1], serde_json::json!([row(0, "NONE", "TLSA", None), row(0, "NONE", "CNAME", None)]));
    let new = [row(0, "ANY", "TLSA", None), row(300, "IN", "TLSA", Some('a')), row(300, "IN", "TLSA", Some('b'))];
    assert_eq!(first["sections"][2], serde_json::json!(new));
    // RFC 2136 section 2.4.2: exactly these are there.
    assert_eq!(second["sections"][1], serde_json::json!([row(0, "IN", "TLSA", Some('a')), row(0, "IN", "TLSA", Some('b'))]));
    assert_eq!(second["sections"][2], serde_json::json!([row(0, "ANY", "TLSA", None)]));
}

#[test]
fn answers_that_prove_nothing_are_not_believed() {
    let cases = [
        ("unsigned", "(NOERROR) is not signed"),
        ("other-secret", "signature is wrong"),
        ("other-request", "signature is wrong"),
        ("cut", "signature is wrong"),
        ("failed-but-changed", "signature is wrong"),
        ("late", "an old answer is not believed"),
        ("other-id", "no answer to what was asked"),
        ("garbage", "well-formed"),
        ("closed", "the connection broke"),
        ("silent", "no answer within 1 s"),
    ];
    let script = Script::start("tcp", &cases.map(|(mode, _)| mode));
    for (mode, words) in cases {
        let error = script.write(&change(OWNER, "a", "ab")).unwrap_err();
        assert!(error.to_string().contains(words) && error.effect() == Effect::Unknown, "{mode}: {error}");
    }
    assert_eq!(script.server.log().lines().count(), 1 + cases.len(), "each was asked once");
}

/// RFC 8945 section 5.4: anybody can send an answer; the server's own still counts.
#[test]
fn over_udp_forgers_do_not_end_the_wait() {
    let script = Script::start("udp", &["unsigned", "garbage", "other-secret", "good"]);
    assert_eq!(script.write(&change(OWNER, "a", "ab")).unwrap(), Done::Written);
    let script = Script::start("udp", &["unsigned"]);
    let error = script.write(&change(OWNER, "a", "ab")).unwrap_err();
    assert!(error.to_string().contains("is not signed"), "{error}");
}

#[test]
fn nobody_there_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    write_secret(&key, &format!("hmac-sha256:danelaw:{SECRET}"));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], conformance::zone::free_port(&[[127, 0, 0, 1].into()])));
    let error = write_at(Update { wait: Duration::from_secs(1), ..update(nowhere, &key) }, &change(OWNER, "", "a"), now()).unwrap_err();
    assert!(matches!(error.why, Why::Unreachable(_)) && error.effect() == Effect::Nothing, "{error}");
}

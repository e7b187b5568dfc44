//! `danelaw roll` on a machine of its own: BIND with signed updates, Postfix, a private CA's place taken by `openssl`. Judged by dig and openssl:
//! whoever holds a set as long as its TTL allows, as often as senders may, finds that it matches every chain that is shown.

use conformance::postfix::{self, Listener};
use conformance::primary::{tlsa, write_secret};
use conformance::process::{self, Server, succeed};
use conformance::zone::free_port;
use conformance::{danelaw, network, software};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MX: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 25));
const OWNER: &str = "_25._tcp.mx.mail.example.";
/// TTL of everything, seconds.
const TTL: u64 = 2;

struct Place {
    directory: PathBuf,
    dns: SocketAddr,
    smtp: u16,
    keep_days: u32,
    servers: Vec<Server>,
}

impl Place {
    fn start(directory: &Path, keep_days: u32) -> Self {
        let directory = directory.to_owned();
        let dns = SocketAddr::new(HERE, free_port(&[HERE]));
        let smtp = free_port(&[MX]);
        let mut keygen = software::command("tsig-keygen");
        keygen.arg("danelaw");
        write_secret(&directory.join("tsig"), &succeed(keygen));
        let named = Server::start(named(dns, &directory), &directory.join("named.log"), dns);
        let script = directory.join("certify");
        fs::write(&script, CERTIFY).unwrap();
        let mut place = Self { directory, dns, smtp, keep_days, servers: vec![named] };
        place.certificate("server.pem");
        let chains = vec![place.file("server.pem")];
        let listener = Listener { address: MX, host: "mx.mail.example".to_owned(), chains, parameters: vec![] };
        let mail = postfix::start(&[listener], smtp, &place.directory);
        let pid = mail.id();
        place.servers.push(mail);
        place.wait_for_keys();
        fs::write(place.file("roll.toml"), place.configuration(pid)).unwrap();
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A key and a certificate, in one file.
    fn certificate(&self, name: &str) {
        let mut openssl = software::command("openssl");
        openssl.args("req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mx.mail.example".split(' '));
        openssl.arg("-keyout").arg(self.file("first.key")).arg("-out").arg(self.file("first.crt"));
        let _ = succeed(openssl);
        let both = [fs::read(self.file("first.key")).unwrap(), fs::read(self.file("first.crt")).unwrap()].concat();
        fs::write(self.file(name), both).unwrap();
    }

    /// The zone's keys are made when the server starts: what validates knows them from here.
    fn wait_for_keys(&self) {
        let begun = Instant::now();
        loop {
            let text = conformance::primary::dig(self.dns, "mail.example.", "DNSKEY", &["+dnssec"]);
            let keys: Vec<&str> = text.lines().filter(|line| line.contains("DNSKEY") && !line.contains("RRSIG")).collect();
            if text.contains("RRSIG") && !keys.is_empty() {
                fs::write(self.file("anchor"), keys.join("\n") + "\n").unwrap();
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "BIND signs nothing: {text}");
            std::thread::sleep(Duration::from_millis(200));
        }
        fs::write(self.file("hints"), ". 3600 IN NS a.root.\na.root. 3600 IN A 127.0.0.1\n").unwrap();
    }

    fn configuration(&self, postfix: u32) -> String {
        let keep_days = self.keep_days;
        format!(
            "state = {state:?}\n[dns]\nby = \"update\"\nserver = \"{dns}\"\nkey-file = {key:?}\nzone = \"mail.example\"\n\
             [[service]]\nhosts = [\"mx.mail.example\"]\nttl = {TTL}\ntickets = 1\n\
             [[service.key]]\nname = \"mx\"\nkind = \"ecdsa\"\ncertificate = {server:?}\nkeep-days = {keep_days}\n\
             certify = [\"sh\", {certify:?}]\nreload = [\"kill\", \"-HUP\", \"{postfix}\"]\n",
            state = self.file("state"),
            dns = self.dns,
            key = self.file("tsig"),
            server = self.file("server.pem"),
            certify = self.file("certify"),
        )
    }

    fn danelaw(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
        let mut command = danelaw::command();
        command.args(arguments).arg("--config").arg(self.file("roll.toml"));
        command.arg("--root-hints").arg(self.file("hints")).arg("--anchor").arg(self.file("anchor"));
        command.args(["--json", "--allow-private", &format!("--dns-port={}", self.dns.port()), &format!("--connect-port={}", self.smtp)]);
        command.args(["--smtp-timeout", "5", "--dns-timeout", "1"]);
        let output = process::output(command, Duration::from_secs(60));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect();
        (output.status.code(), rows, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Turns, until a row is as wanted; a minute at most.
    fn turn_until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (code, rows, said) = self.danelaw(&["roll", "run", "--once"]);
            assert!(matches!(code, Some(0 | 3)), "{code:?} {rows:?} {said}");
            if wanted(&rows[0]) {
                return rows[0].clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{rows:?}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Somebody removes a record, by nsupdate.
    fn take_away(&self, digest: &str) {
        let (ip, port, file) = (self.dns.ip(), self.dns.port(), self.file("edit"));
        fs::write(&file, format!("server {ip} {port}\nzone mail.example\nupdate delete {OWNER} TLSA 3 1 1 {digest}\nsend\n")).unwrap();
        let mut nsupdate = software::command("nsupdate");
        nsupdate.arg("-k").arg(self.file("tsig")).arg(file);
        let _ = succeed(nsupdate);
    }

    /// Digests of the records that the server has.
    fn published(&self) -> BTreeSet<String> {
        tlsa(self.dns, OWNER).iter().filter_map(|record| record.split(' ').nth(4).map(str::to_owned)).collect()
    }

    /// Digest of the key that the mail server shows, by openssl.
    fn shown(&self) -> Option<String> {
        let mut client = software::command("openssl");
        client.args(["s_client", "-starttls", "smtp", "-connect", &SocketAddr::new(MX, self.smtp).to_string()]);
        let shown = process::output(client, Duration::from_secs(10));
        let file = self.file("shown.pem");
        fs::write(&file, &shown.stdout).unwrap();
        let script =
            format!("openssl x509 -in {} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r", file.display());
        let mut digest = software::command("sh");
        digest.args(["-c", &script]);
        let output = process::output(digest, Duration::from_secs(10));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned())
    }
}

const CERTIFY: &str = "openssl req -new -x509 -key \"$DANELAW_KEY\" -days 30 -subj \"/CN=mx.mail.example\" -out \"$DANELAW_CHAIN\"\n";

/// The root delegates the zone; both at one server. The zone signs itself and takes signed updates.
fn named(at: SocketAddr, directory: &Path) -> std::process::Command {
    let (d, port) = (directory.display(), at.port());
    fs::write(directory.join("root.zone"), "$TTL 3600\n. SOA a.root. nobody. 1 3600 600 86400 60\n. NS a.root.\na.root. A 127.0.0.1\nmail.example. NS ns.mail.example.\nns.mail.example. A 127.0.0.1\n").unwrap();
    fs::write(
        directory.join("zone"),
        format!("$TTL {TTL}\n@ SOA ns hostmaster 1 3600 600 86400 {TTL}\n@ NS ns\nns A 127.0.0.1\n@ MX 10 mx\nmx A {MX}\nmx2 A {MX}\n"),
    )
    .unwrap();
    let key = fs::read_to_string(directory.join("tsig")).unwrap();
    let text = format!(
        "options {{ directory \"{d}\"; key-directory \"{d}\"; managed-keys-directory \"{d}\"; listen-on port {port} {{ 127.0.0.1; }};\n\
         listen-on-v6 {{ none; }}; recursion no; notify no; pid-file none; session-keyfile none; lock-file none; }};\ncontrols {{ }};\n{key}\
         zone \".\" {{ type primary; file \"{d}/root.zone\"; }};\n\
         zone \"mail.example\" {{ type primary; file \"{d}/zone\"; dnssec-policy default; update-policy {{ grant danelaw subdomain mail.example. TLSA; }}; }};\n"
    );
    fs::write(directory.join("named.conf"), text).unwrap();
    let mut command = software::command("named");
    command.args(["-g", "-n", "1", "-c"]).arg(directory.join("named.conf"));
    command
}

fn in_a_network(test: &str, keep_days: u32, work: impl FnOnce(&Place)) {
    if network::of_our_own(test, &[]) {
        let directory = tempfile::tempdir().unwrap();
        work(&Place::start(directory.path(), keep_days));
    }
}

/// What is seen at one moment.
struct Moment {
    at: Instant,
    published: BTreeSet<String>,
    shown: Option<String>,
}

/// R-091 rfc7672#4: two whole rollovers, and never a set that somebody may hold without the key that somebody may meet.
#[test]
fn two_rollovers_and_no_sender_fails() {
    in_a_network("two_rollovers_and_no_sender_fails", 0, |place| {
        let over = AtomicBool::new(false);
        let (moments, keys) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut moments = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    moments.push(Moment { at: Instant::now(), published: place.published(), shown: place.shown() });
                }
                moments
            });
            let begun = Instant::now();
            let mut keys: Vec<String> = Vec::new();
            while keys.len() < 3 && begun.elapsed() < Duration::from_secs(150) {
                let (code, rows, said) = place.danelaw(&["roll", "run", "--once"]);
                assert_ne!(code, Some(2), "{said}");
                let row = rows.first().unwrap_or_else(|| panic!("{said}"));
                println!("{row}");
                let first = row["keys"][0]["keys"][0].as_str().unwrap().to_owned();
                if !keys.contains(&first) {
                    keys.push(first);
                }
                std::thread::sleep(Duration::from_millis(300));
            }
            over.store(true, Ordering::Relaxed);
            (watch.join().unwrap(), keys)
        });
        assert_eq!(keys.len(), 3, "the first key, and two that followed: {keys:?}");
        // From the first record on, a sender may hold a set for its TTL, and one that asked just before it changed asked again within two.
        let holds = Duration::from_secs(TTL);
        let mut judged = 0;
        for (number, moment) in moments.iter().enumerate() {
            let Some(shown) = &moment.shown else { panic!("the mail server shows nothing") };
            let held = moments[..=number].iter().rev().take_while(|past| moment.at - past.at <= holds);
            for past in held.filter(|past| !past.published.is_empty()) {
                judged += 1;
                assert!(
                    past.published.contains(shown),
                    "a set of {:?} ago holds {:?}, and {shown} is shown",
                    moment.at - past.at,
                    past.published
                );
            }
        }
        assert!(judged > 100, "{judged} sets held against keys");
        let all: BTreeSet<&String> = moments.iter().filter_map(|moment| moment.shown.as_ref()).collect();
        assert!(all.len() >= 3, "{all:?}");
        // Private keys are nobody else's.
        let files = ["state/keys", "state/keys/retired"].map(|directory| fs::read_dir(place.file(directory)).unwrap().flatten());
        let private: Vec<PathBuf> =
            files.into_iter().flatten().map(|entry| entry.path()).filter(|p| p.extension() == Some("pem".as_ref())).collect();
        assert!(private.len() >= 3, "none is lost: {private:?}");
        for file in private {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "{file:?}");
        }
        assert_eq!(fs::metadata(place.file("state/keys")).unwrap().permissions().mode() & 0o777, 0o700);
    });
}

/// A certificate for a key, 25 days into 30.
fn old(directory: &Path, key: &str) -> PathBuf {
    let file = directory.join("old.crt");
    let script = format!(
        "cd {0} && mkdir -p ca && : > ca/index && echo 01 > ca/serial && printf '[ca]\ndefault_ca=c\n[c]\ndatabase=ca/index\nserial=ca/serial\n\
         new_certs_dir=ca\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > ca/conf && \
         openssl req -new -key state/keys/mx-{key}.pem -subj /CN=mx.mail.example -out ca/req && \
         openssl ca -batch -config ca/conf -selfsign -keyfile state/keys/mx-{key}.pem -in ca/req -out old.crt -notext \
         -startdate $(date -u -d '25 days ago' +%y%m%d%H%M%SZ) -enddate $(date -u -d '5 days' +%y%m%d%H%M%SZ)",
        directory.display()
    );
    let mut shell = software::command("sh");
    shell.args(["-ec", &script]);
    let _ = succeed(shell);
    file
}

fn phase(row: &Value) -> &str {
    row["keys"][0]["phase"].as_str().unwrap()
}

/// Somebody else renews: an ACME client's hook asks, a certificate comes early, and somebody edits the zone.
#[test]
fn renewals_by_others_and_edits_by_hand() {
    in_a_network("renewals_by_others_and_edits_by_hand", 365, |place| {
        let ready = place.turn_until(|row| phase(row) == "ready");
        let keys: Vec<&str> = ready["keys"][0]["keys"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let [current, next] = keys[..] else { panic!("two keys: {keys:?}") };
        assert_eq!(place.published().len(), 2, "the next key's record is there before anybody needs it");
        let chain = |key: PathBuf, name: &str| {
            let mut openssl = software::command("openssl");
            openssl.args("req -new -x509 -days 30 -subj /CN=mx.mail.example -key".split(' ')).arg(key).arg("-out").arg(place.file(name));
            let _ = succeed(openssl);
            place.file(name).display().to_string()
        };
        // A hook with a key that nobody published: renew with the one in use.
        place.certificate("stranger.pem");
        let stranger = place.file("first.crt").display().to_string();
        let (code, rows, said) = place.danelaw(&["roll", "may-deploy", "--key", "mx", &stranger]);
        assert_eq!((code, rows[0]["answer"].as_str()), (Some(1), Some("renew-with")), "{rows:?} {said}");
        assert!(rows[0]["why"]["words"].as_str().unwrap().contains(current), "{rows:?}");
        // With the next key: yes, months before it is due.
        let key = place.file(&format!("state/keys/mx-{next}.pem"));
        let early = chain(key.clone(), "early.crt");
        let (code, rows, said) = place.danelaw(&["roll", "may-deploy", "--key", "mx", &early]);
        assert_eq!((code, rows[0]["answer"].as_str()), (Some(0), Some("yes")), "{rows:?} {said}");
        let both = [fs::read(&key).unwrap(), fs::read(&early).unwrap()].concat();
        fs::write(place.file("server.pem"), both).unwrap();
        let mut hup = software::command("kill");
        hup.args(["-HUP", &place.servers[1].id().to_string()]);
        let _ = succeed(hup);
        let retired = place.turn_until(|row| phase(row) == "ready" && row["keys"][0]["keys"][0] == next);
        assert_ne!(retired["keys"][0]["keys"][1], current, "a key that was used does not come again");
        assert!(!place.published().iter().any(|digest| digest.starts_with(current)), "the old record is gone");
        // A certificate in the last third of its life is renewed with the same key; a command that fails is tried again an hour later.
        let short = [fs::read(place.file(&format!("state/keys/mx-{next}.pem"))).unwrap(), fs::read(old(&place.directory, next)).unwrap()];
        fs::write(place.file("server.pem"), short.concat()).unwrap();
        fs::rename(place.file("certify"), place.file("certify.away")).unwrap();
        let failed = |row: &Value, what: &str| {
            row["deeds"].as_array().unwrap().iter().any(|d| d["what"] == "failed" && d["detail"].as_str().unwrap().contains(what))
        };
        let turn = || place.danelaw(&["roll", "run", "--once"]).1;
        let rows = turn();
        assert!(failed(&rows[0], "renew the certificate of mx with the same key"), "{rows:?}");
        let rows = turn();
        assert!(failed(&rows[0], "an hour after it"), "{rows:?}");
        fs::rename(place.file("certify.away"), place.file("certify")).unwrap();
        fs::remove_file(place.file(&format!("state/keys/mx-{next}.csr"))).unwrap();
        let before = place.published();
        place.turn_until(|row| row["deeds"].as_array().unwrap().iter().any(|d| d["detail"] == "renewed the certificate of mx"));
        assert_eq!(place.published(), before, "no record changes by it");
        assert!(place.shown().is_some_and(|digest| digest.starts_with(next)));
        // Somebody takes a record away that is needed: it is back after the next turn.
        let digest = place.published().into_iter().find(|digest| digest.starts_with(next)).expect("its record");
        place.take_away(&digest);
        assert!(!place.published().contains(&digest));
        place.turn_until(|row| row["deeds"].as_array().is_some_and(|deeds| deeds.iter().any(|deed| deed["what"] == "done")));
        assert!(place.published().contains(&digest), "{:?}", place.published());
    });
}

/// A second host whose TLSA name is no alias has records of its own: to change one set for both would lose its mail.
#[test]
fn hosts_that_share_no_records_are_refused() {
    in_a_network("hosts_that_share_no_records_are_refused", 365, |place| {
        let text = fs::read_to_string(place.file("roll.toml")).unwrap();
        fs::write(
            place.file("roll.toml"),
            text.replace("hosts = [", "hosts = [\"mx2.mail.example\", ")
                .replace("[[service.key]]", &format!("owner = \"{OWNER}\"\n[[service.key]]")),
        )
        .unwrap();
        let (code, rows, said) = place.danelaw(&["roll", "run", "--once"]);
        assert_eq!((code, rows.len()), (Some(2), 0), "{rows:?}");
        assert!(said.contains("mx2.mail.example") && said.contains("service of its own"), "{said}");
        assert!(place.published().is_empty(), "nothing was published");
    });
}

/// A server that cannot be reloaded keeps what it had, and mail goes on.
#[test]
fn what_does_not_take_is_put_back() {
    in_a_network("what_does_not_take_is_put_back", 0, |place| {
        let text = fs::read_to_string(place.file("roll.toml")).unwrap();
        let (before, _) = text.rsplit_once("reload =").unwrap();
        fs::write(place.file("roll.toml"), format!("{before}reload = [\"false\"]\n")).unwrap();
        let files = fs::read(place.file("server.pem")).unwrap();
        let begun = Instant::now();
        loop {
            let (code, rows, said) = place.danelaw(&["roll", "run", "--once"]);
            let deeds = rows[0]["deeds"].as_array().unwrap();
            if let Some(failed) = deeds.iter().find(|deed| deed["what"] == "failed") {
                assert!(failed["detail"].as_str().unwrap().contains("false"), "{rows:?} {said}");
                assert_eq!(code, Some(1));
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{rows:?}");
            std::thread::sleep(Duration::from_millis(300));
        }
        assert!(fs::read(place.file("server.pem")).unwrap() == files, "the former key and certificate are there");
        let shown = place.shown().expect("mail is taken");
        assert!(place.published().contains(&shown), "and its record is published");
    });
}

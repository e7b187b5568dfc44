//! `danelaw roll` with what cannot be used: one line that says what, where and how to mend it, and nothing is done.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A server's key and certificate, and a configuration that names them; nobody answers for its names.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for name in ["server", "other"] {
            let files = format!("-keyout {name}.key -out {name}.crt");
            place.openssl(&format!(
                "req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mx.a.example {files}"
            ));
        }
        fs::write(place.path().join("hints"), ". 3600 IN NS a.root.\na.root. 3600 IN A 127.0.0.1\n").unwrap();
        fs::write(place.path().join("anchor"), format!(". IN DS 1 13 2 {}\n", "ab".repeat(32))).unwrap();
        place.configure("kind = \"ecdsa\"", "server.key");
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn configure(&self, line: &str, key: &str) {
        let file = |name: &str| self.path().join(name);
        let text = format!(
            "state = {:?}\n[dns]\nby = \"person\"\n[[service]]\nhosts = [\"mx.a.example\"]\n[[service.key]]\nname = \"mx\"\n{line}\n\
             certificate = {:?}\nkey-file = {:?}\n",
            file("state"),
            file("server.crt"),
            file(key),
        );
        fs::write(file("roll.toml"), text).unwrap();
    }

    fn roll(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_danelaw"));
        command.arg("roll").args(arguments).arg("--config").arg(self.path().join("roll.toml"));
        if arguments[0] != "init" {
            command.arg("--root-hints").arg(self.path().join("hints")).arg("--anchor").arg(self.path().join("anchor"));
            command.args(["--dns-port", "1", "--dns-timeout", "0.2", "--dns-tries", "1", "--no-ipv6", "--allow-private"]);
        }
        command.output().unwrap()
    }

    /// One line, exit 2, and nothing there that was not before.
    fn refuses(&self, what: &[&str]) {
        let out = self.roll(&["run", "--once"]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(what.iter().all(|what| said.contains(what)), "{what:?}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
}

#[test]
fn what_cannot_be_used_is_said_in_one_line() {
    let place = Place::new();
    place.configure("kind = \"ecdsa\"\ncolour = \"blue\"", "server.key");
    place.refuses(&["roll.toml", "colour", "roll init"]);
    place.configure("kind = \"rsa\"", "server.key");
    place.refuses(&["server.crt", "not Rsa"]);
    place.configure("kind = \"ecdsa\"", "other.key");
    place.refuses(&["other.key", "does not fit the certificate", "server.crt"]);
    place.configure("kind = \"ecdsa\"", "nowhere.key");
    place.refuses(&["nowhere.key", "No such file"]);
    place.configure("kind = \"ecdsa\"", "server.crt");
    place.refuses(&["server.crt", "no private key"]);
    assert!(!place.path().join("state/keys").exists(), "nothing was kept");
}

#[test]
fn a_state_of_a_newer_version_stays_as_it_is() {
    let place = Place::new();
    let file = place.path().join("state/_25._tcp.mx.a.example.json");
    fs::create_dir(place.path().join("state")).unwrap();
    fs::write(&file, "{\"version\":99,\"later\":true}").unwrap();
    place.refuses(&["version 99", "newer"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"version\":99,\"later\":true}");
}

/// Nobody answers: nothing is published, and it says whom it waits for. The next key is made, as that is safe.
#[test]
fn without_an_answer_nothing_is_published() {
    let place = Place::new();
    let dry = place.roll(&["run", "--once", "--dry-run", "--json"]);
    assert!(!place.path().join("state").exists(), "a dry run leaves nothing: {}", String::from_utf8_lossy(&dry.stderr));
    let out = place.roll(&["run", "--once", "--json"]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(3), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(!said.contains("by-hand") && !said.contains("changed the records"), "{said}");
    let journal = fs::read_to_string(place.path().join("state/journal.jsonl")).unwrap_or_default();
    assert!(!journal.contains("records"), "{journal}");
    let status = place.roll(&["status"]);
    assert_eq!(status.status.code(), Some(3));
}

/// Plans and questions change nothing; what is asked for is noted.
#[test]
fn plans_and_emergencies() {
    let place = Place::new();
    for verb in [&["plan"][..], &["emergency", "--key", "mx"], &["status"]] {
        let out = place.roll(verb);
        assert!(matches!(out.status.code(), Some(0 | 3)), "{verb:?}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(!out.stdout.is_empty() && !place.path().join("state").exists(), "{verb:?} leaves nothing");
    }
    let out = place.roll(&["emergency", "--key", "other", "--haste", "safe"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("no such key; there are: mx"), "{said}");
    assert_eq!(place.roll(&["emergency", "--key", "mx", "--haste", "safe"]).status.code(), Some(0));
    let state = fs::read_to_string(place.path().join("state/_25._tcp.mx.a.example.json")).unwrap();
    assert!(state.contains("\"urgency\":\"safe\""), "{state}");
}

/// A key that is in use does not vanish with a line of the configuration; a new one begins its life.
#[test]
fn the_configuration_may_change() {
    let place = Place::new();
    assert_eq!(place.roll(&["run", "--once"]).status.code(), Some(3));
    let text = fs::read_to_string(place.path().join("roll.toml")).unwrap();
    fs::write(place.path().join("roll.toml"), text.replace("name = \"mx\"", "name = \"renamed\"")).unwrap();
    place.refuses(&["key mx is in use", "put it back"]);
    let (_, key) = text.split_once("[[service.key]]").unwrap();
    let second = key.replace("\"mx\"", "\"second\"").replace("server.", "other.");
    fs::write(place.path().join("roll.toml"), format!("{text}[[service.key]]{second}")).unwrap();
    let out = place.roll(&["run", "--once", "--json"]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains("\"name\":\"mx\"") && said.contains("\"name\":\"second\""), "{said}");
}

/// Two at once: the second says so and does nothing.
#[test]
fn two_at_once_do_not_meet() {
    let place = Place::new();
    fs::create_dir(place.path().join("state")).unwrap();
    let lock = fs::File::create(place.path().join("state/lock")).unwrap();
    lock.lock().unwrap();
    place.refuses(&["another danelaw roll is at work"]);
}

#[test]
fn init_writes_what_can_be_read_and_overwrites_nothing() {
    let place = Place::new();
    fs::remove_file(place.path().join("roll.toml")).unwrap();
    assert_eq!(place.roll(&["init"]).status.code(), Some(0));
    let text = fs::read_to_string(place.path().join("roll.toml")).unwrap();
    assert!(text.contains("[[service.key]]"), "{text}");
    assert_eq!(place.roll(&["init"]).status.code(), Some(2), "it is left as it is");
    assert_eq!(fs::read_to_string(place.path().join("roll.toml")).unwrap(), text);
    // It is a configuration: what is wrong with it is only that the files are not there.
    let out = place.roll(&["status"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("chain.pem") || said.contains("No such file") || said.contains("/etc/"), "{said}");
    assert_eq!(fs::metadata(place.path().join("roll.toml")).unwrap().permissions().mode() & 0o111, 0);
}

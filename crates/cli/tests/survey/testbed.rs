//! The test bed for senders, as its users run it, looked at by danelaw's own verbs.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A test bed in a process of its own, killed with the test.
struct Served {
    process: Child,
    up: Value,
    dir: tempfile::TempDir,
    dns_port: u16,
    smtp_port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn danelaw() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danelaw"));
    command.stdin(Stdio::null());
    command
}

/// Serves a test bed; `network` is its own part of 127.57.0.0/16.
fn serve(network: u8, addresses: u8) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let base = 30_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let listed: Vec<String> = (1..=addresses).map(|n| format!("127.57.{network}.{n}")).collect();
    let mut process = danelaw()
        .args(["testbed", "serve", "--zone", "dane-test.lab", "--json", "--duration", "300"])
        .args(["--address", &listed.join(","), "--root", &format!("127.57.{network}.53"), "--state", dir.path().to_str().unwrap()])
        .args(["--dns-port", &base.to_string(), "--smtp-port", &(base + 1).to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Served { process, up: serde_json::from_str(&line).expect("it is up"), dir, dns_port: base, smtp_port: base + 1 }
}

impl Served {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A new token: scenario by mail address.
    fn recipients(&self) -> (String, BTreeMap<String, String>) {
        let out = danelaw().args(["testbed", "token", "--json", "--state"]).arg(self.path()).output().unwrap();
        let rows = lines(&out);
        let token = rows[0]["token"].as_str().unwrap().to_owned();
        let of = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        (token, rows.iter().map(|row| (of(row, "scenario"), of(row, "address"))).collect())
    }

    /// A verb of ours that looks at it.
    fn look(&self, arguments: &[&str], domains: &[String]) -> Vec<Value> {
        let at = |key: &str| self.up[key].as_str().unwrap().to_owned();
        let mut command = danelaw();
        command.args(arguments).args(domains).args(["--json", "--root-hints", &at("root_hints"), "--anchor", &at("anchor")]);
        command.args(["--dns-port", &self.dns_port.to_string(), "--connect-port", &self.smtp_port.to_string()]);
        command.args(["--allow-private", "--smtp-timeout", "4"]);
        lines(&command.output().unwrap())
    }

    fn verdict(&self, token: &str) -> (Value, Option<i32>) {
        let out = danelaw().args(["testbed", "verdict", token, "--json", "--state"]).arg(self.path()).output().unwrap();
        (lines(&out)[0].clone(), out.status.code())
    }

    /// An SMTP session in clear: the codes of the replies, the greeting's first.
    fn session(&self, commands: &[&str]) -> Vec<String> {
        let address = format!("{}:{}", "127.57.2.1", self.smtp_port);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut reply = || loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.chars().take(3).collect::<String>();
            }
        };
        let mut codes = vec![reply()];
        for command in commands {
            stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
            codes.push(reply());
        }
        codes
    }
}

fn lines(out: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn catalogue() -> BTreeMap<String, Value> {
    let out = danelaw().args(["lab", "scenarios", "--json"]).output().unwrap();
    lines(&out).into_iter().map(|s| (s["id"].as_str().unwrap().to_owned(), s)).collect()
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Every scenario is what the catalogue says, and danelaw as a sender does what RFC 7672 wants at each.
#[test]
fn every_scenario_is_what_the_catalogue_says() {
    let (served, catalogue) = (serve(1, 4), catalogue());
    let (_, recipients) = served.recipients();
    let wanted = catalogue.values().filter(|s| s["section"] != "C").count();
    let left = served.up["left_out"].as_array().unwrap();
    assert_eq!(recipients.len() + left.len(), wanted);
    assert!(left.iter().all(|l| l["why"] != "addresses"), "four addresses are enough: {left:?}");
    let domain = |address: &String| address.split_once('@').unwrap().1.to_owned();
    let by_domain: BTreeMap<String, &Value> = recipients.iter().map(|(id, address)| (domain(address), &catalogue[id])).collect();
    let domains: Vec<String> = by_domain.keys().cloned().collect();
    // Silence takes its time, so several are looked at at once.
    let looks = std::thread::scope(|scope| {
        let look = |part: &'_ [String]| {
            let (served, part) = (&served, part.to_vec());
            scope.spawn(move || served.look(&["smtp", "probe"], &part))
        };
        let looks: Vec<_> = domains.chunks(domains.len().div_ceil(12)).map(look).collect();
        looks.into_iter().flat_map(|look| look.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(looks.len(), domains.len());
    let mut wrong = Vec::new();
    for checked in looks {
        let scenario = by_domain[checked["domain"].as_str().unwrap()];
        let sender = words(&scenario["sender"]);
        let standing = &scenario["receiver"]["standing"];
        if checked["standing"] != *standing {
            wrong.push(format!("{}: {} and not {standing}", scenario["id"], checked["standing"]));
        }
        for (host, wanted) in checked["hosts"].as_array().unwrap().iter().zip(&sender) {
            let action = host["action"].as_str().unwrap();
            // A host that is passed by for its certificate is one that DANE applies to.
            let fits = match *wanted {
                "next" | "defer" | "bounce" => matches!(action, "skip" | "dane" | "enc" | "opp"),
                other => action == other,
            };
            if !fits {
                wrong.push(format!("{}: {action} and not {wanted}", scenario["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a sender is told and what of it is kept; nothing is relayed.
#[test]
fn a_message_in_clear_is_taken_and_held_against_its_sender() {
    let served = serve(2, 1);
    let (token, recipients) = served.recipients();
    assert_eq!(served.verdict(&token).1, Some(3), "nothing is known before anything is sent");
    let nothing = danelaw().args(["testbed", "report", "--state"]).arg(served.path()).output().unwrap();
    assert_eq!(nothing.status.code(), Some(3));
    let valid = format!("RCPT TO:<{}>", recipients["valid"]);
    let codes = served.session(&["EHLO sender.example", "MAIL FROM:<a@sender.example>", "RCPT TO:<b@elsewhere.example>", "DATA"]);
    assert_eq!(codes, ["220", "250", "250", "550", "503"], "nothing is relayed");
    let forged = format!("RCPT TO:<{}>", recipients["valid"].replace(&token, "aaaaaaaaaaaa"));
    let codes = served.session(&[
        "EHLO sender.example",
        "MAIL FROM:<a@sender.example>",
        &forged,
        &valid,
        "DATA",
        "Subject: hello\r\n\r\nsecret\r\n.",
        "QUIT",
    ]);
    assert_eq!(codes, ["220", "250", "250", "550", "250", "354", "250", "221"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let judged = loop {
        let (judged, _) = served.verdict(&token);
        if judged["trials"][0]["outcome"] != "withheld" && judged["trials"][0]["outcome"] != "nothing" || Instant::now() > deadline {
            break judged;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let trial = judged["trials"].as_array().unwrap().iter().find(|t| t["scenario"] == "valid").unwrap();
    assert_eq!((&trial["outcome"], &trial["ruling"]), (&"delivered-in-clear".into(), &"too-lax".into()), "{trial}");
    let cell = |column: &str| judged["cells"].as_array().unwrap().iter().find(|c| c["column"] == column).unwrap()["answer"].clone();
    assert_eq!((cell("starttls"), cell("rejects-expired")), ("no".into(), "not-applicable".into()));
    // One row a provider, with what it publishes and who runs its addresses.
    let report = |more: &[&str]| danelaw().args(["testbed", "report", "--state"]).arg(served.path()).args(more).output().unwrap();
    let (published, operators) = (served.path().join("scan.jsonl"), served.path().join("prefixes"));
    std::fs::write(&published, "{\"kind\":\"verdict\",\"domain\":\"sender.example.\",\"standing\":\"broken\"}\n").unwrap();
    std::fs::write(&operators, "# here\n127.0.0.0/8 This Machine\n").unwrap();
    let (published, operators) = (published.to_str().unwrap(), operators.to_str().unwrap());
    let out = report(&["--json", "--published", published, "--operators", operators]);
    let rows = lines(&out);
    assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["published"]), (1, &"sender.example".into(), &true.into()), "{rows:#?}");
    let run = &rows[0]["runs"][0];
    assert_eq!((&run["token"], &run["answers"][5]), (&token.clone().into(), &serde_json::json!(["starttls", "no"])), "{rows:#?}");
    let table = String::from_utf8(report(&[]).stdout).unwrap();
    assert!(table.contains("sender.example    ?    ?") && table.contains("1 test, last"), "{table}");
    std::fs::write(operators, "127.0.0.0/8\n").unwrap();
    let out = report(&["--operators", operators]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("prefixes:1: no name"), "{said}");
    let events = std::fs::read_to_string(served.path().join("events.jsonl")).unwrap();
    assert!(events.contains("Subject: hello") && !events.contains("secret"), "header lines are kept, and nothing else");
}

/// Whatever was answered is known after kill -9, and a line cut off in the middle costs nothing else.
#[test]
fn events_outlive_the_process() {
    let mut served = serve(5, 1);
    let (token, recipients) = served.recipients();
    let domain = recipients["valid"].split_once('@').unwrap().1.to_owned();
    let asked = served.look(&["smtp", "probe"], &[domain]);
    assert_eq!(asked[0]["outcome"], "deliver");
    served.process.kill().unwrap();
    served.process.wait().unwrap();
    let path = served.path().join("events.jsonl");
    let events = std::fs::read_to_string(&path).unwrap();
    assert!(events.contains("TLSA") && events.ends_with('\n'));
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"event\":\"que").unwrap();
    let trial = |judged: &Value| judged["trials"].as_array().unwrap().iter().find(|t| t["scenario"] == "valid").unwrap().clone();
    let (judged, _) = served.verdict(&token);
    // Questions are written down before they are answered; a visit when it has ended, which the end of the process may have forestalled.
    assert!(trial(&judged)["asked_tlsa"] == true && trial(&judged)["outcome"] != "nothing", "{judged}");
}

/// With one address, what needs more is left out and said to be.
#[test]
fn one_address_is_enough_for_most() {
    let served = serve(3, 1);
    let left: Vec<&str> = served.up["left_out"].as_array().unwrap().iter().filter_map(|l| l["scenario"].as_str()).collect();
    for id in ["starttls-refused", "starttls-selective", "per-address-differs"] {
        assert!(left.contains(&id), "{id} in {left:?}");
    }
    assert!(words(&served.up["scenarios"]).len() > 90);
}

/// Bad input has one line, and exit code 2.
#[test]
fn bad_input_is_told_in_one_line() {
    let served = serve(4, 1);
    let state = served.path().to_str().unwrap().to_owned();
    let serve = ["testbed", "serve", "--address", "127.57.4.1", "--dns-port", "1", "--state"];
    let long = format!("{}example", "a123456789.".repeat(12));
    let empty = tempfile::tempdir().unwrap();
    let nothing = empty.path().to_str().unwrap().to_owned();
    let ports = (served.dns_port.to_string(), served.smtp_port.to_string());
    let taken = ["testbed", "serve", "--zone", "dane-test.lab", "--address", "127.57.4.1", "--dns-port", &ports.0, "--smtp-port", &ports.1];
    for (arguments, says) in [
        ([&serve[..], &[&state, "--zone", "other.example"]].concat(), "holds the test bed of dane-test.lab"),
        ([&serve[..], &[&state, "--zone", &long]].concat(), "octets are too many"),
        ([&taken[..], &["--state", &nothing]].concat(), "is in use"),
        (vec!["testbed", "verdict", "aaaaaaaaaaaa", "--state", &state], "is no token of this test bed"),
        (vec!["testbed", "verdict", "open", "--state", "/nowhere/at/all"], "there is no test bed in"),
        (vec!["testbed", "run", "--only", "nonsense", "--dns-port", "10053", "--smtp-port", "10025", "--", "true"], "no such scenario"),
    ] {
        let out = danelaw().args(&arguments).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((out.status.code(), told.trim_end().lines().count()), (Some(2), 1), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
}

/// What the doctor says of each thing: how it is, and the remedy.
fn doctor(served: &Served, more: &[&str]) -> (BTreeMap<String, (String, String)>, Option<i32>) {
    let mut command = danelaw();
    command.args(["testbed", "doctor", "--json", "--smtp-timeout", "5", "--state"]).arg(served.path());
    command.args(["--dns-timeout", "0.3", "--dns-tries", "1"]).args(more);
    let out = command.output().unwrap();
    let told = lines(&out);
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let gravest = |state: &str| ["good", "unknown", "bad"].iter().position(|s| *s == state);
    let mut by_thing: BTreeMap<String, (String, String)> = BTreeMap::new();
    for line in &told {
        let (about, state) = (word(line, "about"), word(line, "state"));
        if by_thing.get(&about).is_none_or(|(before, _)| gravest(before) < gravest(&state)) {
            by_thing.insert(about, (state, word(line, "seen") + " | " + &word(line, "remedy")));
        }
    }
    (by_thing, out.status.code())
}

/// A test bed as it has to be, one with another key than the parent's DS record says, and one that is not there any more.
#[test]
fn the_doctor_says_what_to_mend() {
    let mut served = serve(9, 2);
    let at = |served: &Served, key: &str| served.up[key].as_str().unwrap().to_owned();
    let (hints, port) = (at(&served, "root_hints"), served.dns_port.to_string());
    let anchor = at(&served, "anchor");
    let known = ["--root-hints", hints.as_str(), "--anchor", anchor.as_str(), "--dns-port", port.as_str()];
    let (told, code) = doctor(&served, &known);
    assert!(told.len() == 4 && told.values().all(|(state, _)| state == "good"), "{told:#?}");
    assert_eq!(code, Some(0));

    // The same directory with another secret, as if somebody had begun anew: the parent still has the old DS record.
    let file = served.path().join("testbed.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    let secret = serde_json::from_str::<Value>(&kept).unwrap()["secret"].as_str().unwrap().to_owned();
    std::fs::write(&file, kept.replace(&secret, &"5a".repeat(32))).unwrap();
    let (told, code) = doctor(&served, &known);
    assert_eq!((told["ds"].0.as_str(), code), ("bad", Some(1)), "{told:#?}");
    assert!(told["ds"].1.contains("another key's") && told["ds"].1.contains("\tDS\t"), "{told:#?}");
    std::fs::write(&file, kept).unwrap();

    served.process.kill().unwrap();
    served.process.wait().unwrap();
    let (told, code) = doctor(&served, &known);
    assert_eq!(code, Some(1));
    for about in ["delegation", "mail"] {
        assert_eq!(told[about].0, "bad", "{told:#?}");
        assert!(told[about].1.contains("testbed serve"), "{told:#?}");
    }
    assert_eq!(told["ds"].0, "unknown", "what cannot be asked for is not wrong: {told:#?}");
}

/// A zone that is delegated to somebody else, or to nobody.
#[test]
fn the_doctor_finds_that_the_delegation_points_elsewhere() {
    let (ours, theirs) = (serve(10, 1), serve(11, 1));
    let at = |key: &str| theirs.up[key].as_str().unwrap().to_owned();
    let port = theirs.dns_port.to_string();
    let (told, code) = doctor(&ours, &["--root-hints", &at("root_hints"), "--anchor", &at("anchor"), "--dns-port", &port]);
    assert_eq!((told["delegation"].0.as_str(), told["ds"].0.as_str(), code), ("bad", "bad", Some(1)), "{told:#?}");
    assert!(told["delegation"].1.contains("127.57.11.1, which is not the test bed"), "{told:#?}");
    assert!(told["delegation"].1.contains("\tNS\t"), "the records for the parent: {told:#?}");

    // The same root knows no other zone.
    let file = ours.path().join("testbed.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, kept.replace("dane-test.lab", "elsewhere.lab")).unwrap();
    let (told, _) = doctor(&ours, &["--root-hints", &at("root_hints"), "--anchor", &at("anchor"), "--dns-port", &port]);
    assert!(told["delegation"].1.contains("not delegated"), "{told:#?}");
}

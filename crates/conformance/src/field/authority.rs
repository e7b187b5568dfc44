//! Other people's name servers as publishers of TLSA records: each with one zone, signed in its own way.

use super::place::{Network, Place, address};
use super::resolver::Resolver;
use crate::apart::Machine;
use crate::danelaw;
use crate::process::{self, Server};
use crate::{Question, Status, software};
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The data of the zone's TLSA record: any 32 octets will do.
const DATA: &str = "04b224639ffc192febc3624daf8cbe9bf355c64c4173fb7637d95dc5c9b3224b";
const OWNER: &str = "_25._tcp.mx.auth.example.";

/// A name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// BIND signs by `dnssec-policy`.
    Bind,
    /// PowerDNS signs what it answers.
    Pdns,
    /// NSD serves what ldns has signed.
    Nsd,
    /// Knot DNS signs.
    Knot,
    /// YADIFA serves what BIND's dnssec-signzone has signed.
    Yadifa,
    /// djbdns' server.
    Tinydns,
    /// MaraDNS.
    Maradns,
}

/// What was seen of one column: yes or no, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell(pub bool, pub String);

/// A row of table 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// It answers for its zone, with AA.
    pub authoritative: Cell,
    /// It looks up what is not its own.
    pub recursive: Cell,
    /// Signed answers that validate, or validation.
    pub dnssec: Cell,
    /// It hands out TLSA records.
    pub tlsa: Cell,
}

impl Authority {
    /// All that there are.
    pub const ALL: [Self; 7] = [Self::Bind, Self::Pdns, Self::Nsd, Self::Knot, Self::Yadifa, Self::Tinydns, Self::Maradns];

    /// A word for file names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bind => "BIND",
            Self::Pdns => "PowerDNS",
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Yadifa => "YADIFA",
            Self::Tinydns => "tinydns",
            Self::Maradns => "MaraDNS",
        }
    }

    /// The package that it is in, and the package's directory if it has its own.
    #[must_use]
    pub fn package(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Bind => ("bind9", None),
            Self::Pdns => ("pdns-server", None),
            Self::Nsd => ("nsd", None),
            Self::Knot => ("knot", None),
            Self::Yadifa => ("yadifa", None),
            Self::Tinydns => ("tinydns", None),
            Self::Maradns => ("maradns", Some("maradns")),
        }
    }

    fn address(self) -> Ipv4Addr {
        address(Network::Authority, 0, 1 + self as u8)
    }

    /// Starts it with its zone and looks at every column.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn observe(self, place: &Place) -> Facts {
        let room = place.room(&format!("authority-{}", self.word()));
        let at = self.address();
        let zone = ZONE.replace("ADDRESS", &at.to_string()).replace("DATA", DATA);
        fs::write(room.join("zone"), zone).expect("zone");
        let octet = |at: usize| u8::from_str_radix(&DATA[at..at + 2], 16).expect("hexadecimal");
        let octets: String = (0..DATA.len()).step_by(2).map(|at| format!("\\{:03o}", octet(at))).collect();
        let text = |template: &str| {
            let words = [("HOME", room.display().to_string()), ("ADDRESS", at.to_string()), ("OCTETS", format!("\\003\\001\\001{octets}"))];
            words.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
        };
        let (file, configuration, start) = self.setup();
        fs::write(room.join(file), text(configuration)).expect("configuration");
        let machine = Machine { accounts: &["authority"], tree: self.package().1, resolver: None };
        let command = machine.command(&text(start), &room);
        // tinydns and MaraDNS have no TCP: what answers is waited for by questions.
        let log = room.join("log");
        let _server = Server::start_silent(command, &log);
        let begun = Instant::now();
        while dig(at, "auth.example.", "SOA", &[]).status != "NOERROR" {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{} does not answer:\n{}",
                self.word(),
                fs::read_to_string(&log).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(250));
        }
        look(at, &room)
    }

    /// A file of its own, what is in it, and the commands that start it.
    fn setup(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Bind => ("named.conf", BIND, "exec named -g -n 1 -c HOME/named.conf\n"),
            Self::Pdns => ("pdns.conf", PDNS, PDNS_START),
            Self::Nsd => ("nsd.conf", NSD, NSD_START),
            Self::Knot => ("knot.conf", KNOT, "mkdir -p HOME/db\nexec knotd -c HOME/knot.conf\n"),
            Self::Yadifa => ("yadifad.conf", YADIFA, YADIFA_START),
            Self::Tinydns => ("data", TINYDNS, TINYDNS_START),
            Self::Maradns => ("mararc", MARADNS, MARADNS_START),
        }
    }
}

/// Looks at every column of a name server.
fn look(at: Ipv4Addr, room: &Path) -> Facts {
    let soa = dig(at, "auth.example.", "SOA", &[]);
    // tinydns says nothing at all to that.
    let other = dig(at, "valid.nl.", "MX", &["+time=2", "+tries=1"]);
    // Those that sign by themselves take a moment.
    let begun = Instant::now();
    let mut tlsa = dig(at, OWNER, "TLSA", &["+dnssec"]);
    while !tlsa.has("RRSIG") && begun.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(250));
        tlsa = dig(at, OWNER, "TLSA", &["+dnssec"]);
    }
    let published = tlsa.text.to_ascii_lowercase().replace(' ', "").contains(DATA);
    Facts {
        authoritative: Cell(soa.flag("aa"), format!("SOA: {}", soa.said())),
        recursive: Cell(other.flag("ra") && other.status == "NOERROR", format!("foreign MX: {}", other.said())),
        dnssec: signed(at, room, &tlsa),
        tlsa: Cell(published, format!("TLSA: {}", tlsa.said())),
    }
}

/// Whether answers are signed, and hold for two validators that start at the zone's own key.
fn signed(at: Ipv4Addr, room: &Path, tlsa: &Answer) -> Cell {
    if !tlsa.has("RRSIG") {
        return Cell(false, "no RRSIG with DO".to_owned());
    }
    let keys = dig(at, "auth.example.", "DNSKEY", &[]).text;
    let sep = |line: &&str| line.split_whitespace().nth(3) == Some("DNSKEY") && line.split_whitespace().nth(4) == Some("257");
    let keys: Vec<&str> = keys.lines().filter(sep).collect();
    fs::write(room.join("anchor.dnskey"), keys.join("\n") + "\n").expect("anchor");
    let quoted: Vec<String> = keys
        .iter()
        .map(|key| {
            let words: Vec<&str> = key.split_whitespace().collect();
            format!(" \"auth.example.\" static-key 257 3 {} \"{}\";", words[6], words[7..].concat())
        })
        .collect();
    fs::write(room.join("anchor.bind"), format!("trust-anchors {{\n{}\n}};\n", quoted.join("\n"))).expect("anchor");
    let mut verdicts = Vec::new();
    for (owner, what) in [(OWNER, "the record"), ("_26._tcp.mx.auth.example.", "its absence")] {
        let mut delv = software::command("delv");
        delv.arg(format!("@{at}")).arg("-a").arg(room.join("anchor.bind")).args(["+root=auth.example.", owner, "TLSA"]);
        let output = process::output(delv, Duration::from_secs(30));
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        verdicts.push((format!("delv: {what} validates"), text.contains("fully validated")));
        let options = [format!("--upstream={at}"), format!("--anchor={}", room.join("anchor.dnskey").display())];
        let (status, _) = danelaw::validate(&Question::new(owner, "TLSA"), &options);
        verdicts.push((format!("danelaw: {what} is secure"), status == Status::Secure));
    }
    let word = |(what, holds): &(String, bool)| if *holds { what.clone() } else { format!("not {what}") };
    Cell(verdicts.iter().all(|(_, holds)| *holds), verdicts.iter().map(word).collect::<Vec<_>>().join("; "))
}

/// The same columns of a resolver that runs, asked for scenarios of the lab.
#[must_use]
pub fn of_resolver(resolver: Resolver) -> Facts {
    let at = resolver.address();
    let ask = |name: &str, rtype: &str, options: &[&str]| dig(at, name, rtype, options);
    let (soa, mx) = (ask("valid.nl.", "SOA", &["+norecurse"]), ask("valid.nl.", "MX", &[]));
    let right = ask("_25._tcp.mx1.valid.nl.", "TLSA", &["+dnssec"]);
    let wrong = ask("_25._tcp.mx1.tlsa-rrsig-wrong.nl.", "TLSA", &["+dnssec"]);
    let unsigned = ask("_25._tcp.mx1.unsigned.nl.", "TLSA", &["+dnssec"]);
    let validates = right.flag("ad") && wrong.status == "SERVFAIL" && !unsigned.flag("ad") && unsigned.status == "NOERROR";
    Facts {
        authoritative: Cell(soa.flag("aa"), format!("SOA without RD: {}", soa.said())),
        recursive: Cell(mx.has("MX") && mx.flag("ra"), format!("MX: {}", mx.said())),
        dnssec: Cell(validates, format!("signed: {}; signature wrong: {}; unsigned: {}", right.said(), wrong.said(), unsigned.said())),
        tlsa: Cell(right.has("TLSA"), format!("TLSA: {}", right.said())),
    }
}

/// What dig printed of an answer.
struct Answer {
    status: String,
    flags: Vec<String>,
    text: String,
}

impl Answer {
    fn flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }

    fn has(&self, rtype: &str) -> bool {
        self.text.lines().any(|line| !line.starts_with(';') && line.split_whitespace().nth(3) == Some(rtype))
    }

    fn said(&self) -> String {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).filter(|flag| ["aa", "ad", "ra"].contains(flag)).collect();
        [&[self.status.as_str()][..], &flags].concat().join(" ")
    }
}

fn dig(at: Ipv4Addr, name: &str, rtype: &str, options: &[&str]) -> Answer {
    let mut command = software::command("dig");
    command.args(["+time=10", "+tries=2", &format!("@{at}"), name, rtype]).args(options);
    let output = process::output(command, Duration::from_secs(60));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let after = |mark: &str, end: char| Some(text.split_once(mark)?.1.split(end).next()?.trim().to_owned());
    let flags = after(";; flags:", ';').unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Answer { status: after("status:", ',').unwrap_or_else(|| "no answer".to_owned()), flags, text }
}

const ZONE: &str = "$TTL 60
@ IN SOA ns.auth.example. hostmaster.auth.example. 1 3600 600 86400 60
@ IN NS ns
ns IN A ADDRESS
@ IN MX 10 mx
mx IN A 192.0.2.25
_25._tcp.mx IN TLSA 3 1 1 DATA
";

const BIND: &str = r#"options { directory "HOME"; key-directory "HOME"; listen-on { ADDRESS; }; listen-on-v6 { none; }; recursion no;
 pid-file none; session-keyfile none; lock-file none; };
controls { };
zone "auth.example" { type primary; file "HOME/zone"; dnssec-policy default; inline-signing yes; };
"#;

const PDNS: &str = "launch=bind
bind-config=HOME/named.conf
bind-dnssec-db=HOME/dnssec.db
local-address=ADDRESS
socket-dir=HOME
security-poll-suffix=
zone-cache-refresh-interval=0
";

const PDNS_START: &str = r#"echo 'zone "auth.example" { type master; file "HOME/zone"; };' > HOME/named.conf
pdnsutil --config-dir=HOME create-bind-db HOME/dnssec.db
pdnsutil --config-dir=HOME secure-zone auth.example
pdnsutil --config-dir=HOME rectify-zone auth.example
exec pdns_server --config-dir=HOME --daemon=no --guardian=no
"#;

const NSD: &str = r#"server:
 ip-address: ADDRESS
 username: ""
 zonesdir: "HOME"
 pidfile: ""
 database: ""
 xfrdfile: "HOME/xfrd"
 zonelistfile: "HOME/list"
 server-count: 1
remote-control:
 control-enable: no
zone:
 name: "auth.example"
 zonefile: "signed"
"#;

const NSD_START: &str = "cd HOME
ldns-keygen -a ECDSAP256SHA256 -k auth.example > ksk
ldns-keygen -a ECDSAP256SHA256 auth.example > zsk
ldns-signzone -n -f signed -o auth.example zone $(cat zsk) $(cat ksk)
exec nsd -d -c HOME/nsd.conf
";

const KNOT: &str = r#"server:
  listen: ADDRESS@53
  rundir: HOME
  user: root
database:
  storage: HOME/db
log:
  - target: stderr
    any: info
zone:
  - domain: auth.example
    storage: HOME
    file: zone
    dnssec-signing: on
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
"#;

const YADIFA: &str = r#"<main>
  listen ADDRESS
  datapath "HOME"
  keyspath "HOME/keys"
  logpath "HOME/logs"
  pidfile "HOME/pid"
  xfrpath "HOME/xfr"
  uid root
  gid root
  chroot off
  daemon off
  statistics off
</main>
<zone>
  domain auth.example
  type master
  file "signed"
</zone>
"#;

const YADIFA_START: &str = "mkdir -p HOME/keys HOME/logs HOME/xfr
cd HOME
dnssec-keygen -q -K keys -a ECDSAP256SHA256 -f KSK auth.example
dnssec-keygen -q -K keys -a ECDSAP256SHA256 auth.example
dnssec-signzone -S -K keys -o auth.example -f signed zone
exec yadifad -c HOME/yadifad.conf
";

const TINYDNS: &str = ".auth.example:ADDRESS:ns.auth.example:60
@auth.example:192.0.2.25:mx.auth.example:10:60
:_25._tcp.mx.auth.example:52:OCTETS:60
";

const TINYDNS_START: &str = "mkdir -p HOME/served
cp HOME/data HOME/served
cd HOME/served
tinydns-data
exec env UID=0 GID=0 ROOT=HOME/served IP=ADDRESS tinydns
";

const MARADNS: &str = r#"ipv4_bind_addresses = "ADDRESS"
chroot_dir = "HOME"
maradns_uid = 60900
maradns_gid = 60900
random_seed_file = "/dev/urandom"
csv2 = {}
csv2["auth.example."] = "csv2"
"#;

const MARADNS_START: &str = r#"cat > HOME/csv2 <<'END'
auth.example. +60 SOA ns.auth.example. hostmaster@auth.example. 1 3600 600 86400 60 ~
auth.example. +60 NS ns.auth.example. ~
ns.auth.example. +60 A ADDRESS ~
auth.example. +60 MX 10 mx.auth.example. ~
mx.auth.example. +60 A 192.0.2.25 ~
_25._tcp.mx.auth.example. +60 RAW 52 OCTETS ~
END
cd HOME
exec maradns -f HOME/mararc
"#;

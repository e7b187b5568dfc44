//! A signed tree that neither our lab nor our code has made: keys and signatures by BIND's tools and by ldns, faults put in by editing text.

use crate::process::succeed;
use crate::zone::Zone;
use crate::{Question, software};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The tree's addresses: the root, the top-level domain, and everything below.
const ROOT: Ipv4Addr = Ipv4Addr::new(127, 88, 0, 1);
const TOP: Ipv4Addr = Ipv4Addr::new(127, 88, 0, 2);
const LEAF: Ipv4Addr = Ipv4Addr::new(127, 88, 0, 3);

/// Who signs a zone, and how absence is proven.
#[derive(Clone, Copy)]
enum Signer {
    /// `dnssec-signzone` with these options.
    Bind(&'static [&'static str]),
    /// `ldns-signzone` with these options.
    Ldns(&'static [&'static str]),
}

/// What is wrong with a zone.
#[derive(Clone, Copy)]
enum Fault {
    None,
    /// Not signed at all.
    Unsigned,
    /// Signed, no DS at the parent.
    DsMissing,
    /// The digest of the DS is another one.
    DsWrong,
    /// Signed with another key than the DS names.
    OtherKey,
    /// Lines of the signed file for which this holds are dropped.
    Without(fn(&Line<'_>) -> bool),
    /// The data of this type is changed after signing.
    Changed(&'static str),
}

/// One line of a signed master file in full form.
struct Line<'a> {
    rtype: &'a str,
    covers: &'a str,
}

struct Spec {
    label: &'static str,
    algorithm: &'static str,
    signer: Signer,
    fault: Fault,
}

const fn spec(label: &'static str, algorithm: &'static str, signer: Signer, fault: Fault) -> Spec {
    Spec { label, algorithm, signer, fault }
}

const NSEC: Signer = Signer::Bind(&[]);
const EXPIRED: Signer = Signer::Bind(&["-s", "now-3000000", "-e", "now-86400"]);
const EARLY: Signer = Signer::Bind(&["-s", "now+86400", "-e", "now+3000000"]);
const P256: &str = "ECDSAP256SHA256";

const SPECS: [Spec; 31] = [
    spec("alg5", "RSASHA1", NSEC, Fault::None),
    spec("alg7", "NSEC3RSASHA1", Signer::Bind(&["-3", "-", "-H", "0"]), Fault::None),
    spec("alg8", "RSASHA256", NSEC, Fault::None),
    spec("alg10", "RSASHA512", NSEC, Fault::None),
    spec("alg13", P256, NSEC, Fault::None),
    spec("alg14", "ECDSAP384SHA384", NSEC, Fault::None),
    spec("alg15", "ED25519", NSEC, Fault::None),
    spec("alg16", "ED448", NSEC, Fault::None),
    spec("ldns-nsec", P256, Signer::Ldns(&[]), Fault::None),
    spec("ldns-nsec3", P256, Signer::Ldns(&["-n", "-t", "0", "-s", "aabb"]), Fault::None),
    spec("ldns-rsa", "RSASHA256", Signer::Ldns(&["-n", "-t", "5", "-s", "beef"]), Fault::None),
    spec("nsec3", P256, Signer::Bind(&["-3", "-", "-H", "0"]), Fault::None),
    spec("salted", P256, Signer::Bind(&["-3", "abcdef", "-H", "10"]), Fault::None),
    spec("opt-out", P256, Signer::Bind(&["-3", "-", "-H", "0", "-A"]), Fault::None),
    spec("iterations100", P256, Signer::Bind(&["-3", "-", "-H", "100"]), Fault::None),
    spec("iterations200", P256, Signer::Ldns(&["-n", "-t", "200"]), Fault::None),
    spec("unsigned", P256, NSEC, Fault::Unsigned),
    spec("ds-missing", P256, NSEC, Fault::DsMissing),
    spec("ds-wrong", P256, NSEC, Fault::DsWrong),
    spec("other-key", P256, NSEC, Fault::OtherKey),
    spec("expired", P256, EXPIRED, Fault::None),
    spec("early", P256, EARLY, Fault::None),
    spec("no-dnskey", P256, NSEC, Fault::Without(|line| line.rtype == "DNSKEY" || line.covers == "DNSKEY")),
    spec("no-dnskey-rrsig", P256, NSEC, Fault::Without(|line| line.covers == "DNSKEY")),
    spec("no-mx-rrsig", P256, NSEC, Fault::Without(|line| line.covers == "MX")),
    spec("no-tlsa-rrsig", P256, NSEC, Fault::Without(|line| line.covers == "TLSA")),
    spec("no-nsec", P256, NSEC, Fault::Without(|line| line.rtype == "NSEC" || line.covers == "NSEC")),
    spec("no-nsec3", P256, Signer::Bind(&["-3", "-", "-H", "0"]), Fault::Without(|line| line.rtype == "NSEC3")),
    spec("changed-mx", P256, NSEC, Fault::Changed("MX")),
    spec("changed-tlsa", P256, NSEC, Fault::Changed("TLSA")),
    spec("changed-a", P256, NSEC, Fault::Changed("A")),
];

/// What is asked of every zone: names relative to it.
const ASKED: [(&str, &str); 22] = [
    ("", "MX"),
    ("", "DS"),
    ("", "DNSKEY"),
    ("", "TXT"),
    ("mx", "A"),
    ("mx", "AAAA"),
    ("_25._tcp.mx", "TLSA"),
    ("_25._tcp.nope", "TLSA"),
    ("nope", "MX"),
    ("x.wild", "A"),
    ("x.wild", "AAAA"),
    ("y.x.wild", "A"),
    ("ent", "TXT"),
    ("a.ent", "TXT"),
    ("alias", "A"),
    ("alias", "AAAA"),
    ("dangling", "A"),
    ("into-secure", "A"),
    ("into-unsigned", "A"),
    ("mx.tree", "A"),
    ("sub", "DS"),
    ("host.sub", "A"),
];

/// The tree, written to a directory.
pub struct Tree {
    /// Every zone, to be served.
    pub zones: Vec<Zone>,
    /// The root's DS records as zone-file text.
    pub anchor: String,
}

impl Tree {
    /// Makes keys, signs, and puts the faults in.
    ///
    /// # Panics
    /// If a tool fails.
    #[must_use]
    pub fn build(directory: &Path) -> Self {
        let builder = Builder { directory };
        let mut zones = Vec::new();
        let mut delegations = format!("ns A {TOP}\nnsleaf A {LEAF}\n");
        for spec in &SPECS {
            let name = format!("{}.lab.", spec.label);
            let (file, ds) = builder.leaf(&name, spec);
            let _ = write!(delegations, "{} NS nsleaf.lab.\n{ds}", spec.label);
            zones.push(zone(&name, file, LEAF));
            let sub = format!("sub.{name}");
            let file = builder.write(&sub, &format!("{}@ NS nsleaf.lab.\nhost A 127.88.1.2\n", soa()));
            zones.push(zone(&sub, file, LEAF));
        }
        let lab = format!("{}@ NS ns.lab.\n{delegations}", soa());
        let (file, ds) = builder.sign("lab.", &lab, P256, Signer::Bind(&["-3", "-", "-H", "0"]));
        zones.push(zone("lab.", file, TOP));
        let root = format!("{}@ NS a.rootsrv.\na.rootsrv. A {ROOT}\nlab. NS ns.lab.\nns.lab. A {TOP}\n{ds}", soa());
        let (file, anchor) = builder.sign(".", &root, "RSASHA256", NSEC);
        zones.push(zone(".", file, ROOT));
        Self { zones, anchor }
    }

    /// Every question to compare validators by.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let of = |spec: &Spec| {
            let zone = format!("{}.lab.", spec.label);
            ASKED.map(|(name, rtype)| Question::new(if name.is_empty() { zone.clone() } else { format!("{name}.{zone}") }, rtype))
        };
        let mut questions: Vec<Question> = SPECS.iter().flat_map(of).collect();
        questions.extend([Question::new("nolab.", "A"), Question::new("nope.lab.", "DS"), Question::new(".", "SOA")]);
        questions
    }

    /// The root servers, as a hints file.
    #[must_use]
    pub fn hints(&self) -> String {
        format!(". 3600 IN NS a.rootsrv.\na.rootsrv. 3600 IN A {ROOT}\n")
    }

    /// Every address at which a zone is served.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        [ROOT, TOP, LEAF].map(IpAddr::V4).to_vec()
    }
}

fn zone(name: &str, file: PathBuf, server: Ipv4Addr) -> Zone {
    Zone { name: name.to_owned(), file, servers: vec![IpAddr::V4(server)] }
}

fn soa() -> String {
    "$TTL 300\n@ IN SOA ns.lab. hostmaster.lab. 1 3600 600 86400 60\n".to_owned()
}

fn leaf_text() -> String {
    soa()
        + "@ NS nsleaf.lab.\n@ MX 10 mx\nmx A 127.88.1.1\n*.wild A 127.88.1.3\na.ent TXT \"below an empty non-terminal\"\nalias CNAME mx\n\
           dangling CNAME nope\ninto-secure CNAME mx.alg13.lab.\ninto-unsigned CNAME mx.unsigned.lab.\ntree DNAME alg13.lab.\nsub NS nsleaf.lab.\n\
           _25._tcp.mx TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
}

struct Builder<'a> {
    directory: &'a Path,
}

impl Builder<'_> {
    /// The file to serve and the DS lines for the parent, with the fault put in.
    fn leaf(&self, name: &str, spec: &Spec) -> (PathBuf, String) {
        if matches!(spec.fault, Fault::Unsigned) {
            return (self.write(name, &leaf_text()), String::new());
        }
        let (file, ds) = self.sign(name, &leaf_text(), spec.algorithm, spec.signer);
        match spec.fault {
            Fault::DsMissing => (file, String::new()),
            Fault::DsWrong => (file, swap_last_digit(&ds)),
            Fault::OtherKey => (file, self.other_ds(name)),
            Fault::Without(drop) => (edit(&file, |line, parts| (!drop(parts)).then(|| line.to_owned())), ds),
            Fault::Changed(rtype) => {
                (edit(&file, |line, parts| Some(if parts.rtype == rtype { changed(line) } else { line.to_owned() })), ds)
            }
            Fault::None | Fault::Unsigned => (file, ds),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.directory.join(format!("zone.{name}txt"));
        fs::write(&file, text).expect("zone file");
        file
    }

    fn key(&self, name: &str, algorithm: &str) -> String {
        let mut command = software::command("dnssec-keygen");
        command.args(["-q", "-a", algorithm, "-f", "KSK"]);
        if algorithm.contains("RSA") {
            command.args(["-b", "2048"]);
        }
        succeed({
            command.arg(name).current_dir(self.directory);
            command
        })
        .trim()
        .to_owned()
    }

    fn ds(&self, key: &str) -> String {
        let mut command = software::command("dnssec-dsfromkey");
        command.args(["-2", &format!("{key}.key")]).current_dir(self.directory);
        succeed(command)
    }

    fn other_ds(&self, name: &str) -> String {
        self.ds(&self.key(name, P256))
    }

    fn sign(&self, name: &str, text: &str, algorithm: &str, signer: Signer) -> (PathBuf, String) {
        let key = self.key(name, algorithm);
        let public = fs::read_to_string(self.directory.join(format!("{key}.key"))).expect("key");
        let mut text = format!("$ORIGIN {name}\n{text}");
        let signed = self.directory.join(format!("signed.{name}txt"));
        let command = match signer {
            Signer::Bind(options) => {
                text += &public;
                let mut command = software::command("dnssec-signzone");
                command.args(["-z", "-x", "-P", "-q", "-O", "full", "-o", name]).args(options).arg("-f").arg(&signed);
                command
            }
            Signer::Ldns(options) => {
                let mut command = software::command("ldns-signzone");
                command.args(["-o", name]).args(options).arg("-f").arg(&signed);
                command
            }
        };
        let file = self.write(name, &text);
        let mut command = command;
        command.arg(&file).arg(&key).current_dir(self.directory);
        let _ = succeed(command);
        (signed, self.ds(&key))
    }
}

/// Rewrites a signed file line by line.
fn edit(file: &Path, change: impl Fn(&str, &Line<'_>) -> Option<String>) -> PathBuf {
    let text = fs::read_to_string(file).expect("signed zone");
    let lines = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |at: usize| words.get(at).copied().unwrap_or("");
        let covers = if word(3) == "RRSIG" { word(4) } else { "" };
        change(line, &Line { rtype: word(3), covers })
    });
    let edited = file.with_extension("edited");
    fs::write(&edited, lines.collect::<Vec<_>>().join("\n") + "\n").expect("edited zone");
    edited
}

/// Other data of the same form.
fn changed(line: &str) -> String {
    if line.contains("TLSA") {
        line.replace("0011 2233", "ffff ffff").replace("00112233", "ffffffff").replace("001122", "ffffff")
    } else {
        line.replace("127.88.1.1", "127.88.1.9").replace(" 10 ", " 11 ")
    }
}

fn swap_last_digit(ds: &str) -> String {
    let ds = ds.trim_end();
    let (rest, last) = ds.split_at(ds.len() - 1);
    format!("{rest}{}\n", if last == "0" { "1" } else { "0" })
}

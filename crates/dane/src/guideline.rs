//! What the guidelines of the Dutch NCSC, by which internet.nl tests, call good, sufficient, phase-out or insufficient.
//!
//! Dated tables in `data/tls-guidelines.tsv`: what was said of a server for a moment is said by the table that was in force then. A class is
//! no finding and makes no verdict: mail between servers is encrypted by what both have, and an old suite on offer harms nobody who has better.

use crate::Epoch;
use crate::cert::Certificate;
use crate::date;
use crate::observation::{CertificateBytes, DepthObservation, GroupsObservation};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Certificates of a chain that are rated.
const CERTIFICATES: usize = 8;

/// A class, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Safe for years to come.
    Good,
    /// Safe enough.
    Sufficient,
    /// To be replaced.
    PhaseOut,
    /// Not to be used.
    Insufficient,
}

impl Class {
    /// The stable word, as in JSON and in the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Good => "good",
            Class::Sufficient => "sufficient",
            Class::PhaseOut => "phase-out",
            Class::Insufficient => "insufficient",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Class::Good, Class::Sufficient, Class::PhaseOut, Class::Insufficient].into_iter().find(|class| class.word() == word)
    }
}

/// One thing that a server accepts, and its class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rating {
    /// `version`, `suite`, `group`, `dh`, `rsa-bits`, `key`, `certificate-hash`, `signature-hash`, `compression`, `insecure-renegotiation`,
    /// `client-renegotiation`.
    pub kind: &'static str,
    /// By its name in the observation; bits as a number; `on`, `limited` or `off`.
    pub value: String,
    /// `None`: the guideline says nothing about it.
    pub class: Option<Class>,
    /// The place in the guideline: a guideline and table of version 2.1, a section of later ones.
    pub source: &'static str,
}

/// All ratings of a server by one guideline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsClass {
    /// `ncsc-2.1`, `ncsc-2025-05`.
    pub guideline: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The worst class; `None`: nothing could be rated.
    pub worst: Option<Class>,
    /// What was rated: versions, suites, groups, … in this order.
    pub ratings: Vec<Rating>,
}

impl TlsClass {
    /// The class of one thing, if it was rated.
    #[must_use]
    pub fn of(&self, kind: &str, value: &str) -> Option<Class> {
        self.ratings.iter().find(|r| r.kind == kind && r.value == value)?.class
    }
}

/// What a server lets its clients do that renegotiates so many times: `off`, `limited` or `on`, by internet.nl, where ten times are the limit.
#[must_use]
pub fn renegotiation(times: u8) -> &'static str {
    match times {
        0 => "off",
        1..=10 => "limited",
        _ => "on",
    }
}

/// Rates what a server accepts and the chain that it shows, by the guideline in force at `at`. `None`: there was none yet.
#[must_use]
pub fn tls_class(depth: &DepthObservation, chain: &[CertificateBytes], at: Epoch) -> Option<TlsClass> {
    let table = TABLES.iter().rfind(|table| table.from <= at)?;
    let mut rated = Rated { table, ratings: Vec::new() };
    let spoken = || depth.versions.iter().filter(|v| v.accepted() == Some(true));
    spoken().for_each(|v| rated.rate("version", &v.version));
    spoken().flat_map(|v| &v.suites).for_each(|suite| rated.rate("suite", suite));
    let groups: [Option<&GroupsObservation>; 2] = [depth.groups.as_ref(), depth.curves.as_ref()];
    groups.into_iter().flatten().flat_map(|g| &g.accepted).for_each(|group| rated.rate("group", group));
    for dh in &depth.dh {
        // RFC 7919 section 2: the generator of its groups is 2, and with another they are not its groups.
        let known = dh.known.as_deref().filter(|_| dh.generator.trim_start_matches('0') == "2");
        let name = known.map_or_else(|| format!("{} bits", dh.bits), str::to_owned);
        rated.rate("dh", &name);
    }
    rated.certificates(chain);
    if depth.sha1_signature == Some(true) {
        rated.rate("signature-hash", "SHA1");
    }
    let on = |on: bool| if on { "on" } else { "off" };
    if let Some(compression) = depth.compression {
        rated.rate("compression", on(compression));
    }
    if let Some(secure) = depth.secure_renegotiation {
        rated.rate("insecure-renegotiation", on(!secure));
    }
    if let Some(times) = depth.client_renegotiations {
        rated.rate("client-renegotiation", renegotiation(times));
    }
    let worst = rated.ratings.iter().filter_map(|r| r.class).max();
    Some(TlsClass { guideline: table.id, title: table.title, worst, ratings: rated.ratings })
}

struct Rated {
    table: &'static Table,
    ratings: Vec<Rating>,
}

impl Rated {
    fn rate(&mut self, kind: &'static str, value: &str) {
        let row = self.table.rows.get(&(kind, value)).or_else(|| self.table.rows.get(&(kind, "*")));
        self.add(kind, value, row);
    }

    fn add(&mut self, kind: &'static str, value: &str, row: Option<&Row>) {
        if !self.ratings.iter().any(|r| r.kind == kind && r.value == value) {
            let (class, source) = row.map_or((None, ""), |row| (row.class, row.source));
            self.ratings.push(Rating { kind, value: value.to_owned(), class, source });
        }
    }

    /// The server's own certificate, and those on the way up; what a root's signature is worth is of no matter.
    fn certificates(&mut self, chain: &[CertificateBytes]) {
        let certificates = chain.iter().take(CERTIFICATES).filter_map(|c| Certificate::parse(&c.0).ok()).enumerate();
        for (depth, certificate) in certificates.filter(|(depth, c)| *depth == 0 || c.subject_der() != c.issuer_der()) {
            match certificate.key.bits.filter(|_| certificate.key.kind == "RSA") {
                Some(bits) => {
                    // The row with the greatest bound that is reached.
                    let rows = self.table.rows.iter().filter(|((kind, _), _)| *kind == "rsa-bits");
                    let bounds = rows.filter_map(|((_, bound), row)| bound.parse::<u32>().ok().map(|bound| (bound, row)));
                    let reached = bounds.filter(|(bound, _)| *bound <= bits).max_by_key(|(bound, _)| *bound).map(|(_, row)| row);
                    self.add("rsa-bits", &bits.to_string(), reached.or_else(|| self.table.rows.get(&("rsa-bits", "*"))));
                }
                None => self.rate("key", &certificate.key.kind),
            }
            if depth > 0 || certificate.subject_der() != certificate.issuer_der() {
                let algorithm = certificate.signature_algorithm().to_ascii_uppercase();
                let hash = ["SHA256", "SHA384", "SHA512", "SHA224", "SHA1", "MD5", "MD2"].into_iter().find(|hash| algorithm.contains(hash));
                if let Some(hash) = hash {
                    self.rate("certificate-hash", hash);
                }
            }
        }
    }
}

struct Table {
    id: &'static str,
    title: &'static str,
    from: Epoch,
    /// By kind and value.
    rows: HashMap<(&'static str, &'static str), Row>,
}

struct Row {
    class: Option<Class>,
    source: &'static str,
}

/// In the order of their dates. A line that cannot be read is left out; the tests see to it that there is none.
static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = Vec::new();
    for line in include_str!("../data/tls-guidelines.tsv").lines() {
        let columns: Vec<&'static str> = line.split('\t').collect();
        match (columns.as_slice(), tables.last_mut()) {
            (["@", id, from, title], _) => {
                tables.extend(date::day(from).map(|from| Table { id, title, from, rows: HashMap::new() }));
            }
            ([kind, class, value, source], Some(table)) => {
                table.rows.insert((kind, value), Row { class: Class::from_word(class), source });
            }
            _ => {}
        }
    }
    tables
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{DhObservation, HelloAnswer, VersionObservation};
    use crate::testing::identity;

    /// `date -u -d 2024-01-01 +%s`, and of 2026-01-01, 2020-01-01.
    const IN_2024: Epoch = 1_704_067_200;
    const IN_2026: Epoch = 1_767_225_600;
    const IN_2020: Epoch = 1_577_836_800;

    fn version(name: &str, suites: &[&str]) -> VersionObservation {
        VersionObservation {
            version: name.to_owned(),
            answer: HelloAnswer::Accepted,
            suites: suites.iter().map(|s| (*s).to_owned()).collect(),
            complete: true,
            rest: None,
            order: None,
        }
    }

    fn dh(bits: u32, known: Option<&str>, generator: &str) -> DhObservation {
        let text = |t: &str| t.to_owned();
        DhObservation { bits, known: known.map(text), prime_sha256: text(""), prime: None, generator: text(generator), suite: text("") }
    }

    #[test]
    fn the_table_is_read_whole() {
        let lines = include_str!("../data/tls-guidelines.tsv").lines().filter(|l| !l.starts_with(['#', '@'])).count();
        assert_eq!(TABLES.iter().map(|t| t.rows.len()).sum::<usize>(), lines, "no line twice, none unread");
        assert_eq!(TABLES.iter().map(|t| t.id).collect::<Vec<_>>(), ["ncsc-2.1", "ncsc-2025-05"]);
        assert!(TABLES.is_sorted_by_key(|t| t.from));
        for (row, kind) in TABLES.iter().flat_map(|t| &t.rows).map(|((kind, _), row)| (row, kind)) {
            assert!(row.class.is_some() || row.source == "not in this version", "{kind} {}", row.source);
        }
    }

    /// Classes by NCSC-NL 2.1 (table 1, appendix C, tables 9 and 10) and 2025-05 (3.3.1, appendix B, 3.3.3.1).
    #[test]
    fn a_class_is_that_of_its_time() {
        let mut seen = DepthObservation {
            versions: vec![
                version("TLSv1.3", &["TLS_AES_128_GCM_SHA256"]),
                version("TLSv1.2", &["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDH_anon_WITH_NULL_SHA"]),
                version("TLSv1.0", &[]),
            ],
            dh: vec![dh(2048, Some("ffdhe2048"), "02"), dh(3072, Some("ffdhe3072"), "05"), dh(1024, None, "02")],
            secure_renegotiation: Some(true),
            compression: Some(false),
            client_renegotiations: Some(11),
            ..DepthObservation::default()
        };
        let (then, now) = (tls_class(&seen, &[], IN_2024).unwrap(), tls_class(&seen, &[], IN_2026).unwrap());
        assert_eq!((then.guideline, now.guideline), ("ncsc-2.1", "ncsc-2025-05"));
        use Class::{Good, Insufficient, PhaseOut, Sufficient};
        for (kind, value, before, after) in [
            ("version", "TLSv1.3", Good, Good),
            ("version", "TLSv1.2", Sufficient, Sufficient),
            ("version", "TLSv1.0", PhaseOut, Insufficient),
            ("suite", "TLS_AES_128_GCM_SHA256", Good, Sufficient),
            ("suite", "TLS_RSA_WITH_AES_128_CBC_SHA", PhaseOut, Insufficient),
            ("suite", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Sufficient, Insufficient),
            ("suite", "TLS_ECDH_anon_WITH_NULL_SHA", Insufficient, Insufficient),
            ("dh", "ffdhe2048", PhaseOut, Insufficient),
            ("dh", "3072 bits", Insufficient, Insufficient),
            ("dh", "1024 bits", Insufficient, Insufficient),
            ("compression", "off", Good, Good),
            ("insecure-renegotiation", "off", Good, Good),
            ("client-renegotiation", "on", Sufficient, PhaseOut),
        ] {
            assert_eq!((then.of(kind, value), now.of(kind, value)), (Some(before), Some(after)), "{kind} {value}");
        }
        assert_eq!((then.worst, now.worst), (Some(Insufficient), Some(Insufficient)));
        assert_eq!(tls_class(&seen, &[], IN_2020), None);
        // A version that is refused is not rated.
        seen.versions.truncate(1);
        seen.versions.push(VersionObservation { answer: HelloAnswer::Closed, ..version("SSLv3", &[]) });
        seen.dh.clear();
        seen.client_renegotiations = Some(0);
        assert_eq!(tls_class(&seen, &[], IN_2024).unwrap().worst, Some(Good));
        assert_eq!(tls_class(&seen, &[], IN_2026).unwrap().worst, Some(Sufficient));
    }

    #[test]
    fn certificates_are_rated_by_their_keys() {
        let shown = identity("mx.example.nl").certificate;
        let class = tls_class(&DepthObservation::default(), &[shown], IN_2026).unwrap();
        // Self-signed: its own signature proves nothing.
        assert_eq!(
            class.ratings.iter().map(|r| (r.kind, r.value.as_str(), r.class)).collect::<Vec<_>>(),
            [("key", "P-256", Some(Class::Sufficient))]
        );
        assert_eq!(tls_class(&DepthObservation::default(), &[], IN_2026).unwrap().worst, None);
    }
}

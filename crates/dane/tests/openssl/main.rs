//! Every verdict of `matching::verify` beside that of OpenSSL: usages, selectors, matching types, and every way in which a path or a name
//! can be wrong. Where they differ, [`DIFFERENCES`] says so with the sentence that decides it, and the difference has to occur.

mod cases;
mod oracle;
mod pki;

use cases::{Case, NOW};
use dane::cert::Certificate;
use dane::matching::{self, EeNames, MatchVerdict, VerifyOptions};
use dane::name::Name;
use dane::observation::CertificateBytes;
use dane::tlsa::{Mode, Tlsa};
use oracle::{Decision, Server};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where we differ from OpenSSL on purpose.
struct Difference {
    /// How the names of the cases begin.
    cases: &'static str,
    /// How many cases it covers.
    count: usize,
    ours: Ours,
    /// The sentence that decides.
    argument: &'static str,
}

/// What we do where OpenSSL does the opposite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ours {
    Matches,
    /// And we say that a sender that tries one path only does not.
    MatchesByDetour,
    Refuses,
}

/// OpenSSL follows one issuer of each certificate, chosen by name, and gives up if that leads nowhere.
const ANY_ORDER: &str = "RFC 8446 section 4.4.2: all implementations SHOULD be prepared to handle potentially extraneous certificates and \
    arbitrary orderings";
/// OpenSSL, too, takes a matched issuer that is expired and not self-signed, but not if it finds a fresh one of that name first.
const ANCHOR_DATES: &str = "RFC 5280 section 6.1.1 (d): of the trust anchor come name and key into the validation, and no dates";
/// OpenSSL allows a wildcard at the beginning or end of a label unless it is told otherwise.
const WHOLE_LABEL: &str = "RFC 7672 section 3.2.3: the wildcard character must be the entire first label of the DNS-ID or CN-ID";
/// No crypto library of today verifies either; OpenSSL does at security level 0.
const MD5: &str = "RFC 8446 section 4.4.2.4: any endpoint receiving any certificate which it would need to validate using any signature \
    algorithm using an MD5 hash MUST abort the handshake";
const SHORT_KEY: &str = "RFC 8446 appendix C.2: applications SHOULD also enforce minimum and maximum key sizes; keys weaker than 2048-bit \
    RSA are not appropriate (we draw the line at 1024 bits)";

const DIFFERENCES: &[Difference] = &[
    Difference { cases: "namesake before the issuer", count: 4, ours: Ours::MatchesByDetour, argument: ANY_ORDER },
    Difference { cases: "cross root and root", count: 1, ours: Ours::MatchesByDetour, argument: ANY_ORDER },
    Difference { cases: "root and cross root", count: 4, ours: Ours::MatchesByDetour, argument: ANY_ORDER },
    Difference { cases: "cross issuer first", count: 6, ours: Ours::MatchesByDetour, argument: ANY_ORDER },
    Difference { cases: "cross issuer second", count: 4, ours: Ours::MatchesByDetour, argument: ANY_ORDER },
    Difference { cases: "expired and fresh issuer next", count: 1, ours: Ours::MatchesByDetour, argument: ANCHOR_DATES },
    Difference { cases: "early and fresh issuer next", count: 1, ours: Ours::MatchesByDetour, argument: ANCHOR_DATES },
    Difference { cases: "partial wildcard", count: 4, ours: Ours::Refuses, argument: WHOLE_LABEL },
    Difference { cases: "RSA 2048 MD5", count: 4, ours: Ours::Refuses, argument: MD5 },
    Difference { cases: "bare key RSA 2048 MD5", count: 1, ours: Ours::Refuses, argument: MD5 },
    Difference { cases: "RSA 768", count: 4, ours: Ours::Refuses, argument: SHORT_KEY },
    Difference { cases: "bare key RSA 768", count: 1, ours: Ours::Refuses, argument: SHORT_KEY },
    Difference {
        cases: "usual time very last second",
        count: 1,
        ours: Ours::Matches,
        argument: "RFC 5280 section 4.1.2.5: the period of time from notBefore through notAfter, inclusive",
    },
    Difference {
        cases: "self-signed with keyUsage twice",
        count: 1,
        ours: Ours::Refuses,
        argument: "RFC 5280 section 4.2: a certificate MUST NOT include more than one instance of a particular extension",
    },
];

/// Whether openssl is there. With `CI=true` it has to be.
fn can_run() -> bool {
    let installed = oracle::is_installed();
    assert!(installed || std::env::var("CI").as_deref() != Ok("true"), "openssl is not installed, and CI wants this test");
    if !installed {
        eprintln!("SKIPPED: openssl is not installed, so nothing was compared with it");
    }
    installed
}

/// R-049 rfc6698#2.1.2: what OpenSSL reads, we read, and cut the same key out of it. Every octet of a certificate is changed in turn.
#[test]
fn openssl_reads_nothing_that_we_do_not() {
    if !can_run() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let pki = pki::Pki::new(directory.path());
    let template = pki::Template::leaf(&["mail.example.com"]).and(pki::subject_key_id(b"me"));
    let certificate = pki.self_sign(&template, &pki.key(pki::Kind::P256)).der;
    let read = AtomicUsize::new(0);
    let (next, differ) = (AtomicUsize::new(0), Mutex::new(Vec::<String>::new()));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (read, next, differ, certificate, file) =
                (&read, &next, &differ, &certificate, directory.path().join(format!("mutant{worker}")));
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(octet) = certificate.get(at) else { break };
                    let mut mutant = certificate.clone();
                    mutant[at] = octet ^ [0x01, 0x80, 0x20][at % 3];
                    std::fs::write(&file, &mutant).unwrap();
                    let Some(key) = oracle::public_key(&file) else { continue };
                    read.fetch_add(1, Ordering::Relaxed);
                    match Certificate::parse(&mutant) {
                        Ok(ours) if ours.spki == key => {}
                        Ok(_) => differ.lock().unwrap().push(format!("octet {at}: another key")),
                        Err(why) => differ.lock().unwrap().push(format!("octet {at}: openssl reads it: {why}")),
                    }
                }
            });
        }
    });
    let read = read.into_inner();
    println!("of {} mutants openssl reads {read}", certificate.len());
    let differ = differ.into_inner().unwrap();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(read > 100);
}

#[test]
fn openssl_decides_the_same() {
    if !can_run() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let cases = cases::all(&pki::Pki::new(directory.path()), directory.path());
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(group) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let server = Server::start(
                        directory.path(),
                        next.fetch_add(0, Ordering::Relaxed) * 1000 + group.id,
                        &group.chain,
                        &group.chain[0].key,
                    );
                    for case in &group.cases {
                        let theirs = server.ask(&case.records, case.host, case.at, &case.openssl_options());
                        let ours = decide(&group.chain, case);
                        results.lock().unwrap().push((format!("{} {}", group.name, case.name), theirs, ours));
                    }
                }
            });
        }
    });
    judge(results.into_inner().unwrap());
}

type Results = Vec<(String, (Decision, String), Decided)>;

/// What we decide, and why.
struct Decided {
    decision: Decision,
    why: String,
    detour: bool,
}

fn judge(results: Results) {
    let mut seen = vec![0; DIFFERENCES.len()];
    let mut wrong = Vec::new();
    for (name, (theirs, text), Decided { decision: ours, why, detour }) in &results {
        let ours_is = match (theirs, ours) {
            // R-063 rfc7671#5.2: what OpenSSL finds needs no other path.
            (theirs, ours) if theirs == ours && !detour => continue,
            (Decision::NoMatch, Decision::Match { .. }) if *detour => Some(Ours::MatchesByDetour),
            (Decision::NoMatch, Decision::Match { .. }) => Some(Ours::Matches),
            (Decision::Match { .. }, Decision::NoMatch) => Some(Ours::Refuses),
            _ => None,
        };
        match DIFFERENCES.iter().position(|d| name.starts_with(d.cases) && ours_is == Some(d.ours)) {
            Some(i) => seen[i] += 1,
            None => wrong.push(format!(
                "{name}: openssl {theirs:?}, danelaw {ours:?} (by a detour: {detour})\n  danelaw: {why}\n  openssl: {}",
                text.trim()
            )),
        }
    }
    let count = |wanted: fn(&Decision) -> bool| results.iter().filter(|(_, theirs, _)| wanted(&theirs.0)).count();
    let matched = count(|d| matches!(d, Decision::Match { .. }));
    let (unmatched, unusable) = (count(|d| *d == Decision::NoMatch), count(|d| *d == Decision::Unusable));
    println!("{} cases: openssl matches {matched}, refuses {unmatched}, finds {unusable} unusable", results.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), results.len(), wrong.join("\n"));
    for (difference, seen) in DIFFERENCES.iter().zip(seen) {
        let Difference { cases, count, argument, .. } = difference;
        assert_eq!(seen, *count, "the difference in '{cases}…' ({argument}) occurs {seen} times");
    }
    assert!(results.len() >= 1000 && matched >= 400 && unmatched >= 400 && unusable >= 15, "the matrix has shrunk");
}

fn decide(chain: &[pki::Cert], case: &Case) -> Decided {
    let chain: Vec<CertificateBytes> = chain.iter().map(|c| CertificateBytes(c.der.as_slice().into())).collect();
    let records: Vec<Tlsa> = case.records.iter().map(|r| r.parse().unwrap()).collect();
    let names: Vec<Name> = vec![dane::name::parse_domain(case.host).unwrap()];
    let options = VerifyOptions {
        mode: Mode::Generic,
        ee_names: if case.ee_names { EeNames::Check } else { EeNames::Ignore },
        roots: case.roots.iter().map(|c| CertificateBytes(c.der.as_slice().into())).collect(),
        ..VerifyOptions::default()
    };
    let verification = matching::verify(&chain, &records, &names, case.at, &options);
    let why = verification.error.as_ref().map_or_else(String::new, |e| format!("{}: {}", e.code.code(), e.detail));
    let decision = match (verification.verdict, verification.usage, verification.depth) {
        (MatchVerdict::Match, Some(usage), Some(depth)) => Decision::Match { usage, depth },
        (MatchVerdict::Unusable, ..) => Decision::Unusable,
        _ => Decision::NoMatch,
    };
    assert!(case.at != NOW || !why.contains("budget"), "{}: {why}", case.name);
    let detour = verification.detour;
    let why = detour.as_ref().map_or(why, |d| d.detail.clone());
    Decided { decision, why, detour: detour.is_some() }
}

//! What a server accepts beside what is good: with a sender that wants better none of it does harm, but for commands that find their way
//! into TLS.

use super::server::Seen;
use crate::cause::Cause;
use crate::observation::{DepthObservation, Injection};
use crate::verdict::Finding;
use crate::walk::HostRoute;

/// Bits of a prime below which it is weak: what the other side may do about it is to take another suite. (RFC 9325 section 4.1)
const DH_BITS: u32 = 2048;
/// Names that are told at most.
const TOLD: usize = 4;

/// Findings on one server, if it was looked at in depth.
pub(super) fn findings(route: &HostRoute, server: &Seen) -> Vec<Finding> {
    let Some(depth) = &server.observation.depth else { return Vec::new() };
    let finding = |(cause, more): (Cause, String)| {
        let title = cause.title();
        let sentence = if more.is_empty() { title.to_owned() } else { format!("{} ({more}).", title.trim_end_matches('.')) };
        Finding::new(cause, &route.host, sentence).at(server.verdict.address)
    };
    causes(depth).into_iter().map(finding).collect()
}

fn causes(depth: &DepthObservation) -> Vec<(Cause, String)> {
    let mut causes = Vec::new();
    if depth.injection.as_ref().is_some_and(|i| i.outcome == Injection::Answered) {
        causes.push((Cause::StarttlsInjection, String::new()));
    }
    // R-073 rfc8996#4
    let versions = |old: &[&str]| {
        let spoken = depth.versions.iter().filter(|v| v.accepted() == Some(true) && old.contains(&v.version.as_str()));
        spoken.map(|v| v.version.clone()).collect::<Vec<_>>()
    };
    // DROWN, CVE-2016-0800: a key that serves SSL 2.0 anywhere.
    for (cause, version) in [(Cause::Ssl2Accepted, "SSLv2"), (Cause::Ssl3Accepted, "SSLv3")] {
        causes.extend((!versions(&[version]).is_empty()).then(|| (cause, String::new())));
    }
    let old = versions(&["TLSv1.1", "TLSv1.0"]);
    if !old.is_empty() {
        causes.push((Cause::OldTlsAccepted, old.join(", ")));
    }
    let suites = |which: fn(&str) -> bool| {
        let mut names: Vec<&str> = depth.versions.iter().flat_map(|v| &v.suites).map(String::as_str).filter(|s| which(s)).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    for (cause, names) in [(Cause::WeakCipherAccepted, suites(is_weak)), (Cause::AnonymousAccepted, suites(is_anonymous))] {
        if !names.is_empty() {
            causes.push((cause, told(&names)));
        }
    }
    let weakest = depth.dh.iter().filter(|dh| dh.bits < DH_BITS).min_by_key(|dh| dh.bits);
    if let Some(dh) = weakest {
        let known = dh.known.as_ref().map_or(String::new(), |name| format!(", {name}"));
        causes.push((Cause::WeakDh, format!("{} bits{known}", dh.bits)));
    }
    if depth.compression == Some(true) {
        causes.push((Cause::TlsCompression, String::new()));
    }
    if depth.secure_renegotiation == Some(false) {
        causes.push((Cause::InsecureRenegotiation, String::new()));
    }
    causes
}

/// No encryption, or one that can be broken: NULL, export, RC4, RC2, DES, 3DES. (RFC 7465, RFC 9325 section 4.1)
fn is_weak(suite: &str) -> bool {
    ["_NULL_", "EXPORT", "_RC4_", "_RC2_", "DES_", "DES40", "_3DES_"].iter().any(|mark| suite.contains(mark))
}

fn is_anonymous(suite: &str) -> bool {
    suite.contains("_anon_")
}

fn told(names: &[&str]) -> String {
    let shown = names.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(TOLD);
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Weight;
    use crate::observation::{DhObservation, HelloAnswer, InjectionObservation, VersionObservation};

    fn version(name: &str, suites: &[&str]) -> VersionObservation {
        let suites = suites.iter().map(|s| (*s).to_owned()).collect();
        VersionObservation { version: name.into(), answer: HelloAnswer::Accepted, suites, complete: true, rest: None, order: None }
    }

    fn codes(depth: &DepthObservation) -> Vec<&'static str> {
        causes(depth).into_iter().map(|(cause, _)| cause.code()).collect()
    }

    #[test]
    fn a_modern_server_has_none() {
        let good = DepthObservation {
            versions: vec![
                version("TLSv1.3", &["TLS_AES_256_GCM_SHA384"]),
                version("TLSv1.2", &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"]),
                VersionObservation { answer: HelloAnswer::Closed, ..version("SSLv3", &[]) },
                VersionObservation { answer: HelloAnswer::Timeout, ..version("TLSv1.0", &[]) },
            ],
            dh: vec![dh(2048)],
            compression: Some(false),
            secure_renegotiation: Some(true),
            injection: Some(InjectionObservation { outcome: Injection::Discarded, replies: Vec::new() }),
            ..DepthObservation::default()
        };
        assert_eq!(codes(&good), Vec::<&str>::new());
        // Nothing seen, nothing said.
        assert_eq!(codes(&DepthObservation::default()), Vec::<&str>::new());
    }

    fn dh(bits: u32) -> DhObservation {
        let text = String::new;
        DhObservation { bits, known: Some("postfix-1024".into()), prime_sha256: text(), prime: None, generator: text(), suite: text() }
    }

    #[test]
    fn each_fault_has_its_cause() {
        let bad = DepthObservation {
            versions: vec![
                version("TLSv1.2", &["TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_NULL_SHA"]),
                version("TLSv1.0", &["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]),
                version("SSLv3", &[]),
                version("SSLv2", &[]),
            ],
            dh: vec![dh(2048), dh(1024)],
            compression: Some(true),
            secure_renegotiation: Some(false),
            injection: Some(InjectionObservation { outcome: Injection::Answered, replies: Vec::new() }),
            ..DepthObservation::default()
        };
        let found = causes(&bad);
        assert_eq!(
            found.iter().map(|(c, more)| format!("{c}: {more}")).collect::<Vec<_>>(),
            [
                "starttls-injection: ",
                "ssl2-accepted: ",
                "ssl3-accepted: ",
                "old-tls-accepted: TLSv1.0",
                "weak-cipher-accepted: TLS_RSA_WITH_3DES_EDE_CBC_SHA, TLS_RSA_WITH_NULL_SHA",
                "anonymous-accepted: TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
                "weak-dh: 1024 bits, postfix-1024",
                "tls-compression: ",
                "insecure-renegotiation: ",
            ]
        );
        let errors: Vec<&str> = found.iter().filter(|(c, _)| c.weight() == Weight::Error).map(|(c, _)| c.code()).collect();
        assert_eq!(errors, ["starttls-injection"], "nothing else loses mail or its protection");
    }

    #[test]
    fn weak_suites_are_told_by_their_names() {
        for suite in [
            "TLS_RSA_WITH_NULL_SHA256",
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            "TLS_RSA_WITH_DES_CBC_SHA",
            "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
        ] {
            assert!(is_weak(suite), "{suite}");
        }
        for suite in
            ["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_SEED_CBC_SHA", "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"]
        {
            assert!(!is_weak(suite), "{suite}");
        }
    }
}

//! MTA-STS, TLS reporting and CAA beside DANE. Expectations are those of RFC 8461, 8460 and 8659.

use super::*;
use crate::observation::{Body, CaaObservation, CertificateBytes, FetchAttempt, HttpResponse, PoliciesObservation, PolicyFetch};
use crate::policies::sts::Mode;
use crate::verdict::PolicyState;

const POLICY_HOST: &str = "mta-sts.example.nl";
const ENFORCE: &str = "version: STSv1\r\nmode: enforce\r\nmx: *.example.nl\r\nmax_age: 604800\r\n";

/// A certificate for this name by this authority, from 2020 to the first day of a year, and its key's `3 1 1`.
fn issued(host: &str, year: i32, by: &Authority) -> (CertificateBytes, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut leaf = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(year, 1, 1));
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let record = format!("3 1 1 {}", data_encoding::HEXLOWER.encode(digest(&aws_lc_rs::digest::SHA256, &spki).as_ref()));
    (certify(&leaf, &key, by), record)
}

fn txt(owner: &str, records: &[&str]) -> Lookup {
    answer(owner, Rtype::TXT, records)
}

fn fetch(certificate: &CertificateBytes, change: impl FnOnce(&mut FetchAttempt)) -> PolicyFetch {
    let response = HttpResponse {
        status: 200,
        content_type: Some("text/plain; charset=utf-8".into()),
        location: None,
        body: Body::Text(ENFORCE.into()),
    };
    let mut attempt = FetchAttempt {
        address: [192, 0, 2, 80].into(),
        transport_port: 443,
        at: NOW,
        connect: Connect::Connected,
        tls: Some(tls(vec![certificate.clone()])),
        response: Some(response),
        failure: None,
        elapsed_ms: 5,
    };
    change(&mut attempt);
    PolicyFetch { host: name(POLICY_HOST), a: a(POLICY_HOST, &["192.0.2.80"]), aaaa: aaaa(POLICY_HOST, &[]), attempts: vec![attempt] }
}

/// A site with DANE and an enforced policy, all of it right, and the root that has signed everything.
struct Site {
    observation: Observation,
    roots: Vec<CertificateBytes>,
    authority: Authority,
    policy_host: CertificateBytes,
}

fn good() -> Site {
    let authority = authority("Root");
    let (leaf, record) = issued(HOST, 2040, &authority);
    let (policy_host, _) = issued(POLICY_HOST, 2040, &authority);
    let mut observation = domain(mx1(), vec![host(HOST, ADDRESS, tlsa(HOST, &[&record]), vec![visit(ADDRESS, &leaf)])]);
    observation.domain.policies = Some(Box::new(PoliciesObservation {
        sts: txt("_mta-sts.example.nl", &["\"v=STSv1; id=20261128\""]),
        tlsrpt: txt("_smtp._tls.example.nl", &["\"v=TLSRPTv1; rua=mailto:tls@example.nl\""]),
        fetch: Some(fetch(&policy_host, |_| ())),
        caa: vec![],
    }));
    Site { observation, roots: vec![certify(&authority.0, &authority.1, &authority)], authority, policy_host }
}

impl Site {
    fn policies(&mut self) -> &mut PoliciesObservation {
        self.observation.domain.policies.as_mut().unwrap()
    }

    fn attempt(&mut self, change: impl FnOnce(&mut FetchAttempt)) {
        change(&mut self.policies().fetch.as_mut().unwrap().attempts[0]);
    }

    fn body(&mut self, text: &str) {
        self.attempt(|a| a.response.as_mut().unwrap().body = Body::Text(text.to_owned()));
    }

    fn judged(&self) -> Verdict {
        judge(&self.observation, Terms { at: NOW, roots: &self.roots })
    }

    /// State of MTA-STS, and everything found, with its weight.
    fn found(&self) -> (PolicyState, Vec<(Cause, Weight)>) {
        let verdict = self.judged();
        (verdict.policies.unwrap().sts.state, verdict.findings.iter().map(|f| (f.cause, f.weight)).collect())
    }
}

#[test]
fn r081_a_policy_that_holds() {
    let site = good();
    assert_eq!(site.found(), (PolicyState::Valid, vec![]));
    let sts = site.judged().policies.unwrap().sts;
    assert_eq!((sts.id.as_deref(), sts.mode, sts.max_age), (Some("20261128"), Some(Mode::Enforce), Some(604_800)));
    assert_eq!((sts.mx, sts.webpki), (vec!["*.example.nl".to_owned()], Some(true)));
    assert_eq!((sts.hosts[0].covered, sts.hosts[0].webpki), (true, Some(true)));
    // Without roots nobody knows whether certificates are trusted, and nothing is held against them.
    let unjudged = verdict(&site.observation);
    assert_eq!(unjudged.findings, []);
    let sts = unjudged.policies.unwrap().sts;
    assert_eq!((sts.state, sts.webpki, sts.hosts[0].webpki), (PolicyState::Valid, None, None));
    let pki = |v: &Verdict| v.hosts[0].servers[0].webpki.unwrap();
    assert_eq!((pki(&site.judged()).trusted, pki(&site.judged()).names_host, pki(&site.judged()).names_domain), (Some(true), true, false));
    assert_eq!(pki(&verdict(&site.observation)).trusted, None);
}

#[test]
fn r081_why_there_is_no_policy() {
    use PolicyState as S;
    let unavailable = (S::Unavailable, vec![(Cause::StsPolicyUnavailable, Weight::Warning)]);
    let invalid = (S::Invalid, vec![(Cause::StsPolicyInvalid, Weight::Warning)]);
    let unknown = (S::CouldNotTell, vec![(Cause::StsNotReached, Weight::Unknown)]);
    type Change<'a> = &'a dyn Fn(&mut Site);
    type Expected = (S, Vec<(Cause, Weight)>);
    let response = |site: &mut Site, change: &dyn Fn(&mut HttpResponse)| site.attempt(|a| change(a.response.as_mut().unwrap()));
    let cases: [(&str, Change, &Expected); 15] = [
        ("404", &|s| response(s, &|r| r.status = 404), &unavailable),
        // rfc8461#3.3: redirects are not followed.
        ("301", &|s| response(s, &|r| (r.status, r.location) = (301, Some("https://www.example.nl/".into()))), &unavailable),
        ("HTML", &|s| response(s, &|r| r.content_type = Some("text/html".into())), &invalid),
        ("no type", &|s| response(s, &|r| r.content_type = None), &invalid),
        ("no UTF-8", &|s| response(s, &|r| r.body = Body::new(vec![0xff])), &invalid),
        ("syntax", &|s| s.body("version: STSv1\nmode: enforce\n"), &invalid),
        ("wrong name", &|s| s.attempt_tls("www.example.nl", 2040), &unavailable),
        ("expired", &|s| s.attempt_tls(POLICY_HOST, 2026), &unavailable),
        ("untrusted", &|s| s.attempt(|a| a.tls = Some(tls(vec![certificate(POLICY_HOST)]))), &unavailable),
        (
            "no address",
            &|s| {
                s.policies().fetch =
                    Some(PolicyFetch { a: a(POLICY_HOST, &[]).nxdomain(), attempts: vec![], ..fetch(&s.policy_host.clone(), |_| ()) })
            },
            &unavailable,
        ),
        (
            "no answer for the address",
            &|s| {
                s.policies().fetch = Some(PolicyFetch {
                    a: a(POLICY_HOST, &[]).failing(LookupFailure::Timeout),
                    attempts: vec![],
                    ..fetch(&s.policy_host.clone(), |_| ())
                })
            },
            &unknown,
        ),
        ("timeout", &|s| s.attempt(|a| (a.connect, a.tls, a.response) = (Connect::Timeout, None, None)), &unknown),
        ("silence", &|s| s.attempt(|a| (a.response, a.failure) = (None, Some("timeout".into()))), &unknown),
        ("too large", &|s| s.attempt(|a| a.failure = Some("too-large".into())), &unavailable),
        ("no HTTP", &|s| s.attempt(|a| (a.response, a.failure) = (None, Some("not-http".into()))), &unavailable),
    ];
    for (what, change, expected) in cases {
        let mut site = good();
        change(&mut site);
        assert_eq!(&site.found(), expected, "{what}");
        assert_eq!(site.judged().standing, Standing::Protected, "{what}: DANE stands as it stood");
    }
    // What we did not want to look at is no finding.
    let mut site = good();
    site.attempt(|a| (a.connect, a.tls, a.response) = (Connect::NotTried { why: "dns-only".into() }, None, None));
    assert_eq!(site.found(), (S::Announced, vec![]));
    site.policies().fetch = None;
    assert_eq!(site.found(), (S::Announced, vec![]));
}

impl Site {
    fn attempt_tls(&mut self, host: &str, year: i32) {
        let (certificate, _) = issued(host, year, &self.authority);
        self.attempt(|a| a.tls = Some(tls(vec![certificate])));
    }
}

#[test]
fn r081_records() {
    let mut site = good();
    site.policies().fetch = None;
    site.policies().sts = txt("_mta-sts.example.nl", &["\"v=STSv1; id=1\"", "\"v=STSv1; id=2\""]);
    assert_eq!(site.found(), (PolicyState::Invalid, vec![(Cause::StsRecordInvalid, Weight::Warning)]));
    site.policies().sts = txt("_mta-sts.example.nl", &["\"v=spf1 -all\""]);
    assert_eq!(site.found(), (PolicyState::None, vec![]));
    site.policies().sts = txt("_mta-sts.example.nl", &[]).failing(LookupFailure::Timeout);
    assert_eq!(site.found(), (PolicyState::CouldNotTell, vec![]));
}

#[test]
fn r081_what_a_policy_wants_of_mx_hosts() {
    let (error, warning) = (Weight::Error, Weight::Warning);
    let mut site = good();
    site.body(&ENFORCE.replace("*.example.nl", "mail.example.nl"));
    assert_eq!(site.found(), (PolicyState::Valid, vec![(Cause::StsMxMismatch, error)]));
    assert!(site.judged().findings[0].sentence.contains("no pattern for its MX host mx1.example.nl."));
    assert!(!site.judged().policies.unwrap().sts.hosts[0].covered);
    // R-081 rfc8461#5: mode testing lets mail through; mode none is no policy.
    site.body(&ENFORCE.replace("*.example.nl", "mail.example.nl").replace("enforce", "testing"));
    assert_eq!(site.found().1, [(Cause::StsMxMismatch, warning), (Cause::StsNotEnforced, Weight::Info)]);
    site.body(&ENFORCE.replace("*.example.nl", "mail.example.nl").replace("enforce", "none"));
    assert_eq!(site.found().1, [(Cause::StsNotEnforced, Weight::Info)]);

    // R-081 rfc8461#4.2: DANE is content with a certificate that no root knows; MTA-STS is not.
    let own = identity(HOST);
    let mut site = good();
    site.observation.hosts = vec![Arc::new(host(HOST, ADDRESS, tlsa(HOST, &[&own.record()]), vec![visit(ADDRESS, &own.certificate)]))];
    assert_eq!(site.found().1, [(Cause::StsMxUntrusted, error)]);
    assert_eq!(site.judged().standing, Standing::Protected);
    let without_roots = verdict(&site.observation);
    assert_eq!((without_roots.findings, without_roots.policies.unwrap().sts.hosts[0].webpki), (vec![], None));
    // An address that could not be looked at is not held against the host.
    let mut site = good();
    edit(&mut site.observation, 0, |h| h.servers = vec![AddressObservation { connect: Connect::Timeout, ..server(ADDRESS) }]);
    let verdict = site.judged();
    assert!(verdict.findings.iter().all(|f| f.cause != Cause::StsMxUntrusted), "{:?}", verdict.findings);
    // A certificate for another name is wrong whoever signed it.
    let mut site = good();
    let (other, record) = issued("www.example.nl", 2040, &site.authority);
    site.observation.hosts = vec![Arc::new(host(HOST, ADDRESS, tlsa(HOST, &[&record]), vec![visit(ADDRESS, &other)]))];
    assert_eq!(site.found().1, [(Cause::StsMxUntrusted, error)]);
}

#[test]
fn r080_mta_sts_does_not_override_dane() {
    // R-080 rfc8461#2
    let mut site = good();
    edit(&mut site.observation, 0, |h| h.tlsa = vec![tlsa(HOST, &[WRONG])]);
    let verdict = site.judged();
    assert_eq!((verdict.standing, verdict.delivery), (Standing::Broken, Some(Delivery::Defer)));
    let conflict = find(&verdict, Cause::StsConflict);
    assert_eq!((conflict.weight, conflict.requirement.as_str()), (Weight::Warning, "R-080"));
    assert!(!verdict.headline.contains("MTA-STS"), "{}", verdict.headline);
    // Where MTA-STS fails, too, or only tests, they do not disagree.
    for policy in [ENFORCE.replace("*.example.nl", "mail.example.nl"), ENFORCE.replace("enforce", "testing")] {
        site.body(&policy);
        assert!(site.judged().findings.iter().all(|f| f.cause != Cause::StsConflict), "{policy}");
    }
}

/// A headline speaks of DANE: what a policy fails at is said below.
#[test]
fn policies_do_not_explain_how_dane_stands() {
    let mut site = good();
    site.body(&ENFORCE.replace("*.example.nl", "mail.example.nl"));
    edit(&mut site.observation, 0, |h| h.tlsa = vec![tlsa(HOST, &[])]);
    let verdict = site.judged();
    assert_eq!((verdict.standing, grave(&verdict)), (Standing::Unprotected, vec![Cause::StsMxMismatch]));
    assert!(!verdict.headline.contains("MTA-STS"), "{}", verdict.headline);
}

/// Who doubts the clock does not say that certificates have expired.
#[test]
fn what_we_doubt_about_ourselves_is_not_held_against_a_policy() {
    let mut site = good();
    site.attempt_tls(POLICY_HOST, 2026);
    site.observation.vantage.clock_offset_s = Some(86_400 * 400);
    let verdict = site.judged();
    let finding = find(&verdict, Cause::StsPolicyUnavailable);
    assert_eq!((finding.party, finding.weight), (Party::Us, Weight::Unknown));
}

#[test]
fn r082_reporting() {
    // R-082 rfc8460#3
    let mut site = good();
    assert_eq!(site.judged().policies.unwrap().tlsrpt.rua, ["mailto:tls@example.nl"]);
    site.policies().tlsrpt = txt("_smtp._tls.example.nl", &["\"v=TLSRPTv1; rua=mailto:a@b\"", "\"v=TLSRPTv1; rua=mailto:c@d\""]);
    assert_eq!(site.found().1, [(Cause::TlsrptInvalid, Weight::Warning)]);
    site.policies().tlsrpt = txt("_smtp._tls.example.nl", &[]).nxdomain();
    assert_eq!(site.found().1, [(Cause::TlsrptMissing, Weight::Info)]);
    // Who promises nothing has nothing to be told of.
    site.policies().sts = txt("_mta-sts.example.nl", &[]);
    edit(&mut site.observation, 0, |h| h.tlsa = vec![tlsa(HOST, &[])]);
    assert_eq!(site.found().1, [(Cause::NoTlsa, Weight::Info)]);
}

#[test]
fn r140_issuers_of_the_host() {
    // rfc8659#3: the first set on the way up.
    let mut site = good();
    let search = |records: &[&str]| CaaObservation {
        host: name(HOST),
        lookups: vec![answer(HOST, Rtype::CAA, &[]), answer("example.nl", Rtype::CAA, records)],
    };
    site.policies().caa = vec![search(&["0 issue \"ca.example.net\""])];
    let caa = site.judged().policies.unwrap().caa;
    assert_eq!((caa[0].at.clone(), caa[0].issuers.clone()), (Some(name("example.nl")), Some(vec!["ca.example.net".to_owned()])));
    assert_eq!(site.found().1, [], "which CA goes by which domain is not known of this one");
    site.policies().caa = vec![search(&["0 issue \";\""])];
    assert_eq!(site.found().1, [(Cause::CaaExcludes, Weight::Info)]);
    site.policies().caa = vec![search(&[])];
    let caa = site.judged().policies.unwrap().caa;
    assert_eq!((&caa[0].at, &caa[0].issuers, caa[0].failed), (&None, &None, false));
}

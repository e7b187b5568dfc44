//! Verdicts on whole observations. Expectations are read from RFC 7672, RFC 7671 and the requirements, never from output.

mod dns;
mod others;
mod policies;
mod visits;

use super::*;
use crate::cause::{Cause, Party, Weight};
use crate::dns::{Lookup, LookupFailure, Security};
use crate::observation::{AddressObservation, Connect};
use crate::testing::*;
use crate::tlsa::Tlsa;
use crate::verdict::{Action, Delivery, Finding, RecordLabel, Standing};
use aws_lc_rs::digest::{SHA512, digest};
use domain::base::iana::Rtype;

const DOMAIN: &str = "example.nl";
const HOST: &str = "mx1.example.nl";
const ADDRESS: &str = "192.0.2.1";
const WRONG: &str = "3 1 1 0000000000000000000000000000000000000000000000000000000000000001";

fn mx1() -> Lookup {
    mx(DOMAIN, &["10 mx1.example.nl."])
}

/// One host, whose server shows `shown`, with these TLSA records.
fn site(shown: &Identity, records: &[&str]) -> Observation {
    domain(mx1(), vec![host(HOST, ADDRESS, tlsa(HOST, records), vec![visit(ADDRESS, &shown.certificate)])])
}

fn edit(observation: &mut Observation, index: usize, change: impl FnOnce(&mut HostObservation)) {
    change(Arc::make_mut(&mut observation.hosts[index]));
}

fn verdict(observation: &Observation) -> Verdict {
    judge(observation, NOW)
}

fn find(verdict: &Verdict, cause: Cause) -> &Finding {
    let found = verdict.findings.iter().find(|f| f.cause == cause);
    found.unwrap_or_else(|| panic!("no {cause} among {:#?}", verdict.findings))
}

fn grave(verdict: &Verdict) -> Vec<Cause> {
    verdict.findings.iter().filter(|f| f.weight >= Weight::Unknown).map(|f| f.cause).collect()
}

fn lines(finding: &Finding) -> Vec<String> {
    finding.repair.iter().flat_map(|r| &r.steps).filter_map(|s| s.line.clone()).collect()
}

#[test]
fn a_domain_where_all_is_right() {
    // R-033 rfc7672#2.2, R-048 rfc6698#2.1
    let shown = identity(HOST);
    let verdict = verdict(&site(&shown, &[&shown.record()]));
    assert_eq!((verdict.standing, verdict.delivery), (Standing::Protected, Some(Delivery::Deliver)));
    assert_eq!(verdict.headline, "Mail to example.nl is protected by DANE at its mail host mx1.example.nl.");
    assert_eq!(verdict.findings, []);
    let host = &verdict.hosts[0];
    assert_eq!((host.action, host.tlsa_base.clone(), host.tlsa_status), (Action::Dane, Some(name(HOST)), Some(Security::Secure)));
    let server = &host.servers[0];
    assert_eq!((server.rfc_delivers, server.paper_match, server.paper_valid), (Some(true), Some(true), Some(true)));
    assert_eq!((server.depth, host.records[0].label), (Some(0), RecordLabel::Matches));
}

#[test]
fn a_mismatch_defers_and_its_repair_is_the_very_line() {
    // rfc7671#8
    let shown = identity(HOST);
    let mut observation = site(&shown, &[WRONG]);
    edit(&mut observation, 0, |h| h.tlsa[0] = ttl(h.tlsa[0].clone(), 1800));
    let verdict = verdict(&observation);
    assert_eq!((verdict.standing, verdict.delivery), (Standing::Broken, Some(Delivery::Defer)));
    assert!(verdict.headline.starts_with("Mail to example.nl from senders that validate DANE is deferred now"), "{}", verdict.headline);
    assert_eq!(grave(&verdict), [Cause::UnknownMismatch]);
    let finding = find(&verdict, Cause::UnknownMismatch);
    assert_eq!((finding.party, finding.subject.clone()), (Party::Domain, name(HOST)));
    assert_eq!(lines(finding), [format!("_25._tcp.mx1.example.nl. 1800 IN TLSA {}", shown.record())]);
    // R-092 rfc7671#8.1: two TTLs, and only then the wrong record goes.
    let steps = &finding.repair.as_ref().unwrap().steps;
    let waits: Vec<_> = steps.iter().map(|s| s.wait_s).collect();
    assert_eq!(waits, [None, Some(3600), None]);
    assert_eq!(steps[2].remove, [WRONG]);
    assert_eq!(verdict.hosts[0].records[0].label, RecordLabel::Unmatched);
    assert_eq!(verdict.hosts[0].servers[0].rfc_delivers, Some(false));
}

#[test]
fn a_certificate_to_come_gets_its_record_beside_the_old_one() {
    // R-091 rfc7672#4, R-092 rfc7671#8.1, R-093: publish, wait two TTLs, switch; the record in use stays until then.
    let (now, next) = (identity(HOST), identity(HOST));
    let mut observation = site(&next, &[&now.record()]);
    edit(&mut observation, 0, |h| h.tlsa[0] = ttl(h.tlsa[0].clone(), 1800));
    edit(&mut observation, 0, |h| h.servers[0].connect = Connect::NotTried { why: "chain-from-file".into() });
    let judged = verdict(&observation);
    let finding = find(&judged, Cause::UnknownMismatch);
    assert_eq!(lines(finding), [format!("_25._tcp.mx1.example.nl. 1800 IN TLSA {}", next.record())]);
    let steps = &finding.repair.as_ref().unwrap().steps;
    assert_eq!(steps[0].wait_s, Some(3600));
    assert!(steps.iter().all(|s| s.remove.is_empty()), "{steps:?}");
}

#[test]
fn nothing_is_removed_while_an_address_is_unseen() {
    // the record may be right for the address that could not be looked at.
    let shown = identity(HOST);
    let mut observation = site(&shown, &[WRONG]);
    edit(&mut observation, 0, |h| {
        let mut other = h.servers[0].clone();
        other.address = "192.0.2.99".parse().unwrap();
        (other.connect, other.tls, other.dialogue) = (Connect::Timeout, None, Vec::new());
        h.servers.push(other);
    });
    let judged = verdict(&observation);
    let steps = &find(&judged, Cause::UnknownMismatch).repair.as_ref().unwrap().steps;
    assert!(steps.iter().all(|s| s.remove.is_empty()), "{steps:?}");
}

#[test]
fn a_repair_stands_where_the_records_are() {
    // R-028 rfc7672#2.2.3, R-104: behind an alias the record belongs to the alias' target, and the alias' TTL counts.
    let shown = identity(HOST);
    let mut observation = site(&shown, &[WRONG]);
    edit(&mut observation, 0, |h| {
        h.tlsa[0] = h.tlsa[0].clone().via("tlsa.dane.example.nl", Security::Secure);
        h.tlsa[0].aliases[0].ttl = 86_400;
    });
    let verdict = verdict(&observation);
    let finding = find(&verdict, Cause::UnknownMismatch);
    assert_eq!(lines(finding), [format!("tlsa.dane.example.nl. 3600 IN TLSA {}", shown.record())]);
    assert_eq!(finding.repair.as_ref().unwrap().steps[1].wait_s, Some(172_800));
    assert_eq!(verdict.hosts[0].tlsa_base, Some(name(HOST)));
}

#[test]
fn a_stronger_digest_hides_the_right_one() {
    // rfc7671#9
    let shown = identity(HOST);
    let strong = format!("3 1 2 {}", "00".repeat(64));
    let verdict = verdict(&site(&shown, &[&shown.record(), &strong]));
    assert_eq!((verdict.standing, grave(&verdict)), (Standing::Broken, vec![Cause::AgilityHidesMatch]));
    let steps = &find(&verdict, Cause::AgilityHidesMatch).repair.as_ref().unwrap().steps;
    // R-097 rfc7671#9: the key with the stronger digest, too; the hidden record stays, and what hid it goes, named whole.
    let finding = find(&verdict, Cause::AgilityHidesMatch);
    let right = Tlsa { matching: 2, data: digest(&SHA512, &shown.spki).as_ref().to_vec(), ..shown.record().parse().unwrap() };
    assert_eq!(lines(finding), [format!("_25._tcp.mx1.example.nl. 3600 IN TLSA {right}")]);
    assert_eq!(steps.last().unwrap().remove, [strong]);
    assert_eq!(verdict.hosts[0].records[0].label, RecordLabel::Hidden);
}

#[test]
fn labels_of_records() {
    let shown = identity(HOST);
    let nothing = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let pkix = shown.record().replacen('3', "1", 1);
    let verdict = verdict(&site(&shown, &[&shown.record(), WRONG, nothing, &pkix, "3 1 1 abcd", "not a record"]));
    let labels: Vec<_> = verdict.hosts[0].records.iter().map(|r| r.label).collect();
    use RecordLabel::{Garbage, Matches, NextKey, Unusable};
    assert_eq!(labels, [Matches, NextKey, Garbage, Unusable, Garbage, Garbage]);
    // A record matches, so nothing of it stops mail today.
    assert_eq!((verdict.standing, grave(&verdict)), (Standing::Protected, vec![]));
    for cause in [Cause::DigestOfNothing, Cause::PkixUsage, Cause::TlsaMalformed] {
        assert_eq!(find(&verdict, cause).weight, Weight::Warning);
    }
    assert_eq!(find(&verdict, Cause::RecordUnmatched).weight, Weight::Info);
}

#[test]
fn a_combination_without_a_match_is_warned_of() {
    // R-090 rfc7671#8
    let shown = identity(HOST);
    let other = format!("2 1 1 {}", "ab".repeat(32));
    let verdict = verdict(&site(&shown, &[&shown.record(), &other]));
    assert_eq!(verdict.standing, Standing::Protected);
    assert_eq!(find(&verdict, Cause::CombinationUnmatched).weight, Weight::Warning);
    //
    assert_eq!(find(&verdict, Cause::MixedScheme).weight, Weight::Warning);
}

#[test]
fn unusable_records_encrypt_and_authenticate_nobody() {
    // R-034 rfc7672#2.2
    let shown = identity(HOST);
    let pkix = shown.record().replacen('3', "1", 1);
    let mut observation = site(&shown, &[&pkix]);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Unprotected, Some(Delivery::Deliver)));
    assert_eq!(judged.hosts[0].action, Action::Enc);
    assert!(grave(&judged).contains(&Cause::PkixUsage) && grave(&judged).contains(&Cause::AllUnusable));
    assert_eq!(lines(find(&judged, Cause::AllUnusable)), [format!("_25._tcp.mx1.example.nl. 3600 IN TLSA {}", shown.record())]);
    // and still TLS is promised.
    edit(&mut observation, 0, |h| h.servers = vec![without_starttls(ADDRESS)]);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Broken, Some(Delivery::Defer)));
}

fn without_starttls(address: &str) -> AddressObservation {
    let steps = [("", "220 mx.example.nl ESMTP"), ("EHLO me", "250-mx.example.nl|250 8BITMIME")];
    AddressObservation { address: address.parse().unwrap(), ..dialogue(&steps) }
}

#[test]
fn tlsa_records_promise_starttls() {
    // R-038 rfc7672#2.2
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| h.servers = vec![without_starttls(ADDRESS)]);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Broken, Some(Delivery::Defer)));
    let finding = find(&judged, Cause::StarttlsNotOffered);
    assert_eq!((finding.weight, finding.address), (Weight::Error, Some(ADDRESS.parse().unwrap())));
    // Without TLSA records it is as it always was: cleartext, and no error of DANE.
    edit(&mut observation, 0, |h| h.tlsa = vec![tlsa(HOST, &[])]);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Unprotected, Some(Delivery::Deliver)));
    assert_eq!(find(&judged, Cause::StarttlsNotOffered).weight, Weight::Warning);
}

#[test]
fn a_server_that_will_not_talk_to_us_is_unknown() {
    // could not look is never bad.
    let shown = identity(HOST);
    for greeting in ["421 4.7.0 busy", "450 4.7.1 greylisted", "554 5.7.1 blocked", "TIMEOUT", "CLOSED", "GARBAGE"] {
        let mut observation = site(&shown, &[&shown.record()]);
        edit(&mut observation, 0, |h| h.servers = vec![dialogue(&[("", greeting)])]);
        let verdict = verdict(&observation);
        assert_eq!((verdict.standing, verdict.delivery), (Standing::CouldNotTell, None), "{greeting}");
        assert!(verdict.findings.iter().all(|f| f.weight != Weight::Error), "{greeting}");
        assert_eq!(verdict.hosts[0].records[0].label, RecordLabel::Unknown);
    }
}

#[test]
fn one_address_seen_is_enough_to_speak_of_that_one() {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        h.aaaa = aaaa(HOST, &["2001:db8::1"]);
        h.servers.push(AddressObservation { connect: Connect::Timeout, ..server("2001:db8::1") });
    });
    let verdict = verdict(&observation);
    assert_eq!((verdict.standing, verdict.delivery), (Standing::Protected, Some(Delivery::Deliver)));
    assert!(verdict.headline.ends_with("1 of 2 addresses could not be looked at."), "{}", verdict.headline);
}

#[test]
fn addresses_that_differ_are_named() {
    // R-090 rfc7671#8: every server behind the name.
    let (old, new) = (identity(HOST), identity(HOST));
    let mut observation = site(&old, &[&old.record()]);
    edit(&mut observation, 0, |h| {
        h.a = a(HOST, &[ADDRESS, "192.0.2.2"]);
        h.servers.push(visit("192.0.2.2", &new.certificate));
    });
    let verdict = verdict(&observation);
    // A sender that meets the wrong one tries the other.
    assert_eq!((verdict.standing, verdict.delivery), (Standing::Broken, Some(Delivery::Deliver)));
    let finding = find(&verdict, Cause::PartialCoverage);
    assert!(finding.sentence.contains("match at 192.0.2.1 and not at 192.0.2.2"), "{}", finding.sentence);
    assert_eq!(lines(finding), [format!("_25._tcp.mx1.example.nl. 3600 IN TLSA {}", new.record())]);
    assert_eq!(verdict.hosts[0].servers[1].rfc_delivers, Some(false));
}

#[test]
fn a_dns_only_look_says_what_the_dns_says() {
    let shown = identity(HOST);
    let not_tried = || AddressObservation { connect: Connect::NotTried { why: "dns-only".to_owned() }, ..server(ADDRESS) };
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        h.servers = vec![not_tried(), AddressObservation { address: "2001:db8::1".parse().unwrap(), ..not_tried() }]
    });
    let judged = verdict(&observation);
    assert_eq!((judged.standing, grave(&judged)), (Standing::CouldNotTell, vec![Cause::NotLooked]));
    assert_eq!(find(&judged, Cause::NotLooked).party, Party::Us);
    // What is broken in the DNS is broken without a look at the server.
    edit(&mut observation, 0, |h| h.tlsa[0] = h.tlsa[0].clone().bogus("rrsig-expired"));
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Broken, Some(Delivery::Defer)));
    // And what is not there is not there.
    edit(&mut observation, 0, |h| h.tlsa[0] = tlsa(HOST, &[]));
    assert_eq!(verdict(&observation).standing, Standing::Unprotected);
}

#[test]
fn domains_that_take_no_mail() {
    // R-008 rfc7505#3, R-007 rfc5321#5.1, R-020 rfc7672#2.2.2
    let null = verdict(&domain(mx(DOMAIN, &["0 ."]), vec![]));
    assert_eq!((null.standing, null.delivery, grave(&null)), (Standing::NoMail, Some(Delivery::Bounce), vec![]));
    let none = verdict(&domain(mx(DOMAIN, &[]).nxdomain(), vec![]));
    assert_eq!((none.standing, none.delivery), (Standing::Undeliverable, Some(Delivery::Bounce)));
    assert_eq!(grave(&none), [Cause::NoSuchDomain]);
    let mut dead = host(HOST, ADDRESS, tlsa(HOST, &[]).nxdomain(), vec![]);
    dead.a = a(HOST, &[]).nxdomain();
    dead.aaaa = aaaa(HOST, &[]).nxdomain();
    let dead = verdict(&domain(mx1(), vec![dead]));
    assert_eq!((dead.standing, grave(&dead)), (Standing::Undeliverable, vec![Cause::MxHostUnresolvable]));
}

#[test]
fn mx_records_against_the_rules() {
    let shown = identity(HOST);
    // R-009 rfc7505#3
    let mut mixed = site(&shown, &[&shown.record()]);
    mixed.domain.mx = mx(DOMAIN, &["0 .", "10 mx1.example.nl."]);
    let judged = verdict(&mixed);
    assert_eq!((judged.standing, find(&judged, Cause::NullMxMixed).weight), (Standing::Protected, Weight::Warning));
    // R-013 rfc7672#2.2
    let judged = verdict(&domain(mx(DOMAIN, &["10 192.0.2.1."]), vec![]));
    assert_eq!(judged.standing, Standing::Unprotected);
    let finding = find(&judged, Cause::MxIsAddress);
    assert_eq!(lines(finding), ["mx.example.nl. 3600 IN A 192.0.2.1", "example.nl. 3600 IN MX 10 mx.example.nl."]);
    // R-006 rfc5321#5.1
    let own =
        domain(mx(DOMAIN, &[]), vec![host(DOMAIN, ADDRESS, tlsa(DOMAIN, &[&shown.record()]), vec![visit(ADDRESS, &shown.certificate)])]);
    let judged = verdict(&own);
    assert_eq!((judged.standing, find(&judged, Cause::ImplicitMx).weight), (Standing::Protected, Weight::Info));
    // R-026 rfc7672#2.2.2: warned of, and judged all the same.
    let mut alias = site(&shown, &[]);
    edit(&mut alias, 0, |h| {
        h.a = h.a.clone().via("mail.example.nl", Security::Secure);
        h.aaaa = h.aaaa.clone().via("mail.example.nl", Security::Secure);
        h.tlsa = vec![tlsa("mail.example.nl", &[&shown.record()]), tlsa(HOST, &[])];
    });
    let judged = verdict(&alias);
    assert_eq!((judged.standing, judged.hosts[0].tlsa_base.clone()), (Standing::Protected, Some(name("mail.example.nl"))));
    assert_eq!(find(&judged, Cause::MxIsAlias).weight, Weight::Warning);
    // An alias in one family only is told by that family's answer.
    edit(&mut alias, 0, |h| h.a = a(HOST, &[]));
    assert!(find(&verdict(&alias), Cause::MxIsAlias).sentence.contains("mx1.example.nl is an alias of mail.example.nl;"));
}

#[test]
fn tlsa_records_without_dnssec_protect_nobody() {
    // R-029 rfc7672#2.2.3, R-017 rfc7672#2.2.2
    let shown = identity(HOST);
    for (code, cause) in [
        ("unsigned", Cause::Unsigned),
        ("ds-missing", Cause::DsMissing),
        ("algorithm-unsupported", Cause::AlgorithmUnsupported),
        ("digest-unsupported", Cause::AlgorithmUnsupported),
        ("opt-out", Cause::Unsigned),
    ] {
        let mut observation = site(&shown, &[&shown.record()]);
        let weak = |l: &Lookup| l.clone().insecure(code).in_zone(DOMAIN);
        observation.domain.mx = weak(&observation.domain.mx);
        edit(&mut observation, 0, |h| {
            (h.a, h.aaaa) = (weak(&h.a), weak(&h.aaaa));
            h.tlsa[0] = weak(&h.tlsa[0]);
        });
        let judged = verdict(&observation);
        assert_eq!((judged.standing, judged.delivery), (Standing::Unprotected, Some(Delivery::Deliver)), "{code}");
        assert_eq!((grave(&judged), find(&judged, cause).weight), (vec![cause], Weight::Error));
        // The studies' questions are answered all the same.
        let server = &judged.hosts[0].servers[0];
        assert_eq!((server.paper_match, server.paper_valid), (Some(true), Some(false)));
        // Without TLSA records nobody meant it: no error.
        edit(&mut observation, 0, |h| h.tlsa[0] = weak(&tlsa(HOST, &[])));
        let judged = verdict(&observation);
        assert_eq!((judged.standing, grave(&judged)), (Standing::Unprotected, vec![]), "{code}");
        assert_eq!(find(&judged, Cause::NoTlsa).weight, Weight::Info);
    }
}

#[test]
fn insecure_mx_records_leave_the_domain_unprotected() {
    // R-004 rfc7672#2.2.1: not to be reported as secure delivery to the domain.
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    observation.domain.mx = mx1().insecure("unsigned");
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.hosts[0].action), (Standing::Unprotected, Action::Dane));
    assert_eq!(find(&judged, Cause::MxInsecure).weight, Weight::Warning);
    assert_eq!(judged.hosts[0].servers[0].rfc_delivers, Some(true));
}

#[test]
fn a_host_without_tlsa_beside_one_with_it() {
    // R-101 rfc7672#2.2.1
    let (first, second) = (identity(HOST), identity("mx2.example.nl"));
    let mut observation = site(&first, &[&first.record()]);
    observation.domain.mx = mx(DOMAIN, &["10 mx1.example.nl.", "20 mx2.example.nl."]);
    let bare = host("mx2.example.nl", "192.0.2.2", tlsa("mx2.example.nl", &[]), vec![visit("192.0.2.2", &second.certificate)]);
    observation.hosts.push(Arc::new(bare));
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::Partial, Some(Delivery::Deliver)));
    let finding = find(&judged, Cause::PartialTlsa);
    assert!(finding.sentence.contains("mx2.example.nl"));
    assert_eq!(lines(finding), [format!("_25._tcp.mx2.example.nl. 3600 IN TLSA {}", second.record())]);
}

#[test]
fn what_is_wrong_with_us_is_not_held_against_a_domain() {
    let shown = identity(HOST);
    // with a stale anchor everything is bogus.
    let mut observation = site(&shown, &[&shown.record()]);
    observation.domain.mx = mx1().bogus("ds-no-matching-key");
    observation.vantage.anchor_current = Some(false);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.delivery), (Standing::CouldNotTell, None));
    assert!(judged.findings.iter().all(|f| f.weight != Weight::Error), "{:#?}", judged.findings);
    assert_eq!(find(&judged, Cause::DsNoMatchingKey).party, Party::Us);
    // so with a clock that is off …
    observation.vantage = VantageObservation { clock_offset_s: Some(-90_000), ..VantageObservation::default() };
    assert_eq!(verdict(&observation).standing, Standing::CouldNotTell);
    // … and with an intercepted DNS. What is proven stays proven.
    let mut observation = site(&shown, &[&shown.record()]);
    observation.vantage.dns_intercepted = Some(true);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, grave(&judged)), (Standing::Protected, vec![Cause::DnsIntercepted]));
    // Port 25 leads nowhere from here.
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| h.servers[0] = AddressObservation { connect: Connect::Timeout, ..server(ADDRESS) });
    observation.vantage.port_open = Some(false);
    let judged = verdict(&observation);
    assert_eq!((judged.standing, find(&judged, Cause::Port25Blocked).party), (Standing::CouldNotTell, Party::Us));
}

#[test]
fn dates_do_not_matter_to_usage_3() {
    // R-052 rfc7671#5.1
    let expired = identity_until(HOST, 2021);
    let judged = verdict(&site(&expired, &[&expired.record()]));
    assert_eq!((judged.standing, grave(&judged)), (Standing::Protected, vec![]));
    assert_eq!(find(&judged, Cause::ExpiredUnderUsage3).weight, Weight::Info);
    // Judged for a time long before it begins.
    let early = judge(&site(&expired, &[&expired.record()]), 0);
    assert_eq!((early.standing, find(&early, Cause::NotYetValidUnderUsage3).weight), (Standing::Protected, Weight::Info));
    assert!(early.findings.iter().all(|f| f.cause != Cause::ExpiredUnderUsage3));
}

#[test]
fn what_was_said_before_tls_is_no_evidence_against_a_certificate() {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| h.servers[0] = visit(ADDRESS, &CertificateBytes(vec![1, 2, 3].into())));
    let judged = verdict(&observation);
    let sentence = &find(&judged, Cause::GarbageCertificate).sentence;
    assert!(!sentence.contains("220"), "{sentence}");
}

#[test]
fn a_pinned_certificate_gets_a_pinned_key() {
    // R-102 rfc7672#3.1.1, R-091 rfc7672#4, R-092 rfc7671#8.1
    let shown = identity(HOST);
    let judged = verdict(&site(&shown, &[&shown.certificate_record()]));
    let finding = find(&judged, Cause::BreaksOnRenewal);
    assert_eq!((judged.standing, finding.weight), (Standing::Protected, Weight::Warning));
    let steps = &finding.repair.as_ref().unwrap().steps;
    assert_eq!(lines(finding), [format!("_25._tcp.mx1.example.nl. 3600 IN TLSA {}", shown.record())]);
    assert_eq!(steps[0].wait_s, Some(7200));
    // With the key beside it there is nothing to say.
    let judged = verdict(&site(&shown, &[&shown.certificate_record(), &shown.record()]));
    assert!(judged.findings.iter().all(|f| f.cause != Cause::BreaksOnRenewal));
}

#[test]
fn lint_of_record_sets() {
    //
    let shown = identity(HOST);
    let many: Vec<String> = (0..12).map(|i| format!("3 1 1 {:064x}", i + 1)).collect();
    let mut records: Vec<&str> = many.iter().map(String::as_str).collect();
    let record = shown.record();
    records.push(&record);
    let mut observation = site(&shown, &records);
    edit(&mut observation, 0, |h| h.tlsa[0] = ttl(h.tlsa[0].clone(), 172_800));
    let judged = verdict(&observation);
    assert_eq!(judged.standing, Standing::Protected);
    assert_eq!(find(&judged, Cause::ManyTlsa).weight, Weight::Warning);
    assert_eq!(find(&judged, Cause::TlsaTtlLong).weight, Weight::Warning);
    // R-099 rfc7672#3.1
    let full = format!("3 1 0 {}", data_encoding::HEXLOWER.encode(&shown.spki));
    let judged = verdict(&site(&shown, &[&full]));
    assert_eq!((judged.standing, find(&judged, Cause::UsageDiscouraged).weight), (Standing::Protected, Weight::Info));
}

#[test]
fn what_will_break_and_when() {
    // R-037 rfc4035#5.3.3: the signature; R-102: the pin of a certificate that has to be renewed.
    let shown = identity_until(HOST, 2030);
    let until = 1_893_456_000; // 2030-01-01T00:00:00Z
    let mut observation = site(&shown, &[&shown.certificate_record()]);
    edit(&mut observation, 0, |h| h.tlsa[0] = h.tlsa[0].clone().signed_until(NOW + 86_400));
    let all = outlook(&observation, NOW, until + 1);
    let told: Vec<_> = all.iter().map(|f| (f.at, f.cause)).collect();
    assert_eq!(told, [(NOW + 86_400, Cause::RrsigExpired), (until, Cause::BreaksOnRenewal)]);
    assert_eq!(outlook(&observation, NOW, NOW + 86_399), []);
    // A pinned key survives.
    let observation = site(&shown, &[&shown.record()]);
    assert_eq!(outlook(&observation, NOW, until + 1), []);
}

#[test]
fn a_single_host_is_judged_as_a_relay() {
    // R-014 rfc7672#2.2.2
    let shown = identity(HOST);
    let observation = site(&shown, &[WRONG]);
    let judged = judge_host(&observation.hosts[0], &VantageObservation::default(), NOW);
    assert_eq!((judged.domain.clone(), judged.standing, judged.delivery), (name(HOST), Standing::Broken, Some(Delivery::Defer)));
    assert_eq!(grave(&judged), [Cause::UnknownMismatch]);
}

#[test]
fn the_status_of_the_first_link_is_known_without_a_query() {
    // R-022 rfc7672#2.2.2
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        h.a = a(HOST, &[ADDRESS]).insecure("unsigned").via("host.provider.example", Security::Secure);
        h.aaaa = aaaa(HOST, &[]).insecure("unsigned").via("host.provider.example", Security::Secure);
    });
    let judged = verdict(&observation);
    assert_eq!((judged.standing, judged.hosts[0].tlsa_base.clone()), (Standing::Protected, Some(name(HOST))));
}

/// An issuer and a leaf that ended in 2021, published by the issuer's digest.
fn expired_issuer_site() -> (Observation, String) {
    let (issuer_key, leaf_key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Issuer");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let mut leaf = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    let leaf = leaf.signed_by(&leaf_key, &rcgen::Issuer::from_params(&ca, &issuer_key)).unwrap();
    let issuer = ca.self_signed(&issuer_key).unwrap();
    let bytes = |der: &[u8]| crate::observation::CertificateBytes(der.into());
    let (leaf, issuer) = (bytes(leaf.der()), bytes(issuer.der()));
    let record = format!("2 0 1 {}", data_encoding::HEXLOWER.encode(&issuer.sha256()));
    let mut shown = visit(ADDRESS, &leaf);
    shown.tls.as_mut().unwrap().chain.push(issuer);
    (domain(mx1(), vec![host(HOST, ADDRESS, tlsa(HOST, &[&record]), vec![shown])]), record)
}

#[test]
fn an_expired_certificate_is_renewed_and_its_record_stays() {
    // R-061 rfc7671#5.2
    let (observation, record) = expired_issuer_site();
    let verdict = verdict(&observation);
    assert_eq!((verdict.standing, grave(&verdict)), (Standing::Broken, vec![Cause::TaExpired]));
    let finding = find(&verdict, Cause::TaExpired);
    assert!(finding.sentence.contains("expired at 2021-01-01 00:00 UTC"), "{}", finding.sentence);
    let steps = &finding.repair.as_ref().unwrap().steps;
    assert!(steps[0].what.starts_with("Renew the certificate") && steps[0].line.is_none());
    assert!(lines(finding)[0].contains(" IN TLSA 3 1 1 "), "the second choice");
    assert!(steps.iter().all(|s| !s.what.contains(&record)), "the issuer's record is right");
    // Nothing matched, so there is no depth of a match.
    assert_eq!(verdict.hosts[0].servers[0].depth, None);
}

#[test]
fn a_chain_beyond_our_limits_is_not_held_against_the_server() {
    //
    let (mut observation, _) = expired_issuer_site();
    edit(&mut observation, 0, |h| {
        let chain = &mut h.servers[0].tls.as_mut().unwrap().chain;
        let issuer = chain[1].0.to_vec();
        let padding = |n: u8| crate::observation::CertificateBytes([issuer.as_slice(), &[n]].concat().into());
        chain.splice(1..1, (0..70).map(padding));
    });
    let verdict = verdict(&observation);
    assert_eq!((verdict.standing, verdict.delivery), (Standing::CouldNotTell, None));
    assert_eq!(grave(&verdict), [Cause::BudgetExhausted]);
    let host = &verdict.hosts[0];
    assert_eq!((host.servers[0].rfc_delivers, host.records[0].label), (None, RecordLabel::Unknown));
}

#[test]
fn usages_0_and_1_are_not_judged_without_roots() {
    let shown = identity(HOST);
    let server = |record: &str| verdict(&site(&shown, &[record])).hosts[0].servers[0].clone();
    assert_eq!(server(&shown.record().replacen('3', "1", 1)).paper_valid, None);
    assert_eq!(server(WRONG).paper_valid, Some(false));
}

#[test]
fn words_say_what_is_wrong_before_its_particulars() {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        h.tlsa[0] = h.tlsa[0].clone().insecure("ds-missing");
        h.tlsa[0].reason.as_mut().unwrap().detail = "NSEC3 opt-out".to_owned();
    });
    let judged = verdict(&observation);
    let sentence = &find(&judged, Cause::DsMissing).sentence;
    let end = "without force: the zone is signed, but its parent has no DS record, so nobody can validate it (NSEC3 opt-out).";
    assert!(sentence.ends_with(end), "{sentence}");
}

/// The same visit at so many addresses.
fn crowd(observation: &mut Observation, count: usize) {
    edit(observation, 0, |h| {
        let visit = h.servers[0].clone();
        h.servers = (1..=count).map(|n| AddressObservation { address: format!("192.0.2.{n}").parse().unwrap(), ..visit.clone() }).collect();
    });
}

#[test]
fn what_is_wrong_at_many_addresses_alike_is_said_once() {
    let (shown, expired) = (identity(HOST), identity_until(HOST, 2021));
    let mut refused = site(&shown, &[&shown.record()]);
    edit(&mut refused, 0, |h| h.servers[0] = AddressObservation { connect: Connect::Refused, ..server(ADDRESS) });
    for (mut observation, cause) in [
        (site(&shown, &[WRONG]), Cause::UnknownMismatch),
        (site(&expired, &[&expired.record()]), Cause::ExpiredUnderUsage3),
        (refused, Cause::ConnectionRefused),
    ] {
        crowd(&mut observation, 60);
        let judged = verdict(&observation);
        let found: Vec<&Finding> = judged.findings.iter().filter(|f| f.cause == cause).collect();
        assert_eq!((found.len(), found[0].addresses.len()), (1, 60), "{cause}");
        assert_eq!(found[0].address, Some("192.0.2.1".parse().unwrap()));
        let sentence = &found[0].sentence;
        assert!(sentence.starts_with("mx1.example.nl [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 and 56 more]: "), "{sentence}");
    }
    // Other evidence is another finding.
    let mut observation = site(&shown, &[&shown.record()]);
    crowd(&mut observation, 3);
    edit(&mut observation, 0, |h| {
        for (server, words) in h.servers.iter_mut().zip(["421 busy", "421 busy", "421 too many"]) {
            *server = AddressObservation { address: server.address, ..dialogue(&[("", words)]) };
        }
    });
    let judged = verdict(&observation);
    let found: Vec<usize> = judged.findings.iter().filter(|f| f.cause == Cause::RateLimited).map(|f| f.addresses.len()).collect();
    assert_eq!(found, [2, 0]);
}

#[test]
fn a_chain_that_needs_a_second_path_is_warned_of() {
    // R-063 rfc7671#5.2; which orders openssl refuses, `tests/openssl` asks it.
    let (root, other) = (authority("Root"), authority("Other"));
    let intermediate = authority("Issuer");
    let crossed = certify(&intermediate.0, &intermediate.1, &other);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let mut leaf = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    let leaf = certify(&leaf, &leaf_key, &intermediate);
    let (sent, top) = (certify(&intermediate.0, &intermediate.1, &root), certify(&root.0, &root.1, &root));
    let record = format!("2 0 1 {}", data_encoding::HEXLOWER.encode(digest(&aws_lc_rs::digest::SHA256, &top.0).as_ref()));
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&record]);
    edit(&mut observation, 0, |h| h.servers[0].tls = Some(tls(vec![leaf.clone(), crossed.clone(), sent.clone(), top.clone()])));
    let judged = verdict(&observation);
    assert_eq!(judged.standing, Standing::Protected);
    let finding = find(&judged, Cause::TaSecondPath);
    assert_eq!((finding.party, finding.weight, finding.requirement.as_str()), (Party::Domain, Weight::Warning, "R-063"));
    let what = &finding.repair.as_ref().unwrap().steps[0].what;
    assert!(what.contains("(now number 1), then 'CN=Issuer' (now number 3), then 'CN=Root' (now number 4)"), "{what}");
    edit(&mut observation, 0, |h| h.servers[0].tls = Some(tls(vec![leaf, sent, top, crossed])));
    assert!(verdict(&observation).findings.iter().all(|f| f.cause != Cause::TaSecondPath));
}

#[test]
fn with_roots_the_papers_count_usages_0_and_1() {
    // analyses: paper_valid of usages 0 and 1 is PKIX validity at the time of the look.
    let root = authority("Root");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut leaf = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    let (leaf, top) = (certify(&leaf, &key, &root), certify(&root.0, &root.1, &root));
    let record = format!("1 0 1 {}", data_encoding::HEXLOWER.encode(digest(&aws_lc_rs::digest::SHA256, &leaf.0).as_ref()));
    let mut observation = site(&identity(HOST), &[&record]);
    edit(&mut observation, 0, |h| h.servers[0].tls = Some(tls(vec![leaf])));
    let other = [certificate("other.example")];
    for (roots, valid) in [(&[][..], None), (&[top][..], Some(true)), (&other[..], Some(false))] {
        let judged = judge(&observation, Terms { at: NOW, roots });
        assert_eq!(judged.hosts[0].servers[0].paper_valid, valid);
        // A sender for mail looks at none. (R-043 rfc7672#3.1.3)
        assert_eq!(judged.standing, Standing::Unprotected);
    }
}

type Authority = (rcgen::CertificateParams, rcgen::KeyPair);

fn authority(common_name: &str) -> Authority {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    (params, rcgen::KeyPair::generate().unwrap())
}

fn certify(params: &rcgen::CertificateParams, key: &rcgen::KeyPair, issuer: &Authority) -> crate::observation::CertificateBytes {
    let made = params.signed_by(key, &rcgen::Issuer::from_params(&issuer.0, &issuer.1)).unwrap();
    crate::observation::CertificateBytes(made.der().to_vec().into())
}

#[test]
fn a_host_with_nothing_but_ipv6_says_why_it_could_not_be_seen() {
    let shown = identity(HOST);
    let no_ipv6 = || AddressObservation { connect: Connect::NotTried { why: "no-ipv6".to_owned() }, ..server("2001:db8::1") };
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        h.aaaa = aaaa(HOST, &["2001:db8::1"]);
        h.servers.push(no_ipv6());
    });
    // Beside an IPv4 address that was seen it is no news.
    let judged = verdict(&observation);
    assert_eq!((judged.standing, find(&judged, Cause::NoIpv6).weight), (Standing::Protected, Weight::Info));
    edit(&mut observation, 0, |h| {
        h.a = a(HOST, &[]);
        h.servers = vec![no_ipv6()];
    });
    let judged = verdict(&observation);
    assert_eq!((judged.standing, find(&judged, Cause::NoIpv6).weight), (Standing::CouldNotTell, Weight::Unknown));
    assert!(judged.headline.contains("This machine has no IPv6"), "{}", judged.headline);
}

#[test]
fn who_wishes_to_be_left_alone_is_no_case_of_failure() {
    let judged = super::opted_out(&name(DOMAIN), NOW);
    assert_eq!((judged.standing, judged.delivery, grave(&judged)), (Standing::CouldNotTell, None, vec![Cause::OptedOut]));
    assert_eq!(judged.findings[0].party, Party::Us);
}

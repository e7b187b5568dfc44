//! Several visits of one look: the last one counts, and where they contradict each other that is said.

use super::*;
use crate::observation::{CutOff, EarlierVisit, TlsFailure};

fn seen_first(observation: &mut Observation, first: AddressObservation) {
    edit(observation, 0, |h| h.servers[0].earlier.push(EarlierVisit::of(first)));
}

#[test]
fn a_fault_that_is_gone_at_the_second_visit_is_said_and_breaks_nothing() {
    // R-036 rfc7672#2.2: a sender that meets the fault tries again.
    let shown = identity(HOST);
    let no_tls =
        dialogue(&[("", "220 mx"), ("EHLO me", "250-mx|250 STARTTLS"), ("STARTTLS", "454 4.7.0 TLS not available"), ("QUIT", "221 bye")]);
    let other = visit(ADDRESS, &identity("other.example").certificate);
    for (first, words) in [(no_tls, "starttls-454"), (other, "fits no TLSA record")] {
        let mut observation = site(&shown, &[&shown.record()]);
        seen_first(&mut observation, first);
        let verdict = verdict(&observation);
        assert_eq!(verdict.standing, Standing::Protected);
        let finding = find(&verdict, Cause::VisitsDisagree);
        assert_eq!((finding.weight, finding.address), (Weight::Warning, Some(ADDRESS.parse().unwrap())));
        assert!(finding.sentence.contains(words) && finding.sentence.contains("then a certificate that fits"), "{}", finding.sentence);
        assert_eq!(grave(&verdict), []);
    }
}

#[test]
fn a_fault_that_repeats_is_no_contradiction_and_two_different_ones_are() {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[WRONG]);
    seen_first(&mut observation, visit(ADDRESS, &shown.certificate));
    let twice = verdict(&observation);
    assert_eq!((twice.standing, grave(&twice)), (Standing::Broken, vec![Cause::UnknownMismatch]));
    assert!(twice.findings.iter().all(|f| f.cause != Cause::VisitsDisagree));

    let mut failed = visit(ADDRESS, &shown.certificate);
    failed.tls.as_mut().unwrap().error =
        Some(TlsFailure { kind: "alert".into(), alert: Some("handshake_failure".into()), detail: String::new() });
    let mut observation = site(&shown, &[WRONG]);
    seen_first(&mut observation, failed);
    let verdict = verdict(&observation);
    assert_eq!(verdict.standing, Standing::Broken);
    find(&verdict, Cause::VisitsDisagree);
}

#[test]
fn what_could_not_be_looked_at_contradicts_nobody() {
    let shown = identity(HOST);
    for first in [dialogue(&[("", "450 4.2.0 greylisted")]), dialogue(&[("", "RESET")])] {
        let mut observation = site(&shown, &[&shown.record()]);
        seen_first(&mut observation, first);
        let verdict = verdict(&observation);
        assert_eq!((verdict.standing, verdict.findings), (Standing::Protected, vec![]));
    }
    // A fault seen once, and then nothing: no evidence that repeats, so nothing is held against the domain.
    let mut observation = site(&shown, &[WRONG]);
    seen_first(&mut observation, visit(ADDRESS, &shown.certificate));
    edit(&mut observation, 0, |h| {
        let earlier = std::mem::take(&mut h.servers[0].earlier);
        h.servers[0] = AddressObservation { earlier, ..dialogue(&[("", "RESET")]) };
    });
    assert_eq!(verdict(&observation).standing, Standing::CouldNotTell);
}

#[test]
fn certificates_that_broke_off_are_no_chain_and_are_told_of() {
    let shown = identity(HOST);
    let mut observation = site(&shown, &[&shown.record()]);
    edit(&mut observation, 0, |h| {
        let tls = h.servers[0].tls.as_mut().unwrap();
        tls.error = Some(TlsFailure { kind: "closed".into(), alert: None, detail: "the server closed the connection".into() });
        let whole = std::mem::take(&mut tls.chain);
        tls.cut_off = Some(Box::new(CutOff { announced: 1500, arrived: 700, whole, part: None }));
    });
    let verdict = verdict(&observation);
    assert_eq!(verdict.hosts[0].servers[0].paper_match, None, "what is missing may be what matters");
    let told = verdict.findings.iter().find(|f| f.sentence.contains("closed the connection, after 700 of 1500 octets of certificates"));
    assert!(told.is_some(), "{:?}", verdict.findings);
}

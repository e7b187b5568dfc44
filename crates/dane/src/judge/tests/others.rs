//! Servers with several certificates.

use super::*;
use crate::observation::{CertificateBytes, ClientOffer, OtherLook, Shows, TlsFailure, TlsObservation};

/// A site whose server shows these to other kinds of client.
fn showing(record: &str, shown: &Identity, others: Vec<(ClientOffer, Shows)>) -> Observation {
    let mut observation = site(shown, &[record]);
    edit(&mut observation, 0, |h| {
        h.servers[0].others = others.into_iter().map(|(offer, shows)| OtherLook { offer, at: NOW, shows }).collect();
    });
    observation
}

fn session(certificate: &CertificateBytes) -> Shows {
    Shows::Other(Box::new(tls(vec![certificate.clone()])))
}

fn refused(kind: &str) -> Shows {
    let error = TlsFailure { kind: kind.to_owned(), alert: None, detail: String::new() };
    Shows::Other(Box::new(TlsObservation { error: Some(error), ..TlsObservation::new("rustls") }))
}

#[test]
fn a_second_certificate_that_no_record_fits_is_named_with_its_record() {
    // R-090 rfc7671#8
    let (first, second) = (identity(HOST), identity(HOST));
    let judged = verdict(&showing(&first.record(), &first, vec![(ClientOffer::Rsa, session(&second.certificate))]));
    let finding = find(&judged, Cause::CertificateUncovered);
    assert_eq!((judged.standing, finding.weight), (Standing::Protected, Weight::Warning));
    assert!(finding.sentence.contains("takes RSA keys only does not fit"), "{}", finding.sentence);
    assert!(lines(finding).iter().any(|line| line.ends_with(&second.record())), "{:?}", lines(finding));
    // The same with both records is fine.
    let mut both = showing(&first.record(), &first, vec![(ClientOffer::Rsa, session(&second.certificate))]);
    edit(&mut both, 0, |h| h.tlsa[0] = tlsa(HOST, &[&first.record(), &second.record()]));
    assert!(verdict(&both).findings.iter().all(|f| f.cause != Cause::CertificateUncovered));
    // If only the second fits, most senders fail, and it is said which one fits.
    let judged = verdict(&showing(&second.record(), &first, vec![(ClientOffer::Ecdsa, session(&second.certificate))]));
    assert_eq!(judged.standing, Standing::Broken);
    assert!(find(&judged, Cause::CertificateUncovered).sentence.contains("on elliptic curves only fits"));
}

#[test]
fn what_was_not_seen_or_is_the_same_says_nothing() {
    let shown = identity(HOST);
    for shows in [Shows::Same, Shows::NotSeen { dialogue: Vec::new() }, refused("alert"), refused("reset")] {
        let judged = verdict(&showing(&shown.record(), &shown, vec![(ClientOffer::Rsa, shows)]));
        assert_eq!((judged.standing, judged.findings.len()), (Standing::Protected, 0), "{:?}", judged.findings);
    }
}

#[test]
fn servers_that_need_a_name_or_break_on_it() {
    // R-103 rfc7672#8.1
    let (shown, other) = (identity(HOST), identity("default.example"));
    for shows in [refused("alert"), session(&other.certificate)] {
        let judged = verdict(&showing(&shown.record(), &shown, vec![(ClientOffer::NoName, shows)]));
        assert_eq!((judged.standing, find(&judged, Cause::SniRequired).weight), (Standing::Protected, Weight::Info));
    }
    // A connection that broke is no answer.
    let judged = verdict(&showing(&shown.record(), &shown, vec![(ClientOffer::NoName, refused("reset"))]));
    assert!(judged.findings.is_empty(), "{:?}", judged.findings);
    let mut breaks = showing(&shown.record(), &shown, vec![(ClientOffer::NoName, session(&other.certificate))]);
    edit(&mut breaks, 0, |h| {
        let tls = h.servers[0].tls.as_mut().unwrap();
        tls.chain.clear();
        tls.error = Some(TlsFailure { kind: "alert".into(), alert: Some("unrecognized_name".into()), detail: String::new() });
    });
    let judged = verdict(&breaks);
    assert_eq!(judged.standing, Standing::Broken);
    find(&judged, Cause::SniBreaks);
}

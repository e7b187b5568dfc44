//! Policies besides DANE: MTA-STS, TLS reporting, CAA. What DANE senders do is as without them.

use super::{Draft, GOOD, SELF_SIGNED, WRONG, healthy};
use crate::recipe::{Certificate, Https, Names, Policies, Sts, StsMode, StsMx, Validity};
use crate::{Scenario, Section};
use dane::cause::Cause;
use dane::verdict::Standing;

const RECORD: &str = "v=STSv1; id=20261128;";
const REPORTS: &str = "v=TLSRPTv1; rua=mailto:tls-reports@example.net";

pub fn scenarios() -> Vec<Scenario> {
    let mut all = modes();
    all.extend(unavailable());
    all.extend(untrusted());
    all.extend(against_dane());
    all.extend(others());
    all
}

/// A policy with nothing wrong.
fn enforce() -> Sts {
    Sts { records: vec![RECORD], mode: StsMode::Enforce, mx: StsMx::Hosts, https: Https::Normal, certificate: GOOD }
}

fn with(scenario: Scenario, sts: Sts) -> Scenario {
    let policies = Policies { sts: Some(sts), tlsrpt: vec![REPORTS], caa: vec![] };
    scenario.edit(|r| r.policies = Some(policies)).rests(&["R-081"])
}

fn modes() -> Vec<Scenario> {
    let case = |id, title, text, sts| with(healthy(Section::C, id, title, text), sts);
    vec![
        case(
            "sts-enforce",
            "MTA-STS enforced",
            "DANE and an MTA-STS policy that covers the host, and a record that asks for reports: all of it right.",
            enforce(),
        )
        .works(&[]),
        case("sts-testing", "MTA-STS in testing", "The policy only wants to be reported on.", Sts { mode: StsMode::Testing, ..enforce() })
            .works(&[Cause::StsNotEnforced]),
        case(
            "sts-none",
            "MTA-STS given up",
            "The policy has mode none: how MTA-STS is taken back.",
            Sts { mode: StsMode::None, ..enforce() },
        )
        .works(&[Cause::StsNotEnforced]),
        case(
            "sts-mx-mismatch",
            "MTA-STS does not cover the host",
            "The enforced policy names the hosts of a former provider. Senders that know MTA-STS and no DANE do not deliver.",
            Sts { mx: StsMx::Other, ..enforce() },
        )
        .works(&[Cause::StsMxMismatch]),
        case(
            "sts-mx-mismatch-testing",
            "The same in testing",
            "The policy names the hosts of a former provider, and only wants to be reported on.",
            Sts { mx: StsMx::Other, mode: StsMode::Testing, ..enforce() },
        )
        .works(&[Cause::StsMxMismatch, Cause::StsNotEnforced]),
        case(
            "sts-record-invalid",
            "MTA-STS record without a good id",
            "A date with hyphens is no id, so the record is none, and no policy is fetched.",
            Sts { records: vec!["v=STSv1; id=2026-11-28;"], ..enforce() },
        )
        .works(&[Cause::StsRecordInvalid]),
        case(
            "sts-record-twice",
            "Two MTA-STS records",
            "The old record was left beside the new one: senders take neither.",
            Sts { records: vec![RECORD, "v=STSv1; id=20250101;"], ..enforce() },
        )
        .works(&[Cause::StsRecordInvalid]),
    ]
}

fn unavailable() -> Vec<Scenario> {
    let case = |id, title, text, sts, cause| with(healthy(Section::C, id, title, text), sts).works(&[cause]).rests(&["R-081"]);
    let https = |https| Sts { https, ..enforce() };
    let gone = Cause::StsPolicyUnavailable;
    vec![
        case(
            "sts-policy-404",
            "MTA-STS policy not found",
            "The record announces a policy, and the policy host knows no such page.",
            https(Https::NotFound),
            gone,
        ),
        case(
            "sts-policy-redirect",
            "MTA-STS policy elsewhere",
            "The policy host redirects to the policy, which senders must not follow.",
            https(Https::Redirect),
            gone,
        ),
        case(
            "sts-policy-html",
            "MTA-STS policy as HTML",
            "The policy is right, and served as text/html.",
            https(Https::Html),
            Cause::StsPolicyInvalid,
        ),
        case(
            "sts-policy-syntax",
            "MTA-STS policy without max_age",
            "A required field is missing, so there is no policy.",
            https(Https::Malformed),
            Cause::StsPolicyInvalid,
        ),
        case(
            "sts-policy-refused",
            "Policy host refuses connections",
            "Nothing listens at port 443 of the policy host: from one place that says nothing about the policy.",
            https(Https::Refused),
            Cause::StsNotReached,
        ),
    ]
}

fn untrusted() -> Vec<Scenario> {
    let case = |id, title, text, certificate| {
        with(healthy(Section::C, id, title, text), Sts { certificate, ..enforce() }).works(&[Cause::StsPolicyUnavailable]).rests(&["R-081"])
    };
    vec![
        case(
            "sts-policy-wrong-name",
            "Policy host with another's certificate",
            "The web server answers for the policy host with the certificate of another site.",
            Certificate { names: Names::Other, ..GOOD },
        ),
        case(
            "sts-policy-expired",
            "Policy host with an expired certificate",
            "Nobody renewed the certificate of the policy host.",
            Certificate { validity: Validity::Expired, ..GOOD },
        ),
        case(
            "sts-policy-self-signed",
            "Policy host with a certificate of its own",
            "What DANE is content with, MTA-STS is not.",
            SELF_SIGNED,
        ),
    ]
}

fn against_dane() -> Vec<Scenario> {
    vec![
        with(healthy(Section::B, "sts-conflict", "MTA-STS passes, DANE fails", "The policy is enforced and fulfilled, the TLSA record is for another key. Senders that do both must not let MTA-STS override DANE: they do not deliver."), enforce())
            .tlsa(&[WRONG])
            .fails(&[Cause::UnknownMismatch, Cause::StsConflict])
            .rests(&["R-080"]),
        with(healthy(Section::B, "sts-mx-untrusted", "DANE passes, MTA-STS fails", "The host's certificate is signed by its own key. DANE is content with it; senders that know MTA-STS and no DANE do not deliver."), enforce())
            .presents(SELF_SIGNED)
            .works(&[Cause::StsMxUntrusted]),
        with(healthy(Section::C, "sts-without-dane", "MTA-STS and no DANE", "An enforced policy, fulfilled, and no TLSA records."), enforce())
            .tlsa(&[])
            .unprotected(&[Cause::NoTlsa]),
    ]
}

fn others() -> Vec<Scenario> {
    let tlsrpt = |id, title, text, records: &[&'static str]| {
        let policies = Policies { tlsrpt: records.to_vec(), ..Policies::default() };
        healthy(Section::C, id, title, text).edit(|r| r.policies = Some(policies)).rests(&["R-082"])
    };
    let caa = Policies { caa: vec![";"], tlsrpt: vec![REPORTS], ..Policies::default() };
    vec![
        tlsrpt(
            "tlsrpt",
            "Reports wanted",
            "DANE, and a record that asks senders for reports by mail and HTTPS.",
            &["v=TLSRPTv1; rua=mailto:a@example.net,https://example.net/tls"],
        ),
        tlsrpt(
            "tlsrpt-twice",
            "Two TLS reporting records",
            "With more than one record senders report nothing.",
            &[REPORTS, "v=TLSRPTv1; rua=mailto:b@example.net"],
        )
        .finds(Standing::Protected, &[Cause::TlsrptInvalid]),
        tlsrpt(
            "tlsrpt-invalid",
            "TLS reporting record without an address",
            "A mailbox without mailto: is no URI.",
            &["v=TLSRPTv1; rua=tls-reports@example.net"],
        )
        .finds(Standing::Protected, &[Cause::TlsrptInvalid]),
        healthy(
            Section::C,
            "caa-excludes",
            "CAA forbids the next certificate",
            "The certificate is by a public CA, and the CAA records let nobody issue any more: it cannot be renewed.",
        )
        .edit(|r| r.policies = Some(caa))
        .works(&[Cause::CaaExcludes])
        .rests(&["R-140"]),
    ]
}

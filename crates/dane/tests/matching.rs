//! one by one, on chains made here. `tests/openssl` compares many more with OpenSSL.

mod common;

use common::{HOST, Made, NOW, Usual, assert_error, assert_match, assert_unusable, ca_params, params, verify_at, verify_chain};
use dane::association::Associations;
use dane::cert::Certificate;
use dane::matching::{CommonName, EeNames, ErrorCode, MatchVerdict, RecordStatus, VerifyOptions, verify, verify_raw_key};
use dane::observation::CertificateBytes;
use dane::tlsa::{Mode, Tlsa};
use rcgen::{BasicConstraints, CustomExtension, IsCa, KeyPair, date_time_ymd};

fn tlsa(usage: u8, selector: u8, matching: u8, octets: usize) -> Tlsa {
    Tlsa { usage, selector, matching, data: vec![7; octets] }
}

#[test]
fn undefined_values_are_unusable() {
    let usual = Usual::new();
    // R-039 rfc6698#4.1, R-040 rfc6698#2.1
    assert_unusable(&usual.verify(&[Tlsa { usage: 4, ..usual.leaf.record(3, 1, 1) }]), "undefined-usage");
    assert_unusable(&usual.verify(&[Tlsa { usage: 255, ..usual.leaf.record(3, 1, 1) }]), "undefined-usage");
    assert_unusable(&usual.verify(&[Tlsa { selector: 2, ..usual.leaf.record(3, 1, 1) }]), "undefined-selector");
    assert_unusable(&usual.verify(&[Tlsa { matching: 3, ..usual.leaf.record(3, 1, 1) }]), "undefined-matching-type");
    // the record is unusable, the set is not.
    assert_match(&usual.verify(&[tlsa(4, 1, 1, 32), usual.leaf.record(3, 1, 1)]), 3, 0);
}

#[test]
fn data_of_a_wrong_length_is_unusable() {
    let usual = Usual::new();
    // R-041 rfc7671#9: never a prefix match.
    for octets in [0, 1, 31, 33, 64] {
        let mut record = usual.leaf.record(3, 1, 1);
        record.data.resize(octets, 0);
        assert_unusable(&usual.verify(&[record]), if octets == 0 { "empty-data" } else { "digest-length" });
    }
    assert_unusable(&usual.verify(&[tlsa(3, 1, 2, 32)]), "digest-length");
    assert_unusable(&usual.verify(&[Tlsa::from_rdata(&[3, 1, 1])]), "empty-data");
    for rdata in [&[][..], &[3], &[3, 1]] {
        assert_eq!(usual.verify(&[Tlsa::from_rdata(rdata)]).verdict, MatchVerdict::Unusable);
    }
}

#[test]
fn full_data_is_exactly_one_certificate_or_key() {
    let usual = Usual::new();
    let with = |selector, data: Vec<u8>| Tlsa { usage: 3, selector, matching: 0, data };
    // R-042 rfc6698#2.1.3
    assert_match(&usual.verify(&[usual.leaf.record(3, 0, 0)]), 3, 0);
    assert_match(&usual.verify(&[usual.leaf.record(3, 1, 0)]), 3, 0);
    assert_unusable(&usual.verify(&[with(0, [usual.leaf.der.as_slice(), &[0]].concat())]), "not-a-certificate");
    assert_unusable(&usual.verify(&[with(1, [usual.leaf.spki.as_slice(), &[0]].concat())]), "not-a-public-key");
    assert_unusable(&usual.verify(&[with(0, usual.leaf.spki.clone())]), "not-a-certificate");
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    assert_unusable(&usual.verify(&[with(0, pem)]), "pem-in-full");
    // Text that looks like PEM makes no certificate PEM.
    let boastful = Made::new(params("-----BEGIN CERTIFICATE-----", &[HOST]), None);
    assert_match(&verify_chain(&[&boastful], &[boastful.record(3, 0, 0)]), 3, 0);
}

#[test]
fn pkix_usages_are_unusable_for_smtp() {
    let usual = Usual::new();
    // R-043 rfc7672#3.1.3
    assert_unusable(&usual.verify(&[usual.leaf.record(1, 1, 1)]), "pkix-usage");
    assert_unusable(&usual.verify(&[usual.issuer.record(0, 1, 1)]), "pkix-usage");
    // R-044 rfc7672#3.1.3: the right PKIX-EE record does not rescue the wrong DANE-EE record.
    assert_error(&usual.verify(&[usual.leaf.record(1, 1, 1), usual.stranger.record(3, 1, 1)]), ErrorCode::NoMatch);
    let generic = VerifyOptions { mode: Mode::Generic, roots: vec![usual.root.bytes()], ..VerifyOptions::default() };
    let (chain, name) = ([usual.leaf.bytes(), usual.issuer.bytes()], [dane::name::parse_domain(HOST).unwrap()]);
    assert_match(&verify(&chain, &[usual.leaf.record(1, 1, 1)], &name, NOW, &generic), 1, 0);
    assert_match(&verify(&chain, &[usual.root.record(0, 0, 1)], &name, NOW, &generic), 0, 2);
    let untrusting = VerifyOptions { mode: Mode::Generic, ..VerifyOptions::default() };
    assert_error(&verify(&chain, &[usual.leaf.record(1, 1, 1)], &name, NOW, &untrusting), ErrorCode::UntrustedRoot);
}

#[test]
fn records_are_alternatives() {
    let usual = Usual::new();
    let (good, bad) = (usual.leaf.record(3, 1, 1), usual.stranger.record(3, 1, 1));
    // R-048 rfc7671#8: one is enough, in any order.
    assert_match(&usual.verify(&[bad.clone(), good.clone()]), 3, 0);
    let verification = usual.verify(&[good, bad.clone()]);
    assert_match(&verification, 3, 0);
    assert_eq!(verification.records.iter().map(|r| r.status).collect::<Vec<_>>(), [RecordStatus::Matched, RecordStatus::Unmatched]);
    // R-045 rfc7672#2.2: an unusable record beside one that does not match is a failure, not "unusable".
    assert_error(&usual.verify(&[tlsa(3, 2, 1, 32), bad]), ErrorCode::NoMatch);
    // R-065 rfc7671#5.1: a leaf match wins, and needs no name.
    let both = [usual.issuer.record(2, 1, 1), usual.leaf.record(3, 1, 1)];
    assert_match(&usual.verify(&both), 3, 0);
    assert_match(&verify_at(&[&usual.leaf, &usual.issuer], &both, &["other.example"], NOW), 3, 0);
    assert_match(&usual.verify(&[usual.issuer.record(2, 1, 1), usual.stranger.record(3, 1, 1)]), 2, 1);
}

#[test]
fn selectors_and_matching_types() {
    let usual = Usual::new();
    // R-049 rfc6698#2.1.2, R-050 rfc6698#2.1.3
    for selector in 0..2 {
        for matching in 0..3 {
            assert_match(&usual.verify(&[usual.leaf.record(3, selector, matching)]), 3, 0);
            assert_match(&usual.verify(&[usual.issuer.record(2, selector, matching)]), 2, 1);
            assert_error(&usual.verify(&[usual.stranger.record(3, selector, matching)]), ErrorCode::NoMatch);
        }
    }
    // one octet more, received, is another certificate, and still the same key.
    let padded = Certificate::parse(&[usual.leaf.der.as_slice(), &[0]].concat()).unwrap();
    assert!(!Associations::of(&padded).equals(&usual.leaf.record(3, 0, 1)));
    assert!(Associations::of(&padded).equals(&usual.leaf.record(3, 1, 1)));
}

#[test]
fn usage_3_is_the_leaf_and_nothing_else() {
    let usual = Usual::new();
    // R-051 rfc7671#5.1
    assert_error(&usual.verify(&[usual.issuer.record(3, 1, 1)]), ErrorCode::NoMatch);
    // R-052 rfc7671#5.1: names, dates, issuers and extensions do not matter.
    let mut odd = params("", &[]);
    odd.distinguished_name = rcgen::DistinguishedName::new();
    (odd.not_before, odd.not_after) = (date_time_ymd(2015, 12, 14), date_time_ymd(2015, 12, 13));
    let mut critical = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
    critical.set_criticality(true);
    odd.custom_extensions.push(critical);
    let odd = Made::new(odd, Some(&usual.stranger));
    assert_match(&verify_at(&[&odd], &[odd.record(3, 1, 1)], &["other.example"], NOW), 3, 0);
    // The knob for those who want more than RFC 7672.
    let strict = VerifyOptions { ee_names: EeNames::Check, ..VerifyOptions::default() };
    let name = [dane::name::parse_domain("other.example").unwrap()];
    assert_error(&verify(&[odd.bytes()], &[odd.record(3, 1, 1)], &name, NOW, &strict), ErrorCode::NameMismatch);
}

#[test]
fn raw_public_keys() {
    let usual = Usual::new();
    let options = VerifyOptions::default();
    // R-053 rfc7671#5.1
    assert_match(&verify_raw_key(&usual.leaf.spki, &[usual.leaf.record(3, 1, 1)], &options), 3, 0);
    assert_match(&verify_raw_key(&usual.leaf.spki, &[usual.leaf.record(3, 1, 0)], &options), 3, 0);
    for record in [usual.leaf.record(3, 0, 1), usual.leaf.record(2, 1, 1), usual.stranger.record(3, 1, 1)] {
        assert_error(&verify_raw_key(&usual.leaf.spki, &[record], &options), ErrorCode::NoMatch);
    }
}

#[test]
fn usage_2_never_names_the_leaf() {
    let own = Made::ca(HOST, None);
    // R-054 rfc7671#5.2
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2)] {
        assert_error(&verify_chain(&[&own], &[own.record(2, selector, matching)]), ErrorCode::LeafAsTa);
        assert_error(&verify_chain(&[&own, &own], &[own.record(2, selector, matching)]), ErrorCode::LeafAsTa);
    }
}

#[test]
fn bare_keys_and_full_certificates_from_the_dns() {
    let usual = Usual::new();
    // R-055 rfc7671#5.2.3: the key signed the topmost certificate; its certificate is not sent.
    assert_match(&verify_chain(&[&usual.leaf, &usual.issuer], &[usual.root.record(2, 1, 0)]), 2, 1);
    assert_match(&verify_chain(&[&usual.leaf], &[usual.issuer.record(2, 1, 0)]), 2, 0);
    assert_error(&verify_chain(&[&usual.leaf], &[usual.root.record(2, 1, 0)]), ErrorCode::NoMatch);
    let own = Made::new(params(HOST, &[HOST]), None);
    assert_match(&verify_chain(&[&own], &[own.record(2, 1, 0)]), 2, 0);
    assert_error(&verify_at(&[&own], &[own.record(2, 1, 0)], &["other.example"], NOW), ErrorCode::NameMismatch);
    // R-056 rfc7671#5.2.3: whoever judges can tell that no certificate with the key was sent.
    assert_eq!(verify_chain(&[&usual.leaf], &[usual.issuer.record(2, 1, 0)]).records[0].reason, "bare-key");
    assert_eq!(usual.verify(&[usual.issuer.record(2, 1, 0)]).records[0].reason, "issuer");
    // R-057 rfc7671#5.2.2
    assert_match(&verify_chain(&[&usual.leaf, &usual.issuer], &[usual.root.record(2, 0, 0)]), 2, 2);
    assert_match(&verify_chain(&[&usual.leaf], &[usual.issuer.record(2, 0, 0)]), 2, 1);
    assert_error(&verify_chain(&[&usual.leaf], &[usual.stranger.record(2, 0, 0)]), ErrorCode::NoMatch);
    // R-058 rfc7671#5.2.2: a digest alone brings nothing along, and no root store helps.
    for (selector, matching) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
        let record = [usual.root.record(2, selector, matching)];
        assert_error(&verify_chain(&[&usual.leaf, &usual.issuer], &record), ErrorCode::TaNotSent);
        let with_roots = VerifyOptions { roots: vec![usual.root.bytes()], mode: Mode::Generic, ..VerifyOptions::default() };
        let name = [dane::name::parse_domain(HOST).unwrap()];
        let verification = verify(&[usual.leaf.bytes(), usual.issuer.bytes()], &record, &name, NOW, &with_roots);
        assert_error(&verification, ErrorCode::TaNotSent);
    }
}

#[test]
fn a_path_has_to_be_a_path() {
    let usual = Usual::new();
    // R-059 rfc7671#5.2: a certificate with the right hash that issued nothing.
    assert_error(&verify_chain(&[&usual.leaf, &usual.stranger], &[usual.stranger.record(2, 0, 1)]), ErrorCode::PathBroken);
    let namesake = Made::ca("Issuer", Some(&usual.root));
    assert_error(&verify_chain(&[&usual.leaf, &namesake], &[namesake.record(2, 0, 1)]), ErrorCode::PathBroken);
    let server = Made::new(params("Server", &[HOST]), Some(&usual.root));
    let below = Made::leaf(&server);
    assert_error(&verify_chain(&[&below, &server, &usual.root], &[usual.root.record(2, 0, 1)]), ErrorCode::PathBroken);
    // R-060 rfc6698#2.1.1: trust begins at the matched certificate, whatever is above it.
    assert_match(&verify_chain(&[&usual.leaf, &usual.issuer], &[usual.issuer.record(2, 0, 1)]), 2, 1);
    // R-064 rfc7671#5.2.1: the anchor's own constraints count.
    let mut narrow = ca_params("Narrow");
    narrow.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let narrow = Made::new(narrow, None);
    let middle = Made::ca("Middle", Some(&narrow));
    let leaf = Made::leaf(&middle);
    assert_error(&verify_chain(&[&leaf, &middle, &narrow], &[narrow.record(2, 0, 1)]), ErrorCode::PathBroken);
    assert_match(&verify_chain(&[&leaf, &middle, &narrow], &[middle.record(2, 0, 1)]), 2, 1);
}

#[test]
fn dates_on_a_path() {
    let root = Made::ca("Root", None);
    let mut old = params(HOST, &[HOST]);
    old.not_after = date_time_ymd(2021, 1, 1);
    let leaf = Made::new(old, Some(&root));
    let records = [root.record(2, 0, 1)];
    // R-061 rfc5280#6.1.3; the last second of validity is 1609459200.
    assert_error(&verify_at(&[&leaf, &root], &records, &[HOST], 1_609_459_201), ErrorCode::Expired);
    assert_match(&verify_at(&[&leaf, &root], &records, &[HOST], 1_609_459_200), 2, 1);
    assert_error(&verify_at(&[&leaf, &root], &records, &[HOST], 1_577_836_799), ErrorCode::NotYetValid);
    let mut old_root = ca_params("Old");
    old_root.not_after = date_time_ymd(2021, 1, 1);
    let old_root = Made::new(old_root, None);
    let leaf = Made::leaf(&old_root);
    assert_error(&verify_chain(&[&leaf, &old_root], &[old_root.record(2, 0, 1)]), ErrorCode::Expired);
    // A bare key has no dates.
    assert_match(&verify_chain(&[&leaf], &[old_root.record(2, 1, 0)]), 2, 0);
}

#[test]
fn any_order_and_any_path() {
    let usual = Usual::new();
    let Usual { root, issuer, leaf, stranger } = &usual;
    // R-062 rfc8446#4.4.2
    assert_match(&verify_chain(&[leaf, root, stranger, issuer, issuer, leaf], &[root.record(2, 0, 1)]), 2, 2);
    // R-063 rfc7671#5.2: an issuer of the same name and key, signed by two.
    let other = Made::ca("Other", None);
    let again = KeyPair::try_from(issuer.key.serialize_der()).unwrap();
    let crossed = Made::with_key(ca_params("Issuer"), again, Some(&other));
    for chain in [[leaf, issuer, &crossed, root, &other], [leaf, &crossed, issuer, &other, root]] {
        for anchor in [root, &other] {
            assert_match(&verify_chain(&chain, &[anchor.record(2, 0, 1)]), 2, 2);
        }
        assert_match(&verify_chain(&chain, &[crossed.record(2, 0, 1)]), 2, 1);
    }
}

#[test]
fn a_match_that_needs_a_second_path_is_told() {
    // R-063 rfc7671#5.2: openssl s_client refuses these orders and takes the right one. (`tests/openssl`, cross_signs)
    let Usual { root, issuer, leaf, .. } = &Usual::new();
    let other = Made::ca("Other", None);
    let again = KeyPair::try_from(issuer.key.serialize_der()).unwrap();
    let crossed = Made::with_key(ca_params("Issuer"), again, Some(&other));
    let wrong = [leaf, &crossed, issuer, root];
    let verification = verify_chain(&wrong, &[root.record(2, 0, 1)]);
    assert_match(&verification, 2, 2);
    let detour = verification.detour.unwrap();
    assert_eq!(detour.right, [0, 2, 3]);
    assert!(detour.detail.contains("number 2 of the chain") && detour.detail.contains("number 3 of the chain"), "{}", detour.detail);
    // The repair: what is told to come first does.
    let mut mended: Vec<&Made> = detour.right.iter().map(|i| wrong[*i]).collect();
    assert_eq!(verify_chain(&mended, &[root.record(2, 0, 1)]).detour, None);
    mended.push(&crossed);
    assert_eq!(verify_chain(&mended, &[root.record(2, 0, 1)]).detour, None);
    // Usage 3 beside it needs no path.
    assert_eq!(verify_chain(&wrong, &[root.record(2, 0, 1), leaf.record(3, 1, 1)]).detour, None);
}

#[test]
fn a_broken_path_names_the_constraint_and_the_certificate() {
    // R-059 rfc7671#5.2: which of the checks of RFC 5280 fails; a certificate without a subject is told by place and digest.
    let root = Made::ca("Root", None);
    let issuer = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = ca_params("Issuer");
        change(&mut params);
        Made::new(params, Some(&root))
    };
    for (issuer, told) in [
        (issuer(|p| p.is_ca = IsCa::ExplicitNoCa), "'CN=Issuer' is not an issuer (basicConstraints says CA:FALSE)"),
        (issuer(|p| p.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign]), "keyUsage without keyCertSign"),
        (
            issuer(|p| p.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth]),
            "'CN=Issuer' is not for TLS servers (extendedKeyUsage)",
        ),
    ] {
        let leaf = Made::leaf(&issuer);
        let verification = verify_chain(&[&leaf, &issuer, &root], &[root.record(2, 0, 1)]);
        assert_error(&verification, ErrorCode::PathBroken);
        let detail = verification.error.unwrap().detail;
        assert!(detail.contains(told) && !detail.contains("did not issue"), "{detail}");
    }
    let issuer = Made::ca("Issuer", Some(&root));
    let mut nameless = params("", &[HOST]);
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    nameless.not_after = date_time_ymd(2025, 1, 1);
    let leaf = Made::new(nameless, Some(&issuer));
    let verification = verify_chain(&[&leaf, &issuer, &root], &[root.record(2, 0, 1)]);
    let digest = data_encoding::HEXLOWER.encode(&leaf.record(2, 0, 1).data);
    let called = format!("certificate 1 (no subject, SHA-256 {}…) expired", &digest[..16]);
    assert!(verification.error.as_ref().unwrap().detail.starts_with(&called), "{verification:?}");
}

#[test]
fn a_common_name_that_does_not_count_is_not_called_another_name() {
    // R-071 rfc7672#3.2.3
    let Usual { root, issuer, .. } = &Usual::new();
    let leaf = Made::new(params(HOST, &[]), Some(issuer));
    let names = [dane::name::parse_domain(HOST).unwrap()];
    let chain = [leaf.bytes(), issuer.bytes(), root.bytes()];
    let never = VerifyOptions { common_name: CommonName::Never, ..VerifyOptions::default() };
    let verification = verify(&chain, &[root.record(2, 0, 1)], &names, NOW, &never);
    assert_error(&verification, ErrorCode::NameMismatch);
    let detail = verification.error.unwrap().detail;
    assert!(detail.contains("only in the common name") && !detail.contains("other names"), "{detail}");
}

#[test]
fn hostile_chains_are_bounded() {
    // issuers of one name that sign each other in every way give a number of paths beyond all bounds.
    let keys: Vec<Made> = (0..12).map(|_| Made::ca("Everybody", None)).collect();
    let mut chain = vec![Made::leaf(&keys[0])];
    for subject in &keys {
        for signer in keys.iter().take(8) {
            let key = KeyPair::try_from(subject.key.serialize_der()).unwrap();
            let mut params = ca_params("Everybody");
            params.distinguished_name.push(rcgen::DnType::OrganizationName, "Everybody");
            chain.push(Made::with_key(ca_params("Everybody"), key, Some(signer)));
        }
    }
    let stranger = Made::ca("Stranger", None);
    let chain: Vec<&Made> = chain.iter().chain([&stranger]).collect();
    let started = std::time::Instant::now();
    assert_error(&verify_chain(&chain, &[stranger.record(2, 0, 1)]), ErrorCode::Budget);
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    assert_match(&verify_chain(&chain, &[keys[0].record(2, 1, 1)]), 2, 1);
}

#[test]
fn certificates_beyond_the_limit_are_not_held_against_the_server() {
    // the issuer may be among those that were not looked at.
    let usual = Usual::new();
    let (other, rest) = (Made::ca("Other", None), Made::ca("Other", None));
    let mut chain = vec![usual.leaf.bytes()];
    let padding = |n: u8| dane::observation::CertificateBytes([other.der.as_slice(), &[n]].concat().into());
    chain.extend((0..70).map(padding));
    chain.push(usual.issuer.bytes());
    let name = [dane::name::parse_domain(HOST).unwrap()];
    let ask = |records: &[Tlsa]| verify(&chain, records, &name, NOW, &VerifyOptions::default());
    assert_error(&ask(&[usual.issuer.record(2, 0, 1)]), ErrorCode::Budget);
    assert!(ask(&[usual.issuer.record(2, 0, 1)]).is_undecided());
    // Usage 3 looks at the leaf only.
    assert_match(&ask(&[usual.leaf.record(3, 1, 1)]), 3, 0);
    assert_error(&ask(&[rest.record(3, 1, 1)]), ErrorCode::NoMatch);
}

#[test]
fn names_of_a_path() {
    let usual = Usual::new();
    let record = [usual.issuer.record(2, 1, 1)];
    let ask = |leaf: &Made, names: &[&str]| verify_at(&[leaf, &usual.issuer], &record, names, NOW);
    // R-068 rfc7672#3.2.2
    assert_match(&ask(&usual.leaf, &[HOST]), 2, 1);
    assert_error(&ask(&usual.leaf, &["other.example.com"]), ErrorCode::NameMismatch);
    assert_error(&ask(&usual.leaf, &[]), ErrorCode::NameMismatch);
    // rfc7672#3.2.2: any of several reference identifiers.
    assert_match(&ask(&usual.leaf, &["example.net", HOST]), 2, 1);
    // case does not matter.
    assert_match(&ask(&usual.leaf, &["MX.Example.COM"]), 2, 1);
    // R-071 rfc7672#3.2.3: a common name counts only where there is no DNS name.
    let in_cn = Made::new(params(HOST, &[]), Some(&usual.issuer));
    assert_match(&ask(&in_cn, &[HOST]), 2, 1);
    let elsewhere = Made::new(params(HOST, &["other.example.com"]), Some(&usual.issuer));
    assert_error(&ask(&elsewhere, &[HOST]), ErrorCode::NameMismatch);
    let never = VerifyOptions { common_name: CommonName::Never, ..VerifyOptions::default() };
    let name = [dane::name::parse_domain(HOST).unwrap()];
    assert_error(&verify(&[in_cn.bytes(), usual.issuer.bytes()], &record, &name, NOW, &never), ErrorCode::NameMismatch);
    // R-072 rfc7672#3.2.3
    let wildcard = Made::new(params("Wildcard", &["*.example.com"]), Some(&usual.issuer));
    assert_match(&ask(&wildcard, &[HOST]), 2, 1);
    assert_error(&ask(&wildcard, &["a.mx.example.com"]), ErrorCode::NameMismatch);
    assert_error(&ask(&wildcard, &["example.com"]), ErrorCode::NameMismatch);
    // R-073 rfc7672#8.2: no certificate, no match.
    assert_error(&verify_at(&[], &record, &[HOST], NOW), ErrorCode::NoCertificate);
}

#[test]
fn digest_agility() {
    let usual = Usual::new();
    let (leaf, issuer, no) = (&usual.leaf, &usual.issuer, &usual.stranger);
    // rfc7671#9
    let hidden = usual.verify(&[leaf.record(3, 1, 1), no.record(3, 1, 2)]);
    assert_error(&hidden, ErrorCode::HiddenByAgility);
    assert_eq!(hidden.records[0].status, RecordStatus::SkippedAgility);
    assert_match(&usual.verify(&[no.record(3, 1, 1), leaf.record(3, 1, 2)]), 3, 0);
    // R-076 rfc7671#9: for each usage and selector apart.
    assert_match(&usual.verify(&[leaf.record(3, 1, 1), no.record(3, 0, 2)]), 3, 0);
    assert_match(&usual.verify(&[issuer.record(2, 1, 1), no.record(3, 1, 2)]), 2, 1);
    // R-077 rfc7671#9: Full(0) neither hides nor is hidden.
    assert_match(&usual.verify(&[leaf.record(3, 1, 0), no.record(3, 1, 2)]), 3, 0);
    assert_match(&usual.verify(&[leaf.record(3, 1, 1), no.record(3, 1, 0)]), 3, 0);
    // R-078 rfc7671#9: a malformed record hides nothing.
    assert_match(&usual.verify(&[leaf.record(3, 1, 1), tlsa(3, 1, 2, 63)]), 3, 0);
    // R-079 rfc7671#9: the order is the client's.
    let reversed = VerifyOptions { digest_order: vec![1, 2], ..VerifyOptions::default() };
    let set = [leaf.record(3, 1, 1), no.record(3, 1, 2)];
    assert_match(&verify(&[leaf.bytes()], &set, &[], NOW, &reversed), 3, 0);
}

#[test]
fn text_form() {
    // R-046 rfc7218#2
    let hex = "ab".repeat(32);
    for text in [format!("3 1 1 {hex}"), format!("DANE-EE SPKI SHA2-256 {hex}"), format!("dane-ee spki sha2-256 {}", hex.to_uppercase())] {
        assert_eq!(text.parse::<Tlsa>().unwrap().to_string(), format!("3 1 1 {hex}"));
    }
    assert_eq!("PKIX-TA Cert Full 00".parse::<Tlsa>().unwrap().to_rdata(), [0, 0, 0, 0]);
    assert_eq!("PrivCert PrivSel PrivMatch 00".parse::<Tlsa>().unwrap().to_rdata(), [255, 255, 255, 0]);
    // R-047 rfc6698#2.2, rfc3597#5
    assert_eq!("3 1 1 ( aB cD\n\tef )".parse::<Tlsa>().unwrap().to_string(), "3 1 1 abcdef");
    assert_eq!("\\# 5 0301 01 abCD".parse::<Tlsa>().unwrap().to_string(), "3 1 1 abcd");
    assert_eq!("3 1 1 abcd".parse::<Tlsa>().unwrap().to_rfc3597(), "\\# 5 030101abcd");
    assert_eq!("\\# 2 0301".parse::<Tlsa>().unwrap().data, []);
    for (bad, what) in [
        ("", "not enough fields"),
        ("3 1", "not enough fields"),
        ("3 1 1 abc", "needs two for each octet"),
        ("3 1 1 xy", "'x' is not a hexadecimal digit"),
        ("256 1 1 ab", "certificate usage '256'"),
        ("3 -1 1 ab", "selector '-1'"),
        ("3 1 SHA3 ab", "matching type 'SHA3'"),
        ("\\# 4 030101", "3 follow"),
        ("\\# x 030101", "3 follow"),
        ("\\# 2 03010", "needs two for each octet"),
    ] {
        let error = bad.parse::<Tlsa>().unwrap_err().to_string();
        assert!(error.contains(what), "{bad}: {error}");
    }
}

/// R-059 rfc7671#5.2: what we cannot verify is not wrong. The chain is of an Ed448 authority, made with openssl.
#[test]
fn a_signature_beyond_us_decides_nothing() {
    let place = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let status = std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(place.path()).output();
        status.is_ok_and(|output| output.status.success())
    };
    let made = run("req -x509 -newkey ed448 -nodes -keyout ca.key -out ca.pem -subj /CN=CA -days 30")
        && run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=mx.example.com")
        && run("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 20 -out leaf.pem -outform DER")
        && run("x509 -in ca.pem -out ca.der -outform DER");
    assert!(made, "openssl makes the chain");
    let read = |file: &str| CertificateBytes(std::fs::read(place.path().join(file)).unwrap().into());
    let (leaf, authority) = (read("leaf.pem"), read("ca.der"));
    let digest = data_encoding::HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &authority.0).as_ref());
    let record: Tlsa = format!("2 0 1 {digest}").parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let names = ["mx.example.com".parse().unwrap()];
    let found = verify(&[leaf, authority], &[record], &names, i64::try_from(now).unwrap() + 60, &VerifyOptions::default());
    assert_eq!(found.error.as_ref().map(|e| e.code), Some(ErrorCode::UnsupportedSignature), "{found:?}");
    assert!(found.is_undecided());
}

#[test]
fn a_signature_that_we_cannot_verify_is_not_called_wrong() {
    // R-059 rfc7671#5.2: no rule of DANE is about the algorithm, so the path may be good. ecdsa-with-SHA256 becomes ecdsa-with-SHA224.
    let usual = Usual::new();
    let (sha256, sha224) = ([0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1]);
    let mut leaf = usual.leaf.der.clone();
    for at in 0..leaf.len() - sha256.len() {
        if leaf[at..].starts_with(&sha256) {
            leaf[at..at + sha224.len()].copy_from_slice(&sha224);
        }
    }
    let chain = [dane::observation::CertificateBytes(leaf.into()), usual.issuer.bytes(), usual.root.bytes()];
    let ask =
        |records: &[Tlsa], host: &str| verify(&chain, records, &[dane::name::parse_domain(host).unwrap()], NOW, &VerifyOptions::default());
    for record in [usual.issuer.record(2, 0, 1), usual.root.record(2, 1, 1), usual.root.record(2, 0, 0)] {
        assert_error(&ask(std::slice::from_ref(&record), HOST), ErrorCode::UnsupportedSignature);
        // However the signature is: what else is wrong is wrong.
        assert_error(&ask(&[record], "other.example.com"), ErrorCode::NameMismatch);
    }
    assert_error(&ask(&[usual.stranger.record(2, 1, 1)], HOST), ErrorCode::NoMatch);
}

//! Whatever bytes come: no panic, and where others read the same thing, the same thing.

mod common;

use common::{Made, NOW, params};
use dane::association::Associations;
use dane::cert::Certificate;
use dane::matching::{VerifyOptions, verify};
use dane::material::Material;
use dane::observation::CertificateBytes;
use dane::pem;
use dane::tlsa::Tlsa;
use proptest::prelude::*;
use std::sync::LazyLock;
use x509_parser::prelude::{FromDer, X509Certificate};

static CHAIN: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let root = Made::ca("Root", None);
    let leaf = Made::new(params("mx.example.com", &["mx.example.com", "*.example.com"]), Some(&root));
    vec![leaf, root]
});

/// A certificate with some octets changed, lost or added.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4u8);
    (0..2usize, prop::collection::vec(change, 0..6)).prop_map(|(which, changes)| {
        let mut der = CHAIN[which].der.clone();
        for (place, octet, what) in changes {
            let at = place.index(der.len());
            match what {
                0 => der[at] = octet,
                1 => drop(der.remove(at)),
                2 => der.insert(at, octet),
                _ => der[at] ^= 1 << (octet % 8),
            }
        }
        der
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_round_trip(usage: u8, selector: u8, matching: u8, data in prop::collection::vec(any::<u8>(), 0..80)) {
        // R-047 rfc6698#2.2
        let record = Tlsa { usage, selector, matching, data };
        prop_assert_eq!(&record.to_string().parse::<Tlsa>().unwrap(), &record);
        prop_assert_eq!(&record.to_rfc3597().parse::<Tlsa>().unwrap(), &record);
        prop_assert_eq!(&Tlsa::from_rdata(&record.to_rdata()), &record);
    }

    #[test]
    fn any_text_is_a_record_or_an_error(text in "\\PC{0,60}|[0-9 a-zA-Z#\\\\()]{0,60}") {
        if let Ok(record) = text.parse::<Tlsa>() {
            prop_assert_eq!(record.to_string().parse::<Tlsa>().unwrap(), record);
        }
    }

    #[test]
    fn any_bytes_are_a_certificate_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::parse(&bytes);
        let _ = Material::read(&bytes);
        let _ = pem::blocks(&bytes);
    }

    /// R-049 rfc6698#2.1.2: the key is cut where x509-parser cuts it, whenever both can read the certificate.
    #[test]
    fn keys_are_cut_as_others_cut_them(der in mutated()) {
        // x509-parser also reads some bytes that OpenSSL does not; `tests/openssl` asks for what we have to read.
        if let (Ok(ours), Ok((_, theirs))) = (Certificate::parse(&der), X509Certificate::from_der(&der)) {
            prop_assert_eq!(ours.spki.as_slice(), theirs.tbs_certificate.subject_pki.raw);
        }
    }

    #[test]
    fn any_chain_gets_a_verdict(leaf in mutated(), issuer in mutated(), extra in prop::collection::vec(any::<u8>(), 0..100)) {
        let chain: Vec<CertificateBytes> = [&leaf, &issuer, &extra].map(|c| CertificateBytes(c.as_slice().into())).to_vec();
        let mut records = vec![CHAIN[1].record(2, 0, 1), CHAIN[1].record(2, 1, 0), CHAIN[0].record(3, 0, 2)];
        if let Ok(certificate) = Certificate::parse(&leaf) {
            records.extend(Associations::of(&certificate).record(3, 1, 1));
        }
        let name = [dane::name::parse_domain("mx.example.com").unwrap()];
        let verification = verify(&chain, &records, &name, NOW, &VerifyOptions::default());
        prop_assert_eq!(verification.records.len(), records.len());
    }
}

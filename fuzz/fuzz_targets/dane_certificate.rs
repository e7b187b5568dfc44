//! What an operator's file may hold: certificate, key or request, PEM or DER.
#![no_main]

use dane::association::Associations;
use dane::cert::Certificate;
use dane::material::Material;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Material::read(bytes);
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert!(bytes.windows(certificate.spki.len()).any(|w| w == certificate.spki), "the key is cut, not made");
        let record = Associations::of(&certificate).record(3, 1, 0).expect("both are defined");
        assert_eq!(record.data, certificate.spki);
    }
});

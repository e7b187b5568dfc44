//! What a server may present: certificates of any shape, against records that name them. Each is preceded by two octets of length.
#![no_main]

use dane::association::Associations;
use dane::cert::Certificate;
use dane::matching::{VerifyOptions, verify};
use dane::observation::CertificateBytes;
use dane::paper;
use dane::tlsa::{Mode, Tlsa};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut chain, mut records) = (bytes, Vec::new(), Vec::<Tlsa>::new());
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (der, tail) = tail.split_at(tail.len().min(usize::from(u16::from_be_bytes(*length))));
        chain.push(CertificateBytes(der.into()));
        if let Ok(certificate) = Certificate::parse(der) {
            let forms = Associations::of(&certificate);
            records.extend((0..4).filter_map(|usage| forms.record(usage, usage % 2, usage % 3)));
        }
        rest = tail;
    }
    let name = [dane::name::parse_domain("mx.example.com").expect("a name")];
    let roots = chain.last().cloned().into_iter().collect::<Vec<_>>();
    let options = VerifyOptions { mode: Mode::Generic, roots: roots.clone(), ..VerifyOptions::default() };
    let verification = verify(&chain, &records, &name, 1_767_225_600, &options);
    assert_eq!(verification.records.len(), records.len());
    let _ = paper::paper_valid(dane::dns::Security::Secure, &chain, &records, &roots, 1_767_225_600);
    let _ = paper::misfit(&chain, &records);
});

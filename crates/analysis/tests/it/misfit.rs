//! Labels found by digests are those found by bytes.

use analysis::study::Matching;
use archive::states::model::{Cert, CertDer, CertId, Chain, ChainId, Id, TlsaSet, TlsaSetId};
use dane::cert::Certificate;
use dane::observation::CertificateBytes;
use dane::paper::{paper_match, wrong_field};
use dane::rollover::Part;
use dane::tlsa::Tlsa;
use lab::history::{History, HistoryConfig};
use std::collections::BTreeMap;

/// Every combination of fields with data of every certificate in every form, and data that is of none.
fn records(chain: &[CertificateBytes]) -> Vec<Tlsa> {
    let mut all: Vec<Vec<u8>> = vec![b"-----BEGIN CERTIFICATE-----\nMIIB".to_vec(), Vec::new(), vec![7; 32], vec![7; 64]];
    for cert in chain {
        let spki = Certificate::parse(&cert.0).unwrap().spki.to_vec();
        for full in [cert.0.to_vec(), spki] {
            let read = Cert::read(&CertDer { der: full.clone().into() });
            all.extend([read.sha256.0.to_vec(), read.sha512.0.to_vec(), full]);
        }
    }
    let empty = Cert::read(&CertDer { der: Box::default() });
    all.extend([empty.sha256.0.to_vec(), empty.sha512.0.to_vec()]);
    // Slips of one to five digits.
    for right in all.clone().into_iter().filter(|data| matches!(data.len(), 32 | 64)) {
        for digits in 1..6 {
            let mut slip = right.clone();
            (0..digits).for_each(|digit| slip[3 * digit] ^= 1);
            all.push(slip);
        }
        all.push(right[1..].to_vec());
    }
    let fields = (0..5).flat_map(|usage| (0..3).flat_map(move |selector| (0..4).map(move |matching| (usage, selector, matching))));
    fields
        .flat_map(|(usage, selector, matching)| all.iter().map(move |data| Tlsa { usage, selector, matching, data: data.clone() }))
        .collect()
}

#[test]
fn digests_say_what_bytes_say() {
    let history = History::new(HistoryConfig { servers: 40, days: 20, seed: 2, ..HistoryConfig::new() }).unwrap();
    let of_length = |length| (0..).map(|chain| history.certificates(chain)).take(1000).find(|chain| chain.len() == length).unwrap();
    let (long, alone) = (of_length(2), of_length(1));
    let garbage = vec![CertificateBytes(b"no certificate".as_slice().into())];
    let mut met = BTreeMap::new();
    for chain in [long, alone, garbage] {
        let of_chain = if Certificate::parse(&chain[0].0).is_ok() {
            records(&chain)
        } else {
            vec![Tlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32] }]
        };
        // Each by itself, and some together: one label a set.
        let mut sets: Vec<Vec<Tlsa>> = of_chain.iter().map(|record| vec![record.clone()]).collect();
        sets.extend(of_chain.windows(7).step_by(11).map(|some| vec![some[0].clone(), some[6].clone()]));
        sets.push(Vec::new());
        let sets: Vec<TlsaSet> = sets.into_iter().map(TlsaSet::new).collect();
        let certs: Vec<Cert> = chain.iter().map(|cert| Cert::read(&CertDer { der: cert.0.to_vec().into() })).collect();
        let list = [Chain { certs: (0..certs.len()).map(CertId::at).collect() }];
        let matching = Matching::new(&certs, &list, &sets);
        for (number, set) in sets.iter().enumerate() {
            let label = wrong_field(&chain, &set.records);
            assert_eq!(matching.wrong_field(TlsaSetId::at(number), ChainId::at(0)), label, "{:?}", set.records);
            let fits = matching.any_fits(TlsaSetId::at(number), ChainId::at(0), Part::All);
            assert_eq!(fits, paper_match(&chain, &set.records, &[]) == Some(true), "{:?}", set.records);
            *met.entry(label).or_insert(0_u64) += 1;
        }
    }
    assert_eq!(met.len(), 8, "every label, and none: {met:?}");
}

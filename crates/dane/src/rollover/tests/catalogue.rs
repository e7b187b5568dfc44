//! Real certificates in a catalogue: numbers are those of bytes, and what matches is what `paper_match` says.

use crate::association::Associations;
use crate::cert::Certificate;
use crate::observation::CertificateBytes;
use crate::rollover::both_ends::Records;
use crate::rollover::{Catalogue, Difference, Evidence, Part, Place};
use crate::tlsa::Tlsa;
use rcgen::{CertificateParams, KeyPair};

fn certificate(name: &str, key: &KeyPair) -> CertificateBytes {
    CertificateBytes(CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(key).unwrap().der().as_ref().into())
}

fn record(usage: u8, of: &CertificateBytes) -> Tlsa {
    Associations::of(&Certificate::parse_shared(of).unwrap()).record(usage, 1, 1).unwrap()
}

#[test]
fn numbers_matches_and_differences() {
    let keys: Vec<KeyPair> = (0..4).map(|_| KeyPair::generate().unwrap()).collect();
    let [first, renewed, other, middle, top] =
        [("a", 0), ("b", 0), ("a", 1), ("middle", 2), ("top", 3)].map(|(name, key)| certificate(name, &keys[key]));
    let mut catalogue = Catalogue::new(Vec::new());
    let mut chain = |of: &[&CertificateBytes]| catalogue.chain(&of.iter().map(|c| (*c).clone()).collect::<Vec<_>>());
    let numbers = [&[&first, &middle, &top][..], &[&renewed, &middle, &top], &[&other, &middle], &[&first, &middle, &top]].map(&mut chain);
    assert_eq!(numbers, [Some(0), Some(1), Some(2), Some(0)]);
    assert_eq!(chain(&[]), None);
    let (leaf, issuer, root) = (record(3, &first), record(2, &middle), record(2, &top));
    let set = catalogue.set(&[leaf.clone(), root.clone()]);
    // Neither order nor repetition makes another set.
    assert_eq!(catalogue.set(&[root.clone(), leaf.clone(), root.clone()]), set);
    let issuers = catalogue.set(&[issuer]);
    let matches = |part| [0, 1, 2].map(|chain| catalogue.matches(set, chain, part));
    assert_eq!(matches(Part::All), [true, true, false]);
    assert_eq!(matches(Part::Issuers), [true, true, false]);
    assert_eq!([0, 1, 2].map(|chain| catalogue.matches(issuers, chain, Part::Leaf)), [false; 3]);
    assert!(catalogue.has(set, Part::Leaf) && catalogue.has(set, Part::Issuers) && !catalogue.has(issuers, Part::Leaf));
    assert_eq!(catalogue.difference(0, 1), Difference { certificates: Some(Place::Leaf), keys: None });
    assert_eq!(catalogue.difference(0, 2), Difference { certificates: Some(Place::Leaf), keys: Some(Place::Leaf) });
    assert_eq!((catalogue.difference(0, 9), catalogue.matches(9, 9, Part::All)), (Difference::default(), false));
    // P20: of usage 2 only the last certificate counts, and a chain that shrinks has changed.
    assert_eq!((catalogue.place(0, 1), catalogue.place(0, 2)), (None, Some(Place::Both)));
    assert_eq!([0, 2].map(|chain| catalogue.test(issuers, chain, Place::Issuers)), [Some(false), Some(true)]);
    assert_eq!(catalogue.test(issuers, 0, Place::Leaf), None);
    assert!(catalogue.carries((set, set), (0, 1)) && !catalogue.carries((set, issuers), (0, 1)));
}

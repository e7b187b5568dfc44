//! What the studies count: which record equals what, and which field is wrong.

mod common;

use common::{Made, NOW, Usual, params};
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::paper::{WrongField, misfit, paper_match, paper_valid, within_four_digits, wrong_field};
use dane::tlsa::Tlsa;
use rcgen::date_time_ymd;

fn chain(made: &[&Made]) -> Vec<CertificateBytes> {
    made.iter().map(|m| m.bytes()).collect()
}

#[test]
fn matches_are_equal_bytes_in_the_right_place() {
    let u = Usual::new();
    let shown = chain(&[&u.leaf, &u.issuer]);
    let roots = [u.stranger.bytes(), u.root.bytes()];
    let ask = |record: Tlsa| paper_match(&shown, &[record], &roots);
    for (made, usages) in [(&u.leaf, [false, true, false, true]), (&u.issuer, [true, false, true, false])] {
        for usage in 0..4 {
            assert_eq!(ask(made.record(usage, 1, 1)), Some(usages[usize::from(usage)]), "{usage}");
        }
    }
    // Usage 0 may name the root that issued the last certificate; usage 2 may not.
    assert_eq!(ask(u.root.record(0, 0, 1)), Some(true));
    assert_eq!(ask(u.stranger.record(0, 0, 1)), Some(false));
    assert_eq!(ask(u.root.record(2, 0, 1)), Some(false));
    assert_eq!(ask(Tlsa { usage: 4, ..u.leaf.record(3, 1, 1) }), Some(false));
    // No digest agility.
    assert_eq!(paper_match(&shown, &[u.leaf.record(3, 1, 1), u.stranger.record(3, 1, 2)], &[]), Some(true));
    assert_eq!(paper_match(&shown, &[], &[]), None);
    assert_eq!(paper_match(&[], &[u.leaf.record(3, 1, 1)], &[]), None);
    assert_eq!(paper_match(&[CertificateBytes([1, 2, 3][..].into())], &[u.leaf.record(3, 1, 1)], &[]), None);
}

#[test]
fn validity_depends_on_the_usage() {
    let u = Usual::new();
    let mut old = params("other.example", &[]);
    old.not_after = date_time_ymd(2021, 1, 1);
    let old = Made::new(old, Some(&u.issuer));
    let roots = [u.root.bytes()];
    let ask = |leaf: &Made, record: Tlsa, status| paper_valid(status, &chain(&[leaf, &u.issuer]), &[record], &roots, NOW);
    assert_eq!(ask(&u.leaf, u.leaf.record(3, 1, 1), Security::Secure), Some(true));
    for status in [Security::Insecure, Security::Bogus, Security::Indeterminate] {
        assert_eq!(ask(&u.leaf, u.leaf.record(3, 1, 1), status), Some(false));
    }
    // Expired: nothing to usage 3, the end to all others.
    assert_eq!(ask(&old, old.record(3, 1, 1), Security::Secure), Some(true));
    for record in [old.record(1, 1, 1), u.issuer.record(2, 1, 1), u.issuer.record(0, 1, 1), u.root.record(0, 1, 1)] {
        let right = if record.usage == 1 { u.leaf.record(1, 1, 1) } else { record.clone() };
        assert_eq!(ask(&old, record, Security::Secure), Some(false));
        assert_eq!(ask(&u.leaf, right, Security::Secure), Some(true));
    }
    // A path, not only a hash: the stranger issued nothing.
    let beside = paper_valid(Security::Secure, &chain(&[&u.leaf, &u.stranger]), &[u.stranger.record(2, 0, 1)], &[], NOW);
    assert_eq!(beside, Some(false));
    // With another root, usages 0 and 1 have no valid chain; with none, that cannot be known.
    let pkix =
        |records: &[Tlsa], roots: &[CertificateBytes]| paper_valid(Security::Secure, &chain(&[&u.leaf, &u.issuer]), records, roots, NOW);
    let (leaf, root) = (u.leaf.record(1, 1, 1), u.root.record(0, 0, 1));
    assert_eq!(pkix(std::slice::from_ref(&leaf), &[u.stranger.bytes()]), Some(false));
    assert_eq!(pkix(std::slice::from_ref(&leaf), &[]), None);
    assert_eq!(pkix(std::slice::from_ref(&root), &[]), None);
    assert_eq!(pkix(&[leaf.clone(), u.leaf.record(3, 1, 1)], &[]), Some(true));
    assert_eq!(pkix(&[u.stranger.record(1, 1, 1)], &[]), Some(false), "it does not even match");
    assert_eq!(paper_valid(Security::Insecure, &chain(&[&u.leaf]), &[leaf], &[], NOW), Some(false), "insecure whatever the roots");
}

#[test]
fn one_wrong_field_by_priority() {
    let u = Usual::new();
    let shown = chain(&[&u.leaf, &u.issuer, &u.root]);
    let ask = |record: Tlsa| wrong_field(&shown, &[record]);
    let leaf = |usage, selector, matching| Tlsa { usage, selector, matching, data: u.leaf.record(3, 1, 1).data };
    assert_eq!(ask(leaf(3, 1, 1)), None);
    assert_eq!(ask(leaf(1, 1, 1)), None);
    assert_eq!(ask(leaf(2, 1, 1)), Some(WrongField::Usage));
    assert_eq!(ask(leaf(3, 0, 1)), Some(WrongField::Selector));
    assert_eq!(ask(leaf(3, 1, 2)), Some(WrongField::MatchingType));
    assert_eq!(ask(leaf(3, 0, 2)), Some(WrongField::Selector));
    assert_eq!(ask(leaf(2, 0, 2)), Some(WrongField::Usage));
    assert_eq!(ask(leaf(4, 1, 1)), Some(WrongField::UndefinedValue));
    assert_eq!(ask(leaf(3, 1, 3)), Some(WrongField::UndefinedValue));
    assert_eq!(ask(Tlsa { usage: 3, ..u.root.record(2, 0, 2) }), Some(WrongField::Usage));
    assert_eq!(ask(u.stranger.record(3, 1, 1)), None);
    // One label for a set: the first in the order of priority, whatever the order of the records.
    let set = [leaf(3, 0, 1), leaf(2, 1, 1), u.stranger.record(3, 1, 1)];
    assert_eq!(wrong_field(&shown, &set), Some(WrongField::Usage));
    let found = misfit(&shown, &set).unwrap();
    assert_eq!((found.record, found.should_be), (1, Some(u.leaf.record(3, 1, 1))));
    // A set that matches has no wrong field.
    assert_eq!(wrong_field(&shown, &[leaf(3, 0, 1), u.leaf.record(3, 1, 1)]), None);
}

#[test]
fn digests_of_nothing_pem_and_slips_of_the_hand() {
    let u = Usual::new();
    let shown = chain(&[&u.leaf, &u.issuer]);
    let ask = |record: &str| wrong_field(&shown, &[record.parse().unwrap()]);
    // From `sha256sum </dev/null` and `sha512sum </dev/null`.
    assert_eq!(ask("3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), Some(WrongField::DigestOfNothing));
    let nothing =
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    assert_eq!(ask(&format!("3 0 2 {nothing}")), Some(WrongField::DigestOfNothing));
    let pem = data_encoding::HEXLOWER.encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n");
    assert_eq!(ask(&format!("3 0 0 {pem}")), Some(WrongField::Pem));
    let right = u.leaf.record(3, 1, 1);
    for (flips, expected) in [(1, Some(WrongField::CopyPaste)), (4, Some(WrongField::CopyPaste)), (5, None)] {
        let mut slip = right.clone();
        slip.data.iter_mut().take(flips).for_each(|octet| *octet ^= 1);
        assert_eq!(wrong_field(&shown, &[slip]), expected, "{flips}");
    }
    // Two digits lost.
    let lost = Tlsa { data: right.data[1..].to_vec(), ..right.clone() };
    assert_eq!(misfit(&shown, &[lost]).unwrap().should_be, Some(right));
}

/// The textbook's way, with the whole table.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let digits = |octets: &[u8]| octets.iter().flat_map(|octet| [octet >> 4, octet & 15]).collect::<Vec<u8>>();
    let (left, right) = (digits(left), digits(right));
    let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            table[i][j] = match (i, j) {
                (0, other) | (other, 0) => other,
                _ => {
                    let same = usize::from(left[i - 1] != right[j - 1]);
                    (table[i - 1][j - 1] + same).min(table[i - 1][j] + 1).min(table[i][j - 1] + 1)
                }
            };
        }
    }
    table[left.len()][right.len()]
}

proptest::proptest! {
    /// Of a digest with some digits changed, lost or put in: near as the whole table says.
    #[test]
    fn near_is_what_the_whole_table_says(octets in proptest::collection::vec(0_u8.., 0..34), slips in proptest::collection::vec((0_u8..3, 0_usize..70, 0_u8..16), 0..8)) {
        let mut digits: Vec<u8> = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]).collect();
        for (kind, place, digit) in slips {
            let place = place.min(digits.len());
            match kind {
                0 if place < digits.len() => digits[place] = digit,
                1 if place < digits.len() => drop(digits.remove(place)),
                _ => digits.insert(place, digit),
            }
        }
        digits.truncate(digits.len() / 2 * 2);
        let other: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        proptest::prop_assert_eq!(within_four_digits(&octets, &other), distance(&octets, &other) <= 4);
    }
}

#[test]
fn distance_counts_digits() {
    for (left, right, near) in [
        (&[0x12, 0x34][..], &[0x12, 0x34][..], true),
        (&[0x12, 0x34, 0x56], &[0x23, 0x45, 0x60], true),
        (&[0x11, 0x11], &[0x22, 0x22], true),
        (&[0x11, 0x11, 0x11], &[0x22, 0x22, 0x12], false),
        (&[], &[0x12, 0x34], true),
        (&[], &[0x12, 0x34, 0x56], false),
    ] {
        assert_eq!(within_four_digits(left, right), near, "{left:02x?} {right:02x?}");
    }
}

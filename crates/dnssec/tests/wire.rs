//! Messages: right ones, malformed ones, and anything at all.

mod support;

use dnssec::{Anchors, MemoryCache, MessageError, Name, Policy, Question, Response, Step, Validation};
use domain::base::iana::Rtype;
use proptest::prelude::*;
use support::rpl::message;
use support::world::{NOW, question, raw, records};

fn read(asked: &str, bytes: &[u8]) -> Result<Response, MessageError> {
    Response::from_message(bytes, &question(asked))
}

#[test]
fn sections_become_rrsets() {
    let answer = records(
        "a.example. 60 IN MX 10 x.example.\nA.example. 50 IN MX 20 y.example.\na.example. 60 IN MX 10 x.example.\n\
         a.example. 60 IN RRSIG MX 13 2 60 20240101000000 20230101000000 7 example. AAAA\n\
         b.example. 60 IN RRSIG MX 13 2 60 20240101000000 20230101000000 7 example. AAAA",
    );
    let response = read("a.example. MX", &message(&question("a.example. MX"), 3, &answer, &[])).unwrap();
    assert_eq!((response.rcode, response.answer.len()), (3, 1));
    let set = &response.answer[0];
    assert_eq!((set.ttl, set.data.len(), set.signatures.len()), (50, 2, 1));
    assert_eq!((set.signatures[0].key_tag, set.signatures[0].signature.len()), (7, 3));
}

#[test]
fn names_are_decompressed() {
    let asked = question("a.example. MX");
    let mut bytes = message(&asked, 0, &[], &[]);
    bytes[7] = 1;
    // Owner: the question's name. Exchange: `b` and then the question's name from its second label on.
    bytes.extend([0xC0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 6, 0, 10, 1, b'b', 0xC0, 14]);
    let response = Response::from_message(&bytes, &asked).unwrap();
    assert_eq!(response.answer[0].owner, "a.example.".parse::<Name>().unwrap());
    assert_eq!(&response.answer[0].data[0][2..], b"\x01b\x07example\x00");
}

// R-128 rfc7766#5 rfc6891#6.1.3
#[test]
fn wrong_messages_are_errors() {
    let asked = question("a.example. A");
    let good = message(&asked, 0, &records("a.example. A 192.0.2.1"), &[]);
    let bent = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        read("a.example. A", &bytes)
    };
    assert!(read("a.example. A", &good).is_ok());
    assert_eq!(bent(2, 0x83), Err(MessageError::Truncated));
    assert_eq!(bent(2, 0x01), Err(MessageError::NotTheAnswer));
    assert_eq!(bent(5, 0), Err(MessageError::NotTheAnswer));
    assert_eq!(read("b.example. A", &good), Err(MessageError::NotTheAnswer));
    assert_eq!(read("a.example. AAAA", &good), Err(MessageError::NotTheAnswer));
    for cut in 0..good.len() {
        assert!(read("a.example. A", &good[..cut]).is_err());
    }
    // An address of five octets, a pointer to itself.
    let long = message(&asked, 0, &[raw("a.example.", Rtype::A, vec![1, 2, 3, 4, 5])], &[]);
    assert!(matches!(read("a.example. A", &long), Err(MessageError::Malformed(_))));
    let mut looped = good.clone();
    looped.truncate(27);
    looped.extend([0xC0, 27, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4]);
    assert!(matches!(read("a.example. A", &looped), Err(MessageError::Malformed(_))));
    // The response code's upper bits stand in the OPT record.
    let mut extended = message(&asked, 0, &[], &[]);
    extended[11] = 1;
    extended.extend([0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, 0]);
    assert_eq!(read("a.example. A", &extended).unwrap().rcode, 16);
}

/// Validates with the message as the answer to everything. It must end.
fn validate(bytes: &[u8], asked: &Question) {
    let Ok(response) = Response::from_message(bytes, asked) else { return };
    let anchors = Anchors::parse(". DS 1 13 2 00\nexample. DS 1 8 2 00").unwrap();
    let mut validation = Validation::new(asked.clone(), response.clone(), &anchors, Policy::default(), NOW);
    let mut cache = MemoryCache::default();
    for _ in 0..1000 {
        match validation.step(&mut cache) {
            Step::Ask(question) => validation.supply(&question, Ok(response.clone())),
            Step::Done(_) => return,
        }
    }
    panic!("no end");
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..300), counts in any::<[u8; 3]>()) {
        let asked = question("a.example. A");
        let mut bytes = message(&asked, 0, &[], &[]);
        (bytes[7], bytes[9], bytes[11]) = (counts[0] % 4, counts[1] % 4, counts[2] % 4);
        bytes.extend(tail);
        validate(&bytes, &asked);
    }

    #[test]
    fn bent_messages_are_validated_to_an_end(at in 0usize..400, to in any::<u8>(), length in 0usize..500) {
        let asked = question("a.example. A");
        let authority = records(
            "example. SOA a. b. 1 2 3 4 5\nexample. RRSIG SOA 13 1 60 20240101000000 20230101000000 1 example. AAAA\n\
             a.example. NSEC b.example. NS RRSIG NSEC\na.example. RRSIG NSEC 13 2 60 20240101000000 20230101000000 1 example. AAAA",
        );
        let answer = records(
            "a.example. CNAME b.a.example.\na.example. RRSIG CNAME 13 2 60 20240101000000 20230101000000 1 example. AAAA\n\
             a.example. DNAME c.example.\nexample. DNSKEY 257 3 8 AwEAAQ==\n. DNSKEY 257 3 13 AwEAAQ==",
        );
        let mut bytes = message(&asked, 0, &answer, &authority);
        if let Some(octet) = bytes.get_mut(at) {
            *octet = to;
        }
        bytes.truncate(length.max(bytes.len() / 2));
        validate(&bytes, &asked);
    }

    #[test]
    fn text_of_anchors_is_read_or_refused(text in "[ .();$a-z0-9\\n\"]{0,80}(DS|DNSKEY)?[ 0-9A-F()\\n]{0,60}") {
        let _ = Anchors::parse(&text);
    }
}

/// Starting points of the fuzz targets.
fn seeds() -> Vec<Vec<u8>> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let files = ["dnssec_message", "dnssec_denial"].into_iter().flat_map(|folder| std::fs::read_dir(corpus.join(folder)).unwrap());
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

proptest! {
    #[test]
    fn what_stands_behind_signatures_is_read_or_refused(
        seed in any::<prop::sample::Index>(),
        bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let seeds = seeds();
        let mut bytes = seed.get(&seeds).clone();
        for (at, to) in bends {
            *at.get_mut(&mut bytes) = to;
        }
        dnssec::fuzzing::denial(&bytes);
        dnssec::fuzzing::message(&bytes);
    }
}

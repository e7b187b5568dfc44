//! The resolver as a source of DNS answers: what it says arrives in an observation as it was said.

mod support;

use dane::dns::{LookupFailure, Outcome, Security};
use domain::base::iana::Rtype;
use probe::Dns;
use resolve::{Anchors, Config, Resolver};
use std::net::SocketAddr;
use support::name;
use tokio::net::UdpSocket;

/// An upstream that makes its answer from the query: flags, number of answers, answer section.
async fn upstream(answer: fn(rtype: u16) -> (u16, u16, Vec<u8>)) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut query = [0; 1500];
        while let Ok((_, from)) = socket.recv_from(&mut query).await {
            // The question: a name up to its root label, type, class.
            let end = 12 + query[12..].iter().position(|b| *b == 0).unwrap() + 5;
            let rtype = u16::from_be_bytes([query[end - 4], query[end - 3]]);
            let (flags, count, section) = answer(rtype);
            let mut reply = query[..2].to_vec();
            reply.extend(flags.to_be_bytes());
            reply.extend([0, 1]);
            reply.extend(count.to_be_bytes());
            reply.extend([0; 4]);
            reply.extend(&query[12..end]);
            reply.extend(section);
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    address
}

/// No trust anchor: nothing is secure, and nothing is asked to find out.
fn resolver(upstream: SocketAddr) -> Resolver {
    Resolver::new(Config { anchors: Anchors::none(), ..Config::upstream(upstream) }).unwrap()
}

#[tokio::test]
async fn records_in_presentation_form_and_the_evidence_where_they_are_not_secure() {
    // 10 mx.<the name asked>, TTL 300
    let server = upstream(|rtype| match rtype {
        15 => (0x8180, 1, [&[0xc0, 12, 0, 15, 0, 1, 0, 0, 1, 44, 0, 7, 0, 10][..], b"\x02mx\xc0\x0c"].concat()),
        _ => (0x8180, 0, Vec::new()),
    })
    .await;
    let lookup = Dns::lookup(&resolver(server), &name("example.org"), Rtype::MX).await;
    assert_eq!((lookup.name.clone(), lookup.rtype, lookup.outcome()), (name("example.org"), Rtype::MX, Outcome::Data));
    assert_eq!(lookup.status, Security::Insecure);
    assert_eq!(lookup.failure, None);
    let records: Vec<_> = lookup.records.iter().map(|r| (r.owner.to_string(), r.ttl, r.data.as_str())).collect();
    assert_eq!(records, [("example.org".to_owned(), 300, "10 mx.example.org.")]);
    assert!(!lookup.signed);
    assert!(!lookup.raw.is_empty(), "what is not secure can be validated again");
    for message in &lookup.raw {
        assert!(data_encoding::BASE64.decode(message.as_bytes()).unwrap().len() > 12);
    }
}

#[tokio::test]
async fn signatures_over_insecure_data_keep_their_time() {
    // RFC 4034 section 3.1: an address, and a signature over it from 2001-09-09 to 2017-07-14.
    let server = upstream(|_| {
        let address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1];
        let signer = b"\x07example\x03org\0";
        let times = [1_500_000_000_u32.to_be_bytes(), 1_000_000_000_u32.to_be_bytes()].concat();
        let rdata = [&[0, 1, 13, 2, 0, 0, 1, 44][..], &times, &[18, 103], signer, &[7; 64]].concat();
        let head = [0xc0, 12, 0, 46, 0, 1, 0, 0, 1, 44, 0, u8::try_from(rdata.len()).unwrap()];
        (0x8180, 2, [&address[..], &head, &rdata].concat())
    })
    .await;
    let lookup = Dns::lookup(&resolver(server), &name("example.org"), Rtype::A).await;
    assert_eq!((lookup.status, lookup.signed), (Security::Insecure, true), "{:?}", lookup.failure_detail);
    let window = lookup.signature.unwrap();
    assert_eq!((window.inception, window.expiration, window.key_tag), (1_000_000_000, 1_500_000_000, 4711));
    assert_eq!((window.signer, window.original_ttl), (name("example.org"), 300));
}

#[tokio::test]
async fn failures_keep_their_kind() {
    let server = upstream(|_| (0x8182, 0, Vec::new())).await;
    let lookup = Dns::lookup(&resolver(server), &name("example.org"), Rtype::MX).await;
    assert_eq!(lookup.failure, Some(LookupFailure::Servfail), "{:?}", lookup.failure_detail);
    assert_eq!(lookup.outcome(), Outcome::Err);
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lookup = Dns::lookup(&resolver(nobody), &name("example.org"), Rtype::MX).await;
    assert_eq!(lookup.failure, Some(LookupFailure::Unreachable), "{:?}", lookup.failure_detail);
    assert_eq!(lookup.status, Security::Indeterminate);
}

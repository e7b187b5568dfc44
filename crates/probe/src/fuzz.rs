//! The parsers of what servers send, for the fuzzer: they must neither panic nor grow, and how bytes are cut into packets must not matter.

use crate::http::{self, ResponseReader};
use crate::resolver_environment::{parse_resolv_conf, read_reply};
use crate::smtp::reply::{ReplyLimits, ReplyReader};
use crate::tls::flight::{FlightReader, Reading};
use crate::tls::ssl2::Ssl2Reader;
use crate::web::{Reading as Request, RequestReader};
use domain::base::ToName;

/// Bytes as SMTP replies.
///
/// # Panics
/// If cutting the bytes differently changes what is read.
pub fn replies(bytes: &[u8]) {
    let read = |cut: usize| {
        let mut reader = ReplyReader::new(ReplyLimits { line_octets: 128, lines: 8 });
        let mut replies = Vec::new();
        for packet in bytes.chunks(cut) {
            reader.feed(packet);
            loop {
                match reader.next_reply() {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(why) => return (replies, Some(why)),
                }
            }
            assert!(reader.fragment().chars().count() <= 512);
        }
        (replies, None)
    };
    assert_eq!(read(bytes.len().max(1)), read(3));
}

/// Bytes as the first flight of a TLS server, whole or broken off, or as an answer of SSL 2.0.
///
/// # Panics
/// If cutting the bytes differently changes what is read, or what was read before they ended; or if more is kept than came.
pub fn flight(bytes: &[u8]) {
    let read = |cut: usize| {
        let mut reader = FlightReader::default();
        let end = bytes.chunks(cut).map(|packet| reader.feed(packet)).find(|reading| *reading != Reading::More);
        let so_far = reader.so_far();
        if let Some(Reading::Done(flight)) = &end {
            assert_eq!(so_far.as_ref(), Some(flight), "what is done is what there is");
        }
        (end, so_far)
    };
    assert_eq!(read(bytes.len().max(1)), read(5));
    crate::tls::cut::fuzz(bytes);
    let ssl2 = |cut: usize| {
        let mut reader = Ssl2Reader::default();
        bytes.chunks(cut).find_map(|packet| reader.feed(packet))
    };
    assert_eq!(ssl2(bytes.len().max(1)), ssl2(5));
}

/// Bytes as the messages of a handshake.
///
/// # Panics
/// If more comes out than went in.
pub fn messages(bytes: &[u8]) {
    crate::tls::messages::fuzz(bytes);
}

/// Reads bytes as an HTTP response.
///
/// # Panics
/// If cutting the bytes differently changes what is read.
pub fn response(bytes: &[u8]) {
    let read = |cut: usize| {
        let mut reader = ResponseReader::default();
        let ended = bytes.chunks(cut).map(|packet| reader.feed(packet)).find(|reading| *reading != http::Reading::More);
        let ended = ended.unwrap_or_else(|| reader.end());
        (ended, reader.response())
    };
    assert_eq!(read(bytes.len().max(1)), read(5));
}

/// Bytes as a request for the page that explains a scan.
///
/// # Panics
/// If cutting the bytes differently changes what is read.
pub fn request(bytes: &[u8]) {
    let read = |cut: usize| {
        let mut reader = RequestReader::default();
        bytes.chunks(cut).map(|packet| reader.feed(packet)).find(|reading| *reading != Request::More)
    };
    assert_eq!(read(bytes.len().max(1)), read(3));
}

/// Bytes as a resolver's reply, and as a `resolv.conf`.
///
/// # Panics
/// If more is counted than there can be, or more kept than may be.
pub fn resolver(bytes: &[u8]) {
    // The question of a resolver's reply is its own.
    let asked = domain::base::Message::from_octets(bytes).ok().and_then(|message| message.sole_question().ok());
    if let Some(asked) = asked {
        let name: dane::name::Name = asked.qname().to_name();
        let reply = read_reply(bytes, &name, asked.qtype());
        assert!(reply.is_none_or(|r| usize::from(r.records) + usize::from(r.signatures) <= bytes.len()));
    }
    let file = parse_resolv_conf(&String::from_utf8_lossy(bytes), "resolv.conf", 53);
    assert!(file.servers.len() <= 64 && file.options.len() <= 64 && file.search.len() <= 64 && file.unusable.len() <= 64);
}

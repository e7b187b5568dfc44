//! The parsers of what servers send, for the fuzzer: they must neither panic nor grow, and how bytes are cut into packets must not matter.

use crate::identify::{Reading as Request, RequestReader};
use crate::smtp::reply::{ReplyLimits, ReplyReader};
use crate::tls::hello::{FlightReader, Reading};

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

/// Bytes as the first flight of a TLS server.
///
/// # Panics
/// If cutting the bytes differently changes what is read.
pub fn flight(bytes: &[u8]) {
    let read = |cut: usize| {
        let mut reader = FlightReader::default();
        bytes.chunks(cut).map(|packet| reader.feed(packet)).find(|reading| *reading != Reading::More)
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

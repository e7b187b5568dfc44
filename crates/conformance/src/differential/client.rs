//! Asks a validating recursive server over UDP, and reads its verdict from the header of its reply.

use crate::{Question, Status};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// A reply is waited for so long, so often.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: usize = 3;
const TC: u8 = 0x02;
const AD: u8 = 0x20;
const CD: u8 = 0x10;
const SERVFAIL: u8 = 2;

/// Secure if AD is set; insecure if it is not; bogus if there is an answer only with checking disabled. (RFC 4035 sections 3.2.2 and 3.2.3)
/// And the reply in words.
///
/// # Panics
/// If no socket can be had, or the reply is truncated.
#[must_use]
pub fn verdict(server: SocketAddr, question: &Question) -> (Status, String) {
    let Some(checked) = exchange(server, question, 0) else { return (Status::Indeterminate, "no reply".to_owned()) };
    let said = shown(&checked);
    assert!(checked[2] & TC == 0, "{question}: a reply of more than 4096 octets");
    match (rcode(&checked), checked[3] & AD != 0) {
        (0 | 3, true) => (Status::Secure, said),
        (0 | 3, false) => (Status::Insecure, said),
        (SERVFAIL, _) => {
            let unchecked = exchange(server, question, CD);
            let usable = unchecked.as_ref().is_some_and(|reply| matches!(rcode(reply), 0 | 3));
            let status = if usable { Status::Bogus } else { Status::Indeterminate };
            (status, format!("{said}, with CD {}", unchecked.map_or_else(|| "no reply".to_owned(), |reply| shown(&reply))))
        }
        _ => (Status::Indeterminate, said),
    }
}

fn rcode(reply: &[u8]) -> u8 {
    reply[3] & 0x0f
}

/// Response code, AD, and the extended error if the reply is one without records. (RFC 8914)
fn shown(reply: &[u8]) -> String {
    let ad = if reply[3] & AD == 0 { "" } else { " AD" };
    format!("rcode {}{ad}, {} answers{}", rcode(reply), u16::from_be_bytes([reply[6], reply[7]]), extended(reply).unwrap_or_default())
}

/// The extended error of a reply that holds nothing but a question and an OPT record.
fn extended(reply: &[u8]) -> Option<String> {
    let records = reply.get(6..10)?;
    if records != [0; 4] {
        return None;
    }
    let mut at = 12;
    while *reply.get(at)? != 0 {
        at += 1 + usize::from(reply[at]);
    }
    // The question's end, then the OPT record's root name, type, class, TTL and length.
    let mut options = reply.get(at + 5 + 11..)?;
    while let [a, b, c, d, rest @ ..] = options {
        let (code, length) = (u16::from_be_bytes([*a, *b]), usize::from(u16::from_be_bytes([*c, *d])));
        let value = rest.get(..length)?;
        if code == 15 && length >= 2 {
            let text = String::from_utf8_lossy(&value[2..]).into_owned();
            return Some(format!(", EDE {} {text}", u16::from_be_bytes([value[0], value[1]])));
        }
        options = &rest[length..];
    }
    None
}

/// A reply of at least a header.
fn exchange(server: SocketAddr, question: &Question, flags: u8) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.connect(server).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let query = query(question, flags);
    let mut buffer = vec![0; 65_535];
    for _ in 0..TRIES {
        socket.send(&query).ok()?;
        if let Ok(length) = socket.recv(&mut buffer)
            && length >= 12
        {
            buffer.truncate(length);
            return Some(buffer);
        }
    }
    None
}

/// A query with RD and DO. The socket is fresh, so the identifier need not be.
fn query(question: &Question, flags: u8) -> Vec<u8> {
    let mut out = vec![0x12, 0x34, 1, flags, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in question.name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).expect("a label"));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&number(question.rtype).to_be_bytes());
    out.extend_from_slice(&[0, 1, 0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0]);
    out
}

/// The numbers of the types that are asked for. (IANA registry "Resource Record (RR) TYPEs")
fn number(rtype: &str) -> u16 {
    const NUMBERS: [(&str, u16); 11] = [
        ("A", 1),
        ("NS", 2),
        ("CNAME", 5),
        ("SOA", 6),
        ("MX", 15),
        ("TXT", 16),
        ("AAAA", 28),
        ("DNAME", 39),
        ("DS", 43),
        ("DNSKEY", 48),
        ("CAA", 257),
    ];
    let found = NUMBERS.iter().find(|(name, _)| *name == rtype);
    found.unwrap_or_else(|| panic!("{rtype} has no number here")).1
}

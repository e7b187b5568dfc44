//! Queries as bytes, and bytes as replies.

use bytes::Bytes;
use dnssec::{Name, Question, Response};
use domain::base::iana::{Opcode, Rcode, Rtype};
use domain::base::message::Message;
use domain::base::{Header, ParsedName, ToName};
use domain::rdata::{A, Aaaa};
use std::net::IpAddr;

/// The largest UDP message we ask for: fits everywhere unfragmented. (R-128; DNS flag day 2020)
const UDP_PAYLOAD: u16 = 1232;
/// Addresses taken from one additional section.
const MAX_GLUE: usize = 128;

/// What a query says beside its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// To an authoritative server: EDNS with DO.
    Authoritative,
    /// The same without EDNS, for servers that answer FORMERR or not at all otherwise. (RFC 6891 section 7)
    Plain,
    /// To a recursive resolver: RD, CD, and EDNS with DO.
    Recursive,
}

/// The bytes of a query, with id 0: that is the transport's to fill in.
pub fn query(question: &Question, style: Style) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(300);
    push_query(&question.name, question.rtype, style, &mut bytes);
    bytes
}

/// Appends the bytes of a query.
pub fn push_query(name: &Name, rtype: Rtype, style: Style, bytes: &mut Vec<u8>) {
    let mut header = Header::new();
    header.set_rd(style == Style::Recursive);
    header.set_cd(style == Style::Recursive);
    let edns = style != Style::Plain;
    bytes.extend_from_slice(header.as_slice());
    bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    bytes.extend_from_slice(name.as_slice());
    bytes.extend_from_slice(&rtype.to_int().to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    if edns {
        // Root name, type OPT, payload size, extended rcode and version 0, DO, no options. (RFC 6891 section 6.1)
        bytes.extend_from_slice(&[0, 0, 41]);
        bytes.extend_from_slice(&UDP_PAYLOAD.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0x80, 0, 0, 0]);
    }
}

/// A message that answers a query.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The message as received.
    pub raw: Bytes,
    /// Authoritative answer.
    pub aa: bool,
    /// Recursion available: the sender is a resolver, not (only) an authoritative server.
    pub ra: bool,
    /// Truncated.
    pub tc: bool,
    /// Whether the sender speaks EDNS.
    pub edns: bool,
    /// Response code, answer and authority.
    pub response: Response,
    /// Addresses in the additional section.
    pub glue: Vec<(Name, IpAddr)>,
}

/// What a message is to a query.
pub enum Received {
    /// Its answer.
    Reply(Box<Reply>),
    /// Has our id, but its content is no DNS message: what is wrong with it, and its bytes.
    Malformed(String, Bytes),
}

/// Reads a message received for a query. `None` if it is somebody else's: no response, other question. The id is the transport's to check.
pub fn receive(raw: Bytes, question: &Question) -> Option<Received> {
    let message = Message::from_octets(raw.clone()).ok()?;
    let header = message.header();
    if !header.qr() {
        return None;
    }
    if header.opcode() != Opcode::QUERY {
        return Some(Received::Malformed(format!("an answer with opcode {}", header.opcode()), raw));
    }
    match message.header_counts().qdcount() {
        // A server that cannot read the question cannot repeat it.
        0 if header.rcode() != Rcode::NOERROR && header.rcode() != Rcode::NXDOMAIN => {}
        1 => {
            let asked = message.question().next()?.ok()?;
            if asked.qtype() != question.rtype || asked.qclass().to_int() != 1 || !asked.qname().name_eq(&question.name) {
                return None;
            }
        }
        _ => return None,
    }
    if header.tc() {
        // Only good for asking again over TCP; what is left of the sections counts for nothing. (RFC 2181 section 9)
        return Some(Received::Reply(Box::new(Reply {
            aa: header.aa(),
            ra: header.ra(),
            tc: true,
            edns: message.opt().is_some(),
            response: Response::default(),
            glue: Vec::new(),
            raw,
        })));
    }
    match Response::from_message(&raw, question) {
        Err(error) => Some(Received::Malformed(error.to_string(), raw)),
        Ok(response) => Some(Received::Reply(Box::new(Reply {
            aa: header.aa(),
            ra: header.ra(),
            tc: false,
            edns: message.opt().is_some(),
            response,
            glue: glue(&message),
            raw,
        }))),
    }
}

/// Addresses in the additional section, as far as it can be read: it is only ever a hint.
fn glue(message: &Message<Bytes>) -> Vec<(Name, IpAddr)> {
    let Ok(section) = message.additional() else { return Vec::new() };
    let mut found = Vec::new();
    for record in section.map_while(Result::ok).take(4 * MAX_GLUE) {
        let address = match record.rtype() {
            Rtype::A => record.to_record::<A>().ok().flatten().map(|r| IpAddr::V4(r.data().addr())),
            Rtype::AAAA => record.to_record::<Aaaa>().ok().flatten().map(|r| IpAddr::V6(r.data().addr())),
            _ => None,
        };
        if let Some(address) = address
            && found.len() < MAX_GLUE
        {
            let owner: ParsedName<_> = record.owner();
            found.push((owner.to_name(), address));
        }
    }
    found
}

//! Queries as octets, and the little of a reply that the benchmark looks at.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Whom a query is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// An authoritative server: no flags.
    Iterative,
    /// A validating resolver: RD and AD. (RFC 6840 section 5.7)
    Recursive,
}

/// A query with DO=1, composed once.
pub struct Query(Vec<u8>);

impl Query {
    /// For a name (with or without final dot) and one of the types that the benchmark asks for.
    pub fn new(name: &str, rtype: &str, flags: Flags) -> Self {
        let (bits, rtype) = (if flags == Flags::Recursive { [0x01, 0x20] } else { [0, 0] }, number(rtype));
        let mut out = [&[0, 0], &bits[..], &[0, 1, 0, 0, 0, 0, 0, 1]].concat();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            out.push(label.len() as u8);
            out.extend_from_slice(label.as_bytes());
        }
        out.push(0);
        out.extend_from_slice(&rtype.to_be_bytes());
        // Class IN; OPT with 1,232 octets and DO. (RFC 6891 section 6.1.2)
        out.extend_from_slice(&[0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]);
        Self(out)
    }

    /// Its octets under another id.
    pub fn with_id(&mut self, id: u16) -> &[u8] {
        self.0[..2].copy_from_slice(&id.to_be_bytes());
        &self.0
    }
}

fn number(rtype: &str) -> u16 {
    match rtype {
        "A" => 1,
        "NS" => 2,
        "SOA" => 6,
        "MX" => 15,
        "AAAA" => 28,
        "DS" => 43,
        "DNSKEY" => 48,
        "TLSA" => 52,
        other => panic!("the benchmark does not ask for {other}"),
    }
}

/// A reply.
pub struct Reply(Vec<u8>);

impl Reply {
    /// Whether it has the answer bit, no error and at least one record in its answer section.
    pub fn is_answer(&self) -> bool {
        matches!(self.0[..], [_, _, a, b, _, _, c, d, ..] if a & 0x80 != 0 && b & 0x0f == 0 && (c, d) != (0, 0))
    }

    /// Whether the resolver says that it is proven.
    pub fn is_authenticated(&self) -> bool {
        self.0.get(3).is_some_and(|flags| flags & 0x20 != 0)
    }
}

/// Asks once and waits for a second.
pub fn ask(server: SocketAddr, query: &Query) -> Option<Reply> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    socket.send_to(&query.0, server).ok()?;
    let mut buffer = vec![0; 4096];
    let size = socket.recv(&mut buffer).ok()?;
    buffer.truncate(size);
    Some(Reply(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_what_the_rfcs_say() {
        let mut query = Query::new("example.nl.", "MX", Flags::Recursive);
        let question = b"\x07example\x02nl\0\0\x0f\0\x01";
        let opt = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";
        let wanted = [b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01", &question[..], opt].concat();
        assert_eq!(query.with_id(0x1234), wanted);
    }
}

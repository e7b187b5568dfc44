//! One query to a resolver, over UDP or TCP, with the flags that a client may set.

use aws_lc_rs::rand;
use dane::name::Name;
use dane::observation::ResolverReply;
use domain::base::Message;
use domain::base::iana::Rtype;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Records of an answer that are counted.
const RECORDS: usize = 512;
/// Datagrams that may be somebody else's before we give up on a question.
const STRAY: usize = 32;

/// What a query says beside its question; RD always.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// AD: say whether the answer is validated. (RFC 6840 section 5.7)
    pub ad: bool,
    /// CD: do not validate. (RFC 4035 section 3.2.2)
    pub cd: bool,
    /// EDNS with DO, and room for so many octets; `None`: no EDNS.
    pub room: Option<u16>,
}

/// A question with its flags.
#[derive(Clone, Debug)]
pub struct Query {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// The flags.
    pub flags: Flags,
}

impl Query {
    fn octets(&self, id: [u8; 2]) -> Vec<u8> {
        let Flags { ad, cd, room } = self.flags;
        let mut octets = Vec::with_capacity(300);
        octets.extend_from_slice(&id);
        // RD; then AD and CD. (RFC 1035 section 4.1.1, RFC 4035 section 3.2)
        octets.extend_from_slice(&[1, u8::from(ad) << 5 | u8::from(cd) << 4]);
        octets.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(room.is_some())]);
        octets.extend_from_slice(self.name.as_slice());
        octets.extend_from_slice(&self.rtype.to_int().to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        if let Some(room) = room {
            // Root name, type OPT, payload size, extended rcode and version 0, DO, no options. (RFC 6891 section 6.1)
            octets.extend_from_slice(&[0, 0, 41]);
            octets.extend_from_slice(&room.to_be_bytes());
            octets.extend_from_slice(&[0, 0, 0x80, 0, 0, 0]);
        }
        octets
    }
}

/// Asks over UDP, once.
///
/// # Errors
/// Why there is no reply, in words.
pub async fn udp(server: SocketAddr, query: &Query, limit: Duration) -> Result<ResolverReply, String> {
    let talk = async {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(server).await?;
        let id = random()?;
        socket.send(&query.octets(id)).await?;
        let mut buffer = vec![0; 65_535];
        for _ in 0..STRAY {
            let length = socket.recv(&mut buffer).await?;
            if let Some(reply) =
                buffer.get(..length).filter(|octets| octets.starts_with(&id)).and_then(|o| read_reply(o, &query.name, query.rtype))
            {
                return Ok(reply);
            }
        }
        Err(io::Error::other("answers to other questions only"))
    };
    within(limit, talk).await
}

/// Asks over TCP, once.
///
/// # Errors
/// Why there is no reply, in words.
pub async fn tcp(server: SocketAddr, query: &Query, limit: Duration) -> Result<ResolverReply, String> {
    let talk = async {
        let mut stream = TcpStream::connect(server).await?;
        let id = random()?;
        let octets = query.octets(id);
        // The length stands before it. (RFC 1035 section 4.2.2)
        let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &octets].concat()).await?;
        let length = stream.read_u16().await?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        let reply = Some(buffer).filter(|octets| octets.starts_with(&id)).and_then(|o| read_reply(&o, &query.name, query.rtype));
        reply.ok_or_else(|| io::Error::other("what came is no answer to the question"))
    };
    within(limit, talk).await
}

async fn within(limit: Duration, talk: impl Future<Output = io::Result<ResolverReply>>) -> Result<ResolverReply, String> {
    match timeout(limit, talk).await {
        Ok(result) => result.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
            _ => error.to_string(),
        }),
        Err(_) => Err(format!("no answer within {:.1} s", limit.as_secs_f64())),
    }
}

fn random() -> io::Result<[u8; 2]> {
    let mut id = [0; 2];
    rand::fill(&mut id).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(id)
}

/// What matters of a message as the reply to a question; `None`: it is none. Counts as far as the message can be read.
pub fn read_reply(octets: &[u8], name: &Name, rtype: Rtype) -> Option<ResolverReply> {
    let message = Message::from_octets(octets).ok()?;
    let header = message.header();
    // A server that cannot read a question need not repeat it.
    let same = match message.question().next() {
        Some(Ok(asked)) => asked.qtype() == rtype && asked.qname() == name,
        Some(Err(_)) => false,
        None => header.rcode().to_int() != 0,
    };
    if !header.qr() || !same {
        return None;
    }
    let opt = message.opt();
    let rcode = opt.as_ref().map_or_else(|| u16::from(header.rcode().to_int()), |opt| opt.rcode(header).to_int());
    let mut reply = ResolverReply {
        rcode,
        ad: header.ad(),
        ra: header.ra(),
        tc: header.tc(),
        edns: opt.is_some(),
        octets: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        ..ResolverReply::default()
    };
    for record in message.answer().into_iter().flatten().map_while(Result::ok).take(RECORDS) {
        reply.records = reply.records.saturating_add(u16::from(record.rtype() == rtype));
        reply.signatures = reply.signatures.saturating_add(u16::from(record.rtype() == Rtype::RRSIG));
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::name::parse_domain;

    fn query(flags: Flags) -> Query {
        Query { name: parse_domain("valid.nl").unwrap(), rtype: Rtype::MX, flags }
    }

    /// What another implementation reads of it.
    #[test]
    fn queries_say_what_they_should() {
        for (flags, ad, cd, size) in [
            (Flags::default(), false, false, None),
            (Flags { ad: true, ..Flags::default() }, true, false, None),
            (Flags { cd: true, room: Some(1232), ad: false }, false, true, Some(1232)),
        ] {
            let octets = query(flags).octets([1, 2]);
            let message = Message::from_octets(octets.as_slice()).unwrap();
            let header = message.header();
            assert_eq!((header.id(), header.qr(), header.rd(), header.ad(), header.cd()), (0x0102, false, true, ad, cd));
            let asked = message.sole_question().unwrap();
            assert_eq!((asked.qname().to_string().as_str(), asked.qtype()), ("valid.nl", Rtype::MX));
            let opt = message.opt();
            assert_eq!(opt.as_ref().map(|o| (o.udp_payload_size(), o.dnssec_ok())), size.map(|size| (size, true)));
        }
    }

    #[test]
    fn only_a_reply_to_the_question_is_a_reply() {
        let question = query(Flags::default());
        let mut octets = question.octets([1, 2]);
        let read = |octets: &[u8], rtype| read_reply(octets, &question.name, rtype);
        assert_eq!(read(&octets, Rtype::MX), None, "a query");
        octets[2] |= 0x80;
        octets[3] = 0x20 | 2;
        let reply = read(&octets, Rtype::MX).unwrap();
        assert_eq!((reply.rcode, reply.ad, reply.tc, reply.records, reply.octets), (2, true, false, 0, 26));
        assert_eq!(read(&octets, Rtype::A), None, "of another question");
        assert_eq!(read_reply(&octets, &parse_domain("other.nl").unwrap(), Rtype::MX), None);
        assert_eq!(read(&octets[..11], Rtype::MX), None, "half a header");
    }
}

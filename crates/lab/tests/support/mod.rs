//! What the tests of the lab share: a lab, and a client that walks its DNS from the root hints, message by message.
#![allow(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::message_builder::MessageBuilder;
use domain::base::name::ToName as _;
use domain::base::{Message, Name as AnyName, ParsedName};
use domain::rdata::{A, AllRecordData, Ns};
use lab::{Content, Lab, LabConfig};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, SystemTime};

pub type Name = AnyName<Bytes>;
pub type Reply = Message<Bytes>;
pub type Data = AllRecordData<Bytes, ParsedName<Bytes>>;

/// A running lab on ports nobody else has.
pub fn lab(domains: usize, content: Content) -> Lab {
    let mut config = LabConfig::new(now());
    (config.domains, config.content) = (domains, content);
    for _ in 0..20 {
        (config.dns_port, config.smtp_port) = (free_port(), free_port());
        if let Ok(lab) = Lab::start(config.clone()) {
            return lab;
        }
    }
    panic!("no free ports for a lab");
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs().cast_signed()
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a free port").port()
}

pub fn name(text: &str) -> Name {
    Name::from_chars(text.chars()).expect("a name")
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Silent,
    Rcode(Rcode),
}

/// What came back at the end of a walk.
pub struct Answer {
    pub reply: Reply,
    /// Whether the last server truncated its answer over UDP.
    pub truncated: bool,
    /// DS records seen at the last delegation.
    pub ds: usize,
    /// The server that answered.
    pub server: Ipv4Addr,
}

/// Walks the lab's DNS.
pub struct Client {
    port: u16,
    roots: Vec<Ipv4Addr>,
}

impl Client {
    pub fn new(lab: &Lab) -> Self {
        let v4 = |address: &IpAddr| if let IpAddr::V4(a) = address { Some(*a) } else { None };
        let roots = lab.roots().iter().flat_map(|(_, all)| all.iter().filter_map(v4).collect::<Vec<_>>()).collect();
        Self { port: lab.config().dns_port, roots }
    }

    /// Follows referrals from the root to whoever answers.
    pub fn walk(&self, qname: &Name, qtype: Rtype) -> Result<Answer, Failure> {
        let mut servers = self.roots.clone();
        let mut ds = 0;
        for _ in 0..12 {
            let server = *servers.first().expect("a delegation has a server");
            let (reply, truncated) = self.ask(server, qname, qtype)?;
            if !reply.header().aa() && reply.header().rcode() == Rcode::NOERROR {
                ds = count(&reply, Section::Authority, Rtype::DS);
                servers = self.referred(&reply);
                continue;
            }
            return match reply.header().rcode() {
                Rcode::NOERROR | Rcode::NXDOMAIN => Ok(Answer { reply, truncated, ds, server }),
                rcode => Err(Failure::Rcode(rcode)),
            };
        }
        panic!("referrals without end for {qname} {qtype}");
    }

    fn referred(&self, reply: &Reply) -> Vec<Ipv4Addr> {
        let mut out = Vec::new();
        let authority = reply.authority().expect("sections");
        for record in authority.limit_to::<Ns<ParsedName<_>>>().flatten() {
            let host: Name = record.data().nsdname().to_name();
            let additional = reply.additional().expect("sections").limit_to::<A>().flatten();
            let glue: Vec<Ipv4Addr> = additional.filter(|r| r.owner() == &host).map(|r| r.data().addr()).collect();
            if glue.is_empty() { out.extend(self.addresses(&host)) } else { out.extend(glue) }
        }
        out
    }

    /// Addresses of a name.
    pub fn addresses(&self, host: &Name) -> Vec<Ipv4Addr> {
        let answer = self.walk(host, Rtype::A).expect("an address");
        answer.reply.answer().expect("sections").limit_to::<A>().flatten().map(|r| r.data().addr()).collect()
    }

    /// One question to one server: UDP first, TCP if it is truncated.
    pub fn ask(&self, server: Ipv4Addr, qname: &Name, qtype: Rtype) -> Result<(Reply, bool), Failure> {
        let query = query(qname, qtype);
        let to = SocketAddr::from((server, self.port));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        // A connected socket takes answers only from the address it asked.
        socket.connect(to).expect("connect");
        socket.set_read_timeout(Some(Duration::from_millis(1500))).expect("timeout");
        socket.send(&query).expect("send");
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer).map_err(|_| Failure::Silent)?;
        buffer.truncate(length);
        let reply = Reply::from_octets(buffer.into()).expect("a message");
        assert_eq!(reply.header().id(), 77);
        assert!(length <= 1232, "{length} octets over UDP");
        if !reply.header().tc() {
            return Ok((reply, false));
        }
        let mut stream = TcpStream::connect(to).expect("TCP");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        stream.write_all(&[&(query.len() as u16).to_be_bytes(), query.as_slice()].concat()).expect("send");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("length");
        let mut buffer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut buffer).expect("message");
        Ok((Reply::from_octets(buffer.into()).expect("a message"), true))
    }
}

fn query(qname: &Name, qtype: Rtype) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(77);
    builder.header_mut().set_cd(true);
    let mut question = builder.question();
    question.push((qname, qtype, Class::IN)).expect("fits");
    let mut additional = question.additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(1232);
            opt.set_dnssec_ok(true);
            Ok(())
        })
        .expect("fits");
    additional.finish()
}

/// A section of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Answer,
    Authority,
}

/// All records of a section: owner, type, data.
pub fn records(reply: &Reply, section: Section) -> Vec<(Name, Rtype, Data)> {
    let records = match section {
        Section::Answer => reply.answer(),
        Section::Authority => reply.authority(),
    };
    let all = records.expect("sections").limit_to::<Data>().map(|r| r.expect("well-formed records"));
    all.map(|r| (r.owner().to_name(), r.rtype(), r.data().clone())).collect()
}

pub fn count(reply: &Reply, section: Section, rtype: Rtype) -> usize {
    records(reply, section).iter().filter(|(_, t, _)| *t == rtype).count()
}

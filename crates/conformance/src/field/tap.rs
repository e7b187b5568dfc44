//! Passes DNS on from a sender to its resolver, unchanged, and remembers what was asked.

use domain::base::Message;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Longer than resolvers try.
const PATIENCE: Duration = Duration::from_secs(30);

/// One question of a stub, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// Name in lower case, without the final dot.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// The AD bit of the question. (RFC 6840 section 5.7)
    pub authentic: bool,
    /// Checking disabled.
    pub checking_disabled: bool,
    /// Recursion desired.
    pub recursion: bool,
    /// Over TCP.
    pub tcp: bool,
    /// The response code, and whether the answer said AD; none: no answer.
    pub answer: Option<(String, bool)>,
}

/// What was asked so far.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<BTreeSet<Asked>>>);

impl Tap {
    /// Stands at port 53 of `here`, before a resolver, for as long as the test's process lives.
    ///
    /// # Panics
    /// If the address is taken.
    #[must_use]
    pub fn before(resolver: SocketAddr, here: Ipv4Addr) -> Self {
        let tap = Self::default();
        let udp = UdpSocket::bind((here, 53)).unwrap_or_else(|e| panic!("{here}: {e}"));
        let tcp = TcpListener::bind((here, 53)).unwrap_or_else(|e| panic!("{here}: {e}"));
        let (datagrams, streams) = (tap.clone(), tap.clone());
        thread::spawn(move || datagrams.datagrams(&udp, resolver));
        thread::spawn(move || {
            for client in tcp.incoming().flatten() {
                let tap = streams.clone();
                thread::spawn(move || tap.connection(client, resolver));
            }
        });
        tap
    }

    /// Every question so far, each once.
    ///
    /// # Panics
    /// If a thread did.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.0.lock().expect("no thread panicked").iter().cloned().collect()
    }

    fn remember(&self, question: &[u8], answer: Option<&[u8]>, transport: Transport) {
        let Ok(query) = Message::from_octets(question) else { return };
        let Ok(asked) = query.sole_question() else { return };
        let answer = answer.and_then(|octets| Message::from_octets(octets).ok());
        let header = query.header();
        let asked = Asked {
            name: asked.qname().to_string().to_ascii_lowercase(),
            rtype: asked.qtype().to_string(),
            dnssec_ok: query.opt().is_some_and(|opt| opt.dnssec_ok()),
            authentic: header.ad(),
            checking_disabled: header.cd(),
            recursion: header.rd(),
            tcp: transport == Transport::Tcp,
            answer: answer.map(|answer| (answer.header().rcode().to_string(), answer.header().ad())),
        };
        self.0.lock().expect("no thread panicked").insert(asked);
    }

    fn datagrams(&self, socket: &UdpSocket, resolver: SocketAddr) {
        let mut buffer = [0u8; 65_535];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let (question, tap) = (buffer[..length].to_vec(), self.clone());
            let Ok(back) = socket.try_clone() else { continue };
            thread::spawn(move || {
                let answer = ask(&question, resolver).ok();
                tap.remember(&question, answer.as_deref(), Transport::Udp);
                if let Some(answer) = answer {
                    let _ = back.send_to(&answer, client);
                }
            });
        }
    }

    fn connection(&self, mut client: TcpStream, resolver: SocketAddr) -> io::Result<()> {
        let mut server = TcpStream::connect_timeout(&resolver, PATIENCE)?;
        client.set_read_timeout(Some(PATIENCE))?;
        server.set_read_timeout(Some(PATIENCE))?;
        loop {
            let question = framed(&mut client)?;
            server.write_all(&[&(question.len() as u16).to_be_bytes(), &question[..]].concat())?;
            let answer = framed(&mut server);
            self.remember(&question, answer.as_deref().ok(), Transport::Tcp);
            let answer = answer?;
            client.write_all(&[&(answer.len() as u16).to_be_bytes(), &answer[..]].concat())?;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

fn framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn ask(question: &[u8], resolver: SocketAddr) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(question, resolver)?;
    let mut answer = vec![0u8; 65_535];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

//! The bare TCP connection with its SMTP dialogue, by plain system calls, many connections at a time: all of it in the clear, or with the
//! handshake of rustls in its place, and nothing recorded, let alone judged.

use super::server::Kind;
use super::{HOST, cpu};
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustls::ClientConfig;
use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Connections under way.
const OPEN: usize = 100;
/// What is said after each answer; the last answer is to QUIT. As many steps as a visit has: in the clear NOOP stands for STARTTLS.
const SAID: [&[u8]; 4] = [b"EHLO bench.example\r\n", b"NOOP\r\n", b"EHLO bench.example\r\n", b"QUIT\r\n"];

struct Connection {
    fd: OwnedFd,
    /// Commands sent.
    said: usize,
    tls: Option<Box<ClientConnection>>,
}

/// CPU seconds of one; with a client, TLS begins after the second command.
///
/// # Panics
/// If the server does not answer as it should.
pub fn measure(kind: Kind, count: usize, client: Option<&Arc<ClientConfig>>) -> f64 {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    let mut open: Vec<Option<Connection>> = (0..OPEN).map(|_| None).collect();
    let mut free: Vec<usize> = (0..OPEN).collect();
    let (mut begun, mut done) = (0, 0);
    let before = cpu();
    let mut events = Vec::with_capacity(OPEN);
    while done < count {
        while begun < count
            && let Some(slot) = free.pop()
        {
            open[slot] = Some(connect(&poll, slot, address(begun, kind)));
            begun += 1;
        }
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => panic!("epoll: {e}"),
        }
        for event in &events {
            let slot = usize::try_from(event.data.u64()).expect("slot");
            if open[slot].as_mut().is_some_and(|connection| connection.step(client)) {
                open[slot] = None;
                free.push(slot);
                done += 1;
            }
        }
    }
    (cpu() - before) / count as f64
}

/// One of many addresses, so that no port runs out.
pub fn address(number: usize, kind: Kind) -> SocketAddr {
    let [_, _, high, low] = u32::try_from(number % 50_000).expect("small").to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 1, high, low.max(1)), kind.port()))
}

fn connect(poll: &OwnedFd, slot: usize, address: SocketAddr) -> Connection {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("socket");
    sockopt::set_tcp_nodelay(&fd, true).expect("nodelay");
    match rustix::net::connect(&fd, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(e) => panic!("{address}: {e}"),
    }
    epoll::add(poll, fd.as_fd(), epoll::EventData::new_u64(slot as u64), epoll::EventFlags::IN).expect("epoll");
    Connection { fd, said: 0, tls: None }
}

impl Connection {
    /// Takes what came and says the next thing, if it is time for it. True: all is said and answered.
    fn step(&mut self, client: Option<&Arc<ClientConfig>>) -> bool {
        let mut buffer = [0; 8192];
        let got = match rustix::io::read(&self.fd, &mut buffer) {
            Ok(got) => got,
            Err(Errno::AGAIN) => return false,
            Err(e) => panic!("read: {e}"),
        };
        assert!(got > 0, "the server hung up after {} commands", self.said);
        if let Some(client) = client.filter(|_| self.said == 2) {
            if self.tls.is_none() {
                let name = ServerName::try_from(HOST).expect("name");
                self.tls = Some(Box::new(ClientConnection::new(Arc::clone(client), name).expect("client")));
            }
            self.take(&buffer[..got]);
            if self.is_handshaking() {
                self.flush();
                return false;
            }
        } else if self.tls.is_some() && !self.take(&buffer[..got]) {
            return false;
        }
        let Some(next) = SAID.get(self.said) else { return true };
        let next: &[u8] = if client.is_some() && self.said == 1 { b"STARTTLS\r\n" } else { next };
        self.said += 1;
        match &mut self.tls {
            None => self.send(next),
            Some(tls) => {
                tls.writer().write_all(next).expect("engine");
                if self.said == SAID.len() {
                    tls.send_close_notify();
                }
                self.flush();
            }
        }
        false
    }

    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Gives octets to the engine. True: there is a reply.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        let Some(tls) = &mut self.tls else { return false };
        // What was the reply to STARTTLS.
        if bytes.starts_with(b"220 ") {
            return false;
        }
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes).expect("records");
            tls.process_new_packets().expect("messages");
        }
        matches!(tls.reader().read(&mut [0; 512]), Ok(1..))
    }

    fn flush(&mut self) {
        let Some(tls) = &mut self.tls else { return };
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).expect("engine");
        }
        self.send(&out);
    }

    fn send(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            assert_eq!(rustix::io::write(&self.fd, bytes).expect("write"), bytes.len());
        }
    }
}

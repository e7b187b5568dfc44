//! The bare TCP connection with its SMTP dialogue: plain system calls, all of them in the clear, many connections at a time.

use super::cpu;
use super::server::Kind;
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::net::{Ipv4Addr, SocketAddr};

/// Connections under way.
const OPEN: usize = 100;
/// What is said after each answer; the last answer is to QUIT. As many steps as a visit has: NOOP stands for STARTTLS, and what a visit says in
/// TLS is said in the clear.
const SAID: [&[u8]; 4] = [b"EHLO bench.example\r\n", b"NOOP\r\n", b"EHLO bench.example\r\n", b"QUIT\r\n"];

struct Connection {
    fd: OwnedFd,
    /// Commands sent.
    said: usize,
}

/// CPU seconds of one.
///
/// # Panics
/// If the server does not answer as it should.
pub fn measure(kind: Kind, count: usize) -> f64 {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    let mut open: Vec<Option<Connection>> = (0..OPEN).map(|_| None).collect();
    let (mut begun, mut done) = (0, 0);
    let before = cpu();
    let mut events = Vec::with_capacity(OPEN);
    while done < count {
        for (slot, place) in open.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            if begun < count {
                *place = Some(connect(&poll, slot, address(begun, kind)));
                begun += 1;
            }
        }
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => panic!("epoll: {e}"),
        }
        for event in &events {
            let slot = usize::try_from(event.data.u64()).expect("slot");
            if open[slot].as_mut().is_some_and(step) {
                open[slot] = None;
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
    Connection { fd, said: 0 }
}

/// Takes an answer and says the next thing. True: all is said and answered.
fn step(connection: &mut Connection) -> bool {
    let mut buffer = [0; 512];
    let got = match rustix::io::read(&connection.fd, &mut buffer) {
        Ok(got) => got,
        Err(Errno::AGAIN) => return false,
        Err(e) => panic!("read: {e}"),
    };
    assert!(got > 0, "the server hung up after {} commands", connection.said);
    let Some(next) = SAID.get(connection.said) else { return true };
    let sent = rustix::io::write(&connection.fd, next).expect("write");
    assert_eq!(sent, next.len());
    connection.said += 1;
    false
}

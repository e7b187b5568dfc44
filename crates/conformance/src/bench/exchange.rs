//! What one UDP exchange costs, in the manner of massdns: a loop over a few sockets with many queries under way, plain sendto and
//! recvfrom, nothing checked but the id.

use super::MEASURED;
use super::query::{Flags, Query};
use super::usage::on_core;
use super::verification::cpu_time;
use super::world::World;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use std::net::{SocketAddr, UdpSocket};

/// Types that a stub asks of every name; danelaw's stub is compared on the same.
pub const TYPES: [&str; 4] = ["SOA", "NS", "DNSKEY", "MX"];
/// Names that are asked for: enough for half a second of CPU time.
const NAMES: usize = 25_000;
const SOCKETS: usize = 8;
/// So few to a socket that what the kernel gives it by default holds all their replies.
const UNDER_WAY: usize = 500;
/// After this long without a reply everything under way is asked again.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
const MOST_RETRIES: usize = 20;

/// CPU seconds of one exchange, from asking a name server for many names and all types.
///
/// # Panics
/// If it stops answering.
pub fn measure(world: &World) -> f64 {
    let domains = world.signed().domains.iter().take(NAMES);
    let mut queries: Vec<Query> = domains.flat_map(|domain| TYPES.map(|rtype| Query::new(&domain.name, rtype, Flags::Iterative))).collect();
    let server = world.server();
    on_core(MEASURED, || {
        let mut client = Client::new(server).expect("sockets");
        let begun = cpu_time();
        client.run(&mut queries).expect("sockets work");
        (cpu_time() - begun) / queries.len() as f64
    })
}

struct Client {
    server: SocketAddr,
    sockets: Vec<UdpSocket>,
    epoll: rustix::fd::OwnedFd,
    /// The query that each id stands for at the moment.
    slots: Vec<Option<usize>>,
    next: usize,
    answered: usize,
}

impl Client {
    fn new(server: SocketAddr) -> std::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut sockets = Vec::new();
        for number in 0..SOCKETS {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            epoll::add(&epoll, &socket, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
            sockets.push(socket);
        }
        Ok(Self { server, sockets, epoll, slots: vec![None; UNDER_WAY], next: 0, answered: 0 })
    }

    fn run(&mut self, queries: &mut [Query]) -> std::io::Result<()> {
        for slot in 0..self.slots.len() {
            self.send_next(queries, slot)?;
        }
        let (mut events, mut silences) = (Vec::with_capacity(SOCKETS), 0);
        while self.answered < queries.len() {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            if events.is_empty() {
                silences += 1;
                assert!(silences < MOST_RETRIES, "{} does not answer", self.server);
                self.send_again(queries)?;
            }
            for event in &events {
                self.receive(queries, event.data.u64() as usize)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, queries: &mut [Query], socket: usize) -> std::io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.sockets[socket].recv_from(&mut buffer) {
                Ok((size, _)) if size >= 12 => {
                    let slot = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
                    if self.slots.get(slot).is_some_and(Option::is_some) {
                        self.answered += 1;
                        self.send_next(queries, slot)?;
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn send_next(&mut self, queries: &mut [Query], slot: usize) -> std::io::Result<()> {
        self.slots[slot] = (self.next < queries.len()).then_some(self.next);
        if let Some(at) = self.slots[slot] {
            self.next += 1;
            self.send(&mut queries[at], slot)?;
        }
        Ok(())
    }

    fn send_again(&mut self, queries: &mut [Query]) -> std::io::Result<()> {
        for slot in 0..self.slots.len() {
            if let Some(at) = self.slots[slot] {
                self.send(&mut queries[at], slot)?;
            }
        }
        Ok(())
    }

    fn send(&self, query: &mut Query, slot: usize) -> std::io::Result<()> {
        self.sockets[slot % SOCKETS].send_to(query.with_id(slot as u16), self.server).map(drop)
    }
}

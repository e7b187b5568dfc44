//! Name servers that answer many datagrams with one system call, each address by a thread of its own; and what one network may have.

use super::adversity::Way;
use super::server::{Answers, Ask};
use crate::{LabError, net};
use domain::base::Message;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Datagrams read and answered at once.
const BATCH: usize = 64;
/// Longest query read; what is longer is cut, and no query.
const QUERY: usize = 1024;
/// Octets that the system may hold for us; it gives what it allows.
const BACKLOG: usize = 4 << 20;
/// How long a thread waits before it looks whether it is to end.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Opens a UDP socket at each address and answers from it until `stop` is set.
///
/// # Errors
/// Sockets or threads refused.
pub fn serve<A: Answers>(answers: &Arc<A>, addresses: &[Ipv4Addr], port: u16, stop: &Arc<AtomicBool>) -> Result<(), LabError> {
    for address in addresses {
        let at = SocketAddr::from((*address, port));
        let socket = UdpSocket::bind(at).map_err(|e| net::refused("UDP", at, "--dns-port", e))?;
        let _ = setsockopt(&socket, sockopt::RcvBuf, &BACKLOG);
        socket.set_read_timeout(Some(LOOK_UP)).map_err(|e| net::refused("UDP", at, "--dns-port", e))?;
        let (answers, address, stop) = (Arc::clone(answers), *address, Arc::clone(stop));
        let run = move || {
            let mut server = Server { socket, address, answers: answers.as_ref(), rations: Rations::new() };
            while !stop.load(Ordering::Relaxed) {
                server.batch();
            }
        };
        std::thread::Builder::new().name(format!("dns {address}")).spawn(run).map_err(LabError::Threads)?;
    }
    Ok(())
}

struct Server<'a, A> {
    socket: UdpSocket,
    address: Ipv4Addr,
    answers: &'a A,
    rations: Rations,
}

impl<A: Answers> Server<'_, A> {
    /// Waits for datagrams, and answers those that are there.
    fn batch(&mut self) {
        let mut buffers = [[0; QUERY]; BATCH];
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let mut replies: Vec<(Vec<u8>, SockaddrIn)> = Vec::with_capacity(BATCH);
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        // An error is of a single packet (ICMP), or time to look up; the socket stays good.
        let Ok(received) = recvmmsg(self.socket.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None) else {
            return;
        };
        let now = Instant::now();
        for message in received {
            if let (Some(query), Some(source)) = (message.iovs().next(), message.address) {
                let answer = self.answer(query, SocketAddrV4::from(source), now);
                replies.extend(answer.map(|answer| (answer, source)));
            }
        }
        self.answers.flush();
        self.send(&replies);
    }

    fn answer(&mut self, query: &[u8], source: SocketAddrV4, now: Instant) -> Option<Vec<u8>> {
        let (answer, _) = self.answers.respond(self.address, SocketAddr::V4(source), query, false)?;
        match self.rations.next(*source.ip(), now) {
            Ration::Whole => Some(answer),
            // Whoever really asked comes again over TCP; whoever is being flooded in somebody's name gets no more than was sent.
            Ration::Truncated => Ask::read(&Message::from_octets(query).ok()?, Way::Udp)?.truncated(),
            Ration::Nothing => None,
        }
    }

    fn send(&self, replies: &[(Vec<u8>, SockaddrIn)]) {
        let mut left = replies;
        while !left.is_empty() {
            let slices: Vec<[IoSlice<'_>; 1]> = left.iter().map(|(reply, _)| [IoSlice::new(reply)]).collect();
            let addresses: Vec<Option<SockaddrIn>> = left.iter().map(|(_, source)| Some(*source)).collect();
            let mut headers = MultiHeaders::preallocate(left.len(), None);
            let sent = sendmmsg(self.socket.as_raw_fd(), &mut headers, &slices, addresses, [], MsgFlags::empty());
            // One that cannot be sent stands in nobody's way.
            left = left.get(sent.map_or(1, |sent| sent.count().max(1))..).unwrap_or_default();
        }
    }
}

/// What a network gets next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ration {
    Whole,
    Truncated,
    Nothing,
}

/// Answers of this second, by network; networks that fall together share.
struct Rations {
    begun: Instant,
    used: Vec<u16>,
}

impl Rations {
    /// Networks told apart.
    const NETWORKS: usize = 1 << 14;
    /// Answers a second to one network over UDP.
    const WHOLE: u16 = 100;
    /// Answers, truncated ones too.
    const ANY: u16 = 200;

    fn new() -> Self {
        Self { begun: Instant::now(), used: vec![0; Self::NETWORKS] }
    }

    fn next(&mut self, source: Ipv4Addr, now: Instant) -> Ration {
        // Nobody's name can be forged here.
        if IpAddr::V4(source).is_loopback() {
            return Ration::Whole;
        }
        if now.saturating_duration_since(self.begun) >= Duration::from_secs(1) {
            self.begun = now;
            self.used.fill(0);
        }
        let network = u32::from(source) >> 8;
        let place = network.wrapping_mul(0x9e37_79b1) >> (32 - Self::NETWORKS.trailing_zeros());
        let Some(used) = self.used.get_mut(place as usize) else { return Ration::Whole };
        *used = used.saturating_add(1);
        match *used {
            used if used <= Self::WHOLE => Ration::Whole,
            used if used <= Self::ANY => Ration::Truncated,
            _ => Ration::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_in_somebodys_name_ends() {
        let mut rations = Rations::new();
        let (now, victim, other) = (rations.begun, Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(198, 51, 100, 7));
        let mut got = |source, now| (0..1000).map(|_| rations.next(source, now)).collect::<Vec<_>>();
        let count = |all: &[Ration], what| all.iter().filter(|r| **r == what).count();
        let first = got(victim, now);
        assert_eq!((count(&first, Ration::Whole), count(&first, Ration::Truncated), count(&first, Ration::Nothing)), (100, 100, 800));
        assert_eq!(count(&got(other, now), Ration::Whole), 100, "others have their own");
        assert_eq!(count(&got(victim, now + Duration::from_secs(1)), Ration::Whole), 100, "a second later it begins anew");
        assert_eq!(count(&got(Ipv4Addr::LOCALHOST, now), Ration::Whole), 1000);
    }
}

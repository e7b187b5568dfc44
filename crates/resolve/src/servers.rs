//! What is remembered of servers: how fast they are, whether they are silent, whether they understand EDNS.

use crate::cache::Cache;
use crate::exchange::Transport;
use rand::Rng;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a server is remembered after we last heard of it.
const MEMORY: Duration = Duration::from_secs(900);
/// How long a server that was silent is asked last.
const PENALTY: Duration = Duration::from_secs(60);
/// Silences in a row after which a server counts as dead for the time of the penalty: it is then tried once, not several times. Twice
/// as many if it has answered before.
const DEAD: u8 = 4;
/// Bytes that one entry takes, about; bounds the book to some ten thousand servers a megabyte.
const ENTRY: usize = 100;

#[derive(Clone, Copy)]
struct Memory {
    /// Smoothed round-trip time; `None` until it has answered once.
    rtt: Option<Duration>,
    silences: u8,
    silent_at: Instant,
    /// It has answered with EDNS.
    edns: bool,
    /// It has refused EDNS.
    plain: bool,
    /// It has answered over UDP.
    datagrams: bool,
    /// When it was last tried over TCP after silence over UDP, and whether it answered.
    stream: Option<(Instant, bool)>,
}

/// Whether a server is worth more than one try now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Normal,
    /// Silent several times in a row, the last time not long ago.
    Dead,
}

/// The memory of all servers.
pub struct Servers {
    book: Cache<IpAddr, Memory>,
}

impl Servers {
    pub fn new() -> Self {
        Self { book: Cache::new(16 << 20) }
    }

    /// Puts the fastest first, with some chance for others; those that were silent lately go last.
    pub fn order(&self, servers: &mut [IpAddr]) {
        let mut random = rand::rng();
        servers.sort_by_cached_key(|ip| {
            let known = self.book.get(ip);
            // One never asked may be the fastest: its place is drawn.
            let rtt = known.and_then(|m| m.rtt).unwrap_or_else(|| Duration::from_millis(random.random_range(1..100)));
            let penalty = known.filter(|m| m.silent()).map_or(Duration::ZERO, |m| Duration::from_secs(u64::from(m.silences)));
            rtt.mul_f64(random.random_range(0.8..1.25)) + penalty
        });
    }

    pub fn health(&self, server: IpAddr) -> Health {
        match self.book.get(&server) {
            // One that has answered before may only be on a path that loses much.
            Some(memory) if memory.silent() && memory.silences >= if memory.rtt.is_some() { 2 * DEAD } else { DEAD } => Health::Dead,
            _ => Health::Normal,
        }
    }

    /// Whether it has answered anything lately.
    pub fn has_answered(&self, server: IpAddr) -> bool {
        self.book.get(&server).is_some_and(|m| m.rtt.is_some())
    }

    /// Whether it is worth a try over TCP: one that says nothing over UDP may be behind something that lets no datagrams through.
    pub fn may_speak_over_tcp(&self, server: IpAddr) -> bool {
        !self.book.get(&server).and_then(|m| m.stream).is_some_and(|(at, spoke)| !spoke && at.elapsed() < PENALTY)
    }

    /// Whether it answers over TCP only, as far as is known. Now and then UDP is given another chance.
    pub fn is_deaf_to_datagrams(&self, server: IpAddr) -> bool {
        self.book.get(&server).is_some_and(|m| !m.datagrams && m.stream.is_some_and(|(at, spoke)| spoke && at.elapsed() < PENALTY))
    }

    /// How long to wait for its answer: some round-trip times if it is known, `most` otherwise.
    pub fn patience(&self, server: IpAddr, most: Duration) -> Duration {
        let usual = self.book.get(&server).and_then(|m| m.rtt);
        usual.map_or(most, |rtt| (rtt * 4 + Duration::from_millis(300)).min(most))
    }

    /// Whether it must be asked without EDNS.
    pub fn is_plain(&self, server: IpAddr) -> bool {
        // One that has spoken EDNS refused something else. Without EDNS there are no signatures, and signed data looks bogus.
        self.book.get(&server).is_some_and(|m| m.plain && !m.edns)
    }

    pub fn heard(&self, server: IpAddr, rtt: Duration, over: Transport) {
        self.change(server, |m| {
            m.rtt = Some(m.rtt.map_or(rtt, |old| (old * 7 + rtt) / 8));
            match over {
                Transport::Udp => m.datagrams = true,
                Transport::Tcp if m.silences > 0 => m.stream = Some((Instant::now(), true)),
                // UDP was not tried before, or its answer was cut.
                Transport::Tcp => {}
            }
            m.silences = 0;
        });
    }

    pub fn silent(&self, server: IpAddr, over: Transport) {
        self.change(server, |m| {
            m.silences = m.silences.saturating_add(1);
            m.silent_at = Instant::now();
            if over == Transport::Tcp {
                m.stream = Some((m.silent_at, false));
            }
        });
    }

    pub fn speaks_edns(&self, server: IpAddr) {
        if self.book.get(&server).is_none_or(|m| !m.edns) {
            self.change(server, |m| m.edns = true);
        }
    }

    pub fn speaks_no_edns(&self, server: IpAddr) {
        self.change(server, |m| m.plain = true);
    }

    /// Two workers may change one entry at once and one change be lost; it is only a memory of habits.
    fn change(&self, server: IpAddr, change: impl FnOnce(&mut Memory)) {
        let now = Instant::now();
        let new = Memory { rtt: None, silences: 0, silent_at: now, edns: false, plain: false, datagrams: false, stream: None };
        let mut memory = self.book.get(&server).unwrap_or(new);
        change(&mut memory);
        self.book.put(server, memory, ENTRY, now + MEMORY);
    }
}

impl Memory {
    fn silent(&self) -> bool {
        self.silences > 0 && self.silent_at.elapsed() < PENALTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_servers_come_last_and_die_after_four_silences() {
        let servers = Servers::new();
        let [slow, fast, dead]: [IpAddr; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|ip| ip.parse().unwrap());
        servers.heard(slow, Duration::from_millis(300), Transport::Udp);
        servers.heard(fast, Duration::from_millis(3), Transport::Udp);
        (0..4).for_each(|_| servers.silent(dead, Transport::Udp));
        let mut list = [dead, slow, fast];
        servers.order(&mut list);
        assert_eq!(list, [fast, slow, dead]);
        assert_eq!((servers.health(dead), servers.health(slow)), (Health::Dead, Health::Normal));
        servers.heard(dead, Duration::from_millis(1), Transport::Udp);
        (0..4).for_each(|_| servers.silent(dead, Transport::Udp));
        assert_eq!(servers.health(dead), Health::Normal, "it has answered before");
    }

    #[test]
    fn who_is_deaf_to_datagrams_is_asked_over_tcp() {
        let servers = Servers::new();
        let server: IpAddr = "127.0.0.1".parse().unwrap();
        (0..9).for_each(|_| servers.silent(server, Transport::Udp));
        assert_eq!((servers.health(server), servers.may_speak_over_tcp(server)), (Health::Dead, true));
        servers.heard(server, Duration::from_millis(1), Transport::Tcp);
        assert!(servers.is_deaf_to_datagrams(server));
        assert_eq!(servers.health(server), Health::Normal);
        servers.heard(server, Duration::from_millis(1), Transport::Udp);
        assert!(!servers.is_deaf_to_datagrams(server));
        let dead: IpAddr = "127.0.0.2".parse().unwrap();
        servers.silent(dead, Transport::Tcp);
        assert!(!servers.may_speak_over_tcp(dead), "once is enough for a while");
        let cut: IpAddr = "127.0.0.3".parse().unwrap();
        servers.heard(cut, Duration::from_millis(1), Transport::Tcp);
        assert!(!servers.is_deaf_to_datagrams(cut), "it may have answered over UDP that it does not fit");
    }
}

//! Politeness in numbers: how often a name server is asked, and how many questions it has before it at once.
//!
//! A query waits in line first for its server, then its network, and last for all of us. Narrow lines come first, so that those who wait
//! for one busy server hold up nobody else. A server that is silent or refuses is asked ever more seldom, until it answers.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// How often and how many at once, all resolvers that share a [`Gate`] together. Infinite rates are no limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Queries per second, all together.
    pub total_per_s: f64,
    /// Queries per second to one address.
    pub server_per_s: f64,
    /// Queries per second to one network, IPv4 /24 or IPv6 /48: one operator, as far as addresses tell.
    pub network_per_s: f64,
    /// Queries under way to one address.
    pub server_open: usize,
    /// Whether servers on loopback addresses have limits, too. They are ourselves.
    pub loopback: bool,
}

impl Pace {
    /// No limits.
    pub const UNHURRIED: Self = Self {
        total_per_s: f64::INFINITY,
        server_per_s: f64::INFINITY,
        network_per_s: f64::INFINITY,
        server_open: Semaphore::MAX_PERMITS,
        loopback: false,
    };

    /// For surveys: a hundredth of what a small name server can answer, and on a long way no more under way than a second's worth.
    pub const POLITE: Self =
        Self { total_per_s: f64::INFINITY, server_per_s: 300.0, network_per_s: 1000.0, server_open: 100, loopback: false };
}

/// Lets queries pass at a [`Pace`]. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<Limits>>);

struct Limits {
    pace: Pace,
    servers: Lines<IpAddr>,
    networks: Lines<IpAddr>,
    all: Lines<()>,
    open: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// How often in a row a server was silent or refused.
    troubles: Mutex<HashMap<IpAddr, u32>>,
}

/// A server in trouble is asked at most so many times more seldom, as a power of two: every few seconds.
const MAX_BACKOFF: u32 = 10;
/// Servers whose troubles are remembered.
const MAX_TROUBLES: usize = 100_000;

impl Gate {
    /// A gate; [`Gate::default`] has no limits.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self(Some(Arc::new(Limits {
            servers: Lines::new(pace.server_per_s),
            networks: Lines::new(pace.network_per_s),
            all: Lines::new(pace.total_per_s),
            open: Mutex::default(),
            troubles: Mutex::default(),
            pace,
        })))
    }

    /// What it is set to.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.0.as_ref().map_or(Pace::UNHURRIED, |limits| limits.pace)
    }

    /// Waits for leave to ask this server.
    pub(crate) async fn turn(&self, server: IpAddr) -> Turn<'_> {
        let Some(limits) = self.0.as_deref().filter(|limits| limits.pace.loopback || !server.is_loopback()) else {
            return Turn { at: None, _open: None };
        };
        let trouble = lock(&limits.troubles).get(&server).copied().unwrap_or(0);
        limits.servers.wait(server, 1 << trouble).await;
        limits.networks.wait(network(server), 1).await;
        limits.all.wait((), 1).await;
        let open = if limits.pace.server_open < Semaphore::MAX_PERMITS { limits.open(server).acquire_owned().await.ok() } else { None };
        Turn { at: Some((limits, server)), _open: open }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pace().fmt(f)
    }
}

impl Limits {
    fn open(&self, server: IpAddr) -> Arc<Semaphore> {
        let mut map = lock(&self.open);
        if map.len() > 1024 && map.len().is_power_of_two() {
            // Nobody holds or awaits what only the map knows.
            map.retain(|_, open| Arc::strong_count(open) > 1 || open.available_permits() < self.pace.server_open);
        }
        Arc::clone(map.entry(server).or_insert_with(|| Arc::new(Semaphore::new(self.pace.server_open.max(1)))))
    }
}

/// Leave to ask one server once, to be held until it has answered.
pub(crate) struct Turn<'a> {
    at: Option<(&'a Limits, IpAddr)>,
    _open: Option<OwnedSemaphorePermit>,
}

impl Turn<'_> {
    /// The server answered, and did not refuse.
    pub(crate) fn well(self) {
        if let Some((limits, server)) = self.at {
            lock(&limits.troubles).remove(&server);
        }
    }

    /// The server was silent, or refused.
    pub(crate) fn badly(self) {
        if let Some((limits, server)) = self.at {
            let mut troubles = lock(&limits.troubles);
            if troubles.len() < MAX_TROUBLES || troubles.contains_key(&server) {
                let trouble = troubles.entry(server).or_default();
                *trouble = (*trouble + 1).min(MAX_BACKOFF);
            }
        }
    }
}

/// The network of an address: IPv4 /24, IPv6 /48.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80)),
    }
}

/// One waiting line for each key, served at one rate. (The generic cell rate algorithm with bursts of up to a second's worth.)
pub struct Lines<K> {
    interval: Duration,
    burst: Duration,
    /// When the next turn of each key would come if there were no bursts.
    due: Mutex<HashMap<K, Instant>>,
}

/// The turn would come later than is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

impl<K: Eq + Hash> Lines<K> {
    /// Lines that are served so many times a second; infinitely often: nobody waits.
    #[must_use]
    pub fn new(per_s: f64) -> Self {
        // The longest interval that makes sense; also keeps `from_secs_f64` within its range.
        let interval = Duration::from_secs_f64((1.0 / per_s).clamp(0.0, 86_400.0));
        Self { interval, burst: Duration::from_secs(1).saturating_sub(interval), due: Mutex::default() }
    }

    /// Waits for a turn, which takes as much of the line as `weight` others.
    pub async fn wait(&self, key: K, weight: u32) {
        if !self.interval.is_zero()
            && let Ok(at) = self.reserve(key, weight, None)
        {
            sleep_until(at).await;
        }
    }

    /// Waits for a turn, which takes as much of the line as `weight` others, if it comes before `until`.
    ///
    /// # Errors
    /// At once if it does not.
    pub async fn wait_until(&self, key: K, weight: u32, until: Instant) -> Result<(), TooLate> {
        if !self.interval.is_zero() {
            sleep_until(self.reserve(key, weight, Some(until))?).await;
        }
        Ok(())
    }

    /// Takes the next place in line, if it is before `until`.
    fn reserve(&self, key: K, weight: u32, until: Option<Instant>) -> Result<Instant, TooLate> {
        let now = Instant::now();
        let mut due = lock(&self.due);
        if due.len() > 1024 && due.len().is_power_of_two() {
            due.retain(|_, at| *at > now);
        }
        let place = due.get(&key).copied().unwrap_or(now).max(now);
        let at = place.checked_sub(self.burst).unwrap_or(now).max(now);
        if until.is_some_and(|until| at > until) {
            return Err(TooLate);
        }
        due.insert(key, place + self.interval * weight);
        Ok(at)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    /// Waits one after the other, in time that does not pass by itself.
    async fn after(gate: &Gate, servers: &[&str], badly: bool) -> f64 {
        let start = Instant::now();
        for server in servers {
            let turn = gate.turn(server.parse().unwrap()).await;
            if badly { turn.badly() } else { turn.well() }
        }
        start.elapsed().as_secs_f64()
    }

    #[test]
    fn networks_are_24_and_48() {
        assert_eq!(network("198.51.100.77".parse().unwrap()), "198.51.100.0".parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::".parse::<IpAddr>().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_as_often_as_is_said_after_a_first_second() {
        let gate = Gate::new(Pace { server_per_s: 10.0, ..Pace::UNHURRIED });
        assert!((after(&gate, &["192.0.2.1"; 110], false).await - 10.0).abs() < 0.2);
        assert!(after(&gate, &["192.0.2.2"; 5], false).await < 0.01, "others need not wait");
        assert!(after(&gate, &["127.0.0.1"; 1000], false).await < 0.01, "nor do we ourselves");
    }

    #[tokio::test(start_paused = true)]
    async fn neighbours_share_their_network_and_all_share_the_total() {
        let gate = Gate::new(Pace { network_per_s: 10.0, ..Pace::UNHURRIED });
        assert!((after(&gate, &["192.0.2.1", "192.0.2.9"].repeat(55), false).await - 10.0).abs() < 0.2);
        assert!(after(&gate, &["192.0.3.1"], false).await < 0.01);
        let gate = Gate::new(Pace { total_per_s: 10.0, ..Pace::UNHURRIED });
        assert!((after(&gate, &["192.0.2.1", "198.51.100.1"].repeat(55), false).await - 10.0).abs() < 0.2);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_slows_down_and_an_answer_ends_it() {
        let gate = Gate::new(Pace { server_per_s: 100.0, ..Pace::UNHURRIED });
        let slow = after(&gate, &["192.0.2.1"; 30], true).await;
        assert!(slow > 100.0, "{slow}");
        gate.turn(SERVER).await.well();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(after(&gate, &["192.0.2.1"; 90], false).await < 0.5);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_under_way() {
        let gate = Gate::new(Pace { server_open: 2, ..Pace::UNHURRIED });
        let (_one, two) = (gate.turn(SERVER).await, gate.turn(SERVER).await);
        let third = tokio::time::timeout(Duration::from_secs(5), gate.turn(SERVER)).await;
        assert!(third.is_err());
        two.well();
        assert!(tokio::time::timeout(Duration::from_secs(5), gate.turn(SERVER)).await.is_ok());
    }
}

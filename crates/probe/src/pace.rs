//! Politeness in numbers: how often, and how many at once.
//!
//! A visit waits in line first for its address, then its network, its provider, and last for the whole survey. Narrow lines come first, so
//! that those who wait for one busy server hold up nobody else. Who says that we come too often (421, "too many") is visited ever more seldom,
//! with all of its network and of its provider, until it greets us again.

use crate::config::{ConfigError, Pace};
use dane::name::Name;
use dane::suffix;
use resolve::gate::{Lines, TooLate, network};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The limits of one survey, and how far they are used.
pub(crate) struct Gate {
    pace: Pace,
    addresses: Lines<IpAddr>,
    networks: Lines<IpAddr>,
    providers: Lines<Name>,
    all: Lines<()>,
    open: Arc<Semaphore>,
    open_by_address: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// How often in a row an operator found us too eager.
    troubles: Mutex<HashMap<Operator, u32>>,
}

/// Who runs a server, as well as we can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Operator {
    Network(IpAddr),
    Provider(Name),
}

/// How a visit went, as far as our pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Felt {
    /// We were greeted.
    Welcome,
    /// We were told that we come too often, or too many at once.
    TooMuch,
    /// Neither.
    Nothing,
}

/// An operator in trouble is visited at most so many times more seldom, as a power of two.
const MAX_BACKOFF: u32 = 7;
/// Operators whose troubles are remembered.
const MAX_TROUBLES: usize = 100_000;

/// Leave to make one connection, to be held while it is open.
pub(crate) struct Turn {
    _open: OwnedSemaphorePermit,
    _at_address: Option<OwnedSemaphorePermit>,
}

/// Our patience was over before the turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooBusy;

impl From<TooLate> for TooBusy {
    fn from(_: TooLate) -> Self {
        Self
    }
}

impl Gate {
    pub(crate) fn new(pace: &Pace) -> Result<Self, ConfigError> {
        let rate = |value: f64, what| if value > 0.0 { Ok(value) } else { Err(ConfigError::Zero(what)) };
        if pace.open == 0 || pace.address_open == 0 {
            return Err(ConfigError::Zero("the number of open connections"));
        }
        Ok(Self {
            addresses: Lines::new(rate(pace.address_per_s, "the rate per address")?),
            networks: Lines::new(rate(pace.network_per_s, "the rate per network")?),
            providers: Lines::new(rate(pace.provider_per_s, "the rate per provider")?),
            all: Lines::new(rate(pace.total_per_s, "the total rate")?),
            open: Arc::new(Semaphore::new(pace.open.min(Semaphore::MAX_PERMITS))),
            open_by_address: Mutex::default(),
            troubles: Mutex::default(),
            pace: pace.clone(),
        })
    }

    /// Waits for leave to connect to this address of this host, until then at the longest.
    pub(crate) async fn turn(&self, host: &Name, address: IpAddr, by: Instant) -> Result<Turn, TooBusy> {
        let until = by.min(Instant::now() + self.pace.patience);
        let at_address = if address.is_loopback() { None } else { Some(Box::pin(self.in_line(host, address, until)).await?) };
        let open = acquire(Arc::clone(&self.open), until).await?;
        Ok(Turn { _open: open, _at_address: at_address })
    }

    async fn in_line(&self, host: &Name, address: IpAddr, until: Instant) -> Result<OwnedSemaphorePermit, TooBusy> {
        // A line that is longer than our patience is seen at its end, and nobody waits in vain.
        let (network, provider) = (network(address), provider(host));
        self.addresses.wait_until(address, 1, until).await?;
        self.networks.wait_until(network, self.weight(Operator::Network(network)), until).await?;
        self.providers.wait_until(provider.clone(), self.weight(Operator::Provider(provider)), until).await?;
        self.all.wait_until((), 1, until).await?;
        acquire(self.at_address(address), until).await
    }

    /// Learns from a visit how often its operator may be visited.
    pub(crate) fn learn(&self, host: &Name, address: IpAddr, felt: Felt) {
        if felt == Felt::Nothing || address.is_loopback() {
            return;
        }
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        for operator in [Operator::Network(network(address)), Operator::Provider(provider(host))] {
            if felt == Felt::Welcome {
                // A step at a time: some of its servers may still be full.
                match troubles.get_mut(&operator) {
                    Some(trouble) if *trouble > 1 => *trouble -= 1,
                    Some(_) => drop(troubles.remove(&operator)),
                    None => {}
                }
            } else if troubles.len() < MAX_TROUBLES || troubles.contains_key(&operator) {
                let trouble = troubles.entry(operator).or_default();
                *trouble = (*trouble + 1).min(MAX_BACKOFF);
            }
        }
    }

    /// As how many visits one to this operator counts.
    fn weight(&self, operator: Operator) -> u32 {
        1 << self.troubles.lock().unwrap_or_else(PoisonError::into_inner).get(&operator).copied().unwrap_or(0).min(MAX_BACKOFF)
    }

    fn at_address(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut map = self.open_by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() > 1024 && map.len().is_power_of_two() {
            // Nobody holds or awaits what only the map knows.
            map.retain(|_, s| Arc::strong_count(s) > 1 || s.available_permits() < self.pace.address_open);
        }
        Arc::clone(map.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.pace.address_open.min(Semaphore::MAX_PERMITS)))))
    }
}

async fn acquire(semaphore: Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit, TooBusy> {
    if let Ok(permit) = Arc::clone(&semaphore).try_acquire_owned() {
        return Ok(permit);
    }
    timeout_at(until, semaphore.acquire_owned()).await.ok().and_then(Result::ok).ok_or(TooBusy)
}

/// Who runs the host, as well as its name tells: the name that was registered. Strangers' names below a service's are the service's.
fn provider(host: &Name) -> Name {
    suffix::operator(host).unwrap_or_else(|| host.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn name(text: &str) -> Name {
        dane::name::parse_domain(text).unwrap()
    }

    fn whenever() -> Instant {
        Instant::now() + Duration::from_secs(1_000_000)
    }

    /// Turns taken one after another, each held for `held`; gives the moment of each since the start.
    async fn moments(gate: &Arc<Gate>, visits: &[(&str, &str)], held: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let tasks: Vec<_> = visits
            .iter()
            .map(|(host, address)| {
                let (gate, host, address) = (Arc::clone(gate), name(host), address.parse().unwrap());
                tokio::spawn(async move {
                    let turn = gate.turn(&host, address, whenever()).await;
                    let at = start.elapsed();
                    tokio::time::sleep(held).await;
                    turn.map(|_| at)
                })
            })
            .collect();
        let mut moments = Vec::new();
        for task in tasks {
            moments.extend(task.await.unwrap());
        }
        moments.sort();
        moments
    }

    fn gate(change: impl FnOnce(&mut Pace)) -> Arc<Gate> {
        let mut pace = Pace::unhurried();
        change(&mut pace);
        Arc::new(Gate::new(&pace).unwrap())
    }

    fn ms(moments: &[Duration]) -> Vec<u128> {
        moments.iter().map(Duration::as_millis).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_is_visited_at_its_rate() {
        let gate = gate(|p| p.address_per_s = 0.5);
        let moments = moments(&gate, &[("a.example", "192.0.2.1"); 4], Duration::ZERO).await;
        assert_eq!(ms(&moments), [0, 2000, 4000, 6000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_address_holds_up_nobody_else() {
        let gate = gate(|p| p.address_per_s = 0.1);
        let visits = [("a.example", "192.0.2.1"), ("a.example", "192.0.2.1"), ("b.example", "192.0.2.2"), ("c.example", "192.0.2.3")];
        assert_eq!(ms(&moments(&gate, &visits, Duration::ZERO).await), [0, 0, 0, 10_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn networks_and_providers_have_rates_of_their_own() {
        let by_network = gate(|p| p.network_per_s = 1.0);
        let visits = [
            ("a.example", "192.0.2.1"),
            ("b.example", "192.0.2.2"),
            ("c.example", "192.0.3.1"),
            ("d.example", "2001:db8::1"),
            ("e.example", "2001:db8:0:1::1"),
        ];
        assert_eq!(ms(&moments(&by_network, &visits, Duration::ZERO).await), [0, 0, 0, 1000, 1000]);
        let by_provider = gate(|p| p.provider_per_s = 1.0);
        let visits = [("mx1.big.example", "192.0.2.1"), ("mx2.BIG.example", "198.51.100.1"), ("mx.small.example", "203.0.113.1")];
        assert_eq!(ms(&moments(&by_provider, &visits, Duration::ZERO).await), [0, 0, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_rate_holds_after_a_burst_of_one_second() {
        let gate = gate(|p| p.total_per_s = 10.0);
        let addresses: Vec<String> = (0..30).map(|i| format!("10.{i}.0.1")).collect();
        let visits: Vec<(&str, &str)> = addresses.iter().map(|a| ("a.example", a.as_str())).collect();
        let moments = moments(&gate, &visits, Duration::ZERO).await;
        assert_eq!(moments.iter().filter(|m| m.as_millis() == 0).count(), 10);
        assert_eq!(moments.last().unwrap().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn open_connections_are_bounded() {
        let gate = gate(|p| p.address_open = 1);
        assert_eq!(ms(&moments(&gate, &[("a.example", "192.0.2.1"); 3], Duration::from_secs(5)).await), [0, 5000, 10_000]);
        let gate = Arc::new(Gate::new(&Pace { open: 2, ..Pace::unhurried() }).unwrap());
        let visits = [("a.example", "192.0.2.1"), ("b.example", "192.0.2.2"), ("c.example", "192.0.2.3")];
        assert_eq!(ms(&moments(&gate, &visits, Duration::from_secs(5)).await), [0, 0, 5000]);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let gate = gate(|p| {
            p.address_per_s = 0.1;
            p.patience = Duration::from_secs(15);
        });
        // The third would wait 20 s. It gives up at once and leaves no mark on the line.
        let begun = Instant::now();
        let third = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let refused = gate.turn(&name("a.example"), "192.0.2.1".parse().unwrap(), whenever()).await.is_err();
            (refused, begun.elapsed().as_millis())
        };
        let first_two = moments(&gate, &[("a.example", "192.0.2.1"); 2], Duration::from_secs(1));
        let (moments, third) = tokio::join!(first_two, third);
        assert_eq!((ms(&moments), third), (vec![0, 10_000], (true, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_us_too_eager_is_visited_more_seldom_until_we_are_welcome() {
        let gate = gate(|p| p.provider_per_s = 8.0);
        let full = (name("mx1.big.example"), "192.0.2.1".parse().unwrap());
        for _ in 0..5 {
            gate.learn(&full.0, full.1, Felt::TooMuch);
        }
        // Five times: one visit counts as 32, which is four seconds at eight a second. Another of its hosts waits as well, others do not.
        let visits = [("mx2.big.example", "198.51.100.1"); 3];
        assert_eq!(ms(&moments(&gate, &visits, Duration::ZERO).await), [0, 3125, 7125]);
        assert_eq!(ms(&moments(&gate, &[("mx.small.example", "203.0.113.1")], Duration::ZERO).await), [0]);
        for _ in 0..5 {
            gate.learn(&full.0, full.1, Felt::Welcome);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(ms(&moments(&gate, &[("mx2.big.example", "198.51.100.1"); 8], Duration::ZERO).await), [0; 8]);
        gate.learn(&full.0, full.1, Felt::Nothing);
        assert!(gate.troubles.lock().unwrap().is_empty());
    }

    #[test]
    fn rates_of_nothing_are_refused() {
        let changes: [fn(&mut Pace); 4] =
            [|p| p.total_per_s = 0.0, |p| p.address_per_s = -1.0, |p| p.network_per_s = f64::NAN, |p| p.open = 0];
        for change in changes {
            let mut pace = Pace::default();
            change(&mut pace);
            assert!(Gate::new(&pace).is_err());
        }
    }

    #[test]
    fn providers_by_name() {
        assert_eq!(provider(&name("mx1.mail.example.com")), name("example.com"));
        assert_eq!(provider(&name("example.com")), name("example.com"));
        assert_eq!(provider(&name("mx.example.co.uk")), name("example.co.uk"));
        assert_eq!(provider(&name("mx.somebody.github.io")), name("github.io"));
        assert_eq!(provider(&name("com")), name("com"));
        assert_eq!(provider(&Name::root_bytes()), Name::root_bytes());
    }
}

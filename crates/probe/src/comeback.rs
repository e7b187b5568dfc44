//! Coming back to servers that asked us to: bounded in number, in time, and at once over when the survey is called off.

use crate::config::Returns;
use dane::name::Name;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout_at};

/// How long we stay away from ourselves.
const LOOPBACK: Duration = Duration::from_secs(1);
/// Notices that wait to be read; older ones are lost.
const NOTICES: usize = 64;

/// Notice of a server that asked us to come back, and will be visited again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comeback {
    /// The MX host.
    pub host: Name,
    /// Its address.
    pub address: IpAddr,
    /// After this time.
    pub after: Duration,
}

/// The returns of a looker.
pub(crate) struct Comebacks {
    rules: Returns,
    made: AtomicU64,
    notices: broadcast::Sender<Comeback>,
    called_off: watch::Sender<bool>,
}

impl Comebacks {
    pub(crate) fn new(rules: Returns) -> Self {
        Self { rules, made: AtomicU64::new(0), notices: broadcast::Sender::new(NOTICES), called_off: watch::Sender::new(false) }
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<Comeback> {
        self.notices.subscribe()
    }

    /// Nobody is waited for any more.
    pub(crate) fn call_off(&self) {
        self.called_off.send_replace(true);
    }

    /// By when a visit to an address must begin that is wanted now.
    pub(crate) fn last_chance(&self) -> Instant {
        Instant::now() + self.rules.within
    }

    /// Stays away as long as is due before visit number `times` after the first. False: the address is not to be visited again.
    pub(crate) async fn stay_away(&self, times: usize, host: &Name, address: IpAddr, last_chance: Instant) -> bool {
        let after = if address.is_loopback() { self.rules.after.min(LOOPBACK) } else { self.rules.after };
        let until = Instant::now() + after;
        if times > usize::from(self.rules.times) || until > last_chance || self.made.fetch_add(1, Ordering::Relaxed) >= self.rules.in_all {
            return false;
        }
        // Nobody may be listening.
        let _ = self.notices.send(Comeback { host: host.clone(), address, after });
        let mut called_off = self.called_off.subscribe();
        timeout_at(until, called_off.wait_for(|off| *off)).await.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (Name, IpAddr) {
        (dane::name::parse_domain("mx.example").unwrap(), "192.0.2.1".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn every_bound_holds() {
        let (host, address) = place();
        let minute = Duration::from_secs(60);
        let rules = Returns { times: 2, after: minute, within: 3 * minute, in_all: 3 };
        let comebacks = Comebacks::new(rules.clone());
        let mut notices = comebacks.notices();
        let begun = Instant::now();
        let last = comebacks.last_chance();
        assert!(comebacks.stay_away(1, &host, address, last).await);
        assert_eq!(begun.elapsed(), minute);
        assert_eq!(notices.try_recv().unwrap(), Comeback { host: host.clone(), address, after: minute });
        assert!(comebacks.stay_away(2, &host, address, last).await);
        assert!(!comebacks.stay_away(3, &host, address, last).await, "more often than it may");
        assert!(!comebacks.stay_away(1, &host, address, begun + minute).await, "later than it may");
        assert!(comebacks.stay_away(1, &host, address, comebacks.last_chance()).await);
        assert!(!comebacks.stay_away(1, &host, address, comebacks.last_chance()).await, "the fourth in all");
        assert!(notices.try_recv().is_ok() && notices.try_recv().is_ok() && notices.try_recv().is_err(), "no notice of what is not done");
        assert!(!Comebacks::new(Returns { times: 0, ..rules }).stay_away(1, &host, address, comebacks.last_chance()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_the_waiting() {
        let (host, address) = place();
        let comebacks = Comebacks::new(Returns::POLITE);
        let begun = Instant::now();
        let last = comebacks.last_chance();
        let (came_back, ()) = tokio::join!(comebacks.stay_away(1, &host, address, last), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            comebacks.call_off();
        });
        assert_eq!((came_back, begun.elapsed()), (false, Duration::from_secs(3)));
        assert!(!comebacks.stay_away(1, &host, address, last).await, "and of what would come later, too");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_stays_away_from_himself_for_long() {
        let (host, _) = place();
        let begun = Instant::now();
        let comebacks = Comebacks::new(Returns::POLITE);
        assert!(comebacks.stay_away(1, &host, "::1".parse().unwrap(), comebacks.last_chance()).await);
        assert_eq!(begun.elapsed(), LOOPBACK);
    }
}

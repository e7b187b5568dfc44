//! Coming back to servers: bounded in number, in time, and at once over when the survey is called off.

use crate::config::Returns;
use aws_lc_rs::digest::{SHA256, digest};
use dane::name::Name;
use dane::smtp::Again;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout_at};

/// How long we stay away from ourselves if we ask for that.
const LOOPBACK: Duration = Duration::from_secs(1);
/// How long we stay away from ourselves else.
const LOOPBACK_SOON: Duration = Duration::from_millis(100);
/// The longest time that is added by the address, as a part of the time to stay away.
const JITTER: f64 = 0.25;
/// Notices that wait to be read; older ones are lost.
const NOTICES: usize = 64;

/// Notice of a server that will be visited again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comeback {
    /// The MX host.
    pub host: Name,
    /// Its address.
    pub address: IpAddr,
    /// Why.
    pub why: Again,
    /// After this time.
    pub after: Duration,
}

/// The returns of a looker.
pub(crate) struct Comebacks {
    rules: Returns,
    /// Makes the times of this vantage point others than those of the next.
    seed: String,
    /// By reason.
    made: [AtomicU64; 3],
    notices: broadcast::Sender<Comeback>,
    called_off: watch::Sender<bool>,
}

/// One look's visits to one address.
pub(crate) struct Visited {
    /// Returns so far, by reason.
    returns: [u8; 3],
    /// By when the last one must begin.
    last_chance: Instant,
}

impl Visited {
    /// By when a visit must begin.
    pub(crate) fn last_chance(&self) -> Instant {
        self.last_chance
    }
}

impl Comebacks {
    pub(crate) fn new(rules: Returns, seed: String) -> Self {
        Self {
            rules,
            seed,
            made: <[AtomicU64; 3]>::default(),
            notices: broadcast::Sender::new(NOTICES),
            called_off: watch::Sender::new(false),
        }
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<Comeback> {
        self.notices.subscribe()
    }

    /// Nobody is waited for any more.
    pub(crate) fn call_off(&self) {
        self.called_off.send_replace(true);
    }

    /// The visits to an address of which the first is wanted now.
    pub(crate) fn begin(&self) -> Visited {
        Visited { returns: [0; 3], last_chance: Instant::now() + self.rules.within }
    }

    /// Stays away as long as is due before another visit. False: the address is not to be visited again.
    pub(crate) async fn stay_away(&self, why: Again, visited: &mut Visited, host: &Name, address: IpAddr) -> bool {
        let place = place(why);
        let after = self.after(why, visited.returns.iter().sum(), address);
        let until = Instant::now() + after;
        let times = if why == Again::Asked { self.rules.times } else { self.rules.times.min(1) };
        let (Some(so_far), Some(made)) = (visited.returns.get_mut(place), self.made.get(place)) else { return false };
        if *so_far >= times || until > visited.last_chance || made.fetch_add(1, Ordering::Relaxed) >= self.rules.in_all {
            return false;
        }
        *so_far += 1;
        // Nobody may be listening.
        let _ = self.notices.send(Comeback { host: host.clone(), address, why, after });
        let mut called_off = self.called_off.subscribe();
        timeout_at(until, called_off.wait_for(|off| *off)).await.is_err()
    }

    fn after(&self, why: Again, before: u8, address: IpAddr) -> Duration {
        let (after, loopback) = match why {
            Again::Asked => (self.rules.after, LOOPBACK),
            Again::Broken | Again::Doubt => (self.rules.soon, LOOPBACK_SOON),
        };
        if address.is_loopback() {
            return after.min(loopback);
        }
        let hash = digest(&SHA256, format!("{} {address} {before}", self.seed).as_bytes());
        let part = hash.as_ref().first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        after.mul_f64(1.0 + JITTER * f64::from(part) / f64::from(u32::MAX))
    }
}

fn place(why: Again) -> usize {
    match why {
        Again::Asked => 0,
        Again::Broken => 1,
        Again::Doubt => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn place_of_ours() -> (Name, IpAddr) {
        (dane::name::parse_domain("mx.example").unwrap(), "192.0.2.1".parse().unwrap())
    }

    fn comebacks(rules: Returns) -> Comebacks {
        Comebacks::new(rules, "here".into())
    }

    #[tokio::test(start_paused = true)]
    async fn every_bound_holds() {
        let (host, address) = place_of_ours();
        let rules = Returns { times: 2, after: MINUTE, within: 4 * MINUTE, in_all: 3, ..Returns::POLITE };
        let comebacks = comebacks(rules.clone());
        let mut notices = comebacks.notices();
        let begun = Instant::now();
        let mut visited = comebacks.begin();
        assert!(comebacks.stay_away(Again::Asked, &mut visited, &host, address).await);
        let notice = notices.try_recv().unwrap();
        assert_eq!((&notice.host, notice.address, notice.why), (&host, address, Again::Asked));
        assert!((MINUTE..=MINUTE * 5 / 4).contains(&notice.after));
        assert!((notice.after..notice.after + Duration::from_millis(2)).contains(&begun.elapsed()));
        assert!(comebacks.stay_away(Again::Asked, &mut visited, &host, address).await);
        assert!(!comebacks.stay_away(Again::Asked, &mut visited, &host, address).await, "more often than it may");
        let mut late = Visited { returns: [0; 3], last_chance: Instant::now() + MINUTE / 2 };
        assert!(!comebacks.stay_away(Again::Asked, &mut late, &host, address).await, "later than it may");
        assert!(comebacks.stay_away(Again::Asked, &mut comebacks.begin(), &host, address).await);
        assert!(!comebacks.stay_away(Again::Asked, &mut comebacks.begin(), &host, address).await, "the fourth in all");
        assert!(notices.try_recv().is_ok() && notices.try_recv().is_ok() && notices.try_recv().is_err(), "no notice of what is not done");
        let never = Comebacks::new(Returns { times: 0, ..rules }, String::new());
        for why in [Again::Asked, Again::Broken, Again::Doubt] {
            assert!(!never.stay_away(why, &mut never.begin(), &host, address).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_broke_and_what_is_doubted_is_looked_at_once_more_and_soon() {
        let (host, address) = place_of_ours();
        let comebacks = comebacks(Returns { times: 3, ..Returns::POLITE });
        let mut visited = comebacks.begin();
        let begun = Instant::now();
        assert!(comebacks.stay_away(Again::Broken, &mut visited, &host, address).await);
        assert!(comebacks.stay_away(Again::Doubt, &mut visited, &host, address).await, "a fault seen first at the second visit");
        assert!((60..=75).contains(&begun.elapsed().as_secs()));
        assert!(!comebacks.stay_away(Again::Broken, &mut visited, &host, address).await);
        assert!(!comebacks.stay_away(Again::Doubt, &mut visited, &host, address).await);
    }

    #[test]
    fn those_met_together_are_not_met_together_again() {
        let comebacks = comebacks(Returns::POLITE);
        let after = |last: u8| comebacks.after(Again::Asked, 0, IpAddr::from([192, 0, 2, last]));
        let mut times: Vec<Duration> = (0..200).map(after).collect();
        assert_eq!(after(7), times[7], "always the same for the same address");
        times.sort();
        assert!(times[0] >= Duration::from_secs(310) && times[199] <= Duration::from_millis(387_500));
        assert!(times[50] < Duration::from_secs(340) && times[150] > Duration::from_secs(355), "spread over all of it");
        let elsewhere = Comebacks::new(Returns::POLITE, "there".into());
        assert_ne!(after(7), elsewhere.after(Again::Asked, 0, IpAddr::from([192, 0, 2, 7])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_the_waiting() {
        let (host, address) = place_of_ours();
        let comebacks = comebacks(Returns::POLITE);
        let begun = Instant::now();
        let mut visited = comebacks.begin();
        let (came_back, ()) = tokio::join!(comebacks.stay_away(Again::Asked, &mut visited, &host, address), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            comebacks.call_off();
        });
        assert_eq!((came_back, begun.elapsed()), (false, Duration::from_secs(3)));
        assert!(!comebacks.stay_away(Again::Broken, &mut visited, &host, address).await, "and of what would come later, too");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_stays_away_from_himself_for_long() {
        let (host, _) = place_of_ours();
        let begun = Instant::now();
        let comebacks = comebacks(Returns::POLITE);
        assert!(comebacks.stay_away(Again::Asked, &mut comebacks.begin(), &host, "::1".parse().unwrap()).await);
        assert_eq!(begun.elapsed(), LOOPBACK);
    }
}

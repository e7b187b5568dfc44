//! What an exchange and a verification cost on this machine at this moment. Who else uses the machine changes it, so it is measured right
//! before and right after each run that is compared with it.

use super::exchange;
use super::verification;
use super::world::World;

/// CPU seconds of the two things that nobody can save.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// One query and its reply over UDP, by plain sendto and recvfrom.
    pub exchange: f64,
    /// One P-256 signature verified.
    pub verification: f64,
}

impl Costs {
    /// As they are now.
    pub fn measure(world: &World) -> Self {
        Self { exchange: exchange::measure(world), verification: verification::measure() }
    }

    /// Does something, and returns with its result the mean of the costs before and after it.
    pub fn around<T>(world: &World, work: impl FnOnce() -> T) -> (T, Self) {
        let before = Self::measure(world);
        let done = work();
        let after = Self::measure(world);
        let mean = |a: f64, b: f64| (a + b) / 2.0;
        let costs = Self { exchange: mean(before.exchange, after.exchange), verification: mean(before.verification, after.verification) };
        (done, costs)
    }
}

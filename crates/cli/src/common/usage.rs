//! What this process has used of the machine.

use std::time::Duration;

/// Processor time and memory of the whole process so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time in our own code.
    pub user: Duration,
    /// Processor time in the system, on our behalf.
    pub system: Duration,
    /// The most memory that was resident, kB.
    pub max_rss_kb: u64,
}

impl Usage {
    /// As the kernel counts it.
    #[must_use]
    pub fn now() -> Self {
        let Ok(usage) = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF) else { return Self::default() };
        let time = |t: nix::sys::time::TimeVal| {
            let (seconds, micros) = (u64::try_from(t.tv_sec()).unwrap_or(0), u64::try_from(t.tv_usec()).unwrap_or(0));
            Duration::from_secs(seconds) + Duration::from_micros(micros)
        };
        Self { user: time(usage.user_time()), system: time(usage.system_time()), max_rss_kb: u64::try_from(usage.max_rss()).unwrap_or(0) }
    }
}

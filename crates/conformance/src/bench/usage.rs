//! Which core a program runs on, and what it uses.

use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The kernel's unit of CPU time in /proc: 1/100 s on every architecture that Linux shows to programs. (`man 5 proc`, `USER_HZ`)
const TICK: f64 = 0.01;

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(3_600);

/// What a process used, and the children that it has waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time in the program, seconds.
    pub user: f64,
    /// CPU time in the kernel on its behalf, seconds.
    pub system: f64,
    /// Most memory that it had at once, kB.
    pub peak_kb: u64,
    /// From start to end, seconds.
    pub wall: f64,
}

impl Usage {
    /// CPU time, seconds.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// What a running (or ended and not yet reaped) process has used so far.
    pub fn of(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut fields = after_name(&stat)?.split(' ').skip(11).filter_map(|field| field.parse::<f64>().ok());
        let (user, system) = (fields.next()? * TICK, fields.next()? * TICK);
        // Of the children that it has waited for.
        let (user, system) = (user + fields.next()? * TICK, system + fields.next()? * TICK);
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        Some(Self { user, system, peak_kb: peak.unwrap_or(0), wall: 0.0 })
    }

    /// What was used after `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system, ..self }
    }
}

/// What follows the program's name, which may hold anything.
fn after_name(stat: &str) -> Option<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest)
}

/// Does something on one core; processes started meanwhile stay there. On a machine that does not have it: anywhere.
///
/// # Panics
/// If the work does.
pub fn on_core<T: Send>(core: usize, work: impl FnOnce() -> T + Send) -> T {
    let pinned = move || {
        let mut set = CpuSet::new();
        set.set(core);
        let _ = sched_setaffinity(None, &set);
        work()
    };
    thread::scope(|scope| scope.spawn(pinned).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs a program to its end, with its output in `log`.
///
/// # Panics
/// If it cannot be started, fails, or takes more than an hour.
pub fn run(mut command: Command, log: &Path) -> Usage {
    let output = File::create(log).expect("log file");
    let errors = output.try_clone().expect("log file");
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (mut usage, mut peak_kb) = (Usage::default(), 0);
    // An ended process keeps its times, but not its memory, until it is waited for.
    while let Some(now) = Usage::of(child.id()) {
        peak_kb = peak_kb.max(now.peak_kb);
        usage = now;
        if has_ended(child.id()) {
            break;
        }
        if begun.elapsed() > LIMIT {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(20));
    }
    let usage = Usage { peak_kb, wall: begun.elapsed().as_secs_f64(), ..Usage::of(child.id()).unwrap_or(usage) };
    let status = child.wait().expect("wait");
    assert!(status.success(), "{command:?}: {status}\n{}", fs::read_to_string(log).unwrap_or_default());
    usage
}

fn has_ended(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).ok().as_deref().and_then(after_name).is_none_or(|rest| rest.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_use_of_a_program_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
        let usage = on_core(0, || run(command, &directory.path().join("log")));
        assert!(usage.cpu() > 0.0 && usage.cpu() <= usage.wall + 2.0 * TICK && usage.peak_kb > 0, "{usage:?}");
    }

    #[test]
    fn names_with_brackets_do_not_confuse() {
        assert_eq!(after_name("7 (a) (b) S 1 2"), Some("S 1 2"));
    }
}

//! Many visits open at once: what each takes of memory.

use super::options::{Options, Stage};
use super::server::{HANGS, Kind, SILENT};
use super::visits;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::time::{Duration, Instant};

/// Raises the number of open files as far as the system lets us. Returns how many there may be.
pub fn many_files() -> u64 {
    for wanted in [200_000, 120_000] {
        let limit = Rlimit { current: Some(wanted), maximum: Some(wanted) };
        if setrlimit(Resource::Nofile, limit).is_ok() {
            return wanted;
        }
    }
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1024);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) });
    most
}

/// Octets of memory in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}

/// Connections that this process has open.
fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// So many visits can one process hold.
pub fn most() -> usize {
    usize::try_from(many_files()).unwrap_or(usize::MAX).saturating_sub(1000)
}

/// Opens visits, waits until all hang where they should, prints: how many, octets before, octets then; and holds them until its input ends.
///
/// # Errors
/// If they do not come to hang.
pub fn hold(options: &Options, stage: Stage) -> Result<(), String> {
    let count = options.held.min(most());
    let port = match stage {
        Stage::Greeting => SILENT,
        Stage::Handshake => HANGS,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| e.to_string())?;
    let looker = visits::looker(&options.directory, Kind::P256, port, count);
    let before = (resident(), open());
    runtime.block_on(async {
        visits::begin(&looker, count);
        let begun = Instant::now();
        while open() < before.1 + count {
            if begun.elapsed() > Duration::from_secs(55) {
                return Err(format!("only {} of {count} connections are open", open() - before.1));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // The dialogue up to where the server hangs.
        tokio::time::sleep(Duration::from_secs(6)).await;
        Ok(())
    })?;
    println!("{count} {} {}", before.0, resident());
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    runtime.shutdown_background();
    Ok(())
}

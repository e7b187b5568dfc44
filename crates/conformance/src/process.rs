//! Child processes that never outlive their test.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// A server in the foreground. Dropping it ends this process, by its id, and no other.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the command with its output in `log`, and waits until a TCP connection to `address` succeeds.
    ///
    /// # Panics
    /// If it does not start or does not answer within a minute: the log is shown.
    #[must_use]
    pub fn start(command: Command, log: &Path, address: SocketAddr) -> Self {
        Self::start_within(START, command, log, address)
    }

    /// The same for one that may take longer, or shorter.
    ///
    /// # Panics
    /// As [`start`](Self::start), after `limit`.
    #[must_use]
    pub fn start_within(limit: Duration, command: Command, log: &Path, address: SocketAddr) -> Self {
        let shown = format!("{command:?}");
        let mut server = Self::start_silent(command, log);
        let started = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_err() {
            let ended = server.child.try_wait().expect("wait");
            assert!(ended.is_none(), "{shown} ended: {ended:?}\n{}", server.log());
            assert!(started.elapsed() < limit, "{shown} does not answer at {address}\n{}", server.log());
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The same without waiting, for one that has no TCP.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_silent(mut command: Command, log: &Path) -> Self {
        let output = File::create(log).expect("log file");
        let errors = output.try_clone().expect("log file");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        Self { child: child.unwrap_or_else(|e| panic!("{command:?}: {e}")), log: log.to_path_buf() }
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        terminate(self.child.id());
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a process of ours to end, so that it can end its own children.
fn terminate(id: u32) {
    let _ = Command::new("kill").args(["-TERM", &id.to_string()]).stderr(Stdio::null()).status();
}

/// Runs a command to its end, killing it after `limit`.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn output(mut command: Command, limit: Duration) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let id = child.id();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if ended.recv_timeout(limit).is_err() {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().expect("output");
    let _ = done.send(());
    let _ = guard.join();
    output
}

/// Runs a command that must succeed and returns what it prints.
///
/// # Panics
/// If it fails.
#[must_use]
pub fn succeed(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = output(command, Duration::from_secs(300));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

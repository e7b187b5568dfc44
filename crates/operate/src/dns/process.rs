//! Somebody else's command, bounded in time and in what is kept of its output.

use super::error::Why;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

/// Octets that are kept of each of output and errors.
const KEPT: usize = 4 * 1024;
/// Characters of it in a message.
const SHOWN: usize = 300;
/// Output that is still on its way when the command has ended.
const REST: Duration = Duration::from_millis(300);

/// A command that makes a name server read its zone again: a program and its arguments, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// The program, then its arguments.
    pub argv: Vec<String>,
    /// How long it may take.
    pub limit: Duration,
}

impl Reload {
    /// Runs it. It has a process group of its own, which is killed when the time is over.
    pub(crate) async fn run(&self) -> Result<(), Why> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Why::Setting("the reload command is empty: name a program".to_owned()));
        };
        let failed = |how: String, output: String| Why::Reload { command: program.clone(), how, output };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| failed(format!("cannot be started: {e}"), String::new()))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (output, errors) = (tokio::spawn(tail(child.stdout.take())), tokio::spawn(tail(child.stderr.take())));
        let ended = timeout(self.limit, child.wait()).await;
        if ended.is_err()
            && let Some(group) = group
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait().await;
        }
        // A daemon that it has started may keep the pipes open.
        let said = async { [errors.await.unwrap_or_default(), output.await.unwrap_or_default()].concat() };
        let said = timeout(REST, said).await.unwrap_or_default();
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(failed(format!("failed ({status})"), shown(&said))),
            Ok(Err(error)) => Err(failed(format!("cannot be waited for: {error}"), shown(&said))),
            Err(_) => Err(failed(format!("was killed, as it took longer than {} s", self.limit.as_secs()), shown(&said))),
        }
    }
}

/// The last octets of what comes.
async fn tail(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    let Some(mut from) = from else { return kept };
    while let Ok(got @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..got).unwrap_or_default());
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }
    kept
}

/// The end of it in one line.
fn shown(said: &[u8]) -> String {
    let text = one_line(&String::from_utf8_lossy(said));
    let skipped = text.chars().count().saturating_sub(SHOWN);
    let end: String = text.chars().skip(skipped).collect();
    if end.is_empty() { end } else { format!(": {}{end}", if skipped == 0 { "" } else { "…" }) }
}

/// Text of others without line ends and control characters.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reload(script: &str, limit: Duration) -> Reload {
        Reload { argv: ["sh", "-c", script].map(str::to_owned).to_vec(), limit }
    }

    #[tokio::test]
    async fn failure_has_the_end_of_the_output_in_one_line() {
        let long = Duration::from_secs(30);
        reload("true", long).run().await.expect("it works");
        let error = reload("seq 1 100000; echo no such zone >&2; exit 3", long).run().await.expect_err("it fails").to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("99999 100000") && !error.contains('\n') && error.len() < 600,
            "{error}"
        );
        let error = reload("echo no such zone >&2; exit 3", long).run().await.expect_err("it fails").to_string();
        assert!(error.ends_with(": no such zone"), "{error}");
        let missing = Reload { argv: vec!["/nonexistent/rndc".to_owned()], limit: long };
        assert!(missing.run().await.expect_err("it is not there").to_string().contains("cannot be started"));
    }

    #[tokio::test]
    async fn its_children_do_not_outlive_its_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("late");
        let script = format!("(sleep 2; touch {}) & sleep 60", file.display());
        let error = reload(&script, Duration::from_millis(500)).run().await.expect_err("it is killed").to_string();
        assert!(error.contains("was killed"), "{error}");
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_daemon_that_keeps_the_pipe_open_is_not_waited_for() {
        let begun = std::time::Instant::now();
        reload("sleep 5 & exit 0", Duration::from_secs(30)).run().await.expect("it works");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

//! Tests only: danelaw against other people's software.
//!
//! Name servers (NSD, BIND), signers (BIND, ldns), validators (unbound, delv), a mail server (Postfix), a TLSA judge (openssl) and a scanner
//! of TLS (sslscan) run as ordinary processes on 127.0.0.0/8 at unprivileged ports, and are ended when the test ends. `danelaw` is run as
//! the binary that users run. [`bench`] compares what they cost. Where danelaw and another program differ, [`exceptions`] names the case and
//! the RFC that decides it.

pub mod apart;
pub mod bench;
pub mod bench_analysis;
pub mod bench_smtp;
pub mod bench_testbed;
pub mod browser;
pub mod danelaw;
pub mod differential;
pub mod exceptions;
pub mod field;
pub mod named;
pub mod network;
pub mod nsd;
pub mod openssl;
pub mod options;
pub mod postfix;
pub mod primary;
pub mod process;
pub mod python;
pub mod relay;
pub mod s3;
pub mod software;
pub mod sslscan;
pub mod tree;
pub mod unbound;
pub mod world;
pub mod zone;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a validator says of one answer. (RFC 4035 section 4.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Proven by signatures from the anchor on.
    Secure,
    /// Proven to be outside of any chain from the anchor.
    Insecure,
    /// Should be provable and is not.
    Bogus,
    /// No usable answer.
    Indeterminate,
}

/// A question: name and type as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The name, with the final dot.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: &'static str,
}

impl Question {
    /// A question for `name` (with the final dot) and `rtype`.
    #[must_use]
    pub fn new(name: impl Into<String>, rtype: &'static str) -> Self {
        Self { name: name.into(), rtype }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}

/// Does `work` for every item, several at a time, and returns the results in order: most of the time other programs are waited for.
///
/// # Panics
/// If `work` does.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    in_parallel_by(6, items, work)
}

/// The same with so many at a time.
///
/// # Panics
/// If `work` does.
pub fn in_parallel_by<T: Sync, R: Send>(workers: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?))) {
                    let result = work(item);
                    results.lock().expect("no worker panicked").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panicked");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

//! Many domains, a bounded number at a time.

use crate::look::Looker;
use dane::name::Name;
use dane::observation::Observation;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Results that may wait to be taken.
const RESULTS_WAITING: usize = 64;

/// So many times `parallel` domains may be under way if most of them only wait.
const WAITING_FACTOR: usize = 16;
/// How often it is seen whether there is room for more domains.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(50);

/// How a survey goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyOptions {
    /// Domains in work at the same time. Visits that wait for their turn under the rate limits do not count, within reason, so that those who
    /// queue for one large provider do not hold up everybody else.
    pub parallel: usize,
    /// After a cancel, how long domains in work may still take.
    pub grace: Duration,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        Self { parallel: 400, grace: Duration::from_secs(5) }
    }
}

/// What came of one domain. Each domain put in gives exactly one of these, in the order of completion.
#[derive(Debug)]
pub enum Looked {
    /// Looked at.
    Seen(Box<Observation>),
    /// On the opt-out list: nothing was asked.
    OptedOut(Name),
    /// The survey was cancelled while this domain was in work.
    Cancelled(Name),
    /// An error of ours broke the look off.
    Crashed(Name),
}

/// Where a survey stands. (Rates and time to go are the reader's business.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Domains taken from the input.
    pub begun: u64,
    /// Domains delivered.
    pub done: u64,
    /// MX hosts looked at.
    pub hosts: u64,
    /// SMTP visits made.
    pub visits: u64,
    /// SMTP visits that wait for their turn under the rate limits.
    pub waiting: u64,
}

/// A survey under way. Dropping it ends it.
pub struct Survey {
    looker: Looker,
    results: mpsc::Receiver<Looked>,
    stop: watch::Sender<bool>,
    begun: Arc<AtomicU64>,
    done: u64,
}

impl Survey {
    /// Starts one. The iterator is read by a thread of its own, only as fast as domains are finished *and* taken with [`Survey::next`]; it
    /// may block and may be endless. Must be called within a tokio runtime.
    pub fn start<I>(looker: Looker, domains: I, options: SurveyOptions) -> Self
    where
        I: IntoIterator<Item = Name> + Send + 'static,
        I::IntoIter: Send,
    {
        let (feed, input) = mpsc::channel(options.parallel.max(1));
        let (out, results) = mpsc::channel(RESULTS_WAITING);
        let (stop, stopped) = watch::channel(false);
        let begun = Arc::new(AtomicU64::new(0));
        // Not `spawn_blocking`: a reader that hangs on a terminal must not keep the runtime from ending.
        std::thread::spawn(move || {
            for domain in domains {
                if feed.blocking_send(domain).is_err() {
                    return;
                }
            }
        });
        let driver = Driver {
            looker: looker.clone(),
            options,
            input,
            out,
            stopped,
            begun: Arc::clone(&begun),
            work: JoinSet::new(),
            names: HashMap::new(),
        };
        tokio::spawn(driver.run());
        Self { looker, results, stop, begun, done: 0 }
    }

    /// The next domain that is done; `None` when all are.
    pub async fn next(&mut self) -> Option<Looked> {
        let looked = self.results.recv().await;
        self.done += u64::from(looked.is_some());
        looked
    }

    /// Stops taking new domains. Those in work are finished within the grace time or delivered as [`Looked::Cancelled`].
    pub fn cancel(&self) {
        self.stop.send_replace(true);
        self.looker.call_off_comebacks();
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (hosts, visits, waiting) = self.looker.counts();
        Progress { begun: self.begun.load(Ordering::Relaxed), done: self.done, hosts, visits, waiting }
    }
}

struct Driver {
    looker: Looker,
    options: SurveyOptions,
    input: mpsc::Receiver<Name>,
    out: mpsc::Sender<Looked>,
    stopped: watch::Receiver<bool>,
    begun: Arc<AtomicU64>,
    work: JoinSet<Looked>,
    /// Which domain each task in work is for.
    names: HashMap<tokio::task::Id, Name>,
}

impl Driver {
    async fn run(mut self) {
        let mut more = true;
        while more || !self.work.is_empty() {
            let room = more && self.has_room();
            tokio::select! {
                // An error means that the survey was dropped: nobody wants what is left.
                stop = stopped(&mut self.stopped) => match stop {
                    Ok(()) => break,
                    Err(_) => return,
                },
                domain = self.input.recv(), if room => match domain {
                    Some(domain) => self.begin(domain),
                    None => more = false,
                },
                () = tokio::time::sleep(LOOK_FOR_ROOM), if more && !room => {}
                Some(ended) = self.work.join_next_with_id(), if !self.work.is_empty() => {
                    if self.deliver(ended).await.is_err() {
                        return;
                    }
                }
            }
        }
        self.wind_up().await;
    }

    fn has_room(&self) -> bool {
        let (parallel, waiting) = (self.options.parallel.max(1), self.looker.counts().2);
        let busy = self.work.len().saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX));
        busy < parallel && self.work.len() < parallel.saturating_mul(WAITING_FACTOR)
    }

    fn begin(&mut self, domain: Name) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let (looker, name) = (self.looker.clone(), domain.clone());
        let task = self.work.spawn(async move {
            looker.observe_domain(&domain).await.map_or(Looked::OptedOut(domain), |seen| Looked::Seen(Box::new(seen)))
        });
        self.names.insert(task.id(), name);
    }

    async fn deliver(
        &mut self,
        ended: Result<(tokio::task::Id, Looked), tokio::task::JoinError>,
    ) -> Result<(), mpsc::error::SendError<Looked>> {
        let (id, looked) = match ended {
            Ok((id, looked)) => (id, Some(looked)),
            Err(error) => (error.id(), None),
        };
        let Some(name) = self.names.remove(&id) else { return Ok(()) };
        self.out.send(looked.unwrap_or(Looked::Crashed(name))).await
    }

    /// After a cancel: delivers what ends within the grace time, and names what does not.
    async fn wind_up(mut self) {
        let end = tokio::time::Instant::now() + self.options.grace;
        while let Ok(Some(ended)) = tokio::time::timeout_at(end, self.work.join_next_with_id()).await {
            if self.deliver(ended).await.is_err() {
                return;
            }
        }
        self.work.abort_all();
        for (_, name) in std::mem::take(&mut self.names) {
            if self.out.send(Looked::Cancelled(name)).await.is_err() {
                return;
            }
        }
    }
}

/// Waits for the cancel. An error: there is nobody left to cancel.
async fn stopped(stop: &mut watch::Receiver<bool>) -> Result<(), watch::error::RecvError> {
    stop.wait_for(|stop| *stop).await.map(drop)
}

//! Many domains, a bounded number at a time.

use crate::look::Looker;
use dane::name::Name;
use dane::observation::Observation;
use std::time::Duration;

/// How a survey goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyOptions {
    /// Domains in work at the same time.
    pub parallel: usize,
    /// Time for one domain, waiting for its turn at busy servers included. What is not there by then is missing from the observation.
    pub deadline: Duration,
    /// After a cancel, how long domains in work may still take.
    pub grace: Duration,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        Self { parallel: 400, deadline: Duration::from_secs(1200), grace: Duration::from_secs(5) }
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

/// A survey under way.
pub struct Survey {}

impl Survey {
    /// Starts one. The iterator is read only as fast as domains are finished *and* taken with [`Survey::next`]; it may be endless.
    /// Must be called within a tokio runtime.
    pub fn start<I>(_looker: Looker, _domains: I, _options: SurveyOptions) -> Self
    where
        I: IntoIterator<Item = Name> + Send + 'static,
        I::IntoIter: Send,
    {
        todo!("lands shortly")
    }

    /// The next domain that is done; `None` when all are.
    pub async fn next(&mut self) -> Option<Looked> {
        todo!("lands shortly")
    }

    /// Stops taking new domains. Those in work are finished within the grace time or delivered as [`Looked::Cancelled`].
    pub fn cancel(&self) {
        todo!("lands shortly")
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        todo!("lands shortly")
    }
}

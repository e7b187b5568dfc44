//! Work that is done once for each name and shared by all who want its result.

use dane::name::Name;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Notify;

/// Results by name, those under way included. When they take too much memory, the half that nobody asked for longest is forgotten.
pub(crate) struct Once<V> {
    capacity: usize,
    results: Arc<Mutex<Results<V>>>,
}

struct Results<V> {
    by_name: HashMap<Name, Entry<V>>,
    /// Counts questions: the age of a result is the last one that was for it.
    questions: u64,
    /// Octets of all entries.
    octets: usize,
}

struct Entry<V> {
    pending: Pending<V>,
    last: u64,
    octets: usize,
}

/// What an entry takes besides its result.
const ENTRY_OCTETS: usize = 500;

/// A result that is there or will be. It comes also if nobody waits for it any more.
pub(crate) struct Pending<V>(Arc<Outcome<V>>);

struct Outcome<V> {
    /// `None` in it: the work broke off.
    value: OnceLock<Option<Arc<V>>>,
    known: Notify,
}

impl<V> Clone for Pending<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Held by the work: whatever becomes of it, those who wait are told.
struct Promise<V>(Arc<Outcome<V>>);

impl<V> Drop for Promise<V> {
    fn drop(&mut self) {
        self.0.value.get_or_init(|| None);
        self.0.known.notify_waiters();
    }
}

impl<V: Weigh + Send + Sync + 'static> Once<V> {
    /// Room for results of this many octets.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, results: Arc::new(Mutex::new(Results { by_name: HashMap::new(), questions: 0, octets: 0 })) }
    }

    /// The result for this name; if nobody asked before, starts the work as a task of its own.
    pub(crate) fn start<F>(&self, name: &Name, work: impl FnOnce() -> F) -> Pending<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.questions += 1;
        let last = results.questions;
        if let Some(entry) = results.by_name.get_mut(name) {
            entry.last = last;
            return entry.pending.clone();
        }
        if results.octets >= self.capacity {
            results.forget_half();
        }
        let outcome = Arc::new(Outcome { value: OnceLock::new(), known: Notify::new() });
        let promise = Promise(Arc::clone(&outcome));
        // In a box of its own: awaited where it was made, it would stand in the task twice.
        let (work, shared, key) = (Box::pin(work()), Arc::clone(&self.results), name.clone());
        tokio::spawn(async move {
            let value = Arc::new(work.await);
            shared.lock().unwrap_or_else(PoisonError::into_inner).weigh(&key, value.octets());
            promise.0.value.get_or_init(|| Some(value));
        });
        let pending = Pending(outcome);
        results.octets += ENTRY_OCTETS;
        results.by_name.insert(name.clone(), Entry { pending: pending.clone(), last, octets: ENTRY_OCTETS });
        pending
    }
}

/// What is kept and takes memory.
pub(crate) trait Weigh {
    /// About how many octets it takes, with all that hangs on it.
    fn octets(&self) -> usize;
}

impl<V> Results<V> {
    fn weigh(&mut self, name: &Name, octets: usize) {
        if let Some(entry) = self.by_name.get_mut(name) {
            entry.octets += octets;
            self.octets += octets;
        }
    }

    /// Work under way is not forgotten: it would be done twice at the same time.
    fn forget_half(&mut self) {
        let mut ages: Vec<u64> = self.by_name.values().map(|entry| entry.last).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        self.by_name.retain(|_, entry| entry.last >= *median || entry.pending.0.value.get().is_none());
        self.octets = self.by_name.values().map(|entry| entry.octets).sum();
    }
}

impl<V> Pending<V> {
    /// Waits for the result; `None` if the work broke off.
    pub(crate) async fn wait(self) -> Option<Arc<V>> {
        let mut known = pin!(self.0.known.notified());
        // From here on nothing is missed.
        known.as_mut().enable();
        if self.0.value.get().is_none() {
            known.await;
        }
        self.0.value.get().cloned().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for usize {
        fn octets(&self) -> usize {
            size_of::<usize>()
        }
    }

    impl Weigh for String {
        fn octets(&self) -> usize {
            self.len()
        }
    }

    fn name(i: usize) -> Name {
        dane::name::parse_domain(&format!("h{i}.example")).unwrap()
    }

    #[tokio::test]
    async fn what_was_not_asked_for_longest_is_forgotten_first() {
        let once = Once::new(4 * ENTRY_OCTETS);
        let ask = async |i: usize, value: usize| *once.start(&name(i), || async move { value }).wait().await.unwrap();
        for i in 0..4 {
            assert_eq!(ask(i, i).await, i);
        }
        assert_eq!(ask(0, 99).await, 0, "known");
        assert_eq!(ask(4, 4).await, 4, "one too many: 1 and 2 go");
        assert_eq!((ask(0, 99).await, ask(3, 99).await), (0, 3));
        assert_eq!(ask(1, 99).await, 99, "done again");
    }

    #[tokio::test]
    async fn all_who_wait_are_told_and_of_work_that_broke_off_too() {
        let once: Once<usize> = Once::new(100);
        let (go, held) = tokio::sync::oneshot::channel();
        let slow = once.start(&name(1), || async move { held.await.unwrap() });
        let again = once.start(&name(1), || async { 99 });
        let broken = once.start(&name(2), || async { panic!("on purpose") });
        let waiting = tokio::spawn(async { tokio::join!(slow.wait(), again.wait(), broken.wait()) });
        tokio::task::yield_now().await;
        go.send(7).unwrap();
        let (one, other, none) = waiting.await.unwrap();
        assert_eq!((one.as_deref(), other.as_deref(), none), (Some(&7), Some(&7), None));
    }

    #[tokio::test]
    async fn what_is_under_way_is_never_forgotten() {
        let once: Once<usize> = Once::new(2 * ENTRY_OCTETS);
        let slow: Vec<_> = (0..10).map(|i| once.start(&name(i), std::future::pending)).collect();
        assert_eq!(once.results.lock().unwrap().by_name.len(), 10);
        drop(slow);
    }

    #[tokio::test]
    async fn large_results_count_for_what_they_are() {
        let once = Once::new(100_000);
        for i in 0..100 {
            let work = || async { "x".repeat(20_000) };
            assert!(once.start(&name(i), work).wait().await.is_some());
            let results = once.results.lock().unwrap();
            assert!(results.octets <= 125_000 && results.by_name.len() <= 6, "{} octets", results.octets);
        }
    }
}

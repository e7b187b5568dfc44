//! Work that is done once for each name and shared by all who want its result.

use dane::name::Name;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Results by name, those under way included. When it is full, the half that nobody asked for longest is forgotten.
pub(crate) struct Once<V> {
    capacity: usize,
    results: Mutex<Results<V>>,
}

struct Results<V> {
    by_name: HashMap<Name, (Pending<V>, u64)>,
    /// Counts questions: the age of a result is the last one that was for it.
    questions: u64,
}

/// A result that is there or will be. It comes also if nobody waits for it any more.
pub(crate) struct Pending<V>(watch::Receiver<Option<Arc<V>>>);

impl<V> Clone for Pending<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Send + Sync + 'static> Once<V> {
    /// Room for this many results.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(2), results: Mutex::new(Results { by_name: HashMap::new(), questions: 0 }) }
    }

    /// The result for this name; if nobody asked before, starts the work as a task of its own.
    pub(crate) fn start<F>(&self, name: &Name, work: impl FnOnce() -> F) -> Pending<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.questions += 1;
        let question = results.questions;
        if let Some((pending, last)) = results.by_name.get_mut(name) {
            *last = question;
            return pending.clone();
        }
        if results.by_name.len() >= self.capacity {
            results.forget_half();
        }
        let (sender, receiver) = watch::channel(None);
        let work = work();
        tokio::spawn(async move {
            let value = Arc::new(work.await);
            sender.send_replace(Some(value));
        });
        let pending = Pending(receiver);
        results.by_name.insert(name.clone(), (pending.clone(), question));
        pending
    }
}

impl<V> Results<V> {
    /// Work under way is not forgotten: it would be done twice at the same time.
    fn forget_half(&mut self) {
        let mut ages: Vec<u64> = self.by_name.values().map(|(_, last)| *last).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        self.by_name.retain(|_, (pending, last)| *last >= *median || pending.0.borrow().is_none());
    }
}

impl<V> Pending<V> {
    /// Waits for the result; `None` if the work broke off.
    pub(crate) async fn wait(mut self) -> Option<Arc<V>> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|v| v.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(i: usize) -> Name {
        dane::name::parse_domain(&format!("h{i}.example")).unwrap()
    }

    #[tokio::test]
    async fn what_was_not_asked_for_longest_is_forgotten_first() {
        let once = Once::new(4);
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
    async fn what_is_under_way_is_never_forgotten() {
        let once: Once<usize> = Once::new(2);
        let slow: Vec<_> = (0..10).map(|i| once.start(&name(i), std::future::pending)).collect();
        assert_eq!(once.results.lock().unwrap().by_name.len(), 10);
        drop(slow);
    }
}

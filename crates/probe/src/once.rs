//! Work that is done once for each name and shared by all who want its result.

use dane::name::Name;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Results by name, those under way included.
pub(crate) struct Once<V> {
    results: Mutex<HashMap<Name, Pending<V>>>,
}

/// A result that is there or will be. It comes also if nobody waits for it any more.
pub(crate) struct Pending<V>(watch::Receiver<Option<Arc<V>>>);

impl<V> Clone for Pending<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Default for Once<V> {
    fn default() -> Self {
        Self { results: Mutex::default() }
    }
}

impl<V: Send + Sync + 'static> Once<V> {
    /// The result for this name; if nobody asked before, starts the work as a task of its own.
    pub(crate) fn start<F>(&self, name: &Name, work: impl FnOnce() -> F) -> Pending<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = results.get(name) {
            return pending.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let work = work();
        tokio::spawn(async move {
            let value = Arc::new(work.await);
            sender.send_replace(Some(value));
        });
        let pending = Pending(receiver);
        results.insert(name.clone(), pending.clone());
        pending
    }
}

impl<V> Pending<V> {
    /// Waits for the result; `None` if the work broke off.
    pub(crate) async fn wait(mut self) -> Option<Arc<V>> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|v| v.clone())
    }
}

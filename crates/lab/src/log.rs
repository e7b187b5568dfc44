//! What clients did: the evidence of a test bed, as far back as memory allows.

use std::collections::VecDeque;
use std::sync::Mutex;

/// The latest entries.
#[derive(Debug)]
pub struct Log<T> {
    entries: Mutex<VecDeque<T>>,
    kept: usize,
}

impl<T: Clone> Log<T> {
    /// Keeps so many; older ones are forgotten.
    pub fn new(kept: usize) -> Self {
        Self { entries: Mutex::default(), kept }
    }

    /// Remembers one.
    pub fn add(&self, entry: T) {
        if let Ok(mut entries) = self.entries.lock() {
            if entries.len() >= self.kept {
                entries.pop_front();
            }
            entries.push_back(entry);
        }
    }

    /// All that are remembered, oldest first.
    pub fn all(&self) -> Vec<T> {
        self.entries.lock().map(|entries| entries.iter().cloned().collect()).unwrap_or_default()
    }
}

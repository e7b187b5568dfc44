//! A cache bounded in bytes and time, and a place where those who want the same thing wait for one.

use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Locks are held for a few hash operations; shards keep workers out of each other's way.
const SHARDS: usize = 16;

/// Values with an end of life and a size. When full, the oldest go first; who was of use since it came to its place goes back to the end of
/// the queue once more. So what a survey asks for once makes room, and what all its names need stays.
pub struct Cache<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: RandomState,
    shard_bytes: usize,
}

struct Shard<K, V> {
    map: HashMap<K, Entry<V>, RandomState>,
    /// Insertion order. An entry put anew appears twice; the serial tells which place counts.
    order: VecDeque<(K, u64)>,
    serial: u64,
    bytes: usize,
}

struct Entry<V> {
    value: V,
    expires: Instant,
    bytes: usize,
    serial: u64,
    used: bool,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub fn new(bytes: usize) -> Self {
        let shard = || Mutex::new(Shard { map: HashMap::default(), order: VecDeque::new(), serial: 0, bytes: 0 });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: RandomState::default(), shard_bytes: bytes / SHARDS }
    }

    pub fn get(&self, key: &K) -> Option<V> {
        let mut shard = self.shard(key)?;
        let entry = shard.map.get_mut(key)?;
        if entry.expires <= Instant::now() {
            return None;
        }
        entry.used = true;
        Some(entry.value.clone())
    }

    /// Keeps a value of about `bytes` bytes until `expires`.
    pub fn put(&self, key: K, value: V, bytes: usize, expires: Instant) {
        let Some(mut shard) = self.shard(&key) else { return };
        shard.serial += 1;
        let serial = shard.serial;
        shard.bytes += bytes;
        shard.order.push_back((key.clone(), serial));
        if let Some(old) = shard.map.insert(key, Entry { value, expires, bytes, serial, used: false }) {
            shard.bytes = shard.bytes.saturating_sub(old.bytes);
        }
        shard.shrink(self.shard_bytes);
    }

    /// Lets a value go at `until` at the latest.
    pub fn cap(&self, key: &K, until: Instant) {
        let Some(mut shard) = self.shard(key) else { return };
        if let Some(entry) = shard.map.get_mut(key) {
            entry.expires = entry.expires.min(until);
        }
    }

    pub fn remove(&self, key: &K) {
        let Some(mut shard) = self.shard(key) else { return };
        if let Some(old) = shard.map.remove(key) {
            shard.bytes = shard.bytes.saturating_sub(old.bytes);
        }
    }

    fn shard(&self, key: &K) -> Option<MutexGuard<'_, Shard<K, V>>> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(index).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Hash + Eq + Clone, V> Shard<K, V> {
    fn shrink(&mut self, limit: usize) {
        // Places of entries since replaced must not pile up either.
        while self.bytes > limit || self.order.len() > 2 * self.map.len() + 64 {
            let Some((key, serial)) = self.order.pop_front() else { return };
            let Some(entry) = self.map.get_mut(&key).filter(|entry| entry.serial == serial) else { continue };
            if self.bytes <= limit || std::mem::take(&mut entry.used) {
                self.order.push_back((key, serial));
            } else if let Some(old) = self.map.remove(&key) {
                self.bytes = self.bytes.saturating_sub(old.bytes);
            }
        }
    }
}

/// Work under way, by what it is for. Those who come later wait for the first; if the first is dropped, the next one takes over.
pub struct Flights<K, V> {
    board: Mutex<HashMap<K, Arc<Flight<V>>, RandomState>>,
}

struct Flight<V> {
    value: OnceLock<V>,
    /// Set when nobody works on it any more, whether there is a value or not.
    over: AtomicBool,
    landed: Notify,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub fn new() -> Self {
        Self { board: Mutex::new(HashMap::default()) }
    }

    /// The result of `work`, or of the same work already under way. Says whether it was somebody else's.
    pub async fn join<F: Future<Output = V>>(&self, key: &K, work: impl FnOnce() -> F) -> (V, Whose) {
        loop {
            match self.enter(key) {
                Ok(pilot) => {
                    let value = work().await;
                    // Set once, by the one pilot there is.
                    let _ = pilot.flight.value.set(value.clone());
                    return (value, Whose::Ours);
                }
                Err(flight) => {
                    if let Some(value) = flight.wait().await {
                        return (value, Whose::Theirs);
                    }
                }
            }
        }
    }

    /// A new flight, ours to do; or the one under way.
    fn enter<'a>(&'a self, key: &'a K) -> Result<Pilot<'a, K, V>, Arc<Flight<V>>> {
        let mut board = self.lock();
        if let Some(flight) = board.get(key) {
            return Err(flight.clone());
        }
        let flight = Arc::new(Flight { value: OnceLock::new(), over: AtomicBool::new(false), landed: Notify::new() });
        board.insert(key.clone(), flight.clone());
        Ok(Pilot { flights: self, key, flight })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Flight<V>>, RandomState>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Flight<V> {
    /// What it brought; `None` if its pilot left.
    async fn wait(&self) -> Option<V> {
        loop {
            let mut landed = pin!(self.landed.notified());
            landed.as_mut().enable();
            if self.over.load(Acquire) {
                return self.value.get().cloned();
            }
            landed.await;
        }
    }
}

/// Who did the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Theirs,
}

/// Whoever does the work. When it is done or dropped, the flight is off the board and those who wait are told.
struct Pilot<'a, K: Hash + Eq + Clone, V: Clone> {
    flights: &'a Flights<K, V>,
    key: &'a K,
    flight: Arc<Flight<V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for Pilot<'_, K, V> {
    fn drop(&mut self) {
        self.flights.lock().remove(self.key);
        self.flight.over.store(true, Release);
        self.flight.landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_full_cache_forgets_the_oldest_and_stays_within_its_bytes() {
        let cache = Cache::new(SHARDS * 1000);
        let later = Instant::now() + Duration::from_secs(60);
        for key in 0..10_000_u32 {
            cache.put(key, key, 100, later);
        }
        let kept = (0..10_000).filter(|key| cache.get(key).is_some()).count();
        assert!(kept <= 160 && kept > 100, "{kept}");
        assert_eq!(cache.get(&9_999), Some(9_999));
        assert_eq!(cache.get(&0), None);
    }

    #[test]
    fn what_is_of_use_stays_however_much_passes_by() {
        let cache = Cache::new(SHARDS * 1000);
        let later = Instant::now() + Duration::from_secs(60);
        cache.put(u32::MAX, 0, 100, later);
        for key in 0..10_000_u32 {
            cache.put(key, key, 100, later);
            assert!(!key.is_multiple_of(10) || cache.get(&u32::MAX).is_some(), "{key}");
        }
    }

    #[test]
    fn replacing_one_entry_for_ever_does_not_grow() {
        let cache = Cache::new(1 << 20);
        let later = Instant::now() + Duration::from_secs(60);
        (0..100_000_u32).for_each(|value| cache.put("key", value, 10, later));
        assert_eq!(cache.get(&"key"), Some(99_999));
        let places: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().order.len()).sum();
        assert!(places < 200, "{places}");
    }

    #[test]
    fn expired_is_gone() {
        let cache = Cache::new(1 << 20);
        cache.put(1, 1, 1, Instant::now());
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn a_cap_shortens_and_never_lengthens() {
        let cache = Cache::new(1 << 20);
        let now = Instant::now();
        cache.put(1, 1, 1, now + Duration::from_secs(60));
        cache.cap(&1, now + Duration::from_secs(30));
        assert_eq!(cache.get(&1), Some(1));
        cache.cap(&1, now);
        cache.cap(&1, now + Duration::from_secs(60));
        assert_eq!(cache.get(&1), None);
    }

    #[tokio::test]
    async fn work_is_done_once_and_taken_over_when_its_worker_goes() {
        let flights = Arc::new(Flights::<u8, u8>::new());
        let first = tokio::spawn({
            let flights = flights.clone();
            async move { flights.join(&1, std::future::pending).await }
        });
        tokio::task::yield_now().await;
        let second = tokio::spawn({
            let flights = flights.clone();
            async move { flights.join(&1, || async { 2 }).await }
        });
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), (2, Whose::Ours));
        assert!(flights.lock().is_empty());
    }
}

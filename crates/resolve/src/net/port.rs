//! A UDP port of ours with many queries under way, told apart by their ids.
//!
//! The system draws the port's number. It serves a few hundred queries and then makes room for another one, so that whoever wants to slip
//! us an answer never knows for long where to send it. No id is used twice on one port: a late answer finds that its query is over, and
//! cannot be taken for the answer to another.

use super::batch::{self, Datagram};
use super::{Family, MAX_GUESSES, MAX_STRANGERS, NetError, SHARE, read_id, udp_socket};
use crate::config::Source;
use bytes::Bytes;
use rand::Rng;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// The port. Dropping it ends its reader; queries under way keep it.
pub struct Port {
    shared: Arc<Shared>,
    reader: AbortHandle,
    share: usize,
}

struct Shared {
    socket: UdpSocket,
    queries: Mutex<Queries>,
}

#[derive(Default)]
struct Queries {
    /// `None` of those that are over.
    by_id: HashMap<u16, Option<Waiting>>,
    guesses: usize,
}

/// A query under way.
struct Waiting {
    server: SocketAddr,
    waker: Option<Waker>,
    arrived: Vec<io::Result<Bytes>>,
    strangers: usize,
}

impl Port {
    /// Opens a port of the source. Must be called within a runtime, which then reads from it.
    pub fn open(source: &Source, family: Family) -> io::Result<Self> {
        let shared = Arc::new(Shared { socket: udp_socket(source, family)?, queries: Mutex::default() });
        let reader = tokio::spawn(read(shared.clone())).abort_handle();
        Ok(Self { shared, reader, share: rand::rng().random_range(SHARE) })
    }

    /// Whether it has done its share, or met too many strangers, or nobody reads from it because its runtime is gone.
    pub fn is_spent(&self) -> bool {
        if self.reader.is_finished() {
            return true;
        }
        let queries = self.shared.queries();
        queries.by_id.len() >= self.share || queries.guesses >= MAX_GUESSES
    }

    /// A place to wait in for the answer of this server. `None` if no id is free.
    pub fn seat(self: &Arc<Self>, server: SocketAddr) -> Option<Seat> {
        let mut queries = self.shared.queries();
        let mut random = rand::rng();
        let id = (0..64).map(|_| random.random::<u16>()).find(|id| !queries.by_id.contains_key(id))?;
        queries.by_id.insert(id, Some(Waiting { server, waker: None, arrived: Vec::new(), strangers: 0 }));
        drop(queries);
        Some(Seat { port: self.clone(), id, server })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Shared {
    fn queries(&self) -> MutexGuard<'_, Queries> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands every datagram to the query it is for. Ends when the port is dropped.
async fn read(shared: Arc<Shared>) {
    while let Ok(ready) = shared.socket.ready(Interest::READABLE | Interest::ERROR).await {
        if ready.is_error() {
            let _ = shared.socket.try_io(Interest::ERROR, || batch::errors(&shared.socket, |failed| shared.queries().take(failed)));
        }
        let mut queries = None;
        let _ = shared.socket.try_io(Interest::READABLE, || {
            batch::receive(&shared.socket, |datagram| queries.get_or_insert_with(|| shared.queries()).take(datagram))
        });
    }
}

impl Queries {
    fn take(&mut self, datagram: Datagram<'_>) {
        let known = read_id(datagram.bytes).and_then(|id| self.by_id.get_mut(&id));
        match known {
            Some(Some(waiting)) if waiting.server == datagram.server => waiting.arrived(match datagram.error {
                None => Ok(Bytes::copy_from_slice(datagram.bytes)),
                Some(error) => Err(error),
            }),
            // The late answer to a query that is over, or one that came twice.
            Some(None) => {}
            _ => self.guessed(datagram.server),
        }
    }

    /// Somebody who knows the port does not know the id. If a server that was asked does this, its queries shall know.
    fn guessed(&mut self, server: SocketAddr) {
        self.guesses += 1;
        if self.guesses <= MAX_GUESSES {
            for waiting in self.by_id.values_mut().flatten().filter(|waiting| waiting.server == server) {
                waiting.strangers += 1;
                if waiting.strangers >= MAX_STRANGERS {
                    waiting.wake();
                }
            }
        }
    }
}

impl Waiting {
    fn arrived(&mut self, what: io::Result<Bytes>) {
        if self.arrived.len() < MAX_STRANGERS {
            self.arrived.push(what);
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The place of one query on a port. Dropping it ends the query.
pub struct Seat {
    port: Arc<Port>,
    id: u16,
    server: SocketAddr,
}

impl Seat {
    /// The id that the query must have.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Sends the query.
    pub async fn send(&self, query: &[u8]) -> io::Result<()> {
        let socket = &self.port.shared.socket;
        let mut tries = 0;
        loop {
            match socket.try_send_to(query, self.server) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
                // What became of somebody else's datagram is told to whoever calls next; our own comes through the error queue.
                Err(_) if tries < batch::SEND_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The next datagram that comes from the server and has our id.
    pub async fn next(&mut self) -> Result<Bytes, NetError> {
        poll_fn(|context| {
            let mut queries = self.port.shared.queries();
            let Some(Some(waiting)) = queries.by_id.get_mut(&self.id) else { return Poll::Ready(Err(NetError::Strangers)) };
            if !waiting.arrived.is_empty() {
                return Poll::Ready(waiting.arrived.remove(0).map_err(NetError::Unreachable));
            }
            if waiting.strangers >= MAX_STRANGERS {
                return Poll::Ready(Err(NetError::Strangers));
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Whether the server sent what has not our id.
    pub fn met_strangers(&self) -> bool {
        matches!(self.port.shared.queries().by_id.get(&self.id), Some(Some(waiting)) if waiting.strangers > 0)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.port.shared.queries().by_id.insert(self.id, None);
    }
}

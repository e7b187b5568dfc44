//! Many visits over one epoll, without a task or a timer for each.
//!
//! A visit is a future that waits for its socket, up to a moment, and for nothing else; so nobody needs to wake it but the reactor, which
//! knows both. A reactor is one task of the runtime, and there is one for each of its workers. It keeps the moments in a coarse calendar:
//! a visit has one entry there however often its deadline moves, as an entry that comes too early is put off.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};

/// Milliseconds of one entry of the calendar: so much later than it should a visit may learn that its time is over.
const TICK: u64 = 16;
/// Events taken at a time.
const EVENTS: usize = 256;

/// There may be something to read; nothing more will come, or the connection failed, which a read will tell.
const READABLE: u8 = 1;
const READ_OVER: u8 = 2;
/// The same for what is to be sent.
const WRITABLE: u8 = 4;
const WRITE_OVER: u8 = 8;
const READ: u8 = READABLE | READ_OVER;
const WRITE: u8 = WRITABLE | WRITE_OVER;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The reactors of a visitor; they begin with the first visit, and end with the visitor.
#[derive(Default)]
pub(crate) struct Reactors {
    all: OnceLock<io::Result<Vec<mpsc::UnboundedSender<Job>>>>,
    next: AtomicUsize,
}

struct Job {
    place: Arc<Place>,
    work: Work,
}

impl Reactors {
    /// Does this work at one of the reactors. It has to wait for the sockets it opens at the place it is given, and for nothing else.
    ///
    /// # Errors
    /// If there can be no reactor, or the work broke off.
    pub(crate) async fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Arc<Place>) -> F) -> io::Result<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let all =
            self.all.get_or_init(|| (0..tokio::runtime::Handle::current().metrics().num_workers()).map(|_| Reactor::begin()).collect());
        let all = all.as_ref().map_err(|e| io::Error::new(e.kind(), e.to_string()))?;
        let broke_off = || io::Error::other("the visit broke off");
        let reactor = all.get(self.next.fetch_add(1, Ordering::Relaxed) % all.len().max(1)).ok_or_else(broke_off)?;
        let (sender, receiver) = oneshot::channel();
        let place = Arc::new(Place::default());
        // In a box of its own: awaited where it was made, it would take its room twice.
        let work = Box::pin(work(Arc::clone(&place)));
        let work = Box::pin(async move {
            // Who asked may have gone meanwhile.
            let _ = sender.send(work.await);
        });
        reactor.send(Job { place, work }).map_err(|_| broke_off())?;
        receiver.await.map_err(|_| broke_off())
    }
}

/// A visit's place at its reactor.
#[derive(Default)]
pub(crate) struct Place {
    reactor: OnceLock<(Arc<Registry>, Instant)>,
    token: AtomicUsize,
    /// What its socket is ready for.
    ready: AtomicU8,
    /// When it is to be looked at whatever happens: milliseconds of the reactor.
    due: AtomicU64,
}

impl Place {
    fn is(&self, what: u8) -> bool {
        self.ready.load(Ordering::Relaxed) & what != 0
    }

    fn no_longer(&self, what: u8) {
        self.ready.fetch_and(!what, Ordering::Relaxed);
    }

    /// Waits until the socket is ready for one of these. False: the time was over before.
    async fn wait(&self, what: u8, end: Instant) -> bool {
        poll_fn(|_| {
            if self.is(what) {
                return std::task::Poll::Ready(true);
            }
            if Instant::now() >= end {
                return std::task::Poll::Ready(false);
            }
            let origin = self.reactor.get().map_or(end, |(_, origin)| *origin);
            self.due.store(millis(end.saturating_duration_since(origin)) + 1, Ordering::Relaxed);
            std::task::Poll::Pending
        })
        .await
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

/// A connection at a reactor.
pub(crate) struct Socket {
    tcp: TcpStream,
    place: Arc<Place>,
}

impl Socket {
    /// Connects. `None`: not by then.
    pub(crate) async fn connect(place: Arc<Place>, address: SocketAddr, end: Instant) -> io::Result<Option<Self>> {
        let mut tcp = TcpStream::connect(address)?;
        let (registry, _) = place.reactor.get().ok_or_else(|| io::Error::other("no reactor"))?;
        place.ready.store(0, Ordering::Relaxed);
        registry.register(&mut tcp, Token(place.token.load(Ordering::Relaxed)), Interest::READABLE | Interest::WRITABLE)?;
        if !place.wait(WRITE, end).await {
            return Ok(None);
        }
        if place.is(READ_OVER | WRITE_OVER)
            && let Some(error) = tcp.take_error()?
        {
            return Err(error);
        }
        let _ = tcp.set_nodelay(true);
        Ok(Some(Self { tcp, place }))
    }

    /// Waits until there is something to read. False: the time was over before.
    pub(crate) async fn readable(&self, end: Instant) -> bool {
        self.place.wait(READ, end).await
    }

    pub(crate) fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.tcp.read(into);
        match &got {
            // Less than there was room for: the next octets will be announced, but not the end again.
            Ok(n) if *n < into.len() => self.place.no_longer(READABLE),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.place.no_longer(READ),
            _ => {}
        }
        got
    }

    /// Sends everything. False: the time was over before.
    pub(crate) async fn send(&mut self, mut bytes: &[u8], end: Instant) -> io::Result<bool> {
        while !bytes.is_empty() {
            match self.tcp.write(bytes) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.place.no_longer(WRITE);
                    if !self.place.wait(WRITE, end).await {
                        return Ok(false);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

struct Visit {
    place: Arc<Place>,
    work: Work,
    /// The first of its entries in the calendar.
    entry: u64,
}

/// Where visits lie: by token, with a number that changes with every visit.
#[derive(Default)]
struct Slot {
    visits_before: u32,
    visit: Option<Visit>,
}

struct Reactor {
    registry: Arc<Registry>,
    origin: Instant,
    jobs: mpsc::UnboundedReceiver<Job>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    calendar: BTreeMap<u64, Vec<(usize, u32)>>,
}

impl Reactor {
    fn begin() -> io::Result<mpsc::UnboundedSender<Job>> {
        let poll = Poll::new()?;
        let registry = Arc::new(poll.registry().try_clone()?);
        #[expect(deprecated, reason = "its successor is unsafe; a Poll owns its descriptor and keeps it")]
        let poll = AsyncFd::with_interest(poll, tokio::io::Interest::READABLE)?;
        let (sender, jobs) = mpsc::unbounded_channel();
        let reactor = Self { registry, origin: Instant::now(), jobs, slots: Vec::new(), free: Vec::new(), calendar: BTreeMap::new() };
        tokio::spawn(reactor.run(poll));
        Ok(sender)
    }

    /// Until nobody has work any more.
    async fn run(mut self, mut poll: AsyncFd<Poll>) {
        let mut events = Events::with_capacity(EVENTS);
        let mut wanted = true;
        while wanted || self.free.len() < self.slots.len() {
            let next = self.calendar.first_key_value().map(|(tick, _)| self.origin + Duration::from_millis(tick * TICK));
            let pause = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                job = self.jobs.recv(), if wanted => match job {
                    Some(job) => {
                        self.take_in(job);
                        while let Ok(job) = self.jobs.try_recv() {
                            self.take_in(job);
                        }
                    }
                    None => wanted = false,
                },
                ready = poll.readable_mut() => {
                    let Ok(mut ready) = ready else { return };
                    if ready.get_inner_mut().poll(&mut events, Some(Duration::ZERO)).is_err() {
                        continue;
                    }
                    let count = events.iter().map(|event| self.happened(event)).count();
                    if count < EVENTS {
                        ready.clear_ready();
                    }
                }
                () = pause => self.remind(),
            }
        }
    }

    fn take_in(&mut self, Job { place, work }: Job) {
        let token = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        place.token.store(token, Ordering::Relaxed);
        let _ = place.reactor.set((Arc::clone(&self.registry), self.origin));
        if let Some(slot) = self.slots.get_mut(token) {
            slot.visit = Some(Visit { place, work, entry: u64::MAX });
        }
        self.go_on(token);
    }

    fn happened(&mut self, event: &mio::event::Event) {
        let Token(token) = event.token();
        let Some(visit) = self.slots.get(token).and_then(|slot| slot.visit.as_ref()) else { return };
        let flags = [
            (event.is_readable(), READABLE),
            (event.is_read_closed() || event.is_error(), READ_OVER),
            (event.is_writable(), WRITABLE),
            (event.is_write_closed() || event.is_error(), WRITE_OVER),
        ];
        let ready = flags.into_iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag);
        visit.place.ready.fetch_or(ready, Ordering::Relaxed);
        self.go_on(token);
    }

    /// Lets a visit do what it can.
    fn go_on(&mut self, token: usize) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        let Some(visit) = slot.visit.as_mut() else { return };
        let mut context = Context::from_waker(Waker::noop());
        // One visit that fails for a fault of ours must not take the others along.
        let step = catch_unwind(AssertUnwindSafe(|| visit.work.as_mut().poll(&mut context)));
        if step.map_or(true, |step| step.is_ready()) {
            slot.visit = None;
            slot.visits_before = slot.visits_before.wrapping_add(1);
            self.free.push(token);
            return;
        }
        let due = visit.place.due.load(Ordering::Relaxed) / TICK + 1;
        if due < visit.entry {
            // Never in the past: the calendar has an end.
            let due = due.max(millis(self.origin.elapsed()) / TICK + 1);
            visit.entry = due;
            self.calendar.entry(due).or_default().push((token, slot.visits_before));
        }
    }

    /// Looks at those whose time may be over.
    fn remind(&mut self) {
        let now = millis(self.origin.elapsed());
        while let Some(entry) = self.calendar.first_entry().filter(|entry| *entry.key() * TICK <= now) {
            for (token, visits_before) in entry.remove() {
                let Some(slot) = self.slots.get_mut(token).filter(|slot| slot.visits_before == visits_before) else { continue };
                if let Some(visit) = &mut slot.visit {
                    visit.entry = u64::MAX;
                    self.go_on(token);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn soon(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    /// Connects and reads to the end, in small pieces.
    async fn read_all(place: Arc<Place>, address: SocketAddr) -> Vec<u8> {
        let mut socket = Socket::connect(place, address, soon(5000)).await.unwrap().unwrap();
        let mut all = Vec::new();
        let mut buffer = [0; 7];
        while socket.readable(soon(5000)).await {
            match socket.try_read(&mut buffer) {
                Ok(0) => return all,
                Ok(n) => all.extend_from_slice(&buffer[..n]),
                Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
            }
        }
        panic!("the end was not seen after {} octets", all.len());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_read_to_the_end() {
        let (listener, address) = listener();
        std::thread::spawn(move || {
            for (i, stream) in listener.incoming().take(100).enumerate() {
                // Sent together with the end of the connection, and of every length around that of the buffer.
                let _ = stream.unwrap().write_all(&vec![b'x'; i]);
            }
        });
        let reactors = Arc::new(Reactors::default());
        let visits: Vec<_> = (0..100)
            .map(|_| {
                let reactors = Arc::clone(&reactors);
                tokio::spawn(async move { reactors.run(|place| read_all(place, address)).await.unwrap().len() })
            })
            .collect();
        let mut lengths = Vec::new();
        for visit in visits {
            lengths.push(visit.await.unwrap());
        }
        lengths.sort_unstable();
        assert_eq!(lengths, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn deadlines_move_and_hold() {
        let (listener, address) = listener();
        let reactors = Reactors::default();
        let begun = Instant::now();
        let work = |place| async move {
            let socket = Socket::connect(place, address, soon(5000)).await.unwrap().unwrap();
            // The first is later than the second: an entry in the calendar that comes too late would hold us up.
            let first = socket.readable(soon(300)).await;
            let between = begun.elapsed();
            let second = socket.readable(soon(50)).await;
            (first, between, second)
        };
        let (first, between, second) = reactors.run(work).await.unwrap();
        assert_eq!((first, second), (false, false));
        assert!(between >= Duration::from_millis(300) && begun.elapsed() >= Duration::from_millis(350));
        drop(listener);
    }

    #[tokio::test]
    async fn who_refuses_is_an_error() {
        let reactors = Reactors::default();
        let (listener, address) = listener();
        drop(listener);
        let refused = reactors.run(|place| Socket::connect(place, address, soon(5000))).await.unwrap();
        assert_eq!(refused.err().map(|e| e.kind()), Some(io::ErrorKind::ConnectionRefused));
    }

    #[tokio::test]
    async fn who_hangs_up_and_does_not_read_costs_no_more_than_our_patience() {
        let (listener, address) = listener();
        let server = std::thread::spawn(move || {
            let stream = listener.accept().unwrap().0;
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::thread::sleep(Duration::from_millis(600));
        });
        let reactors = Reactors::default();
        let work = |place| async move {
            let mut socket = Socket::connect(place, address, soon(5000)).await.unwrap().unwrap();
            assert!(socket.readable(soon(5000)).await);
            assert_eq!(socket.try_read(&mut [0; 9]).unwrap(), 0, "the end");
            // More than any window and buffer take.
            let sent = socket.send(&vec![0; 64 << 20], soon(300)).await;
            (sent.is_ok_and(|whole| !whole), socket.readable(soon(100)).await)
        };
        let (late, end_is_seen_again) = reactors.run(work).await.unwrap();
        assert!(late && end_is_seen_again);
        assert_eq!(reactors.run(|_| async { 7 }).await.unwrap(), 7, "others are served");
        server.join().unwrap();
    }

    #[tokio::test]
    async fn one_that_fails_takes_nobody_along() {
        let (listener, address) = listener();
        std::thread::spawn(move || {
            let mut open = listener.incoming().take(1).collect::<Vec<_>>();
            std::thread::sleep(Duration::from_millis(200));
            let _ = open.pop().unwrap().unwrap().write_all(b"late");
        });
        let reactors = Arc::new(Reactors::default());
        let waiting = tokio::spawn({
            let reactors = Arc::clone(&reactors);
            async move { reactors.run(|place| read_all(place, address)).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let broken = reactors.run(|_| async { panic!("on purpose") }).await;
        assert!(broken.is_err_and(|e: io::Error| e.to_string().contains("broke off")));
        assert_eq!(waiting.await.unwrap().unwrap(), b"late");
        assert_eq!(reactors.run(|_| async { 7 }).await.unwrap(), 7, "and the next is served");
    }
}

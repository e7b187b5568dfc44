//! Many UDP queries under way in one thread, at little cost each: they leave in batches, one port a batch, and their answers come in
//! batches. No query has a timer of its own, as all wait equally long.
//!
//! What stands in [`net`](crate::net) about ports and ids holds here too: the system draws the port's number, a port serves a few hundred
//! queries and no id twice. (RFC 5452 section 9)

use crate::config::Source;
use crate::net::batch::{self, Datagram};
use crate::net::{Family, MAX_GUESSES, MAX_STRANGERS, PORTS, SHARE, read_id, udp_socket, write_id};
use rand::Rng;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// Queries under way for which one more port is worth its price.
const CROWD: usize = 256;
/// How often it is looked whose time is up.
const TICK: Duration = Duration::from_millis(20);
/// Octets of a message's head.
const HEAD: usize = 12;
/// Buffers kept for the next answers.
const MAX_SPARE: usize = 512;
/// Of an id whose query is over.
const OVER: u32 = u32::MAX;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// None came in time.
    Silence,
    /// It could not be sent, or something came that is for others to understand.
    Trouble,
}

/// Sends and receives, within one thread and one [`tokio::task::LocalSet`].
pub struct Datagrams {
    inner: Rc<Inner>,
    tasks: [AbortHandle; 2],
}

struct Inner {
    source: Source,
    wait: Duration,
    ports: usize,
    v4: RefCell<Vec<Rc<Port>>>,
    v6: RefCell<Vec<Rc<Port>>>,
    seats: RefCell<Seats>,
    /// Seats whose query is to be sent.
    outbox: RefCell<VecDeque<Ticket>>,
    sender: RefCell<Option<Waker>>,
    /// When whose time is up, in that order.
    deadlines: RefCell<VecDeque<(Instant, Ticket)>>,
    spare: RefCell<Vec<Vec<u8>>>,
    sent: Cell<u64>,
    received: Cell<u64>,
}

/// One use of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    seat: u32,
    turn: u32,
}

/// Whether the system takes what is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    All,
    NoMoreNow,
}

#[derive(Default)]
struct Seats {
    all: Vec<Seat>,
    free: Vec<u32>,
}

/// A query under way.
struct Seat {
    turn: u32,
    server: SocketAddr,
    /// Its bytes, which begin with the id.
    query: Vec<u8>,
    port: Option<Rc<Port>>,
    waker: Option<Waker>,
    outcome: Option<Result<Vec<u8>, Lost>>,
    strangers: usize,
}

/// A port; dropping it ends its reader. Queries under way keep it.
struct Port {
    shared: Rc<Shared>,
    share: usize,
    reader: AbortHandle,
}

struct Shared {
    socket: UdpSocket,
    /// Which seat waits for an id, or [`OVER`].
    by_id: RefCell<HashMap<u16, u32, foldhash::fast::RandomState>>,
    guesses: Cell<usize>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Datagrams {
    /// For so many queries under way, each of which waits for so long. Must be called within a [`tokio::task::LocalSet`].
    pub fn new(queries: usize, wait: Duration, source: Source) -> Self {
        let inner = Rc::new(Inner {
            source,
            wait,
            ports: (queries / CROWD).clamp(*PORTS.start(), *PORTS.end()),
            v4: RefCell::default(),
            v6: RefCell::default(),
            seats: RefCell::default(),
            outbox: RefCell::default(),
            sender: RefCell::default(),
            deadlines: RefCell::default(),
            spare: RefCell::default(),
            sent: Cell::new(0),
            received: Cell::new(0),
        });
        let sender = tokio::task::spawn_local(send(inner.clone())).abort_handle();
        let clock = tokio::task::spawn_local(watch_deadlines(inner.clone())).abort_handle();
        Self { inner, tasks: [sender, clock] }
    }

    /// The answer to a query, which `compose` writes (with any id) into the empty buffer it is given: a response to the same question.
    ///
    /// # Errors
    /// If none comes.
    pub async fn ask(&self, server: SocketAddr, compose: impl FnOnce(&mut Vec<u8>)) -> Result<Answered<'_>, Lost> {
        let ticket = self.inner.sit_down(server, compose);
        let waiting = Waiting { inner: &self.inner, ticket };
        waiting.await.map(|bytes| Answered { inner: &self.inner, bytes })
    }

    /// Messages sent and received.
    pub fn counts(&self) -> (u64, u64) {
        (self.inner.sent.get(), self.inner.received.get())
    }
}

/// An answer; its memory is used again.
pub struct Answered<'a> {
    inner: &'a Inner,
    bytes: Vec<u8>,
}

impl std::ops::Deref for Answered<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        let mut spare = self.inner.spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// The wait for one answer. Dropping it ends the query.
struct Waiting<'a> {
    inner: &'a Inner,
    ticket: Ticket,
}

impl Future for Waiting<'_> {
    type Output = Result<Vec<u8>, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut seats = self.inner.seats.borrow_mut();
        let Some(seat) = seats.of(self.ticket) else { return Poll::Ready(Err(Lost::Trouble)) };
        match seat.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                if !seat.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    seat.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut seats = self.inner.seats.borrow_mut();
        let Some(seat) = seats.of(self.ticket) else { return };
        seat.turn = seat.turn.wrapping_add(1);
        (seat.outcome, seat.waker) = (None, None);
        seat.leave_port();
        seats.free.push(self.ticket.seat);
    }
}

impl Seats {
    fn of(&mut self, ticket: Ticket) -> Option<&mut Seat> {
        self.all.get_mut(ticket.seat as usize).filter(|seat| seat.turn == ticket.turn)
    }
}

impl Seat {
    fn end(&mut self, outcome: Result<Vec<u8>, Lost>) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// Its id on the port is never used again.
    fn leave_port(&mut self) {
        if let (Some(port), Some(id)) = (self.port.take(), read_id(&self.query)) {
            port.shared.by_id.borrow_mut().insert(id, OVER);
        }
    }

    /// Whether a message is a response to the question in the query. What a server that cannot read it might say instead is not for here.
    fn is_answered_by(&self, message: &[u8]) -> bool {
        let Some((name, rest)) = self.query.get(HEAD..).and_then(split_name) else { return false };
        let (Some(kind), Some(flags)) = (rest.get(..4), message.get(2)) else { return false };
        let is_response = flags & 0xF8 == 0x80 && message.get(4..6) == Some(&[0, 1]);
        let asked = message.get(HEAD..HEAD + name.len()).is_some_and(|asked| asked.eq_ignore_ascii_case(name));
        is_response && asked && message.get(HEAD + name.len()..HEAD + name.len() + 4) == Some(kind)
    }
}

/// An uncompressed name, and what follows it.
fn split_name(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        match *wire.get(end)? {
            0 => return wire.split_at_checked(end + 1),
            length => end += 1 + usize::from(length),
        }
    }
}

impl Inner {
    fn sit_down(&self, server: SocketAddr, compose: impl FnOnce(&mut Vec<u8>)) -> Ticket {
        let mut seats = self.seats.borrow_mut();
        let Seats { all, free } = &mut *seats;
        let number = free.pop().unwrap_or_else(|| {
            let query = Vec::with_capacity(64);
            all.push(Seat { turn: 0, server, query, port: None, waker: None, outcome: None, strangers: 0 });
            u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
        });
        let mut ticket = Ticket { seat: number, turn: 0 };
        if let Some(seat) = all.get_mut(number as usize) {
            ticket.turn = seat.turn;
            (seat.server, seat.strangers) = (server, 0);
            seat.query.clear();
            compose(&mut seat.query);
        }
        self.outbox.borrow_mut().push_back(ticket);
        if let Some(waker) = self.sender.borrow_mut().take() {
            waker.wake();
        }
        ticket
    }

    /// Sends what is to be sent, as far as the system takes it; returns the port to wait for if it does not take more.
    fn flush(self: &Rc<Self>) -> Option<Rc<Port>> {
        for family in [Family::V4, Family::V6] {
            loop {
                let batch = self.next_batch(family);
                if batch.is_empty() {
                    break;
                }
                let port = match self.port(family) {
                    Ok(port) => port,
                    Err(_) => {
                        batch.into_iter().for_each(|ticket| self.end(ticket, Lost::Trouble));
                        continue;
                    }
                };
                if self.send(&port, &batch) == Taken::NoMoreNow {
                    return Some(port);
                }
            }
        }
        None
    }

    /// The next tickets of one family that are still valid.
    fn next_batch(&self, family: Family) -> Vec<Ticket> {
        let (mut seats, mut outbox) = (self.seats.borrow_mut(), self.outbox.borrow_mut());
        let mut batch = Vec::with_capacity(batch::SEND_BATCH.min(outbox.len()));
        for _ in 0..outbox.len() {
            let Some(ticket) = outbox.pop_front() else { break };
            match seats.of(ticket) {
                Some(seat) if Family::of(seat.server) == family => batch.push(ticket),
                Some(_) => outbox.push_back(ticket),
                None => {}
            }
            if batch.len() == batch::SEND_BATCH {
                break;
            }
        }
        // Those that are alike stand together, and are sent as one.
        batch.sort_by_cached_key(|ticket| seats.of(*ticket).map(|seat| (seat.server, seat.query.len())));
        batch
    }

    /// Sends a batch from this port. What the system does not take goes back to the outbox, but for the one that it refuses.
    fn send(&self, port: &Rc<Port>, batch: &[Ticket]) -> Taken {
        let mut seats = self.seats.borrow_mut();
        let due = Instant::now() + self.wait;
        for ticket in batch {
            let Some(seat) = seats.of(*ticket) else { continue };
            write_id(&mut seat.query, port.draw(ticket.seat));
            seat.port = Some(port.clone());
        }
        let message = |ticket: &Ticket| seats.all.get(ticket.seat as usize).map(|seat| (seat.query.as_slice(), seat.server));
        let messages: Vec<_> = batch.iter().filter_map(message).collect();
        let (taken, error) = batch::send(&port.shared.socket, &messages);
        let (sent, left) = batch.split_at_checked(taken).unwrap_or((batch, &[]));
        self.deadlines.borrow_mut().extend(sent.iter().map(|ticket| (due, *ticket)));
        self.sent.set(self.sent.get() + taken as u64);
        let Some(error) = error else { return Taken::All };
        let (left, result) = match left.split_first() {
            Some((refused, rest)) if error.kind() != io::ErrorKind::WouldBlock => {
                if let Some(seat) = seats.of(*refused) {
                    seat.end(Err(Lost::Trouble));
                }
                (rest, Taken::All)
            }
            _ => (left, Taken::NoMoreNow),
        };
        let mut outbox = self.outbox.borrow_mut();
        for ticket in left.iter().rev() {
            outbox.push_front(*ticket);
            // Who is sent later gets another port, and another id.
            if let Some(seat) = seats.of(*ticket) {
                seat.leave_port();
            }
        }
        result
    }

    fn end(&self, ticket: Ticket, lost: Lost) {
        if let Some(seat) = self.seats.borrow_mut().of(ticket) {
            seat.end(Err(lost));
        }
    }

    /// One of the open ports, drawn. One that has done its share makes room for a new one.
    fn port(self: &Rc<Self>, family: Family) -> io::Result<Rc<Port>> {
        let mut open = match family {
            Family::V4 => self.v4.borrow_mut(),
            Family::V6 => self.v6.borrow_mut(),
        };
        if open.len() < self.ports {
            let port = Port::open(family, self)?;
            open.push(port.clone());
            return Ok(port);
        }
        let index = rand::rng().random_range(0..open.len());
        let Some(port) = open.get_mut(index) else { return Err(io::Error::other("no port is open")) };
        if port.is_spent() {
            *port = Port::open(family, self)?;
        }
        Ok(port.clone())
    }

    /// Hands a datagram, or what became of ours, to its seat.
    fn take(&self, port: &Shared, datagram: &Datagram<'_>) {
        let known = read_id(datagram.bytes).and_then(|id| port.by_id.borrow().get(&id).copied());
        let mut seats = self.seats.borrow_mut();
        match known {
            // The late answer to a query that is over, or one that came twice.
            Some(OVER) => {}
            Some(number) => {
                let Some(seat) = seats.all.get_mut(number as usize) else { return };
                if seat.server != datagram.server {
                    port.guesses.set(port.guesses.get() + 1);
                } else if datagram.error.is_some() {
                    seat.end(Err(Lost::Trouble));
                } else if seat.is_answered_by(datagram.bytes) {
                    self.received.set(self.received.get() + 1);
                    let mut bytes = self.spare.borrow_mut().pop().unwrap_or_default();
                    bytes.clear();
                    bytes.extend_from_slice(datagram.bytes);
                    seat.end(Ok(bytes));
                } else {
                    seat.strangers += 1;
                    if seat.strangers >= MAX_STRANGERS {
                        seat.end(Err(Lost::Trouble));
                    }
                }
            }
            None => port.guesses.set(port.guesses.get() + 1),
        }
    }
}

impl Port {
    fn open(family: Family, inner: &Rc<Inner>) -> io::Result<Rc<Self>> {
        let socket = udp_socket(&inner.source, family)?;
        let shared = Rc::new(Shared { socket, by_id: RefCell::default(), guesses: Cell::new(0) });
        let reader = tokio::task::spawn_local(read(Rc::downgrade(inner), shared.clone())).abort_handle();
        Ok(Rc::new(Self { shared, share: rand::rng().random_range(SHARE), reader }))
    }

    fn is_spent(&self) -> bool {
        self.shared.by_id.borrow().len() >= self.share || self.shared.guesses.get() >= MAX_GUESSES
    }

    /// An id that was not used on this port, for this seat. There are many more ids than the share.
    fn draw(&self, seat: u32) -> u16 {
        let mut by_id = self.shared.by_id.borrow_mut();
        let mut random = rand::rng();
        loop {
            let id = random.random::<u16>();
            if let std::collections::hash_map::Entry::Vacant(place) = by_id.entry(id) {
                place.insert(seat);
                return id;
            }
        }
    }
}

/// Sends whatever is to be sent, after those who are ready have said all that they want to have sent.
async fn send(inner: Rc<Inner>) {
    loop {
        poll_fn(|context| {
            if inner.outbox.borrow().is_empty() {
                *inner.sender.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        if let Some(port) = inner.flush() {
            let _ = port.shared.socket.writable().await;
        }
    }
}

/// Takes what comes to a port until it is dropped.
async fn read(inner: Weak<Inner>, port: Rc<Shared>) {
    while port.socket.ready(Interest::READABLE | Interest::ERROR).await.is_ok() {
        let Some(inner) = inner.upgrade() else { return };
        let _ = port.socket.try_io(Interest::ERROR, || batch::errors(&port.socket, |failed| inner.take(&port, &failed)));
        let _ = port.socket.try_io(Interest::READABLE, || batch::receive(&port.socket, |datagram| inner.take(&port, &datagram)));
        // Those who were answered come first, and then the next answers.
        tokio::task::yield_now().await;
    }
}

/// Tells those whose time is up.
async fn watch_deadlines(inner: Rc<Inner>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let now = Instant::now();
        let mut deadlines = inner.deadlines.borrow_mut();
        let mut seats = inner.seats.borrow_mut();
        while let Some((due, ticket)) = deadlines.front().copied() {
            match seats.of(ticket) {
                Some(_) if due > now => break,
                Some(seat) => seat.end(Err(Lost::Silence)),
                None => {}
            }
            deadlines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Style, push_query};
    use domain::base::iana::Rtype;
    use std::collections::HashSet;
    use tokio::task::LocalSet;

    type Seen = Rc<RefCell<Vec<(SocketAddr, u16)>>>;
    type Script = fn(&[u8]) -> Vec<u8>;

    /// A server that does with each query what `script` says: the datagrams to send back.
    async fn serve(script: impl Fn(&[u8]) -> Vec<Vec<u8>> + 'static) -> (SocketAddr, Seen) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (socket.local_addr().unwrap(), Seen::default());
        let known = seen.clone();
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 1500];
            loop {
                let (size, from) = socket.recv_from(&mut buffer).await.unwrap();
                known.borrow_mut().push((from, read_id(&buffer).unwrap()));
                for datagram in script(&buffer[..size]) {
                    socket.send_to(&datagram, from).await.unwrap();
                }
            }
        });
        (address, seen)
    }

    fn reply(query: &[u8]) -> Vec<u8> {
        let mut reply = query.to_vec();
        reply[2] |= 0x80;
        reply
    }

    async fn ask(datagrams: &Datagrams, server: SocketAddr, name: &str) -> Result<Vec<u8>, Lost> {
        let name = name.parse().unwrap();
        let compose = |query: &mut Vec<u8>| push_query(&name, Rtype::SOA, Style::Authoritative, query);
        datagrams.ask(server, compose).await.map(|answered| answered.to_vec())
    }

    fn run<T>(wait: u64, work: impl AsyncFnOnce(&Datagrams) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let datagrams = Datagrams::new(1000, Duration::from_millis(wait), Source::default());
            work(&datagrams).await
        })
    }

    #[test]
    fn many_at_once_each_with_its_own_answer_from_ports_and_ids_that_change() {
        run(5000, async |datagrams| {
            let (server, seen) = serve(|query| vec![reply(query)]).await;
            let lookups: Vec<_> = (0..3000).map(|i| format!("n{i}.example")).collect();
            for few in lookups.chunks(100) {
                let mut asked: Vec<_> = few.iter().map(|name| Box::pin(ask(datagrams, server, name))).collect();
                // All are on their way before any is waited for.
                for lookup in &mut asked {
                    poll_fn(|context| {
                        assert!(lookup.as_mut().poll(context).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
                for (lookup, name) in asked.into_iter().zip(few) {
                    let answer = lookup.await.unwrap();
                    let mut query = Vec::new();
                    push_query(&name.parse().unwrap(), Rtype::SOA, Style::Authoritative, &mut query);
                    assert_eq!(answer[HEAD..], query[HEAD..], "{name}");
                }
            }
            let seen = seen.borrow();
            let (used, ports): (HashSet<_>, HashSet<_>) = (seen.iter().collect(), seen.iter().map(|(from, _)| from.port()).collect());
            assert_eq!((seen.len(), used.len()), (3000, 3000), "no id is used twice on a port");
            assert!(ports.len() > 4, "{} ports", ports.len());
            assert_eq!(datagrams.counts(), (3000, 3000));
        });
    }

    #[test]
    fn what_does_not_answer_the_question_is_no_answer() {
        let wrong_id = |query: &[u8]| [&[query[0] ^ 1, query[1]], &reply(query)[2..]].concat();
        let wrong_name = |query: &[u8]| {
            let mut reply = reply(query);
            reply[HEAD + 1] ^= 1;
            reply
        };
        let wrong_type = |query: &[u8]| {
            let mut reply = reply(query);
            reply[HEAD + 6] ^= 1;
            reply
        };
        run(300, async |datagrams| {
            let scripts: [Script; 5] = [wrong_id, wrong_name, wrong_type, <[u8]>::to_vec, |_| vec![0; 5]];
            for script in scripts {
                let (server, _) = serve(move |query| vec![script(query)]).await;
                assert_eq!(ask(datagrams, server, "abc").await, Err(Lost::Silence));
                // The right one counts even so, if it comes.
                let (server, _) = serve(move |query| vec![script(query), reply(query)]).await;
                assert!(ask(datagrams, server, "abc").await.is_ok());
            }
            let (server, _) = serve(move |query| vec![wrong_name(query); 20]).await;
            assert_eq!(ask(datagrams, server, "abc").await, Err(Lost::Trouble), "somebody is guessing");
            let capitals = |query: &[u8]| {
                let mut reply = reply(query);
                // The id is no text.
                reply[HEAD..].make_ascii_uppercase();
                reply
            };
            let (server, _) = serve(move |query| vec![capitals(query)]).await;
            assert!(ask(datagrams, server, "abc").await.is_ok());
        });
    }

    #[test]
    fn nobody_takes_down_neighbours() {
        run(500, async |datagrams| {
            let (good, _) = serve(|query| vec![reply(query)]).await;
            // Nobody listens there; and a destination that the system refuses.
            let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let refused: SocketAddr = "255.255.255.255:53".parse().unwrap();
            let servers = [good, refused, good, closed, refused, refused, good];
            let asked = servers.map(|server| async move { ask(datagrams, server, "example").await.map(|_| ()) });
            let mut outcomes = Vec::new();
            let mut asked: Vec<_> = asked.into_iter().map(Box::pin).collect();
            for lookup in &mut asked {
                poll_fn(|context| Poll::Ready(lookup.as_mut().poll(context).is_pending())).await;
            }
            for lookup in asked {
                outcomes.push(lookup.await);
            }
            let (ok, no) = (Ok(()), Err(Lost::Trouble));
            assert_eq!(outcomes, [ok, no, ok, no, no, no, ok]);
        });
    }

    #[test]
    fn who_leaves_makes_room_and_is_not_answered() {
        run(200, async |datagrams| {
            let (silent, seen) = serve(|_| Vec::new()).await;
            for _ in 0..50 {
                let left = tokio::time::timeout(Duration::from_millis(1), ask(datagrams, silent, "example")).await;
                assert!(left.is_err());
            }
            assert!(datagrams.inner.seats.borrow().all.len() <= 2);
            assert_eq!(ask(datagrams, silent, "example").await, Err(Lost::Silence));
            assert!(seen.borrow().len() > 40);
        });
    }
}

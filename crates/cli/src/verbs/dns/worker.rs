//! One worker: a thread with a resolver, sockets and caches of its own, which shares nothing but the list and the output.

use super::list::Item;
use super::record::Answers;
use crate::exit::UsageError;
use bytes::Bytes;
use dane::name::{parse_domain, tlsa_owner};
use domain::base::iana::Rtype;
use probe::OptOut;
use resolve::sweep::{Memory, Plain, Sweep};
use resolve::{Answer, Config, Counters, Name, Question, Resolver};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::Receiver;
use tokio::task::{Id, JoinSet, LocalSet};

/// MX hosts of one name whose addresses and TLSA records are looked up.
const MAX_HOSTS: usize = 32;
/// MX hosts whose answers are kept as they are written.
const MAX_KNOWN_HOSTS: usize = 16_384;
/// How long they are, at most.
const HOST_LASTS: Duration = Duration::from_secs(300);
/// Bytes of records gathered before they are written.
const GATHERED: usize = 64 << 10;
/// Records are written at least so often.
const EVERY: Duration = Duration::from_secs(1);

/// What is asked of every name.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Types asked at the name itself.
    pub types: Vec<Rtype>,
    /// Whether addresses and TLSA records of the MX hosts are asked for.
    pub hosts: Option<Hosts>,
    /// One server to ask for everything, without validation.
    pub stub: Option<SocketAddr>,
    /// Names that nothing is asked about.
    pub opt_out: Arc<OptOut>,
    /// After this long no more questions are asked for the sake of one name.
    pub deadline: Duration,
    /// Names in work at once.
    pub lanes: usize,
}

/// How MX hosts are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Hosts {
    /// Port of the TLSA names.
    pub port: u16,
}

/// What the workers share.
pub struct Common {
    /// What is to be done, or why the list cannot be read.
    pub list: AsyncMutex<Receiver<Result<Vec<Item>, UsageError>>>,
    pub output: Mutex<Output>,
    /// Set to end early.
    pub stop: AtomicBool,
    /// Records written.
    pub done: AtomicU64,
}

/// Where records go: whole lines with each call.
pub enum Output {
    File(File, String),
    Stdout,
}

impl Output {
    fn write(&mut self, lines: &[u8]) -> Result<(), UsageError> {
        let (written, shown) = match self {
            Self::File(file, shown) => (file.write_all(lines), shown.as_str()),
            Self::Stdout => (std::io::stdout().write_all(lines), "stdout"),
        };
        written.map_err(|e| UsageError(format!("{shown}: {e}; what was written before can be gone on from with --resume")))
    }
}

/// Works until the list ends or a stop is called.
///
/// # Errors
/// If the list cannot be read, or the output not be written.
pub fn work(config: Config, plan: Plan, common: Arc<Common>) -> Result<Counters, UsageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
    let resolver = Resolver::new(config).map_err(UsageError::new)?;
    let gathered = RefCell::new(Vec::with_capacity(2 * GATHERED));
    LocalSet::new().block_on(&runtime, async {
        let sweep = Sweep::new(resolver, plan.lanes);
        let hosts = Memory::new(MAX_KNOWN_HOSTS);
        let worker = Rc::new(Worker {
            sweep,
            hosts,
            plan,
            common,
            items: RefCell::default(),
            gathered,
            number: Cell::new(0),
            failed: Cell::new(None),
        });
        worker.clone().run().await;
        worker.flush();
        match worker.failed.take() {
            Some(error) => Err(error),
            None => Ok(worker.sweep.counters()),
        }
    })
}

struct Worker {
    sweep: Sweep,
    /// What was said about MX hosts, which many names have in common.
    hosts: Memory<Rc<Host>>,
    plan: Plan,
    common: Arc<Common>,
    /// What is to be done next.
    items: RefCell<VecDeque<Item>>,
    /// Records not written yet, and how many.
    gathered: RefCell<Vec<u8>>,
    number: Cell<u64>,
    failed: Cell<Option<UsageError>>,
}

/// All answers about an MX host; whether the questions came to their end.
struct Host {
    answers: Answers,
    complete: bool,
}

/// Why there are no answers, or not all: a stable code, and in words.
type Stopped = (&'static str, String);

/// What is seldom awaited, and therefore takes no room in what is always there.
type Seldom<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The name that a lane has in work, where it is found if the lane breaks.
type InWork = Rc<Cell<Option<Item>>>;

impl Worker {
    /// Keeps the lanes going until the list ends; what is in work when a stop is called is left for another run. A name that makes us panic costs its own answers, and no other name's.
    async fn run(self: Rc<Self>) {
        let mut lanes = JoinSet::new();
        let mut in_work: HashMap<Id, InWork> = HashMap::new();
        let start = |lanes: &mut JoinSet<()>, in_work: &mut HashMap<Id, InWork>| {
            let mine = InWork::default();
            let lane = lanes.spawn_local(self.clone().lane(mine.clone()));
            in_work.insert(lane.id(), mine);
        };
        (0..self.plan.lanes).for_each(|_| start(&mut lanes, &mut in_work));
        let mut tick = tokio::time::interval(EVERY);
        loop {
            let ended = tokio::select! {
                ended = lanes.join_next() => ended,
                _ = tick.tick() => {
                    self.flush();
                    if self.common.stop.load(Relaxed) {
                        return;
                    }
                    continue;
                }
            };
            match ended {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    if let Some(item) = in_work.remove(&error.id()).and_then(|cell| cell.take()) {
                        let why = ("internal-error", "danelaw failed on this name; please report it".to_owned());
                        self.put(&item, &mut Answers::default(), Some(why));
                    }
                    start(&mut lanes, &mut in_work);
                }
            }
        }
    }

    /// One name after the other.
    async fn lane(self: Rc<Self>, in_work: InWork) {
        let mut answers = Answers::default();
        while let Some(item) = self.next().await {
            in_work.set(Some(item.clone()));
            answers.clear();
            let stopped = match name(&item.text) {
                Ok(name) if self.plan.opt_out.has_name(&name) => Some(("opted-out", "it is on the opt-out list: nothing was asked".into())),
                Ok(name) => self.look_up(&name, &mut answers).await,
                Err(why) => Some(("not-a-name", why)),
            };
            self.put(&item, &mut answers, stopped);
            in_work.set(None);
        }
    }

    async fn next(&self) -> Option<Item> {
        loop {
            if self.common.stop.load(Relaxed) {
                return None;
            }
            if let Some(item) = self.items.borrow_mut().pop_front() {
                return Some(item);
            }
            let mut list = self.common.list.lock().await;
            // Another lane may have waited before us.
            if self.items.borrow().is_empty() {
                match list.recv().await? {
                    Ok(items) => self.items.borrow_mut().extend(items),
                    Err(error) => self.fail(error),
                }
            }
        }
    }

    /// All answers, and why it ended early if it did.
    async fn look_up(&self, name: &Name, answers: &mut Answers) -> Option<Stopped> {
        let due = Instant::now() + self.plan.deadline;
        let mut mail = Mail::Unknown;
        let zone = match self.plan.stub {
            Some(_) => None,
            None => self.sweep.zone(name, &mut |plain| self.take(name, plain, answers, &mut mail)).await,
        };
        for (number, rtype) in self.plan.types.iter().enumerate() {
            if answers.has(number) {
                continue;
            }
            if Instant::now() > due {
                return Some(self.late(self.plan.types.len() - number));
            }
            let mut take = |plain: &Plain<'_>| self.take(name, plain, answers, &mut mail);
            match (self.plan.stub, &zone) {
                (Some(server), _) => _ = self.sweep.stub(server, name, *rtype, &mut take).await,
                (None, Some(zone)) => _ = self.sweep.ask(zone, *rtype, &mut take).await,
                (None, None) => {}
            }
            if !answers.has(number) {
                let answer = self.ask_resolver(name, *rtype).await;
                mail.learn(&answer);
                answers.put(number, &answer);
            }
        }
        let hosts = self.plan.hosts?;
        for host in mail.hosts(name).into_iter().filter(|host| !self.plan.opt_out.has_name(host)) {
            if Instant::now() > due {
                return Some(self.late(1));
            }
            if let Some(zone) = zone.as_ref().filter(|zone| zone.encloses(&host)) {
                self.sweep.share(zone);
            }
            let mut about;
            loop {
                about = self.hosts.of(&host, || -> Seldom<'_, _> { Box::pin(self.look_up_host(&host, hosts, due)) }).await;
                // Whoever looked it up may have had less time than we.
                if about.complete || Instant::now() > due {
                    break;
                }
            }
            answers.append(&about.answers);
            if !about.complete {
                return Some(self.late(1));
            }
        }
        None
    }

    fn late(&self, left: usize) -> Stopped {
        let questions = present::count(left as u64, "question");
        ("deadline", format!("{questions} or more were left after {} seconds", self.plan.deadline.as_secs()))
    }

    /// Takes a plain answer to any of the questions.
    fn take(&self, name: &Name, plain: &Plain<'_>, answers: &mut Answers, mail: &mut Mail) {
        if let Some(number) = self.plan.types.iter().position(|rtype| *rtype == plain.rtype)
            && !answers.has(number)
        {
            if plain.rtype == Rtype::MX && plain.rcode == 0 {
                *mail = Mail::of(plain.data.iter().map(|data| Bytes::copy_from_slice(data)));
            }
            answers.put_plain(number, name, plain, self.sweep.resolver().config().clock.now());
        }
    }

    fn ask_resolver<'a>(&'a self, name: &'a Name, rtype: Rtype) -> Seldom<'a, Arc<Answer>> {
        let resolver = self.sweep.resolver();
        Box::pin(async move {
            match self.plan.stub {
                Some(server) => resolver.stub(server, &Question { name: name.clone(), rtype }).await,
                None => resolver.lookup(name, rtype).await,
            }
        })
    }

    /// Addresses of a host, and its TLSA records, at the end of aliases as well. (R-021 rfc7672#2.2.2) With it for how long that holds.
    async fn look_up_host(&self, host: &Name, hosts: Hosts, due: Instant) -> (Rc<Host>, Duration) {
        let mut questions: VecDeque<(Name, Rtype)> = [Rtype::A, Rtype::AAAA].map(|rtype| (host.clone(), rtype)).into();
        let (mut answers, mut lasts) = (Answers::default(), HOST_LASTS);
        while let Some((name, rtype)) = questions.pop_front() {
            if Instant::now() > due {
                return (Rc::new(Host { answers, complete: false }), Duration::ZERO);
            }
            let answer = self.sweep.resolver().lookup(&name, rtype).await;
            lasts = lasts.min(answer.holds_for());
            if rtype == Rtype::A {
                let end = answer.expanded();
                let names = [Some(&name), (*end != name).then_some(end)];
                let owners = names.into_iter().flatten().filter_map(|base| tlsa_owner(base, hosts.port));
                questions.extend(owners.map(|owner| (owner, Rtype::TLSA)));
            }
            answers.put(answers.next(), &answer);
        }
        (Rc::new(Host { answers, complete: true }), lasts)
    }

    fn put(&self, item: &Item, answers: &mut Answers, stopped: Option<Stopped>) {
        answers.push_line(item, stopped.as_ref(), &mut self.gathered.borrow_mut());
        self.number.set(self.number.get() + 1);
        if self.gathered.borrow().len() >= GATHERED {
            self.flush();
        }
    }

    fn flush(&self) {
        let mut gathered = self.gathered.borrow_mut();
        if gathered.is_empty() {
            return;
        }
        let written = self.common.output.lock().unwrap_or_else(PoisonError::into_inner).write(&gathered);
        gathered.clear();
        match written {
            Ok(()) => _ = self.common.done.fetch_add(self.number.take(), Relaxed),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: UsageError) {
        self.common.stop.store(true, Relaxed);
        self.failed.set(Some(error));
    }
}

/// Where a name's mail goes.
enum Mail {
    /// It was not asked, or could not be found out.
    Unknown,
    /// To the name itself, as it has no MX records. (RFC 5321 section 5.1)
    Itself,
    /// To these hosts, none of which is the root. (RFC 7505)
    To(Vec<Name>),
}

impl Mail {
    /// By the data of MX records, or their absence.
    fn of(data: impl Iterator<Item = Bytes>) -> Self {
        let mut data = data.peekable();
        if data.peek().is_none() {
            return Self::Itself;
        }
        let hosts = data.filter_map(|data| Name::from_octets(data.get(2..).map(|host| data.slice_ref(host))?).ok());
        Self::To(hosts.filter(|host| !host.is_root()).take(MAX_HOSTS).collect())
    }

    fn learn(&mut self, answer: &Answer) {
        if answer.question.rtype == Rtype::MX {
            *self = match &answer.rrset {
                Some(set) => Self::of(set.data.iter().cloned()),
                None if answer.failure.is_none() && answer.rcode == 0 => Self::Itself,
                None => Self::Unknown,
            };
        }
    }

    fn hosts(self, name: &Name) -> Vec<Name> {
        match self {
            Self::Unknown => Vec::new(),
            Self::Itself => vec![name.clone()],
            Self::To(hosts) => hosts,
        }
    }
}

/// Any name that the DNS can hold; international ones as A-labels.
pub fn name(text: &str) -> Result<Name, String> {
    if text.is_ascii() { text.parse::<Name>().map_err(|error| error.to_string()) } else { parse_domain(text).map_err(|e| e.to_string()) }
}

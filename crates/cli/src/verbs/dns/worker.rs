//! One worker: a thread with a resolver, sockets and caches of its own, which shares nothing but the list and the output.

use super::list::Item;
use super::record::Record;
use crate::exit::UsageError;
use dane::name::{parse_domain, tlsa_owner};
use domain::base::iana::Rtype;
use resolve::{Answer, Config, Counters, Name, Question, Resolver};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::Receiver;
use tokio::task::{Id, JoinSet, LocalSet};

/// MX hosts of one name whose addresses and TLSA records are looked up.
const MAX_HOSTS: usize = 32;
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
    pub list: AsyncMutex<Receiver<Result<Item, UsageError>>>,
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
    let worker = Rc::new(Worker { resolver, plan, common, gathered, number: Cell::new(0), failed: Cell::new(None) });
    LocalSet::new().block_on(&runtime, worker.clone().run());
    worker.flush();
    match worker.failed.take() {
        Some(error) => Err(error),
        None => Ok(worker.resolver.counters()),
    }
}

struct Worker {
    resolver: Resolver,
    plan: Plan,
    common: Arc<Common>,
    /// Records not written yet, and how many.
    gathered: RefCell<Vec<u8>>,
    number: Cell<u64>,
    failed: Cell<Option<UsageError>>,
}

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
                        self.put(&Record::of(&item, &[], Some(why)));
                    }
                    start(&mut lanes, &mut in_work);
                }
            }
        }
    }

    /// One name after the other.
    async fn lane(self: Rc<Self>, in_work: InWork) {
        while let Some(item) = self.next().await {
            in_work.set(Some(item.clone()));
            match name(&item.text) {
                Ok(name) => {
                    let (answers, stopped) = self.look_up(&name).await;
                    self.put(&Record::of(&item, &answers, stopped));
                }
                Err(why) => self.put(&Record::of(&item, &[], Some(("not-a-name", why)))),
            }
            in_work.set(None);
        }
    }

    async fn next(&self) -> Option<Item> {
        if self.common.stop.load(Relaxed) {
            return None;
        }
        let next = self.common.list.lock().await.recv().await?;
        next.map_err(|error| self.fail(error)).ok()
    }

    /// All answers, and why it ended early if it did.
    async fn look_up(&self, name: &Name) -> (Vec<Arc<Answer>>, Option<(&'static str, String)>) {
        let begun = Instant::now();
        let mut answers: Vec<Arc<Answer>> = Vec::with_capacity(self.plan.types.len());
        let mut questions: VecDeque<Question> =
            self.plan.types.iter().map(|rtype| Question { name: name.clone(), rtype: *rtype }).collect();
        while let Some(question) = questions.pop_front() {
            if begun.elapsed() > self.plan.deadline {
                let left = questions.len() + 1;
                let seconds = self.plan.deadline.as_secs();
                return (answers, Some(("deadline", format!("{left} questions were left after {seconds} seconds"))));
            }
            let answer = match self.plan.stub {
                Some(server) => self.resolver.stub(server, &question).await,
                None => self.resolver.lookup(&question.name, question.rtype).await,
            };
            if let Some(hosts) = self.plan.hosts {
                questions.extend(next_questions(&answer, name, hosts));
            }
            answers.push(answer);
        }
        (answers, None)
    }

    fn put(&self, record: &Record<'_>) {
        record.write(&mut self.gathered.borrow_mut());
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

/// What an answer about `name` makes us ask: the addresses of its MX hosts, or of itself if it has none (RFC 5321 section 5.1); and their
/// TLSA records, at the end of aliases as well (R-021 rfc7672#2.2.2).
fn next_questions(answer: &Answer, name: &Name, hosts: Hosts) -> Vec<Question> {
    let asked = &answer.question;
    let addresses = |host: Name| [Rtype::A, Rtype::AAAA].map(|rtype| Question { name: host.clone(), rtype });
    match asked.rtype {
        Rtype::MX => {
            let Some(set) = &answer.rrset else {
                let implicit = answer.failure.is_none() && answer.rcode == 0;
                return if implicit { addresses(name.clone()).into() } else { Vec::new() };
            };
            let exchanges = set.data.iter().filter_map(|data| Name::from_octets(data.get(2..).map(|d| data.slice_ref(d))?).ok());
            exchanges.filter(|host| !host.is_root()).take(MAX_HOSTS).flat_map(addresses).collect()
        }
        Rtype::A => {
            let end = answer.expanded();
            let names = [Some(&asked.name), (*end != asked.name).then_some(end)];
            let owners = names.into_iter().flatten().filter_map(|base| tlsa_owner(base, hosts.port));
            owners.map(|name| Question { name, rtype: Rtype::TLSA }).collect()
        }
        _ => Vec::new(),
    }
}

/// Any name that the DNS can hold; international ones as A-labels.
fn name(text: &str) -> Result<Name, String> {
    if text.is_ascii() { text.parse::<Name>().map_err(|error| error.to_string()) } else { parse_domain(text).map_err(|e| e.to_string()) }
}

//! `danelaw dns scan`: many names, one record each.

use super::dry_run;
use super::list::{self, Item, Lines, List};
use super::validate::parse_type;
use super::worker::{self, Common, Hosts, Output, Plan};
use crate::common::pace::PaceOptions;
use crate::common::print;
use crate::common::probe::opt_out;
use crate::common::progress::Counter;
use crate::common::resolver::ResolverOptions;
use crate::common::time;
use crate::common::usage::Usage;
use crate::exit::{Exit, UsageError};
use domain::base::iana::Rtype;
use probe::OptOut;
use resolve::{Config, Counters};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::{Receiver, channel};

/// Resolves and validates the names of a list, as many as the machine can.
///
/// Asks each name for its SOA, NS, DS, DNSKEY and MX records, and the MX hosts for their addresses and TLSA records; says of every answer
/// whether it is secure, insecure, bogus or indeterminate, and why. Exactly one record per line of the list, whatever happens.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw dns scan names.txt --out names.jsonl

  # It was stopped, or the machine went down:
  danelaw dns scan names.txt --out names.jsonl --resume

  # Other questions, to stdout:
  danelaw dns scan names.txt --out - --types SOA,CAA | jq .status

  # How much would that be, and for whom? Asks for a sample's delegations:
  danelaw dns scan names.txt --dry-run

  # How fast is this server? Nothing is validated:
  danelaw dns scan names.txt --out - --types SOA --stub 192.0.2.1

THE LIST
  One name a line; '#' begins a comment; of a rank list (17,example.com)
  the second column counts. It is read as it is needed: it may be endless.

EXIT CODES
  0  every line of the list has its record
  2  the command line, the list or the output cannot be used; records
     written before stay, and --resume goes on from them
  3  it was stopped (Ctrl-C); the same holds")]
pub struct Args {
    /// List of names, one a line; '-' is stdin
    #[arg(value_name = "FILE|-")]
    list: PathBuf,

    /// Write the records to this file, one JSON object a line; '-' is stdout
    #[arg(long, value_name = "FILE|-", required_unless_present = "dry_run")]
    out: Option<PathBuf>,

    /// Say how many queries each name server would get, and how long that takes at the limits. Asks only for the delegations of a sample
    #[arg(long, conflicts_with_all = ["out", "resume", "stub", "upstream", "stats"])]
    dry_run: bool,

    /// Names in the sample of a dry run
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "dry_run")]
    sample: usize,

    /// Print the outcome of a dry run as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,

    /// Go on with what an earlier run left in the output file
    #[arg(long)]
    resume: bool,

    /// Types to ask for. TLSA stands for the addresses and TLSA records of the MX hosts
    #[arg(long, value_name = "TYPES", value_delimiter = ',', default_value = "SOA,NS,DS,DNSKEY,MX,TLSA")]
    types: Vec<String>,

    /// Port of the service that the TLSA records are about
    #[arg(long, value_name = "N", default_value_t = 25)]
    port: u16,

    /// Ask this server once for everything, with DO=1 and RD=0, and validate nothing
    #[arg(long, value_name = "IP[:PORT]", value_parser = crate::common::resolver::server, conflicts_with = "upstream")]
    stub: Option<SocketAddr>,

    /// Names in work at the same time
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    in_flight: u32,

    /// Threads, each with sockets and caches of its own [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,

    /// After so many seconds nothing more is asked for the sake of one name
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    deadline: Duration,

    /// Write what the run has cost to this file, as one JSON object
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,

    /// Domains (with all below them), addresses and networks to leave alone, one a line
    #[arg(long, value_name = "FILE")]
    opt_out: Option<PathBuf>,

    #[command(flatten)]
    pace: PaceOptions,

    #[command(flatten)]
    resolver: ResolverOptions,
}

fn seconds(text: &str) -> Result<Duration, String> {
    time::seconds(text, 0.1..=86_400.0)
}

/// What a run has cost: `--stats`.
#[derive(Serialize)]
struct Stats {
    names: u64,
    queries: u64,
    replies: u64,
    verifications: u64,
    cpu_user_s: f64,
    cpu_system_s: f64,
    wall_s: f64,
    max_rss_kb: u64,
}

impl Args {
    /// Does it.
    ///
    /// # Errors
    /// If an argument, the list or the output cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let begun = Instant::now();
        let workers =
            self.workers.unwrap_or_else(|| u32::try_from(std::thread::available_parallelism().map_or(1, Into::into)).unwrap_or(1));
        let plan = self.plan(workers)?;
        let mut config = self.resolver.config(None)?;
        self.pace.apply(&mut config)?;
        config.leave_alone = Arc::new(plan.opt_out.networks().clone());
        config.budgets.sockets = plan.lanes;
        config.budgets.cache_bytes = COMMON_BYTES + plan.lanes * LANE_BYTES;
        let Some(out) = &self.out else { return self.estimate(&plan, config) };
        let (output, done) = self.output(out)?;
        let before = done.number();
        let list = List::open(&self.list, done)?;
        let common = Arc::new(Common {
            list: AsyncMutex::new(read_ahead(list)),
            output: Mutex::new(output),
            stop: AtomicBool::new(false),
            done: AtomicU64::new(0),
        });
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                let (config, plan, common) = (config.clone(), plan.clone(), common.clone());
                std::thread::spawn(move || worker::work(config, plan, common))
            })
            .collect();
        let end = watch(&common, || threads.iter().all(std::thread::JoinHandle::is_finished))?;
        let broke = || UsageError::new("a worker broke; go on with --resume, and please report it");
        let results = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(broke())));
        let sum = results.sum::<Result<Counters, UsageError>>()?;
        let names = common.done.load(Relaxed);
        let wall = begun.elapsed();
        if let Some(path) = &self.stats {
            write_stats(path, names, sum, wall)?;
        }
        let resumed = if before > 0 { format!(" ({} were done before)", present::number(before)) } else { String::new() };
        let (done, queries) = (present::number(names), present::number(sum.queries));
        #[allow(clippy::cast_precision_loss)]
        let rate = names as f64 / wall.as_secs_f64().max(0.001);
        anstream::eprintln!("danelaw: {done} names{resumed}, {queries} queries, {rate:.0} names/s");
        Ok(if end == End::Stopped { Exit::Unknown } else { Exit::Good })
    }

    fn plan(&self, workers: u32) -> Result<Plan, UsageError> {
        let types = self.types.iter().map(|text| parse_type(text)).collect::<Result<Vec<Rtype>, _>>()?;
        let hosts = types.contains(&Rtype::TLSA) && self.stub.is_none();
        Ok(Plan {
            types: types.into_iter().filter(|rtype| !(hosts && *rtype == Rtype::TLSA)).collect(),
            hosts: hosts.then_some(Hosts { port: self.port }),
            stub: self.stub,
            opt_out: Arc::new(self.opt_out.as_deref().map_or_else(|| Ok(OptOut::default()), opt_out)?),
            deadline: self.deadline,
            lanes: usize::try_from(self.in_flight.div_ceil(workers)).unwrap_or(1),
        })
    }

    fn estimate(&self, plan: &Plan, config: Config) -> Result<Exit, UsageError> {
        let pace = config.gate.pace();
        let estimate = dry_run::estimate(List::open(&self.list, Lines::default())?, plan, config, self.sample)?;
        if self.json {
            print::line(serde_json::to_string(&estimate).map_err(UsageError::new)?);
        } else {
            estimate.show(pace);
        }
        Ok(Exit::Good)
    }

    /// The output, and what stands there already.
    fn output(&self, out: &Path) -> Result<(Output, Lines), UsageError> {
        if out.as_os_str() == "-" {
            return Ok((Output::Stdout, Lines::default()));
        }
        let shown = out.display();
        let exists = std::fs::metadata(out).is_ok_and(|m| m.is_file() && m.len() > 0);
        let done = match (exists, self.resume) {
            (true, true) => list::resume(out)?,
            (true, false) => return Err(UsageError(format!("{shown}: exists already; name another file, or go on with --resume"))),
            (false, _) => Lines::default(),
        };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(out);
        let file = file.map_err(|e| UsageError(format!("{shown}: {e}; name a file that can be written, or '-'")))?;
        Ok((Output::File(file, shown.to_string()), done))
    }
}

/// Reads the list in a thread of its own: whoever writes it may be slow, and answers must not wait for that.
fn read_ahead(mut list: List) -> Receiver<Result<Vec<Item>, UsageError>> {
    let (sender, receiver) = channel(READ_AHEAD);
    std::thread::spawn(move || {
        loop {
            let few = list.next_few(FEW);
            let ended = few.as_ref().map_or(true, Vec::is_empty);
            if few.as_ref().is_ok_and(Vec::is_empty) || sender.blocking_send(few).is_err() || ended {
                return;
            }
        }
    });
    receiver
}

/// Bytes that each worker may remember of what names have in common: registries, name servers, mail hosts.
const COMMON_BYTES: usize = 24 << 20;
/// Bytes that each name in work needs to be remembered until it is done.
const LANE_BYTES: usize = 8 << 10;

/// Names handed over together.
const FEW: usize = 64;
/// So often a few names are read before they are needed.
const READ_AHEAD: usize = 16;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Stopped,
}

/// Shows how far it is, and passes on Ctrl-C, until the work is finished.
fn watch(common: &Common, finished: impl Fn() -> bool) -> Result<End, UsageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UsageError::new)?;
    runtime.block_on(async {
        let on = |kind| signal(kind).map_err(|e| UsageError(format!("cannot wait for signals: {e}")));
        let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        let mut progress = Counter::new();
        let mut end = End::Complete;
        while !finished() {
            tokio::select! {
                _ = interrupt.recv() => end = End::Stopped,
                _ = terminate.recv() => end = End::Stopped,
                () = tokio::time::sleep(GLANCE) => progress.show(common.done.load(Relaxed)),
            }
            if end == End::Stopped {
                common.stop.store(true, Relaxed);
            }
        }
        progress.finish();
        Ok(end)
    })
}

/// How often it is looked whether there is something to show.
const GLANCE: Duration = Duration::from_millis(100);

fn write_stats(path: &Path, names: u64, sum: Counters, wall: Duration) -> Result<(), UsageError> {
    let usage = Usage::now();
    let stats = Stats {
        names,
        queries: sum.queries,
        replies: sum.replies,
        verifications: sum.verifications,
        cpu_user_s: usage.user.as_secs_f64(),
        cpu_system_s: usage.system.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        max_rss_kb: usage.max_rss_kb,
    };
    let text = serde_json::to_string(&stats).map_err(UsageError::new)?;
    std::fs::write(path, text + "\n").map_err(|e| UsageError(format!("{}: {e}", path.display())))
}

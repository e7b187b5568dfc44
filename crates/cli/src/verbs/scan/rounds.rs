//! `scan --every`: one round after another, each at its slot of the clock.

use super::folder::{Folder, KeepRecords, LATEST, Told};
use super::{Args, preflight};
use crate::common::probe;
use crate::common::roots::Trust;
use crate::common::survey::{self, Done, End, Stop};
use crate::common::targets::Targets;
use crate::common::time::{now_ms, period, show};
use crate::common::{metadata, print};
use crate::exit::{Exit, UsageError};
use ::probe::rounds::{Schedule, offset};
use ::probe::{Looker, LookerConfig, OptOut, Returns};
use archive::Archive;
use dane::Epoch;
use dane::name::Name;
use dane::observation::{MissedSlots, RoundObservation, RunObservation};
use resolve::Config;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, spawn_blocking};

/// So long before its slot a round reads its input and looks at ourselves, which takes up to ten seconds.
const LEAD_MS: i64 = 15_000;
/// The clock is looked at so often while we wait for it: it may be set, and machines sleep.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(20);
/// Runs of an archive that are searched for the last round of the series.
const RUNS_SEARCHED: usize = 500;

/// When rounds begin.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Round options")]
pub struct RoundOptions {
    /// Scan again and again, so often: 1h, 15m, 30s. Each round is a run of its own in the archive, and taken up in its states
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub every: Option<Duration>,

    /// Begin rounds at the multiples of --every in UTC, as everybody does who says so; without this they count from the first one
    #[arg(long, requires = "every")]
    pub align: bool,

    /// Stop after so many rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "every")]
    pub rounds: Option<u64>,

    /// Begin the domains over this time after the slot, each at its own moment, the same in every round; 0s: all at once [default: half of --every]
    #[arg(long, value_name = "TIME", value_parser = crate::common::time::span, requires = "every")]
    pub spread: Option<Duration>,

    /// Which rounds keep their complete records; the states of every round are kept in any case
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = KeepRecords::Latest, requires = "every")]
    pub keep_records: KeepRecords,

    /// What this machine's clock is ahead of the true time (as chrony or NTP say), milliseconds: kept with each round
    #[arg(long, value_name = "MS", allow_hyphen_values = true, requires = "every")]
    pub clock_offset_ms: Option<i64>,
}

impl RoundOptions {
    fn spread(&self, every: Duration) -> Result<Duration, UsageError> {
        match self.spread {
            Some(spread) if spread >= every => Err(UsageError::new("--spread: give less than --every, or rounds would overlap")),
            Some(spread) => Ok(spread),
            None => Ok(every / 2),
        }
    }
}

/// A series under way.
struct Series<'a> {
    args: &'a Args,
    archive: &'a Path,
    every: Duration,
    spread: Duration,
    schedule: Schedule,
    asked: Config,
    visited: LookerConfig,
    looker: Looker,
    /// Metadata that every round shares.
    run: RunObservation,
    /// Whom to trust.
    roots: Arc<Trust>,
    stop: Stop,
    /// At work on the rounds before.
    folding: Option<JoinHandle<(Folder, Told)>>,
}

/// What a round starts from.
struct Round {
    slot: Epoch,
    late_ms: u64,
    targets: Targets,
    run: RunObservation,
}

/// Scans round after round.
///
/// # Errors
/// If an argument or the list cannot be used, or records cannot be written.
pub async fn run(args: &Args, every: Duration, archive: &Path, targets: Targets) -> Result<Exit, UsageError> {
    let spread = args.rounds.spread(every)?;
    let returns = Returns { within: Returns::POLITE.within.min(every.saturating_sub(spread)), ..Returns::POLITE };
    let (asked, visited) = args.configs(&returns)?;
    let run = metadata::run(&asked, &visited);
    let looker = args.look.looker(asked.clone(), visited.clone())?;
    let _serving = args.identify.serve(args, asked.clone(), &visited, &looker.vantage()).await?;
    let now = now_ms();
    let schedule = if args.rounds.align {
        Schedule::aligned(every, now, last_slot(archive, args, &run, every))
    } else {
        Schedule::from_now(every, now)
    };
    let roots = Arc::new(args.roots.trust()?);
    let mut folder = Folder::new(archive, Arc::clone(&roots));
    let mut series = Series {
        args,
        archive,
        every,
        spread,
        schedule,
        asked,
        visited,
        looker,
        run,
        roots,
        stop: Stop::new()?,
        folding: Some(spawn_blocking(move || {
            let told = folder.look_around();
            (folder, told)
        })),
    };
    let exit = series.all(targets).await?;
    Ok(exit.worst(series.last_fold().await))
}

impl Series<'_> {
    async fn all(&mut self, mut targets: Targets) -> Result<Exit, UsageError> {
        let mut exit = Exit::Good;
        let mut begun = 0;
        while self.args.rounds.rounds.is_none_or(|wanted| begun < wanted) {
            let Some(round) = self.next(&mut targets).await? else {
                // Without a number of rounds, to be stopped between two of them is the only good end.
                return Ok(if self.args.rounds.rounds.is_some() { Exit::Unknown } else { exit });
            };
            begun += 1;
            let done = self.round(round).await?;
            if done.end != End::Complete {
                self.args.hint(&done);
                return Ok(Exit::Unknown);
            }
            let missed = done.run.round.as_ref().is_some_and(|r| r.missed.iter().any(|m| m.why != "not-running"));
            exit = if missed { Exit::Unknown } else { exit };
        }
        anstream::eprintln!("\nThe rounds are in {0}. For a page of the last one: report --archive {0}", self.archive.display());
        Ok(exit)
    }

    /// Waits for the next round and gets it ready. `None`: we were asked to stop.
    async fn next(&mut self, targets: &mut Targets) -> Result<Option<Round>, UsageError> {
        loop {
            let slot = self.schedule.next(now_ms());
            if !self.wait_until(slot.saturating_mul(1000) - LEAD_MS).await {
                return Ok(None);
            }
            // Who wishes to be left alone, and the list, as they are now. What cannot be read must not be ignored, nor end the series.
            if let Err(error) = self.renew(targets) {
                anstream::eprintln!("danelaw: {error}; the round of {} is left out", show(slot));
                self.schedule.unusable(slot);
                continue;
            }
            let vantage = self.looker.check_vantage().await;
            if !self.wait_until(slot.saturating_mul(1000)).await {
                return Ok(None);
            }
            let now = now_ms();
            let Some(late_ms) = self.schedule.late_ms(slot, now) else { continue };
            let round = self.describe(slot, late_ms);
            let run = RunObservation { vantage, started: now.div_euclid(1000), round: Some(Box::new(round)), ..self.run.clone() };
            return Ok(Some(Round { slot, late_ms, targets: targets.clone(), run }));
        }
    }

    fn describe(&self, slot: Epoch, late_ms: u64) -> RoundObservation {
        RoundObservation {
            every_s: u32::try_from(self.every.as_secs()).unwrap_or(u32::MAX),
            aligned: self.args.rounds.align,
            scheduled_s: slot,
            late_ms,
            spread_ms: u64::try_from(self.spread.as_millis()).unwrap_or(u64::MAX),
            missed: self.schedule.missed(slot),
            duration_ms: None,
            complete: None,
            clock_offset_ms: self.args.rounds.clock_offset_ms,
            clock_step_ms: None,
            records: (self.args.rounds.keep_records == KeepRecords::Latest).then(|| LATEST.to_owned()),
        }
    }

    /// A looker that leaves alone who wishes it by now, and the list as it is by now.
    fn renew(&mut self, targets: &mut Targets) -> Result<(), UsageError> {
        let opt_out = Arc::new(self.args.left_alone()?);
        if self.args.list.as_ref().is_some_and(|list| list.as_os_str() != "-") {
            *targets = self.args.targets()?;
        }
        if opt_out.networks() == self.visited.opt_out.networks() {
            self.looker = self.looker.next_round(Arc::clone(&opt_out));
        } else {
            self.looker = self.another_looker(&opt_out)?;
        }
        self.visited.opt_out = opt_out;
        Ok(())
    }

    /// Name servers in networks to leave alone are not asked either, which the resolver has to know.
    fn another_looker(&mut self, opt_out: &Arc<OptOut>) -> Result<Looker, UsageError> {
        self.asked.leave_alone = Arc::new(opt_out.networks().clone());
        let resolver = self.args.look.resolver(self.asked.clone())?;
        probe::looker(resolver, LookerConfig { opt_out: Arc::clone(opt_out), ..self.visited.clone() })
    }

    async fn round(&mut self, round: Round) -> Result<Done, UsageError> {
        let Round { slot, late_ms, targets, run } = round;
        let run = self.args.described(run, &targets);
        let missed = run.round.as_ref().map(|r| r.missed.clone()).unwrap_or_default();
        self.schedule.begun(slot);
        preflight::tell(&run.vantage);
        for m in &missed {
            anstream::eprintln!("danelaw: {}", told(m));
        }
        let sink = self.args.sink(&run)?;
        self.args.put_aside(&targets, &sink)?;
        let names = paced(targets.names, self.spread, Duration::from_millis(late_ms));
        let plan = (sink, run, self.args.tell(), Arc::clone(&self.roots));
        let done = survey::run(self.looker.clone(), names, self.args.options(), plan, &mut self.stop, |_| ()).await?;
        self.schedule.ended(now_ms());
        self.show(&done, slot);
        if let Some(place) = done.place.clone() {
            self.fold(place).await;
        }
        Ok(done)
    }

    /// Makes states of a round that is over, while we wait for the next.
    async fn fold(&mut self, run: PathBuf) {
        let Some(mut folder) = self.folded().await else { return };
        self.folding = Some(spawn_blocking(move || {
            let told = folder.take(run);
            (folder, told)
        }));
    }

    /// Waits for the states of the rounds before, and says what there is to say of them.
    async fn folded(&mut self) -> Option<Folder> {
        let folding = self.folding.take()?.await;
        let (folder, told) = folding.inspect_err(|e| anstream::eprintln!("danelaw: no states can be made any more: {e}")).ok()?;
        for problem in &told.problems {
            anstream::eprintln!("danelaw: {problem}");
        }
        if told.former > 0 {
            anstream::eprintln!(
                "danelaw: {} of a former process had no states yet and has them now",
                present::count(told.former as u64, "round")
            );
        }
        for states in told.states.iter().filter(|states| states.is_news()) {
            if self.args.json {
                survey::print_line("states", states);
            }
        }
        Some(folder)
    }

    /// The same at the end, as long as nobody minds.
    async fn last_fold(&mut self) -> Exit {
        let left = "rounds are left without states; the next 'scan --every' takes them up";
        let Some(folding) = &mut self.folding else { return Exit::Unknown };
        tokio::select! {
            biased;
            () = self.stop.asked() => {
                anstream::eprintln!("danelaw: {left}");
                return Exit::Unknown;
            }
            // Asked for below: a task that is over can be asked only once.
            () = over(folding) => {}
        }
        match self.folded().await {
            Some(folder) if folder.pending() == 0 => Exit::Good,
            _ => {
                anstream::eprintln!("danelaw: {left}");
                Exit::Unknown
            }
        }
    }

    fn show(&self, done: &Done, slot: Epoch) {
        let tables = done.summary.tables();
        if !self.args.json {
            print::line(format!("Round of {}: {}", show(slot), present::run_line(&done.run, &tables)));
        } else if done.end != End::OutputClosed {
            survey::print_line("run", &done.run);
            survey::print_line("summary", &tables);
        }
    }

    /// False: we were asked to stop.
    async fn wait_until(&mut self, at_ms: i64) -> bool {
        loop {
            let left = u64::try_from(at_ms.saturating_sub(now_ms())).unwrap_or(0);
            tokio::select! {
                biased;
                () = self.stop.asked() => return false,
                () = tokio::time::sleep(Duration::from_millis(left).min(LOOK_AT_THE_CLOCK)) => {}
            }
            if left == 0 {
                return true;
            }
        }
    }
}

async fn over<T>(task: &mut JoinHandle<T>) {
    while !task.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The domains, each when its turn comes; for a reader that may be made to wait.
fn paced(mut names: Vec<Name>, spread: Duration, late: Duration) -> impl ExactSizeIterator<Item = Name> + Send + 'static {
    if !spread.is_zero() {
        names.sort_by_cached_key(|name| offset(name, spread));
    }
    let begun = Instant::now();
    let slot = begun.checked_sub(late).unwrap_or(begun);
    names.into_iter().inspect(move |name| std::thread::sleep((slot + offset(name, spread)).saturating_duration_since(Instant::now())))
}

fn told(missed: &MissedSlots) -> String {
    let why = match missed.why.as_str() {
        "not-running" => "nobody was there to begin it",
        "former-ran" => "the round before was not over",
        "unusable-input" => "the list or the opt-outs could not be read",
        _ => "this machine was held up, or its clock was set",
    };
    let to = if missed.count > 1 { format!(" to {}", show(missed.last_s)) } else { String::new() };
    format!("{} missed, {}{to}: {why}", present::count(missed.count, "round"), show(missed.first_s))
}

/// The last slot that an earlier process of this series began, here and under this name.
fn last_slot(archive: &Path, args: &Args, run: &RunObservation, every: Duration) -> Option<Epoch> {
    let shard = args.shard.map(|s| s.to_string());
    let runs = Archive::open(archive).ok()?.runs().ok()?;
    let of_series = |other: RunObservation| {
        let round = other.round?;
        let same = other.vantage.name == run.vantage.name && other.shard == shard;
        (same && round.aligned && u64::from(round.every_s) == every.as_secs()).then_some(round.scheduled_s)
    };
    runs.iter().rev().take(RUNS_SEARCHED).filter_map(|r| r.metadata().ok()).find_map(of_series)
}

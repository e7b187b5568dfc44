//! Compares validators on zones that the lab's operators have mutated.
//!
//! Every question is asked of danelaw (`dns scan`), of unbound and of `named` behind a recursor that does not validate: programs that remember
//! what they were asked before. Where two of them differ, or none has an answer, all are asked again without memory (`dns validate`,
//! `unbound-host`, `delv`), and only what then differs is a difference. `delv` has the validator of `named`, and costs a process a question.

pub mod client;
pub mod rule;
pub mod rules;

use crate::unbound::{Recursor, UnboundHost, Validator};
use crate::zone::{Zone, free_port};
use crate::{Question, Status, danelaw, in_parallel_by, named};
use lab::{Ask, Case, Mutants, MutantsConfig};
use rule::Rule;
use std::fs;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Questions that a server has at a time. `named` now and then waits for itself until its time is up, so it gets more.
const WAITING: usize = 8;
const NAMED_WAITING: usize = 48;

/// A verdict, and what the program said.
pub type Verdict = (Status, String);

/// One question, and what everybody says.
pub struct Row {
    /// The case.
    pub case: Case,
    /// The question.
    pub ask: Ask,
    /// By danelaw.
    pub ours: Verdict,
    /// By the others: who, and what.
    pub theirs: Vec<(&'static str, Verdict)>,
    /// How many differed at first, and not when asked again without memory.
    pub by_memory: usize,
}

impl Row {
    /// Whether a verdict is ours. Two who both have no answer agree about nothing.
    #[must_use]
    pub fn alike(&self, verdict: &Verdict) -> bool {
        verdict.0 == self.ours.0 && verdict.0 != Status::Indeterminate
    }
}

/// Programs at work on a batch of cases.
struct Bench {
    options: Vec<String>,

    unbound: Validator,
    unbound_host: UnboundHost,
    recursor: Recursor,
    bind: named::Validator,
}

/// Serves a range of cases and asks all their questions; of `delv` those of every `delv_every`th case, and those of which danelaw and `named`
/// say what no rule explains.
///
/// # Panics
/// If a program does not start, or danelaw leaves out a question.
#[must_use]
pub fn batch(rules: &[Rule], seed: u64, cases: Range<usize>, delv_every: usize, directory: &Path) -> Vec<Row> {
    fs::create_dir_all(directory).expect("directory");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).expect("a clock");
    let port = free_port(&Mutants::ADDRESSES.map(IpAddr::V4));
    let mutants = Mutants::start(&MutantsConfig { seed, cases, dns_port: port, now }).expect("the cases are served");
    let bench = Bench::start(&mutants, port, directory);
    let asked: Vec<(&Case, &Ask)> = mutants.cases().iter().flat_map(|case| case.asks.iter().map(move |ask| (case, ask))).collect();
    let questions: Vec<Question> = asked.iter().map(|(_, ask)| Question::new(ask.name.clone(), ask.rtype)).collect();
    let begun = Instant::now();
    let ask = |server, waiting| in_parallel_by(waiting, &questions, move |question| client::verdict(server, question));
    let timed = |name: &'static str, verdicts: Vec<Verdict>| {
        println!("  {name}: {:.0?}", begun.elapsed());
        verdicts
    };
    let (ours, unbound, bind) = thread::scope(|scope| {
        let unbound = scope.spawn(|| timed("unbound", ask(bench.unbound.address(), WAITING)));
        let bind = scope.spawn(|| timed("named", ask(bench.bind.address(), NAMED_WAITING)));
        let ours = timed("danelaw", danelaw::scan(&questions, &bench.options, directory));
        (ours, unbound.join().expect("unbound has answered"), bind.join().expect("named has answered"))
    });
    let theirs = unbound.into_iter().zip(bind);
    let rows: Vec<_> = asked.into_iter().zip(&questions).zip(ours.into_iter().zip(theirs)).collect();
    let rows = in_parallel_by(WAITING, &rows, |(((case, ask), question), (ours, (unbound, bind)))| {
        let sampled = case.number.is_multiple_of(delv_every).then(|| ("delv", bench.recursor.delv(question)));
        let theirs = [("unbound", unbound.clone()), ("named", bind.clone())].into_iter().chain(sampled).collect();
        let mut row = Row { case: (*case).clone(), ask: (*ask).clone(), ours: ours.clone(), theirs, by_memory: 0 };
        if row.theirs.iter().any(|(judge, verdict)| !row.alike(verdict) && !rules.iter().any(|rule| rule.covers(&row, judge, verdict))) {
            bench.again(&mut row, question);
        }
        row
    });
    println!("  those who differ, again: {:.0?}", begun.elapsed());
    rows
}

impl Bench {
    fn start(mutants: &Mutants, port: u16, directory: &Path) -> Self {
        let zone = |(name, server): &(String, _)| Zone { name: name.clone(), file: PathBuf::new(), servers: vec![IpAddr::V4(*server)] };
        let zones: Vec<Zone> = mutants.zones().iter().map(zone).collect();
        let anchor = mutants.anchor();
        let recursor = Recursor::start(&zones, port, anchor, directory);
        let (anchor_file, hints) = (directory.join("anchor"), directory.join("hints"));
        fs::write(&anchor_file, anchor).expect("anchor");
        fs::write(&hints, mutants.root_hints()).expect("hints");
        let option = |name: &str, path: &Path| format!("{name}={}", path.display());
        Self {
            options: vec![option("--anchor", &anchor_file), option("--root-hints", &hints), format!("--dns-port={port}")],

            unbound: Validator::start(&zones, port, anchor, directory),
            unbound_host: UnboundHost::new(&zones, port, anchor, directory),
            bind: named::Validator::start(recursor.address(), anchor, directory),
            recursor,
        }
    }

    /// Asks everybody without memory.
    fn again(&self, row: &mut Row, question: &Question) {
        let differing = |row: &Row| row.theirs.iter().filter(|(_, verdict)| !row.alike(verdict)).count();
        let (scanned, before) = (row.ours.clone(), differing(row));
        row.ours = danelaw::validate(question, &self.options);
        row.theirs = vec![("unbound", self.unbound_host.ask(question)), ("delv", self.recursor.delv(question))];
        row.by_memory = before.saturating_sub(differing(row));
        row.theirs.push(("danelaw dns scan", scanned));
    }
}

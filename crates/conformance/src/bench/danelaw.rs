//! What danelaw costs, and whether it is right.

use super::costs::Costs;
use super::options::Options;
use super::usage::{Usage, on_core, run};
use super::world::{Group, Kind, World};
use super::{MEASURED, PORT, exchange};
use crate::danelaw;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names in flight when memory is looked at.
pub const CROWDED: usize = 10_000;
/// Lines of a short and of a long list, as multiples of the unsigned names: a hundred thousand and a million in a world of full size.
const LONG: [usize; 2] = [5, 50];
/// Names that the stub asks for: enough for a second of CPU time.
const STUB_NAMES: usize = 50_000;

/// All runs on a group of domains.
pub struct Outcome {
    /// Which verb it was.
    pub verb: Verb,
    /// One worker on one core.
    pub one: Run,
    /// Two workers on two cores.
    pub two: Option<Run>,
    /// With [`CROWDED`] names in flight.
    pub crowded: Option<Run>,
    /// As a stub, without validation.
    pub stub: Option<Run>,
    /// A short and a long list.
    pub long: Option<[Run; 2]>,
}

/// How danelaw is asked to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `dns scan`: the types of the benchmark, and its own counts.
    Dns,
    /// `scan --dns-only`: the same and more, and no counts.
    Scan,
}

/// One run.
pub struct Run {
    /// Names in the list.
    pub names: usize,
    /// What it used.
    pub usage: Usage,
    /// What exchanges and verifications cost just then.
    pub costs: Costs,
    /// What it counted, if it counts.
    pub counts: Option<Counts>,
    /// Names with the status that they should have and nothing missing.
    pub right: usize,
    /// A few of the others: what was said of them.
    pub wrong: Vec<String>,
}

/// danelaw's own counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Queries sent.
    pub queries: u64,
    /// Replies received.
    pub replies: u64,
    /// Signatures verified.
    pub verifications: u64,
}

/// How to run it.
#[derive(Clone, Copy)]
struct Plan<'a> {
    name: &'a str,
    workers: usize,
    in_flight: usize,
    mode: Mode,
    /// How often every name stands in the list.
    times: usize,
}

/// What the names are asked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Validating,
    Stub,
}

/// Runs it on a group of domains: all of the runs on signed ones, on others only the first.
///
/// # Panics
/// If it fails.
pub fn measure(world: &World, group: &Group<'_>, options: &Options) -> Outcome {
    let bench = Bench { world, group, verb: verb() };
    let plan = Plan { name: "one", workers: 1, in_flight: options.in_flight, mode: Mode::Validating, times: 1 };
    let more = bench.verb == Verb::Dns && group.kind == Kind::Signed;
    let run = |plan: Plan<'_>| more.then(|| bench.run(&plan));
    let long = |name, times| bench.run(&Plan { name, times, ..plan });
    let unsigned = bench.verb == Verb::Dns && group.kind == Kind::Unsigned;
    Outcome {
        verb: bench.verb,
        one: bench.run(&plan),
        long: unsigned.then(|| [long("short", LONG[0]), long("long", LONG[1])]),
        two: run(Plan { name: "two", workers: 2, ..plan }),
        crowded: run(Plan { name: "crowded", in_flight: CROWDED, ..plan }),
        stub: run(Plan { name: "stub", mode: Mode::Stub, ..plan }),
    }
}

/// The verb of this binary.
fn verb() -> Verb {
    let mut command = danelaw::command();
    let asked = command.args(["dns", "scan", "--help"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) { Verb::Dns } else { Verb::Scan }
}

struct Bench<'a> {
    world: &'a World,
    group: &'a Group<'a>,
    verb: Verb,
}

impl Bench<'_> {
    fn run(&self, plan: &Plan<'_>) -> Run {
        let directory = self.world.runs.join(format!("danelaw-{}-{}", self.group.kind.word(), plan.name));
        fs::create_dir_all(&directory).expect("directory");
        let domains = match plan.mode {
            Mode::Validating => self.group.domains,
            Mode::Stub => &self.group.domains[..self.group.domains.len().min(STUB_NAMES)],
        };
        let list = directory.join("list");
        let once = domains.iter().map(|domain| format!("{}\n", domain.name)).collect::<String>();
        fs::write(&list, once.repeat(plan.times)).expect("list");
        let (out, stats, log) = (directory.join("out.jsonl"), directory.join("stats.json"), directory.join("log"));
        let command = self.command(plan, &list, &out, &stats);
        let work = || if plan.workers == 1 { on_core(MEASURED, || run(command, &log)) } else { run(command, &log) };
        let (usage, costs) = Costs::around(self.world, work);
        let expected = domains.iter().map(|domain| domain.name.as_str()).collect();
        let (right, wrong) = self.check(&out, plan, expected);
        let _ = fs::remove_file(&out);
        Run { names: domains.len() * plan.times, usage, costs, counts: counts(&stats), right, wrong }
    }

    fn command(&self, plan: &Plan<'_>, list: &Path, out: &Path, stats: &Path) -> Command {
        let mut command = danelaw::command();
        match self.verb {
            Verb::Dns => {
                command.args(["dns", "scan"]).arg(list).arg("--stats").arg(stats);
                command.args([format!("--workers={}", plan.workers), format!("--in-flight={}", plan.in_flight)]);
            }
            Verb::Scan => {
                command.arg("scan").arg(list).args(["--dns-only", "--allow-private", &format!("--parallel={}", plan.in_flight)]);
            }
        }
        command.arg("--out").arg(out).args(["--no-ipv6", &format!("--dns-port={PORT}")]);
        command.arg("--anchor").arg(self.world.file("anchor.ds")).arg("--root-hints").arg(self.world.file("root.hints"));
        if plan.mode == Mode::Stub {
            command.args([format!("--stub={}", self.world.server()), format!("--types={}", exchange::TYPES.join(","))]);
        }
        command
    }

    /// How many of the names were right, and a few that were not.
    fn check(&self, out: &Path, plan: &Plan<'_>, expected: HashSet<&str>) -> (usize, Vec<String>) {
        const SHOWN: usize = 5;
        let (mut right, mut wrong) = (0, Vec::new());
        let mut left: HashMap<&str, usize> = expected.into_iter().map(|name| (name, plan.times)).collect();
        for line in BufReader::new(File::open(out).expect("what danelaw wrote")).lines() {
            let line = line.expect("text");
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            let Some((name, good)) = self.judge(&value, plan.mode) else { continue };
            let wanted = left.get_mut(name).filter(|times| **times > 0);
            let known = wanted.is_some();
            wanted.into_iter().for_each(|times| *times -= 1);
            if known && good {
                right += 1;
            } else if wrong.len() < SHOWN {
                wrong.push(line.chars().take(600).collect());
            }
        }
        let silent = left.into_iter().filter(|(_, times)| *times > 0);
        wrong.extend(silent.take(SHOWN).map(|(name, times)| format!("{name}: nothing was said, {times} times")));
        (right, wrong)
    }

    /// The name that a line is about, and whether it says what it should. Lines about something else: nothing.
    fn judge<'a>(&self, line: &'a Value, mode: Mode) -> Option<(&'a str, bool)> {
        match self.verb {
            Verb::Dns => {
                let answers = line["answers"].as_array().map_or(&[][..], Vec::as_slice);
                let has = |rtype: &str| answers.iter().any(|answer| answer["type"] == rtype && answer["data"].as_array().is_some());
                let (status, types) = match mode {
                    Mode::Validating => (self.group.kind.status(), &["SOA", "NS", "MX", "A", "TLSA"][..]),
                    Mode::Stub => ("indeterminate", &exchange::TYPES[..]),
                };
                let stub = mode == Mode::Stub;
                Some((line["name"].as_str()?, types.iter().all(|rtype| has(rtype)) && (stub || line["status"] == status)))
            }
            Verb::Scan => (line["kind"] == "domain")
                .then_some(())
                .and_then(|()| Some((line["domain"].as_str()?, line["mx"]["status"] == self.group.kind.status()))),
        }
    }
}

fn counts(stats: &PathBuf) -> Option<Counts> {
    let value: Value = serde_json::from_slice(&fs::read(stats).ok()?).ok()?;
    let of = |name: &str| value[name].as_u64().unwrap_or(0);
    Some(Counts { queries: of("queries"), replies: of("replies"), verifications: of("verifications") })
}

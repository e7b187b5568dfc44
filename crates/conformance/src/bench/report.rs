//! Prints what was measured as it comes, and the table at the end.

use super::costs::Costs;
use super::danelaw::{CROWDED, Outcome, Run, Verb};
use super::options::Options;
use super::peer::Peer;
use super::perfect::{self, Perfect};
use super::table::{Table, megabytes, micros, put, whole};
use super::world::{Group, Kind, World};
use crate::software;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What has been measured so far.
pub struct Report {
    machine: String,
    page: Option<PathBuf>,
    table: Table,
    /// Domains per CPU second of unbound, for the ratios.
    unbound: Option<f64>,
    wrong: Vec<String>,
}

impl Report {
    /// Begins with the world.
    pub fn new(options: &Options, world: &World, loaded_in: Duration) -> Self {
        let mut report = Self {
            machine: options.machine.clone(),
            page: options.page.clone(),
            table: Table::default(),
            unbound: None,
            wrong: Vec::new(),
        };
        let config = &world.crowd.config;
        let made =
            world.made_in.map_or("kept from an earlier run".to_owned(), |time| format!("made and signed in {:.0} s", time.as_secs_f64()));
        println!("{}", report.machine);
        let zones = format!("{} signed, {} unsigned, {} hosts; {made}", config.signed, config.unsigned, config.hosts);
        report.row("zones", zones, "");
        report.row("names in flight, where nothing else is said", whole(options.in_flight as f64), "");
        report.row("loaded by NSD", format!("{:.0} s", loaded_in.as_secs_f64()), "");
        report
    }

    fn row(&mut self, what: impl Into<String>, figure: impl Into<String>, wanted: &'static str) {
        self.table.row(what, figure, wanted);
    }

    /// The bare machine.
    pub fn costs(&mut self, costs: Costs) {
        let rate = whole(1.0 / costs.exchange);
        self.row("one UDP exchange, sendto and recvfrom", format!("{} ({rate} a CPU second)", micros(costs.exchange)), "");
        self.row("one verification, P-256", micros(costs.verification), "");
    }

    /// What unbound did.
    pub fn unbound(&mut self, kind: Kind, peer: &Peer) {
        let rate = peer.domains as f64 / peer.usage.cpu();
        self.unbound = Some(rate);
        let kind = kind.word();
        let (user, system) = (peer.usage.user, peer.usage.system);
        self.row(
            format!("{kind}: unbound, domains per CPU second"),
            format!("{} ({user:.1} s user, {system:.1} s system)", whole(rate)),
            "",
        );
        let (right, asked) = peer.right;
        let failed = peer.failed;
        self.row(
            format!("{kind}: unbound, queries"),
            format!("{}, {failed} failed; {right} of {asked} as they should be", peer.queries),
            "",
        );
        self.row(format!("{kind}: unbound, peak memory"), megabytes(peer.usage.peak_kb), "");
    }

    /// What danelaw did.
    pub fn danelaw(&mut self, world: &World, group: &Group<'_>, outcome: &Outcome) {
        let kind = group.kind.word();
        let verb = if outcome.verb == Verb::Dns { "danelaw" } else { "danelaw scan --dns-only" };
        let one = self.run(&format!("{kind}: {verb}"), &outcome.one);
        if let Some(unbound) = self.unbound.take() {
            let wanted = if group.kind == Kind::Signed { "4.5 or more" } else { "14 or more" };
            self.row(format!("{kind}: times unbound"), format!("{:.2}", one / unbound), wanted);
        }
        self.work(kind, &outcome.one, perfect::of(world, group));
        if let Some(two) = &outcome.two {
            let rate = self.run(&format!("{kind}: {verb}, two workers"), two);
            self.row(format!("{kind}: two workers to one"), format!("{:.2}", rate / one), "0.9 or more");
        }
        if let Some(crowded) = &outcome.crowded {
            self.run(&format!("{kind}: {verb}, {CROWDED} in flight"), crowded);
            self.row(format!("{kind}: peak memory with {CROWDED} in flight"), megabytes(crowded.usage.peak_kb), "below 300 MB");
        }
        if let Some([short, long]) = &outcome.long {
            self.truth(&format!("{kind}: a list of {} lines", whole(short.names as f64)), short);
            self.truth(&format!("{kind}: a list of {} lines", whole(long.names as f64)), long);
            let memory = format!("{} and {}", megabytes(short.usage.peak_kb), megabytes(long.usage.peak_kb));
            self.row(format!("{kind}: peak memory of these lists"), memory, "the same");
            let each = |run: &Run| micros(run.usage.cpu() / run.names as f64);
            self.row(format!("{kind}: CPU time a line"), format!("{} and {}", each(short), each(long)), "the same");
        }
        if let Some(stub) = &outcome.stub {
            self.stub(stub);
        }
    }

    /// The rate, memory and truth of a run. Returns domains per CPU second.
    fn run(&mut self, who: &str, run: &Run) -> f64 {
        let rate = run.names as f64 / run.usage.cpu();
        let (user, system, wall) = (run.usage.user, run.usage.system, run.usage.wall);
        let figure = format!("{} ({user:.1} s user, {system:.1} s system; {wall:.0} s in all)", whole(rate));
        self.row(format!("{who}, domains per CPU second"), figure, "");
        self.row(format!("{who}, peak memory"), megabytes(run.usage.peak_kb), "");
        self.truth(who, run);
        rate
    }

    fn truth(&mut self, who: &str, run: &Run) {
        self.row(format!("{who}, right"), format!("{} of {}", run.right, run.names), "all");
        if run.right < run.names {
            self.wrong.push(format!(
                "{who}: {} of {} names are not as they should be:\n  {}",
                run.names - run.right,
                run.names,
                run.wrong.join("\n  ")
            ));
        }
    }

    /// What a run did beside what it had to do, and its time beside what that costs on this machine.
    fn work(&mut self, kind: &str, run: &Run, perfect: Perfect) {
        let each = |count: f64| format!("{:.3}", count / run.names as f64);
        let least = |count: usize| format!("least: {}", each(count as f64));
        let Some(counts) = run.counts else {
            self.row(format!("{kind}: verifications a domain"), least(perfect.verifications), "");
            self.row(format!("{kind}: exchanges a domain"), least(perfect.exchanges), "");
            return;
        };
        let beside = |count: u64, perfect: usize| format!("{} ({})", each(count as f64), least(perfect));
        self.row(format!("{kind}: verifications a domain"), beside(counts.verifications, perfect.verifications), "the least");
        self.row(format!("{kind}: exchanges a domain"), beside(counts.queries, perfect.exchanges), "the least");
        let (crypto, exchanges) = (counts.verifications as f64 * run.costs.verification, counts.queries as f64 * run.costs.exchange);
        let wanted = if kind == Kind::Signed.word() { "1.15 or less" } else { "" };
        let figure = format!(
            "{:.2} ({} and {} then)",
            run.usage.cpu() / (crypto + exchanges),
            micros(run.costs.verification),
            micros(run.costs.exchange)
        );
        self.row(format!("{kind}: CPU time to that of its verifications and exchanges"), figure, wanted);
        let share = |seconds: f64| format!("{:.0}%", 100.0 * seconds / run.usage.cpu());
        let (kernel, rest) = (run.usage.system, run.usage.user - crypto);
        let figure = format!("kernel {}, verifications {}, all else {}", share(kernel), share(crypto), share(rest));
        self.row(format!("{kind}: where the CPU time goes"), figure, "");
    }

    fn stub(&mut self, run: &Run) {
        let lookups = run.counts.map_or(0, |counts| counts.replies) as f64;
        let rate = lookups / run.usage.cpu();
        let figure = format!("{} ({:.1} s user, {:.1} s system)", whole(rate), run.usage.user, run.usage.system);
        self.row("stub: lookups per CPU second", figure, "150,000 or more, or the next line");
        self.row("stub: times plain sendto and recvfrom", format!("{:.2}", rate * run.costs.exchange), "0.9 or more");
        self.truth("stub", run);
    }

    /// Writes the page, if one is wanted.
    ///
    /// # Errors
    /// If names were not right, or the page cannot be written.
    pub fn close(self) -> Result<(), String> {
        if let Some(path) = &self.page {
            put(path, "dns", &self.markdown())?;
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(self.wrong.join("\n")) }
    }

    fn markdown(&self) -> String {
        format!("{PREFACE}{}; {}.\n\n{}{}", self.machine, versions(), self.table.markdown(), include_str!("ways.md"))
    }
}

const PREFACE: &str = "\
## Resolving and validating

Written by `cargo xtask bench dns --write`, which anyone can repeat. It makes a namespace of P-256 zones, lets NSD serve it on one core,
and measures danelaw and unbound on the other, on the same names and types: SOA, NS, DS, DNSKEY, MX, and of the mail hosts A, AAAA, TLSA.
All times are CPU time, in the program and in the kernel. \"Least\" is what no cache could save.

";

/// Of the programs that took part.
fn versions() -> String {
    [("nsd", "-v"), ("unbound", "-V"), ("dnsperf", "-h")].map(|(program, option)| version(program, option)).join(", ")
}

fn version(program: &str, option: &str) -> String {
    let mut command: Command = software::command(program);
    let output = command.arg(option).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    format!("{program} {}", number.unwrap_or("?"))
}

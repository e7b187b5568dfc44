//! How far a survey is: a bar with rate and time to go on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Shows on stderr how far a survey is, or anything else that knows how much there is to do.
pub struct Progress {
    total: u64,
    /// Of what, in the plural.
    of: &'static str,
    done: u64,
    begun: Instant,
    shown: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of domains. Begins with nothing done.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self::of(total, "domains")
    }

    /// Of these things.
    #[must_use]
    pub fn of(total: u64, of: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            let template = "{spinner:.cyan} {wide_bar:.cyan/dim} {human_pos} of {human_len} · {per_sec} · {eta} to go {msg:.dim}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.0}/s", state.per_sec());
                };
                bar.set_style(style.with_key("per_sec", rate).progress_chars("━━╌").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Self { total, of, done: 0, begun: now, shown: now, bar }
    }

    /// One more is done.
    pub fn tick(&mut self, hosts: u64, waiting: u64) {
        self.step(|| {
            let waits = if waiting > 0 { format!(", {waiting} visits wait their turn") } else { String::new() };
            format!("({hosts} MX hosts{waits})")
        });
    }

    /// One more is done, and this is to be said of it.
    pub fn step(&mut self, message: impl FnOnce() -> String) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            bar.set_message(message());
        } else if self.shown.elapsed() >= EVERY {
            self.shown = Instant::now();
            anstream::eprintln!("danelaw: {}", self.line());
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn line(&self) -> String {
        let rate = self.done as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
        let left = self.total.saturating_sub(self.done) as f64 / rate.max(0.001);
        let (done, total) = (present::number(self.done), present::number(self.total));
        let percent = self.done * 100 / self.total.max(1);
        format!("{done} of {total} {} ({percent}%), {rate:.0}/s, {} to go", self.of, present::duration(left as u64))
    }
}

/// Shows on stderr how many are done, where nobody knows how many there will be.
pub struct Counter {
    begun: Instant,
    shown: Instant,
    bar: Option<ProgressBar>,
}

impl Counter {
    /// Begins with nothing done.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {human_pos} names · {msg}") {
                bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
            }
            bar
        });
        let now = Instant::now();
        Self { begun: now, shown: now, bar }
    }

    /// So many are done.
    pub fn show(&mut self, done: u64) {
        #[allow(clippy::cast_precision_loss)]
        let rate = || format!("{:.0}/s", done as f64 / self.begun.elapsed().as_secs_f64().max(0.001));
        if let Some(bar) = &self.bar {
            bar.set_message(rate());
            bar.set_position(done);
        } else if self.shown.elapsed() >= EVERY {
            anstream::eprintln!("danelaw: {} names, {}", present::number(done), rate());
            self.shown = Instant::now();
        }
    }

    /// Takes it away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

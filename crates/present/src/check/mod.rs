//! What `check` prints: what senders experience now, the chain of proof step by step, findings and repairs.

mod chain;
mod nagios;
mod policies;
mod resolver;
mod server;

pub use nagios::{Nagios, nagios};
pub use resolver::resolver;
pub use server::other;

use crate::style::{Ink, Style};
use crate::terminal::ink;
use crate::text::{clean, duration, time, wrap};
use dane::cause::{Party, Weight};
use dane::judge::Forecast;
use dane::observation::{HostObservation, Observation};
use dane::verdict::{Finding, Repair, Verdict};
use std::fmt::Write as _;

/// What a verdict is about.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A mail domain.
    Domain(&'a Observation),
    /// One mail host by itself.
    Host(&'a HostObservation),
}

/// One verdict for people. The first line says in mail terms what senders experience now. Ends with a line break.
#[must_use]
pub fn check(subject: Subject, verdict: &Verdict, outlook: &[Forecast], style: &Style) -> String {
    let mut out = String::new();
    headline(&mut out, verdict, style);
    if let Subject::Domain(observation) = subject {
        chain::dns(&mut out, &observation.domain, style);
    }
    for host in &verdict.hosts {
        server::host(&mut out, subject, (host, verdict.at), style);
    }
    if let Some(verdict) = &verdict.policies {
        policies::policies(&mut out, verdict, style);
    }
    findings(&mut out, verdict, style);
    forecasts(&mut out, outlook, style);
    out
}

/// What a certificate that is not deployed yet would change.
#[must_use]
pub fn preflight(file: &str, now: &Verdict, after: &Verdict, style: &Style) -> String {
    let mut out = String::new();
    heading(&mut out, style, &format!("With the certificate in {}, if it were installed now", clean(file)));
    headline(&mut out, after, style);
    for record in after.hosts.iter().flat_map(|h| &h.records) {
        server::labelled(&mut out, record, style);
    }
    let new = after.findings.iter().filter(|f| f.weight >= Weight::Warning && !now.findings.contains(f));
    each_finding(&mut out, new, style);
    out
}

fn headline(out: &mut String, verdict: &Verdict, style: &Style) {
    let ink = ink(verdict.standing);
    let mark = match ink {
        Ink::Good => "✓",
        Ink::Bad => "✗",
        Ink::Unseen => "?",
        _ => "!",
    };
    for (number, line) in wrap(&clean(&verdict.headline), style.width().saturating_sub(2)).iter().enumerate() {
        let mark = if number == 0 { mark } else { " " };
        let _ = writeln!(out, "{} {}", style.paint(ink, mark), style.paint(Ink::Bold, line));
    }
    let (domain, standing) = (clean(&verdict.domain.to_string()), verdict.standing.word());
    let when = format!("judged for {}", time(verdict.at));
    // On one line, if there is room.
    let one = 2 + domain.chars().count() + 2 + standing.len() + 2 + when.len() <= style.width();
    let gap = if one { ", " } else { "\n  " };
    let _ = writeln!(out, "  {domain}: {}{}", style.paint(ink, standing), style.paint(Ink::Dim, format!("{gap}{when}")));
}

/// A heading with an empty line above.
pub(crate) fn heading(out: &mut String, style: &Style, text: &str) {
    let _ = writeln!(out, "\n{}", style.paint(Ink::Bold, text));
}

/// One step of the chain: mark, what was looked at, status, particulars with hanging indent.
pub(crate) fn step(out: &mut String, style: &Style, (ink, what, status): (Ink, &str, &str), text: &str) {
    let mark = match ink {
        Ink::Good => "✓",
        Ink::Bad => "✗",
        Ink::Unseen => "?",
        Ink::Warn => "!",
        _ => "·",
    };
    // "could not tell" is the longest status.
    const INDENT: usize = 29;
    let lines = wrap(text, style.width().saturating_sub(INDENT));
    let first = lines.first().map_or("", String::as_str);
    let status = style.paint(ink, format!("{status:<14}"));
    let line = format!("  {} {what:<9} {status} {first}", style.paint(ink, mark));
    let _ = writeln!(out, "{}", line.trim_end());
    for line in lines.iter().skip(1) {
        let _ = writeln!(out, "{:INDENT$}{line}", "");
    }
}

fn findings(out: &mut String, verdict: &Verdict, style: &Style) {
    heading(out, style, "Findings");
    if verdict.findings.is_empty() {
        let _ = writeln!(out, "  {} Nothing to mend.", style.paint(Ink::Good, "✓"));
    }
    each_finding(out, &verdict.findings, style);
}

/// Findings with their repairs. What several findings have in common is told once: who mends the first has mended the others.
fn each_finding<'a>(out: &mut String, findings: impl IntoIterator<Item = &'a Finding>, style: &Style) {
    let mut told: Vec<&Finding> = Vec::new();
    for finding in findings {
        one_finding(out, finding, style);
        let Some(repair) = &finding.repair else { continue };
        match told.iter().find(|before| before.repair.as_ref().is_some_and(|r| r.steps == repair.steps)) {
            Some(before) => {
                let _ = writeln!(out, "    {} as for {} above", style.paint(Ink::Bold, "Repair:"), before.cause.code());
            }
            None => {
                mend(out, repair, style);
                told.push(finding);
            }
        }
    }
}

fn one_finding(out: &mut String, finding: &Finding, style: &Style) {
    let (ink, mark) = match finding.weight {
        Weight::Error => (Ink::Bad, "✗"),
        Weight::Warning => (Ink::Warn, "!"),
        Weight::Unknown => (Ink::Unseen, "?"),
        Weight::Info => (Ink::Dim, "·"),
    };
    let party = match finding.party {
        Party::Domain => "domain",
        Party::Path => "path",
        Party::Us => "us",
    };
    let more = finding.addresses.len().checked_sub(1).map_or(String::new(), |more| format!(" and {more} more"));
    let address = finding.address.map(|a| format!(" [{a}{more}]")).unwrap_or_default();
    let code = finding.cause.code();
    let about = format!("{}{address}", clean(&finding.subject.to_string()));
    let rests = format!("{party} · {} · {}", finding.cause.place(), clean(&finding.requirement));
    // On one line, if there is room.
    let one = 6 + code.len() + about.chars().count() + 3 + rests.chars().count() <= style.width();
    let gap = if one { " · " } else { "\n    " };
    let (mark, code) = (style.paint(ink, mark), style.paint(ink, code));
    let _ = writeln!(out, "  {mark} {code}  {}{gap}{}", style.paint(Ink::Dim, about), style.paint(Ink::Dim, rests));
    for line in wrap(&clean(&finding.sentence), style.width().saturating_sub(4)) {
        let _ = writeln!(out, "    {line}");
    }
}

fn mend(out: &mut String, repair: &Repair, style: &Style) {
    for (number, line) in wrap(&clean(&repair.goal), style.width().saturating_sub(12)).iter().enumerate() {
        let label = if number == 0 { style.paint(Ink::Bold, "Repair:") } else { " ".repeat(7) };
        let _ = writeln!(out, "    {label} {line}");
    }
    for (number, step) in repair.steps.iter().enumerate() {
        for (i, line) in wrap(&clean(&step.what), style.width().saturating_sub(9)).iter().enumerate() {
            let label = if i == 0 { format!("{}.", number + 1) } else { String::new() };
            let _ = writeln!(out, "      {label:<3}{line}");
        }
        // Never broken or cut: it is there to be pasted.
        for line in step.line.iter().flat_map(|l| l.lines()) {
            let _ = writeln!(out, "{}", style.paint(Ink::Code, clean(line)));
        }
        for record in &step.remove {
            let _ = writeln!(out, "         - {}", clean(record));
        }
        if let Some(wait) = step.wait_s.filter(|w| *w > 0) {
            let _ = writeln!(out, "         {}", style.paint(Ink::Dim, format!("then wait {}", duration(wait.into()))));
        }
    }
}

fn forecasts(out: &mut String, outlook: &[Forecast], style: &Style) {
    if outlook.is_empty() {
        return;
    }
    heading(out, style, "What will happen if nothing changes");
    for forecast in outlook {
        let line = format!("  {} {}", style.paint(Ink::Warn, time(forecast.at)), style.paint(Ink::Dim, forecast.cause.code()));
        let _ = writeln!(out, "{line}");
        for line in wrap(&clean(&forecast.sentence), style.width().saturating_sub(4)) {
            let _ = writeln!(out, "    {line}");
        }
    }
}

//! What `check` prints: what senders experience now, the chain of proof step by step, findings and repairs.

mod chain;
mod server;

use crate::style::{Ink, Style};
use crate::terminal::ink;
use crate::text::{clean, duration, time, wrap};
use dane::cause::{Party, Weight};
use dane::judge::Forecast;
use dane::observation::{HostObservation, Observation};
use dane::verdict::{Finding, Repair, Standing, Verdict};
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
        server::host(&mut out, subject, host, style);
    }
    findings(&mut out, verdict, style);
    forecasts(&mut out, outlook, style);
    out
}

/// One line for Nagios, Icinga and their kin, with performance data.
#[must_use]
pub fn nagios(verdict: &Verdict, outlook: &[Forecast]) -> String {
    let word = nagios_word(verdict, outlook);
    let count = |weight| verdict.findings.iter().filter(|f| f.weight == weight).count();
    let servers: Vec<_> = verdict.hosts.iter().flat_map(|h| &h.servers).collect();
    let deliver = servers.iter().filter(|s| s.rfc_delivers == Some(true)).count();
    // The bar begins performance data, so the text may not have one.
    let soon = outlook.first().map(|f| format!(" From {}: {}", time(f.at), f.sentence)).unwrap_or_default();
    let text = clean(&format!("{}{soon}", verdict.headline)).replace('|', "/");
    format!(
        "DANE {word} - {text} | hosts={} servers={} delivering={deliver} errors={} warnings={} unseen={}",
        verdict.hosts.len(),
        servers.len(),
        count(Weight::Error),
        count(Weight::Warning),
        count(Weight::Unknown),
    )
}

/// OK, WARNING, CRITICAL or UNKNOWN. What will go wrong soon is a warning.
#[must_use]
pub fn nagios_word(verdict: &Verdict, outlook: &[Forecast]) -> &'static str {
    match verdict.standing {
        Standing::Broken | Standing::Undeliverable => "CRITICAL",
        Standing::CouldNotTell => "UNKNOWN",
        Standing::Partial | Standing::Unprotected => "WARNING",
        Standing::Protected if !outlook.is_empty() => "WARNING",
        // What is odd with the machine that asks is no reason to wake the domain's operator.
        Standing::Protected if verdict.findings.iter().any(|f| f.weight >= Weight::Warning && f.party == Party::Domain) => "WARNING",
        Standing::Protected | Standing::NoMail => "OK",
    }
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
    for finding in after.findings.iter().filter(|f| f.weight >= Weight::Warning && !now.findings.contains(f)) {
        one_finding(&mut out, finding, style);
    }
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
    let standing = style.paint(ink, verdict.standing.word());
    let _ = writeln!(
        out,
        "  {}: {standing}{}",
        clean(&verdict.domain.to_string()),
        style.paint(Ink::Dim, format!(", judged for {}", time(verdict.at)))
    );
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
    for finding in &verdict.findings {
        one_finding(out, finding, style);
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
    if let Some(repair) = &finding.repair {
        mend(out, repair, style);
    }
}

fn mend(out: &mut String, repair: &Repair, style: &Style) {
    let _ = writeln!(out, "    {} {}", style.paint(Ink::Bold, "Repair:"), clean(&repair.goal));
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

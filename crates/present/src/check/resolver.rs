//! What `check --resolver` prints.

use super::{heading, mend, step};
use crate::style::{Ink, Style};
use crate::text::{clean, time, wrap};
use dane::cause::Weight;
use dane::requirement;
use dane::resolver::{ResolverFinding, ResolverVerdict, ServerReport, Standing};
use dane::verdict::Repair;
use std::fmt::Write as _;

/// The verdict on a resolver environment for people. The first line says what it means for mail. Ends with a line break.
#[must_use]
pub fn resolver(verdict: &ResolverVerdict, style: &Style) -> String {
    let mut out = String::new();
    headline(&mut out, verdict, style);
    for server in &verdict.servers {
        one_server(&mut out, server, style);
    }
    heading(&mut out, style, "Findings");
    if verdict.findings.is_empty() {
        let _ = writeln!(out, "  {} Nothing to mend.", style.paint(Ink::Good, "✓"));
    }
    let mut told: Vec<(&Repair, &ResolverFinding)> = Vec::new();
    for finding in &verdict.findings {
        one_finding(&mut out, finding, style);
        let Some(repair) = &finding.repair else { continue };
        if let Some((_, before)) = told.iter().find(|(r, _)| *r == repair) {
            let _ = writeln!(out, "    {} as for {} above", style.paint(Ink::Bold, "Repair:"), before.trouble.code());
        } else {
            mend(&mut out, repair, style);
            told.push((repair, finding));
        }
    }
    out
}

fn headline(out: &mut String, verdict: &ResolverVerdict, style: &Style) {
    let doubtful = verdict.findings.iter().any(|f| f.weight == Weight::Warning);
    let (ink, mark) = match verdict.standing {
        Standing::Works if doubtful => (Ink::Warn, "!"),
        Standing::Works => (Ink::Good, "✓"),
        Standing::Fails => (Ink::Bad, "✗"),
        Standing::CouldNotTell => (Ink::Unseen, "?"),
    };
    for (number, line) in wrap(&clean(&verdict.headline), style.width().saturating_sub(2)).iter().enumerate() {
        let mark = if number == 0 { mark } else { " " };
        let _ = writeln!(out, "{} {}", style.paint(ink, mark), style.paint(Ink::Bold, line));
    }
    let options =
        if verdict.file.options.is_empty() { "no options".to_owned() } else { format!("options {}", verdict.file.options.join(" ")) };
    let said = format!("{}: {options}; looked at {}", verdict.file.path, time(verdict.at));
    for line in wrap(&clean(&said), style.width().saturating_sub(2)) {
        let _ = writeln!(out, "  {}", style.paint(Ink::Dim, line));
    }
}

fn one_server(out: &mut String, server: &ServerReport, style: &Style) {
    heading(out, style, &format!("Name server {} ({})", server.server, server.place.words()));
    if !server.answers {
        step(out, style, (Ink::Unseen, "answers", "no"), "");
        return;
    }
    for (what, shown, text) in [
        ("DNSSEC", server.dnssec, "signatures for who asks for them (DO)"),
        ("validates", server.validates, "believes what is signed well, refuses what is not"),
        ("AD", server.ad, "says that it has validated, to who sets DO"),
        ("AD asked", server.ad_without_do, "the same to who sets AD only"),
        ("TLSA", server.tlsa, "TLSA records get through"),
        ("TCP", server.tcp, "answers over TCP"),
        ("long", server.long, "answers of more than 512 octets get through"),
    ] {
        let (ink, status) = match shown {
            Some(true) => (Ink::Good, "yes"),
            Some(false) => (Ink::Bad, "no"),
            None => (Ink::Unseen, "could not tell"),
        };
        step(out, style, (ink, what, status), text);
    }
}

fn one_finding(out: &mut String, finding: &ResolverFinding, style: &Style) {
    let (ink, mark) = match finding.weight {
        Weight::Error => (Ink::Bad, "✗"),
        Weight::Warning => (Ink::Warn, "!"),
        Weight::Unknown => (Ink::Unseen, "?"),
        Weight::Info => (Ink::Dim, "·"),
    };
    let about = finding.server.map(|s| format!("  {}", s.ip())).unwrap_or_default();
    let place = requirement::place(&finding.requirement).map(|p| format!("{p} · ")).unwrap_or_default();
    let code = finding.trouble.code();
    let rests = format!("{place}{}", clean(&finding.requirement));
    // On one line, if there is room.
    let one = 4 + code.len() + about.chars().count() + 3 + rests.chars().count() <= style.width();
    let gap = if one { " · " } else { "\n    " };
    let line = format!("{}{gap}{}", style.paint(Ink::Dim, about), style.paint(Ink::Dim, rests));
    let _ = writeln!(out, "  {} {}{line}", style.paint(ink, mark), style.paint(ink, code));
    for line in wrap(&clean(&finding.sentence), style.width().saturating_sub(4)) {
        let _ = writeln!(out, "    {line}");
    }
}

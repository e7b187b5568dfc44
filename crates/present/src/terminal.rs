//! The summary of a survey on a terminal.

use crate::style::{Ink, Style};
use crate::text::{clean, count, cut, duration, number, time, wrap, wrap_items};
use analysis::{FailureRow, Share, Signing, StarttlsClass, Tables};
use dane::cause::Weight;
use dane::observation::RunObservation;
use dane::verdict::Standing;
use std::fmt::Write as _;

/// Rows shown of the tables of servers and causes.
const ROWS: usize = 12;
/// Columns from which on tables have all of theirs.
const ROOMY: usize = 78;
/// Width of a bar.
const BAR: usize = 18;

/// The tables of a survey, for people. Ends with a line break.
#[must_use]
pub fn summary(tables: &Tables, style: &Style) -> String {
    let mut out = String::new();
    standings(&mut out, tables, style);
    adoption(&mut out, tables, style);
    states(&mut out, tables, style);
    transport(&mut out, tables, style);
    failures(&mut out, tables, style);
    worst(&mut out, tables, style);
    unseen(&mut out, tables, style);
    out
}

/// One line on what a survey was: how much, when, how long, from where.
#[must_use]
pub fn run_line(run: &RunObservation, tables: &Tables) -> String {
    let took = run.finished.map(|f| duration(u64::try_from(f - run.started).unwrap_or_default()));
    let end = took.map_or_else(|| "not finished".to_owned(), |t| format!("in {t}"));
    let vantage = if run.vantage.name.is_empty() { String::new() } else { format!(" from '{}'", clean(&run.vantage.name)) };
    let (domains, hosts) = (count(tables.domains, "domain"), count(tables.servers, "MX host"));
    format!("{domains}, {hosts}, looked at on {}{vantage}, {end}", time(run.started))
}

/// The colour of a standing.
pub(crate) fn ink(standing: Standing) -> Ink {
    match standing {
        Standing::Protected => Ink::Good,
        Standing::Partial => Ink::Warn,
        Standing::Broken | Standing::Undeliverable => Ink::Bad,
        Standing::Unprotected | Standing::NoMail => Ink::Dim,
        Standing::CouldNotTell => Ink::Unseen,
    }
}

/// What a standing means, in few words.
pub(crate) fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Protected => "DANE protects all mail",
        Standing::Partial => "DANE protects some MX hosts",
        Standing::Unprotected => "no DANE, mail flows",
        Standing::Broken => "DANE fails at some server",
        Standing::Undeliverable => "nobody can deliver",
        Standing::NoMail => "takes no mail (null MX)",
        Standing::CouldNotTell => "we could not look",
    }
}

fn heading(out: &mut String, style: &Style, title: &str, note: &str) {
    let room = style.width().saturating_sub(title.chars().count() + 2);
    let note = if note.is_empty() { String::new() } else { format!("  {}", cut(note, room)) };
    let _ = writeln!(out, "\n{}{}", style.paint(Ink::Bold, title), style.paint(Ink::Dim, note));
}

fn standings(out: &mut String, tables: &Tables, style: &Style) {
    heading(out, style, "How domains stand", "");
    for row in &tables.standings {
        let share = Share::new(row.domains, tables.domains);
        let bar = style.paint(ink(row.standing), bar(share));
        let word = row.standing.word();
        let note = if style.width() >= ROOMY { style.paint(Ink::Dim, meaning(row.standing)) } else { String::new() };
        let _ = writeln!(out, "  {word:<14} {bar} {:>7} {:>6}  {note}", number(row.domains), percent(share));
    }
}

fn adoption(out: &mut String, tables: &Tables, style: &Style) {
    heading(out, style, "Who has DANE", "TLSA on an MX host, secure or not, right or wrong (paper view)");
    let wide = if style.width() >= ROOMY { 9 } else { 7 };
    let head = format!("  {:<10} {:>wide$} {:>wide$} {:>7} {:>9} {:>9}", "", "with MX", "TLSA", "", "all hosts", "some only");
    let _ = writeln!(out, "{}", style.paint(Ink::Dim, head.trim_end()));
    let shown = tables.adoption.iter().filter(|r| r.with_mx > 0).take(ROWS);
    for row in shown.chain(std::iter::once(&tables.adoption_total)) {
        let share = Share::new(row.with_tlsa, row.with_mx);
        let (mx, tlsa, full, partial) = (number(row.with_mx), number(row.with_tlsa), number(row.full), number(row.partial));
        let label = if row.tld == "all" { "all".to_owned() } else { format!(".{}", cut(&clean(&row.tld), 9)) };
        let _ = writeln!(out, "  {label:<10} {mx:>wide$} {tlsa:>wide$} {:>7} {full:>9} {partial:>9}", percent(share));
    }
}

fn states(out: &mut String, tables: &Tables, style: &Style) {
    if tables.servers == 0 {
        return;
    }
    let views = &tables.views;
    heading(out, style, "MX hosts with TLSA", &count(views.servers, "host"));
    let signing = &tables.signing;
    let bogus = signing.tlsa_sets.get(&Signing::Bogus).copied().unwrap_or_default();
    let lines = [
        ("signed (bogus not counted)", signing.tlsa_signed, "paper"),
        ("of these without DS at the parent", signing.tlsa_missing_ds, "paper"),
        ("bogus", Share::new(bogus, views.servers), "paper"),
        ("STARTTLS fails, of sessions", tables.starttls.failed_paper, "paper"),
        ("a TLSA record matches", views.paper_match, "paper"),
        ("secure, matching and chain valid", views.paper_valid, "paper"),
        ("a DANE sender delivers", views.rfc_delivers, "RFC 7672"),
    ];
    for (label, share, view) in lines {
        let more = if style.width() >= ROOMY { format!(" of {:>9}", number(share.of)) } else { String::new() };
        let view = if style.width() >= ROOMY { style.paint(Ink::Dim, format!("  {view}")) } else { String::new() };
        let _ = writeln!(out, "  {label:<34} {:>9}{more} {:>7}{view}", number(share.count), percent(share));
    }
    let judged = |k: &StarttlsClass| tables.starttls.all.get(k).copied().filter(|n| *n > 0).map(|n| format!("{} {}", number(n), k.title()));
    let classes: Vec<String> = StarttlsClass::ALL.iter().filter_map(judged).collect();
    heading(out, style, "STARTTLS at all MX hosts", "by first address");
    wrap_items(&classes, style.width() - 2).iter().for_each(|line| {
        let _ = writeln!(out, "  {line}");
    });
}

/// The shares of transport security: what, of what, and how many; `None`: not judged, or nobody looked.
pub(crate) fn transport_lines(tables: &Tables) -> Vec<(&'static str, &'static str, Option<Share>)> {
    let t = &tables.transport;
    let (mail, session, tls) = ("domains with mail", "domains with an SMTP session", "domains with TLS");
    vec![
        ("STARTTLS works", session, Some(t.support.starttls)),
        ("forward secrecy", "domains with TLS (if known)", Some(t.parameters.forward_secrecy)),
        ("AUTH before STARTTLS", tls, Some(t.support.auth_before_starttls)),
        ("certificate trusted", "domains with TLS (judged)", t.trust.map(|trust| trust.trusted)),
        ("certificate trusted", session, t.trust.map(|trust| trust.trusted_of_sessions)),
        ("DNSSEC", mail, Some(t.dnssec.dnssec_of_mail)),
        ("DNSSEC", tls, Some(t.dnssec.dnssec_of_tls)),
        ("DANE", mail, Some(t.dnssec.dane_of_mail)),
        ("DANE", tls, Some(t.dnssec.dane_of_tls)),
        ("MTA-STS", "domains with mail (if known)", t.policies.map(|p| p.sts)),
        ("MTA-STS policy usable", "those announced and looked for", t.policies.map(|p| p.sts_valid)),
        ("MTA-STS enforced", "those with a usable policy", t.policies.map(|p| p.sts_enforced)),
        ("TLS reporting", "domains with mail (if known)", t.policies.map(|p| p.tlsrpt)),
    ]
}

fn transport(out: &mut String, tables: &Tables, style: &Style) {
    let t = &tables.transport;
    // Nothing was visited: there is nothing to be told.
    if t.support.starttls.of == 0 {
        return;
    }
    heading(out, style, "Mail in transport", "domains, each by its best server that talks to us");
    for (what, of_what, share) in transport_lines(tables) {
        // What nobody looked at is a matter of options; what could have been judged is said.
        let figures = match share {
            Some(share) if share.of > 0 => format!("{:>9} {:>7}", number(share.count), percent(share)),
            None if of_what.ends_with("(judged)") => format!("{:>17}", "not judged"),
            _ => continue,
        };
        let of = if style.width() >= ROOMY {
            style.paint(Ink::Dim, format!("  of {}", cut(of_what, style.width() - 47)))
        } else {
            String::new()
        };
        let _ = writeln!(out, "  {what:<22} {figures}{of}");
    }
}

fn failures(out: &mut String, tables: &Tables, style: &Style) {
    let rows: Vec<&FailureRow> = tables.failures.iter().filter(|r| r.weight >= Weight::Warning).collect();
    heading(out, style, "What is wrong", "a domain counts under each of its causes");
    cause_rows(out, &rows, style);
}

fn unseen(out: &mut String, tables: &Tables, style: &Style) {
    if !tables.ourselves.is_empty() {
        heading(out, style, "About ourselves", "");
        for line in tables.ourselves.iter().flat_map(|r| wrap(&r.sentence, style.width() - 2)) {
            let _ = writeln!(out, "  {line}");
        }
    }
    for (why, targets) in &tables.skipped {
        heading(out, style, &format!("{} not looked at: {}", count(*targets, "target"), clean(why)), "");
    }
    if tables.unseen.is_empty() {
        return;
    }
    heading(out, style, "What we could not look at", "says nothing about these domains' DANE");
    let rows: Vec<&FailureRow> = tables.unseen.iter().map(|u| &u.row).collect();
    cause_rows(out, &rows, style);
}

fn cause_rows(out: &mut String, rows: &[&FailureRow], style: &Style) {
    if rows.is_empty() {
        let _ = writeln!(out, "  {}", style.paint(Ink::Good, "nothing"));
        return;
    }
    let _ = writeln!(out, "  {}", style.paint(Ink::Dim, format!("{:>8} {:>7}", "domains", "hosts")));
    for row in rows.iter().take(ROWS) {
        let ink = match row.weight {
            Weight::Error => Ink::Bad,
            Weight::Warning => Ink::Warn,
            Weight::Unknown => Ink::Unseen,
            Weight::Info => Ink::Dim,
        };
        let code = row.cause.code();
        let _ = writeln!(out, "  {:>8} {:>7}  {}", number(row.domains), number(row.servers), style.paint(ink, code));
        for line in wrap(&row.sentence, style.width().saturating_sub(20)) {
            let _ = writeln!(out, "  {:>8} {:>7}  {}", "", "", style.paint(Ink::Dim, line));
        }
    }
    more(out, rows.len(), style);
}

fn worst(out: &mut String, tables: &Tables, style: &Style) {
    if tables.worst_servers.is_empty() {
        return;
    }
    heading(out, style, "Servers that do the most harm", "mend these first");
    let wide = style.width().saturating_sub(13);
    for server in tables.worst_servers.iter().take(ROWS) {
        let causes: Vec<&str> = server.causes.iter().map(|c| c.code()).collect();
        let _ = writeln!(out, "  {:>8}  {}", number(server.domains), cut(&clean(&server.host), wide));
        let _ = writeln!(out, "  {:>8}  {}", "", style.paint(Ink::Bad, cut(&causes.join(", "), wide)));
    }
    more(out, tables.worst_servers.len(), style);
}

fn more(out: &mut String, rows: usize, style: &Style) {
    if rows > ROWS {
        let _ = writeln!(out, "  {}", style.paint(Ink::Dim, format!("… and {} more in the report", number((rows - ROWS) as u64))));
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bar(share: Share) -> String {
    let mut full = (share.percent() * BAR as f64 / 100.0).round() as usize;
    if share.count > 0 {
        full = full.max(1);
    }
    format!("{}{}", "█".repeat(full.min(BAR)), "░".repeat(BAR.saturating_sub(full)))
}

/// `12.3%`, `100%`; a dash of nothing.
pub(crate) fn percent(share: Share) -> String {
    if share.of == 0 {
        return "–".into();
    }
    let p = share.percent();
    if share.count == share.of { "100%".into() } else { format!("{p:.1}%") }
}

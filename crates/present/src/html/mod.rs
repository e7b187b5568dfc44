//! The report of a run: one HTML page that needs nothing else: no script, no font, no image, no network. [`study`] has that of a history.
//!
//! Askama escapes every text it puts in; only [`svg`] is put in as it is, and it is made of numbers and our own class names.

pub mod identify;
mod rows;
pub mod study;
mod svg;
pub mod testbed;
mod transport;

use crate::Report;
use crate::text::{clean, count, duration, number, time};
use askama::Template;
use rows::{AdoptionLine, CauseLine, ClassLine, Fact, HarmLine, IncorrectLine, SigningLine, StandingLine, ViewLine};
use svg::{Piece, bar};

/// Top-level domains, servers and causes shown; the rest is counted.
const TLDS: usize = 25;
const SERVERS: usize = 40;

/// The page as a string.
///
/// # Errors
/// If the template cannot be filled in: a fault of ours, and no reason to overwrite an older page.
pub fn page(report: &Report) -> Result<String, askama::Error> {
    Page::new(report).render()
}

/// A number that stands out.
struct Tile {
    value: String,
    label: &'static str,
    note: String,
    class: &'static str,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    lead: String,
    tiles: Vec<Tile>,
    standing_bar: String,
    standings: Vec<StandingLine>,
    adoption: Vec<AdoptionLine>,
    adoption_scale: String,
    tlds_left_out: String,
    tlsa_signing_bar: String,
    tlsa_signing: Vec<ClassLine>,
    bogus: Vec<ClassLine>,
    signing: Vec<SigningLine>,
    starttls: Vec<ClassLine>,
    views: Vec<ViewLine>,
    incorrect: Vec<IncorrectLine>,
    transport: transport::Transport,
    failures: Vec<CauseLine>,
    unseen: Vec<CauseLine>,
    harm: Vec<HarmLine>,
    harm_left_out: String,
    facts: Vec<Fact>,
    made: String,
}

impl Page {
    fn new(report: &Report) -> Self {
        let tables = report.tables;
        let pieces: Vec<Piece> =
            tables.standings.iter().map(|r| Piece { class: rows::standing_class(r.standing), count: r.domains }).collect();
        let (adoption, scale) = rows::adoption(tables, TLDS);
        let rest = |all: usize, shown: usize, what: &str| {
            if all > shown { format!("… and {} more {what}.", number((all - shown) as u64)) } else { String::new() }
        };
        let (tlsa_signing_bar, tlsa_signing) = rows::tlsa_signing(tables);
        Self {
            title: format!("DANE for SMTP: {}", count(tables.domains, "domain")),
            lead: lead(report),
            tiles: tiles(report),
            standing_bar: bar(&pieces, tables.domains),
            standings: rows::standings(tables),
            tlds_left_out: rest(tables.adoption.iter().filter(|r| r.with_mx > 0).count(), TLDS, "top-level domains, counted under all"),
            adoption,
            adoption_scale: scale,
            tlsa_signing_bar,
            tlsa_signing,
            bogus: rows::bogus(tables),
            signing: rows::signing(tables, TLDS),
            starttls: rows::starttls(tables),
            views: rows::views(tables),
            incorrect: rows::incorrect(tables, TLDS),
            transport: transport::Transport::new(tables),
            failures: rows::failures(tables),
            unseen: rows::unseen(tables),
            harm: rows::harm(tables, SERVERS),
            harm_left_out: rest(tables.worst_servers.len(), SERVERS, "servers"),
            facts: rows::facts(report),
            made: time(report.made),
        }
    }
}

fn lead(report: &Report) -> String {
    let when = report.runs.iter().map(|r| r.started).min().map(time).unwrap_or_default();
    let took = report.runs.iter().filter_map(|r| Some(r.finished? - r.started)).max();
    let took = took.map(|t| format!(" in {}", duration(u64::try_from(t).unwrap_or_default()))).unwrap_or_default();
    let vantages: std::collections::BTreeSet<&str> =
        report.runs.iter().map(|r| r.vantage.name.as_str()).filter(|n| !n.is_empty()).collect();
    let from =
        if vantages.is_empty() { String::new() } else { format!(" from {}", clean(&vantages.into_iter().collect::<Vec<_>>().join(", "))) };
    let tables = report.tables;
    let (domains, hosts) = (count(tables.domains, "mail domain"), count(tables.servers, "MX host"));
    format!("{domains} and {hosts}, looked at on {when}{from}{took}.")
}

fn tiles(report: &Report) -> Vec<Tile> {
    use dane::verdict::Standing as S;
    let tables = report.tables;
    let standing = |which: &[S]| tables.standings.iter().filter(|r| which.contains(&r.standing)).map(|r| r.domains).sum::<u64>();
    let total = &tables.adoption_total;
    let adopted = analysis::Share::new(total.with_tlsa, total.with_mx);
    let of_all = |count| crate::terminal::percent(analysis::Share::new(count, tables.domains));
    let (protected, broken, unseen) = (standing(&[S::Protected]), standing(&[S::Broken, S::Undeliverable]), standing(&[S::CouldNotTell]));
    vec![
        Tile {
            value: crate::terminal::percent(adopted),
            label: "have DANE",
            note: format!("{} of {} domains with MX publish TLSA for a mail server", number(adopted.count), number(adopted.of)),
            class: "plain",
        },
        Tile {
            value: number(protected),
            label: "protected",
            note: format!("{} of all: DANE guards every mail server", of_all(protected)),
            class: "good",
        },
        Tile {
            value: number(broken),
            label: "broken or undeliverable",
            note: format!("{} of all: senders that validate DANE, or all of them, fail at some or all servers", of_all(broken)),
            class: "bad",
        },
        Tile {
            value: number(unseen),
            label: "not seen",
            note: format!("{} of all: we could not look, which says nothing about them", of_all(unseen)),
            class: "unseen",
        },
    ]
}

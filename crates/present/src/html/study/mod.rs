//! The page of a study: what an archive of states holds, and every answer as figures, tables and words.
//!
//! The figures are still pictures that need nothing. A script of our own, in the page, lets them be asked: it reads the same CSV that is
//! offered for download, so there is one copy of the data.

mod compare;
mod csv;
mod held;
mod table;

pub use csv::percent as address;

use crate::answers::view;
use crate::figure::{self, Frame, Ground, Size, figure};
use crate::text::{clean, count, time};
use analysis::study::{Answer, Chart, Holdings, Table, View};
use askama::Template;
use dane::Epoch;
use held::{HeldLine, held};
use table::TableBlock;

/// What a page of a study is made from.
pub struct Study<'a> {
    /// What it is of.
    pub side: Side<'a>,
    /// What it is put beside.
    pub other: Option<Side<'a>>,
    /// The address of the page of the latest run, from this one.
    pub latest: Option<&'a str>,
    /// When it was made.
    pub made: Epoch,
}

/// An archive, or a period of one, and its answers.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What people call it; only shown where there are two.
    pub name: &'a str,
    /// What it holds.
    pub holdings: &'a Holdings,
    /// The answers.
    pub answers: &'a [Answer],
}

/// The page as a string.
///
/// # Errors
/// If the template cannot be filled in: a fault of ours, and no reason to overwrite an older page.
pub fn study_page(study: &Study<'_>) -> Result<String, askama::Error> {
    Page::new(study).render()
}

/// Every chart of the answers as a picture that stands alone: name of the file, and the file.
#[must_use]
pub fn figures(answers: &[Answer]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (answer, chart) in answers.iter().flat_map(|answer| answer.charts.iter().map(move |chart| (answer, chart))) {
        let name = format!("{}-{}-{}", answer.about.id, chart.name, chart.view.word());
        let frame = Frame { id: &name, size: Size::Wide, ground: Ground::Paper };
        let drawn = answer.table_of(chart).and_then(|table| figure(chart, table, frame));
        files.extend(drawn.map(|drawn| (format!("{name}.svg"), drawn.svg)));
    }
    files
}

#[derive(Template)]
#[template(path = "study.html")]
struct Page {
    title: String,
    lead: String,
    latest: String,
    figure_css: String,
    held: Vec<HeldLine>,
    versus: Vec<String>,
    sections: Vec<Section>,
    made: String,
}

/// One answer.
struct Section {
    id: &'static str,
    title: &'static str,
    source: &'static str,
    definition: &'static str,
    published: &'static str,
    /// The views there are, as classes and as words; the first is shown.
    views: Vec<(&'static str, &'static str)>,
    charts: Vec<ChartBlock>,
    tables: Vec<TableBlock>,
    notes: Vec<String>,
    empty: bool,
}

/// One chart, drawn twice: for a page on a desk and for a telephone.
struct ChartBlock {
    view: &'static str,
    view_word: &'static str,
    title: String,
    /// The element with its data; empty: it stays a still picture.
    data: String,
    wide: String,
    narrow: String,
    left_out: String,
}

impl Page {
    fn new(study: &Study<'_>) -> Self {
        let mut sections: Vec<Section> = match study.other {
            None => study.side.answers.iter().map(section).collect(),
            Some(other) => study.side.answers.iter().map(|answer| compare::section(answer, study.side, other)).collect(),
        };
        // What the archive knows nothing about is told last.
        sections.sort_by_key(|section| section.empty);
        let sides = std::iter::once(study.side).chain(study.other);
        Self {
            title: "A history of DANE for SMTP".to_owned(),
            lead: lead(study),
            latest: study.latest.unwrap_or_default().to_owned(),
            figure_css: figure::css(),
            held: sides.clone().flat_map(|side| held(&side, study.other.is_some())).collect(),
            versus: sides.map(|side| clean(side.name)).filter(|_| study.other.is_some()).collect(),
            sections,
            made: time(study.made),
        }
    }
}

fn lead(study: &Study<'_>) -> String {
    let sides = std::iter::once(study.side).chain(study.other);
    let told = sides.map(|side| match study.other {
        None => held_at_most(side.holdings),
        Some(_) => format!("{}: {}", clean(side.name), held_at_most(side.holdings)),
    });
    told.collect::<Vec<_>>().join(" ")
}

fn held_at_most(holdings: &Holdings) -> String {
    let Some((first, last)) = holdings.period() else { return "no round of this period.".to_owned() };
    let rounds: u64 = holdings.watches.iter().map(|watch| watch.grid.len() as u64).sum();
    let what = match (holdings.servers, holdings.domains) {
        (0, domains) => count(domains.into(), "domain"),
        (servers, 0) => count(servers.into(), "mail server"),
        (servers, domains) => format!("{} and {}", count(servers.into(), "mail server"), count(domains.into(), "domain")),
    };
    let places = count(holdings.watches.len() as u64, "vantage point");
    format!("up to {what}, seen from {places} in {} between {} and {}.", count(rounds, "round"), time(first), time(last))
}

fn section(answer: &Answer) -> Section {
    let charts = answer.charts.iter().filter_map(|chart| block(answer.about.id, chart, answer.table_of(chart)?, "")).collect();
    let tables = answer.tables.iter().filter(|table| !table.rows.is_empty()).map(|table| TableBlock::new(answer.about.id, table)).collect();
    assemble(answer, charts, tables)
}

fn assemble(answer: &Answer, charts: Vec<ChartBlock>, tables: Vec<TableBlock>) -> Section {
    let about = answer.about;
    // Only what there is something to see in.
    let present = |view: &&View| charts.iter().any(|c| c.view == view.word()) || tables.iter().any(|t| t.view == view.word());
    Section {
        id: about.id,
        title: about.title,
        source: about.source,
        definition: about.definition,
        published: about.published,
        views: [View::Paper, View::Ours].iter().filter(present).map(|of| (of.word(), view(*of))).collect(),
        empty: charts.is_empty() && tables.is_empty(),
        charts,
        tables,
        notes: answer.notes.iter().map(|note| clean(note)).collect(),
    }
}

/// A chart in both sizes; `which` tells it from others of the same chart.
fn block(question: &str, chart: &Chart, table: &Table, which: &str) -> Option<ChartBlock> {
    let id = format!("f-{question}-{}-{}{which}", chart.name, chart.view.word());
    let draw = |size, suffix: &str| figure(chart, table, Frame { id: &format!("{id}{suffix}"), size, ground: Ground::Page });
    let (wide, narrow) = (draw(Size::Wide, "-w")?, draw(Size::Narrow, "-n")?);
    Some(ChartBlock {
        view: chart.view.word(),
        view_word: view(chart.view),
        title: clean(&chart.title),
        data: table::id(question, table),
        left_out: wide.left_out,
        wide: wide.svg,
        narrow: narrow.svg,
    })
}

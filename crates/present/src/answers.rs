//! Answers to questions about a history: on a terminal, and as CSV.

mod course;
mod csv;

pub use csv::csv;

use crate::style::{Ink, Style};
use crate::terminal::percent;
use crate::text::{clean, count, cut, number, time, wrap};
use analysis::study::{Answer, Cell, Table, View};
use std::fmt::Write as _;

/// Rows of a table that are shown; of a longer one the last.
const ROWS: usize = 14;
/// Columns that a cell may take.
const WIDEST: usize = 44;

/// An answer with its tables, for people. Ends with a line break.
#[must_use]
pub fn answer(answer: &Answer, style: &Style) -> String {
    let mut out = String::new();
    let about = answer.about;
    let _ =
        writeln!(out, "\n{}  {}", style.paint(Ink::Bold, about.title), style.paint(Ink::Dim, format!("{} · {}", about.source, about.id)));
    for table in &answer.tables {
        write_table(&mut out, table, style);
    }
    for note in answer.notes.iter().flat_map(|note| wrap(&clean(note), style.width() - 2)) {
        let _ = writeln!(out, "  {note}");
    }
    if answer.tables.iter().all(|table| table.rows.is_empty()) {
        let _ = writeln!(out, "  {}", style.paint(Ink::Unseen, "the archive has nothing about this"));
    }
    out
}

/// The word for a view.
#[must_use]
pub fn view(view: View) -> &'static str {
    match view {
        View::Paper => "paper view",
        View::Ours => "our view",
    }
}

fn write_table(out: &mut String, table: &Table, style: &Style) {
    if table.rows.is_empty() {
        return;
    }
    let head = format!("{} ({})", table.caption, view(table.view));
    wrap(&head, style.width() - 2).iter().for_each(|line| {
        let _ = writeln!(out, "  {}", style.paint(Ink::Dim, line));
    });
    if course::is_course(table, ROWS) {
        return course::write(out, table, style);
    }
    let shown = &table.rows[table.rows.len().saturating_sub(ROWS)..];
    let text: Vec<Vec<String>> = shown.iter().map(|row| row.iter().map(cell).collect()).collect();
    let names: Vec<String> = table.columns.iter().map(|name| name.replace('_', " ")).collect();
    let widths: Vec<usize> = (0..names.len())
        .map(|column| {
            let cells = text.iter().filter_map(|row| row.get(column)).chain([&names[column]]);
            cells.map(|text| text.chars().count()).max().unwrap_or(0).min(WIDEST)
        })
        .collect();
    let is_text: Vec<bool> = (0..names.len())
        .map(|column| table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Text(_) | Cell::Time(_)))))
        .collect();
    let mut line = |cells: &[String], ink: Option<Ink>| {
        let mut text = String::from("   ");
        for ((cell, width), left) in cells.iter().zip(&widths).zip(&is_text) {
            let cell = cut(cell, *width);
            let _ = if *left { write!(text, " {cell:<width$} ") } else { write!(text, " {cell:>width$} ") };
        }
        let text = cut(text.trim_end(), style.width());
        let _ = writeln!(out, "{}", ink.map_or(text.clone(), |ink| style.paint(ink, text)));
    };
    line(&names, Some(Ink::Dim));
    text.iter().for_each(|cells| line(cells, None));
    if table.rows.len() > shown.len() {
        let more = format!("… the last of {}; --csv DIR writes all", count(table.rows.len() as u64, "row"));
        let _ = writeln!(out, "    {}", style.paint(Ink::Dim, more));
    }
}

/// One value as people read it.
#[must_use]
pub fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => clean(text),
        Cell::Count(count) => number(*count),
        Cell::Share(share) => format!("{} of {} {:>6}", number(share.count), number(share.of), percent(*share)),
        Cell::Time(at) => time(*at),
        Cell::Number(value) => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        Cell::Nothing => "–".to_owned(),
    }
}

//! Tables in the page: some rows to see, all of them to take away.

use super::csv;
use crate::answers::{cell, view};
use crate::terminal::percent;
use crate::text::{clean, number};
use analysis::study::{Cell, Table};

/// Rows shown.
const ROWS: usize = 40;

/// A table in the page.
pub(super) struct TableBlock {
    /// Its element, where the script looks for data.
    pub id: String,
    pub view: &'static str,
    pub view_word: &'static str,
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Shown>>,
    /// What is not shown.
    pub cut: String,
    pub file: String,
    /// Empty: too long for a page.
    pub address: String,
}

/// A column's head.
pub(super) struct Column {
    pub name: String,
    /// `num` or nothing.
    pub class: &'static str,
}

/// A cell: the value, and what it is a share of.
pub(super) struct Shown {
    pub text: String,
    pub of: String,
    pub class: &'static str,
}

impl TableBlock {
    pub fn new(question: &str, table: &Table) -> Self {
        let (first, last) = shown_rows(table);
        let more = table.rows.len().saturating_sub(ROWS) > 0;
        let which = if first > 0 { "last" } else { "first" };
        Self {
            id: id(question, table),
            view: table.view.word(),
            view_word: view(table.view),
            caption: clean(&table.caption),
            columns: columns(table),
            rows: table.rows[first..last].iter().map(|row| row.iter().map(shown).collect()).collect(),
            cut: if more { format!("The {which} {ROWS} of {} rows.", number(table.rows.len() as u64)) } else { String::new() },
            file: format!("{question}-{}-{}.csv", table.name, table.view.word()),
            address: csv::address(table),
        }
    }
}

/// The name of a table's element.
pub(super) fn id(question: &str, table: &Table) -> String {
    format!("t-{question}-{}-{}", table.name, table.view.word())
}

pub(super) fn columns(table: &Table) -> Vec<Column> {
    let is_number = |place: usize| {
        table.rows.iter().filter_map(|row| row.get(place)).any(|cell| matches!(cell, Cell::Count(_) | Cell::Share(_) | Cell::Number(_)))
    };
    let column = |(place, name): (usize, &&str)| Column { name: name.replace('_', " "), class: if is_number(place) { "num" } else { "" } };
    table.columns.iter().enumerate().map(column).collect()
}

pub(super) fn shown(value: &Cell) -> Shown {
    let (text, of, class) = match value {
        Cell::Share(share) if share.of == 0 => ("–".to_owned(), "0 of 0".to_owned(), "num"),
        Cell::Share(share) => (percent(*share), format!("{} of {}", number(share.count), number(share.of)), "num"),
        Cell::Text(_) => (cell(value), String::new(), "name"),
        Cell::Time(_) => (cell(value), String::new(), "nowrap"),
        Cell::Count(_) | Cell::Number(_) | Cell::Nothing => (cell(value), String::new(), "num"),
    };
    Shown { text, of, class }
}

/// Of a history the last rows, of all else the first.
fn shown_rows(table: &Table) -> (usize, usize) {
    let history = matches!(table.rows.first().and_then(|row| row.first()), Some(Cell::Time(_)));
    let rows = table.rows.len();
    if history { (rows.saturating_sub(ROWS), rows) } else { (0, rows.min(ROWS)) }
}

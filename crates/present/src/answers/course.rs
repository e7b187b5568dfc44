//! A table by time, too long to be read: the course of each of its columns as a line of blocks.

use super::cell;
use crate::style::{Ink, Style};
use crate::text::{cut, number, time};
use analysis::study::{Cell, Table};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Blocks of a line.
const BLOCKS: usize = 24;
/// Lines of a table that are shown.
const LINES: usize = 16;
/// Columns that a name may take.
const NAME: usize = 24;

/// Whether the table is one of times that go on for long.
pub(super) fn is_course(table: &Table, rows: usize) -> bool {
    table.rows.len() > rows && table.rows.iter().all(|row| matches!(row.first(), Some(Cell::Time(_))))
}

/// A line for each kind of row and each column of numbers: its course from the first to the last value.
pub(super) fn write(out: &mut String, table: &Table, style: &Style) {
    let mut kinds: BTreeMap<Vec<String>, Vec<&Vec<Cell>>> = BTreeMap::new();
    for row in &table.rows {
        let words = row.iter().filter(|cell| matches!(cell, Cell::Text(_))).map(cell).collect();
        kinds.entry(words).or_default().push(row);
    }
    let ends = [table.rows.first(), table.rows.last()].map(|row| row.and_then(|row| row.first()).map(cell).unwrap_or_default());
    let _ = writeln!(out, "    {}", style.paint(Ink::Dim, format!("{} to {}", ends[0], ends[1])));
    let columns: Vec<usize> =
        (1..table.columns.len()).filter(|column| table.rows.iter().any(|row| value(row, *column).is_some())).collect();
    let names: Vec<String> = columns.iter().map(|column| table.columns[*column].replace('_', " ")).collect();
    let widest = |names: &mut dyn Iterator<Item = usize>| names.max().unwrap_or(0).min(NAME);
    let of_kind = widest(&mut kinds.keys().map(|words| words.join(" ").chars().count()));
    let of_name = widest(&mut names.iter().map(|name| name.chars().count()));
    let mut lines = 0;
    for (words, rows) in &kinds {
        for (place, (column, name)) in columns.iter().zip(&names).enumerate() {
            lines += 1;
            if lines > LINES {
                continue;
            }
            let kind = if place == 0 { cut(&words.join(" "), of_kind) } else { String::new() };
            let blocks = style.paint(Ink::Code, blocks(rows, *column));
            let (first, last) = (shown(rows.first(), *column), shown(rows.last(), *column));
            let _ = writeln!(out, "    {kind:<of_kind$}  {:<of_name$}  {blocks}  {first} → {last}", cut(name, of_name));
        }
    }
    if lines > LINES {
        let _ = writeln!(
            out,
            "    {}",
            style.paint(Ink::Dim, format!("… and {} more lines; --csv DIR writes all", number((lines - LINES) as u64)))
        );
    }
}

fn value(row: &[Cell], column: usize) -> Option<f64> {
    match row.get(column)? {
        Cell::Share(share) if share.of > 0 => Some(share.percent()),
        #[allow(clippy::cast_precision_loss)]
        Cell::Count(count) => Some(*count as f64),
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}

/// A share by its per cent alone: its numbers are in the files.
fn shown(row: Option<&&Vec<Cell>>, column: usize) -> String {
    match row.and_then(|row| row.get(column)) {
        Some(Cell::Share(share)) => crate::terminal::percent(*share),
        Some(Cell::Time(at)) => time(*at),
        Some(other) => cell(other),
        None => String::new(),
    }
}

/// Blocks whose height is the mean of what they stand for, from the least to the most; empty where nobody looked.
fn blocks(rows: &[&Vec<Cell>], column: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<Option<f64>> = rows.iter().map(|row| value(row, column)).collect();
    let (least, most) = values.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(*v), m.max(*v)));
    let number = BLOCKS.min(values.len());
    (0..number)
        .map(|block| {
            let part = &values[block * values.len() / number..(block + 1) * values.len() / number];
            let seen: Vec<f64> = part.iter().flatten().copied().collect();
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            match seen.is_empty() {
                true => ' ',
                false if most <= least => HEIGHTS[3],
                false => HEIGHTS[((seen.iter().sum::<f64>() / seen.len() as f64 - least) / (most - least) * 7.0).round() as usize],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{blocks, write};
    use crate::Style;
    use analysis::Share;
    use analysis::study::{Cell, Table, View};

    #[test]
    fn heights_go_from_least_to_most_and_gaps_stay_empty() {
        let row = |value: Option<u64>| vec![Cell::Time(0), value.map_or(Cell::Nothing, Cell::Count)];
        let rows: Vec<Vec<Cell>> = [Some(10), Some(17), None, Some(13)].map(row).into();
        assert_eq!(blocks(&rows.iter().collect::<Vec<_>>(), 1), "▁█ ▄");
        let flat: Vec<Vec<Cell>> = [Some(5), Some(5)].map(row).into();
        assert_eq!(blocks(&flat.iter().collect::<Vec<_>>(), 1), "▄▄");
    }

    #[test]
    fn each_kind_of_row_has_its_line() {
        let mut table = Table::new("t", View::Ours, "", &["time", "tld", "valid"]);
        for at in 0..30 {
            table.rows.push(vec![Cell::Time(at * 3600), "nl".into(), Share::new(at as u64, 30).into()]);
            table.rows.push(vec![Cell::Time(at * 3600), "se".into(), Share::new(3, 30).into()]);
        }
        let mut out = String::new();
        write(&mut out, &table, &Style::plain(80));
        let lines: Vec<&str> = out.lines().map(str::trim).collect();
        assert_eq!(lines[0], "1970-01-01 00:00 UTC to 1970-01-02 05:00 UTC");
        assert!(lines[1].starts_with("nl  valid  ▁") && lines[1].ends_with("█  0.0% → 96.7%"), "{}", lines[1]);
        assert!(lines[2].starts_with("se  valid  ▄") && lines[2].ends_with("10.0% → 10.0%"), "{}", lines[2]);
    }
}

//! Two archives, or two periods of one, side by side: charts over each other where that can be read, tables with the difference.

use super::table::{Column, Shown, TableBlock, columns, id, shown};
use super::{ChartBlock, Section, Side, assemble, block, csv};
use crate::answers::view;
use crate::text::{clean, number};
use analysis::study::{Answer, Cell, Chart, Drawing, Table};
use std::collections::HashMap;

/// Rows of a comparison that are shown.
const ROWS: usize = 60;
/// The column that says which side a row is of.
const SIDE: &str = "side";

/// The section of a question that both were asked.
pub(super) fn section(answer: &Answer, side: Side<'_>, other: Side<'_>) -> Section {
    let theirs = other.answers.iter().find(|theirs| theirs.about.id == answer.about.id);
    let find = |table: &Table| theirs?.tables.iter().find(|theirs| theirs.name == table.name && theirs.view == table.view);
    let names = [side.name, other.name];
    let mut tables = Vec::new();
    for table in &answer.tables {
        let theirs = find(table).cloned().unwrap_or_else(|| Table { rows: Vec::new(), ..table.clone() });
        if !table.rows.is_empty() || !theirs.rows.is_empty() {
            tables.push(difference(answer.about.id, table, &theirs, names));
        }
    }
    let charts = answer.charts.iter().flat_map(|chart| {
        let (Some(ours), theirs) = (answer.table_of(chart), theirs.and_then(|theirs| theirs.table_of(chart))) else { return Vec::new() };
        charts(answer.about.id, chart, ours, theirs, names)
    });
    let charts = charts.collect();
    let mut section = assemble(answer, charts, tables);
    section.notes = answer
        .notes
        .iter()
        .map(|note| (side.name, note))
        .chain(theirs.into_iter().flat_map(|theirs| theirs.notes.iter().map(|note| (other.name, note))))
        .map(|(name, note)| clean(&format!("{name}: {note}")))
        .collect();
    section
}

/// One chart with both, or, where pieces would stand on pieces, one for each.
fn charts(question: &str, chart: &Chart, ours: &Table, theirs: Option<&Table>, names: [&str; 2]) -> Vec<ChartBlock> {
    // The CSV in the page names the side of a row and its words apart: lines by both are not found in it.
    let still = |block: ChartBlock| ChartBlock { data: String::new(), ..block };
    match chart.drawing {
        Drawing::Lines | Drawing::Cumulative | Drawing::Bars => {
            let table = both(ours, theirs, chart.by, names);
            let drawn = block(question, &Chart { by: Some(SIDE), ..chart.clone() }, &table, "");
            drawn.map(|drawn| if chart.by.is_some() { still(drawn) } else { drawn }).into_iter().collect()
        }
        Drawing::Stacked | Drawing::Funnel => {
            let sides = [Some(ours), theirs].into_iter().zip(names);
            let drawn = sides.enumerate().filter_map(|(place, (table, name))| {
                let chart = Chart { title: format!("{}: {name}", chart.title), ..chart.clone() };
                block(question, &chart, table?, ["-a", "-b"][place])
            });
            drawn.map(still).collect()
        }
    }
}

/// The rows of both, with the side in a column of its own, or before the word that lines go by.
fn both(ours: &Table, theirs: Option<&Table>, by: Option<&str>, names: [&str; 2]) -> Table {
    let mut both = Table { rows: Vec::new(), ..ours.clone() };
    both.columns.push(SIDE);
    for (table, name) in [Some(ours), theirs].into_iter().zip(names) {
        let Some(table) = table else { continue };
        let by = by.and_then(|by| table.column(by));
        for row in &table.rows {
            let word = match by.and_then(|by| row.get(by)) {
                Some(Cell::Text(word)) => format!("{word} · {name}"),
                _ => name.to_owned(),
            };
            both.rows.push([&row[..], &[word.into()]].concat());
        }
    }
    both
}

/// Every row of either, by its words and times, with both values and what was added.
fn difference(question: &str, ours: &Table, theirs: &Table, names: [&str; 2]) -> TableBlock {
    let is_key = |cell: &Cell| matches!(cell, Cell::Text(_) | Cell::Time(_));
    let rows = || ours.rows.iter().chain(&theirs.rows);
    let keys: Vec<bool> = (0..ours.columns.len()).map(|place| rows().filter_map(|row| row.get(place)).any(is_key)).collect();
    let key = |row: &Vec<Cell>| -> String {
        row.iter().zip(&keys).filter(|(_, is_key)| **is_key).map(|(cell, _)| crate::answers::cell(cell) + "\u{1f}").collect()
    };
    let mut order: Vec<[Option<&Vec<Cell>>; 2]> = Vec::new();
    let mut known: HashMap<(String, usize), usize> = HashMap::new();
    for (side, table) in [ours, theirs].into_iter().enumerate() {
        // Rows with the same words pair off in their order.
        let mut again: HashMap<String, usize> = HashMap::new();
        for row in &table.rows {
            let key = key(row);
            let times = again.entry(key.clone()).or_default();
            *times += 1;
            let place = *known.entry((key, *times)).or_insert(order.len());
            if place == order.len() {
                order.push([None, None]);
            }
            order[place][side] = Some(row);
        }
    }
    let cells = order.iter().take(ROWS).map(|pair| line(*pair, &keys)).collect();
    let heads = columns(ours).into_iter().zip(&keys).flat_map(|(column, is_key)| {
        if *is_key {
            return vec![column];
        }
        let named = |what: &str| Column { name: format!("{} {}", column.name, clean(what)), class: "num" };
        vec![named(names[0]), named(names[1]), named("(difference)")]
    });
    let merged = both(ours, Some(theirs), None, names);
    TableBlock {
        id: id(question, ours),
        view: ours.view.word(),
        view_word: view(ours.view),
        caption: clean(&ours.caption),
        columns: heads.collect(),
        rows: cells,
        cut: if order.len() > ROWS { format!("The first {ROWS} of {} rows.", number(order.len() as u64)) } else { String::new() },
        file: format!("{question}-{}-{}-compared.csv", ours.name, ours.view.word()),
        address: csv::address(&merged),
    }
}

fn line(pair: [Option<&Vec<Cell>>; 2], keys: &[bool]) -> Vec<Shown> {
    let mut cells = Vec::new();
    for (place, is_key) in keys.iter().enumerate() {
        let [ours, theirs] = pair.map(|row| row.and_then(|row| row.get(place)).unwrap_or(&Cell::Nothing));
        if *is_key {
            cells.push(shown(if *ours == Cell::Nothing { theirs } else { ours }));
        } else {
            cells.extend([shown(ours), shown(theirs), Shown { text: added(ours, theirs), of: String::new(), class: "num strong" }]);
        }
    }
    cells
}

/// Theirs less ours; shares in percentage points. Nothing where one has no value.
fn added(ours: &Cell, theirs: &Cell) -> String {
    let sign = |value: f64, shown: String| if value > 0.0 { format!("+{shown}") } else { shown.replace('-', "−") };
    match (ours, theirs) {
        (Cell::Share(a), Cell::Share(b)) if a.of > 0 && b.of > 0 => {
            let points = b.percent() - a.percent();
            sign(points, format!("{points:.1} pp"))
        }
        (Cell::Count(a), Cell::Count(b)) => match b.cmp(a) {
            std::cmp::Ordering::Less => format!("−{}", number(a - b)),
            std::cmp::Ordering::Equal => "0".to_owned(),
            std::cmp::Ordering::Greater => format!("+{}", number(b - a)),
        },
        (Cell::Number(a), Cell::Number(b)) => sign(b - a, format!("{:.3}", b - a)),
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::Share;
    use analysis::study::View;

    fn table(rows: Vec<Vec<Cell>>) -> Table {
        Table { rows, ..Table::new("t", View::Ours, "", &["tld", "valid", "hosts"]) }
    }

    #[test]
    fn rows_meet_by_their_words() {
        let row = |tld: &str, valid, hosts: u64| vec![tld.into(), Share::new(valid, 100).into(), Cell::Count(hosts)];
        let ours = table(vec![row("nl", 10, 5), row("se", 40, 7)]);
        let theirs = table(vec![row("se", 35, 9), row("org", 1, 1)]);
        let block = difference("q", &ours, &theirs, ["then", "now"]);
        let text: Vec<Vec<&str>> = block.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(
            text,
            [
                ["nl", "10.0%", "–", "–", "5", "–", "–"],
                ["se", "40.0%", "35.0%", "−5.0 pp", "7", "9", "+2"],
                ["org", "–", "1.0%", "–", "–", "1", "–"]
            ]
        );
        let heads: Vec<&str> = block.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(heads[..4], ["tld", "valid then", "valid now", "valid (difference)"]);
    }
}

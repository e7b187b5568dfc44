//! A table as RFC 4180 has it.

use analysis::study::{Cell, Table};
use std::fmt::Write as _;

/// The table with a line of names first. A share makes two columns, `valid` and `valid_of`; a time is in RFC 3339; what nobody looked at is
/// empty.
#[must_use]
pub fn csv(table: &Table) -> String {
    let shares: Vec<bool> =
        (0..table.columns.len()).map(|column| table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Share(_))))).collect();
    let mut out = String::new();
    for (place, (name, is_share)) in table.columns.iter().zip(&shares).enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = if *is_share { write!(out, "{comma}{name},{name}_of") } else { write!(out, "{comma}{name}") };
    }
    out.push('\n');
    for row in &table.rows {
        for (place, (cell, is_share)) in row.iter().zip(&shares).enumerate() {
            if place > 0 {
                out.push(',');
            }
            value(&mut out, cell);
            if *is_share && !matches!(cell, Cell::Share(_)) {
                out.push(',');
            }
        }
        out.push('\n');
    }
    out
}

fn value(out: &mut String, cell: &Cell) {
    let _ = match cell {
        Cell::Text(text) if text.contains([',', '"', '\n', '\r']) => write!(out, "\"{}\"", text.replace('"', "\"\"")),
        Cell::Text(text) => write!(out, "{text}"),
        Cell::Count(count) => write!(out, "{count}"),
        Cell::Share(share) => write!(out, "{},{}", share.count, share.of),
        Cell::Time(at) => match jiff::Timestamp::from_second(*at) {
            Ok(time) => write!(out, "{time}"),
            Err(_) => write!(out, "{at}"),
        },
        Cell::Number(number) => write!(out, "{number}"),
        Cell::Nothing => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use super::csv;
    use analysis::Share;
    use analysis::study::{Cell, Table, View};

    #[test]
    fn quotes_what_has_to_be_and_keeps_denominators() {
        let mut table = Table::new("t", View::Ours, "", &["time", "host", "valid"]);
        table.rows =
            vec![vec![Cell::Time(0), "a,\"b\"".into(), Share::new(1, 3).into()], vec![Cell::Time(3600), "c".into(), Cell::Nothing]];
        let expected = "time,host,valid,valid_of\n1970-01-01T00:00:00Z,\"a,\"\"b\"\"\",1,3\n1970-01-01T01:00:00Z,c,,\n";
        assert_eq!(csv(&table), expected);
    }
}

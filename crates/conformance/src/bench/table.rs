//! What was measured, line by line: printed as it comes, and as a table for the page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

struct Row {
    what: String,
    figure: String,
    wanted: &'static str,
}

/// What has been measured so far.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// One more line.
    pub fn row(&mut self, what: impl Into<String>, figure: impl Into<String>, wanted: &'static str) {
        let row = Row { what: what.into(), figure: figure.into(), wanted };
        let wanted = if row.wanted.is_empty() { String::new() } else { format!("   (wanted: {})", row.wanted) };
        println!("{:<58} {}{wanted}", row.what, row.figure);
        self.0.push(row);
    }

    /// All lines.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("| | measured | wanted |\n|---|---|---|\n");
        for row in &self.0 {
            let _ = writeln!(out, "| {} | {} | {} |", row.what, row.figure, row.wanted);
        }
        out
    }
}

/// Puts a text into its place in the page, between two marks.
///
/// # Errors
/// If the page cannot be read or written, or has no such place.
pub fn put(page: &Path, place: &str, text: &str) -> Result<(), String> {
    let whole = fs::read_to_string(page).map_err(|e| format!("{}: {e}", page.display()))?;
    let (begin, end) = (format!("<!-- {place} -->\n"), format!("<!-- end of {place} -->"));
    let parts = whole.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{}: there is no {begin} before {end}", page.display()))?;
    fs::write(page, format!("{before}{begin}{text}{end}{after}")).map_err(|e| format!("{}: {e}", page.display()))
}

/// Microseconds.
#[must_use]
pub fn micros(seconds: f64) -> String {
    format!("{:.2} µs", seconds * 1e6)
}

/// Millions of octets.
#[must_use]
pub fn megabytes(kilobytes: u64) -> String {
    format!("{:.0} MB", kilobytes as f64 * 1024.0 / 1e6)
}

/// With a comma for thousands.
#[must_use]
pub fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!([whole(786.4), whole(151_234.0), whole(1_000_000.0)], ["786", "151,234", "1,000,000"]);
        assert_eq!((micros(4.987e-6), megabytes(300_000)), ("4.99 µs".to_owned(), "307 MB".to_owned()));
    }

    #[test]
    fn a_text_takes_the_place_of_the_one_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "head\n<!-- a -->\nold\n<!-- end of a -->\n<!-- b -->\nkept\n<!-- end of b -->\n").unwrap();
        put(file.path(), "a", "new\n").unwrap();
        let page = fs::read_to_string(file.path()).unwrap();
        assert_eq!(page, "head\n<!-- a -->\nnew\n<!-- end of a -->\n<!-- b -->\nkept\n<!-- end of b -->\n");
        assert!(put(file.path(), "c", "").unwrap_err().contains("<!-- c -->"));
    }
}

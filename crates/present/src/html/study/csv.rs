//! A table's CSV as an address that holds it all, so that it can be kept without a network or a script.

use crate::answers::csv;
use analysis::study::Table;
use std::fmt::Write as _;

/// Longer ones are no part of the page: browsers would choke on it.
const LONGEST: usize = 8 << 20;

/// `data:text/csv,…`; empty if the table is too long.
pub(super) fn address(table: &Table) -> String {
    // At least an octet and a comma for each cell.
    if table.rows.len().saturating_mul(table.columns.len()) > LONGEST / 2 {
        return String::new();
    }
    let text = csv(table);
    if text.len() > LONGEST { String::new() } else { encoded(&text) }
}

fn encoded(text: &str) -> String {
    "data:text/csv;charset=utf-8,".to_owned() + &percent(text)
}

/// A text as part of an address (RFC 3986 section 2.1).
#[must_use]
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b',' | b'-' | b'.' | b'_' | b':' | b'~' | b'/' => out.push(char::from(octet)),
            other => drop(write!(out, "%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn nothing_leaves_the_attribute_or_the_address() {
        assert_eq!(encoded("a,b\n\"<ä\"#%&"), "data:text/csv;charset=utf-8,a,b%0A%22%3C%C3%A4%22%23%25%26");
    }
}

//! Texts: how wide, how short, and harmless.

use crate::text::clean;

/// Height of letters in units.
pub(super) const FONT: f64 = 12.0;

/// The text for HTML, SVG and attributes: nothing in it steers, ends or opens anything.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// How wide a text is at most in units, by the letters of DejaVu Sans, which is wider than what most machines have.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(letter).sum::<f64>() * FONT
}

/// Width of a letter, where 1 is the height of the font.
fn letter(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.42,
        'm' | 'M' | 'w' | 'W' | '@' | '%' | '…' => 1.0,
        'A'..='Z' | '+' | '=' | '<' | '>' | '~' | '#' => 0.84,
        '\u{0}'..='\u{24f}' | '–' | '‘' | '’' => 0.65,
        // Ideographs are square; what is wider is nowhere.
        _ => 1.05,
    }
}

/// The text within a width: whole, or cut with an ellipsis.
pub(super) fn fit(text: &str, most: f64) -> String {
    let text = clean(text);
    // What was measured fits, whatever was added and taken away since.
    if width(&text) <= most + 0.01 {
        return text;
    }
    let mut used = width("…");
    let kept = text.chars().take_while(|c| {
        used += letter(*c) * FONT;
        used <= most
    });
    kept.collect::<String>() + "…"
}

/// The name of a column as a label.
pub(super) fn words(column: &str) -> String {
    column.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::{escape, fit, width};

    #[test]
    fn a_text_is_cut_to_its_place() {
        assert_eq!(fit("short", 100.0), "short");
        let long = "mx-with-a-very-long-name.example.com";
        let cut = fit(long, 100.0);
        assert!(cut.ends_with('…') && width(&cut) <= 100.0 && cut.len() > 8, "{cut}");
        assert_eq!(fit("anything", 0.0), "…");
    }

    #[test]
    fn nothing_ends_an_element() {
        assert_eq!(escape("</svg>\"'&\u{202e}"), "&lt;/svg&gt;&quot;&#39;&amp;\\u{202e}");
    }
}

//! Bars, drawn by ourselves: a row of rectangles that stretches to the width it is given. The numbers stand beside it as text.

use std::fmt::Write as _;

/// One piece of a bar.
pub(super) struct Piece {
    /// CSS class that colours it; ours, never foreign text.
    pub class: &'static str,
    /// How much of `of`.
    pub count: u64,
}

/// Length of a whole bar in drawing units.
const LENGTH: f64 = 1000.0;
/// The least width of a piece that is there at all.
const LEAST: f64 = 6.0;

/// A bar of pieces; `of` is its whole length.
#[allow(clippy::cast_precision_loss)]
pub(super) fn bar(pieces: &[Piece], of: u64) -> String {
    let mut out =
        String::from(r#"<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#);
    let mut x = 0.0;
    for piece in pieces.iter().filter(|p| p.count > 0 && of > 0) {
        let width = (piece.count as f64 / of as f64 * LENGTH).max(LEAST).min(LENGTH - x);
        let _ = write!(out, r#"<rect class="{}" x="{x:.1}" y="0" width="{width:.1}" height="12"/>"#, piece.class);
        x += width;
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::{Piece, bar};

    #[test]
    fn pieces_are_in_proportion_and_never_vanish() {
        let svg = bar(&[Piece { class: "a", count: 750 }, Piece { class: "b", count: 0 }, Piece { class: "c", count: 250 }], 1000);
        assert!(svg.contains(r#"<rect class="a" x="0.0" y="0" width="750.0""#), "{svg}");
        assert!(svg.contains(r#"<rect class="c" x="750.0" y="0" width="250.0""#), "{svg}");
        assert!(!svg.contains(r#"class="b""#));
        assert!(bar(&[Piece { class: "a", count: 1 }], 1_000_000).contains(r#"width="6.0""#));
        assert!(!bar(&[Piece { class: "a", count: 1 }], 0).contains("rect"));
    }
}

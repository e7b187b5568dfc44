//! Colours and strokes: told apart by those who do not see all colours (after Okabe and Ito), and by dashes without any.

use std::fmt::Write as _;

/// Colours on light ground; of as many as there are, each with its dash.
const LIGHT: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#b5539c", "#b87d00", "#2f9bd6", "#5b6a78", "#8a7d00"];
/// The same on dark ground.
const DARK: [&str; 8] = ["#4aa8e0", "#ff8b45", "#2cc99c", "#e59fca", "#f2b632", "#9bd6f7", "#a9b7c2", "#d9cf4a"];
/// Dashes in units; the first is a whole line.
const DASHES: [&str; 4] = ["none", "6 3", "2 2.5", "9 3 2 3"];

/// Styles of figures in a page that has `--ink`, `--muted`, `--line` and `--card`: colours for light ground, and for dark where it is wanted.
#[must_use]
pub fn css() -> String {
    let variables = |colours: [&str; 8]| {
        colours.iter().enumerate().fold(String::new(), |mut out, (index, colour)| {
            let _ = write!(out, "--c{index}:{colour};");
            out
        })
    };
    let light = variables(LIGHT);
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n@media print{{:root{{{light}}}}}\n{}",
        variables(DARK),
        rules(|index| format!("var(--c{index})"), ["var(--ink)", "var(--muted)", "var(--line)", "var(--card)"], "inherit")
    )
}

/// Styles of a figure that stands alone, without variables: not every program knows them.
pub(super) fn alone() -> String {
    rules(|index| LIGHT[index].to_owned(), ["#15212c", "#4a5864", "#dbe2e8", "#ffffff"], "sans-serif")
}

/// Class of a colour.
pub(super) fn colour(index: usize) -> String {
    format!("c{}", index % LIGHT.len())
}

/// Class of a dash.
pub(super) fn dash(index: usize) -> String {
    format!("d{}", index % DASHES.len())
}

fn rules(colour: impl Fn(usize) -> String, [ink, muted, line, card]: [&str; 4], font: &str) -> String {
    let mut out = format!(
        ".chart text{{font-size:12px;font-family:{font};fill:{ink}}}\n.chart .t{{fill:{muted}}}\n.chart .e{{text-anchor:end}}.chart .m{{text-anchor:middle}}\n\
         .chart .g{{stroke:{line};stroke-width:1;fill:none}}.chart .a{{stroke:{muted};stroke-width:1;fill:none}}\n\
         .chart .l{{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}}\n.chart .f{{stroke:{card};stroke-width:.6}}.chart .w{{opacity:.55}}\n"
    );
    for index in 0..LIGHT.len() {
        let colour = colour(index);
        let _ = writeln!(out, ".chart .l.c{index}{{stroke:{colour}}}.chart .f.c{index}{{fill:{colour}}}");
    }
    for (index, dash) in DASHES.iter().enumerate() {
        let _ = write!(out, ".chart .d{index}{{stroke-dasharray:{dash}}}");
    }
    out.push('\n');
    out
}

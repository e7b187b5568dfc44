//! What is drawn on: elements of an SVG, one after the other.

use super::data::{Along, Data};
use super::text::{FONT, escape, fit, width};
use super::{Frame, Ground, style};
use analysis::study::{Chart, Drawing};
use std::fmt::Write as _;

/// Elements drawn so far, and how far down they go.
pub(super) struct Canvas {
    body: String,
    pub width: f64,
    pub height: f64,
    /// What the page's script has to know of the axes, as JSON.
    pub script: String,
}

/// Where a text begins.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    pub fn new(frame: Frame<'_>) -> Self {
        Self { body: String::new(), width: frame.size.width(), height: 0.0, script: String::new() }
    }

    /// Puts in what is made of numbers and our own names.
    pub fn raw(&mut self, element: &str) {
        self.body.push_str(element);
    }

    /// A text on a base line, in ink or (class `t`) muted.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " m",
            Anchor::End => " e",
        };
        let _ = write!(self.body, r#"<text class="{class}{anchor}" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = write!(self.body, r#"<path class="{class}" d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"/>"#);
    }

    /// A bar with what it says to those who point at it.
    pub fn bar(&mut self, colour: usize, [x, y, width, height]: [f64; 4], says: &str) {
        let class = style::colour(colour);
        let _ = write!(
            self.body,
            r#"<rect class="f {class}" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}"><title>{}</title></rect>"#,
            width.max(0.6),
            escape(says)
        );
    }

    /// The names of all lines with their colours, in rows from the top. Nothing if there is but one line.
    pub fn legend(&mut self, data: &Data<'_>, drawing: Drawing) {
        if data.lines.len() < 2 {
            return;
        }
        let (mut x, mut y) = (0.0, 0.0);
        let most = (self.width * 0.6).min(260.0);
        self.raw(r#"<g class="legend">"#);
        for (index, line) in data.lines.iter().enumerate() {
            let label = fit(&line.label, most);
            let needed = 30.0 + width(&label);
            if x > 0.0 && x + needed > self.width {
                (x, y) = (0.0, y + 18.0);
            }
            let _ = write!(self.body, r#"<g class="key" data-s="{index}"><title>{}</title>"#, escape(&line.label));
            match drawing {
                Drawing::Lines | Drawing::Cumulative => {
                    self.line(&format!("l {} {}", style::colour(index), style::dash(index)), (x + 1.0, y + 9.0), (x + 23.0, y + 9.0));
                }
                Drawing::Bars | Drawing::Stacked | Drawing::Funnel => {
                    let _ = write!(
                        self.body,
                        r#"<rect class="f {}" x="{:.1}" y="{:.1}" width="12" height="12"/>"#,
                        style::colour(index),
                        x + 8.0,
                        y + 3.0
                    );
                }
            }
            self.text((x + 28.0, y + 13.0), Anchor::Start, "", &label);
            self.raw("</g>");
            x += needed + 14.0;
        }
        self.raw("</g>");
        self.height = y + 18.0 + FONT;
    }

    /// The whole element.
    pub fn finish(self, chart: &Chart, data: &Data<'_>, frame: Frame<'_>) -> String {
        let Frame { id, size, ground } = frame;
        let (wide, high) = (self.width, self.height.ceil());
        let alone = match ground {
            Ground::Page => String::new(),
            Ground::Paper => format!(r#" xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}""#),
        };
        let script = if self.script.is_empty() { String::new() } else { format!(r#" data-plot="{}""#, escape(&self.script)) };
        let mut out = format!(
            r#"<svg class="chart {}" id="{id}"{alone} viewBox="0 0 {wide} {high}" role="img" aria-labelledby="{id}-t {id}-d"{script}><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>"#,
            size.class(),
            escape(&chart.title),
            escape(&describe(chart, data)),
        );
        if ground == Ground::Paper {
            let _ = write!(out, "<style>{}</style>", style::alone());
        }
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }
}

/// The picture in words, for those who do not see it.
fn describe(chart: &Chart, data: &Data<'_>) -> String {
    let kind = match chart.drawing {
        Drawing::Lines => "Lines",
        Drawing::Cumulative => "Shares of those at most so large",
        Drawing::Bars => "Bars",
        Drawing::Stacked => "Bars on top of each other",
        Drawing::Funnel => "Who is left, step by step",
    };
    let along = match data.along {
        Along::Words => format!("by {}", super::text::words(chart.x)),
        Along::Number => format!("over {}", super::text::words(chart.x)),
        Along::Time => {
            let (low, high) = data.extent();
            format!("from {} to {}", super::time::day(low), super::time::day(high))
        }
    };
    let mut out = format!("{kind} {along}.");
    for line in &data.lines {
        let values: Vec<f64> = line.points.iter().filter_map(|point| point.y).collect();
        let (low, high) = (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let shown = |value: f64| super::data::shown(value, chart.scale);
        let _ = match values.last() {
            Some(last) => write!(out, " {}: {} to {}, last {}.", line.label, shown(low), shown(high), shown(*last)),
            None => Ok(()),
        };
    }
    out
}

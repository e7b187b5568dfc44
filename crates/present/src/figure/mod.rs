//! Charts as SVG, drawn by ourselves: still pictures that need no script, print well, and say the same on every run.
//!
//! A figure knows nothing of the question. It takes a [`Chart`] and the [`Table`] that it names, leaves out what would not fit (and says so),
//! and estimates the width of every text, so that none leaves the picture. Whatever comes from an archive is escaped.

mod axis;
mod bars;
mod canvas;
mod columns;
mod data;
mod lines;
mod plot;
mod style;
mod text;
mod thin;
mod time;

use analysis::study::{Chart, Drawing, Table};
use data::{Along, Data};

pub use style::css;

/// For which place a figure is drawn. Texts are 12 units high in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 920 units wide: a page on a desk, a sheet of paper.
    Wide,
    /// 320 units wide: a telephone.
    Narrow,
}

/// From where a figure takes its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// From the page around it ([`css`]), which knows whether it is light or dark.
    Page,
    /// Its own, for white paper; the font is whatever stands for `sans-serif`.
    Paper,
}

/// How to draw a figure.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its name in the document: letters, digits and hyphens.
    pub id: &'a str,
    /// For which place.
    pub size: Size,
    /// On what.
    pub ground: Ground,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// One `<svg>` element.
    pub svg: String,
    /// What of the table is not in it: `12 of 130 lines are drawn`. Empty: nothing was left out.
    pub left_out: String,
}

/// Draws a chart of a table. `None`: the table has nothing to draw, or lacks the columns.
#[must_use]
pub fn figure(chart: &Chart, table: &Table, frame: Frame<'_>) -> Option<Figure> {
    let data = Data::new(chart, table)?;
    let canvas = match (chart.drawing, data.along) {
        (Drawing::Funnel, _) => bars::funnel(&data, frame),
        (Drawing::Bars | Drawing::Stacked, Along::Words) => bars::bars(&data, chart, frame),
        (Drawing::Stacked, _) => columns::columns(&data, chart, frame),
        (Drawing::Lines | Drawing::Cumulative | Drawing::Bars, _) => lines::lines(&data, chart, frame),
    };
    let left_out = data.left_out();
    Some(Figure { svg: canvas.finish(chart, &data, frame), left_out })
}

impl Size {
    /// Width in units.
    fn width(self) -> f64 {
        match self {
            Size::Wide => 920.0,
            Size::Narrow => 320.0,
        }
    }

    /// Height of the plot between its axes, in units.
    fn plot_height(self) -> f64 {
        match self {
            Size::Wide => 300.0,
            Size::Narrow => 200.0,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Size::Wide => "wide",
            Size::Narrow => "narrow",
        }
    }
}

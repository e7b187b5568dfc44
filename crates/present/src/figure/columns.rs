//! Bars on top of each other, over time or numbers.

use super::axis::{Axis, Foot};
use super::canvas::Canvas;
use super::data::{Data, as_f64};
use super::plot::Plot;
use super::{Frame, style};
use analysis::study::{Chart, Drawing};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One column: where, and the height of each piece.
struct Column {
    x: f64,
    pieces: Vec<f64>,
}

impl Column {
    fn total(&self) -> f64 {
        self.pieces.iter().sum()
    }
}

pub(super) fn columns(data: &Data<'_>, chart: &Chart, frame: Frame<'_>) -> Canvas {
    let mut canvas = Canvas::new(frame);
    canvas.legend(data, Drawing::Stacked);
    let columns = stack(data);
    let axis = Axis::of(columns.iter().map(Column::total), chart.scale, Foot::Zero, 5);
    let plot = Plot::new(&mut canvas, data, chart, frame, axis);
    let steps = columns.windows(2).map(|pair| plot.at_x(pair[1].x) - plot.at_x(pair[0].x));
    let least = steps.filter(|step| *step > 0.0).fold(plot.right - plot.left, f64::min);
    let wide = (least * 0.85).clamp(1.0, 40.0);
    let shown = highest(columns, &plot);
    for index in 0..data.lines.len() {
        let mut d = String::new();
        for column in &shown {
            let foot: f64 = column.pieces[..index].iter().sum();
            let (low, high) = (plot.at_y(foot), plot.at_y(foot + column.pieces[index]));
            if low - high > 0.05 {
                let x = (plot.at_x(column.x) - wide / 2.0).clamp(plot.left, plot.right - wide);
                let _ = write!(d, "M{x:.1} {low:.1}V{high:.1}h{wide:.1}V{low:.1}z");
            }
        }
        let class = style::colour(index);
        // A rim would hide bars that are hardly wider than it.
        let rim = if wide < 3.0 { r#" style="stroke:none""# } else { "" };
        canvas.raw(&format!(r#"<g class="s" data-s="{index}"><path class="f {class}"{rim} d="{d}"/></g>"#));
    }
    canvas.script = plot.script(data, chart);
    canvas
}

fn stack(data: &Data<'_>) -> Vec<Column> {
    let mut by_x: BTreeMap<u64, Column> = BTreeMap::new();
    for (index, line) in data.lines.iter().enumerate() {
        for point in &line.points {
            // Of finite numbers, this has the order of the numbers.
            let bits = point.x.to_bits();
            let key = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            let column = by_x.entry(key).or_insert_with(|| Column { x: point.x, pieces: vec![0.0; data.lines.len()] });
            column.pieces[index] += point.y.unwrap_or(0.0).max(0.0);
        }
    }
    by_x.into_values().collect()
}

/// Of the columns in one unit of width the highest.
fn highest(columns: Vec<Column>, plot: &Plot) -> Vec<Column> {
    if as_f64(columns.len() as u64) <= plot.right - plot.left {
        return columns;
    }
    let mut out: Vec<Column> = Vec::new();
    for column in columns {
        let same = |other: &Column| plot.at_x(other.x).floor().total_cmp(&plot.at_x(column.x).floor()).is_eq();
        match out.last_mut().filter(|other| same(other)) {
            Some(other) if other.total() < column.total() => *other = column,
            Some(_) => {}
            None => out.push(column),
        }
    }
    out
}

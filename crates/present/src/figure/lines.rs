//! Lines over time or numbers, and steps.

use super::axis::{Axis, Foot};
use super::canvas::Canvas;
use super::data::{Data, Line};
use super::plot::Plot;
use super::thin::thin;
use super::{Frame, style};
use analysis::study::{Chart, Drawing};
use std::fmt::Write as _;

pub(super) fn lines(data: &Data<'_>, chart: &Chart, frame: Frame<'_>) -> Canvas {
    let mut canvas = Canvas::new(frame);
    canvas.legend(data, Drawing::Lines);
    let steps = chart.drawing == Drawing::Cumulative;
    let foot = if steps { Foot::Zero } else { Foot::Close };
    let plot = Plot::new(&mut canvas, data, chart, frame, Axis::of(values(data, chart).into_iter(), chart.scale, foot, 5));
    for (index, line) in data.lines.iter().enumerate() {
        let class = format!("l {} {}", style::colour(index), style::dash(index));
        let mut body = format!(r#"<g class="s" data-s="{index}">"#);
        let d = if steps { stairs(&plot, line) } else { path(&thin(pieces(line, data.gap, |x| plot.at_x(x), |p| Some(plot.at_y(p.y?))))) };
        let _ = write!(body, r#"<path class="{class}" d="{d}"/>"#);
        if let Some((top, bottom, axis)) = &plot.below {
            let at = |count: f64| bottom - axis.at(count) * (bottom - top);
            let d = path(&thin(pieces(line, data.gap, |x| plot.at_x(x), |p| Some(at(p.below?)))));
            let _ = write!(body, r#"<path class="{class} w" d="{d}"/>"#);
        }
        body.push_str("</g>");
        canvas.raw(&body);
    }
    canvas.script = plot.script(data, chart);
    canvas
}

/// Values that the axis has to hold. Steps go up to the whole.
fn values(data: &Data<'_>, chart: &Chart) -> Vec<f64> {
    let mut values: Vec<f64> = data.values().collect();
    if chart.drawing == Drawing::Cumulative {
        values.push(if chart.scale == analysis::study::Scale::Percent { 100.0 } else { 0.0 });
    }
    values
}

/// A line's points as positions, broken where there is no value, and where nobody looked.
fn pieces(
    line: &Line<'_>,
    gap: Option<f64>,
    x: impl Fn(f64) -> f64,
    y: impl Fn(&super::data::Point<'_>) -> Option<f64>,
) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut last: Option<f64> = None;
    for point in &line.points {
        let Some(height) = y(point) else {
            last = None;
            continue;
        };
        let follows = last.is_some_and(|last| gap.is_none_or(|gap| point.x - last <= gap));
        match pieces.last_mut().filter(|_| follows) {
            Some(piece) => piece.push((x(point.x), height)),
            None => pieces.push(vec![(x(point.x), height)]),
        }
        last = Some(point.x);
    }
    pieces
}

fn path(pieces: &[Vec<(f64, f64)>]) -> String {
    let mut d = String::new();
    for piece in pieces {
        for (index, (x, y)) in piece.iter().enumerate() {
            let _ = write!(d, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        }
        // A point by itself is a dot.
        if piece.len() == 1 {
            d.push_str("h.01");
        }
    }
    d
}

/// Steps from nothing at the first value to the right end.
fn stairs(plot: &Plot, line: &Line<'_>) -> String {
    let points = thin(pieces(line, None, |x| plot.at_x(x), |p| Some(plot.at_y(p.y?)))).concat();
    let mut d = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        if index == 0 {
            let _ = write!(d, "M{x:.1} {:.1}V{y:.1}", plot.bottom);
        } else {
            let _ = write!(d, "H{x:.1}V{y:.1}");
        }
    }
    let _ = write!(d, "H{:.1}", plot.right);
    d
}

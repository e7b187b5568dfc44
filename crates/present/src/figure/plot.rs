//! The frame of a drawing over time or numbers: axes, their names, and the small panel below.

use super::axis::{Axis, Foot, Kind, logarithmic};
use super::canvas::{Anchor, Canvas};
use super::data::{Along, Data};
use super::text::{width, words};
use super::{Frame, Size, time};
use analysis::study::{Chart, Drawing, Scale};

/// Between the axis and its names.
const ROOM: f64 = 8.0;
/// Height of the panel below, and what is between.
const BELOW: f64 = 60.0;
const BETWEEN: f64 = 26.0;

/// Where things stand in the picture.
pub(super) struct Plot {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: Axis,
    pub y: Axis,
    /// Top, bottom and axis of the panel below.
    pub below: Option<(f64, f64, Axis)>,
}

impl Plot {
    /// Lays out what stands below the legend, and draws the axes.
    pub fn new(canvas: &mut Canvas, data: &Data<'_>, chart: &Chart, frame: Frame<'_>, y: Axis) -> Self {
        let names = if frame.size == Size::Wide { 8 } else { 3 };
        let counts = || data.lines.iter().flat_map(|line| &line.points).filter_map(|point| point.below);
        let below = (chart.below.is_some() && counts().next().is_some()).then(|| Axis::of(counts(), Scale::Count, Foot::Zero, 2));
        let x = horizontal(data, chart, names);
        let widest = below.as_ref().map_or(0.0, Axis::widest).max(y.widest());
        let top = canvas.height + 8.0;
        let bottom = top + frame.size.plot_height();
        let left = widest + ROOM;
        let right = canvas.width - if frame.size == Size::Wide { 24.0 } else { 14.0 };
        let below = below.map(|axis| (bottom + BETWEEN, bottom + BETWEEN + BELOW, axis));
        let plot = Self { left, right, top, bottom, x, y, below };
        plot.draw(canvas, chart, data);
        plot
    }

    pub fn at_x(&self, x: f64) -> f64 {
        self.left + self.x.at(x) * (self.right - self.left)
    }

    pub fn at_y(&self, y: f64) -> f64 {
        self.bottom - self.y.at(y) * (self.bottom - self.top)
    }

    fn draw(&self, canvas: &mut Canvas, chart: &Chart, data: &Data<'_>) {
        for (value, name) in &self.y.ticks {
            let y = self.at_y(*value);
            canvas.line("g", (self.left, y), (self.right, y));
            canvas.text((self.left - ROOM, y + 4.0), Anchor::End, "t", name);
        }
        let mut foot = self.bottom;
        if let (Some((top, bottom, axis)), Some(column)) = (&self.below, chart.below) {
            foot = *bottom;
            canvas.text((self.left, top - 6.0), Anchor::Start, "t", &super::text::fit(&words(column), self.right - self.left));
            for (value, name) in &axis.ticks {
                let y = bottom - axis.at(*value) * (bottom - top);
                canvas.line("g", (self.left, y), (self.right, y));
                canvas.text((self.left - ROOM, y + 4.0), Anchor::End, "t", name);
            }
        }
        canvas.raw(r#"<g class="xa">"#);
        let mut free = 0.0;
        for (value, name) in &self.x.ticks {
            let (x, half) = (self.at_x(*value), width(name) / 2.0);
            canvas.line("a", (x, foot), (x, foot + 4.0));
            let middle = x.clamp(half, canvas.width - half);
            if middle - half >= free {
                canvas.text((middle, foot + 18.0), Anchor::Middle, "t", name);
                free = middle + half + 6.0;
            }
        }
        canvas.raw("</g>");
        canvas.line("a", (self.left, foot), (self.right, foot));
        let name = if data.along == Along::Time { "time (UTC)".to_owned() } else { words(chart.x) };
        canvas.text((self.right, foot + 35.0), Anchor::End, "t", &super::text::fit(&name, self.right));
        canvas.height = foot + 42.0;
    }

    /// What the page's script needs: where the axes are, and where in the table the lines.
    pub fn script(&self, data: &Data<'_>, chart: &Chart) -> String {
        let kind = |axis: &Axis| if axis.kind == Kind::Logarithmic { "log" } else { "linear" };
        let lines: Vec<_> = data.lines.iter().map(|line| serde_json::json!([line.word, line.column, line.label])).collect();
        let below = self.below.as_ref().map(|(top, bottom, axis)| serde_json::json!([chart.below, top, bottom, axis.low, axis.high]));
        serde_json::json!({
            "box": [self.left, self.top, self.right, self.bottom],
            "x": [chart.x, self.x.low, self.x.high, kind(&self.x)],
            "y": [self.y.low, self.y.high, kind(&self.y)],
            "time": data.along == Along::Time,
            "percent": chart.scale == Scale::Percent,
            "steps": chart.drawing == Drawing::Cumulative,
            "stacked": chart.drawing == Drawing::Stacked,
            "gap": data.gap,
            "by": chart.by,
            "below": below,
            "lines": lines,
        })
        .to_string()
    }
}

fn horizontal(data: &Data<'_>, chart: &Chart, names: usize) -> Axis {
    let (low, high) = data.extent();
    if data.along == Along::Time {
        return time::axis(low, high, names);
    }
    let positive = data.lines.iter().flat_map(|line| &line.points).map(|point| point.x).filter(|x| *x > 0.0);
    let least = positive.fold(f64::INFINITY, f64::min);
    if chart.drawing == Drawing::Cumulative && low >= 0.0 && high > least * 1000.0 {
        return logarithmic(least, high, low <= 0.0);
    }
    // Sizes are read from nothing on.
    let low = if chart.drawing == Drawing::Cumulative && low > 0.0 && low < high * 0.5 { 0.0 } else { low };
    Axis::numbers(low, high, names)
}

//! Bars by words, lying: names are read without turning one's head.

use super::axis::{Axis, Foot};
use super::canvas::{Anchor, Canvas};
use super::data::{Data, Point, shown, told};
use super::text::{fit, width};
use super::{Frame, Size};
use analysis::study::{Chart, Drawing, Scale};

/// Height of a bar, of one among several, and of a line of text.
const BAR: f64 = 16.0;
const THIN: f64 = 13.0;
const TEXT: f64 = 17.0;
/// Some letters, as j, begin before their place.
const EDGE: f64 = 2.0;

/// Where bars lie.
struct Lanes {
    left: f64,
    right: f64,
    axis: Axis,
    /// Whether the word has a line of its own over its bars.
    above: bool,
}

/// Bars beside or on top of each other.
pub(super) fn bars(data: &Data<'_>, chart: &Chart, frame: Frame<'_>) -> Canvas {
    let mut canvas = Canvas::new(frame);
    canvas.legend(data, chart.drawing);
    let stacked = chart.drawing == Drawing::Stacked;
    let lanes = lanes(&canvas, data, chart, frame);
    let begin = canvas.height + 4.0;
    let rows = if stacked { 1.0 } else { super::data::as_f64(data.lines.len() as u64) };
    let bar = if rows > 1.0 { THIN } else { BAR };
    let lane = rows * bar + if lanes.above { TEXT + 8.0 } else { 9.0 };
    let end = begin + lane * super::data::as_f64(data.words.len() as u64);
    grid(&mut canvas, &lanes, begin, end);
    for (word, name) in data.words.iter().enumerate() {
        let top = begin + lane * super::data::as_f64(word as u64);
        let first = if lanes.above {
            canvas.text((EDGE, top + 13.0), Anchor::Start, "", &fit(name, canvas.width - EDGE));
            top + TEXT
        } else {
            let middle = top + 4.0 + rows * bar / 2.0 + 4.0;
            canvas.text((lanes.left - 8.0, middle), Anchor::End, "", &fit(name, lanes.left - 8.0));
            top + 4.0
        };
        let mut foot = 0.0;
        for line in 0..data.lines.len() {
            let Some(point) = data.at(line, word) else { continue };
            let says = format!("{name}, {}: {}", data.lines[line].label, told(point, chart.scale));
            canvas.raw(&format!(r#"<g class="s" data-s="{line}">"#));
            if stacked {
                foot += piece(&mut canvas, &lanes, line, point, foot, (first, &says));
            } else {
                let y = first + bar * super::data::as_f64(line as u64);
                single(&mut canvas, &lanes, line, point, (y, bar), (&says, chart.scale));
            }
            canvas.raw("</g>");
        }
    }
    canvas.height = end + 26.0;
    canvas
}

fn lanes(canvas: &Canvas, data: &Data<'_>, chart: &Chart, frame: Frame<'_>) -> Lanes {
    let stacked = chart.drawing == Drawing::Stacked;
    let widest = data.words.iter().map(|word| width(word)).fold(0.0, f64::max);
    let above = frame.size == Size::Narrow;
    let left = if above { 0.0 } else { (widest + 8.0).min(canvas.width * 0.35) };
    let totals: Vec<f64> = if stacked {
        let total = |word| (0..data.lines.len()).filter_map(|line| data.at(line, word)?.y).sum();
        (0..data.words.len()).map(total).collect()
    } else {
        data.values().collect()
    };
    // Lengths cannot be compared where 0 is nowhere: pieces stand on a common foot only on an even scale.
    let scale = if stacked && chart.scale == Scale::Logarithmic { Scale::Count } else { chart.scale };
    let axis = Axis::of(totals.into_iter(), scale, Foot::Zero, if above { 3 } else { 6 });
    let value = |point: &Point<'_>| point.y.map_or(0.0, |y| width(&shown(y, chart.scale)));
    let values = data.lines.iter().flat_map(|line| &line.points).map(value).fold(0.0, f64::max);
    let last = axis.ticks.last().map_or(0.0, |(_, name)| width(name) / 2.0);
    let room = if stacked { last } else { (values + 8.0).max(last) };
    Lanes { left, right: canvas.width - room, axis, above }
}

fn grid(canvas: &mut Canvas, lanes: &Lanes, begin: f64, end: f64) {
    let mut free = 0.0;
    for (value, name) in &lanes.axis.ticks {
        let x = lanes.at(*value);
        canvas.line("g", (x, begin), (x, end));
        let half = width(name) / 2.0;
        let middle = x.clamp(half, canvas.width - half);
        if middle - half >= free {
            canvas.text((middle, end + 17.0), Anchor::Middle, "t", name);
            free = middle + half + 6.0;
        }
    }
    canvas.line("a", (lanes.left, begin), (lanes.left, end));
}

impl Lanes {
    fn at(&self, value: f64) -> f64 {
        self.left + self.axis.at(value) * (self.right - self.left)
    }
}

/// A bar by itself, with its value at its end.
fn single(canvas: &mut Canvas, lanes: &Lanes, line: usize, point: &Point<'_>, (y, height): (f64, f64), (says, scale): (&str, Scale)) {
    let Some(value) = point.y else {
        canvas.text((lanes.left + 4.0, y + height - 3.0), Anchor::Start, "t", "no value");
        return;
    };
    let end = lanes.at(value);
    canvas.bar(line, [lanes.left, y, end - lanes.left, height - 1.0], says);
    canvas.text((end + 5.0, y + height - 3.0), Anchor::Start, "t", &shown(value, scale));
}

/// A piece upon `foot`; gives its height.
fn piece(canvas: &mut Canvas, lanes: &Lanes, line: usize, point: &Point<'_>, foot: f64, (y, says): (f64, &str)) -> f64 {
    let value = point.y.unwrap_or(0.0).max(0.0);
    if value > 0.0 {
        let (begin, end) = (lanes.at(foot), lanes.at(foot + value));
        canvas.bar(line, [begin, y, end - begin, BAR], says);
    }
    value
}

/// Who is left at each step, with the share of the step before.
pub(super) fn funnel(data: &Data<'_>, frame: Frame<'_>) -> Canvas {
    let mut canvas = Canvas::new(frame);
    let most = data.values().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut before: Option<f64> = None;
    let mut y = 0.0;
    for (word, name) in data.words.iter().enumerate() {
        let Some((point, value)) = data.at(0, word).and_then(|point| Some((point, point.y?))) else { continue };
        let share = before.filter(|before| *before > 0.0).map(|before| format!(" · {:.1}% of those above", value / before * 100.0));
        let count = shown(value, Scale::Count) + &share.unwrap_or_default();
        let room = canvas.width - width(&count) - 12.0;
        canvas.text((EDGE, y + 14.0), Anchor::Start, "", &fit(name, room));
        canvas.text((canvas.width, y + 14.0), Anchor::End, "t", &count);
        canvas.bar(0, [0.0, y + 20.0, value / most * canvas.width, BAR], &format!("{name}: {}", told(point, Scale::Count)));
        before = Some(value);
        y += 46.0;
    }
    canvas.height = y;
    canvas
}

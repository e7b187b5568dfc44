//! A chart's data: lines of points out of a table's rows.

use analysis::study::{Cell, Chart, Drawing, Scale, Table};
use std::collections::{HashMap, HashSet};

/// Lines drawn; the eye tells no more apart.
const LINES: usize = 12;
/// Words along an axis.
const WORDS: usize = 30;
/// Of such differences between neighbours, this share has to be about the usual one for a longer one to be a gap.
const RHYTHM: f64 = 0.6;

/// What the horizontal axis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    Time,
    Number,
    Words,
}

/// One point. `y` is in what the scale measures: percent or a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    /// Seconds, a number, or the place of a word.
    pub x: f64,
    pub y: Option<f64>,
    pub cell: &'a Cell,
    /// The count of which it is a share, if the chart wants it.
    pub below: Option<f64>,
}

/// One line, or one colour of bars.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub label: String,
    /// The word that it is for; empty for none.
    pub word: &'a str,
    pub column: &'static str,
    /// By x.
    pub points: Vec<Point<'a>>,
    weight: f64,
}

/// What is drawn.
pub(super) struct Data<'a> {
    pub along: Along,
    pub lines: Vec<Line<'a>>,
    /// Along an axis of words: they, in the table's order.
    pub words: Vec<&'a str>,
    /// Seconds between two points beyond which nobody looked.
    pub gap: Option<f64>,
    lines_in_all: usize,
    words_in_all: usize,
}

struct Columns {
    x: usize,
    by: Option<usize>,
    below: Option<usize>,
    series: Vec<usize>,
}

impl<'a> Data<'a> {
    pub fn new(chart: &'a Chart, table: &'a Table) -> Option<Self> {
        let columns = Columns::of(chart, table)?;
        let along = table.rows.iter().find_map(|row| match row.get(columns.x)? {
            Cell::Time(_) => Some(Along::Time),
            Cell::Text(_) => Some(Along::Words),
            Cell::Nothing => None,
            _ => Some(Along::Number),
        })?;
        let (mut lines, words) = collect(chart, table, &columns, along);
        lines.retain(|line| line.points.iter().any(|point| point.y.is_some()));
        for line in &mut lines {
            line.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        let lines_in_all = lines.len();
        heaviest(&mut lines);
        let gap = (along == Along::Time && chart.drawing == Drawing::Lines).then(|| gap(&lines)).flatten();
        let words_in_all = words.len();
        let words = words.into_iter().take(WORDS).collect();
        (!lines.is_empty()).then_some(Self { along, lines, words, gap, lines_in_all, words_in_all })
    }

    /// Every value.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.lines.iter().flat_map(|line| &line.points).filter_map(|point| point.y)
    }

    /// First and last along the axis.
    pub fn extent(&self) -> (f64, f64) {
        let xs = || self.lines.iter().flat_map(|line| &line.points).map(|point| point.x);
        (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max))
    }

    /// The point of a line at a word.
    pub fn at(&self, line: usize, word: usize) -> Option<&Point<'a>> {
        self.lines.get(line)?.points.iter().find(|point| place(point.x) == word)
    }

    /// What does not fit.
    pub fn left_out(&self) -> String {
        let mut told = Vec::new();
        if self.lines_in_all > self.lines.len() {
            told.push(format!("{} of {} are drawn, those that stand for most", self.lines.len(), self.lines_in_all));
        }
        if self.words_in_all > self.words.len() {
            told.push(format!("the first {} of {} rows are drawn", self.words.len(), self.words_in_all));
        }
        told.join("; ")
    }
}

/// The word that stands at a place of an axis of words.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn place(x: f64) -> usize {
    x as usize
}

impl Columns {
    fn of(chart: &Chart, table: &Table) -> Option<Self> {
        let series: Option<Vec<usize>> = chart.series.iter().map(|series| table.column(series.column)).collect();
        let find = |name: Option<&str>| match name {
            None => Some(None),
            Some(name) => table.column(name).map(Some),
        };
        Some(Self { x: table.column(chart.x)?, by: find(chart.by)?, below: find(chart.below)?, series: series? })
    }
}

fn collect<'a>(chart: &'a Chart, table: &'a Table, columns: &Columns, along: Along) -> (Vec<Line<'a>>, Vec<&'a str>) {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut known: HashMap<(&str, usize), usize> = HashMap::new();
    let (mut words, mut word_places): (Vec<&str>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    for row in &table.rows {
        let Some(x) = row.get(columns.x).and_then(|cell| match (along, cell) {
            (Along::Words, Cell::Text(word)) => {
                let place = *word_places.entry(word).or_insert(words.len());
                if place == words.len() {
                    words.push(word);
                }
                Some(as_f64(place as u64))
            }
            (Along::Words, _) => None,
            (_, cell) => number(cell, Scale::Count),
        }) else {
            continue;
        };
        let word = columns.by.and_then(|by| row.get(by)).map_or("", |cell| if let Cell::Text(word) = cell { word } else { "" });
        let below = columns.below.and_then(|below| row.get(below)).and_then(|cell| number(cell, Scale::Count));
        for (index, column) in columns.series.iter().enumerate() {
            let Some(cell) = row.get(*column) else { continue };
            let at = *known.entry((word, index)).or_insert_with(|| {
                lines.push(Line::new(chart, word, index));
                lines.len() - 1
            });
            let line = &mut lines[at];
            line.weight += weight(cell);
            line.points.push(Point { x, y: number(cell, chart.scale), cell, below });
        }
    }
    (lines, words)
}

impl<'a> Line<'a> {
    fn new(chart: &Chart, word: &'a str, index: usize) -> Self {
        let series = &chart.series[index];
        let named = if series.label.is_empty() { super::text::words(series.column) } else { series.label.clone() };
        let label = match (word.is_empty(), chart.series.len()) {
            (true, _) => named,
            (false, 1) => word.to_owned(),
            (false, _) => format!("{word}: {named}"),
        };
        Self { label, word, column: series.column, points: Vec::new(), weight: 0.0 }
    }
}

/// The value of a cell; shares of nothing have none.
fn number(cell: &Cell, scale: Scale) -> Option<f64> {
    let value = match cell {
        Cell::Count(count) => as_f64(*count),
        Cell::Share(share) if scale == Scale::Percent => (share.of > 0).then(|| share.percent())?,
        Cell::Share(share) => as_f64(share.count),
        Cell::Time(at) => as_seconds(*at),
        Cell::Number(value) => *value,
        Cell::Text(_) | Cell::Nothing => return None,
    };
    value.is_finite().then_some(value)
}

/// How much stands behind a value.
fn weight(cell: &Cell) -> f64 {
    match cell {
        Cell::Share(share) => as_f64(share.of),
        other => number(other, Scale::Count).unwrap_or(0.0).abs(),
    }
}

/// Keeps those that stand for most, in their order.
fn heaviest(lines: &mut Vec<Line<'_>>) {
    if lines.len() <= LINES {
        return;
    }
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| lines[*b].weight.total_cmp(&lines[*a].weight).then(a.cmp(b)));
    let kept: HashSet<usize> = order.into_iter().take(LINES).collect();
    let mut index = 0;
    lines.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
}

/// A step and a half of the usual length; none if there is no usual length.
fn gap(lines: &[Line<'_>]) -> Option<f64> {
    let steps = lines.iter().flat_map(|line| line.points.windows(2)).map(|pair| pair[1].x - pair[0].x);
    let mut steps: Vec<f64> = steps.filter(|step| *step > 0.0).collect();
    steps.sort_by(f64::total_cmp);
    let limit = steps.get(steps.len() / 2)? * 1.5;
    let usual = steps.iter().filter(|step| **step <= limit).count();
    (as_f64(usual as u64) >= as_f64(steps.len() as u64) * RHYTHM).then_some(limit)
}

/// As exact as a picture needs it.
#[allow(clippy::cast_precision_loss)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss)]
fn as_seconds(at: dane::Epoch) -> f64 {
    at as f64
}

/// A value as people read it.
pub(super) fn shown(value: f64, scale: Scale) -> String {
    match scale {
        Scale::Percent if value != 0.0 && value.abs() < 0.1 => format!("{value:.3}%"),
        Scale::Percent => format!("{value:.1}%"),
        Scale::Count | Scale::Logarithmic => super::axis::named(value, if value.fract() == 0.0 { 0 } else { 2 }),
    }
}

/// A value with what it is a share of.
pub(super) fn told(point: &Point<'_>, scale: Scale) -> String {
    let value = point.y.map_or_else(|| "no value".to_owned(), |value| shown(value, scale));
    match point.cell {
        Cell::Share(share) => format!("{value} ({} of {})", crate::text::number(share.count), crate::text::number(share.of)),
        _ => value,
    }
}

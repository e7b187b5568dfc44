//! Axes: where a value stands, and which values are named.

use super::text::width;
use crate::text::number;
use analysis::study::Scale;

/// From the lowest value to the highest, as positions from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub kind: Kind,
    /// Values that are named, ascending, with their names.
    pub ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Linear,
    /// `low` and `high` are powers of ten. What is lower than `low`, as 0 is, stands at the foot.
    Logarithmic,
}

/// Where a drawing has its foot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foot {
    /// Lengths are compared: at 0.
    Zero,
    /// Slopes are compared: where the values are, if they are all far from 0.
    Close,
}

impl Axis {
    /// An axis for values of a scale, with about so many names.
    pub fn of(values: impl Iterator<Item = f64>, scale: Scale, foot: Foot, names: usize) -> Self {
        let (mut low, mut high, mut least) = (f64::INFINITY, 0.0_f64, f64::INFINITY);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
            if value > 0.0 {
                least = least.min(value);
            }
        }
        match scale {
            Scale::Logarithmic if least.is_finite() => logarithmic(least, high, low <= 0.0),
            Scale::Percent => linear(low, high, foot, names, Some(100.0)),
            Scale::Count | Scale::Logarithmic => linear(low, high, foot, names, None),
        }
    }

    /// A number axis from the first to the last.
    pub fn numbers(low: f64, high: f64, names: usize) -> Self {
        let step = step((high - low).max(f64::MIN_POSITIVE) / count(names), 0.0);
        Self { low, high: if high > low { high } else { low + 1.0 }, kind: Kind::Linear, ticks: ticks(low, high, step, "") }
    }

    /// The position of a value.
    pub fn at(&self, value: f64) -> f64 {
        let position = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Logarithmic if value < self.low => 0.0,
            Kind::Logarithmic => (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
        };
        position.clamp(0.0, 1.0)
    }

    /// The width of the widest name.
    pub fn widest(&self) -> f64 {
        self.ticks.iter().map(|(_, name)| width(name)).fold(0.0, f64::max)
    }
}

/// Powers of ten; zeros stand a power below all else.
pub(super) fn logarithmic(least: f64, high: f64, zeros: bool) -> Axis {
    let first = least.log10().floor();
    let last = high.log10().ceil().max(first + 1.0);
    let low = if zeros { first - 1.0 } else { first };
    let every = ((last - low) / 6.0).ceil().max(1.0);
    let mut ticks = Vec::new();
    let mut power = first;
    while power <= last && ticks.len() < 20 {
        ticks.push((10_f64.powf(power), named(10_f64.powf(power), decimals(10_f64.powf(power)))));
        power += every;
    }
    if zeros {
        ticks.insert(0, (10_f64.powf(low), "0".to_owned()));
    }
    Axis { low: 10_f64.powf(low), high: 10_f64.powf(last), kind: Kind::Logarithmic, ticks }
}

fn linear(low: f64, high: f64, foot: Foot, names: usize, most: Option<f64>) -> Axis {
    let (unit, finest) = if most.is_some() { ("%", 0.0) } else { ("", if high > 5.0 { 1.0 } else { 0.0 }) };
    let low = if low.is_finite() { low } else { 0.0 };
    let close = foot == Foot::Close && low > 0.0 && high - low < high * 0.25;
    let high = if high > low.min(0.0) { high } else { low.min(0.0) + 1.0 };
    let span = if close { (high - low).max(high * 0.01) } else { high - low.min(0.0) };
    let step = step(span / count(names), finest);
    let foot = if close { (low / step).floor() * step } else { (low.min(0.0) / step).floor() * step };
    let mut top = (high / step).ceil() * step;
    if let Some(most) = most.filter(|most| high <= *most) {
        top = top.min(most);
    }
    let top = if top > foot { top } else { foot + step };
    Axis { low: foot, high: top, kind: Kind::Linear, ticks: ticks(foot, top, step, unit) }
}

fn ticks(low: f64, high: f64, step: f64, unit: &str) -> Vec<(f64, String)> {
    let mut ticks = Vec::new();
    let first = (low / step - 1e-9).ceil();
    while ticks.len() < 50 {
        let value = (first + count(ticks.len())) * step;
        if value > high + step * 1e-6 {
            break;
        }
        ticks.push((value, named(value, decimals(step)) + unit));
    }
    ticks
}

/// 1, 2 or 5 times a power of ten: the next that is not smaller.
fn step(rough: f64, finest: f64) -> f64 {
    let rough = rough.max(finest).max(1e-9);
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough * 0.999).unwrap_or(10.0);
    times * power
}

/// Decimals that a step needs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn decimals(step: f64) -> usize {
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize
}

/// `12,345`, `2.5`, `3.2 M`.
pub(super) fn named(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e6 {
        let (short, letter) = if value.abs() >= 1e9 { (value / 1e9, "G") } else { (value / 1e6, "M") };
        let text = format!("{short:.2}");
        return format!("{} {letter}", text.trim_end_matches('0').trim_end_matches('.'));
    }
    if decimals > 0 {
        return format!("{value:.decimals$}");
    }
    let text = number(whole(value));
    if value < -0.5 { format!("-{text}") } else { text }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value.abs().round() as u64
}

fn count(n: usize) -> f64 {
    super::data::as_f64(n as u64).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        assert_eq!(names(&Axis::of([3.0, 38.0].into_iter(), Scale::Percent, Foot::Zero, 4)), ["0%", "10%", "20%", "30%", "40%"]);
        assert_eq!(names(&Axis::of([0.3, 0.74].into_iter(), Scale::Percent, Foot::Zero, 4)), ["0.0%", "0.2%", "0.4%", "0.6%", "0.8%"]);
        assert_eq!(names(&Axis::of([100.0].into_iter(), Scale::Percent, Foot::Zero, 5)), ["0%", "20%", "40%", "60%", "80%", "100%"]);
        assert_eq!(names(&Axis::of([13_902.0].into_iter(), Scale::Count, Foot::Zero, 3)), ["0", "5,000", "10,000", "15,000"]);
        assert_eq!(names(&Axis::of([2.0].into_iter(), Scale::Count, Foot::Zero, 2)), ["0", "1", "2"]);
    }

    #[test]
    fn lines_far_from_zero_are_seen_from_close() {
        let axis = Axis::of([96.2, 98.9].into_iter(), Scale::Percent, Foot::Close, 4);
        assert_eq!(names(&axis), ["96%", "97%", "98%", "99%"]);
        assert_eq!(Axis::of([96.2, 98.9].into_iter(), Scale::Percent, Foot::Zero, 4).low.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn nothing_breaks_an_axis() {
        for values in [vec![], vec![0.0], vec![5.0, 5.0], vec![-3.0, 4.0], vec![1e15], vec![1e-12], vec![-7.0]] {
            for scale in [Scale::Percent, Scale::Count, Scale::Logarithmic] {
                for foot in [Foot::Zero, Foot::Close] {
                    let axis = Axis::of(values.iter().copied(), scale, foot, 4);
                    assert!(axis.high > axis.low && !axis.ticks.is_empty() && axis.ticks.len() < 20, "{values:?} {scale:?} {axis:?}");
                    assert!(values.iter().all(|value| axis.at(*value).is_finite()));
                }
            }
        }
    }

    #[test]
    fn powers_of_ten_have_room_for_zero() {
        let axis = Axis::of([0.0, 3.0, 4_000.0].into_iter(), Scale::Logarithmic, Foot::Zero, 4);
        assert_eq!(names(&axis), ["0", "1", "10", "100", "1,000", "10,000"]);
        assert!(axis.at(0.0) < axis.at(1.0) && (axis.at(10.0) - axis.at(1.0) - (axis.at(100.0) - axis.at(10.0))).abs() < 1e-9);
    }
}

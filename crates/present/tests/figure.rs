//! Figures of tables made by hand: what is in the table is where it has to be in the picture, and nothing else is.

use analysis::Share;
use analysis::study::{Cell, Chart, Drawing, Scale, Series, Table, View};
use present::figure::{Frame, Ground, Size, figure};

const HOUR: i64 = 3600;
const START: i64 = 1_562_803_200;

fn chart(drawing: Drawing, scale: Scale, x: &'static str, by: Option<&'static str>) -> Chart {
    Chart {
        name: "chart",
        title: "A chart".to_owned(),
        table: "table",
        view: View::Ours,
        drawing,
        x,
        series: vec![Series::new("y", "")],
        by,
        scale,
        below: None,
    }
}

fn table(columns: &[&'static str], rows: Vec<Vec<Cell>>) -> Table {
    Table { rows, ..Table::new("table", View::Ours, "A table", columns) }
}

fn draw(chart: &Chart, table: &Table, size: Size) -> String {
    figure(chart, table, Frame { id: "f", size, ground: Ground::Page }).expect("something to draw").svg
}

/// All `d` of lines.
fn paths(svg: &str) -> Vec<Vec<Vec<(f64, f64)>>> {
    let drawn = svg.split("<g class=\"s\"").skip(1).flat_map(|group| group.split("</g>").next());
    let d = drawn.flat_map(|group| group.split(" d=\"").skip(1)).filter_map(|rest| rest.split('"').next());
    let point = |pair: &str| {
        let (x, y) = pair.trim_end_matches("h.01").split_once(' ').expect("x and y");
        (x.parse().expect("x"), y.parse().expect("y"))
    };
    d.map(|d| d.split('M').skip(1).map(|piece| piece.split('L').map(point).collect()).collect()).collect()
}

/// The places of the least and the largest of the axis' names, and they.
fn box_of(svg: &str) -> [f64; 4] {
    let plot = svg.split("&quot;box&quot;:[").nth(1).and_then(|rest| rest.split(']').next()).expect("a box");
    let numbers: Vec<f64> = plot.split(',').map(|number| number.parse().expect("a number")).collect();
    numbers.try_into().expect("four numbers")
}

#[test]
fn a_long_line_keeps_its_extremes_and_its_gaps() {
    let mut rows = Vec::new();
    for round in (0..14_000).filter(|round| !(5_000..5_500).contains(round)) {
        let share = match round {
            7_007 => Share::new(2, 100),
            9_009 => Share::new(100, 100),
            8_500..8_600 => Share::new(0, 0),
            _ => Share::new(60 + round % 7, 100),
        };
        rows.push(vec![Cell::Time(START + i64::try_from(round).unwrap() * HOUR), share.into()]);
    }
    let table = table(&["time", "y"], rows);
    let chart = chart(Drawing::Lines, Scale::Percent, "time", None);
    for size in [Size::Wide, Size::Narrow] {
        let svg = draw(&chart, &table, size);
        let [left, top, right, bottom] = box_of(&svg);
        let pieces = paths(&svg).remove(0);
        assert_eq!(pieces.len(), 3, "a missed day and shares of nothing break the line");
        let points: Vec<(f64, f64)> = pieces.concat();
        assert!(points.len() <= 4 * 950);
        let at = |percent: f64| bottom - (bottom - top) * percent / 100.0;
        let near = |x: f64, y: f64| points.iter().any(|point| (point.0 - x).abs() < 0.2 && (point.1 - y).abs() < 0.2);
        let across = |round: f64| left + (right - left) * round / 13_999.0;
        assert!(near(across(7_007.0), at(2.0)) && near(across(9_009.0), at(100.0)));
        let within = |from: f64, to: f64| points.iter().any(|point| point.0 > across(from) + 0.2 && point.0 < across(to) - 0.2);
        assert!(!within(4_999.0, 5_500.0) && !within(8_499.0, 8_600.0) && within(5_500.0, 5_600.0));
        let year = if size == Size::Wide { "Jan 2020" } else { "2020" };
        for tick in ["0%", "20%", "100%", year, "time (UTC)"] {
            assert!(svg.contains(&format!(">{tick}</text>")), "{tick}");
        }
    }
}

#[test]
fn foreign_words_stay_words() {
    let hostile = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}]]>";
    let rows = |cell: fn(u64) -> Cell| (0..3).map(|n| vec![Cell::from(hostile), Cell::Time(START + n * HOUR), cell(5)]).collect();
    let table = table(&["word", "time", "y"], rows(Cell::Count));
    for drawing in [Drawing::Lines, Drawing::Cumulative, Drawing::Bars, Drawing::Stacked, Drawing::Funnel] {
        for (x, by) in [("time", Some("word")), ("word", None)] {
            for ground in [Ground::Page, Ground::Paper] {
                let chart = chart(drawing, Scale::Count, x, by);
                let chart = Chart { title: hostile.to_owned(), ..chart };
                let svg = figure(&chart, &table, Frame { id: "f", size: Size::Narrow, ground }).unwrap().svg;
                assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains('\u{202e}'), "{svg}");
                assert!(svg.contains("&lt;script&gt;"), "{svg}");
                assert_eq!(svg, figure(&chart, &table, Frame { id: "f", size: Size::Narrow, ground }).unwrap().svg);
            }
        }
    }
}

#[test]
fn bars_are_as_long_as_their_values() {
    let rows = [("a", 1_000), ("b", 250), ("c", 0)].map(|(word, n)| vec![word.into(), Cell::Count(n)]).to_vec();
    let svg = draw(&chart(Drawing::Bars, Scale::Count, "x", None), &table(&["x", "y"], rows), Size::Wide);
    let widths: Vec<f64> =
        svg.split("<rect").skip(1).filter_map(|rest| rest.split(" width=\"").nth(1)?.split('"').next()?.parse().ok()).collect();
    assert_eq!(widths.len(), 3);
    assert!((widths[0] / widths[1] - 4.0).abs() < 0.01 && widths[2] < 1.0, "{widths:?}");
    assert!(svg.contains("a, y: 1,000</title>"));
}

#[test]
fn steps_end_at_the_whole_and_wide_ranges_are_logarithmic() {
    let days = [1_u64, 10, 100, 10_000];
    let rows = days.iter().enumerate().map(|(n, x)| vec![Cell::Count(*x), Share::new(n as u64 + 1, 4).into()]).collect();
    let svg = draw(&chart(Drawing::Cumulative, Scale::Percent, "days", None), &table(&["days", "y"], rows), Size::Wide);
    let [left, top, right, _] = box_of(&svg);
    let d = svg.split("<g class=\"s\"").nth(1).and_then(|rest| rest.split(" d=\"").nth(1)?.split('"').next()).unwrap();
    assert!(d.ends_with(&format!("V{top:.1}H{right:.1}")), "{d}");
    let quarter = (right - left) / 4.0;
    for power in 1..=2 {
        let x = left + quarter * f64::from(power);
        assert!(d.contains(&format!("H{x:.1}")), "{d}: {x}");
    }
    assert!(svg.contains(">days</text>") && svg.contains(">10,000</text>"));
}

#[test]
fn pieces_of_a_stack_stand_on_each_other() {
    let rows = (0..4_u64)
        .flat_map(|n| [("bad", 10 + n), ("good", 90 - n)].map(|(word, y)| (n, word, y)))
        .map(|(n, word, y)| vec![Cell::Time(START + i64::try_from(n).unwrap() * 24 * HOUR), word.into(), Share::new(y, 100).into()])
        .collect();
    let svg = draw(&chart(Drawing::Stacked, Scale::Percent, "time", Some("word")), &table(&["time", "word", "y"], rows), Size::Wide);
    let [_, top, _, bottom] = box_of(&svg);
    let foot = |part: usize| {
        let group = svg.split("<g class=\"s\"").nth(part + 1).unwrap();
        let d = group.split(" d=\"M").nth(1).unwrap();
        d.split(' ').nth(1).unwrap().split('V').next().unwrap().parse::<f64>().unwrap()
    };
    assert!((foot(0) - bottom).abs() < 0.1);
    assert!((foot(1) - (bottom - (bottom - top) * 0.1)).abs() < 0.2, "the second stands on the first's 10 percent");
}

#[test]
fn what_does_not_fit_is_said_and_what_is_empty_is_not_drawn() {
    let rows = (0..50_u64).map(|n| vec![Cell::Time(START), format!("tld{n}").into(), Share::new(1, 1 + n).into()]).collect();
    let table_of_many = table(&["time", "tld", "y"], rows);
    let chart_of_many = chart(Drawing::Lines, Scale::Percent, "time", Some("tld"));
    let drawn = figure(&chart_of_many, &table_of_many, Frame { id: "f", size: Size::Wide, ground: Ground::Page }).unwrap();
    assert_eq!(drawn.left_out, "12 of 50 are drawn, those that stand for most");
    assert!(drawn.svg.contains("tld49") && !drawn.svg.contains("tld3<"));
    for rows in [vec![], vec![vec![Cell::Nothing, Cell::Count(1)]], vec![vec![Cell::Time(START), Cell::Nothing]]] {
        let empty = table(&["time", "y"], rows);
        let chart = chart(Drawing::Lines, Scale::Count, "time", None);
        assert_eq!(figure(&chart, &empty, Frame { id: "f", size: Size::Wide, ground: Ground::Page }), None);
    }
    let strange = chart(Drawing::Lines, Scale::Count, "no-such-column", None);
    assert_eq!(figure(&strange, &table_of_many, Frame { id: "f", size: Size::Wide, ground: Ground::Page }), None);
}

#[test]
fn counts_below_have_a_panel_of_their_own() {
    let rows = (0..100_u64).map(|n| vec![Cell::Time(START + i64::try_from(n).unwrap() * HOUR), Share::new(1, 2).into(), Cell::Count(n)]);
    let table = table(&["time", "y", "n_servers"], rows.collect());
    let chart = Chart { below: Some("n_servers"), ..chart(Drawing::Lines, Scale::Percent, "time", None) };
    let svg = draw(&chart, &table, Size::Wide);
    let drawn = paths(&svg);
    let bottom = box_of(&svg)[3];
    assert!(drawn[0][0].iter().all(|point| point.1 <= bottom) && drawn[1][0].iter().all(|point| point.1 > bottom));
    assert!(svg.contains(">n servers</text>"));
}

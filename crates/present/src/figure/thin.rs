//! Long lines made short without hiding anything: of the points in one unit of width, first, lowest, highest and last.

/// Pieces of a line, between gaps, as positions. Never more than four points a unit of width.
pub(super) fn thin(pieces: Vec<Vec<(f64, f64)>>) -> Vec<Vec<(f64, f64)>> {
    pieces.into_iter().map(|piece| if piece.len() > 8 { one(&piece) } else { piece }).collect()
}

fn one(piece: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    for unit in piece.chunk_by(|a, b| a.0.floor().total_cmp(&b.0.floor()).is_eq()) {
        let by_height = |a: &usize, b: &usize| unit[*a].1.total_cmp(&unit[*b].1);
        let places = || 0..unit.len();
        let (Some(low), Some(high)) = (places().min_by(by_height), places().max_by(by_height)) else { continue };
        let mut kept = [0, low, high, unit.len() - 1];
        kept.sort_unstable();
        let mut last = None;
        for place in kept {
            if last != Some(place) {
                out.push(unit[place]);
            }
            last = Some(place);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thin;

    #[test]
    fn extremes_stay_and_points_go() {
        let mut line: Vec<(f64, f64)> = (0..14_000).map(|n| (f64::from(n) * 0.05, 50.0 + f64::from(n % 7))).collect();
        line[7_003].1 = 3.0;
        line[9_111].1 = 99.0;
        let (first, last) = (line[0], line[13_999]);
        let thinned = thin(vec![line.clone()]).remove(0);
        assert!(thinned.len() <= 4 * 701, "{}", thinned.len());
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), (first, last));
        assert!(thinned.contains(&line[7_003]) && thinned.contains(&line[9_111]));
        assert!(thinned.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn gaps_and_short_lines_stay() {
        let pieces = vec![vec![(1.0, 2.0)], vec![(5.0, 1.0), (5.1, 2.0)]];
        assert_eq!(thin(pieces.clone()), pieces);
    }
}

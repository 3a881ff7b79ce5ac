//! Fewer points where a chart has no room for all.

/// Leaves at most four points for each unit of width: the first, the lowest, the highest and the last, so that the line
/// looks the same and no peak is lost. Points are places, from left to right; the lowest and highest are kept in order.
pub fn decimate(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut kept = Vec::new();
    for column in points.chunk_by(|one, other| one[0].floor().total_cmp(&other[0].floor()).is_eq()) {
        let by_height = |one: &&[f64; 2], other: &&[f64; 2]| one[1].total_cmp(&other[1]);
        let extremes = [column.iter().min_by(by_height), column.iter().max_by(by_height)];
        for (index, point) in column.iter().enumerate() {
            let is_end = index == 0 || index + 1 == column.len();
            if is_end || extremes.iter().flatten().any(|extreme| std::ptr::eq(*extreme, point)) {
                kept.push(*point);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_stay_as_they_are() {
        let points = [[0.0, 1.0], [1.5, 7.0], [2.5, 3.0]];
        assert_eq!(decimate(&points), points);
        assert!(decimate(&[]).is_empty());
    }

    #[test]
    fn no_peak_is_lost() {
        let points: Vec<[f64; 2]> = (0..10_000).map(|at| [f64::from(at) / 100.0, f64::from(at * 7 % 101)]).collect();
        let mut spiked = points.clone();
        (spiked[5_033][1], spiked[5_044][1]) = (900.0, -900.0);
        let kept = decimate(&spiked);
        assert!(kept.len() <= 400);
        assert!(kept.contains(&spiked[5_033]) && kept.contains(&spiked[5_044]));
        assert_eq!((kept.first(), kept.last()), (spiked.first(), spiked.last()));
        assert!(kept.is_sorted_by(|one, other| one[0] <= other[0]));
    }
}

//! How far a ROC curve would move with other videos of the same kind.

use super::bootstrap::ci95;
use super::{Bootstrap, Error, Roc};
use crate::types::Label;

/// A place on the ROC curve with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// Share of the real ones that are called fake, 0..1.
    pub false_alarms: f64,
    /// Share of the fakes that are found.
    pub found: f64,
    /// The 95 % interval of `found` at these false alarms, (low, high).
    pub found_ci95: (f64, f64),
}

/// Places between 0 and 1 that are looked at: close together at both ends, where DET curves are stretched.
const PLACES: [f64; 29] = [
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7,
    0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0,
];

/// The curve with an interval at each of a number of places, from no false alarm to nothing but these; empty unless both
/// classes are there. Between vertices the curve is straight.
///
/// Draws the resamples from the seed of `bootstrap`. Fails when there is not one label per score or a score is NaN.
pub fn roc_band(labels: &[Label], scores: &[f64], bootstrap: &Bootstrap) -> Result<Vec<RocPoint>, Error> {
    let roc = Roc::new(labels, scores)?;
    if roc.real() == 0 || roc.fake() == 0 {
        return Ok(Vec::new());
    }
    let counts: Vec<(u64, u64)> = roc.levels().iter().map(|level| (level.real, level.fake)).collect();
    let own = found(&counts);
    let mut resampled = vec![Vec::with_capacity(bootstrap.resamples); PLACES.len()];
    bootstrap.resample(&roc, |counts| {
        resampled.iter_mut().zip(found(counts)).for_each(|(all, value)| all.push(value));
    });
    let point = |((false_alarms, found), values): ((f64, f64), &mut Vec<f64>)| RocPoint {
        false_alarms,
        found,
        found_ci95: ci95(values).unwrap_or((found, found)),
    };
    Ok(PLACES.into_iter().zip(own).zip(&mut resampled).map(point).collect())
}

/// The share of fakes that are found at each place. Counts (real, fake) come from the highest score to the lowest.
fn found(counts: &[(u64, u64)]) -> [f64; PLACES.len()] {
    let (real, fake) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    let vertex = |(wrong, right): (u64, u64)| (wrong as f64 / real as f64, right as f64 / fake as f64);
    let mut found = [1.0; PLACES.len()];
    let (mut called, mut place) = ((0, 0), 0);
    let mut before = (0.0, 0.0);
    for count in counts {
        called = (called.0 + count.0, called.1 + count.1);
        let now = vertex(called);
        // A place is passed as soon as there are more false alarms: an upright piece of the curve is climbed first.
        while place < PLACES.len() && now.0 > PLACES[place] {
            let part = (PLACES[place] - before.0) / (now.0 - before.0);
            found[place] = before.1 + part * (now.1 - before.1);
            place += 1;
        }
        before = now;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};

    fn at(points: &[RocPoint], place: f64) -> RocPoint {
        *points.iter().find(|point| point.false_alarms == place).unwrap()
    }

    #[test]
    fn the_curve_is_read_off_between_its_vertices() {
        // Vertices (0, 0.5), (0.5, 1), (1, 1).
        let points =
            roc_band(&[Fake, Real, Fake, Real], &[0.9, 0.5, 0.5, 0.1], &Bootstrap::default()).unwrap();
        let found: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|place| at(&points, place).found).to_vec();
        assert_eq!(found, [0.5, 0.75, 1.0, 1.0, 1.0]);
        assert!(roc_band(&[Fake], &[0.5], &Bootstrap::default()).unwrap().is_empty());
    }

    #[test]
    fn the_interval_holds_the_curve_and_narrows_with_more_videos() {
        let width = |count: usize| {
            let labels: Vec<Label> = (0..count).map(|i| if i % 2 == 0 { Real } else { Fake }).collect();
            let scores: Vec<f64> =
                (0..count).map(|i| (i * 7919 % count) as f64 / count as f64 + 0.3 * (i % 2) as f64).collect();
            let points = roc_band(&labels, &scores, &Bootstrap { resamples: 200, seed: 1 }).unwrap();
            for point in &points {
                let (low, high) = point.found_ci95;
                assert!(low <= point.found + 1e-9 && high >= point.found - 1e-9, "{point:?}");
            }
            let (low, high) = at(&points, 0.3).found_ci95;
            high - low
        };
        assert!(width(1000) < width(100));
    }
}

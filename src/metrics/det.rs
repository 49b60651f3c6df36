//! The DET curve: how many fakes are missed for how many false alarms, at every border.

use super::Roc;
use serde::Serialize;

/// One border of a DET curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetPoint {
    /// The border, at which a score counts as fake.
    pub score: f64,
    /// Share of the real ones that are called fake, 0..1.
    pub false_alarms: f64,
    /// Share of the fakes that are not, 0..1.
    pub missed: f64,
}

impl Roc {
    /// A point for every distinct score, from the highest to the lowest, as scikit-learn's `det_curve`; none unless both
    /// classes are there.
    pub fn det(&self) -> Vec<DetPoint> {
        let (real, fake) = (self.real(), self.fake());
        if real == 0 || fake == 0 {
            return Vec::new();
        }
        let (mut wrong, mut right) = (0, 0);
        let point = |level: &super::roc::Level| {
            wrong += level.real;
            right += level.fake;
            DetPoint {
                score: level.score,
                false_alarms: wrong as f64 / real as f64,
                missed: (fake - right) as f64 / fake as f64,
            }
        };
        self.levels().iter().map(point).collect()
    }

    /// At most `most` of these points, evenly spread, with both ends.
    pub fn det_of(&self, most: usize) -> Vec<DetPoint> {
        thinned(self.det(), most)
    }
}

/// At most `most` of these points, evenly spread, with both ends: what a drawing can show.
pub(super) fn thinned<T: Copy>(points: Vec<T>, most: usize) -> Vec<T> {
    if points.len() <= most || most < 2 {
        return points;
    }
    (0..most).map(|at| points[at * (points.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Label::{Fake, Real};

    #[test]
    fn missed_ones_fall_as_false_alarms_rise() {
        let roc = Roc::new(&[Real, Fake, Real, Fake], &[0.1, 0.4, 0.4, 0.8]).unwrap();
        let points: Vec<_> = roc.det().iter().map(|p| (p.score, p.false_alarms, p.missed)).collect();
        assert_eq!(points, [(0.8, 0.0, 0.5), (0.4, 0.5, 0.0), (0.1, 1.0, 0.0)]);
        assert!(Roc::new(&[Real], &[0.1]).unwrap().det().is_empty());
    }

    #[test]
    fn thinning_keeps_the_ends() {
        assert_eq!(thinned((0..1000).collect(), 4), [0, 333, 666, 999]);
        assert_eq!(thinned(vec![1, 2, 3], 4), [1, 2, 3]);
    }
}

//! The Tippett plot: how large likelihood ratios get, for fakes and for real ones.

use super::{Error, Roc};
use crate::types::Label;
use serde::Serialize;

/// One ratio of a Tippett plot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TippettPoint {
    /// The ratio's logarithm with base 10.
    pub log10_lr: f64,
    /// Share of the fakes with a ratio of at least this, 0..1.
    pub fake: f64,
    /// Share of the real ones with a ratio of at least this, 0..1.
    pub real: f64,
}

/// A point for every distinct ratio, from the largest to the smallest; none unless both classes are there.
///
/// Fails when there is not one label per ratio or one is NaN.
pub fn tippett(labels: &[Label], log10_lrs: &[f64]) -> Result<Vec<TippettPoint>, Error> {
    let points = Roc::new(labels, log10_lrs)?.det();
    let point = |point: &super::DetPoint| TippettPoint {
        log10_lr: point.score,
        fake: 1.0 - point.missed,
        real: point.false_alarms,
    };
    Ok(points.iter().map(point).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};

    #[test]
    fn shares_at_least_as_large_by_hand() {
        let points = tippett(&[Real, Fake, Fake, Real], &[-1.0, 2.0, -1.0, 0.5]).unwrap();
        let points: Vec<_> = points.iter().map(|p| (p.log10_lr, p.fake, p.real)).collect();
        assert_eq!(points, [(2.0, 0.5, 0.0), (0.5, 0.5, 0.5), (-1.0, 1.0, 1.0)]);
    }
}

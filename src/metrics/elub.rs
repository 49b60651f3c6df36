//! Empirical lower and upper bounds of likelihood ratios (ELUB): how far a calibration's size lets them go.
//!
//! A ratio of a thousand cannot be learned from thirty files. The bounds are where ratios stop being of more use than saying
//! nothing if one more real and one more fake sample had been as misleading as can be. Vergeer et al., "Numerical likelihood
//! ratios outputted by LR systems are often based on extrapolation: When to stop extrapolating?", Science and Justice 56
//! (2016). The numbers are those of the Python package `lir`.

use super::{Error, Roc};
use crate::types::Label;

/// The grid of thresholds, as a difference of logarithms with base 10.
const STEP: f64 = 0.01;
/// Beyond this, logarithms of ratios count as this.
const EXTREME: f64 = 9.0;

/// The bounds (lower, at most 0; upper, at least 0) for the logarithms with base 10 of likelihood ratios; `None` unless both
/// classes are there.
///
/// Fails when there is not one label per ratio or one is NaN.
pub fn elub(labels: &[Label], log10_lrs: &[f64]) -> Result<Option<(f64, f64)>, Error> {
    let lrs: Vec<f64> = log10_lrs.iter().map(|lr| lr.clamp(-EXTREME, EXTREME)).collect();
    let roc = Roc::new(labels, &lrs)?;
    if roc.real() == 0 || roc.fake() == 0 {
        return Ok(None);
    }
    let (real, fake) = (roc.real() as f64, roc.fake() as f64);
    let ends = roc.levels().last().zip(roc.levels().first());
    let (lowest, highest) = ends.map_or((0.0, 0.0), |(low, high)| (low.score, high.score));
    // No further than the number of samples allows at the very best.
    let first = floor_quotient(lowest.max(-(fake + 1.0).log10()), STEP).min(0.0);
    let last = (floor_quotient(highest.min((real + 1.0).log10()), STEP) + 1.0).max(0.0);
    let thresholds = evenly(first * STEP, last * STEP, (last - first) as usize + 1);

    let of_class = |of: Label| sorted(labels.iter().zip(&lrs).filter(|(label, _)| **label == of));
    let (reals, fakes) = (of_class(Label::Real), of_class(Label::Fake));
    let over = |sorted: &[f64], theta: f64| (sorted.len() - sorted.partition_point(|lr| *lr <= theta)) as f64;
    let useful = |threshold: f64| {
        let theta = 10_f64.powf(threshold);
        let neutral = theta.min(1.0);
        let system =
            1.0 - over(&fakes, theta) / (fake + 1.0) + theta * (over(&reals, theta) + 1.0) / (real + 1.0);
        neutral / system >= 1.0
    };
    let useless: Vec<f64> = thresholds.iter().copied().filter(|threshold| !useful(*threshold)).collect();
    let left = useless.iter().filter(|threshold| **threshold <= 0.0).map(|threshold| threshold + STEP);
    let right = useless.iter().filter(|threshold| **threshold >= 0.0).map(|threshold| threshold - STEP);
    let lower = left.fold(thresholds[0], f64::max);
    let upper = right.fold(thresholds[thresholds.len() - 1], f64::min);
    Ok(Some((lower.min(0.0), upper.max(0.0))))
}

/// The ratios of a class, rising.
fn sorted<'a>(samples: impl Iterator<Item = (&'a Label, &'a f64)>) -> Vec<f64> {
    let mut lrs: Vec<f64> = samples.map(|(_, lr)| 10_f64.powf(*lr)).collect();
    lrs.sort_by(f64::total_cmp);
    lrs
}

/// The whole number of times that `b` goes into `a`, as NumPy's `floor_divide`, which is free of the rounding of `a / b`.
fn floor_quotient(a: f64, b: f64) -> f64 {
    let rest = a % b;
    let beyond = if rest != 0.0 && (b < 0.0) != (rest < 0.0) { 1.0 } else { 0.0 };
    let quotient = (a - rest) / b - beyond;
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// `count` numbers from `first` to `last`, as NumPy's `linspace`.
fn evenly(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = if count > 1 { (last - first) / (count - 1) as f64 } else { 0.0 };
    let number = |at: usize| if at + 1 == count && count > 1 { last } else { at as f64 * step + first };
    (0..count).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};

    /// `count` real and as many fake samples that are told apart without an error.
    fn perfect(count: usize) -> (f64, f64) {
        let labels: Vec<Label> = (0..2 * count).map(|i| if i < count { Real } else { Fake }).collect();
        let lrs: Vec<f64> = labels.iter().map(|label| if label.is_fake() { 5.0 } else { -5.0 }).collect();
        elub(&labels, &lrs).unwrap().unwrap()
    }

    #[test]
    fn more_files_allow_larger_ratios_and_never_more_than_their_number() {
        let (few, many) = (perfect(10), perfect(1000));
        assert!(few.1 > 0.5 && few.1 <= 11_f64.log10() + STEP, "{few:?}");
        assert!(many.1 > few.1 + 1.0 && many.1 <= 1001_f64.log10() + STEP, "{many:?}");
        assert!((few.0 + few.1).abs() < 2.0 * STEP + 1e-9, "both classes are treated alike: {few:?}");
    }

    #[test]
    fn ratios_that_mislead_are_not_reported() {
        let labels = [Real, Real, Fake, Fake];
        assert_eq!(elub(&labels, &[2.0, 2.0, -2.0, -2.0]).unwrap(), Some((0.0, 0.0)));
        assert_eq!(elub(&labels[..2], &[2.0, 2.0]).unwrap(), None);
        let infinite = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY];
        assert!(elub(&labels, &infinite).unwrap().unwrap().1 < 1.0);
    }

    #[test]
    fn quotients_and_spaces_are_those_of_numpy() {
        assert_eq!((floor_quotient(1.0, 0.1), floor_quotient(-0.35, 0.1)), (9.0, -4.0));
        let space = evenly(-0.02, 0.01, 4);
        let apart = space.iter().zip([-0.02, -0.01, 0.0, 0.01]).map(|(a, b)| (a - b).abs());
        assert!(space.len() == 4 && apart.fold(0.0, f64::max) < 1e-15, "{space:?}");
        assert_eq!(evenly(0.0, 0.0, 1), [0.0]);
    }
}

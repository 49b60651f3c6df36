//! The cost of likelihood ratios, Cllr: how much they help whoever decides by them, in bits.
//!
//! 0 is perfect, 1 is what a detector costs that always answers 1, and more than 1 does harm. Brümmer and du Preez,
//! "Application-independent evaluation of speaker detection", Computer Speech and Language 20 (2006).

use super::pav::pool;
use super::{Error, Roc};
use crate::types::Label;
use std::f64::consts::{LN_2, LN_10};

/// The cost of likelihood ratios, given as logarithms with base 10, on labelled samples. Both classes weigh the same. `None`
/// unless both are there; infinite where a ratio of 0 or infinity is wrong.
///
/// Fails when there is not one label per ratio or one is NaN.
pub fn cllr(labels: &[Label], log10_lrs: &[f64]) -> Result<Option<f64>, Error> {
    let roc = Roc::new(labels, log10_lrs)?;
    let counts = roc.levels().iter().map(|level| (level.real, level.fake, costs(level.score)));
    Ok(mean_cost(counts))
}

/// The least cost that a rising map of these scores can have: what is lost because fakes and real ones overlap, and not
/// because the scale is wrong. `None` unless both classes are there.
///
/// Fails when there is not one label per score or a score is NaN.
pub fn cllr_min(labels: &[Label], scores: &[f64]) -> Result<Option<f64>, Error> {
    let roc = Roc::new(labels, scores)?;
    Ok(least_cost(roc.levels().iter().map(|level| (level.real, level.fake)).rev()))
}

/// What a ratio costs in bits where the sample is real, and where it is fake.
pub(super) fn costs(log10_lr: f64) -> (f64, f64) {
    let ln_lr = log10_lr * LN_10;
    // log2(1 + e^x), without overflow.
    let bits = |x: f64| if x > 0.0 { (x + (-x).exp().ln_1p()) / LN_2 } else { x.exp().ln_1p() / LN_2 };
    (bits(ln_lr), bits(-ln_lr))
}

/// The mean over both classes, from the counts (real, fake) of each distinct ratio with its costs.
pub(super) fn mean_cost(counts: impl Iterator<Item = (u64, u64, (f64, f64))>) -> Option<f64> {
    let (mut real, mut fake, mut of_real, mut of_fake) = (0, 0, 0.0, 0.0);
    for (real_here, fake_here, (if_real, if_fake)) in counts {
        real += real_here;
        fake += fake_here;
        // No sample, no cost: not even an infinite one.
        of_real += if real_here > 0 { real_here as f64 * if_real } else { 0.0 };
        of_fake += if fake_here > 0 { fake_here as f64 * if_fake } else { 0.0 };
    }
    (real > 0 && fake > 0).then(|| (of_real / real as f64 + of_fake / fake as f64) / 2.0)
}

/// [`cllr_min`] from the counts (real, fake) of distinct scores, from the lowest to the highest.
pub(super) fn least_cost(counts: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let blocks = pool(counts);
    let (real, fake) = blocks.iter().fold((0, 0), |sum, block| (sum.0 + block.real, sum.1 + block.fake));
    mean_cost(blocks.iter().map(|block| {
        let lr = (block.fake as f64 / fake as f64) / (block.real as f64 / real as f64);
        (block.real, block.fake, costs(lr.log10()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};
    use proptest::prelude::*;

    #[test]
    fn saying_nothing_costs_one_bit_and_being_right_little() {
        let labels = [Real, Real, Fake];
        assert_eq!(cllr(&labels, &[0.0; 3]).unwrap(), Some(1.0));
        let right = cllr(&labels, &[-3.0, -3.0, 3.0]).unwrap().unwrap();
        assert!((right - (1.001_f64).log2()).abs() < 1e-12, "{right}");
        assert!(cllr(&labels, &[2.0, 2.0, -2.0]).unwrap().unwrap() > 6.0);
        assert_eq!(cllr(&labels, &[0.0, f64::INFINITY, 0.0]).unwrap(), Some(f64::INFINITY));
        assert_eq!(cllr(&labels, &[f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY]).unwrap(), Some(0.0));
        assert_eq!(cllr(&labels[..2], &[0.0; 2]).unwrap(), None);
        assert!(cllr(&labels, &[0.0, f64::NAN, 0.0]).is_err());
    }

    #[test]
    fn the_least_cost_is_that_of_the_order() {
        assert_eq!(cllr_min(&[Real, Real, Fake], &[0.1, 0.2, 0.9]).unwrap(), Some(0.0));
        assert_eq!(cllr_min(&[Real, Fake], &[0.9, 0.1]).unwrap(), Some(1.0));
        assert_eq!(cllr_min(&[Real, Fake], &[0.5, 0.5]).unwrap(), Some(1.0));
    }

    proptest! {
        #[test]
        fn no_scale_costs_less_than_the_least(
            samples in proptest::collection::vec((any::<bool>(), -20..20_i8), 2..40),
            slope in 0.01..2.0f64, shift in -1.0..1.0f64,
        ) {
            let (labels, lrs): (Vec<Label>, Vec<f64>) = samples
                .iter()
                .map(|(fake, lr)| (if *fake { Fake } else { Real }, f64::from(*lr) * slope / 10.0 + shift))
                .unzip();
            let (cost, least) = (cllr(&labels, &lrs).unwrap(), cllr_min(&labels, &lrs).unwrap());
            prop_assert_eq!(cost.is_some(), least.is_some());
            if let (Some(cost), Some(least)) = (cost, least) {
                prop_assert!(least <= cost + 1e-12 && (0.0..=1.0 + 1e-12).contains(&least));
            }
        }
    }
}

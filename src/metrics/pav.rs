//! Isotonic calibration by pooling adjacent violators (PAV): the rising step curve that fits labelled scores best.
//!
//! Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD 2002. Both
//! classes weigh the same, whatever their numbers. On the samples that it was fitted on no other rising map of scores gives
//! better likelihood ratios, which is what makes it the yardstick of `Cllr_min`.

use super::{Error, Roc};
use crate::types::Label;
use serde::{Deserialize, Serialize};

/// Distinct scores in a row that share one likelihood ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// How many distinct scores.
    pub levels: usize,
    pub real: u64,
    pub fake: u64,
}

/// Pools the counts (real, fake) of distinct scores, from the lowest score to the highest, until the share of fakes rises
/// from block to block. In integers, so that what is equal is seen as equal.
pub(super) fn pool(counts: impl Iterator<Item = (u64, u64)>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (real, fake) in counts {
        let mut last = Block { levels: 1, real, fake };
        while let Some(before) = blocks.last() {
            let rises =
                (before.fake as u128) * (last.real as u128) < (last.fake as u128) * (before.real as u128);
            // A score that a resample never drew says nothing and goes with its neighbour.
            let empty = last.real + last.fake == 0 || before.real + before.fake == 0;
            if rises && !empty {
                break;
            }
            last.levels += before.levels;
            last.real += before.real;
            last.fake += before.fake;
            blocks.pop();
        }
        blocks.push(last);
    }
    blocks
}

/// A rising curve from scores to probabilities of a fake where both classes are equally frequent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pav {
    /// (score, probability) where the curve bends, scores rising; between two of them it is a straight line.
    points: Vec<(f64, f64)>,
}

impl Pav {
    /// Fits the curve. `None` unless both classes are there.
    ///
    /// Fails when there is not one label per score or a score is NaN.
    pub fn fit(labels: &[Label], scores: &[f64]) -> Result<Option<Self>, Error> {
        Ok(Self::of(&Roc::new(labels, scores)?))
    }

    pub(super) fn of(roc: &Roc) -> Option<Self> {
        let (all_real, all_fake) = (roc.real() as f64, roc.fake() as f64);
        if roc.real() == 0 || roc.fake() == 0 {
            return None;
        }
        let mut points = Vec::new();
        let mut levels = roc.levels().iter().rev();
        for block in pool(roc.levels().iter().rev().map(|level| (level.real, level.fake))) {
            let (real, fake) = (block.real as f64 / all_real, block.fake as f64 / all_fake);
            let probability = fake / (fake + real);
            let first = levels.next()?.score;
            points.push((first, probability));
            if block.levels > 1 {
                points.push((levels.nth(block.levels - 2)?.score, probability));
            }
        }
        Some(Pav { points })
    }

    /// The probability of a fake, 0..1. It never falls as the score rises; beyond the scores that were fitted it stays as at
    /// their ends.
    pub fn probability(&self, score: f64) -> f64 {
        let after = self.points.partition_point(|(x, _)| *x <= score);
        match (after.checked_sub(1).map(|before| self.points[before]), self.points.get(after)) {
            (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (score - x0) / (x1 - x0),
            (Some((_, y)), None) | (None, Some(&(_, y))) => y,
            (None, None) => 0.5,
        }
    }

    /// The logarithm (base 10) of the likelihood ratio; infinite where the fitted samples are of one class.
    pub fn log10_lr(&self, score: f64) -> f64 {
        let probability = self.probability(score);
        probability.log10() - (1.0 - probability).log10()
    }

    /// Whether a curve that was read from a file is one.
    pub(super) fn is_valid(&self) -> bool {
        let inside = |(x, y): &(f64, f64)| x.is_finite() && (0.0..=1.0).contains(y);
        !self.points.is_empty()
            && self.points.iter().all(inside)
            && self.points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};
    use proptest::prelude::*;

    #[test]
    fn neighbours_in_the_wrong_order_share_a_value() {
        let labels = [Real, Fake, Real, Fake, Fake];
        let pav = Pav::fit(&labels, &[0.1, 0.2, 0.3, 0.8, 0.9]).unwrap().unwrap();
        // In the middle one of three fakes and one of two real ones.
        let middle = (1.0 / 3.0) / (1.0 / 3.0 + 1.0 / 2.0);
        assert_eq!(pav.points, [(0.1, 0.0), (0.2, middle), (0.3, middle), (0.8, 1.0), (0.9, 1.0)]);
        assert_eq!(pav.probability(0.25), middle);
        assert!((pav.probability(0.15) - middle / 2.0).abs() < 1e-12);
        assert_eq!((pav.probability(0.0), pav.probability(2.0)), (0.0, 1.0));
        assert_eq!(pav.log10_lr(0.0), f64::NEG_INFINITY);
        assert!((pav.log10_lr(0.2) - (2.0_f64 / 3.0).log10()).abs() < 1e-12);
        assert!(pav.is_valid());
    }

    #[test]
    fn one_class_tells_nothing_and_a_falling_curve_is_none() {
        assert_eq!(Pav::fit(&[Real, Real], &[0.1, 0.2]).unwrap(), None);
        let read = |text: &str| serde_json::from_str::<Pav>(text).unwrap();
        assert!(!read("[[0.1,0.5],[0.2,0.4]]").is_valid() && !read("[[0.2,0.5],[0.2,0.6]]").is_valid());
        assert!(!read("[]").is_valid() && !read("[[0.2,1.5]]").is_valid());
    }

    proptest! {
        #[test]
        fn the_curve_never_falls_and_is_the_best_on_its_own_samples(
            samples in proptest::collection::vec((any::<bool>(), 0..12_u8), 2..40), steps in 1..9_u8,
        ) {
            let (labels, scores): (Vec<Label>, Vec<f64>) = samples
                .iter()
                .map(|(fake, score)| (if *fake { Fake } else { Real }, f64::from(*score) / 11.0))
                .unzip();
            if let Some(pav) = Pav::fit(&labels, &scores).unwrap() {
                let curve: Vec<f64> = (0..=40).map(|i| pav.probability(f64::from(i) / 40.0)).collect();
                prop_assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
                // Another rising map: steps of equal width.
                let fakes = labels.iter().filter(|label| label.is_fake()).count() as f64;
                let reals = labels.len() as f64 - fakes;
                let loss = |p: &dyn Fn(f64) -> f64| -> f64 {
                    labels.iter().zip(&scores).map(|(label, &score)| match label {
                        Fake => -p(score).ln() / fakes,
                        Real => -(1.0 - p(score)).ln() / reals,
                    }).sum()
                };
                let other = |score: f64| ((score * f64::from(steps)).floor() + 0.5) / (f64::from(steps) + 1.0);
                prop_assert!(loss(&|score| pav.probability(score)) <= loss(&other) + 1e-9);
            }
        }
    }
}

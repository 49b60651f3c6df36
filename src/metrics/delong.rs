//! DeLong's test: whether two detectors that scored the same videos differ in AUC by more than chance.
//!
//! DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic
//! curves: a nonparametric approach", Biometrics 1988. What a video adds to an AUC, its *placement*, is counted in halves, so
//! that a variance of nothing is exactly nothing and not the rounding of it.

use super::{Error, compare};
use crate::types::Label;
use serde::Serialize;

/// Half the width of a 95 % interval, in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// The placements of the scores of one detector.
#[derive(Clone, Debug)]
struct Placements {
    /// Of each fake: twice the number of real ones below it, ties counting half.
    fake: Vec<i64>,
    /// Of each real one: twice the number of fakes above it, ties counting half.
    real: Vec<i64>,
}

/// Detectors that scored the same labelled videos, ready to be tested against one another.
#[derive(Clone, Debug)]
pub struct DeLong {
    detectors: Vec<Placements>,
    real: usize,
    fake: usize,
}

/// What is known of the difference of two AUCs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DeLongTest {
    /// AUC of the second detector less that of the first.
    pub difference: f64,
    /// Variances of the two AUCs and their covariance, which is why videos are to be the same: (first, second, both).
    pub covariance: (f64, f64, f64),
    /// Standard error of the difference; 0 where every video adds the same to both AUCs, such as two perfect ones.
    pub standard_error: f64,
    /// The 95 % interval of the difference by the normal distribution, (low, high).
    pub ci95: (f64, f64),
    /// The difference in standard errors; 0 where both are 0, and `None` where only the standard error is: then no number of
    /// such videos tells how far the difference would move.
    pub z: Option<f64>,
    /// How often chance alone would bring about such a difference, in either direction; `None` where `z` is.
    pub p: Option<f64>,
}

impl DeLong {
    /// Ranks the scores of each detector, one list of scores per detector.
    ///
    /// Fails with [`Error::Lengths`] when there is not one label per score, with [`Error::NotANumber`] when a score is NaN.
    pub fn new(labels: &[Label], detectors: &[&[f64]]) -> Result<Self, Error> {
        let fake = labels.iter().filter(|label| label.is_fake()).count();
        let detectors =
            detectors.iter().map(|scores| Placements::of(labels, scores)).collect::<Result<_, _>>()?;
        Ok(DeLong { detectors, real: labels.len() - fake, fake })
    }

    /// Tests the second detector against the first, by their positions. `None` with fewer than two videos of a class, which
    /// tell nothing about how far an AUC moves.
    ///
    /// # Panics
    /// For positions of which there is no detector.
    pub fn test(&self, first: usize, second: usize) -> Option<DeLongTest> {
        if self.real < 2 || self.fake < 2 {
            return None;
        }
        let (a, b) = (&self.detectors[first], &self.detectors[second]);
        let apart = a.less(b);
        let standard_error = self.covariance(&apart, &apart).max(0.0).sqrt();
        let pairs = 2.0 * self.real as f64 * self.fake as f64;
        let difference = -(apart.fake.iter().sum::<i64>() as f64) / pairs;
        let z = match standard_error {
            0.0 if difference == 0.0 => Some(0.0),
            0.0 => None,
            error => Some(difference / error),
        };
        let half = NORMAL_95 * standard_error;
        Some(DeLongTest {
            difference,
            covariance: (self.covariance(a, a), self.covariance(b, b), self.covariance(a, b)),
            standard_error,
            ci95: (difference - half, difference + half),
            z,
            p: z.map(|z| libm::erfc(z.abs() / std::f64::consts::SQRT_2)),
        })
    }

    /// Of two AUCs.
    fn covariance(&self, a: &Placements, b: &Placements) -> f64 {
        // Placements become shares where they are divided by twice the number of the other class.
        let (real, fake) = (2.0 * self.real as f64, 2.0 * self.fake as f64);
        covariance(&a.fake, &b.fake) / (real * real) / self.fake as f64
            + covariance(&a.real, &b.real) / (fake * fake) / self.real as f64
    }
}

impl Placements {
    fn of(labels: &[Label], scores: &[f64]) -> Result<Self, Error> {
        if labels.len() != scores.len() {
            return Err(Error::Lengths { scores: scores.len(), what: "labels", others: labels.len() });
        }
        if let Some(index) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::NotANumber { index });
        }
        let class = |wanted: Label| -> Vec<f64> {
            labels
                .iter()
                .zip(scores)
                .filter(|(label, _)| **label == wanted)
                .map(|(_, score)| *score)
                .collect()
        };
        let (real, fake) = (class(Label::Real), class(Label::Fake));
        let sorted = |scores: &[f64]| {
            let mut sorted = scores.to_vec();
            sorted.sort_by(compare);
            sorted
        };
        let (real_sorted, fake_sorted) = (sorted(&real), sorted(&fake));
        // Those below count twice, those that are equal once.
        let below = |others: &[f64], score: f64| {
            others.partition_point(|other| *other < score) + others.partition_point(|other| *other <= score)
        };
        Ok(Placements {
            fake: fake.iter().map(|score| below(&real_sorted, *score) as i64).collect(),
            real: real
                .iter()
                .map(|score| (2 * fake_sorted.len() - below(&fake_sorted, *score)) as i64)
                .collect(),
        })
    }

    fn less(&self, other: &Placements) -> Placements {
        let less = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        Placements { fake: less(&self.fake, &other.fake), real: less(&self.real, &other.real) }
    }
}

/// Of two lists of at least two numbers, over one less than their number. Exact up to the last division.
fn covariance(a: &[i64], b: &[i64]) -> f64 {
    let sum = |list: &[i64]| list.iter().map(|value| i128::from(*value)).sum::<i128>();
    let products: i128 = a.iter().zip(b).map(|(a, b)| i128::from(*a) * i128::from(*b)).sum();
    let count = a.len() as i128;
    (count * products - sum(a) * sum(b)) as f64 / (count * (count - 1)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Roc;
    use Label::{Fake, Real};
    use proptest::prelude::*;

    /// The paper's definition: structural components from every pair, one by one.
    fn obvious(labels: &[Label], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let of = |wanted: Label| {
            labels.iter().zip(scores).filter(move |(label, _)| **label == wanted).map(|(_, score)| *score)
        };
        let kernel = |fake: f64, real: f64| match compare(&fake, &real) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        let (real, fake) = (of(Real).count() as f64, of(Fake).count() as f64);
        (
            of(Fake).map(|x| of(Real).map(|y| kernel(x, y)).sum::<f64>() / real).collect(),
            of(Real).map(|y| of(Fake).map(|x| kernel(x, y)).sum::<f64>() / fake).collect(),
        )
    }

    fn obvious_covariance(a: &[f64], b: &[f64]) -> f64 {
        let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
        let (of_a, of_b) = (mean(a), mean(b));
        a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b)).sum::<f64>() / (a.len() as f64 - 1.0)
    }

    #[test]
    fn four_videos_by_hand() {
        // Of the first, one of four pairs is in the wrong order; the second is perfect.
        let labels = [Real, Real, Fake, Fake];
        let (first, second) = ([0.1, 0.6, 0.5, 0.9], [0.1, 0.2, 0.8, 0.9]);
        let test = DeLong::new(&labels, &[&first, &second]).unwrap().test(0, 1).unwrap();
        assert_eq!(test.difference, 0.25);
        // Placements 1/2 and 1 of fakes, 1 and 1/2 of real ones: variances of 1/8, over two videos each.
        assert_eq!(test.covariance, (0.125, 0.0, 0.0));
        assert!((test.standard_error - 0.125_f64.sqrt()).abs() < 1e-15);
        assert!((test.z.unwrap() - 0.5_f64.sqrt()).abs() < 1e-15);
        assert!((test.p.unwrap() - 0.479_500_122_186_953_5).abs() < 1e-12);
        assert_eq!(test.ci95.0 + test.ci95.1, 0.5);
    }

    #[test]
    fn without_variance_there_is_a_test_only_of_no_difference() {
        let labels = [Real, Real, Fake, Fake];
        let (perfect, other, wrong) = ([0.1, 0.2, 0.8, 0.9], [0.3, 0.3, 0.4, 0.4], [0.8, 0.9, 0.1, 0.2]);
        let tests = DeLong::new(&labels, &[&perfect, &other, &wrong]).unwrap();
        let same = tests.test(0, 1).unwrap();
        assert_eq!((same.difference, same.standard_error, same.z, same.p), (0.0, 0.0, Some(0.0), Some(1.0)));
        let apart = tests.test(0, 2).unwrap();
        assert_eq!((apart.difference, apart.standard_error, apart.z, apart.p), (-1.0, 0.0, None, None));
    }

    #[test]
    fn one_of_a_class_says_nothing_about_chance() {
        let scores = [0.1, 0.2, 0.3];
        for labels in [[Real, Real, Real], [Fake, Fake, Fake], [Real, Real, Fake]] {
            assert_eq!(DeLong::new(&labels, &[&scores, &scores]).unwrap().test(0, 1), None);
        }
        let refused = DeLong::new(&[Real, Fake], &[&[0.1, 0.2], &[0.1, f64::NAN]]).unwrap_err();
        assert_eq!(refused, Error::NotANumber { index: 1 });
        assert!(DeLong::new(&[Real], &[&[]]).is_err());
    }

    proptest! {
        #[test]
        fn ranks_give_what_all_pairs_give(
            videos in proptest::collection::vec((any::<bool>(), 0..7_u8, 0..7_u8), 4..40),
        ) {
            let labels: Vec<Label> = videos.iter().map(|video| if video.0 { Fake } else { Real }).collect();
            let first: Vec<f64> = videos.iter().map(|video| f64::from(video.1) / 7.0).collect();
            let second: Vec<f64> = videos.iter().map(|video| f64::from(video.2) / 7.0).collect();
            let tests = DeLong::new(&labels, &[&first, &second]).unwrap();
            if let Some(test) = tests.test(0, 1) {
                let (a, b) = (obvious(&labels, &first), obvious(&labels, &second));
                let (fake, real) = (a.0.len() as f64, a.1.len() as f64);
                let of = |x: &(Vec<f64>, Vec<f64>), y: &(Vec<f64>, Vec<f64>)| {
                    obvious_covariance(&x.0, &y.0) / fake + obvious_covariance(&x.1, &y.1) / real
                };
                let expected = (of(&a, &a), of(&b, &b), of(&a, &b));
                let auc = |scores: &[f64]| Roc::new(&labels, scores).unwrap().auc().unwrap();
                prop_assert!((test.difference - (auc(&second) - auc(&first))).abs() < 1e-12);
                prop_assert!((test.covariance.0 - expected.0).abs() < 1e-12);
                prop_assert!((test.covariance.1 - expected.1).abs() < 1e-12);
                prop_assert!((test.covariance.2 - expected.2).abs() < 1e-12);
                let variance = expected.0 + expected.1 - 2.0 * expected.2;
                prop_assert!((test.standard_error.powi(2) - variance).abs() < 1e-12);
                let back = tests.test(1, 0).unwrap();
                prop_assert_eq!((back.difference, back.p), (-test.difference, test.p));
            } else {
                let fakes = labels.iter().filter(|label| label.is_fake()).count();
                prop_assert!(fakes < 2 || labels.len() - fakes < 2);
            }
        }
    }
}

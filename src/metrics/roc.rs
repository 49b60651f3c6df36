//! The ROC curve and the numbers read off it, as scikit-learn defines them.

use super::{Error, compare};
use crate::types::Label;

/// How many videos of each class share one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) score: f64,
    pub(super) real: u64,
    pub(super) fake: u64,
}

/// The ROC curve of labelled scores, with every distinct score as a vertex.
#[derive(Clone, Debug)]
pub struct Roc {
    /// From the highest score to the lowest.
    levels: Vec<Level>,
    real: u64,
    fake: u64,
}

/// Where the ROC curve meets the line on which both classes have the same error rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EqualErrorRate {
    /// The rate, 0 to 1, interpolated on the curve.
    pub rate: f64,
    /// The score among those given at which the two error rates differ least; of two equally good
    /// ones the higher.
    pub threshold: f64,
}

impl Roc {
    /// Sorts the scores once; everything else takes a walk over the distinct ones.
    ///
    /// Fails with [`Error::Lengths`] when there is not one label per score, with
    /// [`Error::NotANumber`] when a score is NaN.
    pub fn new(labels: &[Label], scores: &[f64]) -> Result<Self, Error> {
        if labels.len() != scores.len() {
            return Err(Error::Lengths { scores: scores.len(), what: "labels", others: labels.len() });
        }
        if let Some(index) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::NotANumber { index });
        }
        let mut samples: Vec<(f64, Label)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        samples.sort_by(|(a, _), (b, _)| compare(b, a));

        let mut roc = Roc { levels: Vec::new(), real: 0, fake: 0 };
        for (score, label) in samples {
            if roc.levels.last().is_none_or(|level| level.score != score) {
                roc.levels.push(Level { score, real: 0, fake: 0 });
            }
            let last = roc.levels.len() - 1;
            match label {
                Label::Real => {
                    roc.levels[last].real += 1;
                    roc.real += 1;
                }
                Label::Fake => {
                    roc.levels[last].fake += 1;
                    roc.fake += 1;
                }
            }
        }
        Ok(roc)
    }

    /// Number of real samples.
    pub fn real(&self) -> u64 {
        self.real
    }

    /// Number of fake samples.
    pub fn fake(&self) -> u64 {
        self.fake
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Area under the curve, 0 to 1: the probability that a fake scores higher than a real one, a
    /// tie counting half. `None` unless both classes are there. As `roc_auc_score`.
    pub fn auc(&self) -> Option<f64> {
        area(self.levels.iter().map(|level| (level.real, level.fake)))
    }

    /// Average precision, 0 to 1: precision at each distinct score, weighted by the recall gained
    /// there. `None` unless both classes are there. As `average_precision_score`.
    pub fn average_precision(&self) -> Option<f64> {
        if !self.has_both_classes() {
            return None;
        }
        let (mut called_fake, mut rightly, mut sum) = (0, 0, 0.0);
        for level in &self.levels {
            called_fake += level.real + level.fake;
            rightly += level.fake;
            sum += level.fake as f64 * rightly as f64 / called_fake as f64;
        }
        Some(sum / self.fake as f64)
    }

    /// Where real videos called fake are as frequent as fake ones called real. The vertices of the
    /// curve, none of them dropped, are joined by straight lines from (0, 0) to (1, 1). `None`
    /// unless both classes are there.
    pub fn equal_error_rate(&self) -> Option<EqualErrorRate> {
        if !self.has_both_classes() {
            return None;
        }
        let (real, fake) = (self.real as i64, self.fake as i64);
        // Rate of real called fake minus rate of fake called real, times real * fake: in integers
        // the crossing is found exactly. It rises from -real * fake to real * fake.
        let gap = |wrong: i64, right: i64| wrong * fake + right * real - real * fake;
        let (mut wrong, mut right) = (0, 0);
        let mut before = None;
        for level in &self.levels {
            let (next_wrong, next_right) = (wrong + level.real as i64, right + level.fake as i64);
            let (low, high) = (gap(wrong, right), gap(next_wrong, next_right));
            if high >= 0 {
                let part = -low as f64 / (high - low) as f64;
                let rate = (wrong as f64 + part * level.real as f64) / real as f64;
                // The start of the curve is no vertex that a score belongs to.
                let threshold = before.filter(|_| -low <= high).unwrap_or(level.score);
                return Some(EqualErrorRate { rate, threshold });
            }
            (wrong, right) = (next_wrong, next_right);
            before = Some(level.score);
        }
        None
    }

    /// Share of samples on their side of `threshold`, 0 to 1; at the threshold counts as fake.
    /// `None` without samples.
    pub fn accuracy(&self, threshold: f64) -> Option<f64> {
        let right = |level: &Level| if level.score >= threshold { level.fake } else { level.real };
        let right: u64 = self.levels.iter().map(right).sum();
        let all = self.real + self.fake;
        (all > 0).then(|| right as f64 / all as f64)
    }

    fn has_both_classes(&self) -> bool {
        self.real > 0 && self.fake > 0
    }
}

/// The AUC from the counts (real, fake) of each distinct score, from the highest to the lowest.
/// `None` unless both classes are there.
pub(super) fn area(levels: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    // Twice the number of (real, fake) pairs in the right order, so that ties stay integers.
    let (mut twice_right, mut real, mut fake) = (0_u64, 0_u64, 0_u64);
    for (real_here, fake_here) in levels {
        twice_right += real_here * (2 * fake + fake_here);
        real += real_here;
        fake += fake_here;
    }
    (real > 0 && fake > 0).then(|| twice_right as f64 / (2.0 * real as f64 * fake as f64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn roc(labels: &[Label], scores: &[f64]) -> Roc {
        Roc::new(labels, scores).unwrap()
    }

    /// Every pair of a real and a fake sample, looked at one by one.
    fn obvious_auc(labels: &[Label], scores: &[f64]) -> Option<f64> {
        let (mut right, mut pairs) = (0.0, 0);
        for (fake, _) in labels.iter().enumerate().filter(|(_, label)| label.is_fake()) {
            for (real, _) in labels.iter().enumerate().filter(|(_, label)| !label.is_fake()) {
                pairs += 1;
                right += match compare(&scores[fake], &scores[real]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        (pairs > 0).then(|| right / f64::from(pairs))
    }

    /// Precision and recall from scratch at every distinct threshold.
    fn obvious_average_precision(labels: &[Label], scores: &[f64]) -> f64 {
        let mut thresholds = scores.to_vec();
        thresholds.sort_by(|a, b| compare(b, a));
        thresholds.dedup();
        let fakes = labels.iter().filter(|label| label.is_fake()).count() as f64;
        let (mut sum, mut last_recall) = (0.0, 0.0);
        for threshold in thresholds {
            let called: Vec<_> = (0..scores.len()).filter(|&i| scores[i] >= threshold).collect();
            let right = called.iter().filter(|&&i| labels[i].is_fake()).count() as f64;
            sum += (right / fakes - last_recall) * right / called.len() as f64;
            last_recall = right / fakes;
        }
        sum
    }

    /// Labels and scores; few distinct scores, so that ties are common.
    fn samples() -> impl Strategy<Value = (Vec<Label>, Vec<f64>)> {
        let label = prop_oneof![Just(Label::Real), Just(Label::Fake)];
        proptest::collection::vec((label, (0..12_u8).prop_map(|s| f64::from(s) / 11.0)), 0..40)
            .prop_map(|samples| samples.into_iter().unzip())
    }

    #[test]
    fn agrees_with_the_reference() {
        for seed in ["seed1", "seed2"] {
            let vectors = crate::metrics::score::tests::vectors(seed);
            for case in vectors["metrics"].as_array().unwrap() {
                let labels: Vec<Label> = serde_json::from_value(case["labels"].clone()).unwrap();
                let scores: Vec<f64> = serde_json::from_value(case["scores"].clone()).unwrap();
                let roc = roc(&labels, &scores);
                for (name, value) in [
                    ("auc", roc.auc()),
                    ("average_precision", roc.average_precision()),
                    ("eer", roc.equal_error_rate().map(|eer| eer.rate)),
                ] {
                    // The reference is rounded to nine digits.
                    let difference = (value.unwrap() - case[name].as_f64().unwrap()).abs();
                    assert!(difference <= 5e-10, "{seed} {name}: {case}, found {value:?}");
                }
            }
        }
    }

    #[test]
    fn accuracy_and_threshold_by_hand() {
        use Label::{Fake, Real};
        let roc = roc(&[Real, Real, Fake, Fake], &[0.1, 0.6, 0.5, 0.8]);
        assert_eq!(roc.accuracy(0.5), Some(0.75));
        assert_eq!(roc.accuracy(0.55), Some(0.5));
        assert_eq!(roc.equal_error_rate(), Some(EqualErrorRate { rate: 0.5, threshold: 0.6 }));
    }

    #[test]
    fn one_class_or_none_is_undefined() {
        for labels in [vec![], vec![Label::Real; 3], vec![Label::Fake; 3]] {
            let scores = &[0.2, 0.4, 0.4][..labels.len()];
            let roc = roc(&labels, scores);
            assert_eq!((roc.auc(), roc.average_precision()), (None, None));
            assert_eq!(roc.equal_error_rate(), None);
            assert_eq!(roc.accuracy(0.5).is_some(), !labels.is_empty());
        }
    }

    #[test]
    fn refuses_nan_and_unequal_lengths() {
        let labels = [Label::Real, Label::Fake];
        assert_eq!(Roc::new(&labels, &[0.1, f64::NAN]).unwrap_err(), Error::NotANumber { index: 1 });
        let error = Roc::new(&labels, &[0.1]).unwrap_err().to_string();
        assert_eq!(error, "1 scores, but 2 labels");
    }

    proptest! {
        #[test]
        fn fast_and_obvious_agree((labels, scores) in samples()) {
            let roc = roc(&labels, &scores);
            match (roc.auc(), obvious_auc(&labels, &scores)) {
                (Some(fast), Some(obvious)) => {
                    prop_assert!((fast - obvious).abs() < 1e-12);
                    let precision = obvious_average_precision(&labels, &scores);
                    prop_assert!((roc.average_precision().unwrap() - precision).abs() < 1e-12);
                }
                (fast, obvious) => prop_assert_eq!(fast, obvious),
            }
        }

        #[test]
        fn a_monotone_map_changes_nothing((labels, scores) in samples()) {
            let mapped: Vec<f64> = scores.iter().map(|score| (3.0 * score).exp() - 7.0).collect();
            let (before, after) = (roc(&labels, &scores), roc(&labels, &mapped));
            prop_assert_eq!(before.auc(), after.auc());
            prop_assert_eq!(before.average_precision(), after.average_precision());
            let rate = |roc: &Roc| roc.equal_error_rate().map(|eer| eer.rate);
            prop_assert_eq!(rate(&before), rate(&after));
        }

        #[test]
        fn swapped_labels_mirror_the_auc((labels, scores) in samples()) {
            let swap = |label: &Label| if label.is_fake() { Label::Real } else { Label::Fake };
            let swapped: Vec<Label> = labels.iter().map(swap).collect();
            match (roc(&labels, &scores).auc(), roc(&swapped, &scores).auc()) {
                (Some(auc), Some(mirrored)) => prop_assert!((auc + mirrored - 1.0).abs() < 1e-12),
                (auc, mirrored) => prop_assert_eq!(auc, mirrored),
            }
        }

        #[test]
        fn the_equal_error_rate_is_a_rate_at_one_of_the_scores((labels, scores) in samples()) {
            let roc = roc(&labels, &scores);
            if let Some(eer) = roc.equal_error_rate() {
                prop_assert!((0.0..=1.0).contains(&eer.rate));
                prop_assert!(scores.contains(&eer.threshold));
            }
        }
    }
}

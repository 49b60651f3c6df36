//! Confidence intervals of the AUC: how far it would move with other videos of the same kind.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::roc::{Roc, area};

/// The part of the resamples below and above the interval together is 5 %.
const TAIL: f64 = 0.025;

/// A stratified bootstrap: each resample draws as many real and as many fake videos, with
/// replacement, as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of resamples, 2000 unless told otherwise.
    pub resamples: usize,
    /// Seed of the resampling. Equal seeds and scores give equal intervals, whatever the order of the videos.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 2000, seed: 0 }
    }
}

impl Bootstrap {
    /// The 95 % confidence interval of the AUC, (low, high): the percentiles 2.5 and 97.5 of the
    /// resamples, interpolated linearly. `None` unless both classes are there, and without
    /// resamples.
    ///
    /// Draws `real + fake` numbers per resample from a generator of its own, made from the seed.
    pub fn auc_ci95(&self, roc: &Roc) -> Option<(f64, f64)> {
        roc.auc()?;
        let mut aucs = Vec::with_capacity(self.resamples);
        self.resample(roc, |counts| aucs.extend(area(counts.iter().copied())));
        ci95(&mut aucs)
    }

    /// Draws the resamples and shows each to `look`: how often (real, fake) each distinct score was drawn, from the highest
    /// score to the lowest. Both classes must be there.
    pub(super) fn resample(&self, roc: &Roc, mut look: impl FnMut(&[(u64, u64)])) {
        // A resample only has to say how often each distinct score was drawn: the scores were
        // sorted once, and a metric is a walk over the counts.
        let real = members(roc.levels().iter().map(|level| level.real));
        let fake = members(roc.levels().iter().map(|level| level.fake));
        let mut counts = vec![(0_u64, 0_u64); roc.levels().len()];
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for _ in 0..self.resamples {
            counts.fill((0, 0));
            for _ in 0..real.len() {
                counts[real[rng.random_range(0..real.len())]].0 += 1;
            }
            for _ in 0..fake.len() {
                counts[fake[rng.random_range(0..fake.len())]].1 += 1;
            }
            look(&counts);
        }
    }

    /// The 95 % confidence interval of the mean of `values`, (low, high), as [`Bootstrap::auc_ci95`] finds that of an AUC.
    /// `None` without values or resamples.
    pub fn mean_ci95(&self, values: &[f64]) -> Option<(f64, f64)> {
        if values.is_empty() {
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = || values[rng.random_range(0..values.len())];
        let mut means: Vec<f64> = (0..self.resamples)
            .map(|_| (0..values.len()).map(|_| drawn()).sum::<f64>() / values.len() as f64)
            .collect();
        ci95(&mut means)
    }
}

/// For each sample of a class the position of its score among the distinct scores.
fn members(counts: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut members = Vec::new();
    for (level, count) in counts.enumerate() {
        members.extend((0..count).map(|_| level));
    }
    members
}

/// The percentiles 2.5 and 97.5 of what resamples gave, (low, high). `None` without values.
pub(super) fn ci95(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    Some((percentile(values, TAIL)?, percentile(values, 1.0 - TAIL)?))
}

/// The value below which the part `at` of the sorted values lies, as `numpy.percentile`.
fn percentile(sorted: &[f64], at: f64) -> Option<f64> {
    let position = at * (sorted.len().checked_sub(1)?) as f64;
    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    Some(low + (high - low) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Label;

    /// Real scores spread over 0 to 1, fake ones over 0.3 to 1.3.
    fn overlapping(count: usize) -> Roc {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (labels, scores): (Vec<Label>, Vec<f64>) = (0..count)
            .map(|i| {
                let score: f64 = rng.random();
                if i % 2 == 0 { (Label::Real, score) } else { (Label::Fake, score + 0.3) }
            })
            .unzip();
        Roc::new(&labels, &scores).unwrap()
    }

    #[test]
    fn holds_the_auc_and_narrows_with_more_videos() {
        let width = |count| {
            let roc = overlapping(count);
            let (low, high) = Bootstrap::default().auc_ci95(&roc).unwrap();
            let auc = roc.auc().unwrap();
            assert!(low < auc && auc < high, "{low} {auc} {high}");
            high - low
        };
        assert!(width(1000) < 0.5 * width(100));
    }

    #[test]
    fn agrees_with_the_formula_of_hanley_and_mcneil() {
        let roc = overlapping(400);
        let (low, high) = Bootstrap::default().auc_ci95(&roc).unwrap();
        let (auc, n) = (roc.auc().unwrap(), 200.0);
        let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
        let variance = (auc * (1.0 - auc) + (n - 1.0) * (q1 + q2 - 2.0 * auc * auc)) / (n * n);
        // The formula assumes another distribution of the scores; a fifth is what that makes.
        let expected = 2.0 * 1.96 * variance.sqrt();
        assert!(((high - low) / expected - 1.0).abs() < 0.2, "{} {expected}", high - low);
    }

    #[test]
    fn the_seed_decides() {
        let roc = overlapping(60);
        let interval = |seed| Bootstrap { seed, ..Bootstrap::default() }.auc_ci95(&roc);
        assert_eq!(interval(1), interval(1));
        assert_ne!(interval(1), interval(2));
    }

    #[test]
    fn perfect_and_undefined_scores() {
        let perfect = Roc::new(&[Label::Real, Label::Real, Label::Fake], &[0.1, 0.2, 0.9]).unwrap();
        assert_eq!(Bootstrap::default().auc_ci95(&perfect), Some((1.0, 1.0)));
        assert_eq!(Bootstrap { resamples: 0, seed: 0 }.auc_ci95(&perfect), None);
        let one_class = Roc::new(&[Label::Real], &[0.1]).unwrap();
        assert_eq!(Bootstrap::default().auc_ci95(&one_class), None);
    }

    #[test]
    fn percentiles_by_hand() {
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(percentile(&[5.0], 0.025), Some(5.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn thousands_of_videos_take_well_under_a_second() {
        let roc = overlapping(5000);
        let start = std::time::Instant::now();
        Bootstrap::default().auc_ci95(&roc).unwrap();
        // Generous, for a loaded machine and an unoptimised build.
        assert!(start.elapsed().as_secs_f64() < 5.0, "{:?}", start.elapsed());
    }
}

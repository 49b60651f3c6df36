//! The paired bootstrap: the same resampled videos for several detectors, so that what they share does not count.

use super::bootstrap::ci95;
use super::{Bootstrap, Error, Roc, compare};
use crate::metrics::roc::area;
use crate::types::Label;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The AUCs of several detectors over the same resamples of the videos.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedAucs {
    /// Of each detector, one per resample.
    aucs: Vec<Vec<f64>>,
}

/// One detector's place among its own distinct scores of each video.
struct Levels {
    of_video: Vec<usize>,
    counts: Vec<(u64, u64)>,
}

impl Levels {
    fn of(scores: &[f64]) -> Self {
        let mut distinct = scores.to_vec();
        distinct.sort_by(|a, b| compare(b, a));
        distinct.dedup();
        let level = |score: &f64| distinct.partition_point(|other| other > score);
        Levels { of_video: scores.iter().map(level).collect(), counts: vec![(0, 0); distinct.len()] }
    }
}

impl Bootstrap {
    /// Resamples the videos as [`Bootstrap::auc_ci95`] does, by class and with a generator made from the seed, and computes
    /// the AUC of each detector over each resample; one list of scores per detector. Equal seeds give equal numbers for
    /// videos in the same order. Without one of the classes there are no AUCs.
    ///
    /// Fails with [`Error::Lengths`] when there is not one label per score, with [`Error::NotANumber`] when a score is NaN.
    pub fn paired_aucs(&self, labels: &[Label], detectors: &[&[f64]]) -> Result<PairedAucs, Error> {
        for scores in detectors {
            // For its checks.
            Roc::new(labels, scores)?;
        }
        let class =
            |wanted: Label| -> Vec<usize> { (0..labels.len()).filter(|&at| labels[at] == wanted).collect() };
        let (real, fake) = (class(Label::Real), class(Label::Fake));
        let mut levels: Vec<Levels> = detectors.iter().map(|scores| Levels::of(scores)).collect();
        let mut aucs = vec![Vec::new(); detectors.len()];
        if real.is_empty() || fake.is_empty() {
            return Ok(PairedAucs { aucs });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for _ in 0..self.resamples {
            levels.iter_mut().for_each(|levels| levels.counts.fill((0, 0)));
            for _ in 0..real.len() {
                let video = real[rng.random_range(0..real.len())];
                levels.iter_mut().for_each(|levels| levels.counts[levels.of_video[video]].0 += 1);
            }
            for _ in 0..fake.len() {
                let video = fake[rng.random_range(0..fake.len())];
                levels.iter_mut().for_each(|levels| levels.counts[levels.of_video[video]].1 += 1);
            }
            for (aucs, levels) in aucs.iter_mut().zip(&levels) {
                aucs.extend(area(levels.counts.iter().copied()));
            }
        }
        Ok(PairedAucs { aucs })
    }
}

impl PairedAucs {
    /// The 95 % interval of the second detector's AUC less the first's, (low, high), by their positions. `None` unless both
    /// classes are there, and without resamples.
    ///
    /// # Panics
    /// For positions of which there is no detector.
    pub fn difference_ci95(&self, first: usize, second: usize) -> Option<(f64, f64)> {
        let mut differences: Vec<f64> =
            self.aucs[first].iter().zip(&self.aucs[second]).map(|(first, second)| second - first).collect();
        ci95(&mut differences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::DeLong;

    /// Labels, and scores of two detectors that see nearly the same.
    fn alike(count: usize, noise: f64) -> (Vec<Label>, Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut labels, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..count {
            let (label, shift) = if at % 2 == 0 { (Label::Real, 0.0) } else { (Label::Fake, 0.4) };
            let score: f64 = rng.random::<f64>() + shift;
            labels.push(label);
            first.push(score);
            second.push(score + noise * rng.random::<f64>());
        }
        (labels, first, second)
    }

    #[test]
    fn one_detectors_aucs_are_those_of_its_own_bootstrap() {
        let (labels, mut scores, _) = alike(60, 0.0);
        // In the order in which that one draws: from the highest score of each class.
        scores.sort_by(|a, b| b.total_cmp(a));
        let bootstrap = Bootstrap::default();
        let mut paired = bootstrap.paired_aucs(&labels, &[&scores]).unwrap();
        let roc = Roc::new(&labels, &scores).unwrap();
        assert_eq!(ci95(&mut paired.aucs[0]), bootstrap.auc_ci95(&roc));
    }

    #[test]
    fn what_detectors_share_does_not_widen_the_interval() {
        let (labels, first, second) = alike(200, 0.1);
        let paired = Bootstrap::default().paired_aucs(&labels, &[&first, &second]).unwrap();
        let (low, high) = paired.difference_ci95(0, 1).unwrap();
        let (own_low, own_high) = Bootstrap::default().auc_ci95(&Roc::new(&labels, &first).unwrap()).unwrap();
        assert!(high - low < 0.5 * (own_high - own_low), "{low} {high} {own_low} {own_high}");
        // DeLong's interval is the same to a tenth.
        let delong = DeLong::new(&labels, &[&first, &second]).unwrap().test(0, 1).unwrap().ci95;
        assert!(((high - low) / (delong.1 - delong.0) - 1.0).abs() < 0.1, "{low} {high} {delong:?}");
        let (back_low, back_high) = paired.difference_ci95(1, 0).unwrap();
        assert!((back_low + high).abs() < 1e-12 && (back_high + low).abs() < 1e-12, "{back_low} {back_high}");
        assert_eq!(paired.difference_ci95(0, 0), Some((0.0, 0.0)));
    }

    #[test]
    fn the_seed_decides_and_one_class_has_no_interval() {
        let (labels, first, second) = alike(40, 0.5);
        let interval = |seed| {
            let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
            bootstrap.paired_aucs(&labels, &[&first, &second]).unwrap().difference_ci95(0, 1)
        };
        assert_eq!(interval(1), interval(1));
        assert_ne!(interval(1), interval(2));
        let paired = Bootstrap::default().paired_aucs(&[Label::Real; 40], &[&first, &second]).unwrap();
        assert_eq!(paired.difference_ci95(0, 1), None);
        assert!(Bootstrap::default().paired_aucs(&labels, &[&first, &second[1..]]).is_err());
    }
}

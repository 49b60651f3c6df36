//! Sums over the steps of an epoch, from which its means are made when it ends.

use super::step::StepReport;
use std::collections::BTreeMap;

/// What the steps of an unfinished epoch have given so far: part of a run's state, so that an epoch that was
/// interrupted ends with the means of all its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpochSums {
    /// Sum of the objective over the first passes of the steps that moved weights.
    pub loss: f64,
    /// Sum of each of its terms over these passes, by name, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// Images that the first passes of these steps told rightly.
    pub right: usize,
    /// All images of these steps, real and fake together.
    pub images: usize,
    /// Steps left out because the gradient overflowed 16 bits.
    pub overflowed: usize,
    /// Training pairs that stand for a frame that gave none.
    pub replaced: usize,
}

/// Means over an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochMeans {
    /// Mean of the objective.
    pub loss: f64,
    /// Mean of each of its terms by name, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// Share of images that were told rightly, 0..=1.
    pub accuracy: f64,
}

impl EpochSums {
    /// Adds what a step found. One that was left out counts as such and gives nothing else.
    pub fn add(&mut self, report: &StepReport) {
        if report.overflowed {
            self.overflowed += 1;
            return;
        }
        self.loss += report.loss;
        self.right += report.right;
        self.images += report.images;
        for (name, value) in &report.terms {
            *self.terms.entry((*name).to_owned()).or_default() += value;
        }
    }

    /// Means over `steps` steps, those that were left out included in the number. Without any step that counts, 0.
    pub fn means(&self, steps: usize) -> EpochMeans {
        let counted = steps.saturating_sub(self.overflowed).max(1) as f64;
        EpochMeans {
            loss: self.loss / counted,
            terms: self.terms.iter().map(|(name, sum)| (name.clone(), sum / counted)).collect(),
            accuracy: self.right as f64 / self.images.max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(loss: f64, right: usize, overflowed: bool) -> StepReport {
        let terms = vec![("rf", loss / 2.0), ("rc", loss / 4.0)];
        StepReport { loss, terms, images: 8, right, gradient_norm: 1.0, overflowed, replaced: 0, stop: false }
    }

    #[test]
    fn means_are_over_the_steps_that_moved_weights() {
        let mut sums = EpochSums::default();
        assert_eq!((sums.means(0).loss, sums.means(0).accuracy), (0.0, 0.0));
        for report in [report(1.0, 4, false), report(f64::INFINITY, 8, true), report(3.0, 8, false)] {
            sums.add(&report);
        }
        assert_eq!(sums.overflowed, 1);
        let means = sums.means(3);
        assert_eq!((means.loss, means.accuracy), (2.0, 0.75));
        assert_eq!(means.terms, [("rc".to_owned(), 0.5), ("rf".to_owned(), 1.0)].into());
    }
}

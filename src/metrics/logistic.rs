//! Logistic calibration: likelihood ratios whose logarithm is a straight line over the log odds of the score.
//!
//! It has two numbers, so that a few dozen files are enough, and goes on beyond the scores that were seen, which is why it
//! needs bounds ([`elub`](super::elub())). Brümmer et al., "Fusion of Heterogeneous Speaker Recognition Systems", IEEE TASLP
//! 15 (2007). The fit is that of [`Calibration`]: both classes weigh the same, with Platt's targets.

use super::calibration::log_odds;
use super::{Calibration, Error};
use crate::types::Label;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;

/// A line from the log odds of a score to the logarithm of its likelihood ratio, both natural.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// How steep it is, above 0.
    pub slope: f64,
    /// Its value where the score is one half.
    pub shift: f64,
}

impl Logistic {
    /// The most likely line. `None` unless both classes are there and fakes tend to score higher.
    ///
    /// Fails when there is not one label per score or a score is NaN.
    pub fn fit(labels: &[Label], scores: &[f64]) -> Result<Option<Self>, Error> {
        Ok(Calibration::fit(labels, scores)?.map(Logistic::from))
    }

    /// The logarithm (base 10) of the likelihood ratio of a score, 0..1.
    pub fn log10_lr(&self, score: f64) -> f64 {
        (self.slope * log_odds(score) + self.shift) / LN_10
    }
}

impl From<Calibration> for Logistic {
    /// Where fakes are as frequent as real ones, the odds are the likelihood ratio.
    fn from(Calibration { threshold, temperature }: Calibration) -> Self {
        let slope = 1.0 / temperature;
        Logistic { slope, shift: -slope * log_odds(threshold) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn its_odds_are_those_of_the_calibration(
            threshold in 0.01..0.99f64, temperature in 0.2..5.0f64, score in 0.001..0.999f64,
        ) {
            let calibration = Calibration { threshold, temperature };
            let probability = calibration.probability(score);
            prop_assume!((1e-9..1.0 - 1e-9).contains(&probability));
            let expected = (probability / (1.0 - probability)).log10();
            let found = Logistic::from(calibration).log10_lr(score);
            prop_assert!((found - expected).abs() < 1e-6, "{} {}", found, expected);
        }
    }
}

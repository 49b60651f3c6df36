//! From a score to a probability that people can act on.
//!
//! A network's softmax is too sure of itself. Two numbers, fitted on images that training has not seen, correct that:
//! where the border lies, and how far from it a score must be. Platt, "Probabilistic outputs for support vector
//! machines", 1999; on temperature Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
//! <https://arxiv.org/abs/1706.04599>.

use super::Error;
use crate::types::Label;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keys in a weight file's metadata.
const THRESHOLD: &str = "threshold";
const TEMPERATURE: &str = "temperature";
/// Scores are kept this far from 0 and 1, where a logarithm ends.
const EDGE: f64 = 1e-7;
const STEPS: usize = 100;

/// What a forgery detector's scores mean: where the border lies and how steeply certainty grows away from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The score at which both classes are equally likely, above 0 and below 1.
    pub threshold: f64,
    /// What differences between log odds are divided by, above 0; more than 1 where scores are too sure.
    pub temperature: f64,
}

impl Calibration {
    /// The probability of a fake, 0..1, where fakes are as frequent as real ones. It rises with the score.
    pub fn probability(&self, score: f64) -> f64 {
        sigmoid((log_odds(score) - log_odds(self.threshold)) / self.temperature)
    }

    /// The most likely calibration, given scores with labels; both classes weigh the same.
    ///
    /// `None` unless both classes are there and fakes tend to score higher. Fails when there is not one label per
    /// score or a score is NaN.
    pub fn fit(labels: &[Label], scores: &[f64]) -> Result<Option<Self>, Error> {
        if labels.len() != scores.len() {
            return Err(Error::Lengths { scores: scores.len(), what: "labels", others: labels.len() });
        }
        if let Some(index) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::NotANumber { index });
        }
        let samples = samples(labels, scores);
        Ok(samples.and_then(|samples| most_likely(&samples)).map(|(slope, shift)| Calibration {
            threshold: sigmoid(-shift / slope).clamp(EDGE, 1.0 - EDGE),
            temperature: 1.0 / slope,
        }))
    }

    /// Reads a calibration from a weight file's metadata; `None` where there is none. A value that is not a valid number
    /// is an error, given as a sentence.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let number = |key: &str, most: f64| match metadata.get(key) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(value) if value > 0.0 && value < most => Ok(Some(value)),
                _ => Err(format!("{key} {text:?}, expected a number above 0 and below {most}")),
            },
        };
        let threshold = number(THRESHOLD, 1.0)?;
        let temperature = number(TEMPERATURE, f64::INFINITY)?.unwrap_or(1.0);
        Ok(threshold.map(|threshold| Calibration { threshold, temperature }))
    }

    /// The metadata entries (key, value) that [`Calibration::from_metadata`] reads.
    pub fn to_metadata(self) -> [(String, String); 2] {
        let entry = |key: &str, value: f64| (key.to_owned(), value.to_string());
        [entry(THRESHOLD, self.threshold), entry(TEMPERATURE, self.temperature)]
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn log_odds(score: f64) -> f64 {
    let score = score.clamp(EDGE, 1.0 - EDGE);
    (score / (1.0 - score)).ln()
}

/// A score's log odds, what the probability should be, and how much it counts.
struct Sample {
    x: f64,
    target: f64,
    weight: f64,
}

fn samples(labels: &[Label], scores: &[f64]) -> Option<Vec<Sample>> {
    let fakes = labels.iter().filter(|label| label.is_fake()).count() as f64;
    let reals = labels.len() as f64 - fakes;
    if fakes == 0.0 || reals == 0.0 {
        return None;
    }
    let sample = |(label, score): (&Label, &f64)| {
        // Platt's targets: with few samples no class is certain, so that the slope stays finite.
        let (target, count) = match label.is_fake() {
            true => ((fakes + 1.0) / (fakes + 2.0), fakes),
            false => (1.0 / (reals + 2.0), reals),
        };
        Sample { x: log_odds(*score), target, weight: 0.5 / count }
    };
    Some(labels.iter().zip(scores).map(sample).collect())
}

/// Slope and shift of the logistic curve with the least cross entropy, by Newton's method; the slope is positive.
fn most_likely(samples: &[Sample]) -> Option<(f64, f64)> {
    let loss = |slope: f64, shift: f64| -> f64 {
        let one = |s: &Sample| {
            let z = slope * s.x + shift;
            // ln(1 + e^z), without overflow.
            s.weight * (z.max(0.0) + (-z.abs()).exp().ln_1p() - s.target * z)
        };
        samples.iter().map(one).sum()
    };
    let (mut slope, mut shift) = (1.0, 0.0);
    let mut now = loss(slope, shift);
    for _ in 0..STEPS {
        // A little on the diagonal keeps the system solvable where all scores are equal.
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for Sample { x, target, weight } in samples {
            let p = sigmoid(slope * x + shift);
            let (error, curve) = (weight * (p - target), weight * p * (1.0 - p));
            g0 += error * x;
            g1 += error;
            h00 += curve * x * x;
            h01 += curve * x;
            h11 += curve;
        }
        let determinant = h00 * h11 - h01 * h01;
        let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        let mut length = 1.0;
        let found = loop {
            let next = (slope - length * d0, shift - length * d1);
            let value = loss(next.0, next.1);
            if value < now {
                break Some((next, value));
            }
            length /= 2.0;
            if length < 1e-10 {
                break None;
            }
        };
        let Some((next, value)) = found else { break };
        (slope, shift) = next;
        if now - value < 1e-14 {
            break;
        }
        now = value;
    }
    (slope > 1e-6 && slope.is_finite() && shift.is_finite()).then_some((slope, shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};
    use proptest::prelude::*;
    use rand::Rng;

    #[test]
    fn the_known_curve_is_found_again() {
        let truth = Calibration { threshold: 0.7, temperature: 2.5 };
        let mut rng = generator(1, 0, 0, Purpose::Sample);
        let scores: Vec<f64> =
            (0..20_000).map(|_| sigmoid(log_odds(0.7) + 8.0 * (rng.random::<f64>() - 0.5))).collect();
        let label = |score: &f64| match rng.random_bool(truth.probability(*score)) {
            true => Label::Fake,
            false => Label::Real,
        };
        let labels: Vec<Label> = scores.iter().map(label).collect();
        let found = Calibration::fit(&labels, &scores).unwrap().unwrap();
        assert!((found.threshold - 0.7).abs() < 0.02, "{found:?}");
        assert!((found.temperature - 2.5).abs() < 0.15, "{found:?}");
    }

    #[test]
    fn separated_scores_get_a_border_between_them_and_a_finite_slope() {
        let labels = [Label::Real, Label::Real, Label::Fake, Label::Fake];
        let found = Calibration::fit(&labels, &[0.0, 0.1, 0.8, 1.0]).unwrap().unwrap();
        assert!((0.1..0.8).contains(&found.threshold) && found.temperature > 0.1, "{found:?}");
    }

    #[test]
    fn what_tells_nothing_gives_none() {
        let (real, fake) = (Label::Real, Label::Fake);
        assert_eq!(Calibration::fit(&[real, real], &[0.1, 0.2]).unwrap(), None);
        assert_eq!(Calibration::fit(&[real, fake], &[0.9, 0.1]).unwrap(), None, "fakes score lower");
        assert_eq!(Calibration::fit(&[], &[]).unwrap(), None);
        assert!(Calibration::fit(&[real], &[]).is_err());
        assert!(Calibration::fit(&[real], &[f64::NAN]).is_err());
    }

    #[test]
    fn metadata_come_back_and_nonsense_is_refused() {
        let one = Calibration { threshold: 0.61, temperature: 1.75 };
        assert_eq!(Calibration::from_metadata(&BTreeMap::from(one.to_metadata())), Ok(Some(one)));
        assert_eq!(Calibration::from_metadata(&BTreeMap::new()), Ok(None));
        for (key, value) in [(THRESHOLD, "1"), (THRESHOLD, "NaN"), (TEMPERATURE, "0"), (TEMPERATURE, "inf")] {
            let metadata = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let refused = Calibration::from_metadata(&metadata).unwrap_err();
            assert!(refused.contains(key) && refused.contains("expected"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn probabilities_rise_with_the_score_and_are_half_at_the_threshold(
            threshold in 0.01..0.99f64, temperature in 0.1..10.0f64, a in 0.0..=1.0f64, b in 0.0..=1.0f64,
        ) {
            let calibration = Calibration { threshold, temperature };
            let (low, high) = (calibration.probability(a.min(b)), calibration.probability(a.max(b)));
            prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
            prop_assert!((calibration.probability(threshold) - 0.5).abs() < 1e-9);
        }
    }
}

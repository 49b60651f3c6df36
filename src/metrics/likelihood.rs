//! Likelihood ratios of scores: how much more likely a score is if the face is forged than if it is real.
//!
//! What a forensic report asks for, with the bounds within which the calibration's size allows to say it. They are fitted by
//! the stage *calibrate*, kept in the weight file's metadata, and told for every file that is scored.

use super::{Logistic, Pav};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key in a weight file's metadata; programs that do not know it pass it over.
pub const LIKELIHOOD_RATIOS: &str = "likelihood_ratios";

/// What likelihood ratios were fitted on, so that a reader can judge whether a file is of that kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedOn {
    /// The set's name.
    pub set: String,
    /// Number of real files with a face.
    pub real: usize,
    /// Number of fake ones.
    pub fake: usize,
    /// What was never torn apart when files were set aside to check the ratios: `person`, `source`, `original` or `file`.
    pub split_by: String,
    /// How many of these there are.
    pub groups: usize,
    /// Cost of the ratios, in bits, on files that were set aside; `None` where none could be.
    pub cllr: Option<f64>,
    /// The least cost that the order of the scores allows.
    pub cllr_min: Option<f64>,
    /// SHA-256 over the sorted SHA-256 sums of the files, each as 64 hex digits and a line end; `None` where the files were
    /// not read, as with packed faces.
    pub files_sha256: Option<String>,
    /// SHA-256 of the weight file whose scores they were.
    pub weights_sha256: Option<String>,
    /// The day, such as `2026-11-26`.
    pub date: String,
}

/// The map from scores to likelihood ratios of one forgery detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatios {
    /// The curve whose values are told.
    pub logistic: Logistic,
    /// Another curve through the same scores, told beside it: where both differ much, the line does not fit.
    pub pav: Pav,
    /// Logarithms with base 10 of the smallest (at most 0) and the largest ratio (at least 0) that may be told.
    pub log10_bounds: (f64, f64),
    /// What they were fitted on.
    pub fitted_on: FittedOn,
}

/// A score's likelihood ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatio {
    /// How many times as likely the score is if the face is forged as if it is real; below 1 where real is more likely.
    pub value: f64,
    /// Its logarithm with base 10.
    pub log10: f64,
    /// The smallest and the largest ratio that the calibration supports.
    pub bounds: (f64, f64),
    /// Whether the value is one of these, and the curve would go beyond.
    pub at_bound: bool,
    /// The ratio of the other curve (PAV), within the same bounds.
    pub pav: f64,
}

impl LikelihoodRatios {
    /// The ratio of a score, 0..1.
    pub fn of(&self, score: f64) -> LikelihoodRatio {
        let (low, high) = self.log10_bounds;
        let free = self.logistic.log10_lr(score);
        let log10 = free.clamp(low, high);
        let linear = |log10: f64| 10_f64.powf(log10);
        LikelihoodRatio {
            value: linear(log10),
            log10,
            bounds: (linear(low), linear(high)),
            at_bound: free <= low || free >= high,
            pav: linear(self.pav.log10_lr(score).clamp(low, high)),
        }
    }

    /// Reads them from a weight file's metadata; `None` where there are none. What is there and makes no sense is an error,
    /// given as a sentence.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let Some(text) = metadata.get(LIKELIHOOD_RATIOS) else { return Ok(None) };
        let ratios: LikelihoodRatios =
            serde_json::from_str(text).map_err(|error| format!("{LIKELIHOOD_RATIOS}: {error}"))?;
        let Logistic { slope, shift } = ratios.logistic;
        let (low, high) = ratios.log10_bounds;
        let bounded = low.is_finite() && high.is_finite() && low <= 0.0 && high >= 0.0;
        match slope > 0.0 && slope.is_finite() && shift.is_finite() && bounded && ratios.pav.is_valid() {
            true => Ok(Some(ratios)),
            false => Err(format!("{LIKELIHOOD_RATIOS}: expected rising curves and bounds around 0")),
        }
    }

    /// The metadata entry (key, value) that [`LikelihoodRatios::from_metadata`] reads.
    pub fn to_metadata(&self) -> (String, String) {
        let text = serde_json::to_string(self).expect("numbers that are finite, and names");
        (LIKELIHOOD_RATIOS.to_owned(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Label::{Fake, Real};

    fn ratios() -> LikelihoodRatios {
        let (labels, scores) = ([Real, Real, Fake, Fake], [0.1, 0.3, 0.2, 0.9]);
        LikelihoodRatios {
            logistic: Logistic { slope: 1.0, shift: 0.0 },
            pav: Pav::fit(&labels, &scores).unwrap().unwrap(),
            log10_bounds: (-0.5, 1.0),
            fitted_on: FittedOn {
                set: "mine".to_owned(),
                real: 2,
                fake: 2,
                split_by: "file".to_owned(),
                groups: 4,
                cllr: None,
                cllr_min: Some(0.7),
                files_sha256: None,
                weights_sha256: None,
                date: "2026-11-26".to_owned(),
            },
        }
    }

    #[test]
    fn ratios_are_odds_within_bounds() {
        let ratios = ratios();
        let middle = ratios.of(0.75);
        assert!((middle.value - 3.0).abs() < 1e-9 && !middle.at_bound, "{middle:?}");
        let high = ratios.of(0.999);
        assert_eq!((high.value, high.bounds.1, high.at_bound), (10.0, 10.0, true));
        assert_eq!(high.pav, 10.0, "an infinite ratio is bounded too");
        assert_eq!(ratios.of(0.0).log10, -0.5);
    }

    #[test]
    fn metadata_come_back_and_nonsense_is_refused() {
        let ratios = ratios();
        let metadata = BTreeMap::from([ratios.to_metadata()]);
        assert_eq!(LikelihoodRatios::from_metadata(&metadata), Ok(Some(ratios.clone())));
        assert_eq!(LikelihoodRatios::from_metadata(&BTreeMap::new()), Ok(None));
        let falling = LikelihoodRatios { logistic: Logistic { slope: -1.0, shift: 0.0 }, ..ratios.clone() };
        let beside = LikelihoodRatios { log10_bounds: (0.5, 1.0), ..ratios };
        for wrong in [falling, beside] {
            let refused = LikelihoodRatios::from_metadata(&BTreeMap::from([wrong.to_metadata()]));
            assert!(refused.unwrap_err().contains("expected"));
        }
        let text = BTreeMap::from([(LIKELIHOOD_RATIOS.to_owned(), "{}".to_owned())]);
        assert!(LikelihoodRatios::from_metadata(&text).unwrap_err().contains(LIKELIHOOD_RATIOS));
    }
}

//! How well scores tell fakes from real videos: numbers in, numbers out.
//!
//! A score is the probability of a fake, 0 to 1, though any number that is not NaN will do. A video
//! counts as fake at a threshold when its score is at least the threshold. What is undefined, such
//! as the AUC of one class, is `None`.

mod agreement;
mod bootstrap;
mod calibrated_range;
mod calibration;
mod cllr;
mod delong;
mod det;
mod elub;
mod error_rates;
mod holm;
mod likelihood;
mod logistic;
mod mcnemar;
mod measures;
mod paired;
mod pav;
mod reliability;
mod roc;
mod roc_band;
mod score;
mod summary;
#[cfg(test)]
mod tests;
mod tippett;

use std::cmp::Ordering;

pub use agreement::{kappa, rank_correlation};
pub use bootstrap::Bootstrap;
pub use calibrated_range::{CalibratedRange, FaceMeasures};
pub use calibration::Calibration;
pub use cllr::{cllr, cllr_min};
pub use delong::{DeLong, DeLongTest};
pub use det::DetPoint;
pub use elub::elub;
pub use holm::holm;
pub use likelihood::{FittedOn, LIKELIHOOD_RATIOS, LikelihoodRatio, LikelihoodRatios};
pub use logistic::Logistic;
pub use mcnemar::McNemar;
pub use measures::{AnsweredVideo, Curves, Measure, Measures, Scale, WorstKind};
pub use paired::PairedAucs;
pub use pav::Pav;
pub use reliability::{ReliabilityBin, reliability};
pub use roc::{EqualErrorRate, Roc};
pub use roc_band::{RocPoint, roc_band};
pub use score::{FrameScore, OverFrames, VideoScore, video_score, video_score_over};
pub use summary::{PairMetrics, ScoredVideo, VideoMetrics};
pub use tippett::{TippettPoint, tippett};

/// Numbers from which no metric can be computed. Indices count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A score is not a number.
    #[error("score {index} is not a number")]
    NotANumber {
        /// The score's position in the list, from 0.
        index: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("{scores} scores, but {others} {what}")]
    Lengths {
        /// Number of scores.
        scores: usize,
        /// What goes with each score.
        what: &'static str,
        /// How many of them there are.
        others: usize,
    },
}

/// Order of two scores that were checked not to be NaN; 0.0 and -0.0 are equal.
fn compare(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

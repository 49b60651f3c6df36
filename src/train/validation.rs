//! One look at the validation pairs.

use super::PairBatch;
use crate::metrics::{Bootstrap, Calibration, Roc};
use crate::model::execution::Trunk;
use crate::model::{ForgeryDetector, ForgeryNetwork};
use crate::ranks::{Ranks, RanksError};
use crate::types::Label;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// What validation found over all its pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Validation {
    /// Mean cross entropy of real and fake.
    pub loss: f64,
    /// Share of images told rightly at a score of 0.5.
    pub accuracy: f64,
    /// Area under the ROC curve over single images; `None` without images of both kinds.
    pub auc: Option<f64>,
    /// The 95 % interval of `auc`, by a bootstrap over images.
    pub auc_ci95: Option<(f64, f64)>,
    /// What the scores mean, fitted on these images.
    pub calibration: Option<Calibration>,
    /// How many pairs were scored.
    pub pairs: usize,
}

/// Collects scores of validation batches.
#[derive(Default)]
pub struct Validator {
    batches: Vec<Scored>,
}

/// What one batch gave. Floats travel as their bits, because JSON has no other numbers than finite ones.
#[derive(Serialize, Deserialize)]
struct Scored {
    /// The batch's number, by which batches are put in order.
    number: usize,
    /// Of reals, then of fakes.
    of: [OfLabel; 2],
}

#[derive(Serialize, Deserialize)]
struct OfLabel {
    /// Sum of the logarithms of the shares of the right answer.
    log_share: u64,
    /// Scores, one an image.
    scores: Vec<u64>,
}

impl OfLabel {
    fn new(log_share: f64, scores: &[f64]) -> Self {
        OfLabel {
            log_share: log_share.to_bits(),
            scores: scores.iter().map(|score| score.to_bits()).collect(),
        }
    }
}

/// The images of a batch with their labels.
fn labelled(batch: &PairBatch) -> [(&Tensor, Label); 2] {
    [(&batch.real, Label::Real), (&batch.fake, Label::Fake)]
}

impl Validator {
    /// Scores a batch with running statistics and nothing dropped.
    pub fn add<T: Trunk>(&mut self, forgery_detector: &ForgeryNetwork<T>, batch: &PairBatch) {
        let _no_grad = tch::no_grad_guard();
        let device = forgery_detector.device();
        let of = labelled(batch).map(|(images, label)| {
            let logits = forgery_detector.logits(&images.to_device(device)).to_kind(Kind::Double);
            let log_shares = logits.log_softmax(1, Kind::Double);
            let log_share = log_shares.select(1, label.class()).sum(Kind::Double).double_value(&[]);
            let fake = log_shares.select(1, Label::Fake.class()).exp().to_device(tch::Device::Cpu);
            let scores = Vec::<f64>::try_from(fake.contiguous()).expect("one number per image");
            OfLabel::new(log_share, &scores)
        });
        self.batches.push(Scored { number: batch.number, of });
    }

    /// Adds the scores of a batch by a finished detector, with all that its scores are made of.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn add_finished(
        &mut self,
        forgery_detector: &ForgeryDetector,
        batch: &PairBatch,
    ) -> Result<(), crate::model::Error> {
        if forgery_detector.views().is_plain() {
            self.add(forgery_detector.network(), batch);
            return Ok(());
        }
        let score = |(images, label): (&Tensor, Label)| -> Result<OfLabel, crate::model::Error> {
            let scores = forgery_detector.scores_of_images(images)?;
            let share = |score: f64| if label.is_fake() { score } else { 1.0 - score };
            let log_share = scores.iter().map(|&score| share(score).max(f64::MIN_POSITIVE).ln()).sum::<f64>();
            Ok(OfLabel::new(log_share, &scores))
        };
        let [real, fake] = labelled(batch).map(score);
        self.batches.push(Scored { number: batch.number, of: [real?, fake?] });
        Ok(())
    }

    /// Those of all processes together, in all of them: as if one had scored all batches.
    ///
    /// Fails when a process is lost.
    pub fn gathered(self, ranks: &Ranks) -> Result<Validator, RanksError> {
        if ranks.is_alone() {
            return Ok(self);
        }
        let own = serde_json::to_vec(&self.batches).expect("whole numbers");
        let all = ranks.gather(&own)?;
        let read = |bytes: &Vec<u8>| -> Vec<Scored> {
            serde_json::from_slice(bytes).expect("written by this very program")
        };
        let mut batches: Vec<Scored> = all.iter().flat_map(read).collect();
        batches.sort_by_key(|batch| batch.number);
        Ok(Validator { batches })
    }

    /// The result over all batches.
    pub fn finish(self) -> Validation {
        let (mut labels, mut scores, mut loss) = (Vec::new(), Vec::new(), 0.0);
        for Scored { of, .. } in self.batches {
            for (OfLabel { log_share, scores: of_label }, label) in of.iter().zip([Label::Real, Label::Fake])
            {
                loss -= f64::from_bits(*log_share);
                labels.extend(of_label.iter().map(|_| label));
                scores.extend(of_label.iter().map(|&score| f64::from_bits(score)));
            }
        }
        let is_right = |(score, label): &(&f64, &Label)| (**score >= 0.5) == label.is_fake();
        let right = scores.iter().zip(&labels).filter(is_right).count();
        let images = scores.len().max(1) as f64;
        let roc = Roc::new(&labels, &scores).ok();
        Validation {
            loss: loss / images,
            accuracy: right as f64 / images,
            auc: roc.as_ref().and_then(Roc::auc),
            auc_ci95: roc.as_ref().and_then(|roc| Bootstrap::default().auc_ci95(roc)),
            calibration: Calibration::fit(&labels, &scores).ok().flatten(),
            pairs: scores.len() / 2,
        }
    }
}

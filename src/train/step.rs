//! One step of training, and one look at the validation pairs.

use super::PairBatch;
use super::precision::{LossScale, Precision};
use super::sam::Sam;
use crate::metrics::{Bootstrap, Calibration, Roc};
use crate::model::ForgeryNetwork;
use crate::model::efficientnet::Mode;
use crate::model::execution::Trunk;
use crate::model::objective::{Losses, TrainingModel};
use crate::rng::{Purpose, generator};
use crate::types::Label;
use rand::RngCore;
use tch::{Kind, Tensor};

/// What a step found, before it moved the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The loss of the first pass.
    pub loss: f64,
    /// The objective's terms by name, unweighted.
    pub terms: Vec<(&'static str, f64)>,
    /// Images in the batch, real and fake together.
    pub images: usize,
    /// How many of them the first pass told rightly.
    pub right: usize,
    /// Length of the first pass's gradient.
    pub gradient_norm: f64,
    /// Whether a gradient overflowed because the loss was scaled too far: the step was left out.
    pub overflowed: bool,
}

impl StepReport {
    /// Whether loss and gradient are finite numbers, but for an overflow of the scale's making.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && (self.gradient_norm.is_finite() || self.overflowed)
    }
}

/// How and where in the run a step is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSetting {
    /// Learning rate.
    pub lr: f64,
    /// The run's seed.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The step within the epoch, counted from 0.
    pub step: u64,
    /// Number types of the passes.
    pub precision: Precision,
    /// What the loss is multiplied with, where that is needed.
    pub scale: LossScale,
}

/// What networks drop in a step is drawn from (seed, epoch, step), so that a resumed run drops the same.
fn seed_dropout(seed: u64, epoch: u64, step: u64) {
    tch::manual_seed(generator(seed, epoch, step, Purpose::Dropout).next_u64() as i64);
}

/// One step of training: both passes of SAM over a batch, then the weights move.
///
/// Where loss or gradient are not finite, in either pass, the weights stay as they were and the report says so.
pub fn train_step(
    model: &TrainingModel,
    sam: &mut Sam,
    batch: &PairBatch,
    setting: &StepSetting,
) -> StepReport {
    /// A scale below which no true gradient overflows.
    const LEAST_SCALE: f64 = 1.0;
    let StepSetting { lr, seed, epoch, step, precision, scale } = *setting;
    let overflow_is_harmless = precision.scales() && scale.scale >= LEAST_SCALE;
    let device = model.forgery_network().device();
    let pairs = model.pairs(batch.real.to_device(device), batch.fake.to_device(device));
    let pass = |sam: &mut Sam| {
        sam.zero_grad();
        let losses = precision.forward(|| model.losses(&pairs, Mode::Train));
        precision.backward(&losses.total, scale, sam);
        losses
    };
    seed_dropout(seed, epoch, 2 * step);
    let losses = pass(sam);
    let mut report = report_of(&losses, sam.gradient_norm());
    if !(report.loss.is_finite() && report.gradient_norm.is_finite()) {
        report.overflowed = overflow_is_harmless;
        return report;
    }
    sam.climb(report.gradient_norm);
    seed_dropout(seed, epoch, 2 * step + 1);
    pass(sam);
    let norm = sam.gradient_norm();
    if norm.is_finite() {
        sam.step(lr);
    } else {
        sam.return_from_climb();
        report.gradient_norm = norm;
        report.overflowed = overflow_is_harmless;
    }
    report
}

fn report_of(losses: &Losses, gradient_norm: f64) -> StepReport {
    let number = |t: &Tensor| t.detach().to_kind(Kind::Double).double_value(&[]);
    let images = losses.logits.size()[0];
    let told_fake = losses.logits.argmax(1, false);
    let half = images / 2;
    let fakes_found = told_fake.narrow(0, half, half).sum(Kind::Int64).int64_value(&[]);
    let false_alarms = told_fake.narrow(0, 0, half).sum(Kind::Int64).int64_value(&[]);
    StepReport {
        loss: number(&losses.total),
        terms: losses.terms.iter().map(|(name, term)| (*name, number(term))).collect(),
        images: images as usize,
        right: (half - false_alarms + fakes_found) as usize,
        gradient_norm,
        overflowed: false,
    }
}

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
    labels: Vec<Label>,
    scores: Vec<f64>,
    loss: f64,
    right: usize,
}

impl Validator {
    /// Scores a batch with running statistics and nothing dropped.
    pub fn add<T: Trunk>(&mut self, forgery_detector: &ForgeryNetwork<T>, batch: &PairBatch) {
        let _no_grad = tch::no_grad_guard();
        let device = forgery_detector.device();
        for (images, label) in [(&batch.real, Label::Real), (&batch.fake, Label::Fake)] {
            let logits = forgery_detector.logits(&images.to_device(device)).to_kind(Kind::Double);
            let log_shares = logits.log_softmax(1, Kind::Double);
            self.loss -= log_shares.select(1, label.class()).sum(Kind::Double).double_value(&[]);
            let fake = log_shares.select(1, Label::Fake.class()).exp().to_device(tch::Device::Cpu);
            let scores = Vec::<f64>::try_from(fake.contiguous()).expect("one number per image");
            self.right += scores.iter().filter(|&&score| (score >= 0.5) == label.is_fake()).count();
            self.labels.extend(scores.iter().map(|_| label));
            self.scores.extend(scores);
        }
    }

    /// The result over all batches.
    pub fn finish(self) -> Validation {
        let images = self.scores.len().max(1) as f64;
        let roc = Roc::new(&self.labels, &self.scores).ok();
        Validation {
            loss: self.loss / images,
            accuracy: self.right as f64 / images,
            auc: roc.as_ref().and_then(Roc::auc),
            auc_ci95: roc.as_ref().and_then(|roc| Bootstrap::default().auc_ci95(roc)),
            calibration: Calibration::fit(&self.labels, &self.scores).ok().flatten(),
            pairs: self.scores.len() / 2,
        }
    }
}

//! One step of training.

use super::PairBatch;
use super::among::Among;
use super::optimiser::Optimiser;
use super::precision::{LossScale, Precision};
use crate::model::efficientnet::Mode;
use crate::model::objective::{Losses, Pairs, TrainingModel};
use crate::ranks::{Ranks, RanksError};
use crate::rng::{Purpose, generator};
use rand::RngCore;
use tch::{Kind, Tensor};

/// What a step found, before it moved the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The loss of the first pass, the mean over the step's batches.
    pub loss: f64,
    /// The objective's terms by name, unweighted.
    pub terms: Vec<(&'static str, f64)>,
    /// Images in the batches, real and fake together.
    pub images: usize,
    /// How many of them the first pass told rightly.
    pub right: usize,
    /// Length of the first pass's gradient.
    pub gradient_norm: f64,
    /// Whether a gradient overflowed because the loss was scaled too far: the step was left out.
    pub overflowed: bool,
    /// Pairs that stand for a frame that gave none.
    pub replaced: usize,
    /// Whether any process was asked to stop before the step.
    pub stop: bool,
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
    /// Whether this process is asked to stop.
    pub stop: bool,
}

/// What networks drop in a pass is drawn from (seed, epoch, pass of the epoch), so that a resumed run drops the same.
fn seed_dropout(seed: u64, epoch: u64, pass: u64) {
    tch::manual_seed(generator(seed, epoch, pass, Purpose::Dropout).next_u64() as i64);
}

/// One step of training: a pass over the batches, or two where the optimiser climbs, then the weights move. With several
/// batches the gradients are the means of theirs; batch norms see each batch alone.
///
/// Where loss or gradient are not finite, in either pass, the weights stay as they were and the report says so.
///
/// # Panics
/// Without batches.
pub fn train_step(
    model: &TrainingModel,
    optimiser: &mut Optimiser,
    batches: &[PairBatch],
    setting: &StepSetting,
) -> StepReport {
    let alone = Ranks::alone();
    let among = &mut Among::nobody(&alone);
    train_step_among(among, model, optimiser, batches, setting).expect("there is nobody to lose")
}

/// The same among several processes, of which each has its part of every batch: as one process would make it of all of
/// them, up to the order of sums. All get the same report, and move their weights alike.
///
/// Fails when a process is lost.
///
/// # Panics
/// Without batches.
pub fn train_step_among(
    among: &mut Among,
    model: &TrainingModel,
    optimiser: &mut Optimiser,
    batches: &[PairBatch],
    setting: &StepSetting,
) -> Result<StepReport, RanksError> {
    /// A scale below which no true gradient overflows.
    const LEAST_SCALE: f64 = 1.0;
    let StepSetting { lr, precision, scale, .. } = *setting;
    let overflow_is_harmless = precision.scales() && scale.scale >= LEAST_SCALE;
    let device = model.forgery_network().device();
    let pairs = |batch: &PairBatch| {
        let masks = batch.masks.as_ref().map(|masks| masks.to_device(device));
        let pairs = model.pairs(batch.real.to_device(device), batch.fake.to_device(device), masks);
        pairs.shared(among.share(batch))
    };
    let replaced = batches.iter().map(|batch| batch.replaced).sum();
    let batches: Vec<Pairs> = batches.iter().map(pairs).collect();
    let reports = gradients(among, model, optimiser, &batches, 0, setting, report_of)?;
    let gradient_norm = optimiser.gradient_norm();
    let mut report = StepReport { gradient_norm, replaced, stop: setting.stop, ..mean_of(reports) };
    among.join(&mut report)?;
    if !(report.loss.is_finite() && report.gradient_norm.is_finite()) {
        report.overflowed = overflow_is_harmless;
        return Ok(report);
    }
    if optimiser.climb(report.gradient_norm) {
        gradients(among, model, optimiser, &batches, 1, setting, |_| ())?;
        let norm = optimiser.gradient_norm();
        if !norm.is_finite() {
            optimiser.return_from_climb();
            report.gradient_norm = norm;
            report.overflowed = overflow_is_harmless;
            return Ok(report);
        }
    }
    optimiser.step(lr);
    Ok(report)
}

/// Passes over all batches for the mean of their gradients; what `look` makes of the losses of each. `pass`: 0, or 1
/// uphill.
fn gradients<T>(
    among: &mut Among,
    model: &TrainingModel,
    optimiser: &mut Optimiser,
    batches: &[Pairs],
    pass: u64,
    setting: &StepSetting,
    look: impl Fn(&Losses) -> T,
) -> Result<Vec<T>, RanksError> {
    let StepSetting { seed, epoch, step, precision, scale, .. } = *setting;
    optimiser.zero_grad();
    let mut seen = Vec::with_capacity(batches.len());
    for (batch, number) in batches.iter().zip(step * batches.len() as u64..) {
        seed_dropout(seed, epoch, 2 * number + pass);
        let losses = precision.forward(|| model.losses(batch, Mode::Train));
        if seen.len() + 1 == batches.len() {
            among.begin_last_pass();
        }
        precision.backward(&losses.total, scale);
        seen.push(look(&losses));
    }
    among.sum_gradients()?;
    precision.average_gradients(batches.len(), scale, optimiser);
    Ok(seen)
}

/// What a step found over all its batches.
fn mean_of(reports: Vec<StepReport>) -> StepReport {
    let batches = reports.len() as f64;
    let sum = |mut sum: StepReport, report: StepReport| {
        sum.loss += report.loss;
        sum.terms.iter_mut().zip(report.terms).for_each(|(sum, term)| sum.1 += term.1);
        sum.images += report.images;
        sum.right += report.right;
        sum
    };
    let mut mean = reports.into_iter().reduce(sum).expect("a step has batches");
    mean.loss /= batches;
    mean.terms.iter_mut().for_each(|(_, term)| *term /= batches);
    mean
}

/// What the first pass over one batch tells; the gradient is not its alone.
fn report_of(losses: &Losses) -> StepReport {
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
        gradient_norm: 0.0,
        overflowed: false,
        replaced: 0,
        stop: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::efficientnet::Variant;
    use crate::model::{InputSpec, fill};
    use crate::train::config::Amp;
    use crate::train::optimiser::OptimiserSpec;
    use tch::Device;

    const SIDE: usize = 32;

    fn batch(name: &str) -> PairBatch {
        let images = |kind: &str| {
            let values = fill::input(&format!("{name} {kind}"), 1, 2 * 3 * SIDE * SIDE);
            Tensor::from_slice(&values).to_kind(Kind::Float).view([2, 3, SIDE as i64, SIDE as i64])
        };
        let (real, fake) = (images("real"), images("fake"));
        PairBatch { real, fake, masks: None, frames: Vec::new(), replaced: 0, number: 0, first: 0, whole: 2 }
    }

    /// What one step, of number `step`, reports and makes of fresh weights.
    fn after_step(spec: OptimiserSpec, batches: &[PairBatch], step: u64) -> (StepReport, Vec<Tensor>) {
        let lite0 = Variant::named("efficientnet-lite0").unwrap();
        let model = TrainingModel::new(lite0, None, InputSpec::default(), Device::Cpu).unwrap();
        fill::fill_variables(model.variables(), 1);
        let before: Vec<Tensor> = model.parameters().iter().map(|(_, t)| t.detach().copy()).collect();
        let mut optimiser = Optimiser::new(spec, model.parameters());
        let precision = Precision::new(Amp::Off, Device::Cpu);
        let setting = StepSetting {
            lr: 1.0,
            seed: 1,
            epoch: 0,
            step,
            precision,
            scale: LossScale::default(),
            stop: false,
        };
        let report = train_step(&model, &mut optimiser, batches, &setting);
        let moved = model.parameters().into_iter().zip(&before).map(|((_, t), before)| t.detach() - before);
        (report, moved.collect())
    }

    #[test]
    fn a_step_of_several_batches_follows_the_mean_of_their_gradients() {
        let sgd = OptimiserSpec::Sgd { momentum: 0.9 };
        let both = [batch("a"), batch("b")];
        let (report, moved) = after_step(sgd, &both, 0);
        let (first, by_first) = after_step(sgd, &both[..1], 0);
        // Dropping is drawn for the second batch as for that of a second step.
        let (second, by_second) = after_step(sgd, &both[1..], 1);
        assert_eq!(report.images, 8);
        assert_eq!(report.right, first.right + second.right);
        assert!((report.loss - (first.loss + second.loss) / 2.0).abs() < 1e-6);
        assert!(first.loss != second.loss);
        for ((moved, first), second) in moved.iter().zip(&by_first).zip(&by_second) {
            let expected = (first + second) / 2.0;
            let off = (moved - &expected).norm().double_value(&[]);
            assert!(off <= 1e-4 * expected.norm().double_value(&[]) + 1e-7, "{off}");
        }
    }

    #[test]
    fn only_sam_climbs() {
        let sam = OptimiserSpec::Sam { rho: 1.0, momentum: 0.9 };
        let sgd = OptimiserSpec::Sgd { momentum: 0.9 };
        let batch = [batch("a")];
        let ((uphill, by_sam), (plain, by_sgd)) = (after_step(sam, &batch, 0), after_step(sgd, &batch, 0));
        assert_eq!(uphill, plain, "first passes are the same");
        assert!(by_sam.iter().zip(&by_sgd).any(|(a, b)| a != b));
    }
}

//! What training moves from step to step: all that a run has to remember to go on.

use super::averages::Averages;
use super::config::{Config, OptimConfig, OptimMethod};
use super::epoch_sums::EpochSums;
use super::optimiser::{Optimiser, OptimiserSpec};
use super::precision::LossScale;
use super::step::StepReport;
use crate::model::objective::TrainingModel;
use crate::ranks::{Ranks, RanksError};
use tch::Tensor;

/// The state of a run between two steps. Saved and read back it goes on bit for bit as if nothing had happened.
pub struct TrainingState {
    /// The networks, the frozen face encoder among them.
    pub model: TrainingModel,
    /// The optimiser with its memory.
    pub optimiser: Optimiser,
    /// Moving averages of the weights, where the configuration asks for them.
    pub averages: Option<Averages>,
    /// Passes over a batch's worth of pairs that a step of the optimiser takes.
    pub passes_per_step: usize,
    /// How far the run has come.
    pub position: Position,
}

/// Where a run is: between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Position {
    /// Epochs completed.
    pub epoch: usize,
    /// Steps completed of the epoch after these.
    pub step: usize,
    /// Steps completed in all.
    pub steps: usize,
    /// What the loss is multiplied with where half precision needs it.
    pub scale: LossScale,
    /// Sums over the steps of the unfinished epoch.
    pub sums: EpochSums,
}

impl TrainingState {
    /// Before the first step, with the model's weights as they are.
    pub fn new(model: TrainingModel, config: &Config) -> Self {
        let optimiser = Optimiser::new(optimiser_spec(config), model.parameters());
        let averages = config.ema.map(|decay| Averages::new(decay, model.variables()));
        let passes_per_step = optimiser.spec().passes() * config.optim.accumulate;
        TrainingState { model, optimiser, averages, passes_per_step, position: Position::default() }
    }

    /// Takes over what a step has found.
    pub fn after_step(&mut self, report: &StepReport) {
        let Position { step, steps, scale, sums, .. } = &mut self.position;
        *step += 1;
        *steps += 1;
        *scale = scale.after(report.overflowed);
        sums.add(report);
        sums.replaced += report.replaced;
        if let Some(averages) = &mut self.averages {
            averages.update(*steps);
        }
    }

    /// Where each process's batch norms have statistics of their own: makes the running ones the means of all processes',
    /// those of averages too. Training does not use them; and as they are means themselves, it does not matter when.
    ///
    /// Fails when a process is lost.
    pub fn join_statistics(&mut self, ranks: &Ranks) -> Result<(), RanksError> {
        let _no_grad = tch::no_grad_guard();
        let averages = self.averages.iter().flat_map(Averages::values);
        let averages = averages.map(|(name, value)| (name.to_owned(), value.shallow_clone()));
        let mut weights: Vec<_> = self.model.variables().variables().into_iter().collect();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        let is_running = |name: &str| name.ends_with("running_mean") || name.ends_with("running_var");
        let mut running: Vec<Tensor> = weights
            .into_iter()
            .chain(averages)
            .filter(|(name, _)| is_running(name))
            .map(|(_, value)| value)
            .collect();
        let all = Tensor::cat(&running.iter().map(|value| value.flatten(0, -1)).collect::<Vec<_>>(), 0);
        ranks.sum_tensor(&all)?;
        let mut at = 0;
        for value in &mut running {
            let number = value.numel() as i64;
            value.copy_(&(all.narrow(0, at, number).view_as(value) / ranks.size() as f64));
            at += number;
        }
        Ok(())
    }

    /// After the last step of an epoch: the position before the first one of the next.
    pub fn after_epoch(&mut self) {
        let Position { epoch, steps, scale, .. } = self.position;
        self.position = Position { epoch: epoch + 1, steps, scale, ..Position::default() };
    }

    /// What `compute` gives while the averages, where there are any, stand in for the weights. They are not there
    /// themselves meanwhile: what is saved then is weights to score with, not a state to go on from.
    pub fn with_averages<T>(&mut self, compute: impl FnOnce(&Self) -> T) -> T {
        match self.averages.take() {
            None => compute(self),
            Some(mut averages) => {
                let result = averages.while_used(|| compute(self));
                self.averages = Some(averages);
                result
            }
        }
    }
}

fn optimiser_spec(config: &Config) -> OptimiserSpec {
    let OptimConfig { method, momentum, rho, weight_decay, .. } = config.optim;
    match method {
        OptimMethod::Sam => OptimiserSpec::Sam { rho, momentum },
        OptimMethod::Sgd => OptimiserSpec::Sgd { momentum },
        OptimMethod::AdamW => OptimiserSpec::AdamW { weight_decay },
    }
}

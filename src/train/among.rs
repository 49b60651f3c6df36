//! A step among several processes: what each has of it, and what they make together.

use super::PairBatch;
use super::config::Config;
use super::step::StepReport;
use crate::model::objective::TrainingModel;
use crate::native::process_group::GradientSums;
use crate::ranks::{Ranks, RanksError, Share};
use std::collections::BTreeMap;
use tch::Tensor;

/// The processes of a run, as its steps need them.
pub struct Among<'a> {
    ranks: &'a Ranks,
    gradients: Option<GradientSums>,
    sync_batch_norm: bool,
}

impl<'a> Among<'a> {
    /// For the steps of this model.
    ///
    /// Fails when memory runs out: a copy of all gradients is kept.
    pub fn new(ranks: &'a Ranks, model: &TrainingModel, config: &Config) -> Result<Self, RanksError> {
        let gradients = ranks.gradient_sums(&as_reached(model), config.optim.wire)?;
        Ok(Among { ranks, gradients, sync_batch_norm: config.data.sync_batch_norm })
    }

    /// One process alone.
    pub fn nobody(ranks: &'a Ranks) -> Self {
        assert!(ranks.is_alone());
        Among { ranks, gradients: None, sync_batch_norm: true }
    }

    /// The processes.
    pub fn ranks(&self) -> &'a Ranks {
        self.ranks
    }

    /// What this process has of a batch; `None` where it has all.
    pub fn share(&self, batch: &PairBatch) -> Option<Share> {
        let own = batch.real.size()[0] as usize;
        self.ranks.share([batch.first, own, batch.whole], self.sync_batch_norm)
    }

    /// The next backward pass is the last of a sum of gradients.
    pub fn begin_last_pass(&mut self) {
        if let Some(gradients) = &mut self.gradients {
            gradients.begin();
        }
    }

    /// After that pass: gradients become the sums of all processes'.
    ///
    /// Fails when a process is lost.
    pub fn sum_gradients(&mut self) -> Result<(), RanksError> {
        match &mut self.gradients {
            Some(gradients) => gradients.finish().map_err(|error| self.ranks.broken(&error)),
            None => Ok(()),
        }
    }

    /// Makes of what this process's part of a step has given what the whole step has. Its gradient's length is rank 0's: on
    /// machines of different kinds it might differ in its last digits, and with it the weights.
    ///
    /// Fails when a process is lost.
    pub fn join(&self, report: &mut StepReport) -> Result<(), RanksError> {
        if self.ranks.is_alone() {
            return Ok(());
        }
        let flag = |flag: bool| f64::from(u8::from(flag));
        let norm = if self.ranks.is_first() { report.gradient_norm } else { 0.0 };
        let StepReport { loss, images, right, replaced, stop, .. } = *report;
        let counts = [images, right, replaced].map(|count| count as f64);
        let mut sums = vec![loss, norm, flag(stop), counts[0], counts[1], counts[2]];
        sums.extend(report.terms.iter().map(|(_, term)| *term));
        self.ranks.sum(&mut sums)?;
        report.loss = sums[0];
        report.gradient_norm = sums[1];
        report.stop = sums[2] > 0.0;
        [report.images, report.right, report.replaced] = [sums[3], sums[4], sums[5]].map(|sum| sum as usize);
        report.terms.iter_mut().zip(&sums[6..]).for_each(|((_, term), sum)| *term = *sum);
        Ok(())
    }
}

/// A model's parameters about in the order in which a backward pass reaches them: that of its modules, from behind.
fn as_reached(model: &TrainingModel) -> Vec<Tensor> {
    let mut left: BTreeMap<String, Tensor> = model.parameters().into_iter().collect();
    let order = model.module_order();
    let mut reached: Vec<Tensor> = order.iter().rev().filter_map(|name| left.remove(name)).collect();
    reached.extend(left.into_values());
    reached
}

//! What is kept of an epoch: its numbers, its checkpoint, the state to go on from.

use super::epochs::EpochTiming;
use super::start::Run;
use crate::metrics::Calibration;
use crate::timings::stage;
use crate::train::best_list::Decision;
use crate::train::config::Config;
use crate::train::curves::write_curves;
use crate::train::epoch_log::EpochMetrics;
use crate::train::report::{SoFar, Standing};
use crate::train::saved;
use crate::train::state::Position;
use crate::train::validation::Validation;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Run<'_> {
    /// Saves the state to go on from in the middle of an epoch: nobody has validated these weights.
    pub fn save(&self) -> Result<()> {
        let _stage = stage!("saving");
        if !self.among.ranks().is_first() {
            return Ok(());
        }
        Ok(saved::write(&self.folder.last(), &self.state, self.next_lr(), &BTreeMap::new())?)
    }

    /// Ends an epoch: log, checkpoints and the new position, in an order that survives a kill between any two. Of several
    /// processes the first one writes all files.
    pub fn keep_epoch(&mut self, validation: Option<Validation>, timing: &EpochTiming) -> Result<()> {
        let lr = self.last_lr();
        let metrics = self.metrics(lr, validation, timing);
        let epoch = metrics.epoch;
        let writes = self.among.ranks().is_first();
        self.log.append(metrics.clone())?;
        if let Some(events) = &mut self.events {
            events.scalars(epoch, SystemTime::now(), &metrics.scalars())?;
        }
        if writes {
            write_curves(&self.folder, self.log.epochs())?;
        }

        self.state.after_epoch();
        let told = validation_metadata(&metrics, self.config);
        let Decision { save, delete } =
            metrics.val_auc.map(|auc| self.best.enter(epoch, auc)).unwrap_or_default();
        if !writes {
            return Ok(());
        }
        if let Some(kept) = save {
            let path = self.folder.weights().join(kept.file_name());
            self.state.with_averages(|state| saved::write(&path, state, lr, &told))?;
        }
        // Where averages were validated, these weights themselves were not.
        let told = if self.state.averages.is_some() { BTreeMap::new() } else { told };
        saved::write(&self.folder.last(), &self.state, self.next_lr(), &told)?;
        if let Some(kept) = delete {
            let path = self.folder.weights().join(kept.file_name());
            std::fs::remove_file(&path).map_err(|cause| Error::Output { path, cause })?;
        }
        self.progress.note(&metrics.line());
        self.tell(Standing::Running);
        Ok(())
    }

    /// Writes the run's page anew, where one is wanted.
    pub fn tell(&mut self, standing: Standing) {
        if let Some(page) = &mut self.page {
            let so_far = SoFar { standing, epochs: self.log.epochs(), kept: self.best.kept() };
            page.refresh(so_far, self.progress);
        }
    }

    /// The learning rate of the last step, after an epoch's steps.
    fn last_lr(&self) -> f64 {
        let Position { epoch, step, .. } = self.state.position;
        self.config.learning_rate(epoch, step.saturating_sub(1), self.steps_per_epoch())
    }

    fn metrics(&self, lr: f64, validation: Option<Validation>, timing: &EpochTiming) -> EpochMetrics {
        let position = &self.state.position;
        let means = position.sums.means(position.step);
        let seconds = timing.training.as_secs_f64();
        EpochMetrics {
            epoch: position.epoch + 1,
            epochs: self.config.epoch,
            lr,
            train_loss: means.loss,
            train_acc: means.accuracy,
            losses: means.terms,
            val_loss: validation.map(|v| v.loss),
            val_acc: validation.map(|v| v.accuracy),
            val_auc: validation.and_then(|v| v.auc),
            val_auc_ci95: validation.and_then(|v| v.auc_ci95),
            calibration: validation.and_then(|v| v.calibration),
            pairs_per_second: timing.pairs as f64 / seconds.max(1e-9),
            seconds,
            waiting_share: (timing.waiting.as_secs_f64() / seconds.max(1e-9)).min(1.0),
            replaced: position.sums.replaced,
        }
    }
}

/// Metadata of weights that were validated: how they did, what their scores mean, how they came about.
fn validation_metadata(metrics: &EpochMetrics, config: &Config) -> BTreeMap<String, String> {
    let Some(auc) = metrics.val_auc else { return BTreeMap::new() };
    let calibration = metrics.calibration.map(Calibration::to_metadata).into_iter().flatten();
    let training = [
        ("validation_auc".to_owned(), format!("{auc:.4}")),
        ("training".to_owned(), config.to_json_line()),
        ("seed".to_owned(), config.seed.to_string()),
    ];
    calibration.chain(training).collect()
}

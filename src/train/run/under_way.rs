//! Epochs of steps, validation, what is kept.

use crate::Result;
use crate::atomic_file;
use crate::metrics::Calibration;
use crate::model::objective::TrainingModel;
use crate::progress::{Cancel, Progress};
use crate::train::TrainError;
use crate::train::averages::Averages;
use crate::train::best_list::BestList;
use crate::train::config::{Config, Schedule};
use crate::train::curves::write_curves;
use crate::train::epoch_log::{EpochLog, EpochMetrics};
use crate::train::first_batch;
use crate::train::loader::Loader;
use crate::train::out_of_memory::unless_out_of_memory;
use crate::train::precision::Precision;
use crate::train::run_folder::RunFolder;
use crate::train::sam::{Sam, SamSpec};
use crate::train::saved::{self, Position};
use crate::train::schedule::linear_last_quarter;
use crate::train::step::{StepReport, StepSetting, Validation, Validator, train_step};
use crate::train::tensorboard::EventWriter;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

/// A run under way.
pub(super) struct Run<'a> {
    pub config: &'a Config,
    pub folder: RunFolder,
    pub model: TrainingModel,
    pub sam: Sam,
    pub spec: SamSpec,
    pub precision: Precision,
    pub averages: Option<Averages>,
    pub position: Position,
    /// What validation found out about these very weights, for the files' metadata.
    pub validated: BTreeMap<String, String>,
    pub best: BestList,
    pub log: EpochLog,
    pub events: EventWriter,
    pub progress: &'a dyn Progress,
}

impl Run<'_> {
    fn lr(&self) -> f64 {
        let base = self.config.optim.lr;
        match self.config.optim.schedule {
            Schedule::LinearLastQuarter => linear_last_quarter(self.position.epoch, self.config.epoch, base),
            Schedule::Constant => base,
        }
    }

    /// Writes the state to go on from.
    pub fn save(&self) -> Result<()> {
        // Averages were validated, these are the weights themselves.
        let told = if self.averages.is_some() { BTreeMap::new() } else { self.validated.clone() };
        Ok(saved::write(&self.folder.last(), &self.state(self.lr()), &told)?)
    }

    fn state(&self, lr: f64) -> saved::State<'_> {
        let Run { model, sam, spec, averages, position, .. } = self;
        saved::State { model, sam, spec: *spec, lr, averages: averages.as_ref(), position }
    }

    /// All epochs that are left; whether it stopped before the last because nothing got better.
    pub fn epochs(&mut self, train: &Loader, val: &Loader, cancel: &Cancel) -> Result<bool> {
        let left = (self.config.epoch.saturating_sub(self.position.epoch)) * train.batches();
        self.progress.begin(left.saturating_sub(self.position.step), "steps");
        let result = self.epochs_inside(train, val, cancel);
        self.progress.end();
        result
    }

    fn epochs_inside(&mut self, train: &Loader, val: &Loader, cancel: &Cancel) -> Result<bool> {
        while self.position.epoch < self.config.epoch {
            let started = Instant::now();
            let Some((waited, pairs)) = self.steps(train, cancel)? else { return Ok(false) };
            let seconds = started.elapsed().as_secs_f64();
            let due = (self.position.epoch + 1).is_multiple_of(self.config.val_every)
                || self.position.epoch + 1 == self.config.epoch;
            let validation = if due { Some(self.with_averages(|run| run.validate(val))?) } else { None };
            self.finish_epoch(validation, seconds, waited, pairs)?;
            if cancel.is_requested() {
                return Ok(false);
            }
            if let (Some(patience), Some(best)) = (self.config.early_stop, self.best.best())
                && self.position.epoch >= best.epoch + patience
            {
                self.progress.note(&format!("stopped: no better epoch in {patience} since {}", best.epoch));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The steps of an epoch that are left. Seconds waited and pairs seen; `None` when broken off, with all saved.
    fn steps(&mut self, train: &Loader, cancel: &Cancel) -> Result<Option<(f64, usize)>> {
        let (epoch, lr) = (self.position.epoch, self.lr());
        let mut batches = train.epoch(epoch as u64, self.position.step);
        for batch in batches.by_ref() {
            let batch = batch?;
            if epoch == 0 && self.position.step == 0 {
                first_batch::write_sheet(&self.folder.samples(), &batch)?;
            }
            let setting = StepSetting {
                lr,
                seed: self.config.seed,
                epoch: epoch as u64,
                step: self.position.step as u64,
                precision: self.precision,
                scale: self.position.scale,
            };
            let step = || train_step(&self.model, &mut self.sam, &batch, &setting);
            let report = unless_out_of_memory(step).ok_or_else(|| self.out_of_memory())?;
            if !report.is_finite() {
                return Err(self.not_finite(&batch.frames));
            }
            self.add(&report);
            self.progress.advance(&format!("epoch {}, loss {:.4}", epoch + 1, report.loss));
            if cancel.is_requested() && self.position.step < train.batches() {
                self.save()?;
                return Ok(None);
            }
        }
        if let Some(overflows) = self.position.sums.get("overflows") {
            self.progress.note(&format!("{overflows} steps left out: the gradient overflowed 16 bits, the loss is scaled less from now on"));
        }
        let stats = batches.stats();
        *self.position.sums.entry("replaced".into()).or_default() += stats.replaced as f64;
        if let Some(warning) = stats.warning() {
            self.progress.note(&warning);
        }
        Ok(Some((stats.waited.as_secs_f64(), stats.pairs)))
    }

    fn add(&mut self, report: &StepReport) {
        self.validated.clear();
        self.position.step += 1;
        self.position.steps += 1;
        self.position.scale = self.position.scale.after(report.overflowed);
        if let Some(averages) = &mut self.averages {
            averages.update(self.position.steps);
        }
        let sums = &mut self.position.sums;
        let mut add = |name: &str, value: f64| *sums.entry(name.to_owned()).or_default() += value;
        if report.overflowed {
            add("overflows", 1.0);
            return;
        }
        add("loss", report.loss);
        add("right", report.right as f64);
        add("pictures", report.pictures as f64);
        report.terms.iter().for_each(|(name, value)| add(&format!("term {name}"), *value));
    }

    fn not_finite(&self, frames: &[PathBuf]) -> crate::Error {
        let path = self.folder.logs().join("not_finite.txt");
        let written = atomic_file::write(&path, |file| {
            frames.iter().try_for_each(|frame| writeln!(file, "{}", frame.display()))
        });
        // The error matters more than its list.
        let list = written.ok().map(|()| path);
        TrainError::NotFinite { epoch: self.position.epoch + 1, step: self.position.step + 1, list }.into()
    }

    fn out_of_memory(&self) -> TrainError {
        let Config { batch_size, image_size, backbone, .. } = self.config;
        TrainError::OutOfMemory {
            epoch: self.position.epoch + 1,
            step: self.position.step + 1,
            batch_size: *batch_size,
            image_size: *image_size,
            backbone: backbone.clone(),
        }
    }

    /// What `compute` gives while the averages, where there are any, stand in for the weights.
    fn with_averages<T>(&mut self, compute: impl FnOnce(&Self) -> T) -> T {
        match self.averages.take() {
            None => compute(self),
            Some(mut averages) => {
                let result = averages.while_used(|| compute(self));
                self.averages = Some(averages);
                result
            }
        }
    }

    fn validate(&self, val: &Loader) -> Result<Validation> {
        let mut validator = Validator::default();
        for batch in val.epoch(0, 0) {
            validator.add(self.model.detector(), &batch?);
        }
        Ok(validator.finish())
    }

    /// Log, checkpoints, and the position after the epoch, in an order that survives a kill between any two.
    fn finish_epoch(
        &mut self,
        validation: Option<Validation>,
        seconds: f64,
        waited: f64,
        pairs: usize,
    ) -> Result<()> {
        let metrics = self.metrics(validation, seconds, waited, pairs);
        let epoch = metrics.epoch;
        self.log.append(metrics.clone())?;
        self.events.scalars(epoch, SystemTime::now(), &metrics.scalars())?;
        write_curves(&self.folder, self.log.epochs())?;
        let lr = self.lr();
        let Position { steps, scale, .. } = self.position;
        self.position = Position { epoch, steps, scale, ..Position::default() };
        self.validated = told(&metrics, self.config);
        let decision = metrics.val_auc.map(|auc| self.best.enter(epoch, auc));
        if let Some(kept) = decision.as_ref().and_then(|decision| decision.save) {
            let path = self.folder.weights().join(kept.file_name());
            self.with_averages(|run| saved::write(&path, &run.state(lr), &run.validated))?;
        }
        self.save()?;
        if let Some(kept) = decision.and_then(|decision| decision.delete) {
            let path = self.folder.weights().join(kept.file_name());
            std::fs::remove_file(&path).map_err(|cause| crate::Error::Output { path, cause })?;
        }
        self.progress.note(&metrics.line());
        Ok(())
    }

    fn metrics(
        &self,
        validation: Option<Validation>,
        seconds: f64,
        waited: f64,
        pairs: usize,
    ) -> EpochMetrics {
        let Position { epoch, step, sums, .. } = &self.position;
        let sum = |name: &str| sums.get(name).copied().unwrap_or_default();
        let steps = (*step as f64 - sum("overflows")).max(1.0);
        let term = |(name, sum): (&String, &f64)| Some((name.strip_prefix("term ")?.to_owned(), sum / steps));
        EpochMetrics {
            epoch: epoch + 1,
            epochs: self.config.epoch,
            lr: self.lr(),
            train_loss: sum("loss") / steps,
            train_acc: sum("right") / sum("pictures").max(1.0),
            losses: sums.iter().filter_map(term).collect(),
            val_loss: validation.map(|v| v.loss),
            val_acc: validation.map(|v| v.accuracy),
            val_auc: validation.and_then(|v| v.auc),
            val_auc_ci95: validation.and_then(|v| v.auc_ci95),
            calibration: validation.and_then(|v| v.calibration),
            pairs_per_second: pairs as f64 / seconds.max(1e-9),
            seconds,
            waiting_share: (waited / seconds.max(1e-9)).min(1.0),
            replaced: sum("replaced") as usize,
        }
    }
}

/// Metadata of weights that were validated: how they did, what their scores mean, how they came about.
fn told(metrics: &EpochMetrics, config: &Config) -> BTreeMap<String, String> {
    let Some(auc) = metrics.val_auc else { return BTreeMap::new() };
    let calibration = metrics.calibration.map(Calibration::to_metadata).into_iter().flatten();
    let training = [
        ("validation_auc".to_owned(), format!("{auc:.4}")),
        ("training".to_owned(), config.to_json_line()),
        ("seed".to_owned(), config.seed.to_string()),
    ];
    calibration.chain(training).collect()
}

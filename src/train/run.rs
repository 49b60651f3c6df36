//! The run: epochs of steps, validation, what is kept.

use super::averages::Averages;
use super::best_list::{BestList, Kept};
use super::config::{Amp, Config, Schedule};
use super::curves::write_curves;
use super::epoch_log::{EpochLog, EpochMetrics};
use super::loader::Loader;
use super::out_of_memory::unless_out_of_memory;
use super::precision::Precision;
use super::run_folder::RunFolder;
use super::run_record::{DataCounts, RunRecord};
use super::sam::{Sam, SamSpec};
use super::saved::{self, Position};
use super::schedule::linear_last_quarter;
use super::step::{train_step, StepReport, StepSetting, Validation, Validator};
use super::tensorboard::EventWriter;
use super::{first_batch, sets, setup, TrainError};
use crate::atomic_file;
use crate::blending::Phase;
use crate::dataset::Split;
use crate::metrics::Calibration;
use crate::model::objective::TrainingModel;
use crate::model::DeviceChoice;
use crate::progress::{Cancel, Progress};
use crate::Result;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

/// Where a run's files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A new folder.
    New {
        /// Folder of all runs.
        output: PathBuf,
        /// What the run is called.
        name: String,
        /// What its configuration is called.
        config_name: String,
    },
    /// The folder of a run that goes on.
    Resume(PathBuf),
}

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunConfig {
    /// The configuration; of a run that goes on, its own.
    pub config: Config,
    /// Folder of all data sets, where the configuration names none.
    pub data_root: PathBuf,
    /// Where the networks run.
    pub device: DeviceChoice,
    /// Where files go.
    pub place: Place,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The run's folder.
    pub folder: PathBuf,
    /// Epochs completed, by all its runs.
    pub epochs: usize,
    /// The best checkpoint.
    pub best: Option<Kept>,
    /// The last epoch's numbers.
    pub last: Option<EpochMetrics>,
    /// Whether it was broken off.
    pub interrupted: bool,
    /// Whether it ended early because nothing got better.
    pub stopped_early: bool,
}

/// Trains, or goes on training.
///
/// Fails, before the first step where that can be known, when frames, lists or weights are missing or do not fit, when
/// the folder exists or cannot be written, and when a loss is not finite. When `cancel` is requested, the step under
/// way is finished and the run saved; it goes on from there as if nothing had happened.
pub fn run(asked: &RunConfig, progress: &dyn Progress, cancel: &Cancel) -> Result<Summary> {
    let config = &asked.config;
    config.check()?;
    let device = asked.device.resolve()?;
    let train_frames = sets::frames(config, Split::Train, &asked.data_root)?;
    let val_frames = sets::frames(config, Split::Validation, &asked.data_root)?;
    let train = setup::loader(config, &train_frames, Phase::Train, device)?;
    let val = setup::loader(config, &val_frames, Phase::Validation, device)?;
    let (model, warnings) = setup::model(config, device)?;
    let precision = Precision::new(config.amp, device);
    if config.amp != Amp::Off && !precision.is_half() {
        progress.note("amp: half precision is for CUDA; this run has 32 bits throughout");
    }
    let spec = SamSpec { rho: config.optim.rho, momentum: config.optim.momentum };
    let sam = Sam::new(spec, model.parameters());
    let averages = config.ema.map(|decay| Averages::new(decay, model.variables()));
    let counts = DataCounts { train: (&train_frames).into(), val: (&val_frames).into() };
    let mut run = match &asked.place {
        Place::New { output, name, config_name } => {
            let folder = RunFolder::create(output, name, config_name, SystemTime::now())?;
            RunRecord::new(config.clone(), format!("{device:?}"), counts).write(&folder)?;
            warnings.iter().for_each(|warning| progress.note(warning));
            let run = Run {
                log: EpochLog::new(&folder),
                best: BestList::new(config.keep),
                events: EventWriter::create(&folder.logs(), SystemTime::now(), None)?,
                position: Position::default(),
                validated: BTreeMap::new(),
                config,
                folder,
                model,
                sam,
                spec,
                precision,
                averages,
                progress,
            };
            // From now on the run can be resumed, wherever it is killed.
            run.save()?;
            run
        }
        Place::Resume(path) => resume(config, path, model, sam, (spec, precision, averages), progress)?,
    };
    let stopped_early = run.epochs(&train, &val, cancel)?;
    Ok(Summary {
        folder: run.folder.path().to_owned(),
        epochs: run.position.epoch,
        best: run.best.best(),
        last: run.log.epochs().last().cloned(),
        interrupted: cancel.is_requested() && run.position.epoch < config.epoch && !stopped_early,
        stopped_early,
    })
}

fn resume<'a>(
    config: &'a Config,
    path: &std::path::Path,
    model: TrainingModel,
    mut sam: Sam,
    (spec, precision, mut averages): (SamSpec, Precision, Option<Averages>),
    progress: &'a dyn Progress,
) -> Result<Run<'a>> {
    let folder = RunFolder::open(path)?;
    let position = saved::read(&folder.last(), &model, &mut sam, averages.as_mut())?;
    let (best, surplus) = BestList::from_folder(&folder.weights(), config.keep, position.epoch)?;
    for path in surplus {
        std::fs::remove_file(&path).map_err(|cause| crate::Error::Output { path: path.clone(), cause })?;
    }
    let log = EpochLog::resume(&folder, position.epoch)?;
    let events = EventWriter::create(&folder.logs(), SystemTime::now(), Some(position.epoch))?;
    progress.note(&format!("going on after epoch {} and {} steps", position.epoch, position.step));
    let validated = BTreeMap::new();
    Ok(Run {
        log,
        best,
        events,
        position,
        validated,
        config,
        folder,
        model,
        sam,
        spec,
        precision,
        averages,
        progress,
    })
}

/// A run under way.
struct Run<'a> {
    config: &'a Config,
    folder: RunFolder,
    model: TrainingModel,
    sam: Sam,
    spec: SamSpec,
    precision: Precision,
    averages: Option<Averages>,
    position: Position,
    /// What validation found out about these very weights, for the files' metadata.
    validated: BTreeMap<String, String>,
    best: BestList,
    log: EpochLog,
    events: EventWriter,
    progress: &'a dyn Progress,
}

impl Run<'_> {
    fn lr(&self) -> f64 {
        let base = self.config.optim.lr;
        match self.config.optim.schedule {
            Schedule::LinearLastQuarter => linear_last_quarter(self.position.epoch, self.config.epoch, base),
            Schedule::Constant => base,
        }
    }

    fn save(&self) -> Result<()> {
        // Averages were validated, these are the weights themselves.
        let told = if self.averages.is_some() { BTreeMap::new() } else { self.validated.clone() };
        Ok(saved::write(&self.folder.last(), &self.state(self.lr()), &told)?)
    }

    fn state(&self, lr: f64) -> saved::State<'_> {
        let Run { model, sam, spec, averages, position, .. } = self;
        saved::State { model, sam, spec: *spec, lr, averages: averages.as_ref(), position }
    }

    /// All epochs that are left; whether it stopped before the last because nothing got better.
    fn epochs(&mut self, train: &Loader, val: &Loader, cancel: &Cancel) -> Result<bool> {
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
            if let (Some(patience), Some(best)) = (self.config.early_stop, self.best.best()) {
                if self.position.epoch >= best.epoch + patience {
                    self.progress
                        .note(&format!("stopped: no better epoch in {patience} since {}", best.epoch));
                    return Ok(true);
                }
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

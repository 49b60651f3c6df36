//! The run: from a configuration to a folder with checkpoints and logs.

mod under_way;

use super::averages::Averages;
use super::best_list::{BestList, Kept};
use super::config::{Amp, Config};
use super::epoch_log::{EpochLog, EpochMetrics};
use super::precision::Precision;
use super::run_folder::RunFolder;
use super::run_record::{DataCounts, RunRecord};
use super::sam::{Sam, SamSpec};
use super::saved::{self, Position};
use super::tensorboard::EventWriter;
use super::{memory, sets, setup};
use crate::Result;
use crate::blending::Phase;
use crate::datasets::Split;
use crate::model::objective::TrainingModel;
use crate::model::{DeviceChoice, ExecutionPlan};
use crate::progress::{Cancel, Progress};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;
use under_way::Run;

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
    let train = setup::loader(config, &train_frames, Phase::Train, config.data.degradation, device)?;
    let val = setup::loader(config, &val_frames, Phase::Validation, 0.0, device)?;
    let model = setup::networks(config, device);
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
            let notes = setup::load_initial_weights(&model, config)?;
            let folder = RunFolder::create(output, name, config_name, SystemTime::now())?;
            RunRecord::new(config.clone(), format!("{device:?}"), counts).write(&folder)?;
            notes.iter().for_each(|note| progress.note(note));
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
    if ExecutionPlan::fastest(device).compiles() {
        // Its weights are there, from a file or from the run that goes on, and never move.
        run.model.compile_encoder();
    }
    if let Some(warning) = memory::warning(config, &run.model) {
        progress.note(&warning);
    }
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

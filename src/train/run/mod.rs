//! A training run: from a configuration to a folder with checkpoints and logs.
//!
//! [`run()`] opens a run, new or resumed (`start`), and trains the epochs that are left (`epochs`): learning rate, steps,
//! validation, and what is kept of each epoch (`keep`).

mod epochs;
mod keep;
mod start;

use super::best_list::Kept;
use super::config::Config;
use super::epoch_log::EpochMetrics;
use super::report::{ReportConfig, Standing};
use crate::Result;
use crate::model::DeviceChoice;
use crate::progress::{Cancel, Progress};
use start::Run;
use std::path::PathBuf;

/// Where a run's files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunPlace {
    /// Into a new folder.
    New {
        /// Folder of all runs.
        output: PathBuf,
        /// What the run is called.
        name: String,
        /// What its configuration is called.
        config_name: String,
    },
    /// Into the folder of a run that goes on.
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
    /// The run's folder, new or to be resumed.
    pub place: RunPlace,
    /// What the run's page tells beside the run; `None`: there is no page.
    pub report: Option<ReportConfig>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// With its last epoch.
    Complete,
    /// Early, because nothing got better: `early_stop` of the configuration.
    StoppedEarly,
    /// Because it was asked to stop. All is saved; resumed, it goes on as if nothing had happened.
    Interrupted,
}

/// What a run has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSummary {
    /// The run's folder.
    pub folder: PathBuf,
    /// Epochs completed since the run began, those before a resumption included.
    pub epochs: usize,
    /// The checkpoint with the best validation AUC.
    pub best: Option<Kept>,
    /// The last completed epoch's numbers.
    pub last: Option<EpochMetrics>,
    /// How the run ended.
    pub end: RunEnd,
}

/// Trains, or goes on training.
///
/// Fails, before the first step where that can be known, when frames, lists or weights are missing or do not fit, when
/// the folder exists or cannot be written, and when a loss is not finite. When `cancel` is requested, the step under
/// way is finished and the run saved; it goes on from there as if nothing had happened.
pub fn run(asked: &RunConfig, progress: &dyn Progress, cancel: &Cancel) -> Result<TrainSummary> {
    let mut run = Run::start(asked, progress)?;
    run.tell(Standing::Running);
    let end = run.train(cancel)?;
    run.tell(Standing::Ended(end));
    Ok(TrainSummary {
        folder: run.folder.path().to_owned(),
        epochs: run.state.position.epoch,
        best: run.best.best(),
        last: run.log.epochs().last().cloned(),
        end,
    })
}

//! A training run: from a configuration to a folder with checkpoints and logs.
//!
//! [`run()`] opens a run, new or resumed (`start`), and trains the epochs that are left (`epochs`): learning rate, steps,
//! validation, and what is kept of each epoch (`keep`). Of several processes each does so, and rank 0 alone writes; what they
//! must agree on before that is in `agree`.

mod agree;
mod epochs;
mod keep;
mod start;

use super::best_list::Kept;
use super::config::Config;
use super::epoch_log::EpochMetrics;
use super::report::{ReportConfig, Standing};
use crate::Result;
use crate::causes::with_causes;
use crate::model::DeviceChoice;
use crate::progress::{Cancel, Progress, Silent};
use crate::ranks::{LastResort, Launch, Ranks};
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

/// A process that trains together with others.
#[derive(Clone, Debug)]
pub struct Together {
    /// Who it is among them.
    pub launch: Launch,
    /// Ends the process where a lost one leaves it no other way.
    pub last_resort: LastResort,
}

/// What is asked of a run.
#[derive(Clone, Debug)]
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
    /// The processes that it is shared among; `None`: this one alone.
    pub together: Option<Together>,
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
///
/// Among several processes all get the same summary, and a request to stop is one to all of them. They need the same
/// configuration and files, and the folder of a run that is resumed; rank 0 alone writes, and alone reports progress. It
/// fails in all of them when it fails in one, or one is lost.
pub fn run(asked: &RunConfig, progress: &dyn Progress, cancel: &Cancel) -> Result<TrainSummary> {
    let device = agree::device(asked)?;
    let ranks = match &asked.together {
        Some(Together { launch, last_resort }) => Ranks::join(launch, device, *last_resort)?,
        None => Ranks::alone(),
    };
    let progress = if ranks.is_first() { progress } else { &Silent };
    let summary = agree::plan(asked, &ranks, progress).and_then(|plan| {
        let mut run = Run::start(&plan, device, &ranks, progress)?;
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
    });
    match &summary {
        Ok(_) => ranks.end()?,
        Err(error) => ranks.leave(&with_causes(error)),
    }
    summary
}

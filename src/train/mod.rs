//! Training: SBI and EG on self-blended pairs, repeatable and interruptible.
//!
//! [`run()`] is the whole way: `setup` finds frames and weights, `loader` makes batches of training pairs ahead, [`step`]
//! is one step of the `optimiser` on the objective; what an epoch gave is kept in a [`RunFolder`], and what a run
//! needs to go on (`state`) in a file of it (`saved`).

mod among;
mod averages;
mod best_list;
pub mod config;
mod curves;
mod epoch_log;
mod epoch_sums;
mod error;
mod first_batch;
mod held_out;
mod loader;
mod memory;
mod optimiser;
mod out_of_memory;
pub mod precision;
mod report;
mod run;
mod run_folder;
mod run_record;
mod saved;
pub mod schedule;
mod sets;
mod setup;
mod state;
pub mod step;
mod tensorboard;
mod validation;

pub use crate::versions::Versions;
pub use best_list::Kept;
pub use config::{Config, ConfigError, EncoderName};
pub use epoch_log::EpochMetrics;
pub use error::TrainError;
pub use held_out::score_held_out;
pub use loader::{Deal, Loader, LoaderConfig, LoaderError, LoaderStats, PairBatch};
pub use optimiser::{Memory, Optimiser, OptimiserSpec};
pub use report::{ReportConfig, UseOfWeights};
pub use run::{RunConfig, RunEnd, RunPlace, Together, TrainSummary, run};
pub use run_folder::{RunFolder, RunFolderError};
pub use run_record::{DataCounts, RunRecord, SetCounts};
pub use saved::SavedError;
pub use sets::selections;
pub use tensorboard::EventWriter;
pub use validation::Validation;

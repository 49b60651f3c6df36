//! Training: SBI and EG on self-blended pairs, repeatable and interruptible.
//!
//! `setup` finds frames and weights, [`loader`] makes batches ahead, [`step`] is one step of the optimiser ([`sam`])
//! on the objective, [`run()`] goes through epochs and keeps what is worth keeping in a [`RunFolder`].

mod averages;
mod best_list;
pub mod config;
mod curves;
mod epoch_log;
mod error;
mod first_batch;
mod held_out;
pub mod loader;
mod memory;
mod out_of_memory;
pub mod precision;
mod run;
mod run_folder;
mod run_record;
pub mod sam;
pub mod saved;
pub mod schedule;
mod sets;
mod setup;
pub mod step;
mod tensorboard;

pub use averages::Averages;
pub use best_list::{BestList, Decision, Kept};
pub use config::{Config, ConfigError};
pub use curves::write_curves;
pub use epoch_log::{EpochLog, EpochMetrics};
pub use error::TrainError;
pub use held_out::score_held_out;
pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};
pub use run::{Place, RunConfig, Summary, run};
pub use run_folder::{RunFolder, RunFolderError};
pub use run_record::{DataCounts, RunRecord, SetCounts, Versions};
pub use sam::{Sam, SamSpec};
pub use sets::selections;
pub use step::Validation;
pub use tensorboard::EventWriter;

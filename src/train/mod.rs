//! Training: SBI and EG on self-blended pairs, repeatable and interruptible.
//!
//! [`setup`] finds frames and weights, [`loader`] makes batches ahead, [`step`] is one step of the optimiser ([`sam`])
//! on the objective, [`run`] goes through epochs and keeps what is worth keeping in a [`run_folder`].

pub mod best_list;
pub mod config;
pub mod curves;
pub mod epoch_log;
mod error;
mod first_batch;
pub mod loader;
mod run;
pub mod run_folder;
pub mod run_record;
pub mod sam;
pub mod saved;
pub mod schedule;
mod setup;
pub mod step;
pub mod tensorboard;

pub use best_list::{BestList, Kept};
pub use config::{Config, ConfigError};
pub use epoch_log::{EpochLog, EpochMetrics};
pub use error::TrainError;
pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};
pub use run::{run, Place, RunConfig, Summary};
pub use run_folder::{RunFolder, RunFolderError};
pub use run_record::RunRecord;
pub use sam::{Sam, SamSpec};

//! Training: SBI and EG on self-blended pairs, repeatable and interruptible.
//!
//! [`setup`] finds frames and weights, [`loader`] makes batches ahead, [`step`] is one step of the optimiser ([`sam`])
//! on the objective, [`run`] goes through epochs and keeps what is worth keeping in a [`run_folder`].

mod best_list;
pub mod config;
mod curves;
mod epoch_log;
pub mod loader;
mod run_folder;
mod run_record;
mod tensorboard;

pub use best_list::{BestList, Decision, Kept};
pub use config::{Config, ConfigError};
pub use curves::write_curves;
pub use epoch_log::{EpochLog, EpochMetrics};
pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};
pub use run_folder::{RunFolder, RunFolderError};
pub use run_record::{DataCounts, RunRecord, SetCounts, Versions};
pub use tensorboard::EventWriter;

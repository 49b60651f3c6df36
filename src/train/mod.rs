//! Training.

pub mod config;
pub mod loader;
pub mod sam;
pub mod saved;
pub mod schedule;
pub mod step;

pub use config::{Config, ConfigError};
pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};
pub use sam::{Sam, SamSpec};

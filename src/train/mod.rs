//! Training.

pub mod config;
pub mod loader;

pub use config::{Config, ConfigError};
pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};

//! Training.

pub mod loader;

pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};

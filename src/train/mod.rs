//! Training.

pub mod loader;
pub mod sam;
pub mod schedule;

pub use loader::{Batch, Loader, LoaderConfig, LoaderError, LoaderStats};
pub use sam::{Sam, SamSpec};

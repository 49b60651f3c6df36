//! The stage `preview`: training pairs made from real faces, as a sheet to look at and as files.

mod config;
mod faces;
mod run;
mod save;
mod sheet;

pub use config::{Config, PreviewSource};
pub use run::{Failure, PreviewSummary, run};

//! Preview: what self-blending makes of real faces, as a sheet for people and as files.

mod config;
mod faces;
mod run;
mod save;
mod sheet;

pub use config::{Config, Source};
pub use run::{Failure, Summary, run};

//! Preprocessing: the videos of a set, or any videos and photographs, to frames, landmarks and boxes, in one pass over each video.
//!
//! Decoders run ahead; workers on all cores take single frames, find landmarks and boxes and write the files;
//! the calling thread keeps account. What is on disk is not made again.

mod benchmark_layout;
mod config;
mod ledger;
mod merge;

mod run;
mod source;
mod still_video;
mod summary;
mod tools;
mod work_list;
mod worker;

pub use benchmark_layout::{BenchmarkSettings, BenchmarkSummary, BenchmarkVideo, run_benchmark_layout};
pub use config::{Config, Steps};
pub use merge::{MergedSet, merge};
pub use run::{run, run_with};
pub use source::VideoSource;
pub use summary::PreprocessSummary;
pub use tools::{LoadedTools, Tools};

//! Detection of deepfakes by self-blended images: SBI (CVPR 2022) and EG (IEEE TCSVT 2025).
//!
//! Data flows one way: **stages** ([`preprocess`], [`preview`], [`train`], [`pack`], [`infer`], [`calibrate`], [`convert`], [`mod@bench`], [`doctor`]) run whole jobs and know
//! components; **components** ([`datasets`], [`prepared_frames`], [`face`], [`blending`], [`training_pairs`], [`network`], [`engine`], [`model`],
//! [`checkpoint`], [`packed_faces`], [`face_stream`], [`metrics`], [`plot`]) each know one matter and the foundations; **foundations** ([`types`],
//! [`video`], [`imaging`], [`native`], [`npy`], [`atomic_file`], [`causes`], [`hash`], [`file_error`], [`progress`], [`rng`], [`suggest`], [`weight_files`]) know nothing of
//! ours. Stages do not call one another, but for [`calibrate`], which stands on what [`infer`] and [`train`] score.
// What the library has to say it returns; standard output and error belong to the program.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod atomic_file;
pub mod bench;
pub mod blending;
pub mod calibrate;
pub mod causes;
pub mod checkpoint;
pub mod convert;
pub mod datasets;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod face;
pub mod face_stream;
pub mod file_error;
pub mod hash;
pub mod imaging;
pub mod infer;
pub mod metrics;
pub mod model;
pub mod native;
pub mod network;
pub mod npy;
pub mod pack;
pub mod packed_faces;
pub mod plot;
pub mod prepared_frames;
pub mod preprocess;
pub mod preview;
pub mod progress;
pub mod rng;
pub mod suggest;
#[cfg(test)]
mod testing;
pub mod train;
pub mod training_pairs;
pub mod types;
pub mod video;
pub mod weight_files;

pub use error::{Error, Result};

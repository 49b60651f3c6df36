//! Detection of deepfakes by self-blended images: SBI (CVPR 2022) and EG (IEEE TCSVT 2025).
//!
//! Data flows one way: **stages** ([`preprocess`], [`reconstruct`], [`preview`], [`train`], [`pack`], [`infer`], [`calibrate`],
//! [`serve`], [`compare`], [`convert`], [`mod@bench`], [`doctor`]) run whole jobs and know components; **components** ([`datasets`],
//! [`prepared_frames`], [`face`], [`blending`], [`training_pairs`], [`network`], [`engine`], [`model`], [`checkpoint`],
//! [`packed_faces`], [`persons`], `face_stream`, [`metrics`], `plot`, [`page`]) each know one matter and the foundations; **foundations**
//! ([`types`], [`media`], [`video`], [`imaging`], [`native`], [`npy`], [`atomic_file`], `causes`, [`hash`], [`file_error`],
//! [`progress`], [`ranks`], [`rng`], `suggest`, [`versions`], [`weight_files`]) know only one another. Stages do not call one another, but for
//! [`calibrate`], which stands on what [`infer`] and [`train`] score, [`serve`], which has
//! [`infer`] score what is uploaded, and [`compare`], which reads what [`infer`] wrote.
//!
//! What is public is what the program, the examples and a stranger need: a stage is a `Config` and a `run`, a component
//! its types. Errors say what failed, and their sources why; they name no flags of the program.
// What the library has to say it returns; standard output and error belong to the program.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod atomic_file;
pub mod average;
pub mod bench;
pub mod blending;
pub mod calibrate;
mod causes;
pub mod checkpoint;
pub mod compare;
pub mod convert;
pub mod datasets;
pub mod doctor;
pub mod engine;
mod error;
pub mod face;
mod face_stream;
pub mod file_error;
pub mod hash;
pub mod imaging;
pub mod infer;
pub mod media;
pub mod metrics;
pub mod model;
pub mod native;
pub mod network;
pub mod npy;
pub mod pack;
pub mod packed_faces;
pub mod page;
pub mod persons;
mod plot;
pub mod prepared_frames;
pub mod preprocess;
pub mod preview;
pub mod progress;
pub mod ranks;
pub mod reconstruct;
pub mod rng;
pub mod serve;
mod suggest;
#[cfg(test)]
mod testing;
pub mod timings;
pub mod train;
pub mod training_pairs;
pub mod types;
pub mod versions;
pub mod video;
pub mod weight_files;

pub use error::{Error, Result};

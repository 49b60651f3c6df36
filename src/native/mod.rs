//! What is in other languages, and the process itself: one room per matter, and besides the inference
//! [engine](crate::engine) the only home of `unsafe`. `build/` is the package's build script, which compiles all C++.

pub(crate) mod dlib;
mod guarded;
pub(crate) mod jail;
pub(crate) mod jpeg;
pub mod libav;
pub(crate) mod libheif;
pub mod process;
pub mod process_group;
pub(crate) mod simd;
pub(crate) mod torch;
pub(crate) mod training;

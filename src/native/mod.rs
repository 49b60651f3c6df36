//! What is in other languages, and the process itself: one room per matter, and besides the inference
//! [engine](crate::engine) the only home of `unsafe`.

pub mod dlib;
mod guarded;
pub mod process;
pub mod simd;
pub mod torch;
pub mod training;

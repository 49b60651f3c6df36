//! The only home of `unsafe`: C++ shims over libtorch and dlib, the inference engine's kernels, and settings of the whole
//! process.

mod allocator;
mod autocast;
mod dlib;
mod dlib_face_net;
mod engine;
mod process;
mod shim;
mod training;

pub use allocator::tune_allocator;
pub use autocast::{in_half_precision, Half};
pub use dlib::{DlibError, DlibFaceDetector, DlibRect, DlibShape};
pub use dlib_face_net::DlibFaceNet;
pub use engine::{
    floats_of, tensor_of, EngineActivation, Kernels, Memory, Operation, Packed, Prepared, View,
};
pub use process::{
    blas_library, keep_libtorch_single_threaded, keep_opencv_single_threaded, set_threads,
    set_worker_threads, silence_decoders, threads, LIBTORCH_VERSION,
};
pub use training::{norm_activation, NormTensors, TrainActivation, TrainBlock};

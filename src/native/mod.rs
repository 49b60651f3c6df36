//! The only home of `unsafe`: C++ shims over libtorch, and settings of the whole process.

mod allocator;
mod depthwise;
mod fused_conv;
mod process;

pub use allocator::tune_allocator;
pub use depthwise::FusedDepthwise;
pub use fused_conv::{FusedActivation, FusedConv};
pub use process::{set_threads, silence_decoders, threads, LIBTORCH_VERSION};

//! EfficientNet's layers in training on a CPU, which keep less for the way back than libtorch's own operators.

mod block;
mod norm;
#[cfg(test)]
mod testing;

pub use block::TrainBlock;
pub use norm::{NormTensors, norm_activation, shared_norm};

use crate::native::simd::InstructionSet;
use TrainActivation as RawTrainActivation;
use block::RawBlock;
use norm::RawNorm;
use tch::{Device, Kind, Tensor};

// That these types are what C++ has: sizes, offsets and numbers.
include!(concat!(env!("OUT_DIR"), "/training_layout.rs"));

/// Channels come in eights: a vector of float32.
const LANES: i64 = 8;

/// An activation that training's kernels know.
#[repr(i64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainActivation {
    /// x as it is.
    None,
    /// x * sigmoid(x).
    Swish,
    /// x within 0..=6.
    Relu6,
}

/// Whether this processor runs the kernels; on x86-64 they need AVX2, and use AVX-512 where it is there.
fn supported() -> bool {
    cfg!(not(target_arch = "x86_64")) || InstructionSet::Avx2.runs_here()
}

fn is_plain_float(x: &Tensor) -> bool {
    x.device() == Device::Cpu && x.kind() == Kind::Float
}

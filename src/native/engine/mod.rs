//! Kernels of the inference engine: convolutions and what lies between them, on memory that is planned ahead.
//!
//! The kernels are C++ (`*.cpp`), built three times: for AVX-512, for AVX2, and for any processor. They start no threads: an
//! operation is cut into tasks that whoever runs it may share out. Results do not depend on how.

mod kernels;
mod memory;
mod operation;
mod prepare;

pub use kernels::Kernels;
pub use memory::Memory;
pub use operation::{EngineActivation, Operation, Packed, View};
pub use prepare::Prepared;

use tch::{Device, Kind, Tensor};

/// The floats of a contiguous tensor on the CPU.
///
/// # Panics
/// For any other tensor.
pub fn floats_of(tensor: &Tensor) -> &[f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == Device::Cpu);
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: contiguous float32 in this process's memory, which lives as long as the handle.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}

/// A tensor of this shape on the CPU with these values.
pub fn tensor_of(values: &[f32], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).view(shape)
}

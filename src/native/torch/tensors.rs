//! Numbers into tensors and out of them.

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

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

/// A tensor on the CPU that nobody else has yet, to be filled with numbers.
pub struct NewTensor(Tensor);

impl NewTensor {
    /// One of this shape, zeros.
    pub fn zeros(shape: &[i64]) -> Self {
        NewTensor(Tensor::zeros(shape, (Kind::Float, Device::Cpu)))
    }

    /// Its floats, to be written.
    pub fn floats_mut(&mut self) -> &mut [f32] {
        if self.0.numel() == 0 {
            return &mut [];
        }
        // SAFETY: contiguous float32 in this process's memory, which lives as long as the handle; there is no other handle,
        // and this one is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr().cast::<f32>(), self.0.numel()) }
    }

    /// The tensor.
    pub fn done(self) -> Tensor {
        self.0
    }
}

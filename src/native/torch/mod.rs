//! libtorch beyond what `tch` offers: mixed precision, results of C++ shims, numbers in and out of tensors.

mod autocast;
mod tensors;

pub use autocast::{Half, in_half_precision};
pub use tensors::{NewTensor, floats_of};

use super::guarded::guarded;
use std::ffi::c_char;
use tch::Tensor;
use torch_sys::C_tensor;

/// Takes over the tensor that a shim made.
///
/// # Panics
/// With the shim's message where it failed, as `tch`'s own operators do.
pub(in crate::native) fn checked(call: impl FnOnce(*mut *mut c_char) -> *mut C_tensor) -> Tensor {
    match guarded(call) {
        // SAFETY: without a message, the shim returns an at::Tensor that nobody else owns.
        Ok(made) => unsafe { Tensor::from_ptr(made) },
        Err(message) => panic!("C++ shim over libtorch: {message}"),
    }
}

//! libtorch beyond what `tch` offers: mixed precision, results of C++ shims, numbers in and out of tensors.

mod autocast;
mod tensors;

pub use autocast::{Half, in_half_precision};
pub use tensors::{floats_of, tensor_of};

use std::ffi::{CStr, c_char};
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn sbi_free_error(error: *mut c_char);
}

/// Takes over the tensor that the shim made, or panics with its message.
pub(in crate::native) fn checked(call: impl FnOnce(*mut *mut c_char) -> *mut C_tensor) -> Tensor {
    let mut error: *mut c_char = std::ptr::null_mut();
    let made = call(&mut error);
    if made.is_null() {
        // SAFETY: the shim sets a NUL-terminated copy of the message whenever it returns null.
        let message = unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned();
        unsafe { sbi_free_error(error) };
        panic!("C++ shim over libtorch: {message}");
    }
    // SAFETY: `made` is an at::Tensor allocated by the shim and owned by nobody else.
    unsafe { Tensor::from_ptr(made) }
}

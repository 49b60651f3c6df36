//! How calls into C++ fail: `guarded.h` catches what is thrown, its message comes back here.

use std::ffi::{CStr, c_char};

/// Calls a shim that sets a message when it fails, and returns that message or what the shim returned.
pub(super) fn guarded<T>(call: impl FnOnce(*mut *mut c_char) -> T) -> Result<T, String> {
    let mut error: *mut c_char = std::ptr::null_mut();
    let value = call(&mut error);
    if error.is_null() {
        return Ok(value);
    }
    // SAFETY: the shim set a NUL-terminated message in memory of malloc's that nobody else owns; it is copied first.
    let message = unsafe {
        let message = CStr::from_ptr(error).to_string_lossy().into_owned();
        libc::free(error.cast());
        message
    };
    Err(message)
}

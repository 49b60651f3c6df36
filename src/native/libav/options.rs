//! Options by name, as encoders and containers take them.

use super::library::loaded;
use super::sys;
use std::ffi::CString;
use std::ptr::null_mut;

/// Options that are handed to a function of FFmpeg, which takes those that it knows.
pub(super) struct Options(*mut sys::AVDictionary);

impl Options {
    pub fn new(options: &[(&str, &str)]) -> Options {
        let mut all = Options(null_mut());
        for (name, value) in options {
            let (Ok(name), Ok(value)) = (CString::new(*name), CString::new(*value)) else { continue };
            // SAFETY: the dictionary is ours; both are C strings, which are copied.
            unsafe { loaded().av.av_dict_set(&mut all.0, name.as_ptr(), value.as_ptr(), 0) };
        }
        all
    }

    pub fn as_mut_ptr(&mut self) -> *mut *mut sys::AVDictionary {
        &mut self.0
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the dictionary is ours and not used again.
        unsafe { loaded().av.av_dict_free(&mut self.0) };
    }
}

//! dlib: its detector of frontal faces, its shape predictor, and its face recognition network.

mod detector;
mod face_net;
mod shape;

pub use detector::DlibFaceDetector;
pub use face_net::DlibFaceNet;
pub use shape::DlibShape;

use super::guarded::guarded;
use crate::types::RgbImage;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

/// What dlib said when it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dlib: {0}")]
pub struct DlibError(String);

impl From<String> for DlibError {
    fn from(message: String) -> Self {
        DlibError(message)
    }
}

/// A rectangle as dlib has it: left, top, right and bottom pixel, all inside; may reach outside the image.
pub type DlibRect = [i64; 4];

/// Calls a function of the shim that sets a message when it fails.
fn checked<T>(call: impl FnOnce(*mut *mut c_char) -> T) -> Result<T, DlibError> {
    guarded(call).map_err(DlibError)
}

/// The object that a function of the shim makes.
fn made(call: impl FnOnce(*mut *mut c_char) -> *mut c_void) -> Result<NonNull<c_void>, DlibError> {
    NonNull::new(checked(call)?).ok_or_else(|| DlibError("nothing was made".to_owned()))
}

/// The object that a function of the shim makes of a file; the path lives through the call.
fn loaded(
    path: &Path,
    call: impl FnOnce(*const c_char, *mut *mut c_char) -> *mut c_void,
) -> Result<NonNull<c_void>, DlibError> {
    let name = path.to_str().and_then(|name| CString::new(name).ok());
    let name = name.ok_or_else(|| DlibError("the path is not valid UTF-8".to_owned()))?;
    made(|error| call(name.as_ptr(), error))
}

/// An image's height and width in pixels.
fn size(image: &RgbImage) -> (i64, i64) {
    (image.height() as i64, image.width() as i64)
}

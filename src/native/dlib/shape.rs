//! dlib's shape predictor.

use super::{DlibError, DlibRect, checked, loaded, size};
use crate::types::RgbImage;
use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

unsafe extern "C" {
    fn sbi_dlib_shape_load(path: *const c_char, error: *mut *mut c_char) -> *mut c_void;
    fn sbi_dlib_shape_free(shape: *mut c_void);
    fn sbi_dlib_shape_points(shape: *const c_void) -> i64;
    fn sbi_dlib_shape_predict(
        shape: *const c_void,
        rgb: *const u8,
        height: i64,
        width: i64,
        rectangle: *const i64,
        points: *mut i64,
        error: *mut *mut c_char,
    ) -> bool;
}

/// A shape predictor: finds a face's landmarks from its rectangle.
pub struct DlibShape {
    shape: NonNull<c_void>,
    points: usize,
}

// SAFETY: the object holds no reference to the thread that made it, and prediction only reads it.
unsafe impl Send for DlibShape {}
// SAFETY: as above.
unsafe impl Sync for DlibShape {}

impl DlibShape {
    /// Loads a model file of dlib's own format.
    pub fn load(path: &Path) -> Result<Self, DlibError> {
        // SAFETY: the string lives through the call; the shim returns an object of its own, or null with a message.
        let shape = loaded(path, |name, error| unsafe { sbi_dlib_shape_load(name, error) })?;
        // SAFETY: made just now.
        let points = unsafe { sbi_dlib_shape_points(shape.as_ptr()) };
        Ok(DlibShape { shape, points: usize::try_from(points).unwrap_or(0) })
    }

    /// How many landmarks the model has.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The landmarks (x, y) of the face in `rectangle`; may lie outside the image.
    pub fn predict(&self, image: &RgbImage, rectangle: &DlibRect) -> Result<Vec<(i64, i64)>, DlibError> {
        let (height, width) = size(image);
        let mut numbers = vec![0i64; 2 * self.points];
        // SAFETY: all buffers live through the call and have the sizes that the shim reads and writes.
        checked(|error| unsafe {
            let data = image.data().as_ptr();
            let to = numbers.as_mut_ptr();
            sbi_dlib_shape_predict(self.shape.as_ptr(), data, height, width, rectangle.as_ptr(), to, error)
        })?;
        Ok(numbers.chunks_exact(2).map(|xy| (xy[0], xy[1])).collect())
    }
}

impl Drop for DlibShape {
    fn drop(&mut self) {
        // SAFETY: made by the shim and owned by nobody else.
        unsafe { sbi_dlib_shape_free(self.shape.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_model_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [7; 100]).unwrap();
        assert!(DlibShape::load(file.path()).is_err());
        assert!(DlibShape::load(Path::new("absent.dat")).is_err());
    }
}

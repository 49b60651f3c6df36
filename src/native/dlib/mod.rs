//! dlib: its frontal face detector and its shape predictor.

mod face_net;

pub use face_net::DlibFaceNet;

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

use crate::types::RgbImage;

unsafe extern "C" {
    fn sbi_dlib_free_error(error: *mut c_char);
    fn sbi_dlib_detector_new(error: *mut *mut c_char) -> *mut c_void;
    fn sbi_dlib_detector_free(detector: *mut c_void);
    fn sbi_dlib_detect(
        detector: *const c_void,
        rgb: *const u8,
        height: i64,
        width: i64,
        scanner: i32,
        found: *mut *mut i64,
        count: *mut i64,
        error: *mut *mut c_char,
    ) -> bool;
    fn sbi_dlib_free_found(found: *mut i64);
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

/// What dlib said when it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dlib: {0}")]
pub struct DlibError(String);

impl From<String> for DlibError {
    fn from(message: String) -> Self {
        DlibError(message)
    }
}

/// Calls a function of the shim that sets a message when it fails.
pub(super) fn checked<T>(call: impl FnOnce(*mut *mut c_char) -> T) -> Result<T, DlibError> {
    let mut error: *mut c_char = std::ptr::null_mut();
    let value = call(&mut error);
    if error.is_null() {
        return Ok(value);
    }
    // SAFETY: the shim sets a NUL-terminated copy of the message that it owns until it is freed here.
    let message = unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned();
    unsafe { sbi_dlib_free_error(error) };
    Err(DlibError(message))
}

fn size(image: &RgbImage) -> (i64, i64) {
    (image.height() as i64, image.width() as i64)
}

/// A rectangle as dlib has it: left, top, right and bottom pixel, all inside; may reach outside the image.
pub type DlibRect = [i64; 4];

/// How faces are looked for; numbered as in the shim.
#[derive(Clone, Copy)]
enum Scanner {
    /// Ours, with AVX2 where the processor has it.
    Fast = 0,
    /// Ours as on any processor: what `Fast` becomes where there is no AVX2.
    #[cfg(test)]
    AnyProcessor = 1,
    /// dlib's own.
    Plain = 2,
}

/// dlib's HOG detector of frontal faces. Threads may share it.
pub struct DlibFaceDetector(NonNull<c_void>);

// SAFETY: the object holds no reference to the thread that made it, and detection only reads it.
unsafe impl Send for DlibFaceDetector {}
unsafe impl Sync for DlibFaceDetector {}

impl DlibFaceDetector {
    /// The detector that comes with dlib.
    pub fn new() -> Result<Self, DlibError> {
        // SAFETY: the shim returns an object of its own, or null with a message.
        let made = checked(|error| unsafe { sbi_dlib_detector_new(error) })?;
        NonNull::new(made).map(DlibFaceDetector).ok_or_else(|| DlibError("no detector".to_owned()))
    }

    /// Faces on the image doubled once (`pyramid_up`), in coordinates of the image, most certain first.
    ///
    /// The same rectangles as dlib's own scanner gives, from a scanner that does the same arithmetic faster.
    pub fn detect(&self, image: &RgbImage) -> Result<Vec<DlibRect>, DlibError> {
        self.scan(image, Scanner::Fast)
    }

    /// The same by dlib's own scanner: slower, for comparison.
    pub fn detect_plain(&self, image: &RgbImage) -> Result<Vec<DlibRect>, DlibError> {
        self.scan(image, Scanner::Plain)
    }

    fn scan(&self, image: &RgbImage, scanner: Scanner) -> Result<Vec<DlibRect>, DlibError> {
        let (height, width) = size(image);
        let (mut found, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: the image lives through the call and has the size given; `found` is set to `count` times four
        // numbers when the call succeeds and stays null when it fails.
        let rectangles = checked(|error| unsafe {
            let data = image.data().as_ptr();
            sbi_dlib_detect(
                self.0.as_ptr(),
                data,
                height,
                width,
                scanner as i32,
                &mut found,
                &mut count,
                error,
            )
        })
        .map(|_| match count {
            0 => Vec::new(),
            n => unsafe { std::slice::from_raw_parts(found.cast::<DlibRect>(), n as usize) }.to_vec(),
        });
        unsafe { sbi_dlib_free_found(found) };
        rectangles
    }
}

impl Drop for DlibFaceDetector {
    fn drop(&mut self) {
        // SAFETY: made by the shim and owned by nobody else.
        unsafe { sbi_dlib_detector_free(self.0.as_ptr()) }
    }
}

/// dlib's shape predictor: from a face's rectangle to its landmarks.
pub struct DlibShape {
    shape: NonNull<c_void>,
    points: usize,
}

// SAFETY: prediction only reads the object.
unsafe impl Send for DlibShape {}
unsafe impl Sync for DlibShape {}

impl DlibShape {
    /// Loads a model file of dlib's own format.
    pub fn load(path: &Path) -> Result<Self, DlibError> {
        let name = path.to_str().and_then(|name| CString::new(name).ok());
        let name = name.ok_or_else(|| DlibError("the path is not valid UTF-8".to_owned()))?;
        // SAFETY: the string lives through the call; the shim returns an object of its own, or null with a message.
        let made = checked(|error| unsafe { sbi_dlib_shape_load(name.as_ptr(), error) })?;
        let shape = NonNull::new(made).ok_or_else(|| DlibError("no model".to_owned()))?;
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
    use crate::imaging::{resized, warped};

    /// The licence-free portrait that set-up places, or nothing without it.
    fn portrait() -> Option<RgbImage> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/astronaut.png");
        let image = crate::imaging::read_image(Path::new(path)).ok();
        if image.is_none() {
            eprintln!("skipped: no portrait, run scripts/setup.sh");
        }
        image
    }

    #[test]
    fn the_fast_scan_finds_what_dlibs_own_finds() {
        let Some(portrait) = portrait() else { return };
        let detector = DlibFaceDetector::new().unwrap();
        let turned = |angle: f64, scale: f64, width, height| {
            let (sin, cos) = angle.sin_cos();
            let map = [[scale * cos, -scale * sin, 40.0], [scale * sin, scale * cos, -20.0]];
            warped(&portrait, map, width, height).unwrap()
        };
        // Odd sizes, a rotation, several mirrored copies of the face, and one too small to hold a window.
        let images = [
            portrait.clone(),
            resized(&portrait, 333, 301).unwrap(),
            resized(&portrait, 160, 250).unwrap(),
            turned(0.2, 0.8, 517, 389),
            turned(-0.15, 0.35, 701, 403),
            resized(&portrait, 30, 17).unwrap(),
            RgbImage::filled(90, 61, [7, 200, 31]),
        ];
        let mut faces = 0;
        for image in &images {
            let fast = detector.detect(image).unwrap();
            assert_eq!(fast, detector.detect_plain(image).unwrap(), "{image:?}");
            assert_eq!(fast, detector.scan(image, Scanner::AnyProcessor).unwrap(), "{image:?}");
            faces += fast.len();
        }
        assert!(faces >= 5, "only {faces} faces: the comparison says little");
    }

    #[test]
    fn a_broken_model_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [7; 100]).unwrap();
        assert!(DlibShape::load(file.path()).is_err());
        assert!(DlibShape::load(Path::new("absent.dat")).is_err());
    }
}

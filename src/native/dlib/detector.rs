//! dlib's HOG detector of frontal faces, scanning with kernels of our own.

use super::{DlibError, DlibRect, checked, made, size};
use crate::native::simd::{InstructionSet, runnable};
use crate::types::RgbImage;
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

/// A build of `scan/scan.cpp`. C++ alone calls it, with the arguments that `scan/scan.h` has.
type Scan = unsafe extern "C" fn();

unsafe extern "C" {
    fn sbi_dlib_detector_new(error: *mut *mut c_char) -> *mut c_void;
    fn sbi_dlib_detector_free(detector: *mut c_void);
    fn sbi_dlib_detect(
        detector: *const c_void,
        rgb: *const u8,
        height: i64,
        width: i64,
        scan: Option<Scan>,
        found: *mut *mut i64,
        count: *mut i64,
        error: *mut *mut c_char,
    ) -> bool;
    #[cfg(target_arch = "x86_64")]
    fn sbi_scan_avx2();
    #[cfg(target_arch = "x86_64")]
    fn sbi_scan_any();
}

/// All builds of the scan, the fastest first. It is written with instructions of x86: elsewhere dlib's own takes its
/// place.
const SCANS: &[(InstructionSet, Scan)] = &[
    #[cfg(target_arch = "x86_64")]
    (InstructionSet::Avx2, sbi_scan_avx2),
    #[cfg(target_arch = "x86_64")]
    (InstructionSet::Any, sbi_scan_any),
];

/// The builds of the scan that this processor runs, the fastest first.
fn scans() -> impl Iterator<Item = Scan> {
    runnable(SCANS.iter().copied()).map(|(_, scan)| scan)
}

/// dlib's HOG detector of frontal faces. Threads may share it.
pub struct DlibFaceDetector(NonNull<c_void>);

// SAFETY: the object holds no reference to the thread that made it, and detection only reads it.
unsafe impl Send for DlibFaceDetector {}
// SAFETY: as above.
unsafe impl Sync for DlibFaceDetector {}

impl DlibFaceDetector {
    /// Makes the detector that comes with dlib.
    pub fn new() -> Result<Self, DlibError> {
        // SAFETY: the shim returns an object of its own, or null with a message.
        made(|error| unsafe { sbi_dlib_detector_new(error) }).map(DlibFaceDetector)
    }

    /// Finds faces on the image enlarged to twice its size (`pyramid_up`), in coordinates of the image, most certain first.
    ///
    /// These are the rectangles that dlib's own scan gives, from one that does the same arithmetic faster.
    pub fn detect(&self, image: &RgbImage) -> Result<Vec<DlibRect>, DlibError> {
        self.detect_by(scans().next(), image)
    }

    /// Finds faces with one build of the scan, or with dlib's own where `scan` is `None`.
    fn detect_by(&self, scan: Option<Scan>, image: &RgbImage) -> Result<Vec<DlibRect>, DlibError> {
        let (height, width) = size(image);
        let (data, detector) = (image.data().as_ptr(), self.0.as_ptr());
        let (mut found, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: the image lives through the call and has the size given; a scan comes from `scans`, so this processor
        // runs it. `found` stays null when the call fails.
        checked(|error| unsafe {
            sbi_dlib_detect(detector, data, height, width, scan, &mut found, &mut count, error)
        })?;
        // SAFETY: the call has succeeded, so `found` is malloc'ed memory of `count` times four numbers that is ours; it
        // is copied first.
        unsafe {
            let rectangles = std::slice::from_raw_parts(found.cast::<DlibRect>(), count as usize).to_vec();
            libc::free(found.cast());
            Ok(rectangles)
        }
    }
}

impl Drop for DlibFaceDetector {
    fn drop(&mut self) {
        // SAFETY: made by the shim and owned by nobody else.
        unsafe { sbi_dlib_detector_free(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{resized, warped};

    /// The licence-free portrait that set-up places, or nothing without it.
    fn portrait() -> Option<RgbImage> {
        let path = crate::testing::placed("data/sample/astronaut.png")?;
        Some(crate::imaging::read_image(&path).unwrap())
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
            assert_eq!(fast, detector.detect_by(None, image).unwrap(), "{image:?}");
            for scan in scans() {
                assert_eq!(fast, detector.detect_by(Some(scan), image).unwrap(), "{image:?}");
            }
            faces += fast.len();
        }
        assert!(faces >= 5, "only {faces} faces: the comparison says little");
    }
}

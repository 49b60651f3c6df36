//! From a decoder's pixels to BGR.

use super::error::{AvError, check};
use super::frame::AvFrame;
use super::library::loaded;
use super::sys;
use std::ffi::c_int;
use std::ptr::{null, null_mut};

/// Room that conversions may write beyond the last row.
const BEYOND: usize = 64;

/// Converts frames to 8-bit BGR as OpenCV does: bicubic where colours are stored at a lower resolution, BT.601 limited
/// range whatever the file says, at the size that is coded.
pub struct Scaler(*mut sys::SwsContext);

// SAFETY: the context is used by one thread at a time, and owns what it points to.
unsafe impl Send for Scaler {}

/// How a converted frame lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgrLayout {
    /// Pixels of a row that belong to the frame.
    pub width: usize,
    /// Rows that belong to the frame.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Width and height that are converted: the coded ones, where the frame has them.
    converted: (usize, usize),
}

impl BgrLayout {
    /// For `frame`, from a decoder that codes frames of size `coded`.
    pub fn of(frame: &AvFrame, coded: (usize, usize)) -> BgrLayout {
        let (width, height) = frame.size();
        let larger = coded.0 >= width && coded.1 >= height;
        let converted = if larger && frame.holds(coded.0, coded.1) { coded } else { (width, height) };
        BgrLayout { width, height, stride: (converted.0 * 3).next_multiple_of(64), converted }
    }

    /// Bytes that are needed.
    pub fn bytes(&self) -> usize {
        self.stride * self.converted.1 + BEYOND
    }
}

impl Default for Scaler {
    fn default() -> Self {
        Scaler(null_mut())
    }
}

impl Scaler {
    /// Writes a frame as BGR, row by row.
    ///
    /// Fails for frames that nobody can convert.
    ///
    /// # Panics
    /// When `out` has fewer than [`BgrLayout::bytes`].
    pub fn to_bgr(&mut self, frame: &AvFrame, layout: &BgrLayout, out: &mut [u8]) -> Result<(), AvError> {
        assert!(out.len() >= layout.bytes(), "room for {layout:?}");
        let (width, height) = layout.converted;
        if !frame.holds(width, height) {
            return Err(AvError::INVALID);
        }
        let raw = frame.raw();
        let (width, height) = (width as c_int, height as c_int);
        let scale = &loaded().scale;
        // SAFETY: the context is ours or null. `holds` has seen that all planes have the rows that are read, and `out`
        // has room for the rows that are written and for what conversions write beyond the last of them.
        unsafe {
            self.0 = scale.sws_getCachedContext(
                self.0,
                width,
                height,
                raw.format,
                width,
                height,
                sys::AV_PIX_FMT_BGR24,
                sys::SWS_BICUBIC as c_int,
                null_mut(),
                null_mut(),
                null(),
            );
            if self.0.is_null() {
                return Err(AvError::INVALID);
            }
            let planes = [out.as_mut_ptr(), null_mut(), null_mut(), null_mut()];
            let strides = [layout.stride as c_int, 0, 0, 0];
            check(scale.sws_scale(
                self.0,
                raw.data.as_ptr().cast(),
                raw.linesize.as_ptr(),
                0,
                height,
                planes.as_ptr(),
                strides.as_ptr(),
            ))?;
        }
        Ok(())
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the context is ours and not used again.
            unsafe { loaded().scale.sws_freeContext(self.0) };
        }
    }
}

//! JPEG data in memory, through libjpeg-turbo.

use std::ffi::{CStr, c_char};

/// How the colours of data with three components are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Colours {
    /// As the data's own header says.
    ByHeader = 0,
    /// Brightness and two differences of colour.
    Ycc = 1,
    /// Red, green and blue.
    Rgb = 2,
}

/// At which resolution a JPEG stores colours, beside that of brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum JpegSampling {
    /// Half, across and down: what most programs write.
    Half = 0,
    /// Half across.
    HalfAcross = 1,
    /// The same.
    Full = 2,
    /// Not at all: the image becomes grey.
    Grey = 3,
}

/// What is missing from an image, as the shim numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
#[expect(dead_code, reason = "the shim makes them")]
enum RawMissing {
    Nothing = 0,
    Rows = 1,
    Colours = 2,
    Details = 3,
}

#[repr(C)]
struct Outcome {
    width: u32,
    height: u32,
    good_rows: u32,
    missing: RawMissing,
    ends_early: i32,
    error: [c_char; 200],
}

unsafe extern "C" {
    fn sbi_jpeg_size(data: *const u8, length: usize, outcome: *mut Outcome) -> bool;
    fn sbi_jpeg_decode(
        data: *const u8,
        length: usize,
        colours: Colours,
        pixels: *mut u8,
        capacity: usize,
        outcome: *mut Outcome,
    ) -> bool;
    fn sbi_jpeg_encode(
        pixels: *const u8,
        width: u32,
        height: u32,
        quality: i32,
        sampling: JpegSampling,
        length: *mut usize,
        outcome: *mut Outcome,
    ) -> *mut u8;
}

impl Outcome {
    fn new() -> Outcome {
        Outcome {
            width: 0,
            height: 0,
            good_rows: 0,
            missing: RawMissing::Nothing,
            ends_early: 0,
            error: [0; 200],
        }
    }

    fn message(&self) -> String {
        // SAFETY: the shim ends its messages with a NUL within the array, which begins as zeros.
        unsafe { CStr::from_ptr(self.error.as_ptr()) }.to_string_lossy().into_owned()
    }
}

/// What damaged data lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// All rows from this one on.
    RowsFrom(usize),
    /// All colours: what is there is grey.
    Colours,
    /// Fine detail.
    Details,
}

/// Damage to data that could be decoded all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    /// What is missing or wrong.
    pub missing: Missing,
    /// Whether the data end too early; otherwise something in them is wrong.
    pub ends_early: bool,
}

/// Width and height in pixels, from the header. Fails, with libjpeg's message, where it is none.
pub(crate) fn size(data: &[u8]) -> Result<(usize, usize), String> {
    let mut outcome = Outcome::new();
    // SAFETY: the shim reads `data` within its length and fills the outcome.
    if unsafe { sbi_jpeg_size(data.as_ptr(), data.len(), &mut outcome) } {
        Ok((outcome.width as usize, outcome.height as usize))
    } else {
        Err(outcome.message())
    }
}

/// Decodes into `pixels`: `[height, width, 3]` of the size that [`size`] tells, red first, with the accurate transform and
/// smoothly enlarged colours. Ink (four components) becomes light by OpenCV's formula. Rows that could not be decoded at
/// all keep their bytes.
///
/// Fails, with libjpeg's message, where not a single row could be decoded.
pub(crate) fn decode(data: &[u8], colours: Colours, pixels: &mut [u8]) -> Result<Option<Damage>, String> {
    let mut outcome = Outcome::new();
    // SAFETY: the shim reads `data` within its length, refuses images that are not as large as `pixels`, writes within
    // them and fills the outcome.
    let decoded = unsafe {
        sbi_jpeg_decode(data.as_ptr(), data.len(), colours, pixels.as_mut_ptr(), pixels.len(), &mut outcome)
    };
    if !decoded {
        return Err(outcome.message());
    }
    let missing = match outcome.missing {
        RawMissing::Nothing => return Ok(None),
        RawMissing::Rows => Missing::RowsFrom(outcome.good_rows as usize),
        RawMissing::Colours => Missing::Colours,
        RawMissing::Details => Missing::Details,
    };
    Ok(Some(Damage { missing, ends_early: outcome.ends_early != 0 }))
}

/// Encodes `[height, width, 3]`, red first, at `quality` (1..=100). Fails, with libjpeg's message, for sides of 0 or above
/// 65500 pixels.
///
/// # Panics
/// When `pixels` has another length.
pub(crate) fn encode(
    pixels: &[u8],
    width: usize,
    height: usize,
    quality: i32,
    sampling: JpegSampling,
) -> Result<Vec<u8>, String> {
    assert_eq!(pixels.len(), width * height * 3, "{width} x {height} pixels");
    let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(format!("{width} x {height} pixels are too many"));
    };
    let mut outcome = Outcome::new();
    let mut length = 0;
    // SAFETY: the shim reads as many pixels as asserted and returns `length` bytes of malloc's, which nobody else owns, or
    // null.
    unsafe {
        let bytes = sbi_jpeg_encode(pixels.as_ptr(), w, h, quality, sampling, &mut length, &mut outcome);
        if bytes.is_null() {
            return Err(outcome.message());
        }
        let encoded = std::slice::from_raw_parts(bytes, length).to_vec();
        libc::free(bytes.cast());
        Ok(encoded)
    }
}

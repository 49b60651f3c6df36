//! Frames: decoded, in whatever format the decoder has them.

use super::library::loaded;
use super::sys;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

/// How the brightness of high dynamic range is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HighDynamicRange {
    /// Perceptual quantiser, SMPTE ST 2084.
    Pq,
    /// Hybrid log-gamma, ARIB STD-B67.
    Hlg,
}

/// A decoded frame, or room for one.
pub struct AvFrame(NonNull<sys::AVFrame>);

// SAFETY: a frame owns its struct, and its planes are counted by atomic references.
unsafe impl Send for AvFrame {}

impl AvFrame {
    /// Room for a frame.
    pub fn empty() -> AvFrame {
        // SAFETY: takes nothing; returns a frame that is ours, or null.
        let frame = unsafe { loaded().av.av_frame_alloc() };
        AvFrame(NonNull::new(frame).expect("memory for a frame"))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::AVFrame {
        self.0.as_ptr()
    }

    pub(super) fn raw(&self) -> &sys::AVFrame {
        // SAFETY: the struct is ours, and FFmpeg writes to it only while we call it with the pointer.
        unsafe { self.0.as_ref() }
    }

    /// Width and height in pixels; 0 x 0 without a frame.
    pub fn size(&self) -> (usize, usize) {
        (self.raw().width.max(0) as usize, self.raw().height.max(0) as usize)
    }

    /// When it is shown, in the unit of the packets that it was made from.
    pub fn shown_at(&self) -> Option<i64> {
        let time = self.raw().pts;
        Some(time).filter(|&time| time != i64::MIN)
    }

    /// Whether it was coded without regard to other frames.
    pub fn is_intra(&self) -> bool {
        self.raw().pict_type == sys::AV_PICTURE_TYPE_I
    }

    /// Whether parts of it are guessed, because the data was damaged.
    pub fn is_damaged(&self) -> bool {
        let raw = self.raw();
        raw.flags & sys::AV_FRAME_FLAG_CORRUPT as c_int != 0 || raw.decode_error_flags != 0
    }

    /// High dynamic range, where the stream says so.
    pub fn high_dynamic_range(&self) -> Option<HighDynamicRange> {
        match self.raw().color_trc {
            sys::AVCOL_TRC_SMPTE2084 => Some(HighDynamicRange::Pq),
            sys::AVCOL_TRC_ARIB_STD_B67 => Some(HighDynamicRange::Hlg),
            _ => None,
        }
    }

    /// The name of its format of pixels, such as `yuv420p`.
    pub fn format(&self) -> String {
        // SAFETY: takes a number; returns null or a C string that lives as long as the library.
        let name = unsafe {
            let name = loaded().av.av_get_pix_fmt_name(self.raw().format);
            (!name.is_null()).then(|| CStr::from_ptr(name))
        };
        name.map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// How it is to be turned before it is shown, where this frame itself says so.
    pub(super) fn display_matrix(&self) -> Option<[i32; 9]> {
        // SAFETY: the frame is ours. Its side data of this kind holds nine numbers.
        unsafe {
            let data = loaded().av.av_frame_get_side_data(self.as_ptr(), sys::AV_FRAME_DATA_DISPLAYMATRIX);
            let data = data.as_ref()?;
            (data.size >= size_of::<[i32; 9]>()).then(|| data.data.cast::<[i32; 9]>().read_unaligned())
        }
    }

    /// Whether every plane holds rows for a frame of `width` x `height` pixels, as decoders allot them for sizes that
    /// are rounded up.
    pub(super) fn holds(&self, width: usize, height: usize) -> bool {
        let raw = self.raw();
        // SAFETY: takes a number; the description lives as long as the library.
        let Some(description) = (unsafe { loaded().av.av_pix_fmt_desc_get(raw.format).as_ref() }) else {
            return false;
        };
        let hardware = description.flags & u64::from(sys::AV_PIX_FMT_FLAG_HWACCEL) != 0;
        let palette = description.flags & u64::from(sys::AV_PIX_FMT_FLAG_PAL) != 0;
        if hardware {
            return false;
        }
        (0..4).filter(|&plane| !raw.data[plane].is_null()).all(|plane| {
            if palette && plane == 1 {
                return true;
            }
            let halved = plane == 1 || plane == 2;
            let down = if halved { u32::from(description.log2_chroma_h) } else { 0 };
            let rows = (height + (1 << down) - 1) >> down;
            // SAFETY: takes numbers.
            let line =
                unsafe { loaded().av.av_image_get_linesize(raw.format, width as c_int, plane as c_int) };
            let (Ok(line), Ok(step)) = (usize::try_from(line), usize::try_from(raw.linesize[plane])) else {
                return false;
            };
            let needed = (rows.max(1) - 1) * step + line;
            line <= step && self.room_at(raw.data[plane]).is_some_and(|room| needed <= room)
        })
    }

    /// Bytes from `data` to the end of the buffer that it lies in.
    fn room_at(&self, data: *const u8) -> Option<usize> {
        let at = data as usize;
        self.raw().buf.iter().find_map(|buffer| {
            // SAFETY: a buffer's reference is null or valid as long as the frame holds it.
            let buffer = unsafe { buffer.as_ref() }?;
            let start = buffer.data as usize;
            let end = start + buffer.size;
            (start..end).contains(&at).then(|| end - at)
        })
    }
}

impl Drop for AvFrame {
    fn drop(&mut self) {
        let mut frame = self.as_ptr();
        // SAFETY: the frame is ours and not used again.
        unsafe { loaded().av.av_frame_free(&mut frame) };
    }
}

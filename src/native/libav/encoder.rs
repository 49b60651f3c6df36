//! From images to packets.

use super::error::{AvError, check};
use super::frame::AvFrame;
use super::library::{LibavMissing, libav, loaded};
use super::muxer::{EncodeError, failed};
use super::options::Options;
use super::packet::Packet;
use super::sys;
use std::ffi::{CString, c_int};
use std::ptr::{NonNull, null, null_mut};

/// What an encoder is to do.
#[derive(Clone, Copy, Debug)]
pub struct Encoding<'a> {
    /// FFmpeg's name of the encoder, such as `libx264`.
    pub encoder: &'a str,
    /// Width in pixels; even.
    pub width: usize,
    /// Height in pixels; even.
    pub height: usize,
    /// Frames per second, as a fraction.
    pub rate: (u32, u32),
    /// The format of pixels, such as `yuv420p`.
    pub pixels: PixelFormat,
    /// Frames from one where decoding may begin to the next.
    pub group: u32,
    /// Whether headers are left to the container ([`Muxer::wants_headers`](super::Muxer::wants_headers)).
    pub global_headers: bool,
    /// The encoder's own options, such as `crf`.
    pub options: &'a [(&'a str, &'a str)],
}

/// Formats of pixels that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Colours at half resolution, limited range.
    Yuv420,
    /// Colours at half resolution, full range, as JPEG has them.
    Yuvj420,
    /// Colours at half resolution, 10 bits.
    Yuv420Ten,
    /// Colours at half resolution across.
    Yuv422,
    /// Colours at full resolution.
    Yuv444,
    /// Blue, green, red, and nothing.
    Bgr0,
    /// Eight bits: three of red, three of green, two of blue.
    Rgb8,
}

impl PixelFormat {
    fn number(self) -> sys::AVPixelFormat {
        match self {
            PixelFormat::Yuv420 => sys::AV_PIX_FMT_YUV420P,
            PixelFormat::Yuvj420 => sys::AV_PIX_FMT_YUVJ420P,
            PixelFormat::Yuv420Ten => sys::AV_PIX_FMT_YUV420P10LE,
            PixelFormat::Yuv422 => sys::AV_PIX_FMT_YUV422P,
            PixelFormat::Yuv444 => sys::AV_PIX_FMT_YUV444P,
            PixelFormat::Bgr0 => sys::AV_PIX_FMT_BGR0,
            PixelFormat::Rgb8 => sys::AV_PIX_FMT_RGB8,
        }
    }
}

/// An encoder that was opened.
pub struct Encoder {
    context: NonNull<sys::AVCodecContext>,
    frame: AvFrame,
    scaler: *mut sys::SwsContext,
}

// SAFETY: the contexts are used by one thread at a time, and own what they point to.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Whether this FFmpeg has an encoder of this name.
    pub fn exists(name: &str) -> Result<bool, LibavMissing> {
        let av = &libav()?.av;
        // SAFETY: takes a C string; what is returned is null or lives as long as the library.
        Ok(CString::new(name)
            .is_ok_and(|name| unsafe { !av.avcodec_find_encoder_by_name(name.as_ptr()).is_null() }))
    }

    /// Opens an encoder. Its packets' times count frames.
    pub fn open(encoding: &Encoding<'_>) -> Result<Encoder, EncodeError> {
        let av = &libav()?.av;
        let unknown = || EncodeError::Unknown { what: encoding.encoder.to_owned() };
        let name = CString::new(encoding.encoder).map_err(|_| unknown())?;
        // SAFETY: the name is a C string; the context that is made belongs to the value that is returned, which frees it
        // on every path.
        unsafe {
            let codec = av.avcodec_find_encoder_by_name(name.as_ptr());
            if codec.is_null() {
                return Err(unknown());
            }
            let context = NonNull::new(av.avcodec_alloc_context3(codec)).expect("memory for an encoder");
            let encoder = Encoder { context, frame: AvFrame::empty(), scaler: null_mut() };
            let raw = &mut *context.as_ptr();
            let (rate, per) = (encoding.rate.0 as c_int, encoding.rate.1 as c_int);
            raw.width = encoding.width as c_int;
            raw.height = encoding.height as c_int;
            raw.time_base = sys::AVRational { num: per, den: rate };
            raw.framerate = sys::AVRational { num: rate, den: per };
            raw.pix_fmt = encoding.pixels.number();
            raw.gop_size = encoding.group as c_int;
            // Bytes do not depend on the machine.
            raw.thread_count = 1;
            if encoding.global_headers {
                raw.flags |= sys::AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
            }
            let mut options = Options::new(encoding.options);
            failed(
                "opening the encoder",
                check(av.avcodec_open2(context.as_ptr(), codec, options.as_mut_ptr())),
            )?;
            let frame = &mut *encoder.frame.as_ptr();
            (frame.width, frame.height, frame.format) = (raw.width, raw.height, raw.pix_fmt);
            failed("making a frame", check(av.av_frame_get_buffer(frame, 0)))?;
            Ok(encoder)
        }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::AVCodecContext {
        self.context.as_ptr()
    }

    /// Encodes an image of the encoder's size, RGB row by row, as the frame that is shown at `time`, in frames. Packets
    /// that are ready go to `write`.
    ///
    /// # Panics
    /// When `rgb` has another length.
    pub fn encode(
        &mut self,
        rgb: &[u8],
        time: i64,
        write: &mut dyn FnMut(&Packet) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let raw = self.frame.raw();
        let (width, height, format) = (raw.width, raw.height, raw.format);
        assert_eq!(rgb.len(), width as usize * height as usize * 3, "an image of {width} x {height}");
        let libav = loaded();
        // SAFETY: the frame is ours and has planes of its size; the image has just been found to have as many rows and
        // columns as are read.
        unsafe {
            failed("making a frame", check(libav.av.av_frame_make_writable(self.frame.as_ptr())))?;
            self.scaler = libav.scale.sws_getCachedContext(
                self.scaler,
                width,
                height,
                sys::AV_PIX_FMT_RGB24,
                width,
                height,
                format,
                sys::SWS_BICUBIC as c_int,
                null_mut(),
                null_mut(),
                null(),
            );
            if self.scaler.is_null() {
                return failed("converting a frame", Err(AvError::ARGUMENT));
            }
            let planes = [rgb.as_ptr(), null(), null(), null()];
            let strides = [width * 3, 0, 0, 0];
            let raw = &mut *self.frame.as_ptr();
            let scaled = libav.scale.sws_scale(
                self.scaler,
                planes.as_ptr(),
                strides.as_ptr(),
                0,
                height,
                raw.data.as_ptr(),
                raw.linesize.as_ptr(),
            );
            failed("converting a frame", check(scaled))?;
            raw.pts = time;
            // What encoders with a fixed quantiser go by; nothing to others.
            raw.quality = (*self.as_ptr()).global_quality;
            failed(
                "encoding a frame",
                check(libav.av.avcodec_send_frame(self.as_ptr(), self.frame.as_ptr())),
            )?;
        }
        self.take(write)
    }

    /// Says that no more frames will come, and hands on the packets that are left.
    pub fn finish(
        &mut self,
        write: &mut dyn FnMut(&Packet) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        // SAFETY: the context is ours; without a frame it ends.
        failed("encoding a frame", check(unsafe { loaded().av.avcodec_send_frame(self.as_ptr(), null()) }))?;
        self.take(write)
    }

    fn take(&mut self, write: &mut dyn FnMut(&Packet) -> Result<(), EncodeError>) -> Result<(), EncodeError> {
        loop {
            let packet = Packet::empty();
            // SAFETY: both are ours.
            match check(unsafe { loaded().av.avcodec_receive_packet(self.as_ptr(), packet.as_ptr()) }) {
                Ok(_) => write(&packet)?,
                Err(AvError::AGAIN | AvError::END) => return Ok(()),
                Err(error) => return failed("encoding a frame", Err(error)),
            }
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut context = self.as_ptr();
        let libav = loaded();
        // SAFETY: the contexts are ours and not used again.
        unsafe {
            libav.av.avcodec_free_context(&mut context);
            if !self.scaler.is_null() {
                libav.scale.sws_freeContext(self.scaler);
            }
        }
    }
}

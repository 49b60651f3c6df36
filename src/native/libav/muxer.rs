//! Writing a container.

use super::demuxer::Demuxer;
use super::encoder::Encoder;
use super::error::{AvError, check};
use super::io::{Io, Output};
use super::library::{LibavMissing, libav, loaded};
use super::packet::Packet;
use super::sys;
use std::ffi::{CString, c_int};
use std::ptr::{NonNull, null_mut};

/// Why a video cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// FFmpeg's libraries are not there.
    #[error(transparent)]
    Missing(#[from] LibavMissing),
    /// This FFmpeg cannot write the format, or has no such encoder.
    #[error("this FFmpeg cannot write {what}")]
    Unknown {
        /// The format or the encoder.
        what: String,
    },
    /// An encoder or a container does not take what it was given.
    #[error("{what} failed")]
    Failed {
        /// What was being done.
        what: &'static str,
        /// What FFmpeg says.
        #[source]
        cause: AvError,
    },
}

/// A container that is being written.
pub struct Muxer {
    context: NonNull<sys::AVFormatContext>,
    begun: bool,
    /// The unit of each stream's packets before they are written.
    units: Vec<sys::AVRational>,
    _io: Io,
}

// SAFETY: the context is used by one thread at a time, and owns what it points to.
unsafe impl Send for Muxer {}

impl Muxer {
    /// Begins a container of FFmpeg's format `format`, such as `mp4`.
    pub fn create(output: Box<dyn Output>, format: &str) -> Result<Muxer, EncodeError> {
        let av = &libav()?.av;
        let unknown = || EncodeError::Unknown { what: format.to_owned() };
        let name = CString::new(format).map_err(|_| unknown())?;
        let io = Io::writing(output);
        let mut context = null_mut();
        // SAFETY: the name is a C string; the context that is made is ours.
        let made =
            unsafe { av.avformat_alloc_output_context2(&mut context, null_mut(), name.as_ptr(), null_mut()) };
        let context = NonNull::new(context).filter(|_| made >= 0).ok_or_else(unknown)?;
        // SAFETY: the context is ours, and `io` lives as long.
        unsafe { (*context.as_ptr()).pb = io.as_ptr() };
        Ok(Muxer { context, begun: false, units: Vec::new(), _io: io })
    }

    /// Whether encoders have to leave their headers to the container.
    pub fn wants_headers(&self) -> bool {
        // SAFETY: the context and the description of its format are valid.
        unsafe { (*(*self.context.as_ptr()).oformat).flags & sys::AVFMT_GLOBALHEADER as c_int != 0 }
    }

    /// Adds a stream for what an encoder gives. Returns its position.
    pub fn add_encoder(&mut self, encoder: &Encoder) -> Result<usize, EncodeError> {
        let (stream, number) = self.new_stream();
        // SAFETY: the stream and the encoder's context are valid.
        unsafe {
            let copied = loaded().av.avcodec_parameters_from_context((*stream).codecpar, encoder.as_ptr());
            failed("adding a stream", check(copied))?;
            (*stream).time_base = (*encoder.as_ptr()).time_base;
            (*stream).avg_frame_rate = (*encoder.as_ptr()).framerate;
            self.units.push((*stream).time_base);
        }
        Ok(number)
    }

    /// Adds a stream for the packets of a container's video stream. Returns its position.
    pub fn add_copy(&mut self, container: &Demuxer) -> Result<usize, EncodeError> {
        let (stream, number) = self.new_stream();
        // SAFETY: both streams are valid.
        unsafe {
            let from = container.video();
            let copied = loaded().av.avcodec_parameters_copy((*stream).codecpar, from.codecpar);
            failed("adding a stream", check(copied))?;
            // Tags are a container's own.
            (*(*stream).codecpar).codec_tag = 0;
            (*stream).time_base = from.time_base;
            (*stream).avg_frame_rate = from.avg_frame_rate;
            self.units.push(from.time_base);
        }
        Ok(number)
    }

    /// Has players turn the frames of a stream before they show them: a display matrix as containers hold it.
    pub fn set_display_matrix(&mut self, stream: usize, matrix: [i32; 9]) -> Result<(), EncodeError> {
        let failure = || EncodeError::Failed { what: "setting a display matrix", cause: AvError::ARGUMENT };
        // SAFETY: the stream is one of those that were added. The data that is allotted has room for nine numbers.
        unsafe {
            let stream = self.stream(stream).ok_or_else(failure)?;
            let data = side_data(stream, size_of::<[i32; 9]>());
            NonNull::new(data).ok_or_else(failure)?.cast::<[i32; 9]>().as_ptr().write_unaligned(matrix);
        }
        Ok(())
    }

    /// Writes the header. `options` are the format's own, such as `movflags`.
    pub fn begin(&mut self, options: &[(&str, &str)]) -> Result<(), EncodeError> {
        let mut options = super::options::Options::new(options);
        // SAFETY: the context is ours and has its streams.
        let written =
            unsafe { loaded().av.avformat_write_header(self.context.as_ptr(), options.as_mut_ptr()) };
        failed("writing the header", check(written))?;
        self.begun = true;
        Ok(())
    }

    /// Appends a packet, whose times are in the unit of the encoder or container that it comes from.
    pub fn write(&mut self, packet: &Packet, stream: usize) -> Result<(), EncodeError> {
        let av = &loaded().av;
        let copy = Packet::empty();
        // SAFETY: packets, context and stream are valid; the copy is ours and may be taken over.
        let written = unsafe {
            failed("copying a packet", check(av.av_packet_ref(copy.as_ptr(), packet.as_ptr())))?;
            let unit = self.stream(stream).map_or(self.units[0], |stream| (*stream).time_base);
            (*copy.as_ptr()).stream_index = stream as c_int;
            (*copy.as_ptr()).pos = -1;
            av.av_packet_rescale_ts(copy.as_ptr(), self.units[stream], unit);
            av.av_interleaved_write_frame(self.context.as_ptr(), copy.as_ptr())
        };
        failed("writing a frame", check(written)).map(drop)
    }

    /// Completes the container.
    pub fn finish(mut self) -> Result<(), EncodeError> {
        self.begun = false;
        // SAFETY: the context is ours, its header is written.
        failed("completing the file", check(unsafe { loaded().av.av_write_trailer(self.context.as_ptr()) }))
            .map(drop)
    }

    fn new_stream(&mut self) -> (*mut sys::AVStream, usize) {
        // SAFETY: the context is ours; the stream that is made lives as long.
        let stream = unsafe { loaded().av.avformat_new_stream(self.context.as_ptr(), null_mut()) };
        (NonNull::new(stream).expect("memory for a stream").as_ptr(), self.units.len())
    }

    fn stream(&self, number: usize) -> Option<*mut sys::AVStream> {
        // SAFETY: the context is ours and has `nb_streams` streams.
        unsafe {
            let raw = self.context.as_ref();
            (number < raw.nb_streams as usize).then(|| *raw.streams.add(number))
        }
    }
}

/// # Safety
/// The stream must be valid.
#[cfg(not(libav_coded_side_data))]
unsafe fn side_data(stream: *mut sys::AVStream, size: usize) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe { loaded().av.av_stream_new_side_data(stream, sys::AV_PKT_DATA_DISPLAYMATRIX, size) }
}

/// # Safety
/// The stream must be valid.
#[cfg(libav_coded_side_data)]
unsafe fn side_data(stream: *mut sys::AVStream, size: usize) -> *mut u8 {
    // SAFETY: as the caller promises; the entry that is made has room for `size` bytes.
    unsafe {
        let parameters = &mut *(*stream).codecpar;
        let entry = loaded().av.av_packet_side_data_new(
            &mut parameters.coded_side_data,
            &mut parameters.nb_coded_side_data,
            sys::AV_PKT_DATA_DISPLAYMATRIX,
            size,
            0,
        );
        if entry.is_null() { null_mut() } else { (*entry).data }
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        // SAFETY: the context is ours and not used again; its output outlives it.
        unsafe { loaded().av.avformat_free_context(self.context.as_ptr()) };
    }
}

/// Says what was being done when something failed.
pub(super) fn failed<T>(what: &'static str, result: Result<T, AvError>) -> Result<T, EncodeError> {
    result.map_err(|cause| EncodeError::Failed { what, cause })
}

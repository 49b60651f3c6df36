//! Reading a container.

use super::error::{AvError, check};
use super::formats::recognise;
use super::frame::AvFrame;
use super::io::{Input, Io};
use super::library::{LibavMissing, libav, loaded};
use super::packet::Packet;
use super::{Turn, sys};
use std::ffi::{c_char, c_int};
use std::ptr::{NonNull, null_mut};

/// Why a file cannot be demuxed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// FFmpeg's libraries are not there.
    #[error(transparent)]
    Missing(#[from] LibavMissing),
    /// No format knows the file's first bytes.
    #[error("in no format that is known for videos or photographs")]
    Unknown,
    /// A list of other files, which is never followed.
    #[error("a list of other files ({format}), not a video")]
    List {
        /// The format's name.
        format: String,
    },
    /// A format that holds no video, or that is not read.
    #[error("not a video: {format}")]
    Other {
        /// The format's name, for people.
        format: String,
    },
    /// The format is known and its header cannot be read.
    #[error("damaged or cut off: its header cannot be read ({format})")]
    Header {
        /// The format's name, for people.
        format: String,
        /// What FFmpeg says.
        #[source]
        cause: AvError,
    },
    /// There are streams, but none with frames.
    #[error("no video stream: it holds {}", if holds.is_empty() { "nothing" } else { holds.as_str() })]
    NoVideo {
        /// What there is instead.
        holds: String,
    },
}

/// A container that is being read, of which one video stream is of interest.
pub struct Demuxer {
    context: NonNull<sys::AVFormatContext>,
    stream: usize,
    format: String,
    /// Dropped after the context, which uses it.
    _io: Io,
}

// SAFETY: the context is used by one thread at a time, and owns what it points to.
unsafe impl Send for Demuxer {}

impl Demuxer {
    /// Reads the header. `extension` (without a dot) helps where the first bytes fit several formats.
    pub fn open(input: Box<dyn Input>, extension: &str) -> Result<Demuxer, OpenError> {
        let av = &libav()?.av;
        let io = Io::reading(input);
        let format = recognise(&io, extension)?;
        // SAFETY: `context` is a new context; opening frees it when it fails. The buffers of `io` outlive it.
        let context = unsafe {
            let mut context = av.avformat_alloc_context();
            let raw = context.as_mut().expect("memory for a context");
            raw.pb = io.as_ptr();
            raw.io_open = Some(refuse);
            let opened =
                check(av.avformat_open_input(&mut context, c"".as_ptr(), format.description, null_mut()));
            opened.map_err(|cause| match format.by_content {
                true => OpenError::Header { format: format.told.clone(), cause },
                // Where only the name speaks for a format, and the content does not, it is none.
                false => OpenError::Unknown,
            })?;
            NonNull::new(context).expect("an opened context")
        };
        let mut demuxer = Demuxer { context, stream: 0, format: format.told, _io: io };
        // SAFETY: the context is open and ours. Streams of which nothing can be found out are found out about in decoding.
        unsafe { av.avformat_find_stream_info(context.as_ptr(), null_mut()) };
        demuxer.stream = demuxer.first_video()?;
        demuxer.leave_out_others();
        Ok(demuxer)
    }

    pub(super) fn raw(&self) -> &sys::AVFormatContext {
        // SAFETY: the context is ours, and FFmpeg writes to it only while we call it.
        unsafe { self.context.as_ref() }
    }

    fn streams(&self) -> impl Iterator<Item = &sys::AVStream> {
        let raw = self.raw();
        // SAFETY: there are `nb_streams` valid pointers.
        (0..raw.nb_streams as usize).map(|number| unsafe { &**raw.streams.add(number) })
    }

    /// The video stream's own description.
    pub(super) fn video(&self) -> &sys::AVStream {
        // SAFETY: `first_video` found the stream among those that there are, and none is ever removed.
        unsafe { &**self.raw().streams.add(self.stream) }
    }

    /// The first stream with frames that is no cover image.
    fn first_video(&self) -> Result<usize, OpenError> {
        let mut holds = Vec::new();
        for (number, stream) in self.streams().enumerate() {
            let cover = stream.disposition & sys::AV_DISPOSITION_ATTACHED_PIC as c_int != 0;
            // SAFETY: each stream has its parameters.
            let what = match unsafe { (*stream.codecpar).codec_type } {
                sys::AVMEDIA_TYPE_VIDEO if !cover => return Ok(number),
                sys::AVMEDIA_TYPE_VIDEO => "a cover image",
                sys::AVMEDIA_TYPE_AUDIO => "sound",
                sys::AVMEDIA_TYPE_SUBTITLE => "subtitles",
                _ => "data",
            };
            if !holds.contains(&what) {
                holds.push(what);
            }
        }
        Err(OpenError::NoVideo { holds: holds.join(" and ") })
    }

    /// Spares the work of reading streams that nobody looks at.
    fn leave_out_others(&mut self) {
        for (number, stream) in (0..self.raw().nb_streams as usize).map(|number| {
            // SAFETY: there are `nb_streams` valid pointers, and nobody else holds a reference.
            (number, unsafe { &mut **self.context.as_ref().streams.add(number) })
        }) {
            if number != self.stream {
                stream.discard = sys::AVDISCARD_ALL;
            }
        }
    }

    /// The container's format, for people.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// Position of the video stream in the container.
    pub fn stream(&self) -> usize {
        self.stream
    }

    /// The video's number of frames as OpenCV's `CAP_PROP_FRAME_COUNT` tells it: what the container declares, else
    /// duration times frame rate. 0 where neither is known.
    pub fn declared_frames(&self) -> u64 {
        let stream = self.video();
        let declared = stream.nb_frames;
        let frames =
            if declared != 0 { declared as f64 } else { (self.seconds() * self.rate() + 0.5).floor() };
        if frames.is_finite() { frames.max(0.0) as u64 } else { 0 }
    }

    /// Duration in seconds as OpenCV computes it; not a positive number where nothing is known.
    pub(super) fn seconds(&self) -> f64 {
        const UNIT: f64 = sys::AV_TIME_BASE as f64;
        const NOTHING: f64 = 0.000025;
        let whole = self.raw().duration as f64 / UNIT;
        let stream = self.video();
        if whole < NOTHING { stream.duration as f64 * ratio(stream.time_base) } else { whole }
    }

    /// Frames per second as OpenCV computes them; 0 where nothing is known.
    pub fn rate(&self) -> f64 {
        const NOTHING: f64 = 0.000025;
        let stream = self.context.as_ptr();
        let video: *const sys::AVStream = self.video();
        // SAFETY: both are ours; the frame may be null.
        let guess = unsafe { loaded().av.av_guess_frame_rate(stream, video.cast_mut(), null_mut()) };
        let rate = ratio(guess);
        if rate < NOTHING { ratio(self.video().avg_frame_rate) } else { rate }
    }

    /// The length of the unit of time stamps, in seconds.
    pub fn unit(&self) -> f64 {
        ratio(self.video().time_base)
    }

    /// Whether the video stream is declared to be encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.side_data(sys::AV_PKT_DATA_ENCRYPTION_INIT_INFO).is_some()
    }

    /// How frames are to be turned so that they stand upright, as the container says.
    pub fn turn(&self) -> Turn {
        let matrix = self.side_data(sys::AV_PKT_DATA_DISPLAYMATRIX).filter(|data| data.len() >= 36);
        matrix.map_or(Turn::NONE, |data| {
            let number = |at: usize| i32::from_ne_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
            Turn::from_matrix(&std::array::from_fn(|at| number(4 * at)))
        })
    }

    /// The same, where a frame of its own may say otherwise.
    pub fn turn_of(&self, frame: &AvFrame) -> Turn {
        frame.display_matrix().map_or_else(|| self.turn(), |matrix| Turn::from_matrix(&matrix))
    }

    #[cfg(not(libav_coded_side_data))]
    fn side_data(&self, kind: sys::AVPacketSideDataType) -> Option<&[u8]> {
        let mut size = 0;
        // SAFETY: the stream is ours; what is returned is null or `size` bytes that live as long as the stream.
        unsafe {
            let data = loaded().av.av_stream_get_side_data(self.video(), kind, &mut size);
            (!data.is_null()).then(|| std::slice::from_raw_parts(data, size))
        }
    }

    #[cfg(libav_coded_side_data)]
    fn side_data(&self, kind: sys::AVPacketSideDataType) -> Option<&[u8]> {
        // SAFETY: the stream's parameters are ours and hold `nb_coded_side_data` entries, each with `size` bytes.
        unsafe {
            let parameters = &*self.video().codecpar;
            let entries = 0..parameters.nb_coded_side_data.max(0) as usize;
            let entry =
                entries.map(|number| &*parameters.coded_side_data.add(number)).find(|e| e.type_ == kind)?;
            Some(std::slice::from_raw_parts(entry.data, entry.size))
        }
    }

    /// The next packet of the video stream; `None` at the end. An error means that the file is damaged here; reading may
    /// go on behind the damage.
    pub fn read(&mut self) -> Result<Option<Packet>, AvError> {
        loop {
            let packet = Packet::empty();
            // SAFETY: both are ours; the packet is empty.
            match check(unsafe { loaded().av.av_read_frame(self.context.as_ptr(), packet.as_ptr()) }) {
                Ok(_) if packet.stream() == self.stream => return Ok(Some(packet)),
                Ok(_) => {}
                Err(AvError::END) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes to the last packet where decoding may begin at or before `time`, a time of decoding in the stream's unit.
    pub fn seek(&mut self, time: i64) -> Result<(), AvError> {
        // SAFETY: the context is ours.
        let sought = unsafe {
            loaded().av.avformat_seek_file(
                self.context.as_ptr(),
                self.stream as c_int,
                i64::MIN,
                time,
                time,
                0,
            )
        };
        check(sought).map(drop)
    }
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the context is ours and not used again; its input outlives it.
        unsafe { loaded().av.avformat_close_input(&mut context) };
    }
}

/// What FFmpeg calls when a format wants another file.
unsafe extern "C" fn refuse(
    _: *mut sys::AVFormatContext,
    _: *mut *mut sys::AVIOContext,
    _: *const c_char,
    _: c_int,
    _: *mut *mut sys::AVDictionary,
) -> c_int {
    AvError::FORBIDDEN.number()
}

/// A quotient, or 0 where there is none.
fn ratio(value: sys::AVRational) -> f64 {
    if value.num == 0 || value.den == 0 { 0.0 } else { f64::from(value.num) / f64::from(value.den) }
}

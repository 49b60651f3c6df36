//! From packets to frames.

use super::demuxer::Demuxer;
use super::encoder::Encoder;
use super::error::{AvError, check};
use super::frame::AvFrame;
use super::library::loaded;
use super::packet::Packet;
use super::sys;
use std::ffi::{CStr, c_int};
use std::ptr::{NonNull, null, null_mut};

/// Why a stream cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecoderError {
    /// This FFmpeg has no decoder for the codec.
    #[error("this FFmpeg has no decoder for {codec}")]
    None {
        /// The codec's name.
        codec: String,
    },
    /// The decoder does not take the stream.
    #[error("the decoder of {codec} does not take it")]
    Refused {
        /// The codec's name.
        codec: String,
        /// What FFmpeg says.
        #[source]
        cause: AvError,
    },
}

/// What a decoder says when it is asked for a frame.
pub enum Received {
    /// A frame is in the place that was given.
    Frame,
    /// It wants another packet first.
    WantsMore,
    /// All frames have come.
    End,
}

/// A decoder of the video stream of one container.
pub struct Decoder(NonNull<sys::AVCodecContext>);

// SAFETY: the context is used by one thread at a time, and owns what it points to.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Opens the decoder of the container's video stream, which may use `threads` threads.
    pub fn open(container: &Demuxer, threads: usize) -> Result<Decoder, DecoderError> {
        let av = &loaded().av;
        let parameters = container.video().codecpar;
        let codec = name(container);
        // SAFETY: the parameters live as long as the container; the decoder's description as long as the library. The
        // context that is made belongs to the value that is returned, which frees it on every path.
        unsafe {
            let found = av.avcodec_find_decoder((*parameters).codec_id);
            if found.is_null() {
                return Err(DecoderError::None { codec });
            }
            let context = NonNull::new(av.avcodec_alloc_context3(found)).expect("memory for a decoder");
            let decoder = Decoder(context);
            let refused = |cause| DecoderError::Refused { codec: codec.clone(), cause };
            check(av.avcodec_parameters_to_context(context.as_ptr(), parameters)).map_err(refused)?;
            (*context.as_ptr()).thread_count = threads.clamp(1, 16) as c_int;
            check(av.avcodec_open2(context.as_ptr(), found, null_mut())).map_err(refused)?;
            Ok(decoder)
        }
    }

    /// Opens the decoder of what an encoder gives, packet by packet, with one thread. The encoder must write its headers
    /// into its packets.
    pub fn of_encoder(encoder: &Encoder) -> Result<Decoder, DecoderError> {
        let av = &loaded().av;
        // SAFETY: the encoder's context is valid and only read; the decoder's description lives as long as the library.
        // The context that is made belongs to the value that is returned, which frees it on every path.
        unsafe {
            let from = &*encoder.as_ptr();
            let codec = CStr::from_ptr(av.avcodec_get_name(from.codec_id)).to_string_lossy().into_owned();
            let found = av.avcodec_find_decoder(from.codec_id);
            if found.is_null() {
                return Err(DecoderError::None { codec });
            }
            let context = NonNull::new(av.avcodec_alloc_context3(found)).expect("memory for a decoder");
            let decoder = Decoder(context);
            let raw = &mut *context.as_ptr();
            (raw.width, raw.height, raw.thread_count) = (from.width, from.height, 1);
            let opened = check(av.avcodec_open2(raw, found, null_mut()));
            opened.map_err(|cause| DecoderError::Refused { codec, cause })?;
            Ok(decoder)
        }
    }

    /// Hands over a packet, or says with `None` that no more will come. All frames that are ready must have been taken.
    /// A packet that cannot be decoded is an error, after which others may be sent.
    pub fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let packet = packet.map_or(null(), |packet| packet.as_ptr().cast_const());
        // SAFETY: the context is ours and open; the packet is valid or null.
        check(unsafe { loaded().av.avcodec_send_packet(self.0.as_ptr(), packet) }).map(drop)
    }

    /// Takes the next frame in the order in which they are shown, into `frame`.
    pub fn receive(&mut self, frame: &mut AvFrame) -> Result<Received, AvError> {
        // SAFETY: both are ours; what was in the frame before is released.
        match check(unsafe { loaded().av.avcodec_receive_frame(self.0.as_ptr(), frame.as_ptr()) }) {
            Ok(_) => Ok(Received::Frame),
            Err(AvError::AGAIN) => Ok(Received::WantsMore),
            Err(AvError::END) => Ok(Received::End),
            Err(error) => Err(error),
        }
    }

    /// Forgets everything: the next packet is one where decoding may begin.
    pub fn reset(&mut self) {
        // SAFETY: the context is ours and open.
        unsafe { loaded().av.avcodec_flush_buffers(self.0.as_ptr()) };
    }

    /// How many frames may be shown before one that was decoded ahead of them.
    pub fn frames_reordered(&self) -> usize {
        // SAFETY: the context is ours, and FFmpeg writes to it only while we call it.
        unsafe { self.0.as_ref() }.has_b_frames.max(0) as usize
    }

    /// Width and height of frames as they are coded, in whole blocks.
    pub fn coded_size(&self) -> (usize, usize) {
        // SAFETY: the context is ours, and FFmpeg writes to it only while we call it.
        let raw = unsafe { self.0.as_ref() };
        (raw.coded_width.max(0) as usize, raw.coded_height.max(0) as usize)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut context = self.0.as_ptr();
        // SAFETY: the context is ours and not used again.
        unsafe { loaded().av.avcodec_free_context(&mut context) };
    }
}

/// The name of a container's video codec, such as `h264`; of one that FFmpeg does not know, the container's own.
pub fn name(container: &Demuxer) -> String {
    // SAFETY: the parameters live as long as the container.
    let (id, tag) = unsafe {
        let parameters = &*container.video().codecpar;
        (parameters.codec_id, parameters.codec_tag)
    };
    if id == sys::AV_CODEC_ID_NONE {
        let letters: String = tag.to_le_bytes().iter().map(|&byte| char::from(byte)).collect();
        let plain = tag != 0 && letters.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ');
        return if plain { format!("the codec {:?}", letters.trim()) } else { "its codec".to_owned() };
    }
    // SAFETY: names are C strings that live as long as the library.
    unsafe { CStr::from_ptr(loaded().av.avcodec_get_name(id)) }.to_string_lossy().into_owned()
}

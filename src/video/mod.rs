//! Videos through FFmpeg's libraries, in this process: reading and writing.
//!
//! Files of strangers are read by [`media`](crate::media), which lets this happen in a process without rights.
//!
//! Frames are what OpenCV's FFmpeg backend makes of them, pixel for pixel, because published weights only give published
//! accuracy when every pixel of the preprocessing matches. What that backend does wrong (turned phone videos, sizes and
//! formats of pixels that change, headers that count wrong, pauses) is right here.

mod indices;
mod input;
mod packets;
mod plan;
mod random_access;
mod reader;
mod recompression;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod wanted;
mod whole;
mod writer;

pub use indices::{distinct_frame_indices, frame_indices, training_positions};
pub use input::FileInput;
pub use plan::{FramePlan, VideoLength};
pub use reader::{Counting, DecodeReport, Decoded, Rows, VideoReader};
pub use recompression::{Compression, RecompressionError, recompressed, require_encoders};
pub use wanted::Wanted;
pub use writer::{VideoWriter, WriteError};

use crate::native::libav::{AvError, DecoderError, OpenError};

/// Why a video cannot be read. The path is known to whoever opened the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be demuxed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be decoded.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// It is encrypted.
    #[error("the video is encrypted; it can be read once its publisher's program has decrypted it")]
    Encrypted,
    /// It opens but holds no frame.
    #[error("the video has no frames")]
    NoFrames,
    /// A frame that is larger than allowed.
    #[error("a frame of {width} x {height} pixels, more than the limit of {limit} pixels")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The largest number of pixels that is read.
        limit: u64,
    },
    /// There is less memory than it takes.
    #[error("decoding takes more memory than the limit for one file")]
    Memory,
    /// A frame whose pixels nobody can convert.
    #[error("a frame that cannot be converted")]
    Pixels(#[from] AvError),
}

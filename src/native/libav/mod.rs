//! FFmpeg's libraries behind safe types: reading a container, decoding, scaling, encoding, writing a container.
//!
//! Input is always a file that the caller opened. No function here opens a file or a connection by name, and formats
//! that would (lists of other files) are not among those that are read.

mod decoder;
mod demuxer;
mod encoder;
mod error;
mod facts;
mod formats;
mod frame;
mod io;
mod library;
mod muxer;
mod options;
mod packet;
mod scaler;
mod turn;

pub use decoder::{Decoder, DecoderError, Received, name as codec_name};
pub use demuxer::{Demuxer, OpenError};
pub use encoder::{Encoder, Encoding, PixelFormat};
pub use error::AvError;
pub use facts::ContainerFacts;
pub use frame::{AvFrame, HighDynamicRange};
pub use io::{Input, Output};
pub use library::{LibavMissing, errors_told, preload, version};
pub use muxer::{EncodeError, Muxer};
pub use packet::Packet;
pub use scaler::{BgrLayout, Scaler};
pub use turn::Turn;

/// FFmpeg's declarations, from its own headers.
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    reason = "written by a program"
)]
mod declarations {
    pub(super) mod sys {
        include!(concat!(env!("OUT_DIR"), "/libav.rs"));
    }

    /// Of libswscale.
    pub(super) mod scale_sys {
        include!(concat!(env!("OUT_DIR"), "/swscale.rs"));
    }
}

use declarations::{scale_sys, sys};

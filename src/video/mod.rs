//! Videos: which frames, decoding ahead of the consumer, writing.
//!
//! One sequential pass per video, through OpenCV's FFmpeg backend: seeking to a time stamp lands on another
//! frame in many files. Frames nobody wants are skipped without colour conversion. Upright phone videos
//! come upright, as OpenCV applies their rotation metadata.

mod ahead;
mod indices;
mod media;
mod reader;
mod writer;

pub use ahead::{DecodeEvent, Decoding, Decodings};
pub use indices::{distinct_frame_indices, frame_indices, training_positions};
pub use media::{MediaFiles, media_files, read_one_frame};
pub use reader::{DecodeReport, VideoReader};
pub use writer::VideoWriter;

use std::path::PathBuf;

/// What can go wrong with a video.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there or may not be read.
    #[error(transparent)]
    File(#[from] crate::file_error::FileError),
    /// No decoder takes it.
    #[error("{}: not a readable video (damaged, cut off, or not a video at all)", path.display())]
    Unreadable {
        /// The video's file.
        path: PathBuf,
    },
    /// A folder without photographs and videos.
    #[error("{}: no photographs or videos in this folder", path.display())]
    EmptyFolder {
        /// The folder that was searched.
        path: PathBuf,
    },
    /// It opens but holds no frame.
    #[error("{}: the video has no frames", path.display())]
    NoFrames {
        /// The video's file.
        path: PathBuf,
    },
    /// A photograph that cannot be read.
    #[error(transparent)]
    Image(#[from] crate::imaging::Error),
    /// OpenCV takes paths as UTF-8 only.
    #[error("{}: the path is not valid UTF-8; rename the file", path.display())]
    PathNotUtf8 {
        /// The video's file.
        path: PathBuf,
    },
    /// The video cannot be written.
    #[error("{}: cannot write this video (no encoder for {width} x {height}?)", path.display())]
    Unwritable {
        /// The video's file.
        path: PathBuf,
        /// The frames' width in pixels.
        width: usize,
        /// The frames' height in pixels.
        height: usize,
    },
    /// An OpenCV function failed.
    #[error("{}: OpenCV failed", path.display())]
    OpenCv {
        /// The video's file.
        path: PathBuf,
        /// OpenCV's own message.
        #[source]
        cause: opencv::Error,
    },
}

//! From a path to frames: videos and photographs, wherever they come from.
//!
//! A file from a stranger meets more than a million lines of C in the libraries that decode it. So it is decoded in a
//! process of its own that can do nothing else: `decoder` starts a server, this program again; the server forks a worker
//! for each file, which gives up its rights, decodes the file through the handle that it was given, and hands frames back
//! through shared memory. If it crashes, hangs or asks for too much, that file is unreadable, and everything else goes on.
//!
//! [`Decodings`] does that for many files ahead of whoever looks at their frames.

mod ahead;
mod decoder;
mod files;
mod kind;
mod limits;
mod media_file;

pub use ahead::{DecodeEvent, Decoding, Decodings};
pub use decoder::{probe_walls, serve_if_asked, start_early};
pub use files::{MediaFiles, media_files, media_files_by_name, read_one_frame};
pub use kind::MediaKind;
pub use limits::{MediaLimits, Reading};
pub use media_file::MediaFile;

pub use crate::native::jail::Walls;
pub use crate::native::libav::ContainerFacts;
pub use crate::video::{Counting, DecodeReport, VideoLength, Wanted};

use std::path::PathBuf;

/// Why no frames come from a file or a folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there or may not be read.
    #[error(transparent)]
    File(#[from] crate::file_error::FileError),
    /// A pipe, a device, a socket.
    #[error("{}: not a regular file (a pipe or a device); save its content to a file first", path.display())]
    NoRegularFile {
        /// The path.
        path: PathBuf,
    },
    /// It is not what it should be, or not readable here.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why, for people.
        reason: String,
    },
    /// The process that decoded it ended before its time.
    #[error("{}: {reason}", path.display())]
    Decoder {
        /// The file.
        path: PathBuf,
        /// How it ended, for people.
        reason: String,
    },
    /// The process that decodes cannot be started or spoken to.
    #[error("{}: no process to decode it in", path.display())]
    NoDecoder {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        cause: std::io::Error,
    },
    /// A folder without photographs and videos.
    #[error("{}: no photographs or videos in this folder", path.display())]
    EmptyFolder {
        /// The folder that was searched.
        path: PathBuf,
    },
}

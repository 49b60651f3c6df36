//! Prepared frames: the files that preprocessing writes beside videos and training reads.
//!
//! Beside `videos/` lie `frames/<video>/<frame>.png` (whole frames), `landmarks/<video>/<frame>.npy` and
//! `retina/<video>/<frame>.npy`, or all of these in archives, and one record of what was done with which settings. This module knows the names and
//! formats of these files and reads and writes them; what is in them is computed by preprocessing.

mod archive;
mod arrays;
mod layout;
mod record;

pub use archive::{ArchiveWriter, Archived, PreparedVideos, archive_path, archives_in};
pub use arrays::{read_boxes, read_landmarks, write_boxes, write_landmarks};
pub use layout::{FrameFiles, VideoFolders};
pub use record::{
    BoxSettings, FrameProblem, LandmarkSettings, PreparedPart, PreparedRecord, PreparedSettings, Totals,
    VideoRecord,
};

use crate::types::Landmarks;
use std::path::PathBuf;

/// A file of a prepared set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An array file that cannot be read or written.
    #[error(transparent)]
    Array(#[from] crate::npy::Error),
    /// An array of another shape than this program writes.
    #[error("{}: expected {expected}, the file has shape {found:?}: was it written by another program, or by a run with other settings? Preparing the set anew replaces it", path.display())]
    Shape {
        /// The array file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A number that is no coordinate of a face: not finite, or further out than [`Landmarks::FARTHEST`].
    #[error("{}: {value} cannot be a coordinate of a face, expected pixels from -{limit} to {limit}; preparing the set anew replaces the file", path.display(), limit = Landmarks::FARTHEST)]
    Coordinate {
        /// The array file.
        path: PathBuf,
        /// The first such number in it.
        value: f64,
    },
    /// A record that cannot be read.
    #[error("{}: not a record of preprocessing", path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// Records of one set that were made with different settings.
    #[error("{}: made with {what} {now}, beside others with {before}", path.display())]
    Settings {
        /// The record's file.
        path: PathBuf,
        /// The setting's name.
        what: &'static str,
        /// Its value in the others.
        before: String,
        /// Its value here.
        now: String,
    },
    /// A folder without records of preprocessing.
    #[error("{}: no record of preprocessing here", folder.display())]
    NoRecord {
        /// The folder.
        folder: PathBuf,
    },
    /// Videos that no shard has prepared.
    #[error("{}: {missing} of {of} videos are missing: {told}", path.display())]
    MissingVideos {
        /// The record of the set.
        path: PathBuf,
        /// How many.
        missing: usize,
        /// How many there are.
        of: usize,
        /// Which ones.
        told: String,
    },
    /// A file or folder that cannot be opened.
    #[error(transparent)]
    File(#[from] crate::file_error::FileError),
    /// A file that could not be written.
    #[error(transparent)]
    Write(#[from] crate::atomic_file::Error),
}

//! Training pairs: which prepared frames are used, and the pairs made of them.

mod list;
mod pair;
mod pool;

pub use list::{FrameList, FrameSelection, VideoChoice};
pub use pair::{Pair, read_faces, read_pair};
pub use pool::{FramePool, Given};

use crate::datasets::SetVersion;
use std::path::PathBuf;

/// Why a frame gives no pair, or a set no frames.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A landmark or box file that cannot be used.
    #[error(transparent)]
    Prepared(#[from] crate::prepared_frames::Error),
    /// A frame that cannot be read.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// A face that cannot be blended.
    #[error("{}: no training pair can be made of this frame", path.display())]
    Blending {
        /// The frame's file.
        path: PathBuf,
        /// Why blending failed.
        #[source]
        cause: crate::blending::Error,
    },
    /// A counterpart that does not lie over its frame.
    #[error("{}: expected the size of its frame, {} x {}, got {} x {}", path.display(), expected.0, expected.1, found.0, found.1)]
    CounterpartSize {
        /// The counterpart's file.
        path: PathBuf,
        /// Width and height of the frame in pixels.
        expected: (usize, usize),
        /// Width and height of the counterpart in pixels.
        found: (usize, usize),
    },
    /// A set in which nothing is prepared.
    #[error("{}: no prepared frames here", folder.display())]
    NotPrepared {
        /// The folder of frames.
        folder: PathBuf,
        /// What has to be prepared.
        set: SetVersion,
    },
    /// A set whose prepared videos are all of other splits.
    #[error("{}: none of the {videos} prepared videos is asked for (the split chooses them by name)", folder.display())]
    NoneChosen {
        /// The folder of frames.
        folder: PathBuf,
        /// How many prepared videos the folder holds.
        videos: usize,
    },
    /// A set in which no frame has all it needs.
    #[error("{}: none of {frames} chosen frames has both landmarks and boxes ({without_landmarks} lack landmarks, {without_boxes} boxes, {too_small} have a too small face)", folder.display())]
    NoneComplete {
        /// The folder of frames.
        folder: PathBuf,
        /// How many frames were chosen.
        frames: usize,
        /// Of these, how many lack landmarks.
        without_landmarks: usize,
        /// Of these, how many lack boxes.
        without_boxes: usize,
        /// Of these, how many show only small faces.
        too_small: usize,
        /// What has to be prepared.
        set: SetVersion,
    },
}

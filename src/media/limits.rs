//! What one file may cost, and how it is read.

use super::Counting;
use crate::imaging::PIXEL_LIMIT;
use serde::{Deserialize, Serialize};

/// What one file may cost. A file that would cost more is unreadable, and the limit is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaLimits {
    /// Pixels of a frame or a photograph.
    pub pixels: u64,
    /// Seconds of computing to decode it, over all threads, and of waiting for it.
    pub seconds: u64,
    /// Bytes of memory to decode it.
    pub memory: u64,
}

impl Default for MediaLimits {
    /// 200 megapixels (8K has 33, the largest sensors of telephones 200), an hour, 4 GiB.
    fn default() -> Self {
        MediaLimits { pixels: PIXEL_LIMIT, seconds: 3600, memory: 4 << 30 }
    }
}

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What counts as a video's number of frames.
    pub counting: Counting,
    /// What a file may cost.
    pub limits: MediaLimits,
}

impl Reading {
    /// As test sets and training data are read: frames are counted as the original programs counted them.
    pub fn as_published(limits: MediaLimits) -> Self {
        Reading { counting: Counting::Declared, limits }
    }

    /// As a person's own files are read: frames are those that are there.
    pub fn as_is(limits: MediaLimits) -> Self {
        Reading { counting: Counting::Real, limits }
    }
}

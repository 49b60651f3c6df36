//! What stretches of memory are for, before sizes are known.

use crate::network::{Map, Size};

/// A stretch of memory of a compiled network. Operations name it by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub kind: BufferKind,
    /// The map of the description that has the buffer's rows and columns.
    pub like: Map,
}

/// What a buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BufferKind {
    /// A map of activations, `[height, width, channels]`, with rows and columns of zeros before and after.
    Map { channels: usize, halo: (usize, usize) },
    /// The result of a block's front, `[channels / lanes][height * width][lanes]`; channels in whole vectors.
    Front { channels: usize },
    /// The sums of that result's rows, `[height][channels]`.
    RowSums { channels: usize },
    /// A number per channel.
    PerChannel { channels: usize },
}

impl BufferKind {
    /// Floats that a buffer of this kind takes for this size.
    pub fn floats(self, (height, width): Size) -> usize {
        match self {
            BufferKind::Map { channels, halo: (before, after) } => {
                (height + before + after) * (width + before + after) * channels
            }
            BufferKind::Front { channels } => height * width * channels,
            BufferKind::RowSums { channels } => height * channels,
            BufferKind::PerChannel { channels } => channels,
        }
    }
}

/// Some neighbouring channels of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The map's buffer.
    pub buffer: usize,
    /// The first of the channels.
    pub first: usize,
    /// How many channels.
    pub channels: usize,
}

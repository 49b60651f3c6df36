//! What is said between the process that wants frames, the server and a worker.

use crate::media::{Counting, DecodeReport, MediaKind, MediaLimits, Walls, Wanted};
use crate::native::jail::Ended;
use crate::native::libav::ContainerFacts;
use crate::video::Rows;
use serde::{Deserialize, Serialize};

/// An order to the server. With it come handles: the file, the shared memory, the worker's end of the session, the server's
/// end of the channel on which it tells how the worker ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub kind: MediaKind,
    /// Whether the file is one that libheif reads.
    pub heif: bool,
    /// The file name's extension, without the dot.
    pub extension: String,
    pub counting: Counting,
    pub limits: MediaLimits,
    pub threads: usize,
    /// Bytes of a frame's place in the shared memory.
    pub place: usize,
    /// How many such places there are.
    pub places: usize,
}

/// From a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// These walls stand; nothing of the file has been looked at yet.
    Walled(Walls),
    /// The file is open. A video's container comes with what it says of itself.
    Opened { frames: usize, fps: f64, facts: Option<Box<ContainerFacts>> },
    /// A frame lies in this place.
    Frame { index: usize, place: usize, rows: Rows, order: Colours },
    /// All that was wanted has come.
    End(DecodeReport),
    /// Nothing comes, or nothing more.
    Failed(String),
}

/// The order of a pixel's three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Colours {
    Rgb,
    Bgr,
}

/// To a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Decode these frames.
    Want(Wanted),
    /// A frame was taken from its place.
    Taken,
}

/// From the server, when a worker has ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct WorkerEnded(pub Ended);

//! The operations of compiled networks: what they read and write, and how they ask their kernels.

mod block;
mod chain;
mod conv;
mod small;

pub(super) use block::{Front, Gate, Project};
pub(super) use chain::{Chain, Pair, Stem};
pub(super) use conv::{Conv, Winograd, WinogradPart};
pub(super) use small::{Affine, EnlargeAdd, MaxPool, MeanShortcut};

use super::places::Places;

/// An operation on numbered buffers, with its weights. What it writes is other than what it reads.
pub(super) trait Operation: Send + Sync {
    /// The buffers that are read.
    fn reads(&self) -> Vec<usize>;

    /// The buffers that are written.
    fn writes(&self) -> Vec<usize>;

    /// Runs once.
    ///
    /// # Panics
    /// When a buffer does not lie in the memory, is of another shape than the operation needs, or is both read and
    /// written, and when there are fewer weights than the kernel reads: mistakes in the engine.
    fn run(&self, places: Places);
}

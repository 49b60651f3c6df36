//! Operations with their weights, on views of memory.

use super::memory::Memory;
use std::ops::Range;
use std::sync::Arc;

/// Where a map of activations lies in memory, and its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Of the first pixel's first channel.
    pub offset: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels that this view shows.
    pub channels: usize,
    /// Floats from a pixel to the one below.
    pub row_stride: usize,
    /// Floats from a pixel to its neighbour.
    pub pixel_stride: usize,
    /// Rows and columns of zeros that lie before and after, in memory too.
    pub halo: (usize, usize),
}

impl View {
    /// The floats that a kernel may touch through this view, halo included.
    pub(super) fn span(&self) -> Range<usize> {
        let (before, after) = self.halo;
        let first = self.offset - before * (self.row_stride + self.pixel_stride);
        let last = self.offset
            + (self.height - 1 + after) * self.row_stride
            + (self.width - 1 + after) * self.pixel_stride;
        first..last + self.channels
    }
}

/// What follows a convolution.
#[derive(Clone)]
pub enum EngineActivation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// x within 0..=limit.
    Clamp(f32),
    /// x * sigmoid(x).
    Swish,
    /// x where positive, else slope * x.
    Leaky(f32),
    /// The same with a slope per channel, padded to whole blocks.
    Slopes(Arc<Memory>),
}

/// A convolution's packed weights and what follows. The layouts are those of `kernels.h`.
#[derive(Clone)]
pub struct Packed {
    /// Packed.
    pub weight: Arc<Memory>,
    /// Padded to whole blocks.
    pub bias: Arc<Memory>,
    /// What follows.
    pub activation: EngineActivation,
}

/// One operation on maps. Each `to` is another map than those that are read.
pub enum Operation<'a> {
    /// A convolution with a square kernel.
    Conv {
        /// Input; its halo is at least the padding.
        from: View,
        /// Output.
        to: View,
        /// Added before the activation.
        onto: Option<View>,
        /// Side.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Padding before the first row and column.
        before: usize,
        /// `[c_out / block][kernel][kernel][c_in][block]`.
        packed: &'a Packed,
    },
    /// The same for 3 x 3, stride 1, padding 1, channels in whole vectors; the halo reaches a whole tile.
    Winograd {
        /// Input.
        from: View,
        /// Output.
        to: View,
        /// Added before the activation.
        onto: Option<View>,
        /// `[position][c_out / block][c_in][block]`.
        packed: &'a Packed,
    },
    /// Expansion and depthwise convolution.
    Front {
        /// Input.
        from: View,
        /// Channels after the expansion.
        channels: usize,
        /// `[channels / block][c_in][block]`.
        expand: Option<&'a Packed>,
        /// `[channels / lanes][kernel][kernel][lanes]`.
        depthwise: &'a Packed,
        /// Side: 3 or 5.
        kernel: usize,
        /// Step: 1 or 2.
        stride: usize,
        /// Padding before the first row and column.
        before: usize,
        /// Rows and columns of the result.
        out: (usize, usize),
        /// Where the result begins: `[channels / lanes][position][lanes]`.
        to: usize,
        /// Where the sums of its rows begin: `[row][channels in whole vectors]`.
        row_sums: Option<usize>,
    },
    /// From row sums to a factor per channel.
    Gate {
        /// Where the row sums begin.
        row_sums: usize,
        /// Rows and columns that they are of.
        size: (usize, usize),
        /// Channels.
        channels: usize,
        /// Channels between the two layers.
        squeezed: usize,
        /// `[squeezed][channels in whole vectors]`.
        reduce: &'a Packed,
        /// The same shape.
        expand: &'a Packed,
        /// Where the factors begin.
        to: usize,
    },
    /// 1 x 1 convolution of a front's result.
    Project {
        /// Where the front's result begins.
        from: usize,
        /// Where the factors begin.
        gate: Option<usize>,
        /// Channels of the front.
        channels: usize,
        /// Output.
        to: View,
        /// Added before the activation.
        onto: Option<View>,
        /// `[c_out / block][channels in whole vectors][block]`.
        packed: &'a Packed,
    },
    /// The largest of 3 x 3, every second one.
    MaxPool {
        /// Input.
        from: View,
        /// Output.
        to: View,
        /// Padding before the first row and column.
        before: usize,
    },
    /// `from` enlarged to the size of `to`, plus `onto`.
    Enlarge {
        /// The smaller one.
        from: View,
        /// Output.
        to: View,
        /// Added.
        onto: View,
    },
    /// max(0, `onto` + means of `from` over 2 x 2).
    MeanShortcut {
        /// What the means are taken of.
        from: View,
        /// Output.
        to: View,
        /// Added.
        onto: View,
    },
    /// A factor and an offset per channel, each padded to whole vectors.
    Affine {
        /// Input.
        from: View,
        /// Output.
        to: View,
        /// Factors in `weight`, offsets in `bias`.
        packed: &'a Packed,
    },
}

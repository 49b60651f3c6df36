//! A block with a depthwise convolution, in two operations or three: its front, the weighing of channels, its projection.

use super::Operation;
use crate::engine::kernels::{RawFront, RawGate, RawProject};
use crate::engine::memory::Memory;
use crate::engine::pack::Packed;
use crate::engine::places::{Places, weights};
use crate::network::{Activation, Window};
use std::ptr::{null, null_mut};

/// Expansion and depthwise convolution.
pub(in crate::engine) struct Front {
    pub from: usize,
    pub to: usize,
    /// Where the sums of the result's rows go, if somebody wants them.
    pub row_sums: Option<usize>,
    /// Channels after the expansion.
    pub channels: usize,
    /// `[channels / block][c_in][block]`.
    pub expand: Option<Packed>,
    /// Of the depthwise convolution: a kernel of 3 or 5, a stride of 1 or 2.
    pub window: Window,
    /// `[channels / lanes][kernel][kernel][lanes]`.
    pub depthwise: Packed,
    /// What follows each of the two.
    pub activation: Activation<Memory>,
}

/// Squeeze and excitation: from row sums to a factor per channel.
pub(in crate::engine) struct Gate {
    pub row_sums: usize,
    pub to: usize,
    pub channels: usize,
    /// Channels between the two layers.
    pub squeezed: usize,
    /// `[squeezed][channels in whole vectors]`.
    pub reduce: Packed,
    /// `[squeezed][channels in whole vectors]`.
    pub expand: Packed,
}

/// The 1 x 1 convolution of a front's result.
pub(in crate::engine) struct Project {
    pub from: usize,
    /// The factors that channels are multiplied by, if there are any.
    pub gate: Option<usize>,
    pub to: usize,
    /// Added before the activation.
    pub onto: Option<usize>,
    /// Channels of the front.
    pub channels: usize,
    /// `[c_out / block][channels in whole vectors][block]`.
    pub packed: Packed,
    pub activation: Activation<Memory>,
}

impl Operation for Front {
    fn reads(&self) -> Vec<usize> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<usize> {
        [self.to].into_iter().chain(self.row_sums).collect()
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let Window { kernel, stride, padding } = self.window;
        assert!(matches!((kernel, stride), (3 | 5, 1 | 2)), "kernel {kernel}, stride {stride}");
        let from = places.map(self.from);
        assert!(self.expand.is_some() || from.channels == self.channels, "channels of {from:?}");
        let (out_height, out_width) = places.size(self.to);
        let wide = places.whole(self.channels);
        let expand = self.expand.as_ref();
        let arguments = RawFront {
            from: places.reads(&from),
            channels: self.channels as i64,
            expand: expand.map_or(null(), |packed| weights(&packed.weight, from.channels * wide)),
            expand_bias: expand.map_or(null(), |packed| weights(&packed.bias, wide)),
            depthwise: weights(&self.depthwise.weight, kernel * kernel * wide),
            bias: weights(&self.depthwise.bias, wide),
            kernel: kernel as i64,
            stride: stride as i64,
            before: padding.before as i64,
            out_height: out_height as i64,
            out_width: out_width as i64,
            to: places.writes_floats(self.to, out_height * out_width * wide),
            row_sums: self.row_sums.map_or(null_mut(), |sums| places.writes_floats(sums, out_height * wide)),
            activation: self.activation.raw(wide),
            threads: places.threads as i64,
        };
        // SAFETY: the kernel reads the map's own pixels, weights, and writes results within the extents just checked;
        // padding is made in its scratch.
        unsafe { places.run(kernels.front, &arguments) }
    }
}

impl Operation for Gate {
    fn reads(&self) -> Vec<usize> {
        vec![self.row_sums]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (height, width) = places.size(self.row_sums);
        let wide = places.whole(self.channels);
        let arguments = RawGate {
            row_sums: places.reads_floats(self.row_sums, height * wide),
            rows: height as i64,
            positions: (height * width) as i64,
            channels: self.channels as i64,
            squeezed: self.squeezed as i64,
            reduce: weights(&self.reduce.weight, self.squeezed * wide),
            reduce_bias: weights(&self.reduce.bias, self.squeezed),
            expand: weights(&self.expand.weight, self.squeezed * wide),
            expand_bias: weights(&self.expand.bias, wide),
            gate: places.writes_floats(self.to, wide),
        };
        // SAFETY: the kernel reads and writes within the extents just checked.
        unsafe { places.run(kernels.gate, &arguments) }
    }
}

impl Operation for Project {
    fn reads(&self) -> Vec<usize> {
        [self.from].into_iter().chain(self.gate).chain(self.onto).collect()
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let to = places.map(self.to);
        let positions = to.height * to.width;
        let (wide, c_out) = (places.whole(self.channels), places.whole(to.channels));
        let arguments = RawProject {
            from: places.reads_floats(self.from, positions * wide),
            gate: self.gate.map_or(null(), |gate| places.reads_floats(gate, wide)),
            positions: positions as i64,
            channels: self.channels as i64,
            onto: places.adds(self.onto, &to),
            to: places.writes(&to),
            weight: weights(&self.packed.weight, wide * c_out),
            bias: weights(&self.packed.bias, c_out),
            activation: self.activation.raw(c_out),
        };
        // SAFETY: the kernel reads and writes within the extents just checked.
        unsafe { places.run(kernels.project, &arguments) }
    }
}

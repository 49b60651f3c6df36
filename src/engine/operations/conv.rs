//! Convolutions.

use super::Operation;
use crate::engine::buffer::Slice;
use crate::engine::kernels::{RawConv, RawWinograd, RawWinogradPart};
use crate::engine::layout::View;
use crate::engine::memory::Memory;
use crate::engine::pack::Packed;
use crate::engine::places::{Places, weights};
use crate::network::{Activation, Window};

/// A convolution with a square kernel. The halo around its input is at least the padding.
pub(in crate::engine) struct Conv {
    pub from: usize,
    pub to: Slice,
    /// Added before the activation.
    pub onto: Option<usize>,
    pub window: Window,
    /// The weights, packed as `[c_out / block][kernel][kernel][c_in][block]`.
    pub packed: Packed,
    pub activation: Activation<Memory>,
}

/// Convolutions of 3 x 3 with stride 1 and padding 1 of one map, whose channels come in whole vectors, by Winograd's way.
/// The halo around their input reaches a whole tile.
pub(in crate::engine) struct Winograd {
    pub from: usize,
    pub parts: Vec<WinogradPart>,
}

/// One of the convolutions that read a map.
pub(in crate::engine) struct WinogradPart {
    pub to: Slice,
    /// Added before the activation.
    pub onto: Option<usize>,
    /// The transformed weights, packed as `[position][c_out / block][c_in][block]`.
    pub packed: Packed,
    pub activation: Activation<Memory>,
}

impl Operation for Conv {
    fn reads(&self) -> Vec<usize> {
        [self.from].into_iter().chain(self.onto).collect()
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to.buffer]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (from, to) = (places.map(self.from), places.slice(self.to));
        let Window { kernel, stride, padding } = self.window;
        let before = padding.before;
        assert!(from.halo.0 >= before, "padding without a halo");
        let reaches = |out: usize, side: usize| (out - 1) * stride + kernel <= before + side + from.halo.1;
        assert_reach(&from, &to, reaches);
        let c_out = places.whole(to.channels);
        let arguments = RawConv {
            from: places.reads(&from),
            onto: places.adds(self.onto, &to),
            to: places.writes(&to),
            kernel: kernel as i64,
            stride: stride as i64,
            before: before as i64,
            weight: weights(&self.packed.weight, kernel * kernel * from.channels * c_out),
            bias: weights(&self.packed.bias, c_out),
            activation: self.activation.raw(c_out),
            threads: places.threads as i64,
        };
        // SAFETY: the kernel reads and writes maps and weights within the extents just checked; windows reach no further
        // than the halo.
        unsafe { places.run(kernels.conv, &arguments) }
    }
}

impl Operation for Winograd {
    fn reads(&self) -> Vec<usize> {
        [self.from].into_iter().chain(self.parts.iter().filter_map(|part| part.onto)).collect()
    }

    fn writes(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.to.buffer).collect()
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let from = places.map(self.from);
        let tile = places.kernels.winograd_side();
        assert!(from.halo.0 >= 1, "padding without a halo");
        assert!(from.channels.is_multiple_of(places.kernels.lanes()), "channels in whole vectors: {from:?}");
        let raw = places.reads(&from);
        let parts = self.parts.iter().map(|part| {
            let to = places.slice(part.to);
            assert_eq!((from.height, from.width), (to.height, to.width), "{from:?} to {to:?}");
            assert_reach(&from, &to, |out, side| out.next_multiple_of(tile) < side + from.halo.1);
            let (c_out, positions) = (places.whole(to.channels), (tile + 2) * (tile + 2));
            RawWinogradPart {
                onto: places.adds(part.onto, &to),
                to: places.writes(&to),
                weight: weights(&part.packed.weight, positions * from.channels * c_out),
                bias: weights(&part.packed.bias, c_out),
                activation: part.activation.raw(c_out),
            }
        });
        let parts: Vec<RawWinogradPart> = parts.collect();
        let arguments = RawWinograd {
            from: raw,
            parts: parts.as_ptr(),
            count: parts.len() as i64,
            threads: places.threads as i64,
        };
        // SAFETY: the kernel reads and writes maps and weights within the extents just checked; tiles reach no further
        // than the halo.
        unsafe { places.run(kernels.winograd_conv, &arguments) }
    }
}

/// Sees that what is read for the last row and column, as `reaches(out, side)` tells, is there.
fn assert_reach(from: &View, to: &View, reaches: impl Fn(usize, usize) -> bool) {
    assert_eq!(from.channels, from.pixel_stride, "a convolution reads whole pixels");
    assert!(reaches(to.height, from.height) && reaches(to.width, from.width), "{from:?} to {to:?}");
}

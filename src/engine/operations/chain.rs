//! Pairs of a depthwise and a 1 x 1 convolution, one behind the other, in one operation.

use super::Operation;
use crate::engine::kernels::{RawChain, RawPair};
use crate::engine::memory::Memory;
use crate::engine::pack::Packed;
use crate::engine::places::{Places, weights};
use crate::network::{Activation, Padding, Window};
use std::ptr::null;

/// Taps of a kernel.
const TAPS: usize = 9;

/// Pairs, and the convolution before the first of them, where there is one: the halo around its input is 1 then.
pub(in crate::engine) struct Chain {
    pub from: usize,
    pub to: usize,
    pub stem: Option<Stem>,
    pub pairs: Vec<Pair>,
}

/// A convolution of 3 x 3 to eight channels.
pub(in crate::engine) struct Stem {
    pub stride: usize,
    /// `[3][3][c_in][8]`.
    pub packed: Packed,
    pub activation: Activation<Memory>,
}

/// A depthwise convolution of 3 x 3 and a 1 x 1 convolution of its result.
pub(in crate::engine) struct Pair {
    pub stride: usize,
    pub c_in: usize,
    pub c_out: usize,
    /// `[c_in / lanes][3][3][lanes]`, half a vector's numbers twice.
    pub depthwise: Packed,
    /// `[c_out / block][c_in][block]`.
    pub project: Packed,
    pub activation: Activation<Memory>,
    pub project_activation: Activation<Memory>,
}

impl Pair {
    fn raw(&self, lanes: usize) -> RawPair {
        let wide = self.c_in.next_multiple_of(lanes);
        assert!(self.c_in == wide || 2 * self.c_in == lanes && self.stride == 1, "{} in", self.c_in);
        assert!(self.c_out.is_multiple_of(lanes) && matches!(self.stride, 1 | 2), "{} out", self.c_out);
        RawPair {
            stride: self.stride as i64,
            c_in: self.c_in as i64,
            c_out: self.c_out as i64,
            depthwise: weights(&self.depthwise.weight, TAPS * wide),
            depthwise_bias: weights(&self.depthwise.bias, wide),
            weight: weights(&self.project.weight, self.c_in * self.c_out),
            bias: weights(&self.project.bias, self.c_out),
            activation: self.activation.raw(wide),
            project_activation: self.project_activation.raw(self.c_out),
        }
    }
}

impl Operation for Chain {
    fn reads(&self) -> Vec<usize> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        const STEM: usize = 8;
        const MOST: usize = 8;
        let kernels = &places.kernels.raw;
        let (from, to) = (places.map(self.from), places.map(self.to));
        let pairs: Vec<RawPair> = self.pairs.iter().map(|pair| pair.raw(places.kernels.lanes())).collect();
        assert!((1..=MOST).contains(&pairs.len()), "{} pairs", pairs.len());
        let (mut size, mut channels) = ((from.height, from.width), from.channels);
        let mut pass = |stride: usize, c_in: usize, c_out: usize| {
            assert_eq!(channels, c_in, "channels of {from:?} on their way to {to:?}");
            size = Window { kernel: 3, stride, padding: Padding::even(1) }.positions(size);
            channels = c_out;
        };
        if let Some(stem) = &self.stem {
            assert!(from.halo.0 >= 1 && from.halo.1 >= 1, "padding without a halo");
            pass(stem.stride, from.channels, STEM);
        }
        self.pairs.iter().for_each(|pair| pass(pair.stride, pair.c_in, pair.c_out));
        assert_eq!((size, channels), ((to.height, to.width), to.channels));
        assert_eq!(from.channels, from.pixel_stride, "pixels are read as a whole");
        let stem = self.stem.as_ref();
        let arguments = RawChain {
            from: places.reads(&from),
            to: places.writes(&to),
            stem: stem.map_or(null(), |stem| weights(&stem.packed.weight, TAPS * from.channels * STEM)),
            stem_bias: stem.map_or(null(), |stem| weights(&stem.packed.bias, STEM)),
            stem_stride: stem.map_or(1, |stem| stem.stride) as i64,
            stem_activation: stem.map_or(&Activation::None, |stem| &stem.activation).raw(0),
            pairs: pairs.as_ptr(),
            count: pairs.len() as i64,
            threads: places.threads as i64,
        };
        // SAFETY: the kernel reads and writes maps, pairs and weights within the extents just checked; the stem's windows
        // reach no further than the halo, and other padding is made in its scratch.
        unsafe { places.run(kernels.chain, &arguments) }
    }
}

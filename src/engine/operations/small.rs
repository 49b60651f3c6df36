//! What networks do between convolutions: pooling, enlarging, adding.

use super::Operation;
use crate::engine::kernels::{RawAffine, RawMaxPool, RawSum};
use crate::engine::pack::Packed;
use crate::engine::places::{Places, weights};
use crate::network::Padding;

/// The largest of 3 x 3 pixels, every second one.
pub(in crate::engine) struct MaxPool {
    pub from: usize,
    pub to: usize,
    pub padding: Padding,
}

/// `from` enlarged to the size of `onto` by its nearest pixels, plus `onto`.
pub(in crate::engine) struct EnlargeAdd {
    pub from: usize,
    pub to: usize,
    pub onto: usize,
}

/// max(0, `onto` + means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
pub(in crate::engine) struct MeanShortcut {
    pub from: usize,
    pub to: usize,
    pub onto: usize,
}

/// A factor per channel, in `weight`, and an offset per channel, in `bias`.
pub(in crate::engine) struct Affine {
    pub from: usize,
    pub to: usize,
    pub packed: Packed,
}

impl Operation for MaxPool {
    fn reads(&self) -> Vec<usize> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (from, to) = (places.map(self.from), places.map(self.to));
        let before = self.padding.before;
        // Each window begins within the map: the kernel leaves out what lies before and behind it.
        let begins = |out: usize, side: usize| 2 * (out - 1) < side + before;
        assert!(before < 3 && begins(to.height, from.height) && begins(to.width, from.width));
        assert_eq!(from.channels, to.channels);
        let arguments =
            RawMaxPool { from: places.reads(&from), to: places.writes(&to), before: before as i64 };
        // SAFETY: the kernel reads and writes the maps' own pixels, and every window has one.
        unsafe { places.run(kernels.max_pool, &arguments) }
    }
}

impl Operation for EnlargeAdd {
    fn reads(&self) -> Vec<usize> {
        vec![self.from, self.onto]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (from, to) = (places.map(self.from), places.map(self.to));
        assert_eq!(from.channels, to.channels);
        let arguments = RawSum {
            from: places.reads(&from),
            onto: places.adds(Some(self.onto), &to),
            to: places.writes(&to),
        };
        // SAFETY: the kernel reads and writes the maps' own pixels.
        unsafe { places.run(kernels.enlarge, &arguments) }
    }
}

impl Operation for MeanShortcut {
    fn reads(&self) -> Vec<usize> {
        vec![self.from, self.onto]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (from, onto, to) = (places.map(self.from), places.map(self.onto), places.map(self.to));
        let arguments =
            RawSum { from: places.reads(&from), onto: places.reads(&onto), to: places.writes(&to) };
        // SAFETY: the kernel reads the maps' own pixels, as far as there are any, and writes those of the result.
        unsafe { places.run(kernels.mean_shortcut, &arguments) }
    }
}

impl Operation for Affine {
    fn reads(&self) -> Vec<usize> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<usize> {
        vec![self.to]
    }

    fn run(&self, mut places: Places) {
        let kernels = &places.kernels.raw;
        let (from, to) = (places.map(self.from), places.map(self.to));
        assert_eq!((from.height, from.width, from.channels), (to.height, to.width, to.channels));
        let channels = places.whole(to.channels);
        let arguments = RawAffine {
            from: places.reads(&from),
            to: places.writes(&to),
            scale: weights(&self.packed.weight, channels),
            shift: weights(&self.packed.bias, channels),
        };
        // SAFETY: the kernel reads and writes the maps' own pixels, and weights within the extent just checked.
        unsafe { places.run(kernels.affine, &arguments) }
    }
}

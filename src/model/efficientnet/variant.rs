//! The published sizes: one table for the networks and their light form.

use crate::network::Activation;

/// One of the published sizes of EfficientNet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// `efficientnet-b0` to `efficientnet-b7`, `efficientnet-lite0` to `efficientnet-lite2`.
    pub name: &'static str,
    width: f64,
    depth: f64,
    /// The side in pixels for which "same" padding is computed, whatever the input's size: kept, because
    /// the published weights were trained so.
    pub resolution: usize,
    /// Dropout before the classifier.
    pub dropout: f64,
    /// Whether the stem sees zeros around the image, as published.
    pub(super) padded_stem: bool,
    family: Family,
}

/// What the sizes of a kind have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// The form of the paper: swish activations, squeeze-and-excitation.
    Full,
    /// Made for processors without fast swish: ReLU6, no squeeze-excitation, and stem, head, first and last group of
    /// blocks as they are in the unscaled network.
    Lite,
}

const fn full(name: &'static str, width: f64, depth: f64, resolution: usize, dropout: f64) -> Variant {
    Variant { name, width, depth, resolution, dropout, padded_stem: true, family: Family::Full }
}

const fn lite(name: &'static str, width: f64, depth: f64, resolution: usize, dropout: f64) -> Variant {
    Variant { name, width, depth, resolution, dropout, padded_stem: true, family: Family::Lite }
}

/// All published sizes, each kind from small to large.
pub const VARIANTS: [Variant; 11] = [
    full("efficientnet-b0", 1.0, 1.0, 224, 0.2),
    full("efficientnet-b1", 1.0, 1.1, 240, 0.2),
    full("efficientnet-b2", 1.1, 1.2, 260, 0.3),
    full("efficientnet-b3", 1.2, 1.4, 300, 0.3),
    full("efficientnet-b4", 1.4, 1.8, 380, 0.4),
    full("efficientnet-b5", 1.6, 2.2, 456, 0.4),
    full("efficientnet-b6", 1.8, 2.6, 528, 0.5),
    full("efficientnet-b7", 2.0, 3.1, 600, 0.5),
    lite("efficientnet-lite0", 1.0, 1.0, 224, 0.2),
    lite("efficientnet-lite1", 1.0, 1.1, 240, 0.2),
    lite("efficientnet-lite2", 1.1, 1.2, 260, 0.3),
];

impl Variant {
    /// The variant called `name`, such as `efficientnet-b4`.
    pub fn named(name: &str) -> Option<Variant> {
        VARIANTS.into_iter().find(|v| v.name == name)
    }

    /// This size with a stem that sees the image alone. All later padding stays as it is.
    pub fn with_unpadded_stem(self) -> Variant {
        Variant { padded_stem: false, ..self }
    }

    /// Whether blocks weigh their channels (squeeze-excitation).
    pub fn squeezes(&self) -> bool {
        self.family == Family::Full
    }

    /// What follows convolutions inside.
    pub fn activation(&self) -> Activation {
        match self.family {
            Family::Full => Activation::Swish,
            Family::Lite => Activation::Relu6,
        }
    }

    /// How many blocks the network has.
    pub fn blocks(&self) -> usize {
        (0..GROUPS.len()).map(|group| self.repeats(group)).sum()
    }

    /// Channels of the stem's convolution.
    pub fn stem(&self) -> usize {
        self.end(STEM)
    }

    /// Width of the pooled features (1792 for b4).
    pub fn features(&self) -> usize {
        self.end(HEAD)
    }

    /// Channels of the last block whose result has a sixteenth of the image's side.
    pub fn middle(&self) -> usize {
        const LAST_GROUP: usize = 4;
        self.filters(GROUPS[LAST_GROUP].c_out)
    }

    /// Channels of the last block's result.
    pub fn last_block(&self) -> usize {
        self.filters(GROUPS[GROUPS.len() - 1].c_out)
    }

    /// Channels of stem or head.
    fn end(&self, base: usize) -> usize {
        match self.family {
            Family::Full => self.filters(base),
            Family::Lite => base,
        }
    }

    /// Channels scaled by the width and rounded to a multiple of 8, never down by more than a tenth.
    pub(super) fn filters(&self, base: usize) -> usize {
        const DIVISOR: f64 = 8.0;
        let wanted = base as f64 * self.width;
        let rounded = ((wanted + DIVISOR / 2.0) / DIVISOR).floor() * DIVISOR;
        let rounded = rounded.max(DIVISOR);
        (if rounded < 0.9 * wanted { rounded + DIVISOR } else { rounded }) as usize
    }

    /// Blocks of a group of [`GROUPS`].
    pub(super) fn repeats(&self, group: usize) -> usize {
        let base = GROUPS[group].repeats;
        let at_an_end = group == 0 || group == GROUPS.len() - 1;
        match self.family {
            Family::Lite if at_an_end => base,
            _ => (self.depth * base as f64).ceil() as usize,
        }
    }
}

const STEM: usize = 32;
const HEAD: usize = 1280;

/// A row of the paper's table 1 for the unscaled network.
pub(super) struct Group {
    repeats: usize,
    pub kernel: usize,
    pub stride: usize,
    pub expand: usize,
    pub c_in: usize,
    pub c_out: usize,
}

const fn group(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expand: usize,
    c_in: usize,
    c_out: usize,
) -> Group {
    Group { repeats, kernel, stride, expand, c_in, c_out }
}

pub(super) const GROUPS: [Group; 7] = [
    group(1, 3, 1, 1, 32, 16),
    group(2, 3, 2, 6, 16, 24),
    group(2, 5, 2, 6, 24, 40),
    group(3, 3, 2, 6, 40, 80),
    group(3, 5, 1, 6, 80, 112),
    group(4, 5, 2, 6, 112, 192),
    group(1, 3, 1, 6, 192, 320),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_and_depths_are_the_published_ones() {
        let rows: Vec<_> = VARIANTS.iter().map(|v| (v.blocks(), v.stem(), v.features())).collect();
        let published = [
            (16, 32, 1280),
            (23, 32, 1280),
            (23, 32, 1408),
            (26, 40, 1536),
            (32, 48, 1792),
            (39, 48, 2048),
            (45, 56, 2304),
            (55, 64, 2560),
            (16, 32, 1280),
            (21, 32, 1280),
            (21, 32, 1280),
        ];
        assert_eq!(rows, published);
    }
}

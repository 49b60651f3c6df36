//! The smaller grid of pixels that generators work on.

use crate::imaging::{Error, Kernel, resampled};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Down to a generator's grid by a smooth kernel and up again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resample {
    /// The grid's pixels per pixel that the pair's images show, in one direction, up to 1.
    pub share: f64,
    /// On the way down.
    pub down: Kernel,
    /// On the way up.
    pub up: Kernel,
}

impl Resample {
    /// Draws one with a share from a range.
    pub(in crate::blending) fn draw(rng: &mut SampleRng, shares: std::ops::Range<f64>) -> Resample {
        const DOWN: [Kernel; 3] = [Kernel::Area, Kernel::Area, Kernel::Linear];
        const UP: [Kernel; 3] = [Kernel::Linear, Kernel::Cubic, Kernel::Lanczos];
        Resample {
            share: rng.random_range(shares),
            down: *DOWN.choose(rng).expect("there are three"),
            up: *UP.choose(rng).expect("there are three"),
        }
    }

    /// The image on the generator's grid. `shown`: pixels of the pair's images per pixel of this one.
    pub(in crate::blending) fn down(&self, image: &RgbImage, shown: f64) -> Result<RgbImage, Error> {
        let side = |side: usize| ((side as f64 * self.share * shown).round() as usize).max(1);
        resampled(image, side(image.width()), side(image.height()), self.down)
    }

    /// An image from the grid at the size it had.
    pub(in crate::blending) fn up(
        &self,
        small: &RgbImage,
        width: usize,
        height: usize,
    ) -> Result<RgbImage, Error> {
        resampled(small, width, height, self.up)
    }

    /// Both ways.
    pub(super) fn apply(&self, image: &RgbImage, shown: f64) -> Result<RgbImage, Error> {
        self.up(&self.down(image, shown)?, image.width(), image.height())
    }
}

impl fmt::Display for Resample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kernel: Kernel| match kernel {
            Kernel::Nearest => "nearest",
            Kernel::Linear => "linear",
            Kernel::Cubic => "cubic",
            Kernel::Area => "area",
            Kernel::Lanczos => "Lanczos",
        };
        write!(f, "resampled to {:.2} ({}, {})", self.share, name(self.down), name(self.up))
    }
}

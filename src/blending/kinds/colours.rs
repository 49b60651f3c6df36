//! How the source's colours are brought to the target's.

use super::{Canvas, Shape};
use crate::blending::Error;
use crate::imaging::{ColourSpace, with_colours_of};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Mean and deviation of each channel made those of the target, as swap programs do (the idea: Reinhard et al., "Color
/// transfer between images", 2001).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColourFit {
    /// Which channels.
    pub space: ColourSpace,
    /// How far, 0..=1.
    pub strength: f64,
}

impl ColourFit {
    /// Draws one: mostly almost perfect, now and then half-hearted.
    pub(super) fn draw(rng: &mut SampleRng) -> ColourFit {
        let space = if rng.random_bool(0.5) { ColourSpace::Rgb } else { ColourSpace::Lab };
        let strength = match rng.random_range(0.0..1.0) {
            0.0..0.7 => rng.random_range(0.9..1.0),
            0.7..0.96 => rng.random_range(0.7..0.9),
            _ => rng.random_range(0.4..0.7),
        };
        ColourFit { space, strength }
    }

    /// The source with colours fitted to the canvas within `region`.
    pub(super) fn apply(&self, source: &RgbImage, canvas: &Canvas, region: Shape) -> Result<RgbImage, Error> {
        let region = canvas.region(region)?;
        // Only in Lab does a grey target make the source grey.
        let ColourFit { space, strength } = match is_grey(&canvas.own) {
            true => ColourFit { space: ColourSpace::Lab, strength: 1.0 },
            false => *self,
        };
        Ok(with_colours_of(source, &canvas.own, &region, space, strength)?)
    }
}

/// Whether an image has hardly any colour.
fn is_grey(image: &RgbImage) -> bool {
    /// Mean distance of the channels in 8-bit steps.
    const HARDLY: u64 = 4;
    let far = |rgb: &[u8]| u64::from(rgb[0].abs_diff(rgb[1])) + u64::from(rgb[1].abs_diff(rgb[2]));
    let pixels = (image.width() * image.height()) as u64;
    image.data().chunks_exact(3).map(far).sum::<u64>() < HARDLY * pixels
}

impl fmt::Display for ColourFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = match self.space {
            ColourSpace::Rgb => "RGB",
            ColourSpace::Lab => "Lab",
        };
        write!(f, "colours fitted in {space} by {:.2}", self.strength)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_images_are_told_from_coloured_ones() {
        assert!(is_grey(&RgbImage::filled(4, 3, [90, 91, 90])));
        assert!(!is_grey(&RgbImage::filled(4, 3, [120, 95, 80])));
    }
}

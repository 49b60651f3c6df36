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
        Ok(with_colours_of(source, &canvas.own, &region, self.space, self.strength)?)
    }
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

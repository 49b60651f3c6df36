//! Fine structures that are not the face's own.
//!
//! The idea of Li et al., "FreqBlender: enhancing deepfake detection by blending frequency knowledge", NeurIPS 2024: what
//! tells forgeries apart lies in some frequencies, so a fake may differ from its target in these alone. Here one band of
//! the face is damped, strengthened, or replaced by that of the other half of the face, of the skin beside it, or of
//! another person.

use super::bands::{BANDS, Bands};
use super::canvas::eye_distance;
use super::register::centre;
use super::shape::axes;
use super::swap::draw_shape;
use super::{Available, Canvas, Shape, Wants};
use crate::blending::{Error, Recipe};
use crate::imaging::{Positions, remapped};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A face with other fine structures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// The finest band that is changed; 0 is the finest there is.
    pub first: usize,
    /// How many bands are changed.
    pub count: usize,
    /// What happens to them.
    pub change: BandChange,
    /// The mask's shape.
    pub shape: Shape,
}

/// What happens to a band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum BandChange {
    /// It is multiplied.
    Scaled {
        /// By this.
        gain: f64,
    },
    /// It is that of the skin beside.
    Moved {
        /// How far to the right and down, in parts of the distance from eye corner to eye corner.
        by: [f64; 2],
    },
    /// It is that of the face's other half.
    Mirrored,
    /// It is another person's.
    Donor {
        /// Seed of the draw of a face.
        seed: u64,
    },
}

impl Frequency {
    pub(super) fn draw(rng: &mut SampleRng, available: Available, recipe: &mut Recipe) -> Frequency {
        let change = match rng.random_range(0.0..1.0) {
            0.0..0.35 if available.donors => BandChange::Donor { seed: rng.random() },
            0.0..0.55 => {
                let distance = |rng: &mut SampleRng| {
                    let size = rng.random_range(0.05..0.25);
                    if rng.random_bool(0.5) { size } else { -size }
                };
                BandChange::Moved { by: [distance(rng), distance(rng)] }
            }
            0.55..0.7 => BandChange::Mirrored,
            _ => {
                let gain = match rng.random_bool(0.5) {
                    true => rng.random_range(0.0..0.5),
                    false => rng.random_range(1.5..2.2),
                };
                BandChange::Scaled { gain }
            }
        };
        // Larger structures from elsewhere in the face would be scars and second eyes.
        const FINEST: [(usize, usize); 1] = [(0, 1)];
        const FITTING: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 1)];
        const ANY: [(usize, usize); 4] = [(0, 1), (0, 2), (1, 1), (1, 2)];
        let bands: &[(usize, usize)] = match change {
            BandChange::Moved { .. } | BandChange::Mirrored => &FINEST,
            BandChange::Donor { .. } => &FITTING,
            BandChange::Scaled { .. } => &ANY,
        };
        let &(first, count) = bands.choose(rng).expect("there is one at least");
        recipe.softening.ratio = recipe.softening.ratio.max(0.75);
        Frequency { first, count, change, shape: draw_shape(rng, recipe) }
    }

    pub(super) fn wants(&self) -> Wants {
        match self.change {
            BandChange::Donor { seed } => Wants::Donor { seed },
            _ => Wants::Nothing,
        }
    }

    /// The bands that are changed, as far as there are any.
    fn bands(&self) -> std::ops::Range<usize> {
        let first = self.first.min(BANDS);
        first..first.saturating_add(self.count).min(BANDS)
    }

    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let mut own = Bands::of(&canvas.own, canvas.shown)?;
        let other = match self.change {
            BandChange::Scaled { gain } => {
                let mut gains = [1.0; BANDS];
                gains[self.bands()].fill(gain);
                return Ok(own.merged(gains));
            }
            BandChange::Moved { by: [x, y] } => {
                let unit = eye_distance(&canvas.points());
                let from = |at_x: f64, at_y: f64| (at_x - x * unit, at_y - y * unit);
                remapped(&canvas.own, &Positions::of(canvas.width(), canvas.height(), from))?
            }
            BandChange::Mirrored => {
                let all = canvas.points();
                let (across, middle) = (axes(&all).0, centre(&[all[27], all[30], all[8]]));
                let from = |x: f64, y: f64| {
                    let beside = (x - middle.0) * across.0 + (y - middle.1) * across.1;
                    (x - 2.0 * beside * across.0, y - 2.0 * beside * across.1)
                };
                remapped(&canvas.own, &Positions::of(canvas.width(), canvas.height(), from))?
            }
            BandChange::Donor { .. } => canvas.registered_donor(1.0)?,
        };
        let other = Bands::of(&other, canvas.shown)?;
        for band in self.bands() {
            own.replace(band, other.detail(band).to_vec());
        }
        Ok(own.merged([1.0; BANDS]))
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.bands().map(|band| ["fine", "middle", "coarse"][band]);
        write!(f, "{} structures ", sizes.collect::<Vec<_>>().join(" and "))?;
        match self.change {
            BandChange::Scaled { gain } => write!(f, "times {gain:.2}"),
            BandChange::Moved { by: [x, y] } => write!(f, "moved by {x:+.2} {y:+.2}"),
            BandChange::Mirrored => f.write_str("of the face's other half"),
            BandChange::Donor { .. } => f.write_str("of another person"),
        }
    }
}

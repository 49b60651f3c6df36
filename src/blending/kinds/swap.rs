//! Another person's face in the place of this one.
//!
//! The idea of Li et al., "Face X-ray for more general face forgery detection", CVPR 2020: real faces similar in
//! landmarks, blended, have the boundary that every swap program leaves. Here the other face is also brought to this one's
//! points and colours, and through a grid of fewer pixels, as programs do.

use super::{Canvas, ColourFit, Resample, Shape};
use crate::blending::{Error, Recipe};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// Seed of the draw of another person's face.
    pub donor: u64,
    /// How far that face's points are brought to this face's, 0..=1.
    pub fit: f64,
    /// How its colours are fitted.
    pub colours: ColourFit,
    /// The grid of the program that made it, if that was smaller.
    pub resample: Option<Resample>,
    /// The mask's shape.
    pub shape: Shape,
    /// Whether the source transforms and the affine map of self-blending apply as well.
    pub transformed: bool,
}

impl Swap {
    /// Draws one. Half of the masks are of the published hulls, mostly without the forehead.
    pub(super) fn draw(rng: &mut SampleRng, recipe: &mut Recipe) -> Swap {
        let donor = rng.random();
        let fit = if rng.random_bool(0.3) { 0.0 } else { rng.random_range(0.3..1.0) };
        let colours = ColourFit::draw(rng);
        let resample = rng.random_bool(0.6).then(|| Resample::draw(rng, 0.35..1.0));
        recipe.without_forehead |= rng.random_bool(0.7);
        draw_edge(rng, recipe);
        let shape = draw_shape(rng, recipe);
        Swap { donor, fit, colours, resample, shape, transformed: rng.random_bool(0.4) }
    }

    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let mut source = canvas.registered_donor(self.fit)?;
        if let Some(resample) = &self.resample {
            source = resample.apply(&source, canvas.shown)?;
        }
        self.colours.apply(&source, canvas, Shape::Inner { reach: 0.9 })
    }
}

/// A shape for a whole face that a program has put in. Flat ones get an edge that they survive.
pub(super) fn draw_shape(rng: &mut SampleRng, recipe: &mut Recipe) -> Shape {
    const FLAT: usize = 5;
    match rng.random_range(0.0..1.0) {
        0.0..0.5 => Shape::Hull,
        0.5..0.82 => Shape::Inner { reach: rng.random_range(0.7..0.95) },
        0.82..0.95 => {
            Shape::Rectangle { size: rng.random_range(0.85..1.0), round: rng.random_range(0.1..0.5) }
        }
        _ => {
            recipe.softening.kernel_1 = recipe.softening.kernel_1.min(FLAT);
            Shape::Eyes
        }
    }
}

/// The edges of programs' masks: from almost hard to as soft as self-blending's, and mostly opaque inside.
pub(super) fn draw_edge(rng: &mut SampleRng, recipe: &mut Recipe) {
    let softening = &mut recipe.softening;
    let odd = |rng: &mut SampleRng, halves: std::ops::RangeInclusive<usize>| 2 * rng.random_range(halves) + 1;
    match rng.random_range(0.0..1.0) {
        0.0..0.35 => {
            softening.kernel_1 = odd(rng, 1..=3);
            softening.kernel_2 = odd(rng, 1..=2);
        }
        0.35..0.7 => {
            softening.kernel_1 = odd(rng, 2..=7);
            softening.kernel_2 = odd(rng, 2..=6);
        }
        _ => {}
    }
    const RATIOS: [f32; 6] = [0.75, 0.9, 1.0, 1.0, 1.0, 1.0];
    softening.ratio = *RATIOS.choose(rng).expect("there are six");
}

impl fmt::Display for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "points fitted by {:.2}, {}", self.fit, self.colours)?;
        if let Some(resample) = &self.resample {
            write!(f, ", {resample}")?;
        }
        Ok(())
    }
}

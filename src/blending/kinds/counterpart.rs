//! Another program's version of the face in its place.
//!
//! DeepFaceLab and its kin are autoencoders: what they put into a frame is a reconstruction, with the traces of a decoder.
//! Reconstructions of real faces by autoencoders of one's own have such traces, whoever is to be seen in them.

use super::swap::{draw_edge, draw_shape};
use super::{Canvas, ColourFit, Shape};
use crate::blending::{Error, Recipe};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A blend with a counterpart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterpart {
    /// Which of the frame's counterparts, modulo how many there are.
    pub pick: u64,
    /// How its colours are fitted; `None`: they stay.
    pub colours: Option<ColourFit>,
    /// The mask's shape.
    pub shape: Shape,
    /// Whether the source transforms and the affine map of self-blending apply as well.
    pub transformed: bool,
}

impl Counterpart {
    pub(super) fn draw(rng: &mut SampleRng, recipe: &mut Recipe) -> Counterpart {
        let pick = rng.random();
        let colours = rng.random_bool(0.4).then(|| ColourFit::draw(rng));
        recipe.without_forehead |= rng.random_bool(0.5);
        draw_edge(rng, recipe);
        let shape = draw_shape(rng, recipe);
        Counterpart { pick, colours, shape, transformed: rng.random_bool(0.5) }
    }

    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let source = canvas.counterpart()?;
        match &self.colours {
            Some(colours) => colours.apply(&source, canvas, Shape::Inner { reach: 0.9 }),
            None => Ok(source),
        }
    }
}

impl fmt::Display for Counterpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.colours {
            Some(colours) => colours.fmt(f),
            None => f.write_str("colours as they are"),
        }
    }
}

//! Mouth and chin redrawn, the rest of the face untouched: lip sync.
//!
//! The idea: Wav2Lip (Prajwal et al., "A lip sync expert is all you need", ACM MM 2020) and its successors return the lower
//! half of a face at 96 to 256 pixels and paste it back.

use super::canvas::eye_distance;
use super::register::{Field, Point, distance};
use super::shape::axes;
use super::{Available, Canvas, ColourFit, Resample, Shape, Wants};
use crate::blending::{Error, Recipe};
use crate::imaging::{Positions, remapped};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A redrawn mouth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mouth {
    /// Where the new mouth comes from.
    pub source: MouthSource,
    /// The grid of the program that made it.
    pub resample: Resample,
    /// The mask's shape.
    pub shape: Shape,
}

/// Where a new mouth comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum MouthSource {
    /// The face's own mouth, moved.
    Own {
        /// How far the lower lip goes down, in parts of the distance from nose to chin; below 0: up.
        open: f64,
        /// How far the corners go outwards, in parts of the mouth's width; below 0: inwards.
        widen: f64,
        /// How far the upper lip goes up, in parts of the distance from nose to chin.
        lift: f64,
        /// How far all of it goes to the side and down, in the same parts.
        shift: [f64; 2],
    },
    /// Another person's mouth.
    Donor {
        /// Seed of the draw of a face.
        seed: u64,
        /// How its colours are fitted.
        colours: ColourFit,
    },
    /// A counterpart's mouth.
    Counterpart {
        /// Which of the frame's counterparts, modulo how many there are.
        pick: u64,
    },
}

impl Mouth {
    pub(super) fn draw(rng: &mut SampleRng, available: Available, recipe: &mut Recipe) -> Mouth {
        let source = match rng.random_range(0.0..1.0) {
            0.0..0.3 if available.counterparts => MouthSource::Counterpart { pick: rng.random() },
            0.3..0.6 if available.donors => {
                MouthSource::Donor { seed: rng.random(), colours: ColourFit::draw(rng) }
            }
            _ => draw_own(rng),
        };
        let resample = Resample::draw(rng, 0.35..0.95);
        let shape = match rng.random_bool(0.75) {
            true => Shape::LowerFace,
            false => Shape::LowerRectangle { round: rng.random_range(0.1..0.5) },
        };
        // Small masks would not survive the erosion of large ones.
        let softening = &mut recipe.softening;
        softening.kernel_1 = 2 * rng.random_range(1..=3) + 1;
        softening.kernel_2 = 2 * rng.random_range(1..=7) + 1;
        softening.ratio = 1.0;
        Mouth { source, resample, shape }
    }

    pub(super) fn wants(&self) -> Wants {
        match &self.source {
            MouthSource::Own { .. } => Wants::Nothing,
            MouthSource::Donor { seed, .. } => Wants::Donor { seed: *seed },
            MouthSource::Counterpart { pick } => Wants::Counterpart { pick: *pick },
        }
    }

    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let source = match &self.source {
            MouthSource::Own { .. } => self.moved(canvas)?,
            // All of the way: a mouth beside its place would be absurd.
            MouthSource::Donor { colours, .. } => {
                colours.apply(&canvas.registered_donor(1.0)?, canvas, Shape::LowerFace)?
            }
            MouthSource::Counterpart { .. } => canvas.counterpart()?,
        };
        Ok(self.resample.apply(&source, canvas.shown)?)
    }

    /// The frame with its own mouth moved.
    fn moved(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let all = canvas.points();
        let anchors = (0..68).map(|point| {
            let (dx, dy) = self.displacement(point, &all);
            let (x, y) = all[point];
            ((x + dx, y + dy), (dx, dy))
        });
        const BLUNT: f64 = 0.08;
        let field = Field::new(anchors.collect(), BLUNT * eye_distance(&all));
        let positions = Positions::of(canvas.width(), canvas.height(), |x, y| {
            let (dx, dy) = field.at((x, y));
            (x - dx, y - dy)
        });
        Ok(remapped(&canvas.own, &positions)?)
    }

    /// How far a landmark goes, in pixels.
    fn displacement(&self, point: usize, all: &[Point]) -> Point {
        let MouthSource::Own { open, widen, lift, shift } = &self.source else { return (0.0, 0.0) };
        let (across, down) = axes(all);
        let height = distance(all[33], all[8]);
        let width = distance(all[48], all[54]);
        /// The chin follows the lower lip this far.
        const CHIN_FOLLOWS: f64 = 0.5;
        let corner = |sign: f64| (sign * widen * width / 2.0, 0.0);
        let (x, y) = match point {
            48 | 60 => corner(-1.0),
            54 | 64 => corner(1.0),
            49..=53 | 61..=63 => (0.0, -lift * height),
            55..=59 | 65..=67 => (0.0, open * height),
            7..=9 => (0.0, CHIN_FOLLOWS * open * height),
            _ => return (0.0, 0.0),
        };
        let (x, y) = match point {
            48.. => (x + shift[0] * height, y + shift[1] * height),
            _ => (x, y),
        };
        (x * across.0 + y * down.0, x * across.1 + y * down.1)
    }
}

fn draw_own(rng: &mut SampleRng) -> MouthSource {
    let open =
        if rng.random_bool(0.6) { rng.random_range(0.05..0.16) } else { rng.random_range(-0.10..-0.03) };
    MouthSource::Own {
        open,
        widen: rng.random_range(-0.12..0.12),
        lift: rng.random_range(-0.03..0.05),
        shift: [rng.random_range(-0.04..0.04), rng.random_range(-0.03..0.03)],
    }
}

impl fmt::Display for Mouth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            MouthSource::Own { open, widen, lift, shift: [x, y] } => write!(
                f,
                "own, opened {open:+.2}, widened {widen:+.2}, lifted {lift:+.2}, moved {x:+.2} {y:+.2}"
            )?,
            MouthSource::Donor { colours, .. } => write!(f, "another person's, {colours}")?,
            MouthSource::Counterpart { .. } => f.write_str("a counterpart's")?,
        }
        write!(f, ", {}", self.resample)
    }
}

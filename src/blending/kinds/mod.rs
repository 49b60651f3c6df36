//! Kinds of forgery beside self-blending, from real faces alone.
//!
//! Each kind has a file: what it draws, the shapes of its masks, and how its source is made. [`Forgery`] is the part of a
//! [`Recipe`] that holds these draws; transforms, warp, softening, blend and everything after it are those
//! of self-blending, whose parameters a kind may have narrowed. None of this is in the published training.
//!
//! Some kinds need pixels from elsewhere ([`Material`]): another person's face, or another program's version of this
//! one. Whoever has the files reads them, as [`Forgery::wants`] says.

mod bands;
mod canvas;
mod colours;
mod counterpart;
mod fakes;
mod frequency;
mod mouth;
mod register;
mod resample;
mod shape;
mod swap;
mod whole;

pub use colours::ColourFit;
pub use counterpart::Counterpart;
pub use fakes::{DrawnKind, Fakes};
pub use frequency::{BandChange, Frequency};
pub use mouth::{Mouth, MouthSource};
pub use register::Alignment;
pub use resample::Resample;
pub use shape::Shape;
pub use swap::Swap;
pub use whole::{Touch, Whole};

pub(super) use canvas::Canvas;

use super::{Error, Recipe};
use crate::rng::SampleRng;
use crate::types::{Landmarks, RgbImage};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The face blended with a changed copy of itself. SBI (CVPR 2022).
    SelfBlend,
    /// Another person's face in the place of this one.
    Swap,
    /// Another program's version of the face in its place.
    Counterpart,
    /// Mouth and chin redrawn.
    Mouth,
    /// The whole image as a generator returns it.
    Whole,
    /// Fine structures that are not the face's own.
    Frequency,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] =
        [Kind::SelfBlend, Kind::Swap, Kind::Counterpart, Kind::Mouth, Kind::Whole, Kind::Frequency];
}

impl fmt::Display for Kind {
    /// The name in configurations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::SelfBlend => "self",
            Kind::Swap => "swap",
            Kind::Counterpart => "counterpart",
            Kind::Mouth => "mouth",
            Kind::Whole => "whole",
            Kind::Frequency => "frequency",
        })
    }
}

/// What there is for a frame beside its own pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// Whether the frame has counterparts.
    pub counterparts: bool,
    /// Whether there are frames of other people.
    pub donors: bool,
}

impl Available {
    fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Swap => self.donors,
            Kind::Counterpart => self.counterparts,
            _ => true,
        }
    }
}

/// Which pixels a forgery needs beside the frame's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// None.
    Nothing,
    /// One of the frame's counterparts: number `pick`, modulo how many there are, of their sorted names.
    Counterpart {
        /// The draw.
        pick: u64,
    },
    /// Another person's face, similar in pose.
    Donor {
        /// Seed of the draws of candidates.
        seed: u64,
    },
}

/// Pixels from elsewhere, of which a source can be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Material {
    /// None: the source is made of the frame's own pixels.
    Own,
    /// A counterpart's pixels in [`Geometry::window`](super::Geometry::window), not mirrored.
    Counterpart(RgbImage),
    /// Another person's face.
    Donor {
        /// Pixels around the face, mirrored or not, as it resembles the pair's face more.
        image: RgbImage,
        /// Its landmarks in pixels of `image`, mirrored with it, the forehead in order
        /// ([`reorder_forehead`](super::mirror::reorder_forehead)).
        landmarks: Landmarks,
    },
}

/// What makes a pair another kind of forgery than a self-blend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Forgery {
    /// See [`Kind::Swap`].
    Swap(Swap),
    /// See [`Kind::Counterpart`].
    Counterpart(Counterpart),
    /// See [`Kind::Mouth`].
    Mouth(Mouth),
    /// See [`Kind::Whole`].
    Whole(Whole),
    /// See [`Kind::Frequency`].
    Frequency(Frequency),
}

impl Forgery {
    /// Draws a forgery of a kind and narrows what it shares with self-blending. `None` for self-blending.
    pub(super) fn draw(
        rng: &mut SampleRng,
        kind: Kind,
        available: Available,
        recipe: &mut Recipe,
    ) -> Option<Forgery> {
        Some(match kind {
            Kind::SelfBlend => return None,
            Kind::Swap => Forgery::Swap(Swap::draw(rng, recipe)),
            Kind::Counterpart => Forgery::Counterpart(Counterpart::draw(rng, recipe)),
            Kind::Mouth => Forgery::Mouth(Mouth::draw(rng, available, recipe)),
            Kind::Whole => Forgery::Whole(Whole::draw(rng, available, recipe)),
            Kind::Frequency => Forgery::Frequency(Frequency::draw(rng, available, recipe)),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Forgery::Swap(_) => Kind::Swap,
            Forgery::Counterpart(_) => Kind::Counterpart,
            Forgery::Mouth(_) => Kind::Mouth,
            Forgery::Whole(_) => Kind::Whole,
            Forgery::Frequency(_) => Kind::Frequency,
        }
    }

    /// Which pixels it needs beside the frame's own.
    pub fn wants(&self) -> Wants {
        match self {
            Forgery::Swap(swap) => Wants::Donor { seed: swap.donor },
            Forgery::Counterpart(counterpart) => Wants::Counterpart { pick: counterpart.pick },
            Forgery::Mouth(mouth) => mouth.wants(),
            Forgery::Whole(whole) => whole.wants(),
            Forgery::Frequency(frequency) => frequency.wants(),
        }
    }

    /// The shape of its mask.
    pub fn shape(&self) -> Shape {
        match self {
            Forgery::Swap(swap) => swap.shape,
            Forgery::Counterpart(counterpart) => counterpart.shape,
            Forgery::Mouth(mouth) => mouth.shape,
            Forgery::Whole(whole) => whole.shape,
            Forgery::Frequency(frequency) => frequency.shape,
        }
    }

    /// Whether the source transforms and the affine map apply as well.
    pub fn is_transformed(&self) -> bool {
        match self {
            Forgery::Swap(swap) => swap.transformed,
            Forgery::Counterpart(counterpart) => counterpart.transformed,
            Forgery::Mouth(_) | Forgery::Whole(_) | Forgery::Frequency(_) => false,
        }
    }

    /// The target: the pixels of `own`, `shown` pixels of the pair's images per pixel, as the kind wants to see them.
    pub(super) fn target(&self, own: RgbImage, shown: f64) -> Result<RgbImage, Error> {
        match self {
            Forgery::Whole(whole) => match whole.real_resampled() {
                Some(resample) => Ok(resample.apply(&own, shown)?),
                None => Ok(own),
            },
            _ => Ok(own),
        }
    }

    /// The source: as many pixels as the canvas has.
    ///
    /// Fails with [`Error::Material`] when the canvas has other pixels from elsewhere than [`Forgery::wants`] says.
    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        match self {
            Forgery::Swap(swap) => swap.source(canvas),
            Forgery::Counterpart(counterpart) => counterpart.source(canvas),
            Forgery::Mouth(mouth) => mouth.source(canvas),
            Forgery::Whole(whole) => whole.source(canvas),
            Forgery::Frequency(frequency) => frequency.source(canvas),
        }
    }
}

impl fmt::Display for Forgery {
    /// The kind and its draws in words, for captions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind())?;
        match self {
            Forgery::Swap(swap) => swap.fmt(f),
            Forgery::Counterpart(counterpart) => counterpart.fmt(f),
            Forgery::Mouth(mouth) => mouth.fmt(f),
            Forgery::Whole(whole) => whole.fmt(f),
            Forgery::Frequency(frequency) => frequency.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;

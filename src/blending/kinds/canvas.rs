//! What a source is made of: one part of the wide crop, and what belongs there from elsewhere.

use super::register::{Alignment, Field, Point, points};
use super::{Material, Shape};
use crate::blending::Error;
use crate::imaging::{Kernel, Positions, mirrored, remapped, resampled};
use crate::types::{Landmarks, Mask, RgbImage, Window};

/// A part of the wide crop, mirrored if the recipe says so, with the face's landmarks in its pixels.
pub struct Canvas<'a> {
    /// The frame's own pixels.
    pub own: RgbImage,
    /// The face's landmarks.
    pub landmarks: Landmarks,
    /// Pixels of the pair's images per pixel here, at most 1.
    pub shown: f64,
    /// The part of the wide crop that this is, mirrored with it.
    pub window: Window,
    /// Width of the wide crop in pixels.
    pub wide_width: usize,
    /// Whether the recipe mirrors the frame.
    pub mirror: bool,
    /// Pixels from elsewhere.
    pub material: &'a Material,
}

impl Canvas<'_> {
    /// The width in pixels.
    pub fn width(&self) -> usize {
        self.own.width()
    }

    /// The height in pixels.
    pub fn height(&self) -> usize {
        self.own.height()
    }

    /// The landmarks as points.
    pub fn points(&self) -> Vec<Point> {
        points(&self.landmarks)
    }

    /// 1 inside a shape, 0 elsewhere.
    pub fn region(&self, shape: Shape) -> Result<Mask, Error> {
        let face = self.landmarks.without_forehead();
        Ok(shape.mask(&face, crate::blending::hull::Hull::FaceHull, self.width(), self.height())?)
    }

    /// The counterpart's pixels here.
    pub fn counterpart(&self) -> Result<RgbImage, Error> {
        let Material::Counterpart(wide) = self.material else { return Err(Error::Material) };
        match self.mirror {
            false => Ok(wide.cropped(self.window)),
            true => Ok(mirrored(&wide.cropped(self.window.mirrored(self.wide_width)))?),
        }
    }

    /// The donor's face in the place of this one: turned, scaled and moved, and its points brought to this face's as far
    /// as `fit` says, from 0 (not at all) to 1 (all of the way).
    pub fn registered_donor(&self, fit: f64) -> Result<RgbImage, Error> {
        let Material::Donor { image, landmarks } = self.material else { return Err(Error::Material) };
        let map = Alignment::of(landmarks, &self.landmarks).ok_or(Error::Material)?;
        let (own, others) = (self.points(), points(landmarks));
        let anchors = own.iter().zip(&others).map(|(own, other)| {
            let (x, y) = map.back(*own);
            (*own, (fit * (other.0 - x), fit * (other.1 - y)))
        });
        /// In parts of the distance from eye corner to eye corner.
        const BLUNT: f64 = 0.15;
        let field = Field::new(anchors.collect(), BLUNT * eye_distance(&own));
        // Pixels that a bilinear look-up would pass over are averaged first.
        /// Scale below which that is needed.
        const SMALLER: f64 = 0.75;
        let factor = if map.scale() < SMALLER { map.scale() } else { 1.0 };
        let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
        let small;
        let image = match factor < 1.0 {
            true => {
                small = resampled(image, side(image.width()), side(image.height()), Kernel::Area)?;
                &small
            }
            false => image,
        };
        let positions = Positions::of(self.width(), self.height(), |x, y| {
            let ((x, y), (dx, dy)) = (map.back((x, y)), field.at((x, y)));
            // The centre of a pixel, not its corner, has the whole number.
            let scaled = |at: f64| factor * (at + 0.5) - 0.5;
            (scaled(x + dx), scaled(y + dy))
        });
        Ok(remapped(image, &positions)?)
    }
}

/// From the outer corner of one eye to that of the other, at least a pixel.
pub fn eye_distance(points: &[Point]) -> f64 {
    super::register::distance(points[36], points[45]).max(1.0)
}

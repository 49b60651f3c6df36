//! From the files of a frame to a pair.

use super::Error;
use crate::blending::kinds::Material;
use crate::blending::{self, BlendedPair, Geometry, Recipe, blended_pair, self_blend};
use crate::prepared_frames::FrameFiles;
use crate::types::{FaceBox, Landmarks, RgbImage};

/// A training pair together with what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The real image, the fake and the mask.
    pub blended: BlendedPair,
    /// Where in the frame the pair comes from.
    pub geometry: Geometry,
    /// The frame's pixels inside the geometry's window, not mirrored.
    pub wide: RgbImage,
}

/// Reads the landmarks of a frame's largest face and the boxes of all faces.
pub fn read_faces(files: &FrameFiles) -> Result<(Landmarks, Vec<FaceBox>), Error> {
    // A landmark file has at least one face.
    let landmarks = files.read_landmarks()?.swap_remove(0);
    Ok((landmarks, files.read_boxes()?))
}

/// Reads what a recipe needs of a frame and makes its pair, `image_size` x `image_size`. Recipes that need pixels of
/// other files are read by a [`FramePool`](super::FramePool).
///
/// Only the part of the frame that the pair shows is decoded, or the rows down to it. Fails when a file is damaged or has another shape,
/// and when the face cannot be blended.
pub fn read_pair(files: &FrameFiles, recipe: &Recipe, image_size: usize) -> Result<BlendedPair, Error> {
    let (landmarks, boxes) = read_faces(files)?;
    let region = files.open_image()?;
    let unusable = |cause: blending::Error| Error::Blending { path: files.frame.clone(), cause };
    let geometry = Geometry::of(region.width(), region.height(), &landmarks, &boxes, recipe)
        .map_err(|cause| unusable(cause.into()))?;
    let wide = region.read(geometry.window())?;
    self_blend(wide, &geometry, recipe, image_size).map_err(unusable)
}

impl Pair {
    /// Makes a pair from a whole frame in memory, by a recipe that needs no other pixels.
    ///
    /// Fails when the face cannot be blended.
    pub fn of_image(
        image: &RgbImage,
        landmarks: &Landmarks,
        boxes: &[FaceBox],
        recipe: &Recipe,
        image_size: usize,
    ) -> Result<Pair, blending::Error> {
        let geometry = Geometry::of(image.width(), image.height(), landmarks, boxes, recipe)?;
        Pair::with_material(image, geometry, &Material::Own, recipe, image_size)
    }

    /// Makes a pair from a whole frame in memory and pixels from elsewhere.
    ///
    /// Fails when the face cannot be blended.
    pub fn with_material(
        image: &RgbImage,
        geometry: Geometry,
        material: &Material,
        recipe: &Recipe,
        image_size: usize,
    ) -> Result<Pair, blending::Error> {
        let wide = image.cropped(geometry.window());
        let blended = blended_pair(wide.clone(), material, &geometry, recipe, image_size)?;
        Ok(Pair { blended, geometry, wide })
    }
}

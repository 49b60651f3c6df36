//! A frame on its way through the network, with the size that it has there.

use super::candidates::candidates_of;
use super::{Error, MAX_IOU, PreparedImages, suppress, to_face};
use crate::model::RetinaFaceBody;
use crate::native::torch::floats_of;
use crate::types::{DetectedFace, RgbImage};
use tch::Tensor;

/// A frame and what the network's input for it has: rows and columns.
pub(super) struct SizedImage<'a> {
    pub image: &'a RgbImage,
    pub size: (usize, usize),
}

impl<'a> SizedImage<'a> {
    /// As the network takes it.
    pub fn prepared(&self, body: RetinaFaceBody) -> Result<PreparedImages<'a>, Error> {
        Ok(PreparedImages::new(&[self.image], body, self.size)?)
    }

    /// The faces that the network found, from the tensors of all levels; `(at, count)`: which of how many images that these
    /// hold it is.
    pub fn faces(&self, raw: &[Tensor], (at, count): (usize, usize)) -> Result<Vec<DetectedFace>, Error> {
        let levels = raw.iter().map(|level| of_image(level, at, count));
        let candidates = candidates_of(levels, self.size).map_err(|cause| self.failed(cause))?;
        let kept = suppress(candidates, MAX_IOU);
        Ok(kept.iter().filter_map(|candidate| to_face(candidate, self.image, self.size.0)).collect())
    }

    /// What it means for this frame that libtorch failed.
    pub fn failed(&self, cause: tch::TchError) -> Error {
        let (height, width) = self.size;
        Error::Network { height, width, cause }
    }
}

/// The rows of one of the `images` that a level's tensor has.
fn of_image(level: &Tensor, image: usize, images: usize) -> &[f32] {
    let all = floats_of(level);
    let each = all.len() / images;
    &all[image * each..][..each]
}

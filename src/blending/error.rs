//! Why no pair came out.

use super::geometry::Geometry;
use crate::types::Window;

/// A face that no pair can be made from, with this recipe at least. The frame is replaced by another and counted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// The face detector found no box in the frame.
    #[error("there is no box for the face")]
    NoBox,
    /// None of the boxes overlaps the landmarks: they belong to other faces.
    #[error("none of the boxes overlaps the landmarks")]
    NoOverlap,
    /// The landmarks lie outside the frame.
    #[error("the landmarks lie outside the image of {width} x {height}")]
    OutsideFrame {
        /// The frame's width in pixels.
        width: usize,
        /// The frame's height in pixels.
        height: usize,
    },
    /// The box lies outside the wide crop around the landmarks.
    #[error("the box lies outside the part of {width} x {height} around the landmarks")]
    OutsideCrop {
        /// The wide crop's width in pixels.
        width: usize,
        /// The wide crop's height in pixels.
        height: usize,
    },
    /// The hull of the landmarks holds no pixel of the wide crop.
    #[error("the hull of the landmarks holds no pixel of the crop")]
    EmptyHull,
    /// The mask was warped out of the crop, or is too small to survive its softening.
    #[error("nothing is left of the mask after the warp")]
    VanishedMask,
}

/// What can go wrong in making a pair.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The face cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The pixels given are not those of [`Geometry::window`].
    #[error("expected the {} x {} pixels of {expected:?}, got {width} x {height}", expected.width(), expected.height())]
    WrongWindow {
        /// The part of the frame that was asked for.
        expected: Window,
        /// Width in pixels of the image given.
        width: usize,
        /// Height in pixels of the image given.
        height: usize,
    },
    /// The pixels from elsewhere are not those that the recipe's kind of forgery needs, or show no face.
    #[error("the recipe's kind of forgery needs pixels from elsewhere, and those given are of no use to it")]
    Material,
    /// An image operation failed.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// An image could not be taken through a video encoder.
    #[error(transparent)]
    Recompression(#[from] crate::video::RecompressionError),
}

impl Error {
    pub(super) fn wrong_window(geometry: &Geometry, image: &crate::types::RgbImage) -> Error {
        Error::WrongWindow { expected: geometry.window(), width: image.width(), height: image.height() }
    }
}

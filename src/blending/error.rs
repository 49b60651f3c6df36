//! Why no pair came out.

use super::geometry::Geometry;
use crate::types::Window;

/// A face that no pair can be made from, with this recipe at least. The frame is replaced by another and counted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// No detector's box.
    #[error("there is no box for the face")]
    NoBox,
    /// Boxes of other faces only.
    #[error("none of the boxes overlaps the landmarks")]
    NoOverlap,
    /// Landmarks outside of the picture.
    #[error("the landmarks lie outside the picture of {width} x {height}")]
    OutsideFrame {
        /// Columns of the picture.
        width: usize,
        /// Rows of the picture.
        height: usize,
    },
    /// A box outside of the part around the landmarks.
    #[error("the box lies outside the part of {width} x {height} around the landmarks")]
    OutsideCrop {
        /// Columns of the part.
        width: usize,
        /// Rows of the part.
        height: usize,
    },
    /// Landmarks whose hull holds no pixel of the crop.
    #[error("the hull of the landmarks holds no pixel of the crop")]
    EmptyHull,
    /// A mask that the warp moved away or that is too small to survive its softening.
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
        /// Columns given.
        width: usize,
        /// Rows given.
        height: usize,
    },
    /// A picture operation failed.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
}

impl Error {
    pub(super) fn wrong_window(geometry: &Geometry, image: &crate::types::RgbImage) -> Error {
        Error::WrongWindow { expected: geometry.window(), width: image.width(), height: image.height() }
    }
}

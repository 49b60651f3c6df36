//! A quick look at frames in a small size, which is enough where faces are large.
//!
//! A network that finds faces in a frame of 1280 x 720 pixels does four times the work that it does in one of 640 x 360, and
//! a face that fills a third of the frame's height needs none of it. So a frame may be looked at in a small size first, and
//! once more in full where nothing was found, or where a face is so small that others may have been missed and its box is
//! coarse. What is decided is decided by the frame alone: results do not depend on which frames are looked at together.

use crate::types::{DetectedFace, RgbImage};

/// Shorter side in pixels of the small input that all faces must have: twice that of RetinaFace's smallest priors, so that
/// of faces as large as those that were found none is missed, and boxes hardly move with the input's size. In a frame of 1280
/// pixels this is a face of 64.
const LEAST_FACE: f64 = 32.0;
/// A frame is looked at in the small size where it is so many times larger: a look that has to be repeated is lost.
const LEAST_GAIN: f64 = 1.5;

/// Whether a frame that would be looked at with this longest side is worth a quick look with the longest side `quick`.
pub(super) fn is_worth_it(full: usize, quick: usize) -> bool {
    full as f64 >= LEAST_GAIN * quick as f64
}

/// Whether what a quick look has found, in pixels of the frame, is all that is to be found.
pub(super) fn is_enough(image: &RgbImage, quick: usize, faces: &[DetectedFace]) -> bool {
    let shrunk = quick as f64 / image.width().max(image.height()) as f64;
    let large = |face: &DetectedFace| face.bbox.width().min(face.bbox.height()) * shrunk >= LEAST_FACE;
    !faces.is_empty() && faces.iter().all(large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BBox;

    #[test]
    fn large_faces_are_enough_and_small_ones_or_none_are_not() {
        let image = RgbImage::filled(1280, 720, [9; 3]);
        let face = |width: f64, height: f64| DetectedFace {
            bbox: BBox { x0: 10.0, y0: 10.0, x1: 10.0 + width, y1: 10.0 + height },
            confidence: 0.9,
            points: [(0.0, 0.0); 5],
        };
        let enough = |faces: &[DetectedFace]| is_enough(&image, 640, faces);
        assert!(enough(&[face(64.0, 100.0), face(300.0, 400.0)]));
        assert!(!enough(&[face(63.0, 100.0), face(300.0, 400.0)]));
        assert!(!enough(&[]));
        assert!(is_worth_it(960, 640) && !is_worth_it(959, 640));
    }
}

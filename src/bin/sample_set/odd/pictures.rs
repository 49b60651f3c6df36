//! The frames that all odd videos show.

use sbi::imaging::{mirrored, resized, shrunk};
use sbi::types::{RgbImage, Window};

use super::Result;

/// The part of the portrait that videos show: a face off its middle.
const FACE: Window = Window { y0: 0, y1: 340, x0: 60, x1: 400 };
/// What is around it.
const GROUND: [u8; 3] = [90; 3];
/// Rows of the bar on top.
const BAR: usize = 4;

/// The square around the face, of the portrait as it is carried along (512 pixels).
pub fn face(portrait: &RgbImage) -> RgbImage {
    portrait.cropped(FACE)
}

/// Frames with the face at the bottom left and a bar on top that grows, so that they can be told apart.
pub fn frames(face: &RgbImage, width: usize, height: usize, count: usize) -> Result<Vec<RgbImage>> {
    let side = width.min(height) * 4 / 5;
    let small = if side < face.width() { shrunk(face, side, side)? } else { resized(face, side, side)? };
    let frame = |number: usize| {
        let mut image = RgbImage::filled(width, height, GROUND);
        image.paste(&small, 0, height - side);
        let bar = (width * (number + 1) / count).max(BAR);
        image.paste(&RgbImage::filled(bar, BAR, [255; 3]), 0, 0);
        image
    };
    Ok((0..count).map(frame).collect())
}

/// How an image is stored so that it is upright once a reader has mirrored it, if it is asked to, and then turned it by
/// `quarters` clockwise.
pub fn stored_for(image: &RgbImage, mirror: bool, quarters: usize) -> Result<RgbImage> {
    let turned = (0..quarters).fold(image.clone(), |image, _| turned_left(&image));
    Ok(if mirror { mirrored(&turned)? } else { turned })
}

/// A quarter turn counterclockwise.
fn turned_left(image: &RgbImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let pixel = |at: usize| image.pixel(width - 1 - at / height, at % height);
    RgbImage::from_raw(height, width, (0..width * height).flat_map(pixel).collect())
}

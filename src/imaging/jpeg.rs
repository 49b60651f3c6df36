//! What a JPEG file does to an image.

use super::jpeg_codec;
use crate::types::{RgbImage, Window};

/// Side of the squares that JPEG codes as one: 8 x 8 coefficients of colours at half resolution.
const MCU: usize = 16;
/// How many pixels beyond its own squares a decoded window depends on: colours are enlarged from half resolution by
/// interpolating with the next value.
const REACH: usize = 2;
/// In images narrower than this, colours are enlarged by repetition instead of interpolation.
const NARROWEST: usize = 5;

/// The image after JPEG encoding at `quality` (1..=100) and decoding. Red and blue are swapped while it is encoded:
/// kept so that published weights give published numbers.
///
/// # Panics
/// When the quality is outside its range.
pub fn jpeg_round_trip(image: &RgbImage, quality: i32) -> RgbImage {
    assert!((1..=100).contains(&quality), "JPEG quality {quality}");
    jpeg_codec::round_trip(image, quality)
}

/// The part of an image of `width` x `height` that has to go through [`jpeg_round_trip`] so that the pixels of
/// `window` come out as if the whole image did: whole squares of the grid that begins at the image's corner.
pub fn jpeg_window(window: Window, width: usize, height: usize) -> Window {
    let near = window.grown(REACH, width, height);
    let down = |edge: usize| edge / MCU * MCU;
    let up = |edge: usize, limit: usize| edge.next_multiple_of(MCU).min(limit);
    let left = near.x0.min(near.x1.saturating_sub(NARROWEST));
    Window { y0: down(near.y0), y1: up(near.y1, height), x0: down(left), x1: up(near.x1, width) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_image, any_window};
    use super::*;
    use crate::native::jpeg::{self, Colours, JpegSampling};
    use proptest::prelude::*;

    /// Encoded and decoded by libjpeg-turbo.
    fn through_a_file(image: &RgbImage, quality: i32) -> RgbImage {
        let swapped = |image: &RgbImage| {
            let data = image.data().as_chunks().0.iter().flat_map(|&[red, green, blue]| [blue, green, red]);
            RgbImage::from_raw(image.width(), image.height(), data.collect())
        };
        let (width, height) = (image.width(), image.height());
        let file = jpeg::encode(swapped(image).data(), width, height, quality, JpegSampling::Half).unwrap();
        let mut decoded = RgbImage::filled(image.width(), image.height(), [0; 3]);
        assert_eq!(jpeg::decode(&file, Colours::ByHeader, decoded.data_mut()), Ok(None));
        swapped(&decoded)
    }

    proptest! {
        #[test]
        fn pixels_are_those_of_a_real_file(image in any_image(1..120, 1..120), quality in 1..=100i32) {
            prop_assert_eq!(jpeg_round_trip(&image, quality), through_a_file(&image, quality));
        }

        #[test]
        fn a_window_decodes_as_it_does_within_the_whole(
            (image, window) in any_image(1..120, 1..120).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            quality in 1..=100i32,
        ) {
            let whole = jpeg_round_trip(&image, quality).cropped(window);
            let part = jpeg_window(window, image.width(), image.height());
            let alone = jpeg_round_trip(&image.cropped(part), quality).cropped(window.within(part));
            prop_assert_eq!(alone, whole);
        }
    }
}

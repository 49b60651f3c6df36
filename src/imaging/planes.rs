//! Images in the layout that libtorch networks take.

use crate::types::RgbImage;
use multiversion::multiversion;

/// Writes the image as floats 0..=1 (value / 255), plane by plane: `[3, height, width]`, flat, red first.
///
/// # Panics
/// When `planes` is not `3 * height * width` long.
pub fn write_planes(image: &RgbImage, planes: &mut [f32]) {
    let area = image.width() * image.height();
    assert_eq!(planes.len(), 3 * area, "planes of {image:?}");
    let (red, rest) = planes.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    deinterleave(image.data(), red, green, blue);
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn deinterleave(pixels: &[u8], red: &mut [f32], green: &mut [f32], blue: &mut [f32]) {
    let planes = red.iter_mut().zip(green).zip(blue);
    for (pixel, ((r, g), b)) in pixels.chunks_exact(3).zip(planes) {
        *r = f32::from(pixel[0]) / 255.0;
        *g = f32::from(pixel[1]) / 255.0;
        *b = f32::from(pixel[2]) / 255.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::any_image;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn planes_hold_every_value_over_255(image in any_image(1..50, 1..20)) {
            let mut planes = vec![-1.0; image.data().len()];
            write_planes(&image, &mut planes);
            let expected: Vec<f32> = image.to_planes().iter().map(|&value| f32::from(value) / 255.0).collect();
            prop_assert_eq!(planes, expected);
        }
    }
}

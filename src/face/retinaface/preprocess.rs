//! From a picture to the network's input.

use super::Variant;
use crate::imaging;
use crate::types::RgbImage;

/// ImageNet's mean and deviation per channel (RGB, in 0..1).
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];
/// What the MobileNet form subtracts, in 0..255, per channel of its BGR input.
const MOBILENET_BGR: [f32; 3] = [104.0, 117.0, 123.0];

/// Height and width with the longest side at `max_size`, also upwards; halves go to the even number.
pub fn resized_shape(height: usize, width: usize, max_size: usize) -> (usize, usize) {
    let scale = max_size as f64 / height.max(width) as f64;
    let scaled = |side: usize| ((side as f64 * scale).round_ties_even() as usize).max(1);
    (scaled(height), scaled(width))
}

/// A picture as the network takes it.
pub struct Input {
    /// `[height, width, 3]`, flat, normalised.
    pub hwc: Vec<f32>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Rows and columns of the network's input for this picture.
pub fn input_size(image: &RgbImage, max_size: Option<usize>) -> (usize, usize) {
    let own = (image.height(), image.width());
    max_size.map_or(own, |size| resized_shape(own.0, own.1, size))
}

/// Resizes (bilinear, 8-bit) where `max_size` asks for it, then normalises as `variant` was trained.
pub fn prepare(image: &RgbImage, variant: Variant, max_size: Option<usize>) -> Result<Input, imaging::Error> {
    let (height, width) = input_size(image, max_size);
    let mut hwc = vec![0.0; height * width * 3];
    prepare_into(image, variant, (height, width), &mut hwc)?;
    Ok(Input { hwc, height, width })
}

/// The same into `hwc`, `[height, width, 3]`, of which `size` is the height and width.
pub fn prepare_into(
    image: &RgbImage,
    variant: Variant,
    (height, width): (usize, usize),
    hwc: &mut [f32],
) -> Result<(), imaging::Error> {
    let own = (image.height(), image.width());
    let resized = if (height, width) == own { None } else { Some(imaging::resized(image, width, height)?) };
    let pixels = resized.as_ref().unwrap_or(image).data();
    let tables = tables(variant);
    let bgr = variant == Variant::MobileNet025;
    for (out, rgb) in hwc.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
        for (channel, value) in out.iter_mut().enumerate() {
            let source = if bgr { 2 - channel } else { channel };
            *value = tables[channel][usize::from(rgb[source])];
        }
    }
    Ok(())
}

/// The normalised value of each of the 256 grey levels, per channel of the network's input.
fn tables(variant: Variant) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|level| match variant {
            Variant::ResNet50 => {
                let (mean, deviation) = IMAGENET[channel];
                (level as f32 - mean * 255.0) * (1.0 / (deviation * 255.0))
            }
            Variant::MobileNet025 => level as f32 - MOBILENET_BGR[channel],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_round_halves_to_even() {
        assert_eq!(resized_shape(720, 1280, 2048), (1152, 2048));
        assert_eq!(resized_shape(1920, 1080, 2048), (2048, 1152));
        assert_eq!(resized_shape(5, 4, 2), (2, 2));
        assert_eq!(resized_shape(3, 4, 2), (2, 2));
        assert_eq!(resized_shape(1, 5000, 2048), (1, 2048));
    }

    #[test]
    fn the_small_network_sees_blue_first() {
        let image = RgbImage::from_raw(1, 1, vec![200, 150, 100]);
        let input = prepare(&image, Variant::MobileNet025, None).unwrap();
        assert_eq!(input.hwc, [100.0 - 104.0, 150.0 - 117.0, 200.0 - 123.0]);
    }
}

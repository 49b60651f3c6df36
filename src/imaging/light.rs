//! How bright and how sharp an image is.

use crate::types::RgbImage;

/// Two measures of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Mean brightness (luma of Rec. 601), 0..255.
    pub brightness: f64,
    /// Variance of the Laplacian of the brightness: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy",
    /// ICPR 2000. An image that was enlarged or blurred has little.
    pub sharpness: f64,
}

impl Light {
    /// Measures an image of at least 3 x 3 pixels; smaller ones have no sharpness.
    pub fn of(image: &RgbImage) -> Self {
        let (width, height) = (image.width(), image.height());
        let luma =
            |rgb: &[u8]| 0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2]);
        let luma: Vec<f32> = image.data().chunks_exact(3).map(luma).collect();
        let sum: f64 = luma.iter().map(|&value| f64::from(value)).sum();
        let (mut total, mut squares, mut count) = (0.0, 0.0, 0usize);
        for y in 1..height.saturating_sub(1) {
            let rows = [y - 1, y, y + 1].map(|row| &luma[row * width..][..width]);
            for x in 1..width.saturating_sub(1) {
                let bend = rows[0][x] + rows[2][x] + rows[1][x - 1] + rows[1][x + 1] - 4.0 * rows[1][x];
                total += f64::from(bend);
                squares += f64::from(bend * bend);
                count += 1;
            }
        }
        let count = count.max(1) as f64;
        let mean = total / count;
        Light {
            brightness: sum / luma.len().max(1) as f64,
            sharpness: (squares / count - mean * mean).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_images_have_brightness_and_edges_have_sharpness() {
        let plain = Light::of(&RgbImage::filled(9, 7, [100; 3]));
        assert!((plain.brightness - 100.0).abs() < 1e-3 && plain.sharpness < 1e-6, "{plain:?}");
        let stripes = |period: usize| {
            let value = |i: usize| if (i / 3 % 32 / period).is_multiple_of(2) { 50 } else { 150 };
            Light::of(&RgbImage::from_raw(32, 8, (0..32 * 8 * 3).map(value).collect()))
        };
        assert!(stripes(1).sharpness > stripes(4).sharpness && stripes(4).sharpness > 100.0);
        assert_eq!(Light::of(&RgbImage::filled(2, 1, [7; 3])).sharpness, 0.0);
    }
}

//! An image as a sum of structures of different sizes.

use crate::imaging::{Error, gaussian_blurred_image};
use crate::types::RgbImage;

/// How many sizes of structures there are.
pub const BANDS: usize = 3;
/// Where one size ends and the next begins: standard deviations in pixels of the pair's images.
const BORDERS: [f64; BANDS] = [0.8, 1.8, 4.0];

/// An image, split into what is left after the strongest smoothing, and bands of structures, the finest first. The sum
/// of all is the image to the last bit.
pub struct Bands {
    base: RgbImage,
    details: [Vec<i16>; BANDS],
}

impl Bands {
    /// Splits an image. `shown`: pixels of the pair's images per pixel of this one.
    pub fn of(image: &RgbImage, shown: f64) -> Result<Bands, Error> {
        let mut finer = image.clone();
        let mut details = [const { Vec::new() }; BANDS];
        for (band, border) in details.iter_mut().zip(BORDERS) {
            let smooth = gaussian_blurred_image(image, border / shown)?;
            let difference = |(a, b): (&u8, &u8)| i16::from(*a) - i16::from(*b);
            *band = finer.data().iter().zip(smooth.data()).map(difference).collect();
            finer = smooth;
        }
        Ok(Bands { base: finer, details })
    }

    /// The band of a number, the finest is 0: `[height, width, 3]`, flat.
    pub fn detail(&self, band: usize) -> &[i16] {
        &self.details[band]
    }

    /// Puts another in a band's place.
    ///
    /// # Panics
    /// When it has another length.
    pub fn replace(&mut self, band: usize, detail: Vec<i16>) {
        assert_eq!(detail.len(), self.details[band].len(), "a band of the same image size");
        self.details[band] = detail;
    }

    /// The image again, each band multiplied by a number.
    pub fn merged(&self, gains: [f64; BANDS]) -> RgbImage {
        let gains = gains.map(|gain| gain as f32);
        let mut out = self.base.clone();
        for (i, value) in out.data_mut().iter_mut().enumerate() {
            let details = self.details.iter().zip(gains).map(|(band, gain)| gain * f32::from(band[i]));
            *value = (f32::from(*value) + details.sum::<f32>()).round().clamp(0.0, 255.0) as u8;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::frame;
    use super::*;

    #[test]
    fn bands_sum_to_the_image_and_the_finest_is_what_blur_takes() {
        let image = frame(60, 50);
        let bands = Bands::of(&image, 0.7).unwrap();
        assert_eq!(bands.merged([1.0; BANDS]), image);
        let blurred = gaussian_blurred_image(&image, 0.8 / 0.7).unwrap();
        assert_eq!(bands.merged([0.0, 1.0, 1.0]), blurred);
        let mut other = Bands::of(&image, 0.7).unwrap();
        other.replace(0, vec![0; 60 * 50 * 3]);
        assert_eq!(other.merged([1.0; BANDS]), blurred);
        assert_eq!(other.detail(0).iter().map(|v| i64::from(*v)).sum::<i64>(), 0);
    }
}

//! What happens to fake and real alike.

use crate::imaging::{Error, Tables, hsv_shift, jpeg_round_trip, jpeg_window};
use crate::rng::SampleRng;
use crate::types::{RgbImage, Window};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// The joint transforms of training, in this order. SBI, section 4.1, "augmentations".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointTransforms {
    /// Steps added to red, green and blue, each from -20..20; drawn with probability 0.3.
    pub rgb_shift: Option<[f64; 3]>,
    /// Steps added to hue, saturation and value, each from -0.3..0.3; probability 0.3.
    pub hsv_shift: Option<[f64; 3]>,
    /// Brightness and contrast, each from -0.3..0.3; probability 0.3.
    pub brightness_contrast: Option<[f64; 2]>,
    /// JPEG quality, 40..=100; probability 0.5.
    pub jpeg_quality: Option<i32>,
}

const COLOUR_CHANGES: f64 = 0.3;

/// Steps for three channels, each from -20..20, with probability 0.3.
pub(super) fn draw_rgb_shift(rng: &mut SampleRng) -> Option<[f64; 3]> {
    const STEPS: f64 = 20.0;
    rng.random_bool(COLOUR_CHANGES).then(|| [(); 3].map(|()| rng.random_range(-STEPS..STEPS)))
}

/// Steps for hue, saturation and value, each from -0.3..0.3.
pub(super) fn draw_hsv_shift(rng: &mut SampleRng) -> [f64; 3] {
    const STEPS: f64 = 0.3;
    [(); 3].map(|()| rng.random_range(-STEPS..STEPS))
}

impl JointTransforms {
    /// Draws all parameters with their published probabilities.
    pub(super) fn draw(rng: &mut SampleRng) -> JointTransforms {
        const BRIGHTNESS_CONTRAST: f64 = 0.3;
        const JPEG: f64 = 0.5;
        let rgb_shift = draw_rgb_shift(rng);
        let hsv_shift = rng.random_bool(COLOUR_CHANGES).then(|| draw_hsv_shift(rng));
        let brightness_contrast = rng
            .random_bool(COLOUR_CHANGES)
            .then(|| [(); 2].map(|()| rng.random_range(-BRIGHTNESS_CONTRAST..BRIGHTNESS_CONTRAST)));
        let jpeg_quality = rng.random_bool(JPEG).then(|| rng.random_range(40..=100));
        JointTransforms { rgb_shift, hsv_shift, brightness_contrast, jpeg_quality }
    }

    /// The part of an image of `width` x `height` that has to be transformed so that the pixels of `window` come
    /// out as if the whole image were.
    pub fn needed(&self, window: Window, width: usize, height: usize) -> Window {
        match self.jpeg_quality {
            Some(_) => jpeg_window(window, width, height),
            None => window,
        }
    }

    /// Changes an image, or the part of it that [`JointTransforms::needed`] names.
    pub fn apply(&self, image: &mut RgbImage) -> Result<(), Error> {
        if let Some(shift) = self.rgb_shift {
            Tables::shift(shift).apply(image);
        }
        if let Some([hue, saturation, value]) = self.hsv_shift {
            hsv_shift(image, hue, saturation, value)?;
        }
        if let Some([brightness, contrast]) = self.brightness_contrast {
            Tables::brightness_contrast(brightness, contrast).apply(image);
        }
        if let Some(quality) = self.jpeg_quality {
            *image = jpeg_round_trip(image, quality);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drawn_changes_nothing_and_everything_follows_its_order() {
        let image = RgbImage::filled(20, 20, [100, 50, 200]);
        let none = JointTransforms {
            rgb_shift: None,
            hsv_shift: None,
            brightness_contrast: None,
            jpeg_quality: None,
        };
        let mut same = image.clone();
        none.apply(&mut same).unwrap();
        assert_eq!(same, image);
        let mut shifted = image.clone();
        let contrast = Some([0.0, -0.5]);
        let shift = Some([10.0, 0.0, 100.0]);
        let both = JointTransforms { rgb_shift: shift, brightness_contrast: contrast, ..none };
        both.apply(&mut shifted).unwrap();
        // (100 + 10) / 2, 50 / 2, and 300 stops at 255 before it is halved.
        assert_eq!(shifted.pixel(3, 3), [55, 25, 127]);
    }
}

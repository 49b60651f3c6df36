//! What makes the source differ from the target.

use super::transforms::{draw_hsv_shift, draw_rgb_shift};
use crate::imaging::{DownUp, Error, Tables, hsv_shift, sharpened};
use crate::rng::SampleRng;
use crate::types::{RgbImage, Window};
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// One of the two images that a blend is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The image that is shown through the mask.
    Source,
    /// The image around the mask, which stays visible outside it.
    Target,
}

/// A change of the finest structures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Detail {
    /// Made smaller without smoothing and enlarged again.
    DownUp {
        /// How much smaller: 2 or 4.
        factor: usize,
    },
    /// The image is sharpened.
    Sharpen {
        /// Share of the edges, 0.2..0.5.
        alpha: f64,
        /// Added to the edges' centre weight of 8, 0.5..1.
        lightness: f64,
    },
}

/// The source transforms: colours, then detail, of one of the two images. SBI, "Source-Target Generator".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTransforms {
    /// Which image they change.
    pub of: Side,
    /// Steps added to red, green and blue, each from -20..20; drawn with probability 0.3.
    pub rgb_shift: Option<[f64; 3]>,
    /// Steps added to hue, saturation and value, each from -0.3..0.3.
    pub hsv_shift: [f64; 3],
    /// Brightness and contrast, each from -0.1..0.1.
    pub brightness_contrast: [f64; 2],
    /// How fine detail is changed; both kinds are equally likely.
    pub detail: Detail,
}

impl SourceTransforms {
    /// Draws all parameters with their published probabilities.
    pub(super) fn draw(rng: &mut SampleRng) -> SourceTransforms {
        const BRIGHTNESS_CONTRAST: f64 = 0.1;
        let of = if rng.random_bool(0.5) { Side::Source } else { Side::Target };
        let rgb_shift = draw_rgb_shift(rng);
        let hsv_shift = draw_hsv_shift(rng);
        let brightness_contrast =
            [(); 2].map(|()| rng.random_range(-BRIGHTNESS_CONTRAST..BRIGHTNESS_CONTRAST));
        let detail = match rng.random_bool(0.5) {
            true => Detail::DownUp { factor: *[2, 4].choose(rng).expect("there are two") },
            false => {
                Detail::Sharpen { alpha: rng.random_range(0.2..0.5), lightness: rng.random_range(0.5..1.0) }
            }
        };
        SourceTransforms { of, rgb_shift, hsv_shift, brightness_contrast, detail }
    }

    /// Transforms the part of `image` inside `window`. The pixels are those that transforming the whole image would give.
    pub fn apply(&self, image: &RgbImage, window: Window) -> Result<RgbImage, Error> {
        let (width, height) = (image.width(), image.height());
        match self.detail {
            Detail::DownUp { factor } => {
                // Colours change pixel by pixel, so they may as well come after most pixels are gone.
                let plan = DownUp::new(width, height, factor, window);
                let mut small = plan.sampled(image);
                self.change_colours(&mut small)?;
                Ok(plan.enlarged(&small))
            }
            Detail::Sharpen { alpha, lightness } => {
                const KERNEL_REACH: usize = 1;
                let around = window.grown(KERNEL_REACH, width, height);
                let mut part = image.cropped(around);
                self.change_colours(&mut part)?;
                Ok(sharpened(&part, alpha, lightness)?.cropped(window.within(around)))
            }
        }
    }

    fn change_colours(&self, image: &mut RgbImage) -> Result<(), Error> {
        if let Some(shift) = self.rgb_shift {
            Tables::shift(shift).apply(image);
        }
        let [hue, saturation, value] = self.hsv_shift;
        hsv_shift(image, hue, saturation, value)?;
        let [brightness, contrast] = self.brightness_contrast;
        Tables::brightness_contrast(brightness, contrast).apply(image);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::testing::{any_image, any_window};
    use crate::rng::{Purpose, generator};
    use proptest::prelude::*;

    /// The steps one after the other on all of the image.
    fn plain(transforms: &SourceTransforms, image: &RgbImage) -> RgbImage {
        let mut image = image.clone();
        transforms.change_colours(&mut image).unwrap();
        let whole = Window::whole(image.width(), image.height());
        match transforms.detail {
            Detail::DownUp { factor } => {
                let plan = DownUp::new(image.width(), image.height(), factor, whole);
                plan.enlarged(&plan.sampled(&image))
            }
            Detail::Sharpen { alpha, lightness } => sharpened(&image, alpha, lightness).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn a_window_is_transformed_as_within_the_whole(
            (image, window) in any_image(4..100, 4..100).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            index in any::<u64>(),
        ) {
            let transforms = SourceTransforms::draw(&mut generator(3, 0, index, Purpose::Sample));
            let part = transforms.apply(&image, window).unwrap();
            let whole = plain(&transforms, &image).cropped(window);
            match transforms.detail {
                Detail::DownUp { .. } => prop_assert_eq!(part, whole),
                // OpenCV's filter may round exact halves otherwise at the ends of rows.
                Detail::Sharpen { .. } => {
                    let same = part.data().iter().zip(whole.data()).all(|(a, b)| a.abs_diff(*b) <= 1);
                    prop_assert!(same);
                }
            }
        }
    }
}

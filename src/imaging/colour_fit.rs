//! Giving one image the colours of another.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::{Mask, RgbImage};
use opencv::core::{CV_8U, CV_32F, Mat, Vec3f};
use opencv::imgproc;
use opencv::prelude::*;
use serde::{Deserialize, Serialize};

/// In which coordinates colours are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourSpace {
    /// Red, green and blue.
    Rgb,
    /// CIE L*a*b*: lightness and two opposed colours, which people see as equally far apart.
    Lab,
}

/// Spreads are stretched by at most this factor.
const MOST: f32 = 2.0;

/// `image` with the mean and the deviation per channel that `model` has where `region` is set; `strength` of 0 changes
/// nothing, 1 all. All three are of the same size. Where the region is empty, nothing changes.
///
/// # Panics
/// When the sizes differ.
pub fn with_colours_of(
    image: &RgbImage,
    model: &RgbImage,
    region: &Mask,
    space: ColourSpace,
    strength: f64,
) -> Result<RgbImage, Error> {
    let size = (region.width(), region.height());
    assert_eq!((image.width(), image.height()), size, "image and region");
    assert_eq!((model.width(), model.height()), size, "model and region");
    let (mut own, wanted) = (floats(image, space)?, floats(model, space)?);
    let (Some(from), Some(to)) =
        (statistics(own.data_typed()?, region), statistics(wanted.data_typed()?, region))
    else {
        return Ok(image.clone());
    };
    let strength = strength as f32;
    let mut factor = [1.0; 3];
    let mut offset = [0.0; 3];
    for channel in 0..3 {
        let ((mean, deviation), (new_mean, new_deviation)) = (from[channel], to[channel]);
        let stretched = (new_deviation / deviation.max(f32::EPSILON)).clamp(0.0, MOST);
        factor[channel] = 1.0 + strength * (stretched - 1.0);
        offset[channel] = mean + strength * (new_mean - mean) - factor[channel] * mean;
    }
    for pixel in own.data_typed_mut::<Vec3f>()? {
        for channel in 0..3 {
            pixel[channel] = pixel[channel] * factor[channel] + offset[channel];
        }
    }
    bytes(&own, space)
}

/// Float pixels, 0..=1 for red, green and blue.
fn floats(image: &RgbImage, space: ColourSpace) -> Result<Mat, Error> {
    let mut rgb = Mat::default();
    as_mat(image)?.convert_to(&mut rgb, CV_32F, 1.0 / 255.0, 0.0)?;
    if space == ColourSpace::Rgb {
        return Ok(rgb);
    }
    let mut lab = Mat::default();
    imgproc::cvt_color_def(&rgb, &mut lab, imgproc::COLOR_RGB2Lab)?;
    Ok(lab)
}

fn bytes(pixels: &Mat, space: ColourSpace) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(pixels.cols() as usize, pixels.rows() as usize, [0; 3]);
    let mut to = as_mat_mut(&mut out)?;
    match space {
        ColourSpace::Rgb => pixels.convert_to(&mut to, CV_8U, 255.0, 0.0)?,
        ColourSpace::Lab => {
            let mut rgb = Mat::default();
            imgproc::cvt_color_def(pixels, &mut rgb, imgproc::COLOR_Lab2RGB)?;
            rgb.convert_to(&mut to, CV_8U, 255.0, 0.0)?;
        }
    }
    drop(to);
    Ok(out)
}

/// Mean and standard deviation of each channel where the region is set; `None` where it is empty.
fn statistics(pixels: &[Vec3f], region: &Mask) -> Option<[(f32, f32); 3]> {
    let (mut count, mut sums, mut squares) = (0.0, [0f64; 3], [0f64; 3]);
    for (pixel, _) in pixels.iter().zip(region.data()).filter(|(_, share)| **share > 0.0) {
        count += 1.0;
        for channel in 0..3 {
            let value = f64::from(pixel[channel]);
            sums[channel] += value;
            squares[channel] += value * value;
        }
    }
    (count > 0.0).then(|| {
        [0, 1, 2].map(|channel| {
            let mean = sums[channel] / count;
            (mean as f32, (squares[channel] / count - mean * mean).max(0.0).sqrt() as f32)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(low: u8, step: u8) -> RgbImage {
        let value = |i: usize| low + step * (i / 3 % 16) as u8;
        RgbImage::from_raw(16, 4, (0..16 * 4 * 3).map(value).collect())
    }

    #[test]
    fn colours_become_the_models_as_far_as_asked() {
        let (image, model) = (ramp(100, 4), ramp(40, 6));
        let everywhere = Mask::filled(16, 4, 1.0);
        for space in [ColourSpace::Rgb, ColourSpace::Lab] {
            let fitted = |strength| with_colours_of(&image, &model, &everywhere, space, strength).unwrap();
            let near =
                |a: &RgbImage, b: &RgbImage| a.data().iter().zip(b.data()).all(|(a, b)| a.abs_diff(*b) <= 3);
            assert!(near(&fitted(0.0), &image) && near(&fitted(1.0), &model), "{space:?}");
            assert!(!near(&fitted(0.5), &image) && !near(&fitted(0.5), &model), "{space:?}");
        }
    }

    #[test]
    fn only_the_region_counts_and_none_changes_nothing() {
        let (image, mut model) = (ramp(100, 4), ramp(100, 4));
        model.data_mut()[..3].fill(255);
        let mut region = Mask::filled(16, 4, 1.0);
        region.data_mut()[0] = 0.0;
        assert_eq!(with_colours_of(&image, &model, &region, ColourSpace::Rgb, 1.0).unwrap(), image);
        let nothing = Mask::filled(16, 4, 0.0);
        assert_eq!(with_colours_of(&image, &ramp(0, 1), &nothing, ColourSpace::Rgb, 1.0).unwrap(), image);
    }
}

//! Colour changes that look at one pixel at a time, by tables.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::RgbImage;
use opencv::imgproc;

/// A table per channel (red, green, blue, or hue, saturation, value) that maps each 8-bit value to its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables([[u8; 256]; 3]);

/// The table of `of` for 0..=255, its results limited to 0..=255 and truncated to whole numbers.
fn table(of: impl Fn(f32) -> f32) -> [u8; 256] {
    let mut table = [0; 256];
    for (value, entry) in table.iter_mut().enumerate() {
        *entry = of(value as f32).clamp(0.0, 255.0) as u8;
    }
    table
}

impl Tables {
    /// Adds a number of steps (-255..=255) to red, green and blue each.
    pub fn shift(rgb: [f64; 3]) -> Tables {
        Tables(rgb.map(|by| table(|value| value + by as f32)))
    }

    /// Maps every value of all three channels to `value * (1 + contrast) + 255 * brightness`.
    pub fn brightness_contrast(brightness: f64, contrast: f64) -> Tables {
        let (factor, offset) = ((1.0 + contrast) as f32, (brightness * 255.0) as f32);
        Tables([table(|value| value * factor + offset); 3])
    }

    /// Adds a number of steps to hue (0..180, wraps around), saturation and value (0..=255) each, truncated to whole
    /// numbers: a shift between -1 and 0 lowers by one step, a shift between 0 and 1 changes nothing.
    fn hsv_shift(hue: f64, saturation: f64, value: f64) -> Tables {
        const HUES: f32 = 180.0;
        Tables([
            table(|h| (h + hue as f32).rem_euclid(HUES)),
            table(|s| s + saturation as f32),
            table(|v| v + value as f32),
        ])
    }

    /// Replaces every channel of every pixel by its table entry.
    pub fn apply(&self, image: &mut RgbImage) {
        let [first, second, third] = &self.0;
        for pixel in image.data_mut().chunks_exact_mut(3) {
            pixel[0] = first[usize::from(pixel[0])];
            pixel[1] = second[usize::from(pixel[1])];
            pixel[2] = third[usize::from(pixel[2])];
        }
    }
}

/// Shifts hue, saturation and value in OpenCV's 8-bit HSV (hue 0..180) by up to a few steps, cut to whole
/// numbers. The way there and back changes pixels too.
///
/// OpenCV rounds the way back when it computes pixels one by one, as it does at the ends of rows, and cuts when it
/// computes several at once. Here every pixel is cut, wherever it is.
pub fn hsv_shift(image: &mut RgbImage, hue: f64, saturation: f64, value: f64) -> Result<(), Error> {
    /// A multiple of what any machine computes at once.
    const LANES: usize = 128;
    let len = image.data().len();
    // All pixels in one row that has no end worth the name.
    let columns = (image.width() * image.height()).next_multiple_of(LANES);
    let mut rgb = RgbImage::filled(columns, 1, [0; 3]);
    let mut hsv = rgb.clone();
    rgb.data_mut()[..len].copy_from_slice(image.data());
    imgproc::cvt_color_def(&as_mat(&rgb)?, &mut as_mat_mut(&mut hsv)?, imgproc::COLOR_RGB2HSV)?;
    Tables::hsv_shift(hue, saturation, value).apply(&mut hsv);
    imgproc::cvt_color_def(&as_mat(&hsv)?, &mut as_mat_mut(&mut rgb)?, imgproc::COLOR_HSV2RGB)?;
    image.data_mut().copy_from_slice(&rgb.data()[..len]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_image, any_window};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shift_in_hsv_does_not_depend_on_where_a_pixel_is(
            (image, window) in any_image(1..70, 1..70).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            shift in [-0.3..0.3f64, -0.3..0.3f64, -0.3..0.3f64],
        ) {
            let [hue, saturation, value] = shift;
            let mut part = image.cropped(window);
            hsv_shift(&mut part, hue, saturation, value).unwrap();
            let mut whole = image;
            hsv_shift(&mut whole, hue, saturation, value).unwrap();
            prop_assert_eq!(part, whole.cropped(window));
        }
    }

    #[test]
    fn shifts_stop_at_the_ends_and_are_cut() {
        let mut image = RgbImage::from_raw(2, 1, vec![250, 10, 3, 100, 100, 100]);
        Tables::shift([20.0, -12.5, 0.7]).apply(&mut image);
        assert_eq!(image.data(), [255, 0, 3, 120, 87, 100]);
    }

    #[test]
    fn contrast_comes_before_brightness() {
        let mut image = RgbImage::from_raw(1, 1, vec![0, 100, 255]);
        Tables::brightness_contrast(0.1, -0.2).apply(&mut image);
        assert_eq!(image.data(), [25, 105, 229]);
    }

    #[test]
    fn fractions_of_a_step_lower_by_one_or_do_nothing() {
        let lower = Tables::hsv_shift(-0.01, -0.3, -0.2).0;
        assert_eq!((lower[0][0], lower[0][7], lower[1][0], lower[1][9], lower[2][255]), (179, 6, 0, 8, 254));
        let same = Tables::hsv_shift(0.01, 0.3, 0.2).0;
        assert!((0..180).all(|h| usize::from(same[0][h]) == h));
        assert!((0..256).all(|v| usize::from(same[1][v]) == v && usize::from(same[2][v]) == v));
    }
}

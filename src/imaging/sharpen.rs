//! Sharpening.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::RgbImage;
use opencv::core::{BORDER_DEFAULT, Mat, Point};
use opencv::imgproc;

/// The 3 x 3 kernel: `1 - alpha` parts of the image itself, `alpha` parts of its edges (8 + `lightness` in the
/// centre, -1 around it).
pub fn sharpen_kernel(alpha: f64, lightness: f64) -> [[f32; 3]; 3] {
    let (alpha, lightness) = (alpha as f32, lightness as f32);
    let mut kernel = [[-alpha; 3]; 3];
    kernel[1][1] = (1.0 - alpha) + alpha * (8.0 + lightness);
    kernel
}

/// The image filtered by [`sharpen_kernel`], borders mirrored; values rounded and limited to 0..=255.
pub fn sharpened(image: &RgbImage, alpha: f64, lightness: f64) -> Result<RgbImage, Error> {
    let kernel = Mat::from_slice_2d(&sharpen_kernel(alpha, lightness))?;
    let mut out = RgbImage::filled(image.width(), image.height(), [0; 3]);
    const SAME_DEPTH: i32 = -1;
    let centre = Point::new(-1, -1);
    let (from, mut to) = (as_mat(image)?, as_mat_mut(&mut out)?);
    imgproc::filter_2d(&from, &mut to, SAME_DEPTH, &kernel, centre, 0.0, BORDER_DEFAULT)?;
    drop(to);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_gets_steeper_and_a_plain_image_brighter() {
        let plain = sharpened(&RgbImage::filled(4, 4, [100; 3]), 0.5, 1.0).unwrap();
        // 0.5 * 100 + 0.5 * (9 - 8) * 100.
        assert!(plain.data().iter().all(|&value| value == 100));
        let brighter = sharpened(&RgbImage::filled(4, 4, [100; 3]), 0.5, 1.5).unwrap();
        assert!(brighter.data().iter().all(|&value| value == 125));
        let mut edge = RgbImage::filled(6, 3, [100; 3]);
        for y in 0..3 {
            for x in 3..6 {
                edge.data_mut()[(y * 6 + x) * 3] = 110;
            }
        }
        let sharp = sharpened(&edge, 0.5, 1.0).unwrap();
        assert_eq!([1, 2, 3, 4].map(|x| sharp.pixel(x, 1)[0]), [100, 85, 125, 110]);
    }
}

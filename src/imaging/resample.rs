//! Other sizes by other kernels than the usual bilinear one, and smoothing that keeps edges.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::RgbImage;
use opencv::core::{BORDER_DEFAULT, Size};
use opencv::imgproc;
use serde::{Deserialize, Serialize};

/// How pixels between pixels are made up when an image gets another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// The nearest pixel.
    Nearest,
    /// From the two next ones.
    Linear,
    /// From the four next ones.
    Cubic,
    /// The mean over the area that a new pixel covers; enlarging, almost the nearest.
    Area,
    /// From the eight next ones.
    Lanczos,
}

/// The image at another size (OpenCV's `resize`).
pub fn resampled(image: &RgbImage, width: usize, height: usize, kernel: Kernel) -> Result<RgbImage, Error> {
    let interpolation = match kernel {
        Kernel::Nearest => imgproc::INTER_NEAREST,
        Kernel::Linear => imgproc::INTER_LINEAR,
        Kernel::Cubic => imgproc::INTER_CUBIC,
        Kernel::Area => imgproc::INTER_AREA,
        Kernel::Lanczos => imgproc::INTER_LANCZOS4,
    };
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, interpolation)?;
    Ok(out)
}

/// Smooths what differs by little from its surroundings and keeps edges: a bilateral filter over `side` x `side` pixels.
/// `steps`: differences in 8-bit steps (their standard deviation) that are smoothed away.
pub fn edge_preserving(image: &RgbImage, side: usize, steps: f64) -> Result<RgbImage, Error> {
    let mut out = image.clone();
    let spread = side as f64 / 2.0;
    let mut to = as_mat_mut(&mut out)?;
    imgproc::bilateral_filter(&as_mat(image)?, &mut to, side as i32, steps, spread, BORDER_DEFAULT)?;
    drop(to);
    Ok(out)
}

/// The median over `side` x `side` (odd) pixels, of each channel.
pub fn median(image: &RgbImage, side: usize) -> Result<RgbImage, Error> {
    let mut out = image.clone();
    imgproc::median_blur(&as_mat(image)?, &mut as_mat_mut(&mut out)?, side as i32)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_give_their_pixels() {
        let image = RgbImage::from_raw(2, 1, vec![0, 0, 0, 200, 200, 200]);
        let first = |kernel| resampled(&image, 8, 1, kernel).unwrap().pixel(3, 0)[0];
        assert_eq!(first(Kernel::Nearest), 0);
        assert_eq!(first(Kernel::Linear), 75);
        assert!(first(Kernel::Cubic) < 75 && first(Kernel::Lanczos) < 75);
        assert_eq!(resampled(&image, 1, 1, Kernel::Area).unwrap().pixel(0, 0), [100; 3]);
    }

    #[test]
    fn smoothing_keeps_edges_and_takes_specks() {
        let value = |i: usize| match i / 3 % 16 {
            _ if i / 3 == 8 * 16 + 3 => 40,
            x if x < 8 => 20,
            _ => 220,
        };
        let image = RgbImage::from_raw(16, 16, (0..16 * 16 * 3).map(value).collect());
        for smooth in [edge_preserving(&image, 5, 30.0).unwrap(), median(&image, 3).unwrap()] {
            assert_eq!((smooth.pixel(7, 2), smooth.pixel(8, 2)), ([20; 3], [220; 3]));
            assert!(smooth.pixel(3, 8)[0] < 32, "{:?}", smooth.pixel(3, 8));
        }
    }
}

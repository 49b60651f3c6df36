//! Blurring masks.

use super::Error;
use super::mat::{mask_as_mat, mask_as_mat_mut};
use crate::types::Mask;
use opencv::core::{BORDER_DEFAULT, CV_8U, CV_32F, Mat, Size, ToInputArray, ToOutputArray};
use opencv::imgproc;
use opencv::prelude::*;

/// A Gaussian blur with a kernel of `side` (odd) pixels, borders mirrored; `sigma` in pixels, `None`: the one that
/// OpenCV derives from the side.
pub fn gaussian_blurred(mask: &Mask, side: usize, sigma: Option<f64>) -> Result<Mask, Error> {
    let mut out = Mask::filled(mask.width(), mask.height(), 0.0);
    let (from, mut to) = (mask_as_mat(mask)?, mask_as_mat_mut(&mut out)?);
    blur(&from, &mut to, side, sigma)?;
    drop(to);
    Ok(out)
}

fn blur(
    from: &impl ToInputArray,
    to: &mut impl ToOutputArray,
    side: usize,
    sigma: Option<f64>,
) -> opencv::Result<()> {
    let size = Size::new(side as i32, side as i32);
    let sigma = sigma.unwrap_or(0.0);
    imgproc::gaussian_blur(from, to, size, sigma, sigma, BORDER_DEFAULT)
}

/// [`resized_mask`](super::resized_mask) and [`gaussian_blurred`] of a mask held in bytes, rounded to whole numbers after each.
pub fn resized_and_blurred_in_bytes(
    mask: &Mask,
    width: usize,
    height: usize,
    side: usize,
) -> Result<Mask, Error> {
    let as_it_is = (1.0, 0.0);
    let (mut bytes, mut small, mut blurred) = (Mat::default(), Mat::default(), Mat::default());
    mask_as_mat(mask)?.convert_to(&mut bytes, CV_8U, as_it_is.0, as_it_is.1)?;
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&bytes, &mut small, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    blur(&small, &mut blurred, side, None)?;
    let mut out = Mask::filled(width, height, 0.0);
    blurred.convert_to(&mut mask_as_mat_mut(&mut out)?, CV_32F, as_it_is.0, as_it_is.1)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Mask {
        Mask::from_raw(40, 30, (0..1200).map(|i| if i % 40 < 20 { 1.0 } else { 0.0 }).collect())
    }

    #[test]
    fn a_blur_softens_a_step_symmetrically() {
        let soft = gaussian_blurred(&step(), 5, Some(2.0)).unwrap();
        assert_eq!((soft.at(10, 15), soft.at(30, 15)), (1.0, 0.0));
        assert!((soft.at(19, 15) + soft.at(20, 15) - 1.0).abs() < 1e-6);
        assert!(soft.at(18, 15) > soft.at(19, 15) && soft.at(19, 15) > 0.5 && soft.at(21, 15) > 0.0);
    }

    #[test]
    fn bytes_stay_0_or_1() {
        let soft = resized_and_blurred_in_bytes(&step(), 55, 33, 9).unwrap();
        assert!(soft.data().iter().all(|&value| value == 0.0 || value == 1.0));
        assert_eq!((soft.at(26, 3), soft.at(28, 3)), (1.0, 0.0));
        let floats =
            gaussian_blurred(&super::super::resized_mask(&step(), 55, 33).unwrap(), 9, None).unwrap();
        assert!(floats.at(26, 3) < 1.0);
    }
}

//! Geometry of whole pictures.

use super::Error;
use super::mat::{as_mat, as_mat_mut, mask_as_mat, mask_as_mat_mut};
use crate::types::{Mask, RgbImage, Window};
use opencv::core::{BORDER_DEFAULT, BORDER_REFLECT_101, Mat, Point, Rect, Scalar, Size};
use opencv::imgproc;

/// The picture at another size, bilinear (OpenCV's `INTER_LINEAR` on 8-bit values).
pub fn resized(image: &RgbImage, width: usize, height: usize) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(out)
}

/// The picture at a smaller size, averaged over the area that each new pixel covers (OpenCV's `INTER_AREA`).
pub fn shrunk(image: &RgbImage, width: usize, height: usize) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_AREA)?;
    Ok(out)
}

fn rect(window: Window) -> Rect {
    let [x, y, width, height] =
        [window.x0, window.y0, window.width(), window.height()].map(|side| side as i32);
    Rect::new(x, y, width, height)
}

/// [`resized`] of the part inside `window`, without copying it first.
pub fn resized_window(
    image: &RgbImage,
    window: Window,
    width: usize,
    height: usize,
) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    let whole = as_mat(image)?;
    let part = Mat::roi(&whole, rect(window))?;
    imgproc::resize(&part, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(out)
}

/// The mask at another size, bilinear.
pub fn resized_mask(mask: &Mask, width: usize, height: usize) -> Result<Mask, Error> {
    resized_mask_part(mask, Window::whole(mask.width(), mask.height()), width, height)
}

/// The part of the mask inside `window` at another size, bilinear.
pub fn resized_mask_part(mask: &Mask, window: Window, width: usize, height: usize) -> Result<Mask, Error> {
    let mut out = Mask::filled(width, height, 0.0);
    let size = Size::new(width as i32, height as i32);
    let whole = mask_as_mat(mask)?;
    let part = Mat::roi(&whole, rect(window))?;
    imgproc::resize(&part, &mut mask_as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(out)
}

/// A Gaussian blur of a picture, `sigma` in pixels above 0, borders mirrored.
pub fn gaussian_blurred_picture(image: &RgbImage, sigma: f64) -> Result<RgbImage, Error> {
    let mut out = image.clone();
    let by_sigma = Size::new(0, 0);
    imgproc::gaussian_blur(
        &as_mat(image)?,
        &mut as_mat_mut(&mut out)?,
        by_sigma,
        sigma,
        sigma,
        BORDER_DEFAULT,
    )?;
    Ok(out)
}

/// A box blur of `side` pixels, borders mirrored.
pub fn blurred(image: &RgbImage, side: usize) -> Result<RgbImage, Error> {
    let mut out = image.clone();
    let size = Size::new(side as i32, side as i32);
    imgproc::blur(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, Point::new(-1, -1), BORDER_DEFAULT)?;
    Ok(out)
}

/// The picture under the affine map `matrix` (2 x 3, source to result), borders mirrored, at the given size.
pub fn warped(
    image: &RgbImage,
    matrix: [[f64; 3]; 2],
    width: usize,
    height: usize,
) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    let matrix = Mat::from_slice_2d(&matrix)?;
    imgproc::warp_affine(
        &as_mat(image)?,
        &mut as_mat_mut(&mut out)?,
        &matrix,
        size,
        imgproc::INTER_LINEAR,
        BORDER_REFLECT_101,
        Scalar::default(),
    )?;
    Ok(out)
}

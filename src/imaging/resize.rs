//! Resizing, blurring and warping whole images.

use super::Error;
use super::mat::{as_mat, as_mat_mut, mask_as_mat, mask_as_mat_mut};
use crate::types::{Mask, RgbImage, Window};
use opencv::core::{BORDER_CONSTANT, BORDER_DEFAULT, BORDER_REFLECT_101, Mat, Point, Rect, Scalar, Size};
use opencv::imgproc;

/// Resizes an image bilinearly (OpenCV's `INTER_LINEAR` on 8-bit values).
pub fn resized(image: &RgbImage, width: usize, height: usize) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(out)
}

/// Resizes an image with cubic interpolation (OpenCV's `INTER_CUBIC` on 8-bit values).
pub fn resized_cubic(image: &RgbImage, width: usize, height: usize) -> Result<RgbImage, Error> {
    let mut out = RgbImage::filled(width, height, [0; 3]);
    let size = Size::new(width as i32, height as i32);
    imgproc::resize(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_CUBIC)?;
    Ok(out)
}

/// Shrinks an image; each new pixel is the mean over the area it covers (OpenCV's `INTER_AREA`).
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

/// Resizes the part of an image inside `window` like [`resized`], without copying the part first.
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

/// Resizes a mask bilinearly.
pub fn resized_mask(mask: &Mask, width: usize, height: usize) -> Result<Mask, Error> {
    resized_mask_part(mask, Window::whole(mask.width(), mask.height()), width, height)
}

/// Resizes the part of a mask inside `window` bilinearly.
pub fn resized_mask_part(mask: &Mask, window: Window, width: usize, height: usize) -> Result<Mask, Error> {
    let mut out = Mask::filled(width, height, 0.0);
    let size = Size::new(width as i32, height as i32);
    let whole = mask_as_mat(mask)?;
    let part = Mat::roi(&whole, rect(window))?;
    imgproc::resize(&part, &mut mask_as_mat_mut(&mut out)?, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(out)
}

/// Blurs an image with a Gaussian of `sigma` > 0 pixels, mirroring at the borders.
pub fn gaussian_blurred_image(image: &RgbImage, sigma: f64) -> Result<RgbImage, Error> {
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

/// Blurs an image with a box of `side` x `side` pixels, mirroring at the borders.
pub fn blurred(image: &RgbImage, side: usize) -> Result<RgbImage, Error> {
    let mut out = image.clone();
    let size = Size::new(side as i32, side as i32);
    imgproc::blur(&as_mat(image)?, &mut as_mat_mut(&mut out)?, size, Point::new(-1, -1), BORDER_DEFAULT)?;
    Ok(out)
}

/// Warps an image by the affine map `matrix` (2 x 3, from source to result) into a result of the given size, mirroring
/// at the borders.
pub fn warped(
    image: &RgbImage,
    matrix: [[f64; 3]; 2],
    width: usize,
    height: usize,
) -> Result<RgbImage, Error> {
    warped_beyond(image, matrix, (width, height), BORDER_REFLECT_101)
}

/// Warps an image as [`warped`] does, with black beyond the borders.
pub fn warped_on_black(
    image: &RgbImage,
    matrix: [[f64; 3]; 2],
    width: usize,
    height: usize,
) -> Result<RgbImage, Error> {
    warped_beyond(image, matrix, (width, height), BORDER_CONSTANT)
}

fn warped_beyond(
    image: &RgbImage,
    matrix: [[f64; 3]; 2],
    (width, height): (usize, usize),
    border: i32,
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
        border,
        Scalar::default(),
    )?;
    Ok(out)
}

//! The border between our images and OpenCV's matrices.

use crate::types::{Mask, RgbImage};
use opencv::boxed_ref::{BoxedRef, BoxedRefMut};
use opencv::core::{Mat, Vec3b};
use opencv::imgproc;

/// A view of the image as an 8-bit three-channel matrix in RGB order.
pub(crate) fn as_mat(image: &RgbImage) -> opencv::Result<BoxedRef<'_, Mat>> {
    Mat::new_rows_cols_with_bytes::<Vec3b>(image.height() as i32, image.width() as i32, image.data())
}

/// A view of the image as an 8-bit three-channel matrix in RGB order, which OpenCV may write into.
pub(crate) fn as_mat_mut(image: &mut RgbImage) -> opencv::Result<BoxedRefMut<'_, Mat>> {
    let (height, width) = (image.height() as i32, image.width() as i32);
    Mat::new_rows_cols_with_bytes_mut::<Vec3b>(height, width, image.data_mut())
}

/// A view of the mask as a float matrix.
pub(super) fn mask_as_mat(mask: &Mask) -> opencv::Result<BoxedRef<'_, Mat>> {
    Mat::new_rows_cols_with_data(mask.height() as i32, mask.width() as i32, mask.data())
}

/// A view of the mask as a float matrix, which OpenCV may write into.
pub(super) fn mask_as_mat_mut(mask: &mut Mask) -> opencv::Result<BoxedRefMut<'_, Mat>> {
    let (height, width) = (mask.height() as i32, mask.width() as i32);
    Mat::new_rows_cols_with_data_mut(height, width, mask.data_mut())
}

/// Pixels in the order blue, green, red, row by row, as an RGB image.
///
/// # Panics
/// When `bgr` is not `3 * width * height` long.
pub(crate) fn rgb_from_bgr(bgr: &[u8], width: usize, height: usize) -> opencv::Result<RgbImage> {
    assert_eq!(bgr.len(), 3 * width * height, "an image of {width} x {height}");
    let mut image = RgbImage::filled(width, height, [0; 3]);
    let bgr = Mat::new_rows_cols_with_bytes::<Vec3b>(height as i32, width as i32, bgr)?;
    imgproc::cvt_color_def(&bgr, &mut as_mat_mut(&mut image)?, imgproc::COLOR_BGR2RGB)?;
    Ok(image)
}

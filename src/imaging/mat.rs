//! The border between our images and OpenCV's matrices.

use crate::types::{Mask, RgbImage};
use opencv::boxed_ref::{BoxedRef, BoxedRefMut};
use opencv::core::{Mat, Vec3b};
use opencv::imgproc;
use opencv::prelude::*;

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

/// An 8-bit three-channel matrix in BGR order, as OpenCV decodes, as an RGB image.
pub(crate) fn from_bgr_mat(bgr: &Mat) -> opencv::Result<RgbImage> {
    let mut image = RgbImage::filled(bgr.cols() as usize, bgr.rows() as usize, [0; 3]);
    imgproc::cvt_color_def(bgr, &mut as_mat_mut(&mut image)?, imgproc::COLOR_BGR2RGB)?;
    Ok(image)
}

/// The image as a matrix of its own in BGR order, as OpenCV encodes.
pub(crate) fn to_bgr_mat(image: &RgbImage) -> opencv::Result<Mat> {
    let mut bgr = Mat::default();
    imgproc::cvt_color_def(&as_mat(image)?, &mut bgr, imgproc::COLOR_RGB2BGR)?;
    Ok(bgr)
}

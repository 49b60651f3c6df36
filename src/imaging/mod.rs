//! Images and masks: resize, colours, warps, files, photographs, drawing. Besides `video`, the only home of `Mat`.
//!
//! Pixel results are OpenCV's own, because published weights only give published accuracy when every
//! pixel of the preprocessing matches. Where OpenCV can only compute a whole result and a part is needed, the
//! part is computed here and tested against OpenCV's whole.

mod blur;
mod codec;
mod colour;
mod colour_fit;
mod displace;
mod draw;
mod frame_png;
mod interpolate;
mod jpeg;
mod jpeg_codec;
mod light;
mod mat;
mod mirror;
mod photograph;
mod planes;
mod png_region;
mod png_writer;
mod polygon;
mod remap;
mod resample;
mod residual;
mod resize;
mod sharpen;
mod similarity;
mod smooth_noise;
#[cfg(test)]
pub(crate) mod testing;
mod thumbnail;
mod warp;

pub use blur::{gaussian_blurred, resized_and_blurred_in_bytes};

pub use crate::native::jpeg::JpegSampling;
pub use codec::{encoded_jpeg, looks_like_image, read_image, write_image};
pub use colour::{Tables, hsv_shift};
pub use colour_fit::{ColourSpace, with_colours_of};
pub use displace::{Displacements, displaced};
pub use draw::{draw_box, draw_line, draw_points, draw_text, text_size};
pub use interpolate::{DownUp, resized_mask_window};
pub use jpeg::{jpeg_round_trip, jpeg_window};
pub use light::Light;
pub(crate) use mat::rgb_from_bgr;
pub use mirror::mirrored;
pub use photograph::{
    FIRST_BYTES, IMAGE_EXTENSIONS, ImageFormat, PIXEL_LIMIT, Photograph, PhotographError, PhotographReport,
    image_format, preload,
};
pub use planes::write_planes;
pub use png_region::PngRegion;
pub use png_writer::write_png;
pub use polygon::fill_convex_hull;
pub use remap::{Positions, remapped};
pub use resample::{Kernel, edge_preserving, median, resampled};
pub use residual::{RESIDUAL_GAIN, residual_image};
pub use resize::{
    blurred, gaussian_blurred_image, resized, resized_cubic, resized_mask, resized_mask_part, resized_window,
    shrunk, warped, warped_on_black,
};
pub use sharpen::{sharpen_kernel, sharpened};
pub use similarity::{Similarity, cut_square, paste_square};
pub use smooth_noise::Gaussian;
pub use thumbnail::Thumbnail;
pub use warp::ScaleShift;

use std::path::PathBuf;

/// The version of OpenCV that is linked.
pub fn opencv_version() -> String {
    opencv::core::get_version_string().unwrap_or_else(|_| "unknown".to_owned())
}

/// What can go wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be decoded.
    #[error("{}: not a readable image", path.display())]
    Unreadable {
        /// The file that was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: PhotographError,
    },
    /// A part of the image is missing.
    #[error("{}: {damage}", path.display())]
    Damaged {
        /// The file that was to be read.
        path: PathBuf,
        /// What is missing.
        damage: String,
    },
    /// No format of images has this extension.
    #[error("{}: images are written as {}", path.display(), codec::WRITTEN_EXTENSIONS.join(", "))]
    Extension {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// An image that its format cannot hold.
    #[error("{}: cannot be encoded: {cause}", path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// The encoder's message.
        cause: String,
    },
    /// A PNG file that is damaged or ends too early.
    #[error("{}: damaged PNG, expected {expected}", path.display())]
    Png {
        /// The file that was to be read.
        path: PathBuf,
        /// What the file should hold at this point.
        expected: String,
        /// The decoder's own error.
        #[source]
        cause: png::DecodingError,
    },
    /// The file could not be opened.
    #[error(transparent)]
    File(#[from] crate::file_error::FileError),
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] crate::atomic_file::Error),
    /// An OpenCV function failed.
    #[error("OpenCV failed")]
    OpenCv(#[from] opencv::Error),
}

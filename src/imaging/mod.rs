//! Pictures through OpenCV: resize, files, drawing. Besides `video`, the only home of `Mat`.
//!
//! Pixel results are OpenCV's own, because published weights only give published accuracy when every
//! pixel of the preprocessing matches.

mod codec;
mod draw;
mod mat;
mod png_writer;
mod resize;

pub use codec::{looks_like_image, read_image, write_image, IMAGE_EXTENSIONS};
pub use draw::{draw_box, draw_text};
pub(crate) use mat::{from_bgr_mat, to_bgr_mat};
pub use png_writer::write_png;
pub use resize::{blurred, resized, warped};

use std::path::PathBuf;

/// What can go wrong with a picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No decoder took the file.
    #[error("{}: not a readable picture (expected JPEG, PNG, BMP, TIFF or WebP)", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be opened.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] crate::atomic_file::Error),
    /// OpenCV refused.
    #[error("OpenCV: {0}")]
    OpenCv(#[from] opencv::Error),
}

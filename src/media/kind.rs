//! What a file is, by its first bytes.

use crate::imaging::{FIRST_BYTES, ImageFormat, image_format};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    /// One image, or several as frames of an animation or pages.
    Photograph,
    /// Everything else: whether it is one shows when it is opened.
    Video,
}

impl MediaKind {
    /// By a file's first bytes, and where these fit both by its extension (without the dot): a JPEG, and a stream of them.
    pub fn of(first_bytes: &[u8], extension: &str) -> MediaKind {
        match image_format(first_bytes) {
            Some(ImageFormat::Jpeg)
                if ["mjpeg", "mjpg"].iter().any(|e| extension.eq_ignore_ascii_case(e)) =>
            {
                MediaKind::Video
            }
            Some(_) => MediaKind::Photograph,
            None => MediaKind::Video,
        }
    }

    /// By the first bytes of the file at `path`; a video where these cannot be read.
    pub fn of_file(path: &Path) -> MediaKind {
        let mut first = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FIRST_BYTES as u64).read_to_end(&mut first));
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if read.is_ok() { MediaKind::of(&first, extension) } else { MediaKind::Video }
    }

    /// Whether libheif is needed.
    pub(super) fn needs_heif(first_bytes: &[u8]) -> bool {
        matches!(image_format(first_bytes), Some(ImageFormat::Heif | ImageFormat::Avif))
    }
}

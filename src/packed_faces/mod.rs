//! The packed test set: the faces of every video of a test set, cut out once and scored often.
//!
//! One folder per test set. For video number i = 1, 2, … in the order of the set there are
//! `<i>.npy`, `uint8 (faces, 3, 380, 380)`, RGB (or of another side, where `manifest.json` says so), and `<i>_idx.npy`, `int64 (faces,)`, the frame of
//! each face; `target_list.npy`, `int64 (videos,)`, holds the labels. These are the arrays of the
//! published evaluation, and folders that it wrote can be read. Beside them lies `manifest.json`,
//! which names the videos and the settings, so that packing can be resumed and never mixes faces
//! of two settings.

mod error;
mod join;
mod manifest;
mod reader;
mod resume;
mod writer;

use crate::types::FACE_SIDE;
use std::path::{Path, PathBuf};

pub use error::{Error, PackedVideoError};
pub use join::{JoinedShards, join_shards};
pub use manifest::{Manifest, PackSettings, VideoEntry};
pub use reader::{OpenPackedVideo, PackedSet, PackedVideo};
pub use writer::{PackOutcome, PackedVideoWriter, PackedWriter, PlannedVideo};

/// Shape of a packed face of a side in pixels: (channel, row, column), channels red, green, blue.
fn face_shape(side: usize) -> [usize; 3] {
    [3, side, side]
}

/// The side of faces in a folder without a manifest, in pixels.
const PUBLISHED_SIDE: usize = FACE_SIDE;

/// `<number>.npy`, the faces of a video.
fn faces_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.npy"))
}

/// `<number>_idx.npy`, the frame of each face of a video.
fn indices_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}_idx.npy"))
}

/// The labels of the videos.
fn target_list_path(folder: &Path) -> PathBuf {
    folder.join("target_list.npy")
}

/// The number of the video to which a file of the folder belongs, judged by its name.
fn video_number(file_name: &str) -> Option<usize> {
    let stem = file_name.strip_suffix(".npy")?;
    let digits = stem.strip_suffix("_idx").unwrap_or(stem);
    let number: usize = digits.parse().ok()?;
    // Only names that this module gives: no sign, no leading zeros.
    (number > 0 && digits == number.to_string()).then_some(number)
}

/// The files of `folder` that belong to a video, each with its number.
fn video_files(folder: &Path) -> Result<Vec<(usize, PathBuf)>, Error> {
    let failed = |cause| Error::Folder { path: folder.to_path_buf(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(number) = entry.file_name().to_str().and_then(video_number) {
            files.push((number, entry.path()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_have_a_number() {
        assert_eq!(video_number("12.npy"), Some(12));
        assert_eq!(video_number("12_idx.npy"), Some(12));
        for name in ["0.npy", "012.npy", "+1.npy", "target_list.npy", "1.npz", "_idx.npy", "x1.npy"] {
            assert_eq!(video_number(name), None, "{name}");
        }
    }
}

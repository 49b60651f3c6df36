//! DeepFakeDetection (DFD), which is published as a part of FaceForensics++.

use std::path::Path;

use super::listing::ListBuilder;
use super::{Compression, Error, VideoList, ff};
use crate::types::Label;

const EXPECTED: &str = "the videos of DeepFakeDetection (DFD)";

/// The videos of the actors, then their fakes.
pub(super) fn list(
    data_root: &Path,
    compression: Compression,
    allow_missing: bool,
) -> Result<VideoList, Error> {
    let mut list = ListBuilder::default();
    let originals = ff::original_folder(data_root, "actors", compression);
    let fakes = ff::manipulated_folder(data_root, "DeepFakeDetection", compression);
    for (folder, label) in [(&originals, Label::Real), (&fakes, Label::Fake)] {
        let found = ff::videos_of(folder, EXPECTED);
        list.push_folder(found, folder, label, EXPECTED, allow_missing)?;
    }
    list.finish(&originals, EXPECTED, allow_missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::listing::tests::{shown, tree};

    const REAL: &str = "FaceForensics++/original_sequences/actors/raw/videos/01__talk.mp4";
    const FAKE: &str = "FaceForensics++/manipulated_sequences/DeepFakeDetection/raw/videos/01_02.mp4";

    #[test]
    fn actors_then_fakes() {
        let root = tree(&[FAKE, REAL]);
        let list = list(root.path(), Compression::Raw, false).unwrap();
        assert_eq!(shown(&list, root.path()), [format!("0 {REAL}"), format!("1 {FAKE}")]);
    }

    #[test]
    fn one_half_alone_must_be_allowed() {
        let root = tree(&[FAKE]);
        let error = list(root.path(), Compression::Raw, false).unwrap_err().to_string();
        assert!(error.contains("actors/raw/videos: no such folder"), "{error}");
        let list = list(root.path(), Compression::Raw, true).unwrap();
        assert_eq!(list.videos.len(), 1);
        assert!(list.notes[0].to_string().contains("actors/raw/videos: no videos here"));
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let root = tree(&[FAKE, REAL]);
        std::fs::remove_file(root.path().join(FAKE)).unwrap();
        let error = list(root.path(), Compression::Raw, false).unwrap_err().to_string();
        assert!(error.contains("DeepFakeDetection/raw/videos: no videos, expected"), "{error}");
    }
}

//! What tells an input from every other file, and what it says of itself.

use crate::causes::with_causes;
use crate::hash::FileSum;
use crate::imaging::{FIRST_BYTES, image_format};
use crate::media::{ContainerFacts, MediaFile, MediaKind, MediaLimits, Reading};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// An input by its content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileEvidence {
    /// Its length and SHA-256 sum; of packed faces that of the array, of a list's crops that of all files of the video, one
    /// after another. Left out where it cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub sum: Option<FileSum>,
    /// A photograph's format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photograph: Option<String>,
    /// What a video's container says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Box<ContainerFacts>>,
    /// Why there is no sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// When it was changed last, in universal time; told in lines alone, because a copy has another time.
    #[serde(skip)]
    pub modified: Option<String>,
}

/// When a file was changed last, in universal time; `None` where that cannot be told.
pub(in crate::infer) fn modified(path: &Path) -> Option<String> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    Some(jiff::Timestamp::try_from(time).ok()?.to_string())
}

impl FileEvidence {
    /// Of a video or photograph. `None` as soon as `over` says so.
    pub(super) fn of_media(path: &Path, limits: MediaLimits, over: &dyn Fn() -> bool) -> Option<Self> {
        let evidence = Self::of_array(path, over)?;
        if evidence.sum.is_none() {
            return Some(evidence);
        }
        Some(match MediaKind::of_file(path) {
            MediaKind::Photograph => FileEvidence { photograph: photograph_format(path), ..evidence },
            // Only the header is wanted, so that frames need not be counted. Why a file cannot be opened is told where its
            // frames are asked for.
            MediaKind::Video => {
                let file = MediaFile::open(path, Reading::as_published(limits), 1).ok();
                let container = file.and_then(|file| file.facts().cloned()).map(Box::new);
                FileEvidence { container, ..evidence }
            }
        })
    }

    /// Of any file. `None` as soon as `over` says so.
    pub(super) fn of_array(path: &Path, over: &dyn Fn() -> bool) -> Option<Self> {
        // Before it is read: what is changed meanwhile must not look as if it had not been.
        let modified = modified(path);
        Some(FileEvidence { modified, ..Self::of_crops(&[path], over)? })
    }

    /// Of the files that a video's crops are. `None` as soon as `over` says so.
    pub(super) fn of_crops(paths: &[impl AsRef<Path>], over: &dyn Fn() -> bool) -> Option<Self> {
        match FileSum::of_all(paths, over) {
            Ok(sum) => Some(FileEvidence { sum: Some(sum?), ..FileEvidence::default() }),
            Err(error) => Some(FileEvidence { unread: Some(with_causes(&error)), ..FileEvidence::default() }),
        }
    }
}

fn photograph_format(path: &Path) -> Option<String> {
    let mut first = Vec::new();
    File::open(path).ok()?.take(FIRST_BYTES as u64).read_to_end(&mut first).ok()?;
    image_format(&first).map(|format| format.to_string())
}

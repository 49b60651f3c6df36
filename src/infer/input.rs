//! From what was asked for to a list of inputs to score.

use super::{Config, InferSource};
use crate::datasets::{Compression, Video, VideoList};
use crate::media::{MediaFiles, media_files};
use crate::packed_faces::{PackedSet, PackedVideo};
use crate::types::Label;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A video or photograph to score, or the packed faces of one.
#[derive(Clone, Debug)]
pub(super) struct InputItem {
    /// The file; of packed faces without a manifest their array.
    pub path: PathBuf,
    pub label: Option<Label>,
    /// The method that made it, where the test set tells.
    pub group: Option<String>,
}

/// Where the faces of the items are.
pub(super) enum FacesFrom {
    /// In the packed folder: a packed video for each item.
    Packed(Vec<PackedVideo>),
    /// In the files: they are to be found first.
    Files,
}

/// Everything there is to score, and what should be known about it.
pub(super) struct Inputs {
    pub items: Vec<InputItem>,
    pub faces_from: FacesFrom,
    /// Name of the test set.
    pub dataset: Option<String>,
    pub compression: Option<String>,
    /// Name of the face detector that the faces were found with before, where the packed folder tells.
    pub face_detector: Option<String>,
    /// Whether labels are known, so that metrics make sense.
    pub labelled: bool,
    pub notes: Vec<String>,
}

/// Resolves the source of a run; fails on wrong paths and empty sets.
pub(super) fn resolve(config: &Config) -> Result<Inputs> {
    let limit = config.limit.unwrap_or(usize::MAX);
    match &config.source {
        InferSource::Packed(folder) => from_packed(folder, None, limit),
        InferSource::TestSet { set, data_root, compression, allow_missing } => {
            let folder = set.default_packed_dir(data_root);
            if folder.is_dir() {
                let mut inputs = from_packed(&folder, Some(set.to_string()), limit)?;
                inputs.notes.push(format!("using the packed faces in {}", folder.display()));
                check_compression(&folder, inputs.compression.as_deref(), *compression)?;
                return Ok(inputs);
            }
            let list = set.list(data_root, *compression, *allow_missing)?;
            Ok(from_list(list, set.to_string(), *compression, limit))
        }
        InferSource::Files(paths) => from_files(paths, limit),
    }
}

fn from_packed(folder: &Path, dataset: Option<String>, limit: usize) -> Result<Inputs> {
    let PackedSet { manifest, mut videos } = PackedSet::open(folder)?;
    videos.truncate(limit);
    let item = |video: &PackedVideo| InputItem {
        path: video.name().into(),
        label: Some(video.label),
        group: video.entry.as_ref().and_then(|entry| entry.group.clone()),
    };
    let settings = manifest.as_ref().map(|manifest| &manifest.settings);
    let folder_name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Inputs {
        items: videos.iter().map(item).collect(),
        faces_from: FacesFrom::Packed(videos),
        dataset: dataset.or_else(|| settings.map(|s| s.dataset.clone())).or(folder_name),
        compression: settings.map(|s| s.compression.clone()),
        face_detector: settings.map(|s| s.detector.clone()),
        labelled: true,
        notes: Vec::new(),
    })
}

/// A folder packed from other copies than asked for would silently answer another question.
fn check_compression(folder: &Path, packed: Option<&str>, asked: Compression) -> Result<()> {
    match packed {
        Some(packed) if packed != asked.as_str() => {
            let (folder, packed) = (folder.to_owned(), packed.to_owned());
            Err(Error::PackedCompression { folder, packed, asked })
        }
        _ => Ok(()),
    }
}

fn from_list(list: VideoList, dataset: String, compression: Compression, limit: usize) -> Inputs {
    let notes = list.remarks();
    let item = |video: Video| InputItem {
        path: video.path,
        label: Some(video.label),
        group: video.group.map(|group| group.to_string()),
    };
    Inputs {
        items: list.videos.into_iter().take(limit).map(item).collect(),
        faces_from: FacesFrom::Files,
        dataset: Some(dataset),
        compression: Some(compression.to_string()),
        face_detector: None,
        labelled: true,
        notes,
    }
}

fn from_files(paths: &[PathBuf], limit: usize) -> Result<Inputs> {
    let MediaFiles { mut files, notes } = media_files(paths)?;
    files.truncate(limit);
    let items = files.into_iter().map(|path| InputItem { path, label: None, group: None }).collect();
    Ok(Inputs {
        items,
        faces_from: FacesFrom::Files,
        dataset: None,
        compression: None,
        face_detector: None,
        labelled: false,
        notes,
    })
}

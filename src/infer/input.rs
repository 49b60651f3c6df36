//! From what was asked for to a list of things to score.

use super::{Config, InferSource};
use crate::datasets::{Compression, VideoList};
use crate::packed_faces::PackedSet;
use crate::types::Label;
use crate::video::{Decodings, MediaFiles, decode_ahead, distinct_frame_indices, media_files};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A video or photograph to score.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub path: PathBuf,
    pub label: Option<Label>,
    pub group: Option<String>,
}

/// How the faces are to be had.
pub(super) enum Kind {
    /// From a packed folder; its labels come from there, the groups by video number from the data set's list.
    Packed(PackedSet),
    /// From files.
    Videos(Vec<Item>),
}

/// Everything there is to score, and what should be known about it.
pub(super) struct Inputs {
    pub kind: Kind,
    /// Name of the test set.
    pub dataset: Option<String>,
    pub compression: Option<String>,
    /// Name of the face detector, where the packed folder tells.
    pub detector: Option<String>,
    /// Whether labels are known, so that metrics make sense.
    pub labelled: bool,
    pub notes: Vec<String>,
}

/// Resolves the source of a run; fails on wrong paths and empty sets.
pub(super) fn resolve(config: &Config) -> Result<Inputs> {
    match &config.source {
        InferSource::Packed(folder) => from_packed(folder, None),
        InferSource::TestSet { set, data_root, compression, allow_missing } => {
            let folder = set.default_packed_dir(data_root);
            if folder.is_dir() {
                let mut inputs = from_packed(&folder, Some(set.to_string()))?;
                inputs.notes.push(format!("using the packed faces in {}", folder.display()));
                check_compression(&folder, inputs.compression.as_deref(), *compression)?;
                return Ok(inputs);
            }
            let list = set.list(data_root, *compression, *allow_missing)?;
            Ok(from_list(list, set.to_string(), *compression, config.limit))
        }
        InferSource::Files(paths) => from_files(paths, config.limit),
    }
}

fn from_packed(folder: &Path, dataset: Option<String>) -> Result<Inputs> {
    let set = PackedSet::open(folder)?;
    let settings = set.manifest.as_ref().map(|manifest| &manifest.settings);
    let folder_name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Inputs {
        dataset: dataset.or_else(|| settings.map(|s| s.dataset.clone())).or(folder_name),
        compression: settings.map(|s| s.compression.clone()),
        detector: settings.map(|s| s.detector.clone()),
        labelled: true,
        notes: Vec::new(),
        kind: Kind::Packed(set),
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

fn from_list(list: VideoList, dataset: String, compression: Compression, limit: Option<usize>) -> Inputs {
    let mut notes: Vec<String> = list.notes.iter().map(ToString::to_string).collect();
    if let Some(first) = list.missing.first() {
        let count = list.missing.len();
        notes.push(format!(
            "{count} videos of the list are not on disk and are left out, first {}",
            first.display()
        ));
    }
    let items = list
        .videos
        .into_iter()
        .take(limit.unwrap_or(usize::MAX))
        .map(|video| Item {
            path: video.path,
            label: Some(video.label),
            group: video.group.map(|group| group.to_string()),
        })
        .collect();
    Inputs {
        kind: Kind::Videos(items),
        dataset: Some(dataset),
        compression: Some(compression.to_string()),
        detector: None,
        labelled: true,
        notes,
    }
}

fn from_files(paths: &[PathBuf], limit: Option<usize>) -> Result<Inputs> {
    let MediaFiles { mut files, notes } = media_files(paths)?;
    files.truncate(limit.unwrap_or(usize::MAX));
    let items = files.into_iter().map(|path| Item { path, label: None, group: None }).collect();
    let kind = Kind::Videos(items);
    Ok(Inputs { kind, dataset: None, compression: None, detector: None, labelled: false, notes })
}

/// Decodes the frames to be scored of all items while `consume` takes them, and begins before it is called.
pub(super) fn decode<T>(config: &Config, items: &[Item], consume: impl FnOnce(&mut Decodings) -> T) -> T {
    let paths = items.iter().map(|item| item.path.clone()).collect();
    let choose = |_, count| distinct_frame_indices(count, config.frames);
    decode_ahead(paths, &choose, config.jobs, consume)
}

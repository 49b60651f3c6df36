//! From what was asked for to a list of inputs to score.

use super::{Config, InferSource};
use crate::datasets::{BenchmarkList, Compression, LabelTable, LabelledFile, ListedVideo, Video, VideoList};
use crate::file_error::FileError;
use crate::media::{MediaFiles, media_files, media_files_by_name};
use crate::packed_faces::{PackSettings, PackedSet, PackedVideo};
use crate::types::{Label, Shard};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A video or photograph to score, or the packed faces of one.
#[derive(Clone, Debug)]
pub(super) struct InputItem {
    /// The file; of packed faces without a manifest their array.
    pub path: PathBuf,
    /// What it is called, where not by its path.
    pub name: Option<String>,
    pub label: Option<Label>,
    /// The method that made it, where the test set tells.
    pub group: Option<String>,
    /// Where it comes from, where a table of labels tells.
    pub source: Option<String>,
    /// The place in the list of the item that it was made from, where a table of labels tells.
    pub original: Option<usize>,
    /// Its place in the list, from 0.
    pub place: usize,
}

impl InputItem {
    /// A file of which nothing is known.
    pub(super) fn unlabelled(path: PathBuf) -> Self {
        InputItem { path, name: None, label: None, group: None, source: None, original: None, place: 0 }
    }

    /// What results and messages call it.
    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.path.display().to_string())
    }
}

/// Where the faces of the items are.
pub(super) enum FacesFrom {
    /// In the packed folder: a packed video for each item.
    Packed(Vec<PackedVideo>),
    /// In the files: they are to be found first.
    Files,
    /// In files of their own, of each item one after the other.
    Crops(Vec<Vec<PathBuf>>),
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
    /// What its faces were packed with, where the packed folder tells.
    pub packed: Option<PackSettings>,
    /// Whether labels are known, so that metrics make sense.
    pub labelled: bool,
    pub notes: Vec<String>,
}

/// Resolves the source of a run; fails on wrong paths and empty sets.
pub(super) fn resolve(config: &Config) -> Result<Inputs> {
    let mut inputs = listed(config)?;
    inputs.items.iter_mut().enumerate().for_each(|(place, item)| item.place = place);
    Ok(inputs)
}

impl Inputs {
    /// Those inputs alone that `wanted` chooses.
    pub fn only(self, wanted: impl Fn(&InputItem) -> bool) -> Inputs {
        let chosen: Vec<bool> = self.items.iter().map(wanted).collect();
        let faces_from = match self.faces_from {
            FacesFrom::Packed(videos) => FacesFrom::Packed(of_chosen(videos, &chosen)),
            FacesFrom::Files => FacesFrom::Files,
            FacesFrom::Crops(videos) => FacesFrom::Crops(of_chosen(videos, &chosen)),
        };
        Inputs { items: of_chosen(self.items, &chosen), faces_from, ..self }
    }

    /// Those of a shard; of files it is looked whether they are there, as of all files without shards.
    ///
    /// Fails for a file that is not.
    pub fn of_shard(self, shard: Shard, config: &Config) -> Result<Inputs> {
        let inputs = self.only(|item| shard.has(item.place));
        if matches!(&config.source, InferSource::Files(paths) if !paths.is_empty()) {
            for item in &inputs.items {
                std::fs::metadata(&item.path).map_err(FileError::of(&item.path))?;
            }
        }
        Ok(inputs)
    }
}

fn of_chosen<T>(things: Vec<T>, chosen: &[bool]) -> Vec<T> {
    things.into_iter().zip(chosen).filter(|(_, chosen)| **chosen).map(|(thing, _)| thing).collect()
}

fn listed(config: &Config) -> Result<Inputs> {
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
        InferSource::BenchmarkList { list, root, split, compression } => {
            let list = BenchmarkList::read(list, root, split, *compression)?;
            Ok(from_benchmark_list(list, config.frames, limit))
        }
        InferSource::Files(paths) => match &config.labels {
            Some(labels) => from_labelled_files(paths, &LabelTable::read(labels)?, config),
            None => from_files(paths, config),
        },
    }
}

fn from_packed(folder: &Path, dataset: Option<String>, limit: usize) -> Result<Inputs> {
    let PackedSet { manifest, mut videos } = PackedSet::open(folder)?;
    videos.truncate(limit);
    let item = |video: &PackedVideo| InputItem {
        label: Some(video.label),
        group: video.entry.as_ref().and_then(|entry| entry.group.clone()),
        ..InputItem::unlabelled(video.name().into())
    };
    let settings = manifest.as_ref().map(|manifest| &manifest.settings);
    let folder_name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Inputs {
        items: videos.iter().map(item).collect(),
        faces_from: FacesFrom::Packed(videos),
        dataset: dataset.or_else(|| settings.map(|s| s.dataset.clone())).or(folder_name),
        compression: settings.map(|s| s.compression.clone()),
        face_detector: settings.map(|s| s.detector.clone()),
        packed: settings.cloned(),
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
        label: Some(video.label),
        group: video.group.map(|group| group.to_string()),
        ..InputItem::unlabelled(video.path)
    };
    Inputs {
        items: list.videos.into_iter().take(limit).map(item).collect(),
        faces_from: FacesFrom::Files,
        dataset: Some(dataset),
        compression: Some(compression.to_string()),
        face_detector: None,
        packed: None,
        labelled: true,
        notes,
    }
}

/// Of each video the first `frames` crops.
fn from_benchmark_list(list: BenchmarkList, frames: usize, limit: usize) -> Inputs {
    let BenchmarkList { name, compression, mut videos, notes } = list;
    videos.truncate(limit);
    let item = |video: &ListedVideo| InputItem {
        label: Some(video.label),
        group: Some(video.group.clone()),
        ..InputItem::unlabelled(video.folder())
    };
    Inputs {
        items: videos.iter().map(item).collect(),
        faces_from: FacesFrom::Crops(
            videos.into_iter().map(|video| video.frames.into_iter().take(frames).collect()).collect(),
        ),
        dataset: Some(name),
        compression,
        face_detector: None,
        packed: None,
        labelled: true,
        notes,
    }
}

/// The files that are meant by paths. With a shard, a path that ends as videos and photographs do is a file, so that other
/// shards' files are not looked at.
fn files_among(paths: &[PathBuf], config: &Config) -> Result<MediaFiles> {
    Ok(match config.shard {
        Some(_) => media_files_by_name(paths)?,
        None => media_files(paths)?,
    })
}

fn from_files(paths: &[PathBuf], config: &Config) -> Result<Inputs> {
    let MediaFiles { mut files, notes } = files_among(paths, config)?;
    files.truncate(config.limit.unwrap_or(usize::MAX));
    let mut items: Vec<InputItem> = files.into_iter().map(InputItem::unlabelled).collect();
    items.iter_mut().zip(&config.names).for_each(|(item, name)| item.name = Some(name.clone()));
    Ok(Inputs {
        items,
        faces_from: FacesFrom::Files,
        dataset: None,
        compression: None,
        face_detector: None,
        packed: None,
        labelled: false,
        notes,
    })
}

/// Files with their labels: those of `paths` that the table knows, or all that it names. Files without a label are left
/// out and told, because metrics over the rest would be read as metrics over all.
fn from_labelled_files(paths: &[PathBuf], table: &LabelTable, config: &Config) -> Result<Inputs> {
    let (files, mut notes) = match paths {
        [] => (table.files().iter().map(|file| file.path.clone()).collect(), Vec::new()),
        _ => {
            let MediaFiles { files, notes } = files_among(paths, config)?;
            (files, notes)
        }
    };
    let mut rows = Vec::new();
    let mut without_label = Vec::new();
    for path in files {
        match table.row_of(&path) {
            Some(row) => rows.push((row, path)),
            None => without_label.push(path),
        }
    }
    if let Some(first) = without_label.first() {
        let (count, first) = (without_label.len(), first.display());
        notes.push(format!("{count} files are not in the table of labels and are left out, such as {first}"));
    }
    if rows.is_empty() {
        return Err(Error::NothingLabelled { table: table.path().to_owned() });
    }
    let missing = table.files().len() - rows.len();
    if missing > 0 && !paths.is_empty() {
        notes.push(format!("{missing} files that the table of labels names are not among the inputs"));
    }
    rows.truncate(config.limit.unwrap_or(usize::MAX));
    let mut items_of = vec![None; table.files().len()];
    for (item, (row, _)) in rows.iter().enumerate().rev() {
        items_of[*row] = Some(item);
    }
    let items = rows.iter().map(|(row, path)| {
        let LabelledFile { label, kind, source, original, .. } = &table.files()[*row];
        InputItem {
            path: path.clone(),
            name: None,
            label: Some(*label),
            group: kind.clone(),
            source: source.clone(),
            original: original.and_then(|row| items_of[row]),
            place: 0,
        }
    });
    Ok(Inputs {
        items: items.collect(),
        faces_from: FacesFrom::Files,
        dataset: table.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()),
        compression: None,
        face_detector: None,
        packed: None,
        labelled: true,
        notes,
    })
}

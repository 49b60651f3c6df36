//! From what was asked for to a list of things to score.

use super::{Config, Source};
use crate::dataset::{Compression, VideoList};
use crate::imaging::IMAGE_EXTENSIONS;
use crate::packed::PackedSet;
use crate::types::Label;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Extensions under which videos are looked for in folders, in lower case.
const VIDEO_EXTENSIONS: [&str; 11] =
    ["mp4", "avi", "mov", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "3gp"];

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
        Source::Packed(folder) => from_packed(folder, None),
        Source::TestSet { set, data_root, compression, allow_missing } => {
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
        Source::Files(paths) => from_files(paths, config.limit),
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
    let mut files = Vec::new();
    let mut notes = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            let passed_over = collect(path, &mut files)?;
            if files.len() == before {
                return Err(Error::EmptyFolder { path: path.clone() });
            }
            if passed_over > 0 {
                let folder = path.display();
                notes.push(format!("{folder}: {passed_over} files are neither photographs nor videos"));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.truncate(limit.unwrap_or(usize::MAX));
    let items = files.into_iter().map(|path| Item { path, label: None, group: None }).collect();
    let kind = Kind::Videos(items);
    Ok(Inputs { kind, dataset: None, compression: None, detector: None, labelled: false, notes })
}

/// Adds the photographs and videos in and below `folder`, sorted by path; counts the other files.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<usize> {
    let failed = |cause| Error::Input { path: folder.to_owned(), cause };
    let mut entries = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    entries.sort();
    let mut passed_over = 0;
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            passed_over += collect(&path, files)?;
        } else if is_media(&path) {
            files.push(path);
        } else {
            passed_over += 1;
        }
    }
    Ok(passed_over)
}

fn is_media(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    extension
        .is_some_and(|e| IMAGE_EXTENSIONS.contains(&e.as_str()) || VIDEO_EXTENSIONS.contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_and_other_files_counted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.MP4", "a/c.jpg", "notes.txt", ".hidden.png", "a/labels.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let inputs = from_files(&[folder.path().to_owned()], None).unwrap();
        let Kind::Videos(items) = inputs.kind else { panic!() };
        let names: Vec<_> = items.iter().map(|i| i.path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a/c.jpg"), Path::new("b.MP4")]);
        assert!(inputs.notes[0].contains("2 files are neither"));
    }

    #[test]
    fn an_empty_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = from_files(&[folder.path().to_owned()], None).err().unwrap().to_string();
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    }
}

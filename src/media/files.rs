//! Photographs and videos as users name them: files, and folders of them.

use super::{Error, MediaFile, MediaLimits, Reading};
use crate::file_error::FileError;
use crate::imaging::IMAGE_EXTENSIONS;
use crate::progress::Cancel;
use crate::types::RgbImage;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Extensions under which videos are looked for in folders, in lower case.
const VIDEO_EXTENSIONS: [&str; 32] = [
    "mp4", "avi", "mov", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "3gp", "3g2", "asf", "divx",
    "dv", "f4v", "gif", "ivf", "m1v", "m2ts", "m2v", "mj2", "mjpeg", "mjpg", "mts", "mxf", "nut", "ogv",
    "rm", "rmvb", "ts", "vob",
];

/// What was found under some paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaFiles {
    /// Photographs and videos: named files as they are named, those of folders sorted by path.
    pub files: Vec<PathBuf>,
    /// What was passed over, in a line per folder.
    pub notes: Vec<String>,
}

/// The files among `paths`, whatever they are called, and the photographs and videos in and below the folders.
///
/// Fails for a path that is not there, and for a folder that cannot be read or holds none.
pub fn media_files(paths: &[PathBuf]) -> Result<MediaFiles, Error> {
    among(paths, |path| Ok(std::fs::metadata(path).map_err(FileError::of(path))?.is_dir()))
}

/// As [`media_files`], but a path that ends as videos and photographs do is taken for a file without a look at it: a million
/// looks, in each of hundreds of processes, are more than a file system on a network bears. Whether a file is there is found
/// out where it is opened.
///
/// Fails for a folder that cannot be read or holds none.
pub fn media_files_by_name(paths: &[PathBuf]) -> Result<MediaFiles, Error> {
    among(paths, |path| Ok(!is_media(path) && path.is_dir()))
}

fn among(
    paths: &[PathBuf],
    is_folder: impl Fn(&Path) -> Result<bool, FileError>,
) -> Result<MediaFiles, Error> {
    let mut found = MediaFiles::default();
    for path in paths {
        if !is_folder(path)? {
            found.files.push(path.clone());
            continue;
        }
        let before = found.files.len();
        let passed_over = collect(path, &mut found.files)?;
        if found.files.len() == before {
            return Err(Error::EmptyFolder { path: path.clone() });
        }
        if !passed_over.is_empty() {
            let files: usize = passed_over.values().sum();
            let folder = path.display();
            let kinds = told(&passed_over);
            let are = if files == 1 { "file is" } else { "files are" };
            found.notes.push(format!("{folder}: {files} {are} neither photographs nor videos ({kinds})"));
        }
    }
    Ok(found)
}

/// A photograph, or the frame in the middle of a video; `None` when `cancel` is requested meanwhile.
///
/// Fails when the file cannot be read, or not up to there.
pub fn read_one_frame(path: &Path, cancel: &Cancel) -> Result<Option<RgbImage>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let over = || cancel.is_requested();
    let reading = Reading::as_is(MediaLimits::default());
    let Some(file) = MediaFile::open_until(path, reading, threads, &over)? else { return Ok(None) };
    let middle = file.frame_count() / 2;
    let mut image = None;
    let report = file.read_until(&over, &vec![middle].into(), |frame| {
        image = Some(frame.image);
        ControlFlow::Break(())
    })?;
    if report.is_some() && image.is_none() {
        let reason = "no frame can be decoded".to_owned();
        return Err(Error::Unreadable { path: path.to_owned(), reason });
    }
    Ok(image)
}

/// How many files of each kind there are, the most frequent first.
fn told(kinds: &BTreeMap<String, usize>) -> String {
    // More than a person wants to read.
    const MOST: usize = 5;
    let mut kinds: Vec<(&String, &usize)> = kinds.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut told: Vec<String> =
        kinds.iter().take(MOST).map(|(kind, count)| format!("{count} {kind}")).collect();
    if kinds.len() > MOST {
        let rest: usize = kinds[MOST..].iter().map(|(_, count)| **count).sum();
        told.push(format!("{rest} others"));
    }
    told.join(", ")
}

/// Adds the photographs and videos in and below `folder`, sorted by path; counts the other files by kind.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<BTreeMap<String, usize>, Error> {
    let mut entries = std::fs::read_dir(folder)
        .map_err(FileError::of(folder))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(FileError::of(folder))?;
    entries.sort();
    let mut passed_over = BTreeMap::new();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            for (kind, count) in collect(&path, files)? {
                *passed_over.entry(kind).or_default() += count;
            }
        } else if is_media(&path) {
            files.push(path);
        } else {
            let extension =
                path.extension().map(|e| format!(".{}", e.to_string_lossy().to_ascii_lowercase()));
            *passed_over
                .entry(extension.unwrap_or_else(|| "without an extension".to_owned()))
                .or_default() += 1;
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
        for name in ["b.MP4", "a/c.jpg", "notes.txt", ".hidden.png", "a/labels.csv", "a/d.TXT"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = media_files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> =
            found.files.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a/c.jpg"), Path::new("b.MP4")]);
        assert!(
            found.notes[0].contains("3 files are neither photographs nor videos (2 .txt, 1 .csv)"),
            "{:?}",
            found.notes
        );
    }

    #[test]
    fn an_empty_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = media_files(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    }
}

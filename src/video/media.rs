//! Photographs and videos as users name them: files, and folders of them.

use super::{Error, VideoReader};
use crate::file_error::FileError;
use crate::imaging::{self, IMAGE_EXTENSIONS};
use crate::types::RgbImage;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Extensions under which videos are looked for in folders, in lower case.
const VIDEO_EXTENSIONS: [&str; 11] =
    ["mp4", "avi", "mov", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "3gp"];

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
/// Fails for a folder that cannot be read or holds none.
pub fn media_files(paths: &[PathBuf]) -> Result<MediaFiles, Error> {
    let mut found = MediaFiles::default();
    for path in paths {
        if !path.is_dir() {
            found.files.push(path.clone());
            continue;
        }
        let before = found.files.len();
        let passed_over = collect(path, &mut found.files)?;
        if found.files.len() == before {
            return Err(Error::EmptyFolder { path: path.clone() });
        }
        if passed_over > 0 {
            let folder = path.display();
            found.notes.push(format!("{folder}: {passed_over} files are neither photographs nor videos"));
        }
    }
    Ok(found)
}

/// A photograph, or the frame in the middle of a video.
///
/// Fails when the file cannot be read, or not up to there.
pub fn read_one_frame(path: &Path) -> Result<RgbImage, Error> {
    if imaging::looks_like_image(path) {
        return Ok(imaging::read_image(path)?);
    }
    let reader = VideoReader::open(path)?;
    let middle = reader.frame_count() / 2;
    let mut image = None;
    reader.read_frames(&[middle], |frame| {
        image = Some(frame.image);
        ControlFlow::Break(())
    })?;
    image.ok_or_else(|| Error::Unreadable { path: path.to_owned() })
}

/// Adds the photographs and videos in and below `folder`, sorted by path; counts the other files.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<usize, Error> {
    let mut entries = std::fs::read_dir(folder)
        .map_err(FileError::of(folder))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(FileError::of(folder))?;
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
        let found = media_files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> =
            found.files.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a/c.jpg"), Path::new("b.MP4")]);
        assert!(found.notes[0].contains("2 files are neither"));
    }

    #[test]
    fn an_empty_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = media_files(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    }
}

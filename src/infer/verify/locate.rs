//! Finding again what a result was made with, wherever it is now.

use super::FileState;
use crate::file_error::FileError;
use crate::hash::FileSum;
use crate::infer::evidence::{Settings, SourceSetting, WeightEvidence};
use std::path::{Path, PathBuf};

/// Where files are looked for.
pub(super) struct Places {
    /// The folder that relative paths counted from.
    then: PathBuf,
    /// All files in and below the folder that was named.
    others: Vec<PathBuf>,
}

/// A file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is; where it was, if it is not found.
    pub path: PathBuf,
    pub state: FileState,
}

impl Places {
    /// Fails when the folder with the files cannot be read.
    pub fn new(then: &Path, files: Option<&Path>) -> Result<Places, FileError> {
        let mut others = Vec::new();
        if let Some(folder) = files {
            collect(folder, &mut others)?;
        }
        Ok(Places { then: then.to_owned(), others })
    }

    /// An input by its path at that time and its sum, where the result tells it: at its path, from here or from the folder
    /// of that time, or under its name in the folder that was named.
    pub fn input(&self, path: &Path, told: Option<&str>, over: &dyn Fn() -> bool) -> Found {
        let named = self.others.iter().filter(|other| other.file_name() == path.file_name()).cloned();
        let places: Vec<PathBuf> = [path.to_owned(), self.then.join(path)].into_iter().chain(named).collect();
        first_that_is_it(path, &places, told, over)
    }

    /// A weight file: the one that is named now, or where it was.
    pub fn weights(&self, weights: &WeightEvidence, now: Option<&Path>, over: &dyn Fn() -> bool) -> Found {
        let places = match now {
            Some(now) => vec![now.to_owned()],
            None => vec![weights.path.clone(), self.then.join(&weights.path)],
        };
        first_that_is_it(&weights.path, &places, Some(&weights.sum.sha256), over)
    }

    /// The settings with folders where they are now.
    pub fn settings(&self, settings: &Settings) -> Settings {
        let moved = |folder: &PathBuf| if folder.exists() { folder.clone() } else { self.then.join(folder) };
        let mut settings = settings.clone();
        match &mut settings.source {
            SourceSetting::Files(_) | SourceSetting::List { .. } => {}
            SourceSetting::Packed(folder) => *folder = moved(folder),
            SourceSetting::TestSet { data_root, .. } => *data_root = moved(data_root),
            SourceSetting::BenchmarkList { list, root, .. } => {
                *list = moved(list);
                *root = moved(root);
            }
        }
        settings
    }
}

/// The first of these places with a file of this sum; else the first with any file.
fn first_that_is_it(then: &Path, places: &[PathBuf], told: Option<&str>, over: &dyn Fn() -> bool) -> Found {
    let mut other = None;
    for place in places {
        let Ok(Some(sum)) = FileSum::of(place, over) else { continue };
        match told {
            Some(told) if told != sum.sha256 => {
                other.get_or_insert(Found { path: place.clone(), state: FileState::Other(sum.sha256) });
            }
            Some(_) => return Found { path: place.clone(), state: FileState::Same },
            None => return Found { path: place.clone(), state: FileState::Unknown },
        }
    }
    other.unwrap_or_else(|| Found { path: then.to_owned(), state: FileState::Missing })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for entry in std::fs::read_dir(folder).map_err(FileError::of(folder))? {
        let path = entry.map_err(FileError::of(folder))?.path();
        match path.is_dir() && !path.is_symlink() {
            true => collect(&path, files)?,
            false => files.push(path),
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;

    #[test]
    fn a_file_is_found_by_its_content_where_it_was_or_below_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("elsewhere/deep")).unwrap();
        std::fs::write(at("clip.mp4"), "another").unwrap();
        std::fs::write(at("elsewhere/deep/clip.mp4"), "the one").unwrap();
        let (told, never) = (sha256(b"the one"), || false);
        let state = |places: &Places, path: &Path| places.input(path, Some(&told), &never);

        let here = Places::new(Path::new("/"), None).unwrap();
        let other = FileState::Other(sha256(b"another"));
        assert_eq!(state(&here, &at("clip.mp4")), Found { path: at("clip.mp4"), state: other });
        assert_eq!(state(&here, &at("gone.mp4")).state, FileState::Missing);
        assert_eq!(here.input(&at("clip.mp4"), None, &never).state, FileState::Unknown);

        let with_folder = Places::new(Path::new("/"), Some(&at("elsewhere"))).unwrap();
        let found = Found { path: at("elsewhere/deep/clip.mp4"), state: FileState::Same };
        assert_eq!(state(&with_folder, &at("clip.mp4")), found);
        let then = Places::new(&at("elsewhere"), None).unwrap();
        assert_eq!(state(&then, Path::new("deep/clip.mp4")), found);
        assert!(Places::new(Path::new("/"), Some(&at("absent"))).is_err());
    }
}

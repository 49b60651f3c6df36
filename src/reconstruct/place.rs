//! Where a network and its counterparts lie in a set, and whose they are.

use super::ReconstructError;
use crate::atomic_file;
use crate::file_error::FileError;
use crate::prepared_frames::VideoFolders;
use crate::{Error, Result};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a set's counterparts of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// The counterparts called `name` of the set at `set`.
    pub fn of(set: &Path, name: &str) -> Self {
        Place { folder: VideoFolders::counterparts(set, name) }
    }

    /// The network that made the counterparts.
    pub fn network(&self) -> PathBuf {
        self.folder.join("network.safetensors")
    }

    /// A network whose training was interrupted, with its optimiser.
    pub fn training(&self) -> PathBuf {
        self.folder.join("training.safetensors")
    }

    /// What is known about the counterparts.
    pub fn record(&self) -> PathBuf {
        self.folder.join("record.json")
    }

    /// Makes the folder where it is not there, or finds out that it is one of ours; with `overwrite` it is emptied.
    ///
    /// Fails where another program's counterparts lie, and where nothing can be written.
    pub fn claim(&self, overwrite: bool) -> Result<()> {
        let ours = [self.network(), self.training()].iter().any(|path| path.exists());
        let failed = |cause| Error::from(FileError::of(&self.folder)(cause));
        let whole = |entry: io::Result<DirEntry>| entry.is_ok_and(|e| !atomic_file::is_leftover(&e.path()));
        let used = match std::fs::read_dir(&self.folder) {
            Ok(entries) => Some(entries.into_iter().any(whole)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(failed(cause)),
        };
        match used {
            None => {}
            Some(true) if !ours => {
                return Err(ReconstructError::Foreign { folder: self.folder.clone() }.into());
            }
            Some(_) if overwrite => std::fs::remove_dir_all(&self.folder).map_err(failed)?,
            Some(_) => {
                atomic_file::remove_leftovers(&self.folder).map_err(as_output)?;
            }
        }
        atomic_file::check_writable(&self.network()).map_err(as_output)
    }
}

/// A file that cannot be written, as the stage tells it.
pub fn as_output(error: atomic_file::Error) -> Error {
    Error::Output { path: error.path, cause: error.cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_others_is_left_alone_and_an_own_one_emptied_when_asked() {
        let set = tempfile::tempdir().unwrap();
        let place = Place::of(set.path(), "ae");
        place.claim(false).unwrap();
        // Empty: nobody's yet.
        place.claim(true).unwrap();
        let image = place.folder.join("video/000.png");
        std::fs::create_dir_all(image.parent().unwrap()).unwrap();
        std::fs::write(&image, "").unwrap();
        for overwrite in [false, true] {
            let refused = place.claim(overwrite).unwrap_err().to_string();
            assert!(refused.contains("another program") && image.exists(), "{refused}");
        }
        std::fs::write(place.network(), "").unwrap();
        place.claim(false).unwrap();
        assert!(image.exists());
        place.claim(true).unwrap();
        assert!(!image.exists() && !place.network().exists());
    }
}

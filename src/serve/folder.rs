//! The private folder of a server, and files in it that nobody else can open and nothing leaves behind.
//!
//! Uploads have no name: they are gone as soon as nobody has them open, also when the process is killed. What is scored is
//! named by a link to the open file, for the time of scoring. A folder with such links may stay behind a killed server;
//! the next one deletes it. Whether a folder's server still lives is told by a lock on a file in it, which the operating
//! system takes off the dead.

use super::{ServeError, name};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the folders of servers begin.
const PREFIX: &str = "sbi-serve-";
const LOCK: &str = "lock";

/// A folder of one server's own, which ends with this value.
pub(super) struct PrivateFolder {
    path: PathBuf,
    numbers: AtomicUsize,
    /// Held as long as the server lives.
    _lock: File,
}

/// A path at which an open file can be opened once more, until this is dropped.
pub(super) struct Link(PathBuf);

impl PrivateFolder {
    /// Makes a folder in `parent` that only this user can enter, and deletes those that killed servers of this user left.
    pub fn create(parent: &Path) -> Result<Self, ServeError> {
        let unusable = |cause| ServeError::Folder { path: parent.to_owned(), cause };
        remove_leftovers(parent);
        let path = parent.join(format!("{PREFIX}{}", super::token::random_hex()?));
        DirBuilder::new().mode(0o700).create(&path).map_err(unusable)?;
        let lock = File::create_new(path.join(LOCK)).map_err(unusable)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|e| unusable(e.into()))?;
        let folder = PrivateFolder { path, numbers: AtomicUsize::new(0), _lock: lock };
        // Better told now than with the first upload.
        let probe = folder.file().map_err(unusable)?;
        let link = folder.link(&probe, "").map_err(unusable)?;
        File::open(link.path()).map_err(unusable)?;
        Ok(folder)
    }

    /// A file without a name, for this process alone.
    pub fn file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.path)
    }

    /// A path in it that nothing has yet.
    pub fn fresh(&self, extension: &str) -> PathBuf {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{number}{extension}"))
    }

    /// Takes the name off a file of this folder and gives what it holds.
    pub fn take(&self, path: &Path) -> io::Result<File> {
        let file = File::open(path)?;
        fs::remove_file(path)?;
        Ok(file)
    }

    /// Gives an open file a path with the extension of `shown_name`.
    pub fn link(&self, file: &File, shown_name: &str) -> io::Result<Link> {
        let extension =
            name::extension(shown_name).map_or(String::new(), |extension| format!(".{extension}"));
        let path = self.fresh(&extension);
        std::os::unix::fs::symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), &path)?;
        Ok(Link(path))
    }

    /// Bytes that can still be written here.
    pub fn free(&self) -> io::Result<u64> {
        let state = rustix::fs::statvfs(&self.path)?;
        Ok(state.f_bavail.saturating_mul(state.f_frsize))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Link {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Deletes the folders of servers that live no more. What cannot be looked at belongs to others.
fn remove_leftovers(parent: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && fs::symlink_metadata(&path).is_ok_and(|kind| kind.is_dir() && kind.uid() == own);
        if ours && !is_locked(&path.join(LOCK)) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Whether somebody holds the lock. A folder without one is that of a server that is just starting, or died then: it is
/// empty, and stays.
fn is_locked(lock: &Path) -> bool {
    File::open(lock).map_or(true, |file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_are_private_and_go_with_their_server() {
        let parent = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::create(parent.path()).unwrap();
        let path = folder.path.clone();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(folder.free().unwrap() > 0);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn folders_of_the_dead_are_deleted_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join("sbi-serve-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink("/proc/self/fd/0", dead.join("7.mp4")).unwrap();
        let starting = parent.path().join("sbi-serve-starting");
        fs::create_dir(&starting).unwrap();
        let foreign = parent.path().join("other");
        fs::create_dir(&foreign).unwrap();
        let living = PrivateFolder::create(parent.path()).unwrap();
        assert!(!dead.exists() && starting.exists() && foreign.exists());
        let second = PrivateFolder::create(parent.path()).unwrap();
        assert!(living.path.exists() && second.path.exists());
    }

    #[test]
    fn a_file_without_a_name_is_read_through_its_link() {
        let parent = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::create(parent.path()).unwrap();
        let mut file = folder.file().unwrap();
        file.write_all(b"content").unwrap();
        assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 1, "only the lock has a name");
        let link = folder.link(&file, "../../a.MP4").unwrap();
        assert_eq!(link.path().parent(), Some(folder.path.as_path()));
        assert_eq!(link.path().extension().unwrap(), "mp4");
        let mut text = String::new();
        File::open(link.path()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        let path = link.path().to_owned();
        drop(link);
        assert!(fs::symlink_metadata(path).is_err());
    }
}

//! Files that appear whole or not at all.
//!
//! The content goes to a temporary file in the folder of its destination, is flushed and synced,
//! and takes the destination's name in one rename. A reader never sees half a file, and a process
//! that is killed leaves at most a file whose name starts with [`TEMPORARY_PREFIX`].

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The prefix of an unfinished file's name.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// Says which file could not be written and at which step.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}", path.display())]
pub struct Error {
    /// The file's final path.
    pub path: PathBuf,
    /// The step that failed, as a verb for the message: `delete`, `rename it` and so on.
    pub action: &'static str,
    /// The operating system's reason.
    #[source]
    pub cause: io::Error,
}

/// Writes `path` through `content`; when that fails, a file already at `path` stays as it was.
///
/// A file at `path` is replaced, with the permissions of a new file; a symbolic link at `path` is
/// replaced by the file. Fails with [`Error`] when the folder does not exist or cannot be written,
/// or when `content` fails; nothing is left behind then.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// use std::io::Write;
/// sbi::atomic_file::write(&folder.path().join("report.csv"), |file| file.write_all(b"path,score\n"))?;
/// # Ok(()) }
/// ```
pub fn write<T>(path: &Path, content: impl FnOnce(&mut AtomicFile) -> io::Result<T>) -> Result<T, Error> {
    let mut file = AtomicFile::create(path)?;
    let value = content(&mut file).map_err(|cause| file.error("write", cause))?;
    file.commit()?;
    Ok(value)
}

/// Writes a file like [`write()`], but does not wait until the content has reached the disk: for thousands of small
/// files, where waiting would cost more than making them. A killed process still leaves no half file; a power cut may.
pub fn write_unsynced<T>(
    path: &Path,
    content: impl FnOnce(&mut AtomicFile) -> io::Result<T>,
) -> Result<T, Error> {
    let mut file = AtomicFile::create(path)?;
    let value = content(&mut file).map_err(|cause| file.error("write", cause))?;
    let AtomicFile { file, path } = file;
    rename(file, &path, false).map_err(|(action, cause)| Error { path, action, cause })?;
    Ok(value)
}

/// Finds out, before hours of work, that a file could not be written in the end. Makes the folder where it is not there.
///
/// Fails when the folder cannot be made or written into, and when `path` is a folder itself.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let folder = folder_of(path);
    let failed = |action| move |cause| Error { path: folder.to_path_buf(), action, cause };
    fs::create_dir_all(folder).map_err(failed("make this folder"))?;
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(folder)
        .map_err(failed("write into this folder"))?;
    match path.is_dir() {
        true => {
            let cause = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, expected a file name");
            Err(Error { path: path.to_path_buf(), action: "write", cause })
        }
        false => Ok(()),
    }
}

/// Deletes what killed processes left in `folder`, and says how many files that were.
///
/// To be called only where no other process writes into the folder.
pub fn remove_leftovers(folder: &Path) -> Result<usize, Error> {
    let failed = |cause| Error { path: folder.to_path_buf(), action: "look for unfinished files", cause };
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_leftover(&entry.path()) && entry.file_type().map_err(failed)?.is_file() {
            fs::remove_file(entry.path()).map_err(|cause| Error {
                path: entry.path(),
                action: "delete",
                cause,
            })?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether the name of `path` is that of an unfinished file.
pub fn is_leftover(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()))
}

/// A buffered file under a temporary name. [`commit`](AtomicFile::commit) gives it its name;
/// dropping it instead deletes it.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Opens a temporary file in the folder of `path`, which must exist.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        // Temporary files are private (0600) unless told otherwise; this one becomes an ordinary
        // file. The umask is applied to these bits when the file is created.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder_of(path)).map_err(|cause| Error {
            path: path.to_path_buf(),
            action: "create a file in its folder",
            cause,
        })?;
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf() })
    }

    /// The path that [`AtomicFile::commit`] will give the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes and syncs the content and renames it to the destination.
    pub fn commit(self) -> Result<(), Error> {
        let Self { file, path } = self;
        rename(file, &path, true).map_err(|(action, cause)| Error { path, action, cause })
    }

    /// An [`Error`] about this file.
    fn error(&self, action: &'static str, cause: io::Error) -> Error {
        Error { path: self.path.clone(), action, cause }
    }
}

fn rename(file: BufWriter<NamedTempFile>, path: &Path, sync: bool) -> Result<(), (&'static str, io::Error)> {
    let file = file.into_inner().map_err(|e| ("write", e.into_error()))?;
    if sync {
        file.as_file().sync_all().map_err(|e| ("sync", e))?;
    }
    file.persist(path).map_err(|e| ("rename the finished file to it", e.error))?;
    if !sync {
        return Ok(());
    }
    // Without this the rename itself may be lost with the power. Not every file system lets a
    // folder be synced, and the file is complete by now, so a refusal is no failure.
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn replaces_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "old and longer").unwrap();
        write(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_cannot_be_written_is_told_early_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(&folder.path().join("new/deeper/a.json")).unwrap();
        assert_eq!(names(&folder.path().join("new/deeper")), [""; 0]);
        let told = |path: &Path| crate::causes::with_causes(&check_writable(path).unwrap_err());
        assert!(told(folder.path()).contains("is a folder, expected a file name"));
        fs::write(folder.path().join("file"), "").unwrap();
        let below = told(&folder.path().join("file/a.json"));
        assert!(below.contains("file: cannot make this folder: "), "{below}");
    }

    #[test]
    fn failed_content_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let error = write(&path, |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("no more ink"))
        })
        .unwrap_err();
        assert_eq!(
            crate::causes::with_causes(&error),
            format!("{}: cannot write: no more ink", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn dropping_without_commit_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(&folder.path().join("a.txt")).unwrap();
        file.write_all(b"half").unwrap();
        let unfinished = names(folder.path());
        assert!(unfinished.len() == 1 && is_leftover(Path::new(&unfinished[0])), "{unfinished:?}");
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn leftovers_are_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".tmp-x7"), "half").unwrap();
        fs::write(folder.path().join("tmp-x7"), "whole").unwrap();
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
        assert_eq!(names(folder.path()), ["tmp-x7"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/a.txt");
        let error = write(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("absent/a.txt") && !error.contains('\n'), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn has_the_permissions_of_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
        write(&ours, |_| Ok(())).unwrap();
        fs::write(&ordinary, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}

//! Errors of the operating system together with the file or folder they are about, in one form for all components.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder that cannot be opened, read or changed; the cause is its [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be accessed", path.display())]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// The operating system's reason.
    #[source]
    pub cause: io::Error,
}

impl FileError {
    /// Adds a path to an error of the operating system; meant as an argument of `map_err`.
    ///
    /// ```
    /// use sbi::file_error::FileError;
    /// use std::path::Path;
    /// let path = Path::new("no/such/file");
    /// let error = std::fs::read(path).map_err(FileError::of(path)).unwrap_err();
    /// assert_eq!(error.to_string(), "no/such/file: cannot be accessed");
    /// assert_eq!(error.cause.kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn of(path: &Path) -> impl Fn(io::Error) -> FileError + Copy + '_ {
        move |cause| FileError { path: path.to_owned(), cause }
    }
}

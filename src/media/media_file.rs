//! One file, decoded elsewhere.

use super::decoder::{SERVER, Session, SessionError};
use super::{ContainerFacts, DecodeReport, Error, MediaKind, Reading, Wanted};
use crate::file_error::FileError;
use crate::imaging::FIRST_BYTES;
use crate::types::Frame;
use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A video or photograph that is open in a process of its own.
pub struct MediaFile {
    path: PathBuf,
    kind: MediaKind,
    session: Session,
}

impl MediaFile {
    /// Opens a file. Its decoder may use `threads` threads.
    ///
    /// Fails when it is missing, no regular file, neither video nor photograph, or asks for more than it may cost.
    pub fn open(path: &Path, reading: Reading, threads: usize) -> Result<MediaFile, Error> {
        let opened = MediaFile::open_until(path, reading, threads, &|| false)?;
        opened.ok_or_else(|| Error::Decoder { path: path.to_owned(), reason: "nobody waited".to_owned() })
    }

    /// [`MediaFile::open`] that gives up, with `None`, as soon as `over` says so, which is asked all the time.
    pub(super) fn open_until(
        path: &Path,
        reading: Reading,
        threads: usize,
        over: &dyn Fn() -> bool,
    ) -> Result<Option<MediaFile>, Error> {
        let file = open_regular(path)?;
        let mut first = [0; FIRST_BYTES];
        let read = file.read_at(&mut first, 0).map_err(FileError::of(path))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let kind = MediaKind::of(&first[..read], extension);
        let heif = MediaKind::needs_heif(&first[..read]);
        match Session::open(&SERVER, file, (kind, heif), extension, reading, threads, over) {
            Ok(session) => Ok(Some(MediaFile { path: path.to_owned(), kind, session })),
            Err(SessionError::Over) => Ok(None),
            Err(error) => Err(named(path, error)),
        }
    }

    /// Whether it is a video or a photograph.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// How many frames there are: of a photograph one, of an animation or several pages as many.
    pub fn frame_count(&self) -> usize {
        self.session.frames()
    }

    /// Frames per second; 25 where a video does not say, 1 for photographs.
    pub fn fps(&self) -> f64 {
        self.session.fps()
    }

    /// What a video's container says of itself; `None` for photographs.
    pub fn facts(&self) -> Option<&ContainerFacts> {
        self.session.facts()
    }

    /// Has the wanted frames decoded and hands each to `consume`, which may break off.
    pub fn read(
        self,
        wanted: &Wanted,
        consume: impl FnMut(Frame) -> ControlFlow<()>,
    ) -> Result<DecodeReport, Error> {
        let count = wanted.count(self.frame_count());
        let report = self.read_until(&|| false, wanted, consume)?;
        Ok(report.unwrap_or(DecodeReport { wanted: count, ..DecodeReport::default() }))
    }

    /// [`MediaFile::read`] that gives up, with `None`, as soon as `over` says so, which is asked all the time.
    pub(super) fn read_until(
        self,
        over: &dyn Fn() -> bool,
        wanted: &Wanted,
        mut consume: impl FnMut(Frame) -> ControlFlow<()>,
    ) -> Result<Option<DecodeReport>, Error> {
        let read = self.session.read(wanted, over, |frame| {
            consume(Frame { index: frame.index, image: frame.image }).is_continue()
        });
        match read {
            Ok(report) => Ok(Some(report)),
            Err(SessionError::Over) => Ok(None),
            Err(error) => Err(named(&self.path, error)),
        }
    }
}

/// Opens a file for reading without waiting for anybody, as pipes would.
fn open_regular(path: &Path) -> Result<File, Error> {
    let unusable = FileError::of(path);
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(&unusable)?;
    let kind = file.metadata().map_err(&unusable)?.file_type();
    if kind.is_dir() {
        return Err(unusable(std::io::ErrorKind::IsADirectory.into()).into());
    }
    if !kind.is_file() {
        return Err(Error::NoRegularFile { path: path.to_owned() });
    }
    Ok(file)
}

fn named(path: &Path, error: SessionError) -> Error {
    let path = path.to_owned();
    match error {
        SessionError::File(reason) => Error::Unreadable { path, reason },
        SessionError::Worker(reason) => Error::Decoder { path, reason },
        SessionError::None(cause) => Error::NoDecoder { path, cause },
        SessionError::Over => Error::Decoder { path, reason: "nobody waited".to_owned() },
    }
}

//! Prepared frames of many videos in one file, because parallel file systems bear few large files better than many small ones.
//!
//! The file is a plain tar (POSIX ustar, pax where names are long) in WebDataset's layout: the members of a frame follow one
//! another and have its name up to the first dot, `071/004.png`, `071/004.landmarks.npy`, `071/004.retina.npy`. Members are
//! added video by video; of members of the same name the last one counts, as for every program that reads tar files.

use super::Error;
use super::layout::{FrameFiles, VideoFolders};
use crate::file_error::FileError;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the kinds of members of a frame end with, in the order in which they are written.
const ENDINGS: [&str; 3] = [".png", ".landmarks.npy", ".retina.npy"];
/// Longer ones are no frames of any video; members are read into memory.
const LONGEST: u64 = 1 << 30;
/// Bytes of two empty blocks, with which a tar file ends.
const END: [u8; 1024] = [0; 1024];

/// Offset and length of each kind of file of a frame, where it is there.
type Members = [Option<(u64, u64)>; 3];

/// An open archive, which the frames in it share.
#[derive(Debug)]
struct OpenArchive {
    path: PathBuf,
    file: File,
}

/// Where in an archive a frame's files are.
#[derive(Clone, Debug)]
pub struct Archived {
    archive: Arc<OpenArchive>,
    members: Members,
}

/// A kind of file of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// The frame's own image.
    Frame,
    /// The landmarks.
    Landmarks,
    /// The boxes.
    Boxes,
}

impl Archived {
    /// Whether a file is there.
    pub(super) fn has(&self, member: Member) -> bool {
        self.members[member as usize].is_some()
    }

    /// The bytes of a file.
    ///
    /// Fails where there is none, and when the archive cannot be read.
    pub(super) fn read(&self, member: Member) -> Result<Vec<u8>, FileError> {
        let failed = FileError::of(&self.archive.path);
        let (offset, length) =
            self.members[member as usize].ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let mut bytes = vec![0; length as usize];
        self.archive.file.read_exact_at(&mut bytes, offset).map_err(failed)?;
        Ok(bytes)
    }

    fn place(&self) -> (&Path, Members) {
        (&self.archive.path, self.members)
    }
}

impl PartialEq for Archived {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Archived {}

impl PartialOrd for Archived {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Archived {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

/// What an archive holds.
struct Contents {
    /// For each video, by its name, its frames by theirs.
    videos: BTreeMap<String, BTreeMap<String, Members>>,
    /// Where the last whole member ends.
    end: u64,
}

impl Contents {
    /// Reads the headers. What was cut off at the end, and files that are no part of a frame, do not count.
    fn of(path: &Path, file: &File) -> Result<Contents, FileError> {
        let failed = FileError::of(path);
        let length = file.metadata().map_err(failed)?.len();
        let mut reader = file;
        reader.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut archive = tar::Archive::new(reader);
        let mut contents = Contents { videos: BTreeMap::new(), end: 0 };
        for entry in archive.entries_with_seek().map_err(failed)? {
            // A header that was being written when the process was killed.
            let Ok(entry) = entry else { break };
            let (offset, size) = (entry.raw_file_position(), entry.size());
            let end = offset.saturating_add(size.next_multiple_of(512));
            if end > length || size > LONGEST {
                break;
            }
            contents.end = end;
            if let Ok(name) = entry.path()
                && let Some((video, frame, kind)) = parts_of(&name)
            {
                let frames = contents.videos.entry(video).or_default();
                frames.entry(frame).or_default()[kind] = Some((offset, size));
            }
        }
        Ok(contents)
    }
}

/// The video, the frame and the kind of file that a member's name tells.
fn parts_of(name: &Path) -> Option<(String, String, usize)> {
    let video = name.parent()?.to_str().filter(|video| !video.is_empty())?;
    let file = name.file_name()?.to_str()?;
    let (frame, _) = file.split_once('.')?;
    let kind = ENDINGS.iter().position(|ending| file.strip_prefix(frame) == Some(*ending))?;
    Some((video.to_owned(), frame.to_owned(), kind))
}

/// The archives of a set's folder, sorted by name.
///
/// Fails when the folder cannot be read; one that is not there has none.
pub fn archives_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = match std::fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(FileError::of(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(FileError::of(folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("prepared_") && name.ends_with(".tar") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The archive of a set.
pub fn archive_path(folder: &Path, set: &str) -> PathBuf {
    folder.join(format!("prepared_{set}.tar"))
}

/// The videos of a prepared set, whether in folders or in archives.
#[derive(Debug)]
pub struct PreparedVideos {
    folder: PathBuf,
    in_folders: Vec<String>,
    archived: BTreeMap<String, Vec<FrameFiles>>,
}

impl PreparedVideos {
    /// Looks at what is in a set's folder.
    ///
    /// Fails when it, or an archive in it, cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut archived = BTreeMap::new();
        for path in archives_in(folder)? {
            let file = File::open(&path).map_err(FileError::of(&path))?;
            let contents = Contents::of(&path, &file)?;
            let archive = Arc::new(OpenArchive { path, file });
            for (video, frames) in contents.videos {
                let folders = VideoFolders::new(folder, Path::new(&video));
                // As in a folder, a frame is one that has its image.
                let with_image = frames.into_iter().filter(|(_, members)| members[0].is_some());
                let frames = with_image.map(|(stem, members)| FrameFiles {
                    archived: Some(Archived { archive: Arc::clone(&archive), members }),
                    ..folders.named(&stem)
                });
                let mut frames: Vec<FrameFiles> = frames.collect();
                frames.sort();
                archived.insert(video, frames);
            }
        }
        Ok(PreparedVideos { folder: folder.to_owned(), in_folders: VideoFolders::names(folder)?, archived })
    }

    /// The names of all videos, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.in_folders.iter().chain(self.archived.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The frames of a video, sorted by name: those in its folder, and where there are none those in an archive.
    ///
    /// Fails when the folder cannot be read.
    pub fn frames(&self, video: &str) -> Result<Vec<FrameFiles>, Error> {
        let on_disk = VideoFolders::new(&self.folder, Path::new(video)).frames_on_disk()?;
        match self.archived.get(video) {
            Some(frames) if on_disk.is_empty() => Ok(frames.clone()),
            _ => Ok(on_disk),
        }
    }
}

/// An archive that videos are added to.
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    file: File,
    end: u64,
    /// For each video how many frames, landmark files and box files it has.
    counts: BTreeMap<String, [usize; 3]>,
}

impl ArchiveWriter {
    /// Opens an archive behind its last whole member; with `anew`, an empty one.
    ///
    /// Fails when it cannot be read or written.
    pub fn open(path: &Path, anew: bool) -> Result<Self, Error> {
        let failed = FileError::of(path);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(anew).open(path).map_err(failed)?;
        let contents = Contents::of(path, &file)?;
        let counts = contents.videos.iter().map(|(video, frames)| {
            let of_kind = |kind: usize| frames.values().filter(|members| members[kind].is_some()).count();
            (video.clone(), [of_kind(0), of_kind(1), of_kind(2)])
        });
        let counts = counts.collect();
        let mut writer = ArchiveWriter { path: path.to_owned(), file, end: contents.end, counts };
        writer.close_behind(contents.end)?;
        Ok(writer)
    }

    /// The numbers of frames, landmark files and box files of a video.
    pub fn counts(&self, video: &Path) -> [usize; 3] {
        self.counts.get(&video.display().to_string()).copied().unwrap_or_default()
    }

    /// Adds all files of a video, which lie in its folders.
    ///
    /// What is in the archive is whole after each call, whenever the process is killed. Fails when a file cannot be read or the
    /// disk is full; the archive is then as it was.
    pub fn add(&mut self, video: &Path, folders: &VideoFolders) -> Result<(), Error> {
        let frames = folders.frames_on_disk()?;
        let mut counts = [0; 3];
        let mut bytes = Vec::new();
        {
            let mut builder = tar::Builder::new(&mut bytes);
            for files in &frames {
                let stem = files.frame.file_stem().unwrap_or_default().to_string_lossy();
                for (kind, path) in [&files.frame, &files.landmarks, &files.boxes].into_iter().enumerate() {
                    let content = match std::fs::read(path) {
                        Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                        other => other.map_err(FileError::of(path))?,
                    };
                    let mut header = tar::Header::new_ustar();
                    header.set_size(content.len() as u64);
                    header.set_mode(0o644);
                    header.set_mtime(0);
                    let name = video.join(format!("{stem}{}", ENDINGS[kind]));
                    builder
                        .append_data(&mut header, name, content.as_slice())
                        .map_err(FileError::of(&self.path))?;
                    counts[kind] += 1;
                }
            }
            builder.finish().map_err(FileError::of(&self.path))?;
        }
        // In place of the end that was written before; a new one is the last of these bytes.
        let before = self.end;
        let added = (bytes.len() - END.len()) as u64;
        let written = self.write_at(&bytes, before).and_then(|()| self.file.sync_data());
        if let Err(cause) = written {
            self.close_behind(before)?;
            return Err(FileError::of(&self.path)(cause).into());
        }
        self.end = before + added;
        self.counts.insert(video.display().to_string(), counts);
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place))?;
        self.file.write_all(bytes)
    }

    /// Ends the archive here.
    fn close_behind(&mut self, end: u64) -> Result<(), Error> {
        let failed = FileError::of(&self.path);
        self.file.set_len(end).map_err(failed)?;
        self.file.seek(SeekFrom::Start(end)).map_err(failed)?;
        Ok(self.file.write_all(&END).map_err(failed)?)
    }
}

#[cfg(test)]
mod tests;

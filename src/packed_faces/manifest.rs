//! What a packed folder knows about its videos.
//!
//! `manifest.json` is rewritten as a whole only when packing starts and ends. In between each
//! finished video adds one line to `manifest.jsonl`: rewriting the manifest after each of several
//! thousand videos would write gigabytes, an added line costs the same for the last as for the
//! first, and a killed process loses at most the line it was writing. Reading joins the two.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::atomic_file;
use crate::types::{Label, Shard, VideoStatus};

/// The format of manifest that this program reads and writes.
const VERSION: u32 = 1;
/// Far more than any crop has; faces are read into memory.
const MOST_SIDE: u32 = 1024;

/// What decides the content of packed faces. Folders packed with different settings never mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackSettings {
    /// Name of the test set, such as `CDF`.
    pub dataset: String,
    /// Compression of the videos, such as `c23`.
    pub compression: String,
    /// Name of the face detector, such as `retinaface-r50`.
    pub detector: String,
    /// What identifies the weights of the detector: a digest of the file.
    pub detector_weights: String,
    /// Longest side of a frame for the detector, in pixels.
    pub max_size: u32,
    /// Number of frames wanted per video.
    pub frames: u32,
    /// Height and width of a face, in pixels.
    pub face_size: u32,
}

impl PackSettings {
    /// The first setting that differs: its name, its value here and its value there.
    pub(super) fn first_difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let (ours, theirs) = (self.named(), other.named());
        let mut pairs = ours.into_iter().zip(theirs);
        pairs.find_map(|((name, a), (_, b))| (a != b).then_some((name, a, b)))
    }

    fn named(&self) -> [(&'static str, String); 7] {
        [
            ("test set", self.dataset.clone()),
            ("compression", self.compression.clone()),
            ("detector", self.detector.clone()),
            ("detector weights", self.detector_weights.clone()),
            ("max-size", self.max_size.to_string()),
            ("number of frames", self.frames.to_string()),
            ("face size", self.face_size.to_string()),
        ]
    }
}

/// What is known about one packed video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoEntry {
    /// The video's number in the test set, from 1, which is also in the names of its arrays.
    pub number: usize,
    /// The video's file.
    pub path: String,
    /// Whether the video is real or fake.
    pub label: Label,
    /// The method that made it, where the test set tells.
    pub group: Option<String>,
    /// How reading it went.
    pub status: VideoStatus,
    /// Number of frames that should have been looked at.
    pub frames_wanted: u32,
    /// Number of frames that were.
    pub frames_decoded: u32,
    /// Number of frames that showed a face.
    pub frames_with_face: u32,
    /// How many faces were packed.
    pub faces: usize,
    /// What went wrong, in words; `None` if nothing did.
    pub note: Option<String>,
}

/// The manifest of a packed folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the manifest.
    pub version: u32,
    /// Program and version that packed last.
    pub program: String,
    /// What decides the content of the faces.
    pub settings: PackSettings,
    /// Number of videos of the test set, packed or not.
    pub video_count: usize,
    /// Whether every video was tried.
    pub complete: bool,
    /// In the manifest of a shard: the files that belong to it, by ascending number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<String>,
    /// The videos that were tried, by ascending number.
    pub videos: Vec<VideoEntry>,
}

impl Manifest {
    pub(super) fn new(settings: PackSettings, video_count: usize, videos: Vec<VideoEntry>) -> Self {
        Self {
            version: VERSION,
            program: concat!("sbi ", env!("CARGO_PKG_VERSION")).into(),
            settings,
            video_count,
            complete: videos.len() == video_count,
            planned: Vec::new(),
            videos,
        }
    }

    /// Of a shard, to which these files belong.
    pub(super) fn of_shard(self, planned: Vec<String>) -> Self {
        Self { complete: self.videos.len() == planned.len(), planned, ..self }
    }

    /// Reads the manifest of `folder`, together with what was added since it was written and with those of shards. `None`
    /// if there is none.
    ///
    /// Fails with [`Error::Folder`], [`Error::Version`], [`Error::Manifest`], and with [`Error::Settings`] when shards were
    /// packed with different ones.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let mut joined = Self::read_one(folder, None)?;
        for (shard, path) in shard_manifests(folder)? {
            let Some(part) = Self::read_one(folder, Some(shard))? else { continue };
            joined = Some(match joined {
                None => Self { planned: Vec::new(), ..part },
                Some(whole) => whole.joined(part, &path)?,
            });
        }
        if let Some(manifest) = &mut joined {
            manifest.complete = manifest.videos.len() == manifest.video_count;
        }
        Ok(joined)
    }

    /// This manifest with the entries of another one, which was read from `path`.
    fn joined(self, other: Self, path: &Path) -> Result<Self, Error> {
        if let Some((setting, folder_has, run_has)) = self.settings.first_difference(&other.settings) {
            return Err(Error::Settings { path: path.to_owned(), setting, folder_has, run_has });
        }
        if self.video_count != other.video_count {
            let (path, ours, theirs) = (path.to_owned(), self.video_count, other.video_count);
            let reason = format!("it is of a list of {theirs} videos, beside others of a list of {ours}");
            return Err(Error::Manifest { path, reason });
        }
        let mut videos: BTreeMap<usize, VideoEntry> =
            self.videos.into_iter().map(|entry| (entry.number, entry)).collect();
        for entry in other.videos {
            // What could be read at last counts.
            let known = videos.get(&entry.number);
            if known.is_none_or(|known| known.status == VideoStatus::Unreadable) {
                videos.insert(entry.number, entry);
            }
        }
        Ok(Self { videos: videos.into_values().collect(), ..self })
    }

    /// Reads one manifest of a folder: that of a shard, or the one of all.
    pub(super) fn read_one(folder: &Path, shard: Option<Shard>) -> Result<Option<Self>, Error> {
        let path = manifest_path(folder, shard);
        let Some(text) = read_if_there(&path)? else {
            return Ok(None);
        };
        let wrong = |reason: String| Error::Manifest { path: path.clone(), reason };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let found = value["version"].as_u64().ok_or_else(|| wrong("it has no version".into()))?;
        if found != u64::from(VERSION) {
            return Err(Error::Version { path, found, expected: VERSION });
        }
        let mut manifest: Self = serde_json::from_value(value).map_err(|e| wrong(e.to_string()))?;

        let side = manifest.settings.face_size;
        if !(1..=MOST_SIDE).contains(&side) {
            return Err(wrong(format!(
                "a face size of {side}, expected a number of pixels up to {MOST_SIDE}"
            )));
        }

        let mut videos = BTreeMap::new();
        for entry in manifest.videos.drain(..) {
            let number = entry.number;
            if videos.insert(number, entry).is_some() {
                return Err(wrong(format!("it has video {number} twice")));
            }
        }
        // A video that was tried again has a later line, which counts.
        videos.extend(read_journal(folder, shard)?.into_iter().map(|entry| (entry.number, entry)));
        if let Some(number) = videos.keys().find(|&&n| n == 0 || n > manifest.video_count) {
            let count = manifest.video_count;
            return Err(wrong(format!("it has a video {number}, but counts {count} videos")));
        }
        manifest.videos = videos.into_values().collect();
        manifest.complete = manifest.videos.len() == manifest.video_count;
        Ok(Some(manifest))
    }

    /// Writes the whole manifest; what was added to the one before is then part of it.
    pub(super) fn write(&self, folder: &Path, shard: Option<Shard>) -> Result<(), Error> {
        atomic_file::write(&manifest_path(folder, shard), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            file.write_all(b"\n")
        })?;
        remove_if_there(&journal_path(folder, shard))
    }
}

pub(super) fn manifest_path(folder: &Path, shard: Option<Shard>) -> PathBuf {
    of_shard(folder.join("manifest.json"), shard)
}

fn of_shard(path: PathBuf, shard: Option<Shard>) -> PathBuf {
    shard.map_or_else(|| path.clone(), |shard| shard.file(&path))
}

/// The manifests of shards in a folder.
pub(super) fn shard_manifests(folder: &Path) -> Result<Vec<(Shard, PathBuf)>, Error> {
    Shard::files_of(&manifest_path(folder, None))
        .map_err(|cause| Error::Folder { path: folder.to_owned(), cause })
}

/// One line per video that was finished since the manifest was written.
pub(super) fn journal_path(folder: &Path, shard: Option<Shard>) -> PathBuf {
    of_shard(folder.join("manifest.jsonl"), shard)
}

/// The entry as a line that is added to the journal.
pub(super) fn journal_line(entry: &VideoEntry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

/// The entries of the journal up to the first line that is not whole. What follows was lost with
/// the process that wrote it; its videos count as not packed.
fn read_journal(folder: &Path, shard: Option<Shard>) -> Result<Vec<VideoEntry>, Error> {
    let text = read_if_there(&journal_path(folder, shard))?.unwrap_or_default();
    let lines = text.split_inclusive(|&byte| byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    Ok(lines.map_while(|line| serde_json::from_slice(line).ok()).collect())
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::Folder { path: path.to_path_buf(), cause }),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(Error::Folder { path: path.to_path_buf(), cause })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn settings() -> PackSettings {
        PackSettings {
            dataset: "CDF".into(),
            compression: "raw".into(),
            detector: "retinaface-mnet".into(),
            detector_weights: "sha256:00".into(),
            max_size: 2048,
            frames: 32,
            face_size: 380,
        }
    }

    fn entry(number: usize) -> VideoEntry {
        VideoEntry {
            number,
            path: format!("{number}.mp4"),
            label: Label::Fake,
            group: None,
            status: VideoStatus::NoFace,
            frames_wanted: 32,
            frames_decoded: 32,
            frames_with_face: 0,
            faces: 0,
            note: None,
        }
    }

    #[test]
    fn lines_are_joined_and_later_ones_count() {
        let folder = tempfile::tempdir().unwrap();
        Manifest::new(settings(), 3, vec![entry(2)]).write(folder.path(), None).unwrap();
        let again = VideoEntry { status: VideoStatus::Truncated, ..entry(2) };
        let mut lines = [journal_line(&entry(1)).unwrap(), journal_line(&again).unwrap()].concat();
        lines.extend_from_slice(b"{\"number\": 3, \"pa");
        fs::write(journal_path(folder.path(), None), lines).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap().unwrap();
        assert_eq!(manifest.videos, [entry(1), again]);
        assert!(!manifest.complete);
    }

    #[test]
    fn a_whole_line_after_a_broken_one_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let lines = [b"broken\n".to_vec(), journal_line(&entry(1)).unwrap()].concat();
        fs::write(journal_path(folder.path(), None), lines).unwrap();
        assert!(read_journal(folder.path(), None).unwrap().is_empty());
    }

    #[test]
    fn faulty_manifests_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), None);
        let twice = Manifest::new(settings(), 3, vec![entry(2), entry(2)]);
        let beyond = Manifest::new(settings(), 3, vec![entry(4)]);
        for (content, expected) in [
            ("{".to_string(), "expected the manifest of a packed test set"),
            ("{}".to_string(), "it has no version"),
            ("{\"version\": 2}".to_string(), "manifest version 2, this program reads version 1"),
            ("{\"version\": 1}".to_string(), "missing field"),
            (serde_json::to_string(&twice).unwrap(), "video 2 twice"),
            (serde_json::to_string(&beyond).unwrap(), "a video 4, but counts 3"),
        ] {
            fs::write(manifest_path(folder.path(), None), content).unwrap();
            let error = Manifest::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("manifest.json"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

//! Which frames of a prepared set are used.

use super::Error;
use crate::file_error::FileError;
use crate::prepared::{self, FrameFiles, VideoFolders};
use crate::video::training_positions;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Which frames of a set are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSelection {
    /// The set's folder, which holds `frames/`.
    pub folder: PathBuf,
    /// First three characters of the wanted videos' names; `None`: all videos.
    pub ids: Option<BTreeSet<String>>,
    /// At most this many frames of a video, spread evenly over those that are there (SBI and EG: 8).
    pub per_video: usize,
    /// The command that prepares the set, for messages.
    pub command: String,
}

/// The frames of a selection that have everything a sample needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameList {
    /// Sorted by video, then by frame.
    pub frames: Vec<FrameFiles>,
    /// Videos that at least one of them is from.
    pub videos: usize,
    /// Videos asked for that have no usable frame.
    pub empty_videos: Vec<String>,
    /// Chosen frames left out because they have no landmarks.
    pub without_landmarks: usize,
    /// Chosen frames left out because they have landmarks but no box.
    pub without_boxes: usize,
}

impl FrameSelection {
    /// The frames: of each wanted video's sorted pictures those at `training_positions`, where both array files
    /// exist. Kept so, that published settings choose the published frames.
    ///
    /// Fails when nothing is prepared, no video is wanted, or no frame is complete.
    pub fn list(&self) -> Result<FrameList, Error> {
        let all = VideoFolders::all_frames(&self.folder);
        let names = video_names(&all)?;
        if names.is_empty() {
            return Err(Error::NotPrepared { folder: all, command: self.command.clone() });
        }
        let wanted: Vec<&String> = names.iter().filter(|name| self.wants(name)).collect();
        if wanted.is_empty() {
            return Err(Error::NoneChosen { folder: all, videos: names.len() });
        }
        let mut list = FrameList::default();
        let mut chosen = 0;
        for name in wanted {
            let on_disk = VideoFolders::new(&self.folder, Path::new(name)).frames_on_disk()?;
            let before = list.frames.len();
            for position in training_positions(on_disk.len(), self.per_video) {
                let files = &on_disk[position];
                chosen += 1;
                match (files.landmarks.exists(), files.boxes.exists()) {
                    (true, true) => list.frames.push(files.clone()),
                    (false, _) => list.without_landmarks += 1,
                    (true, false) => list.without_boxes += 1,
                }
            }
            match list.frames.len() > before {
                true => list.videos += 1,
                false => list.empty_videos.push(name.clone()),
            }
        }
        if list.frames.is_empty() {
            let FrameList { without_landmarks, without_boxes, .. } = list;
            let (folder, command) = (all, self.command.clone());
            let frames = chosen;
            return Err(Error::NoneComplete { folder, frames, without_landmarks, without_boxes, command });
        }
        Ok(list)
    }

    fn wants(&self, name: &str) -> bool {
        self.ids.as_ref().is_none_or(|ids| name.get(..3).is_some_and(|id| ids.contains(id)))
    }
}

/// Folders of frames, sorted; none where the folder does not exist.
fn video_names(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |cause| prepared::Error::from(FileError::of(folder)(cause));
    let entries = match std::fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if let (true, Ok(name)) = (entry.path().is_dir(), entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, kind: &str, video: &str, frame: &str, extension: &str) {
        let folder = folder.join(kind).join(video);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(frame).with_extension(extension), "").unwrap();
    }

    fn selection(folder: &Path, ids: Option<&[&str]>) -> FrameSelection {
        let ids = ids.map(|ids| ids.iter().map(|id| id.to_string()).collect());
        FrameSelection {
            folder: folder.to_owned(),
            ids,
            per_video: 2,
            command: "sbi preprocess -d Original".into(),
        }
    }

    #[test]
    fn frames_are_chosen_first_and_checked_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        for frame in ["000", "004", "009", "013"] {
            write(folder.path(), "frames", "071", frame, "png");
            write(folder.path(), "landmarks", "071", frame, "npy");
        }
        write(folder.path(), "retina", "071", "000", "npy");
        write(folder.path(), "retina", "071", "004", "npy");
        write(folder.path(), "frames", "054", "000", "png");
        let list = selection(folder.path(), None).list().unwrap();
        // Of four frames the first and the last are chosen; the last has no box.
        assert_eq!(list.frames, [VideoFolders::new(folder.path(), Path::new("071")).files(0)]);
        assert_eq!((list.videos, list.without_landmarks, list.without_boxes), (1, 1, 1));
        assert_eq!(list.empty_videos, ["054"]);
    }

    #[test]
    fn what_is_missing_is_told_with_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let error = |ids| selection(folder.path(), ids).list().unwrap_err().to_string();
        assert!(error(None).contains("`sbi preprocess -d Original` prepares them"), "{}", error(None));
        write(folder.path(), "frames", "054", "000", "png");
        assert!(error(Some(&["071"])).contains("none of the 1 prepared videos"), "{}", error(Some(&["071"])));
        let incomplete = error(Some(&["054"]));
        assert!(incomplete.contains("1 lack landmarks, 0 boxes"), "{incomplete}");
    }
}

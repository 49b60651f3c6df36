//! Names of files and folders.

use super::Error;
use super::archive::{Archived, Member};
use super::arrays::{boxes_of, landmarks_of, read_boxes, read_landmarks};
use crate::atomic_file::{is_leftover, remove_leftovers};
use crate::file_error::FileError;
use crate::imaging::{self, PngRegion, read_image};
use crate::npy;
use crate::types::{FaceBox, Landmarks, RgbImage, Window};
use std::io;
use std::path::{Path, PathBuf};

/// Names that the original programs gave these folders, and look for.
const FRAMES: &str = "frames";
const LANDMARKS: &str = "landmarks";
const BOXES: &str = "retina";
/// Other programs' versions of the frames, in a folder for each of them.
const COUNTERPARTS: &str = "counterparts";

/// The paths of one frame's files, whether they exist or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameFiles {
    /// The whole frame as a PNG file.
    pub frame: PathBuf,
    /// Landmarks as an array file: `int64`, `(faces, 68 or 81, 2)`.
    pub landmarks: PathBuf,
    /// Boxes as an array file: `float64`, `(faces, 7, 2)`, two corners and five points.
    pub boxes: PathBuf,
    /// Where these are in an archive; their paths are then the names that they would have in folders.
    pub archived: Option<Archived>,
}

impl FrameFiles {
    /// Whether there are landmarks.
    pub fn has_landmarks(&self) -> bool {
        self.archived.as_ref().map_or_else(|| self.landmarks.exists(), |at| at.has(Member::Landmarks))
    }

    /// Whether there are boxes.
    pub fn has_boxes(&self) -> bool {
        self.archived.as_ref().map_or_else(|| self.boxes.exists(), |at| at.has(Member::Boxes))
    }

    /// Reads the landmarks of the frame's faces, the largest first. Fails as [`read_landmarks`] does.
    pub fn read_landmarks(&self) -> Result<Vec<Landmarks>, Error> {
        match &self.archived {
            None => read_landmarks(&self.landmarks),
            Some(at) => {
                let bytes = at.read(Member::Landmarks)?;
                landmarks_of(&self.landmarks, npy::array_in(&self.landmarks, &bytes)?)
            }
        }
    }

    /// Reads the boxes of the frame's faces, the largest first. Fails as [`read_boxes`] does.
    pub fn read_boxes(&self) -> Result<Vec<FaceBox>, Error> {
        match &self.archived {
            None => read_boxes(&self.boxes),
            Some(at) => boxes_of(&self.boxes, npy::array_in(&self.boxes, &at.read(Member::Boxes)?)?),
        }
    }

    /// Opens the frame's image, to read a window of it. Fails as [`PngRegion::open`] does.
    pub fn open_image(&self) -> Result<PngRegion, imaging::Error> {
        match &self.archived {
            None => PngRegion::open(&self.frame),
            Some(at) => PngRegion::of_bytes(&self.frame, at.read(Member::Frame)?),
        }
    }

    /// Reads the whole frame. Fails where its image cannot be read.
    pub fn read_frame(&self) -> Result<RgbImage, imaging::Error> {
        match &self.archived {
            None => read_image(&self.frame),
            Some(_) => {
                let region = self.open_image()?;
                let whole = Window::whole(region.width(), region.height());
                region.read(whole)
            }
        }
    }

    /// This frame's counterpart called `name`: an image of the same size in which another program has made the face, at
    /// `counterparts/<name>/<video>/<frame>.png`. Whoever puts it there, and with which program, does not matter.
    pub fn counterpart(&self, name: &str) -> PathBuf {
        let (set, within) = self.set_and_rest();
        VideoFolders::counterparts(&set, name).join(within)
    }

    /// The names of the counterparts that are on disk for this frame, sorted; none where the set has no such folder.
    pub fn counterparts(&self) -> Vec<String> {
        let (set, within) = self.set_and_rest();
        let folders = std::fs::read_dir(set.join(COUNTERPARTS)).into_iter().flatten().flatten();
        let has_this = |folder: &std::fs::DirEntry| folder.path().join(&within).exists();
        let name = |folder: std::fs::DirEntry| folder.file_name().into_string().ok();
        let mut names: Vec<String> = folders.filter(has_this).filter_map(name).collect();
        names.sort();
        names
    }

    /// The set's folder, and the frame's path below `frames/`.
    fn set_and_rest(&self) -> (PathBuf, PathBuf) {
        // Where the paths of frame and landmarks part, the set's folder ends.
        let common = self.frame.components().zip(self.landmarks.components());
        let depth = common.take_while(|(one, other)| one == other).count();
        let set = self.frame.components().take(depth).collect();
        (set, self.frame.components().skip(depth + 1).collect())
    }
}

/// The folders of one prepared video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFolders {
    frames: PathBuf,
    landmarks: PathBuf,
    boxes: PathBuf,
}

impl VideoFolders {
    /// The folders of the video `name` (its path in `videos/` without extension) in the set at `base`.
    pub fn new(base: &Path, name: &Path) -> Self {
        VideoFolders {
            frames: base.join(FRAMES).join(name),
            landmarks: base.join(LANDMARKS).join(name),
            boxes: base.join(BOXES).join(name),
        }
    }

    /// The folder of all videos' frames in a set.
    pub fn all_frames(base: &Path) -> PathBuf {
        base.join(FRAMES)
    }

    /// The folder of all counterparts called `name` in a set; see [`FrameFiles::counterpart`].
    pub fn counterparts(base: &Path, name: &str) -> PathBuf {
        base.join(COUNTERPARTS).join(name)
    }

    /// The names of all videos in a set that have a folder of frames, sorted; none where nothing is prepared.
    ///
    /// Fails when a folder cannot be read.
    pub fn names(base: &Path) -> Result<Vec<String>, Error> {
        let folder = Self::all_frames(base);
        let entries = match std::fs::read_dir(&folder) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(FileError::of(&folder))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FileError::of(&folder))?;
            if let (true, Ok(name)) = (entry.path().is_dir(), entry.file_name().into_string()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The files of frame `index`; the index is padded to three digits.
    pub fn files(&self, index: usize) -> FrameFiles {
        self.named(&format!("{index:03}"))
    }

    pub(super) fn named(&self, stem: &str) -> FrameFiles {
        FrameFiles {
            frame: self.frames.join(format!("{stem}.png")),
            landmarks: self.landmarks.join(format!("{stem}.npy")),
            boxes: self.boxes.join(format!("{stem}.npy")),
            archived: None,
        }
    }

    /// The folder that holds the frames' PNG files.
    pub fn frames(&self) -> &Path {
        &self.frames
    }

    /// Makes the folders that are missing, and clears away what killed runs left in them.
    pub fn create(&self) -> Result<(), Error> {
        for folder in [&self.frames, &self.landmarks, &self.boxes] {
            std::fs::create_dir_all(folder).map_err(FileError::of(folder))?;
            remove_leftovers(folder)?;
        }
        Ok(())
    }

    /// Removes folders that are empty. Failures are ignored: an empty folder does no harm.
    pub fn remove_empty(&self) {
        for folder in [&self.frames, &self.landmarks, &self.boxes] {
            let _ = std::fs::remove_dir(folder);
        }
    }

    /// The numbers of frames, landmark files and box files on disk.
    pub fn counts(&self) -> [usize; 3] {
        let count = |folder: &Path, extension: &str| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let is_one = |path: &Path| path.extension().is_some_and(|e| e == extension) && !is_leftover(path);
            entries.filter(|entry| is_one(&entry.path())).count()
        };
        [count(&self.frames, "png"), count(&self.landmarks, "npy"), count(&self.boxes, "npy")]
    }

    /// Deletes all prepared files of this video.
    pub fn clear(&self) -> Result<(), Error> {
        for folder in [&self.frames, &self.landmarks, &self.boxes] {
            match std::fs::remove_dir_all(folder) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(FileError::of(folder)(cause).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The frames whose PNG file exists, sorted by name, with the paths of all their files.
    ///
    /// A folder that does not exist holds none.
    pub fn frames_on_disk(&self) -> Result<Vec<FrameFiles>, Error> {
        let entries = match std::fs::read_dir(&self.frames) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(FileError::of(&self.frames))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::of(&self.frames))?.path();
            let is_frame = path.extension().is_some_and(|e| e == "png") && !is_leftover(&path);
            if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_frame) {
                found.push(self.named(stem));
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names_of_the_original_programs() {
        let video = VideoFolders::new(Path::new("set"), Path::new("000"));
        let files = video.files(7);
        assert_eq!(files.frame, Path::new("set/frames/000/007.png"));
        assert_eq!(files.landmarks, Path::new("set/landmarks/000/007.npy"));
        assert_eq!(files.boxes, Path::new("set/retina/000/007.npy"));
        assert_eq!(video.files(1234).frame, Path::new("set/frames/000/1234.png"));
    }

    #[test]
    fn counterparts_lie_beside_the_frames_under_their_names() {
        for (set, video) in [("set", "000"), ("/sets/frames", "frames"), ("", "a/landmarks/b")] {
            let (set, video) = (Path::new(set), Path::new(video));
            let counterpart = VideoFolders::new(set, video).files(7).counterpart("ae96");
            assert_eq!(counterpart, set.join("counterparts/ae96").join(video).join("007.png"));
            assert!(counterpart.starts_with(VideoFolders::counterparts(set, "ae96")));
        }
        let base = tempfile::tempdir().unwrap();
        let files = VideoFolders::new(base.path(), Path::new("000")).files(7);
        assert_eq!(files.counterparts(), [""; 0]);
        for name in ["b", "a", "none"] {
            let path = files.counterpart(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name != "none" {
                std::fs::write(path, "").unwrap();
            }
        }
        assert_eq!(files.counterparts(), ["a", "b"]);
    }

    #[test]
    fn videos_are_listed_by_name() {
        let base = tempfile::tempdir().unwrap();
        assert_eq!(VideoFolders::names(base.path()).unwrap(), [""; 0]);
        for name in ["b", "a"] {
            VideoFolders::new(base.path(), Path::new(name)).create().unwrap();
        }
        std::fs::write(VideoFolders::all_frames(base.path()).join("notes.txt"), "").unwrap();
        assert_eq!(VideoFolders::names(base.path()).unwrap(), ["a", "b"]);
    }

    #[test]
    fn frames_are_listed_by_name_without_unfinished_ones() {
        let base = tempfile::tempdir().unwrap();
        let video = VideoFolders::new(base.path(), Path::new("a/b"));
        assert_eq!(video.frames_on_disk().unwrap(), []);
        video.create().unwrap();
        for name in ["010.png", "002.png", ".tmp-x.png", "notes.txt"] {
            std::fs::write(video.frames().join(name), "").unwrap();
        }
        let found = video.frames_on_disk().unwrap();
        assert_eq!(found, [video.files(2), video.files(10)]);
        video.create().unwrap();
        assert!(!video.frames().join(".tmp-x.png").exists());
        video.clear().unwrap();
        assert!(!video.frames().exists());
    }
}

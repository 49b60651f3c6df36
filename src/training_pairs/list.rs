//! Selects frames from a set of prepared frames.

use super::Error;
use crate::datasets::SetVersion;
use crate::hash::fnv1a64;
use crate::prepared_frames::{FrameFiles, PreparedVideos, VideoFolders};
use crate::rng::{Purpose, generator};
use crate::types::FaceBox;
use crate::video::training_positions;
use rand::Rng;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Which frames of a set are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameSelection {
    /// The set's folder, which holds `frames/`.
    pub folder: PathBuf,
    /// Which of the set's videos.
    pub videos: VideoChoice,
    /// At most this many frames of a video, spread evenly over those that are there (SBI and EG: 8).
    pub per_video: usize,
    /// Frames whose largest box has a shorter side under this many pixels are left out; 0 asks for nothing.
    pub min_face: f64,
    /// Which set it is, for messages that say what has to be prepared.
    pub set: SetVersion,
}

/// Which videos of a set are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum VideoChoice {
    /// Every video of the set.
    All,
    /// Videos whose names begin with one of these ids of three characters: the splits of FaceForensics++.
    Ids(BTreeSet<String>),
    /// A random share of the videos, or the rest. Whether a video is drawn depends only on the seed and its name, so
    /// that videos do not change sides when a set grows.
    Share {
        /// Seed of the draw.
        seed: u64,
        /// The share of videos that is drawn, 0..1.
        share: f64,
        /// True for the drawn videos, false for the others.
        drawn: bool,
    },
}

impl VideoChoice {
    fn wants(&self, name: &str) -> bool {
        match self {
            VideoChoice::All => true,
            VideoChoice::Ids(ids) => name.get(..3).is_some_and(|id| ids.contains(id)),
            VideoChoice::Share { seed, share, drawn } => {
                let mut rng = generator(*seed, 0, fnv1a64(name.as_bytes()), Purpose::Split);
                rng.random_bool(share.clamp(0.0, 1.0)) == *drawn
            }
        }
    }
}

/// The frames of a selection that have everything a training pair needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameList {
    /// The frames' files, sorted by video, then by frame.
    pub frames: Vec<FrameFiles>,
    /// The number of videos that the frames come from.
    pub videos: usize,
    /// Names of selected videos that have no usable frame.
    pub empty_videos: Vec<String>,
    /// Chosen frames left out because they have no landmarks.
    pub without_landmarks: usize,
    /// Chosen frames left out because they have landmarks but no box.
    pub without_boxes: usize,
    /// Chosen frames left out because their largest face is too small.
    pub too_small: usize,
}

impl FrameList {
    /// Adds the frames and counts of another list.
    pub fn join(&mut self, other: FrameList) {
        self.frames.extend(other.frames);
        self.videos += other.videos;
        self.empty_videos.extend(other.empty_videos);
        self.without_landmarks += other.without_landmarks;
        self.without_boxes += other.without_boxes;
        self.too_small += other.too_small;
    }
}

impl FrameSelection {
    /// Lists the frames: of each wanted video's sorted frames those at `training_positions`, where both array files
    /// exist. This is the published rule, so that published settings choose the published frames.
    ///
    /// Fails when nothing is prepared, no video is wanted, or no frame is complete.
    pub fn list(&self) -> Result<FrameList, Error> {
        let all = VideoFolders::all_frames(&self.folder);
        let prepared = PreparedVideos::open(&self.folder)?;
        let names = prepared.names();
        if names.is_empty() {
            return Err(Error::NotPrepared { folder: all, set: self.set.clone() });
        }
        let wanted: Vec<&str> = names.iter().copied().filter(|name| self.videos.wants(name)).collect();
        if wanted.is_empty() {
            return Err(Error::NoneChosen { folder: all, videos: names.len() });
        }
        let mut list = FrameList::default();
        let mut chosen = 0;
        for name in wanted {
            let on_disk = prepared.frames(name)?;
            let before = list.frames.len();
            for position in training_positions(on_disk.len(), self.per_video) {
                let files = &on_disk[position];
                chosen += 1;
                match (files.has_landmarks(), files.has_boxes()) {
                    (true, true) if self.is_too_small(files) => list.too_small += 1,
                    (true, true) => list.frames.push(files.clone()),
                    (false, _) => list.without_landmarks += 1,
                    (true, false) => list.without_boxes += 1,
                }
            }
            match list.frames.len() > before {
                true => list.videos += 1,
                false => list.empty_videos.push(name.to_owned()),
            }
        }
        if list.frames.is_empty() {
            let FrameList { without_landmarks, without_boxes, too_small, .. } = list;
            let (folder, set) = (all, self.set.clone());
            let frames = chosen;
            return Err(Error::NoneComplete {
                folder,
                frames,
                without_landmarks,
                without_boxes,
                too_small,
                set,
            });
        }
        Ok(list)
    }

    /// Whether all faces of a frame are smaller than `min_face`. A damaged file counts as large enough: the loader replaces
    /// such frames and reports them.
    fn is_too_small(&self, files: &FrameFiles) -> bool {
        let small = |face: &FaceBox| face.bbox.width().min(face.bbox.height()) < self.min_face;
        self.min_face > 0.0 && files.read_boxes().is_ok_and(|boxes| boxes.iter().all(small))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Compression, TrainingSet};
    use crate::prepared_frames;
    use crate::types::BBox;
    use std::path::Path;

    fn write(folder: &Path, kind: &str, video: &str, frame: &str, extension: &str) {
        let folder = folder.join(kind).join(video);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(frame).with_extension(extension), "").unwrap();
    }

    fn selection(folder: &Path, ids: Option<&[&str]>) -> FrameSelection {
        let of_ids = |ids: &[&str]| VideoChoice::Ids(ids.iter().map(|id| id.to_string()).collect());
        FrameSelection {
            folder: folder.to_owned(),
            videos: ids.map_or(VideoChoice::All, of_ids),
            per_video: 2,
            min_face: 0.0,
            set: SetVersion { set: TrainingSet::named("Original"), compression: Compression::C23 },
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
    fn what_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = |ids| selection(folder.path(), ids).list().unwrap_err().to_string();
        assert!(error(None).ends_with("no prepared frames here"), "{}", error(None));
        write(folder.path(), "frames", "054", "000", "png");
        assert!(error(Some(&["071"])).contains("none of the 1 prepared videos"), "{}", error(Some(&["071"])));
        let incomplete = error(Some(&["054"]));
        assert!(incomplete.contains("1 lack landmarks, 0 boxes"), "{incomplete}");
    }

    #[test]
    fn a_share_and_the_rest_are_all_and_stay_as_a_set_grows() {
        let choice = |drawn| VideoChoice::Share { seed: 5, share: 0.25, drawn };
        let names: Vec<String> = (0..400).map(|number| format!("face{number}")).collect();
        let drawn: Vec<_> = names.iter().filter(|name| choice(true).wants(name)).collect();
        assert!((60..140).contains(&drawn.len()), "{} of 400", drawn.len());
        assert!(names.iter().all(|name| choice(true).wants(name) != choice(false).wants(name)));
        let other = VideoChoice::Share { seed: 6, share: 0.25, drawn: true };
        assert!(names.iter().any(|name| other.wants(name) != choice(true).wants(name)));
    }

    #[test]
    fn small_faces_are_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        for (video, side) in [("a", 59.0), ("b", 60.0)] {
            write(folder.path(), "frames", video, "000", "png");
            write(folder.path(), "landmarks", video, "000", "npy");
            write(folder.path(), "retina", video, "000", "npy");
            let bbox = BBox { x0: 10.0, y0: 10.0, x1: 10.0 + side, y1: 90.0 };
            let face = FaceBox { bbox, points: [(20.0, 20.0); 5] };
            let files = VideoFolders::new(folder.path(), Path::new(video)).files(0);
            prepared_frames::write_boxes(&files.boxes, &[face]).unwrap();
        }
        let list = FrameSelection { min_face: 60.0, ..selection(folder.path(), None) }.list().unwrap();
        assert_eq!((list.frames.len(), list.too_small), (1, 1));
        assert_eq!(list.empty_videos, ["a"]);
    }
}

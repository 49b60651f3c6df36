//! The record of a preprocessing run: which settings, and what became of every video.

use super::Error;
use crate::atomic_file;
use crate::file_error::FileError;
use crate::types::{Shard, VideoStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The settings with which landmarks were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandmarkSettings {
    /// The shape predictor's file name.
    pub model: String,
    /// Hash of the shape predictor's file.
    pub fingerprint: String,
    /// Points per face.
    pub points: usize,
    /// Whether the forehead's points are estimated.
    pub estimated_forehead: bool,
}

/// The settings with which bounding boxes were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxSettings {
    /// Name of the face detector, such as `retinaface-r50`.
    pub detector: String,
    /// Hash of the face detector's weights.
    pub weights: String,
    /// Longest side of its input in pixels; null: the frame's own size.
    pub max_size: Option<usize>,
}

/// What decides the content of a prepared set. Files of different settings never mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedSettings {
    /// Frames wanted per video.
    pub frames: usize,
    /// What photographs were made into; absent where they stayed as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stills: Option<String>,
    /// The step *landmarks*; null while it was never done.
    pub landmarks: Option<LandmarkSettings>,
    /// The step *boxes*; null while it was never done.
    pub boxes: Option<BoxSettings>,
}

impl PreparedSettings {
    /// The first setting that both have and that differs: its name, its value in `before`, its value here.
    pub fn first_difference(&self, before: &PreparedSettings) -> Option<(&'static str, String, String)> {
        let mut pairs = vec![(
            "the number of frames per video",
            Some(before.frames.to_string()),
            Some(self.frames.to_string()),
        )];
        let stills = |s: &PreparedSettings| Some(s.stills.clone().unwrap_or_else(|| "as it is".to_owned()));
        pairs.push(("what a photograph is taken for", stills(before), stills(self)));
        if let (Some(then), Some(now)) = (&before.landmarks, &self.landmarks) {
            let model = |s: &LandmarkSettings| Some(format!("{} ({})", s.model, s.fingerprint));
            pairs.push(("the landmark model", model(then), model(now)));
            let forehead =
                |s: &LandmarkSettings| Some(if s.estimated_forehead { "on" } else { "off" }.to_owned());
            pairs.push(("the estimate of the forehead", forehead(then), forehead(now)));
        }
        if let (Some(then), Some(now)) = (&before.boxes, &self.boxes) {
            let detector = |s: &BoxSettings| Some(format!("{} ({})", s.detector, s.weights));
            pairs.push(("the face detector", detector(then), detector(now)));
            let side = |s: &BoxSettings| s.max_size.map(|side| side.to_string());
            pairs.push(("the longest side for face detection", side(then), side(now)));
        }
        let text = |value: Option<String>| value.unwrap_or_else(|| "the frame's own".to_owned());
        let different = pairs.into_iter().find(|(_, then, now)| then != now);
        different.map(|(name, then, now)| (name, text(then), text(now)))
    }

    /// These settings, and those of a step that only `before` has.
    pub fn joined(self, before: &PreparedSettings) -> PreparedSettings {
        PreparedSettings {
            frames: self.frames,
            stills: self.stills,
            landmarks: self.landmarks.or_else(|| before.landmarks.clone()),
            boxes: self.boxes.or_else(|| before.boxes.clone()),
        }
    }
}

/// Something that went wrong with one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameProblem {
    /// Index of the frame.
    pub frame: usize,
    /// What went wrong, as a sentence.
    pub problem: String,
}

/// What became of one video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoRecord {
    /// The video's file, relative to the folder that holds the record.
    pub video: String,
    /// The outcome in one word. `no_face`: no frame has what the steps should find.
    pub status: VideoStatus,
    /// Frames asked for (equal indices of short videos counted once); 0 where the video did not open.
    pub frames_wanted: usize,
    /// Frames decoded, by this run or earlier ones.
    pub frames_decoded: usize,
    /// Frames in which landmarks were found.
    pub with_landmarks: usize,
    /// Frames in which the face detector found boxes.
    pub with_boxes: usize,
    /// Frames with both, which training can use.
    pub usable: usize,
    /// Decoded frames in which dlib saw no face; null while the step was not done.
    pub without_landmarks: Option<Vec<usize>>,
    /// Decoded frames in which the face detector saw no face; null while the step was not done.
    pub without_boxes: Option<Vec<usize>>,
    /// Frames of which something could not be computed, read or written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FrameProblem>,
    /// What went wrong with the video, for people.
    pub note: Option<String>,
}

impl VideoRecord {
    /// Whether nothing is left to do for a run with these steps.
    pub fn is_complete(&self, landmarks: bool, boxes: bool) -> bool {
        matches!(self.status, VideoStatus::Ok | VideoStatus::NoFace)
            && self.problems.is_empty()
            && (!landmarks || self.without_landmarks.is_some())
            && (!boxes || self.without_boxes.is_some())
    }
}

/// Counts added up over all videos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Videos in the record.
    pub videos: usize,
    /// Frames that were asked for.
    pub frames_wanted: usize,
    /// Frames that were decoded.
    pub frames_decoded: usize,
    /// Frames in which landmarks were found.
    pub with_landmarks: usize,
    /// Frames in which the face detector found boxes.
    pub with_boxes: usize,
    /// Frames with both landmarks and boxes.
    pub usable: usize,
}

/// What the record of a shard says about the whole set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedPart {
    /// Which shard.
    pub shard: Shard,
    /// How many videos there are in all.
    pub of: usize,
    /// What people call the set.
    pub title: String,
    /// The names of the videos that belong to the shard, in the order of the list.
    pub asked: Vec<String>,
}

/// What is known about a prepared set; one JSON file beside it, `preprocess_<set>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedRecord {
    /// The program that wrote the record: `sbi`.
    pub tool: String,
    /// The program's version.
    pub version: String,
    /// The set's name, which is also part of the record's file name.
    pub set: String,
    /// How its files were made.
    pub settings: PreparedSettings,
    /// Of the record of a shard: which part it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PreparedPart>,
    /// Sums over the videos.
    #[serde(default)]
    pub totals: Totals,
    /// What became of each video, by its path.
    pub videos: Vec<VideoRecord>,
}

impl PreparedRecord {
    /// The record of a set of which nothing has been prepared yet.
    pub fn new(set: &str, settings: PreparedSettings) -> Self {
        PreparedRecord {
            tool: "sbi".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            set: set.to_owned(),
            settings,
            part: None,
            totals: Totals::default(),
            videos: Vec::new(),
        }
    }

    /// Where the record of `set` lies.
    pub fn path(folder: &Path, set: &str) -> PathBuf {
        folder.join(format!("preprocess_{set}.json"))
    }

    /// Reads a record; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match std::fs::read_to_string(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(FileError::of(path))?,
        };
        let record = serde_json::from_str(&text);
        record.map(Some).map_err(|cause| Error::Record { path: path.to_owned(), cause })
    }

    /// Reads the record of `set` in `folder` together with those of its shards, as one; and the parts that they are of. `None`
    /// if there is none.
    ///
    /// Fails when a record cannot be read, and when they have different settings.
    pub fn read_all(folder: &Path, set: &str) -> Result<Option<(Self, Vec<PreparedPart>)>, Error> {
        let main = Self::path(folder, set);
        let mut joined = Self::read(&main)?;
        let mut parts = Vec::new();
        for (_, path) in Shard::files_of(&main).map_err(FileError::of(folder))? {
            let Some(mut record) = Self::read(&path)? else { continue };
            parts.extend(record.part.take());
            joined = Some(match joined {
                None => record,
                Some(whole) => whole.joined(record, &path)?,
            });
        }
        Ok(joined.map(|record| (record, parts)))
    }

    /// This record with the videos of another one, which was read from `path`.
    fn joined(self, other: Self, path: &Path) -> Result<Self, Error> {
        if let Some((what, before, now)) = other.settings.first_difference(&self.settings) {
            return Err(Error::Settings { path: path.to_owned(), what, before, now });
        }
        let settings = self.settings.clone().joined(&other.settings);
        let (landmarks, boxes) = (settings.landmarks.is_some(), settings.boxes.is_some());
        let mut videos: BTreeMap<String, VideoRecord> =
            self.videos.into_iter().map(|video| (video.video.clone(), video)).collect();
        for video in other.videos {
            // What is complete counts.
            let known = videos.get(&video.video);
            if known.is_none_or(|known| !known.is_complete(landmarks, boxes)) {
                videos.insert(video.video.clone(), video);
            }
        }
        Ok(PreparedRecord { settings, videos: videos.into_values().collect(), ..self })
    }

    /// Writes the record, with the videos sorted and their sums up to date.
    pub fn write(&mut self, path: &Path) -> Result<(), Error> {
        self.videos.sort_by(|a, b| a.video.cmp(&b.video));
        self.totals = self.sums();
        atomic_file::write(path, |file| {
            serde_json::to_writer_pretty(&mut *file, self).map_err(io::Error::other)?;
            file.write_all(b"\n")
        })?;
        Ok(())
    }

    fn sums(&self) -> Totals {
        let sum = |of: fn(&VideoRecord) -> usize| self.videos.iter().map(of).sum();
        Totals {
            videos: self.videos.len(),
            frames_wanted: sum(|v| v.frames_wanted),
            frames_decoded: sum(|v| v.frames_decoded),
            with_landmarks: sum(|v| v.with_landmarks),
            with_boxes: sum(|v| v.with_boxes),
            usable: sum(|v| v.usable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(frames: usize, points: Option<usize>, max_size: Option<usize>) -> PreparedSettings {
        let landmarks = points.map(|points| LandmarkSettings {
            model: "m.dat".into(),
            fingerprint: format!("{points:016x}"),
            points,
            estimated_forehead: false,
        });
        let boxes = Some(BoxSettings { detector: "retinaface-r50".into(), weights: "0".into(), max_size });
        PreparedSettings { frames, stills: None, landmarks, boxes }
    }

    #[test]
    fn a_difference_is_named_and_a_step_of_one_alone_is_none() {
        let base = settings(32, Some(81), None);
        assert_eq!(base.first_difference(&base), None);
        assert_eq!(settings(32, None, None).first_difference(&base), None);
        let (what, before, now) = settings(8, Some(81), None).first_difference(&base).unwrap();
        assert!(what.contains("frames") && before == "32" && now == "8");
        let (what, ..) = settings(32, Some(68), None).first_difference(&base).unwrap();
        assert_eq!(what, "the landmark model");
        let (what, before, _) = settings(32, Some(81), Some(640)).first_difference(&base).unwrap();
        assert_eq!((what, before.as_str()), ("the longest side for face detection", "the frame's own"));
        let changed = |change: fn(&mut LandmarkSettings, &mut BoxSettings)| {
            let mut other = base.clone();
            change(other.landmarks.as_mut().unwrap(), other.boxes.as_mut().unwrap());
            other.first_difference(&base).unwrap()
        };
        assert_eq!(changed(|landmarks, _| landmarks.model = "n.dat".into()).0, "the landmark model");
        let (what, before, now) = changed(|landmarks, _| landmarks.estimated_forehead = true);
        assert_eq!((what, before.as_str(), now.as_str()), ("the estimate of the forehead", "off", "on"));
        let (what, before, now) = changed(|_, boxes| boxes.weights = "1".into());
        let detectors = ("the face detector", "retinaface-r50 (0)", "retinaface-r50 (1)");
        assert_eq!((what, before.as_str(), now.as_str()), detectors);
        assert_eq!(changed(|_, boxes| boxes.detector = "made".into()).0, "the face detector");
        assert_eq!(settings(32, None, None).joined(&base), base);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = PreparedRecord::path(folder.path(), "Original");
        assert_eq!(PreparedRecord::read(&path).unwrap(), None);
        let mut record = PreparedRecord::new("Original", settings(32, Some(81), None));
        for name in ["videos/b.mp4", "videos/a.mp4"] {
            record.videos.push(VideoRecord {
                video: name.into(),
                status: VideoStatus::Truncated,
                frames_wanted: 32,
                frames_decoded: 9,
                with_landmarks: 8,
                with_boxes: 7,
                usable: 7,
                without_landmarks: Some(vec![3]),
                without_boxes: None,
                problems: Vec::new(),
                note: Some("decoding stopped".into()),
            });
        }
        record.write(&path).unwrap();
        assert_eq!(record.videos[0].video, "videos/a.mp4");
        assert_eq!(record.totals.with_landmarks, 16);
        assert_eq!(PreparedRecord::read(&path).unwrap().unwrap(), record);
        assert!(!record.videos[0].is_complete(true, false));
        std::fs::write(&path, "{").unwrap();
        let error = PreparedRecord::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("preprocess_Original.json") && error.contains("not a record of preprocessing"),
            "{error}"
        );
    }
}

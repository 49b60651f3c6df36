//! What a preprocessing run is asked for.

use super::VideoSource;
use crate::face::{FaceDetectorConfig, LandmarkConfig};
use crate::media::MediaLimits;
use crate::model::DeviceChoice;
use crate::types::Shard;
use std::str::FromStr;

/// Which kinds of files a run makes, each by a detector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Whether dlib's landmarks are searched.
    pub landmarks: bool,
    /// Whether RetinaFace's boxes are searched.
    pub boxes: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Steps { landmarks: true, boxes: true }
    }
}

impl FromStr for Steps {
    type Err = String;

    /// Accepts `landmarks`, `boxes`, or both with a comma between.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut steps = Steps { landmarks: false, boxes: false };
        for name in text.split(',') {
            match name.trim() {
                "landmarks" => steps.landmarks = true,
                "boxes" => steps.boxes = true,
                _ => return Err("expected landmarks, boxes, or landmarks,boxes".to_owned()),
            }
        }
        Ok(steps)
    }
}

/// The configuration of a preprocessing run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which videos or photographs.
    pub source: VideoSource,
    /// Frames per video (SBI and EG: 32).
    pub frames: usize,
    /// The seed with which every photograph becomes a short moving video; `None`: it stays as it is.
    pub as_video: Option<u64>,
    /// Which kinds of files are made.
    pub steps: Steps,
    /// How landmarks are found.
    pub landmarks: LandmarkConfig,
    /// How boxes are found.
    pub face_detector: FaceDetectorConfig,
    /// The device on which RetinaFace runs.
    pub device: DeviceChoice,
    /// Frames worked on at the same time.
    pub jobs: usize,
    /// What a video or photograph may cost.
    pub limits: MediaLimits,
    /// Whether files go into an archive, video by video, instead of folders. Until a video is done they lie in the folder for
    /// temporary files.
    pub archive: bool,
    /// Whether to prepare anew what is there.
    pub overwrite: bool,
    /// At most this many videos, from the first.
    pub limit: Option<usize>,
    /// The part of these that is prepared, while other processes prepare the others; `None`: all.
    pub shard: Option<Shard>,
}

impl Config {
    /// The published settings, on all cores.
    pub fn new(source: VideoSource) -> Self {
        Config {
            source,
            frames: 32,
            as_video: None,
            steps: Steps::default(),
            landmarks: LandmarkConfig::default(),
            face_detector: FaceDetectorConfig::default(),
            device: DeviceChoice::Auto,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            limits: MediaLimits::default(),
            archive: false,
            overwrite: false,
            limit: None,
            shard: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_named() {
        assert_eq!("landmarks,boxes".parse(), Ok(Steps::default()));
        assert_eq!("boxes".parse(), Ok(Steps { landmarks: false, boxes: true }));
        assert!("boxes,".parse::<Steps>().is_err());
    }
}

//! What a preprocessing run is asked for.

use crate::dataset::{Compression, SourceSet};
use crate::face::{DetectorConfig, LandmarkConfig};
use crate::model::DeviceChoice;
use std::path::PathBuf;
use std::str::FromStr;

/// Which of the two detectors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// dlib's landmarks.
    pub landmarks: bool,
    /// RetinaFace's boxes.
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

/// One preprocessing run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which folder of videos.
    pub set: SourceSet,
    /// Folder of all data sets.
    pub data_root: PathBuf,
    /// Which copies of FaceForensics++ and DFD.
    pub compression: Compression,
    /// Frames per video (SBI and EG: 32).
    pub frames: usize,
    /// Which detectors run.
    pub steps: Steps,
    /// How landmarks are found.
    pub landmarks: LandmarkConfig,
    /// How boxes are found.
    pub detector: DetectorConfig,
    /// Where RetinaFace runs.
    pub device: DeviceChoice,
    /// Frames worked on at the same time.
    pub jobs: usize,
    /// Whether to prepare anew what is there.
    pub overwrite: bool,
    /// At most this many videos, from the first.
    pub limit: Option<usize>,
}

impl Config {
    /// The published settings for a set, on all cores.
    pub fn new(set: SourceSet, data_root: PathBuf) -> Self {
        Config {
            set,
            data_root,
            compression: Compression::default(),
            frames: 32,
            steps: Steps::default(),
            landmarks: LandmarkConfig::default(),
            detector: DetectorConfig::default(),
            device: DeviceChoice::Auto,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            overwrite: false,
            limit: None,
        }
    }

    /// The folder beside whose videos everything is written.
    pub fn folder(&self) -> PathBuf {
        self.set.folder(&self.data_root, self.compression)
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

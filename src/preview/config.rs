//! What a preview is asked for.

use crate::blending::{Extras, Phase};
use crate::face::{FaceDetectorConfig, LandmarkConfig};
use crate::model::DeviceChoice;
use crate::training_pairs::FrameSelection;
use std::path::PathBuf;

/// Where the faces come from.
#[derive(Clone, Debug, PartialEq)]
pub enum PreviewSource {
    /// Frames of prepared sets.
    Prepared(Vec<FrameSelection>),
    /// Photographs and videos, in which faces are found first.
    Files {
        /// Files and folders of them.
        paths: Vec<PathBuf>,
        /// The landmark model.
        landmarks: LandmarkConfig,
        /// The face detector.
        face_detector: FaceDetectorConfig,
        /// Where the face detector runs.
        device: DeviceChoice,
    },
}

/// The configuration of a preview.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the faces come from.
    pub source: PreviewSource,
    /// How many training pairs to show.
    pub pairs: usize,
    /// The seed of all draws. With a training run's seed, pairs are drawn as that run would draw them.
    pub seed: u64,
    /// Whether pairs are made as in training or as in validation.
    pub phase: Phase,
    /// What pairs have beyond the published ones.
    pub extras: Extras,
    /// Side of the pairs in pixels (SBI and EG: 380).
    pub image_size: usize,
    /// The sheet's file, PNG or any other image format; `None`: no sheet.
    pub sheet: Option<PathBuf>,
    /// A folder to which the pairs are written as files; `None`: they are not.
    pub save: Option<PathBuf>,
}

impl Config {
    /// A sheet of eight training pairs in `preview.png`.
    pub fn new(source: PreviewSource) -> Self {
        Config {
            source,
            pairs: 8,
            seed: 5,
            phase: Phase::Train,
            extras: Extras::default(),
            image_size: 380,
            sheet: Some(PathBuf::from("preview.png")),
            save: None,
        }
    }
}

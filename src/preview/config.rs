//! What a preview is asked for.

use crate::blending::Phase;
use crate::face::{FaceDetectorConfig, LandmarkConfig};
use crate::model::DeviceChoice;
use crate::training_pairs::FrameSelection;
use std::path::PathBuf;

/// Where the faces come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Frames of prepared sets.
    Prepared(Vec<FrameSelection>),
    /// Photographs and videos, in which faces are found first.
    Files {
        /// Files and folders of them.
        paths: Vec<PathBuf>,
        /// How landmarks are found.
        landmarks: LandmarkConfig,
        /// How boxes are found.
        detector: FaceDetectorConfig,
        /// Where the face detector runs.
        device: DeviceChoice,
    },
}

/// One preview.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the faces come from.
    pub source: Source,
    /// How many pairs.
    pub pairs: usize,
    /// The seed of all draws; the same as a training run's shows that run's kind of samples.
    pub seed: u64,
    /// As training or as validation makes them.
    pub phase: Phase,
    /// How often a training pair is degraded, 0..=1; 0 as published.
    pub degradation: f64,
    /// Side of the pairs in pixels (SBI and EG: 380).
    pub image_size: usize,
    /// The sheet's file, PNG or any other picture format; `None`: no sheet.
    pub sheet: Option<PathBuf>,
    /// A folder for the pairs themselves.
    pub save: Option<PathBuf>,
}

impl Config {
    /// A sheet of eight training pairs in `preview.png`.
    pub fn new(source: Source) -> Self {
        Config {
            source,
            pairs: 8,
            seed: 5,
            phase: Phase::Train,
            degradation: 0.0,
            image_size: 380,
            sheet: Some(PathBuf::from("preview.png")),
            save: None,
        }
    }
}

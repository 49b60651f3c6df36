//! Flags that several commands have.

use super::values::{detector_side, positive};
use clap::Args;
use sbi::datasets::{Compression, TestSet};
use sbi::face::{FaceDetectorChoice, FaceDetectorConfig, LandmarkConfig};
use sbi::infer::InferSource;
use std::path::{Path, PathBuf};

/// Flags that choose and set up the face detector.
#[derive(Debug, Args)]
pub struct FaceDetectorArgs {
    /// Face detector: auto, retinaface-r50 (as published) or retinaface-mnet (small, fast)
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pub detector: FaceDetectorChoice,
    /// Its weight file; default: the usual file in weights/
    #[arg(long, value_name = "FILE")]
    pub detector_weights: Option<PathBuf>,
    /// Longest side, in pixels, that frames are brought to before detection
    #[arg(long, value_name = "PIXELS", value_parser = detector_side)]
    pub max_size: Option<usize>,
}

impl FaceDetectorArgs {
    /// The library's form of these flags.
    pub fn config(&self) -> FaceDetectorConfig {
        FaceDetectorConfig {
            choice: self.detector,
            weights: self.detector_weights.clone(),
            max_size: self.max_size,
            ..FaceDetectorConfig::default()
        }
    }
}

/// Flags that choose and set up the landmark model.
#[derive(Debug, Args)]
pub struct LandmarkArgs {
    /// dlib shape predictor with 68 or 81 points; default: the 81-point file in weights/, else the 68-point one
    #[arg(long, value_name = "FILE")]
    pub landmark_model: Option<PathBuf>,
    /// With 68 points, leave the forehead out instead of estimating its 13 points
    #[arg(long)]
    pub no_forehead: bool,
}

impl LandmarkArgs {
    /// The library's form of these flags.
    pub fn config(&self) -> LandmarkConfig {
        LandmarkConfig {
            model: self.landmark_model.clone(),
            estimate_forehead: !self.no_forehead,
            ..LandmarkConfig::default()
        }
    }
}

/// Flags that say which frames of which videos.
#[derive(Debug, Args)]
pub struct SamplingArgs {
    /// Frames per video, spread evenly
    #[arg(short = 'n', long = "frames", value_name = "N", value_parser = positive)]
    pub frames: Option<usize>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, default_value = "raw", value_name = "LEVEL")]
    pub compression: Compression,
    /// Go on without the videos that a list names but the disk lacks
    #[arg(long)]
    pub allow_missing: bool,
    /// Only the first N videos
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,
    /// Videos decoded at the same time
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
}

/// Flags that name a labelled set.
#[derive(Debug, Args)]
pub struct TestSetArgs {
    /// Test set; its packed folder is used when there is one, else its videos
    #[arg(short, long, value_name = "TEST")]
    pub dataset: Option<TestSet>,
    /// Folder written by npy-pack, or by the original programs
    #[arg(long, value_name = "DIR")]
    pub packed: Option<PathBuf>,
}

impl TestSetArgs {
    /// The set that was named, if one was, with `sampling`'s choice of its videos.
    pub fn source(&self, sampling: &SamplingArgs, data_root: &Path) -> Option<InferSource> {
        let test_set = self.dataset.map(|set| InferSource::TestSet {
            set,
            data_root: data_root.to_owned(),
            compression: sampling.compression,
            allow_missing: sampling.allow_missing,
        });
        test_set.or_else(|| self.packed.clone().map(InferSource::Packed))
    }
}

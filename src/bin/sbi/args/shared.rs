//! Flags that several commands have.

use super::values::{detector_side, positive, shard};
use clap::Args;
use sbi::datasets::{Compression, TestSet};
use sbi::face::{CropRule, FaceDetectorChoice, FaceDetectorConfig, LandmarkConfig};
use sbi::infer::InferSource;
use sbi::media::MediaLimits;
use sbi::types::Shard;
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

/// Flags that choose by whose rule faces are found and cut out.
#[derive(Debug, Args)]
pub struct CropArgs {
    /// How faces are cut out: published (RetinaFace's boxes, as SBI and EG do it) or deepfakebench (dlib, aligned, 256 px)
    #[arg(long, default_value = "published", value_name = "RULE")]
    pub crop: CropRule,
    /// With --crop deepfakebench: dlib shape predictor with 68 or 81 points; default: the 81-point file in weights/, else
    /// the 68-point one
    #[arg(long, value_name = "FILE")]
    pub landmark_model: Option<PathBuf>,
}

impl CropArgs {
    /// A face detector's configuration with these flags.
    pub fn over(&self, face_detector: FaceDetectorConfig) -> FaceDetectorConfig {
        FaceDetectorConfig { crop: self.crop, landmark_model: self.landmark_model.clone(), ..face_detector }
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
    /// Frames per video, spread evenly [default: 32; infer looks at one a second of longer files, at most 600]
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
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Flags that share a list out among processes.
#[derive(Debug, Args)]
pub struct ShardArgs {
    /// Only the I-th of N equal parts of the list, such as 3/8; auto: as the variables of a Slurm array, torchrun or srun say.
    /// `sbi merge` joins what all parts leave
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
}

impl ShardArgs {
    /// This part's own version of a file that all parts write: `result.json` becomes `result.shard-3-of-8.json`.
    pub fn file(&self, path: &Path) -> PathBuf {
        self.shard.map_or_else(|| path.to_owned(), |shard| shard.file(path))
    }
}

/// Where limits stand in a command's help.
const LIMITS: &str = "Limits for one input";

/// Flags that bound what one input may cost.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Millions of pixels of a frame or photograph [default: 200]
    #[arg(long, help_heading = LIMITS, value_name = "MEGAPIXELS", value_parser = positive)]
    pub max_megapixels: Option<usize>,
    /// Seconds of computing to decode it [default: 3600]
    #[arg(long, help_heading = LIMITS, value_name = "SECONDS", value_parser = positive)]
    pub max_seconds: Option<usize>,
    /// MiB of memory to decode it [default: 4096]
    #[arg(long, help_heading = LIMITS, value_name = "MIB", value_parser = positive)]
    pub max_memory: Option<usize>,
}

impl LimitArgs {
    /// The library's form of these flags.
    pub fn limits(&self) -> MediaLimits {
        let defaults = MediaLimits::default();
        let number = |value: Option<usize>, unit: u64, default: u64| {
            value.map_or(default, |value| (value as u64).saturating_mul(unit))
        };
        MediaLimits {
            pixels: number(self.max_megapixels, 1_000_000, defaults.pixels),
            seconds: number(self.max_seconds, 1, defaults.seconds),
            memory: number(self.max_memory, 1 << 20, defaults.memory),
        }
    }
}

/// Flags that name a labelled set.
#[derive(Debug, Args)]
pub struct TestSetArgs {
    /// Test set; its packed folder is used when there is one, else its videos
    #[arg(short, long, value_name = "TEST")]
    pub dataset: Option<TestSet>,
    /// Folder written by npy-pack, or by the original programs
    #[arg(long, value_name = "DIR", conflicts_with = "dataset")]
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

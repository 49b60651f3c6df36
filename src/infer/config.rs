//! What one inference run is asked to do.

use super::OtherProtocol;
use crate::datasets::{Compression, TestSet};
use crate::face::{FaceDetectorChoice, FaceDetectorConfig, RetinaFaceBody};
use crate::media::{MediaLimits, Reading};
use crate::model::{DeviceChoice, Normalisation, Views, bundled_detector};
use crate::types::Shard;
use crate::{Error, Result};
use std::path::PathBuf;

/// Longest side in pixels of frames in which MobileNet finds faces well, however large they are.
const BUNDLED_LARGEST: usize = 1280;
/// Longest side in pixels of frames in which it finds large faces as well.
const QUICK: usize = 640;

/// Where the faces come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InferSource {
    /// A labelled test set: its packed folder under the data root when there is one, else its videos.
    TestSet {
        /// The test set.
        set: TestSet,
        /// Folder of all data sets.
        data_root: PathBuf,
        /// Which copies of FaceForensics++ and DFD.
        compression: Compression,
        /// Whether videos that a list names may be missing.
        allow_missing: bool,
    },
    /// A folder of packed faces.
    Packed(PathBuf),
    /// A list of DeepfakeBench, whose videos are crops in files.
    BenchmarkList {
        /// The list, a JSON file.
        list: PathBuf,
        /// The folder that its paths begin in.
        root: PathBuf,
        /// Which of its splits: `train`, `val` or `test`.
        split: String,
        /// Which of its compressions, where it has several.
        compression: Compression,
    },
    /// Photographs, videos, and folders of them; none: those that the table of labels names.
    Files(Vec<PathBuf>),
}

/// The configuration of an inference run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Weight file of the forgery detector.
    pub weights: PathBuf,
    /// The inputs to score.
    pub source: InferSource,
    /// What the files of the source are called in results and messages, one for each; none: their paths. For files whose
    /// paths mean nothing to whoever reads the result.
    pub names: Vec<String>,
    /// A table that labels files ([`LabelTable`](crate::datasets::LabelTable)); with it, metrics are computed.
    pub labels: Option<PathBuf>,
    /// How pixels are normalised; `None`: as the forgery detector's file says, or is taken to mean.
    pub normalisation: Option<Normalisation>,
    /// Another protocol whose numbers are computed beside the published ones, where labels are known.
    pub protocol: Option<OtherProtocol>,
    /// Frames per video (SBI and EG: 32); of a list of crops the first so many.
    pub frames: usize,
    /// Whether of files that last more than `frames` seconds more frames are looked at: one a second up to 600, and up to
    /// half as many where scenes begin between them. Test sets, packed faces and other crops than the published ones never
    /// get more.
    pub by_duration: bool,
    /// How faces are found in videos; unused for packed sets and lists of crops.
    pub face_detector: FaceDetectorConfig,
    /// Faces that go through the network at once.
    pub batch_size: usize,
    /// The device on which networks run.
    pub device: DeviceChoice,
    /// Whether scores are computed in half precision, where the device is a CUDA one.
    pub half: bool,
    /// Whether it is measured what faces are like ([`VideoResult::measured`](super::VideoResult::measured)). With weights
    /// that say which faces they were calibrated on it is in any case.
    pub measure: bool,
    /// Videos decoded at the same time.
    pub jobs: usize,
    /// What a video or photograph may cost.
    pub limits: MediaLimits,
    /// Folder for copies of the inputs with faces and scores drawn in.
    pub annotate: Option<PathBuf>,
    /// Folder for sheets that show where in the faces scores come from.
    pub heatmaps: Option<PathBuf>,
    /// HTML file that tells people what was found, with pictures; it appears whole at the end of the run.
    pub report: Option<PathBuf>,
    /// What scores are made of; `None`: what the forgery detector's file says.
    pub views: Option<Views>,
    /// Score from which a video is called fake, 0..1; `None`: as the forgery detector's file says.
    pub threshold: Option<f64>,
    /// At most this many videos, from the first.
    pub limit: Option<usize>,
    /// The part of these that is scored; `None`: all of them.
    pub shard: Option<Shard>,
}

impl Config {
    /// The published settings for these weights and this source.
    pub fn new(weights: PathBuf, source: InferSource) -> Self {
        Config {
            by_duration: matches!(source, InferSource::Files(_)),
            weights,
            source,
            names: Vec::new(),
            labels: None,
            normalisation: None,
            protocol: None,
            frames: 32,
            face_detector: FaceDetectorConfig::default(),
            batch_size: 8,
            device: DeviceChoice::Auto,
            half: false,
            measure: false,
            jobs: 2,
            limits: MediaLimits::default(),
            annotate: None,
            heatmaps: None,
            report: None,
            views: None,
            threshold: None,
            limit: None,
            shard: None,
        }
    }

    /// With the detector in the box, which was trained on faces that MobileNet finds: `auto` means that network, and large
    /// frames are brought down to a size that it was made for, unless something else is asked for.
    ///
    /// Fails when the detector's file is not there.
    pub fn bundled(source: InferSource, faces: FaceDetectorConfig) -> Result<Self> {
        let auto = faces.choice == FaceDetectorChoice::Auto && faces.weights.is_none();
        let choice =
            if auto { FaceDetectorChoice::Fixed(RetinaFaceBody::MobileNet025) } else { faces.choice };
        let largest = faces.largest.or(auto.then_some(BUNDLED_LARGEST));
        let faces = FaceDetectorConfig { choice, largest, ..faces };
        Ok(Config::with_faces(bundled_detector()?, source, faces))
    }

    /// The published settings with this face detector. MobileNet looks at frames of videos in a small size first, unless
    /// something else is asked for; at those of test sets in full, because faces are to be those that packing them gives.
    pub fn with_faces(weights: PathBuf, source: InferSource, faces: FaceDetectorConfig) -> Self {
        let of_files = matches!(source, InferSource::Files(_));
        let quick = faces.quick.or(of_files.then_some(QUICK));
        Config { face_detector: FaceDetectorConfig { quick, ..faces }, ..Config::new(weights, source) }
    }

    /// How videos and photographs are read: those of test sets as published numbers want it.
    pub(super) fn reading(&self) -> Reading {
        match self.source {
            InferSource::Files(_) => Reading::as_is(self.limits),
            InferSource::TestSet { .. } | InferSource::Packed(_) | InferSource::BenchmarkList { .. } => {
                Reading::as_published(self.limits)
            }
        }
    }

    /// What can be refused before anything is read.
    pub(super) fn check(&self) -> Result<()> {
        if self.annotate.is_some() && !matches!(self.source, InferSource::Files(_)) {
            return Err(Error::AnnotateNeedsFiles);
        }
        Ok(())
    }
}

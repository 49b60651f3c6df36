//! Faces in frames: finding them, cutting them out.

mod alignment;
mod benchmark_crop;
mod choice;
pub(crate) mod crop;
mod crop_rule;
pub(crate) mod dlib;
mod forehead;
pub mod retinaface;

pub use crate::model::RetinaFaceBody;
pub use crate::native::dlib::DlibError;
pub use alignment::aligned_square;
pub use benchmark_crop::{BENCHMARK_CROPPER, BENCHMARK_SIDE, BenchmarkCrop, BenchmarkCropper};
pub use choice::{FaceDetectorChoice, FaceDetectorConfig};
pub use crop::{CropBase, FaceCrop, JudgedFace, Margin, crop_every_face, crop_faces, crop_judged_faces};
pub use crop_rule::CropRule;
pub use dlib::{LandmarkConfig, LandmarkDetector, LandmarkIdentity, LandmarkModel};
pub use forehead::with_forehead;
pub use retinaface::RetinaFace;

use crate::media::MediaKind;
use crate::types::{DetectedFace, FACE_SIDE, RgbImage};

/// What a stage needs of a face detector.
pub trait FaceDetector: Send {
    /// Finds the faces of each frame, the most confident first. Frames may differ in size.
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error>;

    /// Finds the faces of photographs, as [`FaceDetector::detect`] does those of frames, but in their own size where the
    /// published programs leave it.
    fn detect_in_photographs(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.detect(images)
    }

    /// Cuts faces out that were found in an image of this kind, as published: see [`crop_faces`] and [`crop_every_face`].
    fn crops(
        &self,
        kind: MediaKind,
        image: &RgbImage,
        faces: &[DetectedFace],
    ) -> Result<Vec<FaceCrop>, Error> {
        Ok(match kind {
            MediaKind::Video => crop_faces(image, faces)?,
            MediaKind::Photograph => crop_every_face(image, faces)?,
        })
    }

    /// Side in pixels of what [`FaceDetector::crops`] gives.
    fn crop_side(&self) -> usize {
        FACE_SIDE
    }

    /// What is written beside results made with this face detector: equal identities mean equal boxes.
    fn identity(&self) -> FaceDetectorIdentity;

    /// How many frames are best given at once.
    fn preferred_batch(&self) -> usize {
        1
    }
}

/// Identifies a face detector, so that results of different ones are never mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceDetectorIdentity {
    /// The face detector's name: `retinaface-r50`, `retinaface-mnet`, or `dlib-deepfakebench`.
    pub name: String,
    /// Fingerprint of its weights, 16 hex digits.
    pub weights: String,
    /// Longest side, in pixels, to which frames are resized; `None`: they keep their size.
    pub max_size: Option<usize>,
}

/// What can go wrong with finding faces.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] crate::model::Error),
    /// There is no weight file.
    #[error("{}: the face detector's weights are not there; {origin}", path.display())]
    NoWeights {
        /// Where they were looked for.
        path: std::path::PathBuf,
        /// How to get them.
        origin: crate::weight_files::WeightOrigin,
    },
    /// There is no landmark model.
    #[error("{}: the landmark model is not there; scripts/setup.sh places the 68-point one, weights/README.md says where the 81-point one is", path.display())]
    NoLandmarkModel {
        /// Where it was looked for.
        path: std::path::PathBuf,
    },
    /// The landmark model cannot be used.
    #[error("{}: cannot be used as a landmark model (dlib's shape predictor)", path.display())]
    LandmarkModel {
        /// The landmark model's file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A function of dlib failed.
    #[error(transparent)]
    Dlib(#[from] crate::native::dlib::DlibError),
    /// An image operation failed.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// The network failed, most likely for want of memory.
    #[error("face detection failed on a frame of {height} x {width} pixels")]
    Network {
        /// The frame's height in pixels.
        height: usize,
        /// The frame's width in pixels.
        width: usize,
        /// What libtorch says.
        #[source]
        cause: tch::TchError,
    },
}

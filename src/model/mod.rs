//! Networks: tensors in, tensors out. What the tensors show is decided above.

pub mod autoencoder;
mod benchmark_weights;
mod bundled;
mod crop_images;
pub mod dlib_encoder;
pub mod efficientnet;
pub mod encoder;
pub mod evidence;
pub mod execution;
pub mod face_encoder;
pub mod fill;
pub mod forgery_detector;
pub mod forgery_network;
mod guide_layers;
pub mod initial;
pub mod input;
pub(crate) mod localiser;
pub mod modules;
mod named_weights;
pub mod objective;
mod other_network;
pub mod published;
pub mod retinaface;
pub mod scoring;
mod views;
pub mod weights;

pub use benchmark_weights::{BenchmarkError, benchmark_state};
pub use bundled::bundled_detector;
#[cfg(test)]
pub(crate) use crop_images::CropImages;
pub(crate) use crop_images::resized_planes;
pub use evidence::EvidenceMap;
pub use execution::{DeviceChoice, Execution};
pub use forgery_detector::ForgeryDetector;
pub use forgery_network::{ForgeryNetwork, Method};
pub use input::{InputSpec, Normalisation, Resize};
pub use named_weights::NamedWeights;
pub use other_network::OtherNetwork;
pub use retinaface::RetinaFaceBody;
pub use scoring::{PendingScores, UploadedCrops};
pub use views::Views;

use crate::checkpoint::{self, Mismatch};
use std::path::PathBuf;

/// What can go wrong with a network and its weights.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is no readable checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The file holds another network than the one asked for.
    #[error("{}: the weights do not fit {network}: {mismatch}", path.display())]
    Mismatch {
        /// The weight file.
        path: PathBuf,
        /// The network they were loaded into.
        network: String,
        /// Names missing, left over, or of another shape.
        mismatch: Box<Mismatch>,
    },
    /// Weights are missing or of another shape than the network's.
    #[error("the weights do not fit the network: {0}")]
    Weights(#[from] Box<Mismatch>),
    /// The file holds a network, but not a forgery detector.
    #[error("{}: expected an SBI or EG detector, found {found}", path.display())]
    NotAForgeryDetector {
        /// The weight file.
        path: PathBuf,
        /// What the file holds instead.
        found: OtherNetwork,
    },
    /// The file tells something about its input or its scores that is not known here.
    #[error("{}: its metadata ask for {found}", path.display())]
    UnknownInput {
        /// The weight file.
        path: PathBuf,
        /// What is unknown, and what was expected.
        found: String,
    },
    /// The forgery detector that comes with the program is not where it should be.
    #[error("{}: is missing, the detector that comes with sbi; restore the file, or name another", path.display())]
    NoBundledDetector {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file does not hold dlib's face recognition network.
    #[error("{}: cannot be read as dlib's face recognition network", path.display())]
    NotDlibEncoder {
        /// The weight file.
        path: PathBuf,
        /// What is wrong with the file.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The device does not exist.
    #[error("device cuda:{number}: {}", available_devices(*.available))]
    NoDevice {
        /// The number of the device that was asked for, counted from 0.
        number: usize,
        /// How many CUDA devices there are.
        available: usize,
    },
    /// A face crop could not be brought to the network's size.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// A libtorch function failed.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

fn available_devices(count: usize) -> String {
    match count {
        0 => "no CUDA device is available (is a driver installed, and a libtorch for CUDA set up?)".into(),
        count => format!("there are only {count} CUDA devices, numbered from 0"),
    }
}

//! Why a run cannot start or go on.

use super::config::EncoderName;
use super::loader::LoaderError;
use super::run_folder::RunFolderError;
use super::saved::SavedError;
use crate::ranks::{LaunchError, RanksError};
use crate::weight_files::WeightOrigin;
use std::path::PathBuf;

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A configuration that cannot be used.
    #[error(transparent)]
    Config(#[from] super::config::ConfigError),
    /// The run's folder cannot be made, written or read.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A run's state cannot be read or written.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// The loader could not make a batch.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// Fewer frames than a step needs.
    #[error("{}, the training set has {frames}: lower {} or prepare more videos", needs(*batch_size, *accumulate), match accumulate { 1 => "batch_size", _ => "one of them" })]
    BatchTooLarge {
        /// The configured images per batch.
        batch_size: usize,
        /// The configured batches per step.
        accumulate: usize,
        /// Frames of the set.
        frames: usize,
    },
    /// Processes that train together cannot, or not any more.
    #[error(transparent)]
    Ranks(#[from] RanksError),
    /// The environment does not say which processes train together.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// More processes than there are pairs for.
    #[error("batch_size {batch_size} has {} pairs, too few for {processes} processes: expected at least 2 images for each", batch_size / 2)]
    FewerPairs {
        /// The configured images per batch.
        batch_size: usize,
        /// How many processes share them.
        processes: usize,
    },
    /// Too little memory for a step.
    #[error(
        "out of memory in epoch {epoch}, step {step}: lower batch_size ({batch_size}) or image_size ({image_size}), or take a smaller backbone than {backbone}"
    )]
    OutOfMemory {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// The configured images per batch.
        batch_size: usize,
        /// The configured side of images in pixels.
        image_size: usize,
        /// The configured backbone.
        backbone: String,
    },
    /// A loss that is no number.
    #[error("epoch {epoch}, step {step}: the loss is not finite; the run stopped before it spoiled the weights{}", list.as_ref().map(|path| format!("; {} lists the batch's frames", path.display())).unwrap_or_default())]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// Where the frames of the batch are listed.
        list: Option<PathBuf>,
    },
    /// Training pairs of another side than a forgery detector takes.
    #[error(
        "the detector takes images of {detector} px, image_size is {config}: name the configuration that it was trained with"
    )]
    OtherSide {
        /// Side that the detector takes, in pixels.
        detector: i64,
        /// The configured side of images in pixels.
        config: usize,
    },
    /// Broken off before there was a result.
    #[error("interrupted: there is no result yet")]
    Interrupted,
    /// The face encoder that is to guide EG has no weights: random ones would guide nothing.
    #[error("guide.encoder is {encoder}, but {} is missing ({origin}); guide.weights can name another file, or ask for weights that guide nothing: \"random\"", path.display())]
    NoEncoderWeights {
        /// The configured encoder.
        encoder: EncoderName,
        /// Where its weights belong.
        path: PathBuf,
        /// How to get them.
        origin: WeightOrigin,
    },
    /// A weight file that a configuration names is not there.
    #[error("{key} is {}, but there is no such file{}", path.display(), origin.map(|origin| format!(" ({origin})")).unwrap_or_default())]
    NoWeightFile {
        /// The configuration's key.
        key: &'static str,
        /// The path that the configuration gives.
        path: PathBuf,
        /// How to get it, where it is a known file.
        origin: Option<WeightOrigin>,
    },
}

/// How many frames a step takes, and why.
fn needs(batch_size: usize, accumulate: usize) -> String {
    let frames = batch_size / 2 * accumulate;
    match accumulate {
        1 => format!("batch_size {batch_size} needs {frames} frames"),
        _ => format!("batch_size {batch_size} and optim.accumulate {accumulate} need {frames} frames"),
    }
}

/// Each is an error of the stage, and so of the library.
macro_rules! joins {
    ($($error:ty),*) => {$(
        impl From<$error> for crate::Error {
            fn from(error: $error) -> Self {
                crate::Error::Train(Box::new(error.into()))
            }
        }
    )*};
}

joins!(
    TrainError,
    super::config::ConfigError,
    RunFolderError,
    SavedError,
    LoaderError,
    RanksError,
    LaunchError
);

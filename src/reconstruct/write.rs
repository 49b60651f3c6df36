//! Counterparts: each frame with its face as the autoencoder gives it back.

use super::faces::{FaceFrame, Failure, SetFrames};
use super::training::Trained;
use crate::file_error::FileError;
use crate::imaging::{paste_square, write_png};
use crate::prepared_frames::FrameFiles;
use crate::progress::{Cancel, Progress};
use crate::types::RgbImage;
use crate::{Error, Result};
use rayon::prelude::*;
use std::path::PathBuf;
use tch::{Kind, Tensor};

/// Frames that are worked on together.
const BATCH: usize = 32;

/// What became of a set's frames.
#[derive(Clone, Debug, PartialEq)]
pub struct SetSummary {
    /// The set's folder.
    pub folder: PathBuf,
    /// Frames that have landmarks.
    pub frames: usize,
    /// Counterparts written by this run.
    pub written: usize,
    /// Counterparts that were there before.
    pub before: usize,
    /// Frames without landmarks, which get none.
    pub without_landmarks: usize,
    /// Frames with landmarks that got none.
    pub failed: Vec<Failure>,
    /// Mean absolute difference between the faces and their reconstructions in the aligned squares, in grey levels of
    /// 0..=255; `None` where nothing was written.
    pub mean_difference: Option<f64>,
}

/// Writes the counterparts that a set lacks, until `cancel` is requested.
///
/// Frames that give none are listed in the summary. Fails when a file cannot be written.
pub fn write_set(
    set: &SetFrames,
    name: &str,
    trained: &Trained,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<SetSummary> {
    let missing: Vec<&FrameFiles> =
        set.frames.iter().filter(|files| !files.counterpart(name).exists()).collect();
    let mut summary = SetSummary {
        folder: set.folder.clone(),
        frames: set.frames.len(),
        written: 0,
        before: set.frames.len() - missing.len(),
        without_landmarks: set.without_landmarks,
        failed: Vec::new(),
        mean_difference: None,
    };
    let mut differences = Vec::new();
    progress.begin(missing.len(), "frames");
    for batch in missing.chunks(BATCH) {
        if cancel.is_requested() {
            break;
        }
        for (files, outcome) in batch.iter().zip(write_batch(batch, name, trained)?) {
            match outcome {
                Ok(difference) => {
                    summary.written += 1;
                    differences.push(difference);
                }
                Err(failure) => {
                    progress.note(&failure.reason);
                    summary.failed.push(failure);
                }
            }
            progress.advance(&files.frame.display().to_string());
        }
    }
    progress.end();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    summary.mean_difference = Some(mean).filter(|_| !differences.is_empty());
    Ok(summary)
}

/// Makes and writes the counterparts of some frames: of each the difference of its squares, or why it has none.
fn write_batch(batch: &[&FrameFiles], name: &str, trained: &Trained) -> Result<Vec<Result<f64, Failure>>> {
    let side = trained.settings.design.side;
    let read = |files: &&FrameFiles| {
        let frame = FaceFrame::read(files, side)?;
        let square = frame.square(side);
        Ok((frame, square))
    };
    let read: Vec<Result<(FaceFrame, RgbImage), Failure>> = batch.par_iter().map(read).collect();
    // The network is for one thread at a time, and has its own.
    let made: Vec<_> = read
        .into_iter()
        .map(|read| read.map(|(frame, square)| (reconstructed(&square, trained), frame, square)))
        .collect();
    let write = |(files, made): (&&FrameFiles, Result<_, Failure>)| match made {
        Err(failure) => Ok(Err(failure)),
        Ok((made, FaceFrame { mut image, frame_from_square }, square)) => {
            paste_square(&mut image, &made, &frame_from_square);
            let path = files.counterpart(name);
            let folder = path.parent().unwrap_or(&path);
            std::fs::create_dir_all(folder).map_err(FileError::of(folder))?;
            write_png(&path, &image)?;
            Ok(Ok(difference(&square, &made)))
        }
    };
    batch.par_iter().zip(made).map(write).collect::<Result<_, Error>>()
}

/// The network's reconstruction of an aligned face. One at a time: in batches of other sizes, other kernels round
/// otherwise, and a frame's counterpart would depend on which others are missing.
fn reconstructed(square: &RgbImage, trained: &Trained) -> RgbImage {
    let side = square.width();
    let face = Tensor::from_slice(&square.to_planes()).view([1, 3, side as i64, side as i64]);
    let made = tch::no_grad(|| trained.network.forward(&(face.to_kind(Kind::Float) / 255.0)));
    let bytes = (made * 255.0).round().to_kind(Kind::Uint8).to_device(tch::Device::Cpu);
    let planes = Vec::<u8>::try_from(bytes.contiguous().view([-1])).expect("planes of bytes");
    RgbImage::from_planes(side, side, &planes)
}

fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    let sum: u64 = one.data().iter().zip(other.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.data().len() as f64
}

//! The stage *average*: the mean of the weights of several runs of one network, in one file.
//!
//! Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
//! inference time", ICML 2022. It pays where runs start from the same weights, or are epochs of one run; the means of
//! unrelated runs are weights of nothing.

mod error;
mod mean;

pub use error::AverageError;

use crate::Result;
use crate::checkpoint::{Checkpoint, StatePlace, WrittenForm};
use crate::metrics::LIKELIHOOD_RATIOS;
use crate::model::NamedWeights;
use crate::model::forgery_detector::{holds_forgery_detector, network_name};
use std::path::{Path, PathBuf};

/// Metadata that say how one file's network takes images: equal in all, or they are no runs of one network.
const INPUT: [&str; 4] = ["image_size", "normalisation", "resize", "stem"];
/// Metadata that were measured on one file's weights and say nothing about the mean.
const MEASURED: [&str; 6] =
    ["threshold", "temperature", "calibrated_on", LIKELIHOOD_RATIOS, "validation_auc", "epoch"];
/// Metadata of the files that were averaged, first to last.
const AVERAGED: &str = "averaged";

/// The configuration of an average.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Weight files to read, two or more, in any form that [`checkpoint`](crate::checkpoint) knows.
    pub inputs: Vec<PathBuf>,
    /// File to write; its extension says in which form.
    pub output: PathBuf,
    /// Whether a file at `output` is replaced.
    pub overwrite: bool,
}

/// What was written.
#[derive(Debug)]
pub struct AverageSummary {
    /// Number of files averaged.
    pub files: usize,
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of their numbers.
    pub bytes: usize,
    /// What a person should know about the files that were read, one sentence each.
    pub notes: Vec<String>,
    /// Whether a calibration was left out: that of the first file says nothing about the mean.
    pub lost_calibration: bool,
}

/// Reads weight files and writes the mean of each tensor, running statistics of batch norms included, as 32-bit floats.
/// Integers and metadata are those of the first file, without what was measured on its weights; `averaged` names the
/// files.
///
/// Fails when the output's extension is unknown, when it exists and may not be replaced, when an input cannot be read,
/// and when the inputs are not all weights of one network with one kind of input.
pub fn run(config: &Config) -> Result<AverageSummary> {
    let form = WrittenForm::of_new_file(&config.output, config.overwrite)?;
    let [first, others @ ..] = config.inputs.as_slice() else { return Err(AverageError::TooFew.into()) };
    if others.is_empty() {
        return Err(AverageError::TooFew.into());
    }
    let NamedWeights { checkpoint: mut file, mut notes } = NamedWeights::read(first)?;
    let mut mean = mean::Mean::of(&file.state);
    for path in others {
        let other = NamedWeights::read(path)?;
        check((first, &file), (path, &other.checkpoint))?;
        notes.extend(other.notes);
        mean.add(&other.checkpoint.state);
    }
    let calibrated = file.metadata.contains_key(MEASURED[0]);
    file.state = mean.finish()?;
    file.metadata.retain(|key, _| !MEASURED.contains(&key.as_str()));
    file.metadata.insert(AVERAGED.to_owned(), names(&config.inputs));
    file.epoch = None;
    // As `convert` does: the original programs look for a detector under `model`, for everything else at the top.
    let place = match holds_forgery_detector(&file.state) {
        true => StatePlace::UnderModel,
        false => StatePlace::Top,
    };
    file.save(&config.output, form, place)?;
    Ok(AverageSummary {
        files: config.inputs.len(),
        tensors: file.state.len(),
        bytes: file.state.total_bytes(),
        notes,
        lost_calibration: calibrated,
    })
}

/// Fails unless both files hold weights of one network that takes one kind of image.
fn check(
    (first, one): (&Path, &Checkpoint),
    (path, other): (&Path, &Checkpoint),
) -> Result<(), AverageError> {
    let (path, first) = (path.to_owned(), first.to_owned());
    if let (Some(expected), Some(found)) = (network_name(&one.state), network_name(&other.state))
        && expected != found
    {
        return Err(AverageError::OtherNetwork { path, found, first, expected });
    }
    let expected: Vec<_> =
        one.state.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec())).collect();
    if let Err(cause) = other.state.check_against(&expected, |_| false) {
        return Err(AverageError::OtherShapes { path, first, cause: Box::new(cause) });
    }
    for key in INPUT {
        let value = |file: &Checkpoint| file.metadata.get(key).cloned();
        let (found, expected) = (value(other), value(one));
        if found != expected {
            let told = |value: Option<String>| value.unwrap_or_else(|| "not told".to_owned());
            let (found, expected) = (told(found), told(expected));
            return Err(AverageError::OtherInput { path, key, found, first, expected });
        }
    }
    Ok(())
}

/// The files' names and the last folders they are in: runs have the same names of files.
fn names(paths: &[PathBuf]) -> String {
    const PARTS: usize = 3;
    let name = |path: &PathBuf| {
        let parts: Vec<_> = path.components().collect();
        let last: PathBuf = parts[parts.len().saturating_sub(PARTS)..].iter().collect();
        last.display().to_string()
    };
    paths.iter().map(name).collect::<Vec<_>>().join(", ")
}

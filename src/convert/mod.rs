//! The stage *convert*: rewrites a weight file in another form, precision or extent.

use crate::checkpoint::{LeftOut, Precision, StatePlace, WrittenForm};
use crate::model::NamedWeights;
use crate::model::benchmark_state;
use crate::model::forgery_detector::{detector_part, holds_forgery_detector};
use crate::{Error, Result};
use std::path::PathBuf;

/// The configuration of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Weight file to read, in any form that [`checkpoint`](crate::checkpoint) knows.
    pub input: PathBuf,
    /// The key that the weights stand under in the file; `None`: wherever they are found.
    pub key: Option<String>,
    /// File to write; its extension says in which form.
    pub output: PathBuf,
    /// Whether a file at `output` is replaced.
    pub overwrite: bool,
    /// Whether what only training uses is left out of a forgery detector: EG's face encoder, its other heads and its
    /// reconstruction network, and the optimiser's state.
    pub detector_only: bool,
    /// Whose names the weights get.
    pub names: Names,
    /// Element type of the numbers written; `None`: as they are.
    pub precision: Option<Precision>,
}

/// Whose programs are to read what is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// This program and the original ones.
    #[default]
    Published,
    /// DeepfakeBench's EfficientNet, for networks that are one.
    DeepfakeBench,
}

/// What was written.
#[derive(Debug)]
pub struct ConvertSummary {
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of their numbers.
    pub bytes: usize,
    /// What a person should know about the file that was read, one sentence each.
    pub notes: Vec<String>,
    /// What the form of the file has no room for.
    pub left_out: Option<LeftOut>,
}

/// Reads a weight file and writes it anew.
///
/// Fails when the output's extension is unknown, when it exists and may not be replaced, when the input cannot be read
/// or has no weights under the key, where only the detector is asked for, when it holds none, and where DeepfakeBench's
/// names are, when the network is none of its.
pub fn run(config: &Config) -> Result<ConvertSummary> {
    let form = WrittenForm::of_new_file(&config.output, config.overwrite)?;
    let NamedWeights { checkpoint: mut file, notes } =
        NamedWeights::read_whole(&config.input, config.key.as_deref())?;
    if config.detector_only {
        file.state = detector_part(&file.state, &config.input)?;
        file.optimizer = None;
    }
    if config.names == Names::DeepfakeBench {
        let refused = |cause| Error::NotForBenchmark { path: config.input.clone(), cause };
        file.state = benchmark_state(&file)?.map_err(refused)?;
        file.optimizer = None;
    }
    if let Some(precision) = config.precision {
        file.state = file.state.in_precision(precision)?;
    }
    // The original programs look for a detector under `model`, for everything else at the top.
    let place = match holds_forgery_detector(&file.state) {
        true => StatePlace::UnderModel,
        false => StatePlace::Top,
    };
    let left_out = file.save(&config.output, form, place)?;
    Ok(ConvertSummary { tensors: file.state.len(), bytes: file.state.total_bytes(), notes, left_out })
}

//! Results that were written before, read back.

use super::{RunEvidence, Seal};
use crate::file_error::FileError;
use crate::infer::Part;
use crate::types::Label;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file that is no result, or no longer the one that was written.
#[derive(Debug, thiserror::Error)]
pub enum ResultFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error("{}: not a result of scoring (JSON with videos and their scores)", path.display())]
    NoResult {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// Its checksum is another.
    #[error("{}: altered since it was written: its checksum is that of another content", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// A line of a file of results that is none.
    #[error("{}: line {number} is no result of scoring", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// A line that was made with other weights, settings, or another version.
    #[error("{}: line {number} is of another run: with other weights or settings, or of another version ({found}, this run is {expected})", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What it says.
        found: String,
        /// What this run is.
        expected: String,
    },
    /// A file of results that would be written over.
    #[error("{}: holds results already", path.display())]
    HoldsLines {
        /// The file.
        path: PathBuf,
    },
    /// A file of results that another process has open.
    #[error("{}: another process is writing here", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It does not say what was scored with which settings.
    #[error("{}: no evidence in this result, which an older version wrote: there is nothing to repeat", path.display())]
    NoEvidence {
        /// The file.
        path: PathBuf,
    },
    /// Its settings are those of another version.
    #[error("{}: settings that this version does not know: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Which ones.
        reason: String,
    },
}

/// What is kept of an input.
#[derive(Clone, Debug, Deserialize)]
pub struct SavedVideo {
    /// The file.
    pub path: PathBuf,
    /// Real or fake, where known.
    pub label: Option<Label>,
    /// Where it comes from, where known.
    pub source: Option<String>,
    /// What it was made from, by its position.
    pub original: Option<usize>,
    /// Its score.
    pub score: Option<f64>,
    /// How many faces were scored.
    #[serde(default)]
    pub faces: usize,
    /// Its sum and what it says of itself.
    pub file: Option<SavedSum>,
}

/// The sum of an input.
#[derive(Clone, Debug, Deserialize)]
pub struct SavedSum {
    /// 64 hex digits; none where it could not be read.
    pub sha256: Option<String>,
}

#[derive(Deserialize)]
struct Parts {
    dataset: Option<String>,
    evidence: Option<RunEvidence>,
    videos: Vec<SavedVideo>,
    part: Option<Part>,
}

/// A result that was written before.
#[derive(Clone, Debug)]
pub struct SavedResult {
    /// Its file.
    pub path: PathBuf,
    /// Whether it is as it was written.
    pub seal: Seal,
    /// Name of the set.
    pub dataset: Option<String>,
    /// How it was made; none in results of older versions.
    pub evidence: Option<RunEvidence>,
    /// Its inputs.
    pub videos: Vec<SavedVideo>,
    /// Which part of a list it is of, where it is not of all.
    pub part: Option<Part>,
    /// All of it, without the checksum.
    pub json: Value,
}

impl SavedResult {
    /// Reads a result.
    ///
    /// Fails when the file cannot be read or is no result.
    pub fn read(path: &Path) -> Result<SavedResult, ResultFileError> {
        let bytes = std::fs::read(path).map_err(FileError::of(path))?;
        let no_result = |cause| ResultFileError::NoResult { path: path.to_owned(), cause };
        let mut json: Value = serde_json::from_slice(&bytes).map_err(no_result)?;
        let seal = Seal::take(&mut json);
        let Parts { dataset, evidence, mut videos, part } = Parts::deserialize(&json).map_err(no_result)?;
        if let Some(part) = &part {
            // From places in the list to positions among these.
            for video in &mut videos {
                video.original = video.original.and_then(|place| part.places.binary_search(&place).ok());
            }
        }
        Ok(SavedResult { path: path.to_owned(), seal, dataset, evidence, videos, part, json })
    }
}

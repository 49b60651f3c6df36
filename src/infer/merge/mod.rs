//! Results of parts of a list, joined into the one that a single run would have given.
//!
//! Entries are taken as they are and put in the list's order; metrics, measures and the protocol line are made of all of
//! them together, with the same bootstrap. What is truly a matter of the machine is told of the parts: the first one's
//! `evidence.date`, `evidence.folder` and `evidence.machine`, and the sum of their `timing`.

mod join;

pub use join::Allowed;
pub(super) use join::{Entries, Joined, join};

use super::evidence::{ResultFileError, RunEvidence, Seal, SourceSetting};
use super::likelihood;
use super::{BenchmarkMetrics, InferSummary, Judge, Part, Protocol, ScoredBy, Timing, VideoResult, metrics};
use crate::Result;
use crate::file_error::FileError;
use crate::metrics::LikelihoodRatios;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why records cannot be joined. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Nothing was named.
    #[error("there is nothing to merge")]
    NothingToMerge,
    /// A record of something else than the first one.
    #[error("{}: {what} {here}, but {} has {there}", file.display(), first.display())]
    Differs {
        /// The record.
        file: PathBuf,
        /// The first record.
        first: PathBuf,
        /// What is another.
        what: String,
        /// Its value in the record.
        here: String,
        /// Its value in the first record.
        there: String,
    },
    /// A record that does not say what it was made with.
    #[error("{}: does not say with which weights and settings it was made, so it cannot be joined", file.display())]
    NoEvidence {
        /// The record.
        file: PathBuf,
    },
    /// Parts of two lists.
    #[error("{}: is a part of another list than {}", file.display(), first.display())]
    OtherList {
        /// The record.
        file: PathBuf,
        /// The first record.
        first: PathBuf,
    },
    /// A record of a whole list among those of parts.
    #[error("{}: is of a whole list, and {} of a part of one", whole.display(), part.display())]
    WholeAndPart {
        /// The record of a whole list.
        whole: PathBuf,
        /// The record of a part.
        part: PathBuf,
    },
    /// A record whose places do not go with its entries.
    #[error("{}: damaged: it does not have one place in the list for each of its entries", file.display())]
    Places {
        /// The record.
        file: PathBuf,
    },
    /// Inputs that no record has.
    #[error("{missing} of {of} inputs are missing: {told}")]
    Missing {
        /// How many.
        missing: usize,
        /// How many there are.
        of: usize,
        /// Which ones.
        told: String,
    },
    /// Inputs that several records have.
    #[error("{double} inputs are in several records: {told}")]
    Double {
        /// How many.
        double: usize,
        /// Which ones.
        told: String,
    },
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Scores of inputs.
    Result,
    /// Robustness of a detector.
    Robustness,
}

/// What a record is of, by the keys that it has.
///
/// Fails for a file that cannot be read or is neither.
pub fn kind_of(file: &Path) -> Result<RecordKind> {
    #[derive(Deserialize)]
    struct Keys {
        rows: Option<IgnoredAny>,
        #[serde(rename = "videos")]
        _videos: IgnoredAny,
    }
    let bytes = std::fs::read(file).map_err(FileError::of(file))?;
    let keys: Keys = serde_json::from_slice(&bytes)
        .map_err(|cause| ResultFileError::NoResult { path: file.to_owned(), cause })?;
    Ok(if keys.rows.is_some() { RecordKind::Robustness } else { RecordKind::Result })
}

/// A joined result.
#[derive(Debug)]
pub struct Merged<S> {
    /// The result.
    pub summary: S,
    /// What should be known about how it came together.
    pub notes: Vec<String>,
}

/// What is read of a result; the rest is made anew.
#[derive(Deserialize)]
struct Record {
    #[serde(flatten)]
    scored_by: ScoredBy,
    dataset: Option<String>,
    compression: Option<String>,
    detector: Option<String>,
    decision: Option<Judge>,
    likelihood_ratios: Option<LikelihoodRatios>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    interrupted: bool,
    videos: Vec<VideoResult>,
    metrics: Option<IgnoredAny>,
    protocol: Option<Protocol>,
    deepfakebench: Option<IgnoredAny>,
    evidence: Option<RunEvidence>,
    timing: Timing,
    part: Option<Part>,
}

/// Joins results that `infer` has written.
///
/// Fails for files that are no such results or were altered, for results of other weights, settings or lists, and for
/// missing and double inputs that are not allowed.
pub fn results(files: &[PathBuf], allowed: Allowed) -> Result<Merged<InferSummary>> {
    let mut records = Vec::new();
    let mut first: Option<(Record, RunEvidence)> = None;
    let (mut notes, mut told) = (Vec::new(), Vec::new());
    let (mut seconds, mut faces, mut interrupted) = (0.0, 0.0, false);
    let mut sources = Vec::new();
    for file in files {
        let (mut record, seal): (Record, Seal) = read(file)?;
        if seal == Seal::Altered {
            return Err(ResultFileError::Altered { path: file.clone() }.into());
        }
        let Some(evidence) = record.evidence.take() else {
            return Err(MergeError::NoEvidence { file: file.clone() }.into());
        };
        seconds += record.timing.seconds;
        faces += record.timing.faces_per_second * record.timing.seconds;
        interrupted |= record.interrupted;
        for note in &record.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if let SourceSetting::Files(paths) = &evidence.settings.source {
            sources.extend(paths.iter().cloned());
        }
        let entries = std::mem::take(&mut record.videos);
        records.push(Entries { file: file.clone(), part: record.part.take(), entries });
        match &first {
            Some((one, of_one)) => {
                same(of_one, &evidence, (&files[0], file))?;
                told.extend(machine_note(of_one, &evidence, file));
                if one.dataset != record.dataset {
                    return Err(differs((&files[0], file), "set", &one.dataset, &record.dataset).into());
                }
            }
            None => first = Some((record, evidence)),
        }
    }
    let Some((record, mut evidence)) = first else { return Err(MergeError::NothingToMerge.into()) };
    let whole = records.iter().all(|record| record.part.is_none());
    let shift = |video: &mut VideoResult, by: usize| video.original = video.original.map(|place| place + by);
    let joined = join(records, |video: &VideoResult| video.path.clone(), shift, allowed)?;
    let Joined { entries: videos, part, notes: of_join } = joined;
    told.extend(of_join);
    if whole && files.len() > 1 && !sources.is_empty() {
        evidence.settings.source = SourceSetting::of_files(&sources);
    }
    let places = part.as_ref().map_or_else(|| (0..videos.len()).collect(), |part| part.places.clone());
    let labelled = record.metrics.is_some();
    let ratios = record.likelihood_ratios.as_ref();
    let summary = InferSummary {
        measures: labelled.then(|| likelihood::measures(&videos, record.decision, ratios)).transpose()?,
        metrics: labelled.then(|| metrics(&videos, &places)).transpose()?,
        protocol: record.protocol.map(|protocol| protocol.over(&videos)),
        deepfakebench: record.deepfakebench.map(|_| BenchmarkMetrics::of(&videos)).transpose()?,
        scored_by: record.scored_by,
        dataset: record.dataset,
        compression: record.compression,
        face_detector: record.detector,
        decision: record.decision,
        likelihood_ratios: record.likelihood_ratios,
        notes,
        // Where all inputs are there, no part was really broken off.
        interrupted: interrupted && (part.is_some() || whole),
        videos,
        evidence: Some(evidence),
        part,
        report_failed: None,
        timing: Timing { seconds, faces_per_second: faces / f64::max(seconds, 1e-9) },
    };
    Ok(Merged { summary, notes: told })
}

/// A record of JSON, and whether it is as it was written.
pub(super) fn read<R: DeserializeOwned>(file: &Path) -> Result<(R, Seal), ResultFileError> {
    let bytes = std::fs::read(file).map_err(FileError::of(file))?;
    let no_result = |cause| ResultFileError::NoResult { path: file.to_owned(), cause };
    let mut json: Value = serde_json::from_slice(&bytes).map_err(no_result)?;
    drop(bytes);
    let seal = Seal::take(&mut json);
    Ok((R::deserialize(json).map_err(no_result)?, seal))
}

/// Whether a record was made as the first one.
pub(super) fn same(
    first: &RunEvidence,
    evidence: &RunEvidence,
    (first_file, file): (&Path, &Path),
) -> Result<(), MergeError> {
    let Some([what, there, here]) = first.first_difference(evidence) else { return Ok(()) };
    Err(MergeError::Differs { file: file.to_owned(), first: first_file.to_owned(), what, here, there })
}

fn differs(
    (first, file): (&Path, &Path),
    what: &str,
    there: &Option<String>,
    here: &Option<String>,
) -> MergeError {
    let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let (first, file, what) = (first.to_owned(), file.to_owned(), what.to_owned());
    MergeError::Differs { file, first, what, here: told(here), there: told(there) }
}

/// What machines of another kind change.
fn machine_note(first: &RunEvidence, evidence: &RunEvidence, file: &Path) -> Option<String> {
    let kind = |evidence: &RunEvidence| (evidence.machine.device.clone(), evidence.machine.kernels.clone());
    let ((device, kernels), (_, of_first)) = (kind(evidence), kind(first));
    (kind(first) != kind(evidence)).then(|| {
        format!(
            "{}: computed on {device} with kernels {kernels}, others with {of_first}: scores may differ in the seventh digit",
            file.display()
        )
    })
}

//! Labelled scores and what belongs together among them, from a run of *infer* or from a result that one has written.

use crate::datasets::LabelTable;
use crate::hash::sha256;
use crate::infer::InferSummary;
use crate::infer::evidence::{ResultFileError, SavedResult, Seal};
use crate::metrics::FaceMeasures;
use crate::types::Label;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A file with a face, its label and score.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LabelledScore {
    pub label: Label,
    pub score: f64,
    /// Whose face it shows, where a table of labels tells.
    pub person: Option<String>,
    /// Where it comes from, where a table of labels tells.
    pub source: Option<String>,
    /// The position, in the whole run, of the file that it was made from, or its own.
    pub origin: usize,
    /// Its SHA-256 sum, where it was read.
    pub sha256: Option<String>,
}

/// The files of a set that a forgery detector has scored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LabelledScores {
    /// The set's name.
    pub set: String,
    /// The files with a face.
    pub files: Vec<LabelledScore>,
    /// What the faces of each file were like, where they were measured.
    pub measured: Vec<FaceMeasures>,
}

impl LabelledScores {
    /// The files of a run; `table` is the one that labelled them, if one did.
    pub fn of_run(run: &InferSummary, table: Option<&LabelTable>) -> LabelledScores {
        let person = |path: &str| {
            let table = table?;
            table.files()[table.row_of(Path::new(path))?].person.clone()
        };
        let file = |(number, video): (usize, &crate::infer::VideoResult)| {
            Some(LabelledScore {
                label: video.label?,
                score: video.score.filter(|_| video.faces > 0)?,
                person: person(&video.path),
                source: video.source.clone(),
                origin: video.original.unwrap_or(number),
                sha256: video.file.as_ref().and_then(|file| Some(file.sum.as_ref()?.sha256.clone())),
            })
        };
        LabelledScores {
            set: run.dataset.clone().unwrap_or_else(|| "a set".to_owned()),
            files: run.videos.iter().enumerate().filter_map(file).collect(),
            measured: run.videos.iter().filter_map(|video| video.measured).collect(),
        }
    }

    /// The files of a result; the note says what cannot be checked about it. `weights_sum` is the SHA-256 sum of the weight
    /// file `weights`, whose scores they must be.
    ///
    /// Fails when the file is no result, was altered, has no labels or is of other weights.
    pub fn of_result(path: &Path, (weights, weights_sum): (&Path, &str)) -> Result<(Self, Option<String>)> {
        let saved = SavedResult::read(path)?;
        let result = || path.to_owned();
        let mut note = None;
        match (saved.seal, &saved.evidence) {
            (Seal::Altered, _) | (Seal::Missing, Some(_)) => {
                return Err(ResultFileError::Altered { path: result() }.into());
            }
            (_, Some(evidence)) if evidence.weights.sum.sha256 != weights_sum => {
                return Err(Error::ResultOfOtherWeights { result: result(), weights: weights.to_owned() });
            }
            (_, Some(_)) => {}
            (_, None) => {
                let path = path.display();
                note = Some(format!(
                    "{path} does not tell which weights its scores are of: they are taken for those"
                ));
            }
        }
        if saved.videos.iter().all(|video| video.label.is_none()) {
            return Err(Error::ResultWithoutLabels { result: result() });
        }
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let set = saved.dataset.or(name).unwrap_or_default();
        let file = |(number, video): (usize, crate::infer::evidence::SavedVideo)| {
            Some(LabelledScore {
                label: video.label?,
                score: video.score.filter(|score| video.faces > 0 && !score.is_nan())?,
                person: None,
                source: video.source,
                origin: video.original.unwrap_or(number),
                sha256: video.file.and_then(|file| file.sha256),
            })
        };
        let files = saved.videos.into_iter().enumerate().filter_map(file).collect();
        Ok((LabelledScores { set, files, measured: Vec::new() }, note))
    }

    /// The labels and scores.
    pub fn unzip(&self) -> (Vec<Label>, Vec<f64>) {
        self.files.iter().map(|file| (file.label, file.score)).unzip()
    }

    /// One sum for all files, whatever their order; `None` unless all were read.
    pub fn files_sha256(&self) -> Option<String> {
        let mut sums: Vec<&str> =
            self.files.iter().map(|file| file.sha256.as_deref()).collect::<Option<Vec<_>>>()?;
        sums.sort_unstable();
        let lines: String = sums.iter().map(|sum| format!("{sum}\n")).collect();
        Some(sha256(lines.as_bytes()))
    }
}

/// Reads the table that a run is to be labelled by, if there is one.
pub(super) fn table_of(labels: Option<&PathBuf>) -> Result<Option<LabelTable>> {
    Ok(labels.map(|path| LabelTable::read(path)).transpose()?)
}

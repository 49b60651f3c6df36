//! Repeating a result: the same files, the same weights, the same settings, and whether the same comes out.

mod compare;
mod locate;

pub use compare::{Agreement, Difference};

use super::evidence::{ResultFileError, SavedResult, Seal, SourceSetting};
use super::{Config, InferSummary, run};
use crate::hash::FileSum;
use crate::model::DeviceChoice;
use crate::progress::{Cancel, Progress};
use crate::{Error, Result};
use compare::compare;
use locate::{Found, Places};
use serde::Serialize;
use std::path::PathBuf;

/// What is to be verified, and where things are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyConfig {
    /// The result, as JSON.
    pub result: PathBuf,
    /// The forgery detector's weights, where they are no longer where they were.
    pub weights: Option<PathBuf>,
    /// The face detector's weights, where they are no longer where they were.
    pub face_detector_weights: Option<PathBuf>,
    /// A folder in and below which files are looked for by their names.
    pub files: Option<PathBuf>,
    /// Where the networks run.
    pub device: DeviceChoice,
}

/// A file that a result was made with, and what is there now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// The path in the result.
    pub path: PathBuf,
    /// What was found.
    pub state: FileState,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Its sum is the same.
    Same,
    /// There is another file in its place, with this sum.
    Other(String),
    /// It is not there.
    Missing,
    /// The result has no sum of it.
    Unknown,
}

impl FileState {
    /// Whether the file was found to be another or not at all.
    pub fn is_wrong(&self) -> bool {
        matches!(self, FileState::Other(_) | FileState::Missing)
    }
}

/// What was found out about a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifySummary {
    /// Whether the result is as it was written.
    pub seal: Seal,
    /// When it was made.
    pub date: String,
    /// The version that made it.
    pub version: String,
    /// This version.
    pub version_now: String,
    /// The forgery detector's weights.
    pub weights: FileCheck,
    /// The face detector's, where it was used.
    pub face_detector: Option<FileCheck>,
    /// The inputs.
    pub files: Vec<FileCheck>,
    /// How the scores of those that are the same agree; `None` where none could be scored again.
    pub scores: Option<Agreement>,
    /// How many inputs were scored again.
    pub scored: usize,
    /// Whether it was stopped early.
    pub interrupted: bool,
}

impl VerifySummary {
    /// Whether the result is unaltered, every file is the one that it was, and all were scored again with the same outcome
    /// within 1e-5.
    pub fn holds(&self) -> bool {
        let mut files = self.files.iter().chain([&self.weights]).chain(&self.face_detector);
        self.seal == Seal::Whole
            && !self.interrupted
            && files.all(|file| !file.state.is_wrong())
            && self.scores.as_ref().is_some_and(Agreement::is_close)
    }
}

/// Checks files and weights against their sums, scores again, and compares.
///
/// Fails when the result cannot be read, has no evidence, or has settings that this version does not know. That something
/// differs is no failure but the answer.
pub fn verify(config: &VerifyConfig, progress: &dyn Progress, cancel: &Cancel) -> Result<VerifySummary> {
    let saved = SavedResult::read(&config.result)?;
    let path = || config.result.clone();
    let Some(evidence) = saved.evidence.clone() else {
        return Err(ResultFileError::NoEvidence { path: path() }.into());
    };
    let places = Places::new(&evidence.folder, config.files.as_deref())?;
    let over = || cancel.is_requested();

    let weights = places.weights(&evidence.weights, config.weights.as_deref(), &over);
    let face_detector = evidence
        .face_detector
        .as_ref()
        .map(|weights| places.weights(weights, config.face_detector_weights.as_deref(), &over));
    let arrays = !matches!(evidence.settings.source, SourceSetting::Files(_) | SourceSetting::List { .. });
    let mut checks = Vec::new();
    let mut again: Vec<(usize, PathBuf)> = Vec::new();
    progress.begin(saved.videos.len(), "files");
    for (number, video) in saved.videos.iter().enumerate() {
        let told = video.file.as_ref().and_then(|file| file.sha256.as_deref());
        // Those of a set are found by the set.
        let found = match arrays {
            true => Found { path: video.path.clone(), state: FileState::Unknown },
            false => places.input(&video.path, told, &over),
        };
        if !found.state.is_wrong() {
            again.push((number, found.path));
        }
        checks.push(FileCheck { path: video.path.clone(), state: found.state });
        progress.advance(&video.path.display().to_string());
    }
    progress.end();

    let usable = !weights.state.is_wrong()
        && face_detector.as_ref().is_none_or(|found| !found.state.is_wrong())
        && !again.is_empty()
        && !over();
    let check = |found: &Found, path: &PathBuf| FileCheck { path: path.clone(), state: found.state.clone() };
    let mut summary = VerifySummary {
        seal: match saved.seal {
            // What has evidence was written with a checksum.
            Seal::Missing => Seal::Altered,
            seal => seal,
        },
        date: evidence.date.clone(),
        version: evidence.versions.sbi.clone(),
        version_now: env!("CARGO_PKG_VERSION").to_owned(),
        weights: check(&weights, &evidence.weights.path),
        face_detector: face_detector
            .as_ref()
            .zip(evidence.face_detector.as_ref())
            .map(|(found, weights)| check(found, &weights.path)),
        files: checks,
        scores: None,
        scored: 0,
        interrupted: over(),
    };
    if !usable {
        return Ok(summary);
    }
    let files = again.iter().map(|(_, path)| path.clone()).collect();
    let settings = places.settings(&evidence.settings);
    let run_config = settings
        .to_config(weights.path, face_detector.map(|found| found.path), files)
        .map_err(|reason| ResultFileError::Settings { path: path(), reason })?;
    // Of a set a shard is found again by the set; files of one are named one by one.
    let shard = saved.part.as_ref().filter(|_| arrays).and_then(|part| match part.shards[..] {
        [shard] => Some(shard),
        _ => None,
    });
    let run_config = Config { device: config.device, shard, ..run_config };
    let now = run(&run_config, progress, cancel)?;
    summary.interrupted = now.interrupted;
    summary.scored = now.videos.len();
    if arrays {
        summary.files = checks_of_set(&saved, &now);
    }
    let numbers: Vec<usize> = again.iter().map(|(number, _)| *number).collect();
    summary.scores = Some(compare(&saved, &numbers, &now).map_err(json_failed)?);
    Ok(summary)
}

/// Of a set, whose videos the run finds by itself: whether they are the same files.
fn checks_of_set(saved: &SavedResult, now: &InferSummary) -> Vec<FileCheck> {
    let checks = saved.videos.iter().enumerate().map(|(number, video)| {
        let told = video.file.as_ref().and_then(|file| file.sha256.as_ref());
        let sum = |found: &super::VideoResult| -> Option<FileSum> { found.file.as_ref()?.sum.clone() };
        let state = match (told, now.videos.get(number)) {
            (None, _) => FileState::Unknown,
            (Some(_), None) => FileState::Missing,
            (Some(told), Some(found)) => match sum(found) {
                Some(sum) if sum.sha256 == *told => FileState::Same,
                Some(sum) => FileState::Other(sum.sha256),
                None => FileState::Missing,
            },
        };
        FileCheck { path: video.path.clone(), state }
    });
    checks.collect()
}

fn json_failed(cause: serde_json::Error) -> Error {
    Error::ResultAsJson { cause }
}

//! The stage *calibrate*: finds out what a forgery detector's scores mean, and writes the detector with it.
//!
//! A threshold and a temperature are fitted on labelled videos, which the stage *infer* scores or has scored, or on the pairs
//! that a training held out; on videos likelihood ratios with their bounds, too. Whoever fits on a set must not measure on
//! it.

mod labelled;
mod likelihood;

use crate::checkpoint::{self, Precision, StatePlace, WrittenForm};
use crate::hash::FileSum;
use crate::infer;
use crate::metrics::{
    AnsweredVideo, Bootstrap, CalibratedRange, Calibration, LIKELIHOOD_RATIOS, LikelihoodRatios, Measure,
    Measures, Roc, Scale,
};
use crate::model::forgery_detector::detector_part;
use crate::model::{DeviceChoice, Execution, ForgeryDetector, NamedWeights, Views};
use crate::progress::{Cancel, Progress};
use crate::train::{self, score_held_out};
use crate::types::Label;
use crate::{Error, Result, atomic_file};
use labelled::{LabelledScores, table_of};
use std::path::{Path, PathBuf};

/// Fewer labelled videos than these make a coarse border.
const FEW: usize = 20;

/// The configuration of a calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What is scored, and with which detector.
    pub source: Source,
    /// File to write; its extension says in which form.
    pub output: PathBuf,
    /// Whether a file at `output` is replaced.
    pub overwrite: bool,
    /// What scores are made of from now on; `None`: as the file says.
    pub views: Option<Views>,
    /// Element type of the numbers written; `None`: as they are.
    pub precision: Option<Precision>,
}

/// What a detector scores to be calibrated.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Labelled videos or packed faces, scored by the detector whose weights are named there.
    Videos(Box<infer::Config>),
    /// A result that labelled files were scored to before.
    Result {
        /// Weight file of the detector.
        weights: PathBuf,
        /// The result, as JSON.
        result: PathBuf,
    },
    /// Pairs that a training held out.
    HeldOutPairs {
        /// Weight file of the detector.
        weights: PathBuf,
        /// The training's configuration.
        training: Box<train::Config>,
        /// Folder of all data sets.
        data_root: PathBuf,
        /// Where the network runs.
        device: DeviceChoice,
    },
}

impl Source {
    fn weights(&self) -> &PathBuf {
        match self {
            Source::Videos(inference) => &inference.weights,
            Source::HeldOutPairs { weights, .. } | Source::Result { weights, .. } => weights,
        }
    }
}

/// What was fitted, and on what.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrateSummary {
    /// Threshold and temperature.
    pub calibration: Calibration,
    /// What the faces were like that it was fitted on; empty where it was fitted on pairs.
    pub range: CalibratedRange,
    /// Where the numbers come from, as the file's metadata tell it.
    pub fitted_on: String,
    /// How often the detector errs on these files, as the file's metadata tell it; none where it was fitted on pairs.
    pub errors: Option<String>,
    /// Likelihood ratios, where there were labelled files enough.
    pub likelihood_ratios: Option<LikelihoodRatios>,
}

/// The key in a weight file's metadata under which it is told how often the detector errs on what it was calibrated on.
const ERRORS: &str = "calibrated_errors";

/// Scores, fits, and writes the detector's part of its weight file with what was fitted.
///
/// Fails when the output cannot be written or exists and may not be replaced, when weights or data cannot be used, when
/// the scores tell nothing, and when it is interrupted; nothing is written then.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<CalibrateSummary> {
    let form = WrittenForm::of_new_file(&config.output, config.overwrite)?;
    atomic_file::check_writable(&config.output).map_err(checkpoint::Error::from)?;
    let weights = config.source.weights();
    let NamedWeights { checkpoint: mut file, notes } = NamedWeights::read(weights)?;
    file.state = detector_part(&file.state, weights)?;
    let summary = match &config.source {
        Source::Videos(inference) => {
            let inference = infer::Config { views: config.views, ..infer::Config::clone(inference) };
            on_videos(&inference, progress, cancel)?
        }
        Source::Result { weights, result } => {
            let sum = sum_of(weights)?;
            let (scores, note) = LabelledScores::of_result(result, (weights, &sum))?;
            note.iter().for_each(|note| progress.note(note));
            on_scores(&scores, sum, progress)?
        }
        Source::HeldOutPairs { weights, training, data_root, device } => {
            let plan = Execution::fastest(device.resolve()?);
            notes.iter().for_each(|note| progress.note(note));
            let mut detector = ForgeryDetector::load(weights, plan)?;
            config.views.into_iter().for_each(|views| detector.view_by(views));
            let held_out = score_held_out(training, &detector, *device, data_root, progress, cancel)?;
            on_pairs(training, &held_out)?
        }
    };
    if let Some(views) = config.views {
        views.write_to(&mut file.metadata);
    }
    file.metadata.extend(summary.calibration.to_metadata());
    // Ranges of an earlier calibration say nothing about this one.
    CalibratedRange::KEYS.iter().for_each(|key| _ = file.metadata.remove(*key));
    file.metadata.extend(summary.range.to_metadata());
    // Ratios that were fitted before may be those of another set.
    file.metadata.remove(LIKELIHOOD_RATIOS);
    file.metadata.extend(summary.likelihood_ratios.as_ref().map(LikelihoodRatios::to_metadata));
    file.metadata.insert("calibrated_on".to_owned(), summary.fitted_on.clone());
    file.metadata.remove(ERRORS);
    file.metadata.extend(summary.errors.clone().map(|errors| (ERRORS.to_owned(), errors)));
    if let Some(precision) = config.precision {
        file.state = file.state.in_precision(precision)?;
    }
    file.save(&config.output, form, StatePlace::UnderModel)?;
    Ok(summary)
}

fn on_pairs(training: &train::Config, held_out: &train::Validation) -> Result<CalibrateSummary> {
    let calibration = held_out.calibration.ok_or(Error::NothingToCalibrate { scored: "pairs" })?;
    let auc = held_out.auc.unwrap_or_default();
    let interval = held_out
        .auc_ci95
        .map_or(String::new(), |(low, high)| format!(", 95 % interval {low:.4} to {high:.4}"));
    let extras = Some(training.data.extras().to_string()).filter(|extras| !extras.is_empty());
    let extras = extras.map_or(String::new(), |extras| format!(", {extras}"));
    let pairs = held_out.pairs;
    let fitted_on = format!("{pairs} held-out pairs{extras} (AUC {auc:.4}{interval})");
    Ok(CalibrateSummary {
        calibration,
        range: CalibratedRange::default(),
        fitted_on,
        errors: None,
        likelihood_ratios: None,
    })
}

fn on_videos(
    inference: &infer::Config,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<CalibrateSummary> {
    let table = table_of(inference.labels.as_ref())?;
    let inference = infer::Config { measure: true, ..inference.clone() };
    let scored = infer::run(&inference, progress, cancel)?;
    if scored.interrupted {
        return Err(Error::CalibrateInterrupted);
    }
    let scores = LabelledScores::of_run(&scored, table.as_ref());
    on_scores(&scores, sum_of(&inference.weights)?, progress)
}

fn on_scores(
    scores: &LabelledScores,
    weights_sha256: String,
    progress: &dyn Progress,
) -> Result<CalibrateSummary> {
    let (labels, values) = scores.unzip();
    let count = labels.len();
    if count < FEW {
        progress.note(&format!("only {count} videos: the border between real and fake is a rough guess"));
    }
    let calibration =
        Calibration::fit(&labels, &values)?.ok_or(Error::NothingToCalibrate { scored: "videos" })?;
    let likelihood_ratios = likelihood::fit(scores, Some(weights_sha256))?;
    if likelihood_ratios.is_none() {
        let fewest = likelihood::FEWEST;
        progress.note(&format!(
            "no likelihood ratios: they need {fewest} real and {fewest} fake videos with a face, or more"
        ));
    }
    let fitted_on = format!("{count} videos of {}", scores.set);
    Ok(CalibrateSummary {
        calibration,
        range: CalibratedRange::of(&scores.measured),
        fitted_on,
        errors: Some(errors(&labels, &values, calibration.threshold)?),
        likelihood_ratios,
    })
}

/// How often scores err at a border, in words, with intervals.
fn errors(labels: &[Label], scores: &[f64], border: f64) -> Result<String> {
    let video = |(label, score): (&Label, &f64)| AnsweredVideo { label: *label, score: *score, kind: None };
    let videos: Vec<AnsweredVideo> = labels.iter().zip(scores).map(video).collect();
    let (scale, bootstrap) = (Scale { border: Some(border), ..Scale::default() }, Bootstrap::default());
    let measures = Measures::of(&videos, &[], scale, &bootstrap)?;
    let roc = Roc::new(labels, scores)?;
    let auc = Measure { value: roc.auc(), ci95: bootstrap.auc_ci95(&roc) };
    let told = |measure: Measure| {
        let value = measure.value.map_or("unknown".to_owned(), |value| format!("{value:.3}"));
        let interval = measure.ci95.map(|(low, high)| format!(" (95 % interval {low:.3} to {high:.3})"));
        value + &interval.unwrap_or_default()
    };
    Ok(format!(
        "AUC {}; at the border {} of {} fakes missed, {} of {} real ones called fake",
        told(auc),
        told(measures.apcer),
        measures.fake,
        told(measures.bpcer),
        measures.real
    ))
}

fn sum_of(weights: &Path) -> Result<String> {
    let sum = FileSum::of(weights, &|| false)?;
    Ok(sum.map(|sum| sum.sha256).unwrap_or_default())
}

//! How scores hold when images get worse: a test set's face crops, perturbed and scored again.

mod collect;
mod perturbation;
mod plot;

pub use perturbation::{Perturbation, PerturbationKind, SEVERITIES};

use super::networks::{self, Opened};
use super::{Config, ScoredBy, input};
use crate::imaging::write_image;
use crate::metrics::{Bootstrap, VideoMetrics};
use crate::progress::{Cancel, Progress};
use crate::{Error, Result};
use collect::{Collected, Version};
use serde::Serialize;
use std::path::Path;

/// What one perturbation does to a forgery detector.
#[derive(Clone, Debug, Serialize)]
pub struct RobustnessRow {
    /// What happens to the crops.
    pub kind: PerturbationKind,
    /// The severity, 1..=5.
    pub severity: usize,
    /// How badly, as a number of `unit`.
    pub strength: f64,
    /// What `strength` is a number of, such as `quality`.
    pub unit: &'static str,
    /// AUC over videos.
    pub video_auc: Option<f64>,
    /// The 95 % interval of `video_auc`, (low, high).
    pub video_auc_ci95: Option<(f64, f64)>,
    /// AUC over frames.
    pub frame_auc: Option<f64>,
    /// By how much the scores of real videos change, on average.
    pub real_shift: Option<f64>,
    /// By how much the scores of fake videos change, on average.
    pub fake_shift: Option<f64>,
}

/// A whole robustness run; the program's JSON.
#[derive(Clone, Debug, Serialize)]
pub struct RobustnessSummary {
    /// Which program and which forgery detector made the scores.
    #[serde(flatten)]
    pub scored_by: ScoredBy,
    /// Name of the test set.
    pub dataset: Option<String>,
    /// How many videos give a face; the numbers are of these.
    pub videos: usize,
    /// How many faces were scored, in each version.
    pub faces: usize,
    /// Videos without a face or that cannot be read, with the reason; they are in no number here.
    pub left_out: Vec<String>,
    /// Metrics of the crops as they are.
    pub clean: VideoMetrics,
    /// Metrics of the crops made worse, one row per kind and severity.
    pub rows: Vec<RobustnessRow>,
    /// Whether the run was stopped early; the numbers are then those of the videos before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// Scores every face of a labelled source as it is and in all 25 worse versions. `config.annotate` and
/// `config.heatmaps` are not used.
///
/// Videos that give no face are listed and left out. Fails as [`super::run`] does, and when the source has no labels or
/// no face at all.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<RobustnessSummary> {
    config.check()?;
    let inputs = input::resolve(config)?;
    if !inputs.labelled {
        return Err(Error::RobustnessNeedsLabels);
    }
    let Opened { forgery_detector, faces, .. } = networks::open(config, &inputs, progress, cancel)?;
    let collected = collect::collect(config, &inputs.items, faces, &forgery_detector, progress, cancel)?;
    let Collected { versions: [clean, worse @ ..], faces, left_out } = collected;
    if clean.videos.is_empty() {
        return Err(Error::NothingToPerturb { first: left_out.first().cloned().unwrap_or_default() });
    }
    let rows = Perturbation::all().zip(&worse).map(|(p, version)| row(p, version, &clean));
    Ok(RobustnessSummary {
        scored_by: ScoredBy::new(&config.weights, &forgery_detector),
        dataset: inputs.dataset,
        videos: clean.videos.len(),
        faces,
        left_out,
        rows: rows.collect::<Result<_>>()?,
        clean: clean.metrics(&Bootstrap::default())?,
        interrupted: cancel.is_requested(),
    })
}

fn row(perturbation: Perturbation, version: &Version, clean: &Version) -> Result<RobustnessRow> {
    let metrics = version.metrics(&Bootstrap::default())?;
    let shift = |fake: bool| {
        let pairs = version.videos.iter().zip(&clean.videos);
        let of_class = pairs.filter(|(worse, _)| worse.label.is_fake() == fake);
        let shifts: Vec<f64> = of_class.map(|(worse, clean)| worse.score - clean.score).collect();
        (!shifts.is_empty()).then(|| shifts.iter().sum::<f64>() / shifts.len() as f64)
    };
    let (strength, unit) = perturbation.strength();
    Ok(RobustnessRow {
        kind: perturbation.kind,
        severity: perturbation.severity,
        strength,
        unit,
        video_auc: metrics.video_auc,
        video_auc_ci95: metrics.video_auc_ci95,
        frame_auc: metrics.frame_auc,
        real_shift: shift(false),
        fake_shift: shift(true),
    })
}

/// Draws AUC and score shifts over the severities.
///
/// Fails when the file cannot be written.
pub fn write_plot(path: &Path, summary: &RobustnessSummary) -> Result<()> {
    Ok(write_image(path, &plot::draw(summary)?)?)
}

//! How scores hold when images get worse: a test set's face crops, perturbed and scored again.

mod collect;
mod merge;
mod perturbation;
mod plot;
mod report;

pub use report::write_report;

pub use collect::VideoVersions;
pub use merge::results as merge;
pub use perturbation::{Perturbation, PerturbationKind, SEVERITIES};

use super::evidence::{self, RunEvidence};
use super::networks::{self, Opened};
use super::{Config, Part, ScoredBy, input};
use crate::imaging::write_image;
use crate::metrics::VideoMetrics;
use crate::progress::{Cancel, Progress};
use crate::{Error, Result};
use collect::metrics_of;
use serde::{Deserialize, Serialize};
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
    /// Of a part of a set: which, and what joining it with the others needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Box<RobustnessPart>>,
}

/// What a record of a part of a set has beside its numbers, so that parts can be joined.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RobustnessPart {
    /// Which part of the set; its `places` are those of `videos`.
    #[serde(flatten)]
    pub part: Part,
    /// How it was made.
    pub evidence: RunEvidence,
    /// Every video of the part, with its scores in all versions.
    pub videos: Vec<VideoVersions>,
}

/// Scores every face of a labelled source as it is and in all 25 worse versions. `config.annotate` and
/// `config.heatmaps` are not used.
///
/// Videos that give no face are listed and left out. Fails as [`super::run`] does, and when the source has no labels or
/// no face at all, unless it is a shard of one.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<RobustnessSummary> {
    config.check()?;
    let whole = input::resolve(config)?;
    if !whole.labelled {
        return Err(Error::RobustnessNeedsLabels);
    }
    let part = config.shard.map(|shard| Part::new(shard, &whole.items));
    let inputs = match config.shard {
        Some(shard) => whole.of_shard(shard, config)?,
        None => whole,
    };
    let Opened { forgery_detector, faces, .. } = networks::open(config, &inputs, progress, cancel)?;
    let evidence = match &part {
        Some(_) => evidence::run_evidence(config, &inputs, &|| false)?,
        None => None,
    };
    let collected = collect::collect(config, &inputs.items, faces, &forgery_detector, progress, cancel)?;
    let (places, videos): (Vec<usize>, Vec<VideoVersions>) = collected.into_iter().unzip();
    let scored_by = ScoredBy::new(&config.weights, &forgery_detector);
    let mut summary = summary(scored_by, inputs.dataset, &videos, part.is_some())?;
    summary.interrupted = cancel.is_requested();
    summary.part = part
        .zip(evidence)
        .map(|(part, evidence)| Box::new(RobustnessPart { part: part.done(places), evidence, videos }));
    Ok(summary)
}

/// The numbers of videos; of a part there may be none with a face.
fn summary(
    scored_by: ScoredBy,
    dataset: Option<String>,
    videos: &[VideoVersions],
    is_part: bool,
) -> Result<RobustnessSummary> {
    let left_out: Vec<String> = videos.iter().filter_map(|video| video.left_out.clone()).collect();
    let with_face: Vec<&VideoVersions> = videos.iter().filter(|video| video.left_out.is_none()).collect();
    if with_face.is_empty() && !is_part {
        return Err(Error::NothingToPerturb { first: left_out.first().cloned().unwrap_or_default() });
    }
    let rows = Perturbation::all().enumerate().map(|(number, p)| row(p, number + 1, &with_face));
    Ok(RobustnessSummary {
        scored_by,
        dataset,
        videos: with_face.len(),
        faces: with_face.iter().map(|video| video.faces).sum(),
        left_out,
        rows: rows.collect::<Result<_>>()?,
        clean: metrics_of(&with_face, 0)?,
        interrupted: false,
        part: None,
    })
}

fn row(perturbation: Perturbation, version: usize, videos: &[&VideoVersions]) -> Result<RobustnessRow> {
    let metrics = metrics_of(videos, version)?;
    let shift = |fake: bool| {
        let of_class = videos.iter().filter(|video| video.label.is_fake() == fake);
        let shift = |video: &&VideoVersions| Some(video.versions.get(version)?.0 - video.versions.first()?.0);
        let shifts: Vec<f64> = of_class.filter_map(shift).collect();
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

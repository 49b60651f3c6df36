//! Inference: videos, photographs or packed test sets to scores.

mod annotate;
mod config;
mod heatmaps;
mod input;
mod output_names;
mod packed;
mod result;
pub mod robustness;
mod score;
mod verdict;
mod videos;

pub use config::{Config, Source};
pub use result::{Summary, Timing, VideoResult};
pub use verdict::{Judge, Judgement, Verdict};

use crate::metrics::{Bootstrap, ScoredVideo, VideoMetrics};
use crate::model::{Detector, ExecutionPlan};
use crate::native::Half;
use crate::progress::{Cancel, Progress};
use crate::Result;
use std::time::Instant;

/// A video without a face counts as undecided where a test set must give each video a score, as in the
/// original programs: kept so that AUC stays comparable.
pub const NEUTRAL_SCORE: f64 = 0.5;

/// Scores everything that `config` names.
///
/// A bad input is part of the [`Summary`] and does not stop the rest. Fails when nothing can be done at all:
/// wrong paths, unusable weights, an empty set. When `cancel` is requested the current video is dropped and
/// the summary holds what was finished.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<Summary> {
    config.check()?;
    // Everything that can be wrong about paths shows before the seconds that loading networks takes.
    let inputs = input::resolve(config)?;
    let plan = ExecutionPlan::fastest(config.device.resolve()?);
    let mut detector = Detector::load(&config.weights, plan)?;
    if config.half {
        progress.note(&halved(&mut detector)?);
    }
    let judge = Judge::new(detector.calibration(), config.threshold);
    inputs.notes.iter().for_each(|note| progress.note(note));

    let started = Instant::now();
    let (videos, face_detector) = match &inputs.kind {
        input::Kind::Packed(set) => {
            (packed::score_all(config, set, &detector, judge, progress, cancel)?, inputs.detector.clone())
        }
        input::Kind::Videos(items) => {
            let (faces, warning) = config.detector.load(plan)?;
            warning.iter().for_each(|text| progress.note(text));
            let name = faces.identity().name;
            let detectors = videos::Detectors { forgeries: &detector, faces: faces.as_ref(), judge };
            (videos::score_all(config, items, &detectors, progress, cancel)?, Some(name))
        }
    };
    progress.end();
    let metrics = inputs.labelled.then(|| metrics(&videos)).transpose()?;
    let timing = Timing::of(&videos, started.elapsed());
    Ok(Summary {
        tool: "sbi",
        version: env!("CARGO_PKG_VERSION"),
        weights: config.weights.display().to_string(),
        model: detector.method().name(),
        backbone: detector.backbone().variant.name,
        dataset: inputs.dataset,
        compression: inputs.compression,
        detector: face_detector,
        decision: judge,
        notes: inputs.notes,
        interrupted: cancel.is_requested(),
        videos,
        metrics,
        timing,
    })
}

/// Switches to half precision where that is faster, and says what it does to scores.
fn halved(detector: &mut Detector) -> Result<String> {
    if !detector.device().is_cuda() {
        return Ok("--half is for CUDA devices: this run has 32 bits".to_owned());
    }
    let apart = detector.halve(Half::Float16)?;
    Ok(format!("half precision: scores of made faces move by up to {apart:.5}"))
}

fn metrics(videos: &[VideoResult]) -> Result<VideoMetrics> {
    let scored: Vec<ScoredVideo> = videos
        .iter()
        .filter_map(|video| {
            Some(ScoredVideo {
                label: video.label?,
                score: video.score.unwrap_or(NEUTRAL_SCORE),
                scored: !video.frame_scores.is_empty(),
                frame_scores: &video.frame_scores,
                group: video.group.as_deref(),
            })
        })
        .collect();
    Ok(VideoMetrics::of(&scored, &Bootstrap::default())?)
}

//! Inference: videos, photographs or packed test sets to scores.

mod annotate;
mod config;
mod heatmaps;
mod input;
mod networks;
mod output_names;
mod packed;
mod result;
pub mod robustness;
mod score;
mod verdict;
mod videos;

pub use config::{Config, InferSource};
pub use result::{InferSummary, Timing, VideoResult};
pub use verdict::{Judge, Judgement, Verdict};

use crate::Result;
use crate::metrics::{Bootstrap, ScoredVideo, VideoMetrics};
use crate::model::{ExecutionPlan, ForgeryDetector};
use crate::progress::{Cancel, Progress};
use std::time::Instant;

/// A video without a face counts as undecided where a test set must give each video a score, as in the
/// original programs: kept so that AUC stays comparable.
pub const NEUTRAL_SCORE: f64 = 0.5;

/// Scores everything that `config` names.
///
/// A bad input is part of the [`InferSummary`] and does not stop the rest. Fails when nothing can be done at all:
/// wrong paths, unusable weights, an empty set. When `cancel` is requested the current video is dropped and
/// the summary holds what was finished.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<InferSummary> {
    config.check()?;
    // Everything that can be wrong about paths shows before the seconds that loading networks takes.
    let inputs = input::resolve(config)?;
    let plan = ExecutionPlan::fastest(config.device.resolve()?);
    let announce = || inputs.notes.iter().for_each(|note| progress.note(note));
    let scored = match &inputs.kind {
        input::Kind::Packed(set) => {
            let detector = networks::load_detector(config, plan, progress)?;
            announce();
            Scored::by(detector, inputs.detector.clone(), config, |detector, judge| {
                packed::score_all(config, set, detector, judge, progress, cancel)
            })
        }
        // The first frames are there when the networks are.
        input::Kind::Videos(items) => input::decode(config, items, |decodings| {
            let (detector, faces) = networks::load_both(config, plan, progress)?;
            announce();
            Scored::by(detector, Some(faces.identity().name), config, |detector, judge| {
                let detectors = videos::Detectors { forgeries: detector, faces: faces.as_ref(), judge };
                videos::score_all(config, items, decodings, &detectors, progress, cancel)
            })
        }),
    }?;
    progress.end();
    let metrics = inputs.labelled.then(|| metrics(&scored.videos)).transpose()?;
    Ok(InferSummary {
        tool: "sbi",
        version: env!("CARGO_PKG_VERSION"),
        weights: config.weights.display().to_string(),
        model: scored.detector.method().name(),
        backbone: scored.detector.backbone().variant.name,
        dataset: inputs.dataset,
        compression: inputs.compression,
        face_detector: scored.face_detector,
        decision: scored.judge,
        notes: inputs.notes,
        interrupted: cancel.is_requested(),
        videos: scored.videos,
        metrics,
        timing: scored.timing,
    })
}

/// What was scored, and by what.
struct Scored {
    detector: ForgeryDetector,
    /// Its name, where known.
    face_detector: Option<String>,
    judge: Option<Judge>,
    videos: Vec<VideoResult>,
    timing: Timing,
}

impl Scored {
    fn by(
        detector: ForgeryDetector,
        face_detector: Option<String>,
        config: &Config,
        score: impl FnOnce(&ForgeryDetector, Option<Judge>) -> Result<Vec<VideoResult>>,
    ) -> Result<Self> {
        let judge = Judge::new(detector.calibration(), config.threshold);
        let started = Instant::now();
        let videos = score(&detector, judge)?;
        let timing = Timing::of(&videos, started.elapsed());
        Ok(Scored { detector, face_detector, judge, videos, timing })
    }
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

//! Inference: videos, photographs or packed test sets to scores.

mod annotate;
mod batches;
mod config;
mod heatmaps;
mod input;
mod marks;
mod networks;
mod output_folder;
mod passages;
mod persons;
mod result;
pub mod robustness;
mod scoring;
mod verdict;

pub use config::{Config, InferSource};
pub use passages::{Passage, clock};
pub use persons::{PersonFace, PersonResult};
pub use result::{InferSummary, Sampling, ScoredBy, Timing, VideoResult};
pub use verdict::{Judge, Judgement, LIMITS, Verdict};

use crate::Result;
use crate::metrics::{Bootstrap, ScoredVideo, VideoMetrics};
use crate::progress::{Cancel, Progress};
use networks::Opened;
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
    run_telling(config, progress, cancel, &mut |_| Ok(()))
}

/// [`run`] that tells of each result as soon as it is there, in the order of the inputs. An error of `tell` ends the run.
pub fn run_telling(
    config: &Config,
    progress: &dyn Progress,
    cancel: &Cancel,
    tell: &mut dyn FnMut(&VideoResult) -> Result<()>,
) -> Result<InferSummary> {
    config.check()?;
    // Everything that can be wrong about paths shows before the seconds that loading networks takes.
    let inputs = input::resolve(config)?;
    let Opened { forgery_detector, faces, face_detector } =
        networks::open(config, &inputs, progress, cancel)?;
    let judge = Judge::new(forgery_detector.calibration(), config.threshold);
    let started = Instant::now();
    let by = (&forgery_detector, judge);
    let videos = scoring::score_all(config, &inputs.items, faces, by, (progress, tell), cancel)?;
    let timing = Timing::of(&videos, started.elapsed());
    progress.end();
    let metrics = inputs.labelled.then(|| metrics(&videos)).transpose()?;
    Ok(InferSummary {
        scored_by: ScoredBy::new(&config.weights, &forgery_detector),
        dataset: inputs.dataset,
        compression: inputs.compression,
        face_detector,
        decision: judge,
        notes: inputs.notes.into_iter().chain(forgery_detector.notes().iter().cloned()).collect(),
        interrupted: cancel.is_requested(),
        videos,
        metrics,
        timing,
    })
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
                source: video.source.as_deref(),
                original: video.original,
            })
        })
        .collect();
    Ok(VideoMetrics::of(&scored, &Bootstrap::default())?)
}

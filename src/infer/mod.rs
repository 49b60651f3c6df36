//! Inference: videos, photographs or packed test sets to scores.

mod annotate;
mod batches;
mod benchmark_protocol;
mod config;
pub mod evidence;
mod heatmaps;
mod input;
mod likelihood;
mod marks;
mod networks;
mod output_folder;
mod passages;
mod persons;
mod protocol;
mod result;
pub mod robustness;
mod scoring;
mod verdict;
pub mod verify;

pub use benchmark_protocol::{BenchmarkMetrics, OtherProtocol};
pub use config::{Config, InferSource};
pub use passages::{Passage, clock};
pub use persons::{PersonFace, PersonResult};
pub use protocol::Protocol;
pub use result::{InferSummary, Sampling, ScoredBy, Timing, VideoResult};
pub use verdict::{Judge, Judgement, LIMITS, Verdict};

use crate::Result;
use crate::metrics::{Bootstrap, ScoredVideo, VideoMetrics};
use crate::progress::{Cancel, Progress};
use networks::Opened;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let ratios = forgery_detector.likelihood_ratios();
    let started = Instant::now();
    let over = AtomicBool::new(false);
    let (scored, gathered) = std::thread::scope(|scope| {
        let gathered = scope.spawn(|| evidence::gather(config, &inputs, (cancel, &over)));
        let judged = (&forgery_detector, judge);
        let scored = scoring::score_all(config, &inputs.items, faces, judged, (progress, tell), cancel);
        // Of a run that failed nobody wants sums.
        over.store(scored.is_err(), Ordering::Relaxed);
        let scored = scored.map(|videos| (Timing::of(&videos, started.elapsed()), videos));
        (scored, gathered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let ((timing, mut videos), gathered) = (scored?, gathered?);
    progress.end();
    likelihood::tell(&mut videos, ratios);
    videos.iter_mut().zip(gathered.files).for_each(|(video, file)| video.file = file);
    let measures = inputs.labelled.then(|| likelihood::measures(&videos, judge, ratios)).transpose()?;
    let run_evidence = gathered.run;
    let protocol = inputs.labelled.then(|| {
        Protocol::of(
            config,
            &inputs,
            (forgery_detector.views(), face_detector.as_deref()),
            run_evidence.as_ref(),
            &videos,
        )
    });
    let metrics = inputs.labelled.then(|| metrics(&videos)).transpose()?;
    let benchmark = match config.protocol {
        Some(OtherProtocol::DeepfakeBench) if inputs.labelled => Some(BenchmarkMetrics::of(&videos)?),
        _ => None,
    };
    Ok(InferSummary {
        scored_by: ScoredBy::new(&config.weights, &forgery_detector),
        dataset: inputs.dataset,
        compression: inputs.compression,
        face_detector,
        decision: judge,
        likelihood_ratios: ratios.cloned(),
        notes: inputs.notes.into_iter().chain(forgery_detector.notes().iter().cloned()).collect(),
        interrupted: cancel.is_requested(),
        videos,
        metrics,
        measures,
        protocol,
        deepfakebench: benchmark,
        evidence: run_evidence,
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

//! Inference: videos, photographs or packed test sets to scores.

mod annotate;
mod batches;
mod benchmark_protocol;
mod config;
pub mod evidence;
mod heatmaps;
mod input;
mod likelihood;
mod lines;
mod marks;
pub mod merge;
mod networks;
mod output_folder;
mod part;
mod passages;
mod persons;
mod protocol;
mod report;
mod result;
pub mod robustness;
mod scoring;
mod verdict;
pub mod verify;

pub use benchmark_protocol::{BenchmarkMetrics, OtherProtocol};
pub use config::{Config, InferSource};
pub use lines::{LinesFile, ResultLine, SavedLines};
pub use part::{Missing, Part};
pub use passages::{Passage, clock};
pub use persons::{PersonFace, PersonResult};
pub use protocol::Protocol;
pub use result::{InferSummary, Sampling, ScoredBy, Timing, VideoResult};
pub use verdict::{Judge, Judgement, LIMITS, Verdict};

use crate::Result;
use crate::hash::FileSum;
use crate::metrics::{Bootstrap, ScoredVideo, VideoMetrics};
use crate::progress::{Cancel, Progress};
use crate::timings::stage;
use crate::types::VideoStatus;
use evidence::RunEvidence;
use input::{InputItem, Inputs};
use networks::Opened;
use report::Gallery;
use std::collections::BTreeMap;
use std::path::PathBuf;
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
    let tell = &mut |line: &ResultLine| tell(line.video);
    run_with(config, progress, cancel, Following { tell, before: None, keep: true })
}

/// Who follows a run while it goes, and what an earlier one has left for it.
pub struct Following<'a> {
    /// Told of each result of this run as soon as it is there, in the order of the inputs. An error ends the run.
    pub tell: &'a mut dyn FnMut(&ResultLine) -> Result<()>,
    /// Results of an earlier run: those whose files have not changed since are taken over.
    pub before: Option<&'a SavedLines>,
    /// Whether the summary gets whole results. If not, it gets them [shortened](VideoResult::shortened), so that memory does
    /// not grow by kilobytes with every input; where labels are known they are whole all the same, because metrics need them.
    pub keep: bool,
}

/// [`run`] with a follower.
///
/// Fails as [`run`] does, and when the earlier results are of another run.
pub fn run_with(
    config: &Config,
    progress: &dyn Progress,
    cancel: &Cancel,
    following: Following,
) -> Result<InferSummary> {
    config.check()?;
    let resolving = stage!("resolving paths");
    // Everything that can be wrong about paths shows before the seconds that loading networks takes.
    let whole = input::resolve(config)?;
    let part = config.shard.map(|shard| Part::new(shard, &whole.items));
    let draws = config.annotate.is_some() || config.heatmaps.is_some();
    let list: Vec<PathBuf> = match draws {
        true => whole.items.iter().map(|item| item.path.clone()).collect(),
        false => Vec::new(),
    };
    let inputs = match config.shard {
        Some(shard) => whole.of_shard(shard, config)?,
        None => whole,
    };
    let Following { tell, before, keep } = following;
    let keep = keep || inputs.labelled || config.report.is_some();
    let all = inputs.items.len();
    let taken = before.map(|before| taken_over(config, &inputs, before, progress)).transpose()?;
    let mut videos: BTreeMap<usize, VideoResult> = taken.unwrap_or_default();
    let inputs = inputs.only(|item| !videos.contains_key(&item.place));

    drop(resolving);

    let loading = stage!("loading networks");
    let Opened { forgery_detector, faces, face_detector } =
        networks::open(config, &inputs, progress, cancel)?;
    drop(loading);
    let judge = Judge::new(forgery_detector.calibration(), config.threshold);
    let ratios = forgery_detector.likelihood_ratios();
    let started = Instant::now();
    let over = AtomicBool::new(false);
    let (mut faces_scored, mut asked, mut run_evidence, mut identity) = (0, false, None, None);
    let mut gallery = match config.report {
        Some(_) => Gallery::new(all, inputs.labelled),
        None => Gallery::default(),
    };
    let (telling, hearing) = evidence::Hearing::new();
    let (scored, gathered) = std::thread::scope(|scope| {
        let (cancelled, inputs) = ((cancel, &over), &inputs);
        let gathered = scope.spawn(move || evidence::gather(config, inputs, &telling, cancelled));
        let mut take = |number: usize, mut video: VideoResult| {
            if !std::mem::replace(&mut asked, true) {
                run_evidence = hearing.run();
                identity = run_evidence.as_ref().map(RunEvidence::identity);
            }
            likelihood::tell(&mut video, ratios);
            let hashing = stage!("waiting for checksums");
            video.file = hearing.next();
            drop(hashing);
            let modified = video.file.as_ref().and_then(|file| file.modified.as_deref());
            tell(&ResultLine { video: &video, modified, run: identity.as_deref() })?;
            faces_scored += video.faces;
            videos.insert(inputs.items[number].place, if keep { video } else { video.shortened() });
            Ok(())
        };
        let judged = (&forgery_detector, judge);
        let followed: (&dyn Progress, scoring::Take) = (progress, &mut take);
        let scored =
            scoring::score_all(config, (&inputs.items, &list), faces, judged, followed, &mut gallery, cancel);
        // Of a run that failed nobody wants sums.
        over.store(scored.is_err(), Ordering::Relaxed);
        let timing = Timing::of(faces_scored, started.elapsed());
        // Of a run without results, too.
        if !asked {
            run_evidence = hearing.run();
        }
        drop(hearing);
        (scored.map(|()| timing), gathered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let timing = scored?;
    gathered?;
    progress.end();
    let (places, videos): (Vec<usize>, Vec<VideoResult>) = videos.into_iter().unzip();
    let measures = inputs.labelled.then(|| likelihood::measures(&videos, judge, ratios)).transpose()?;
    let protocol = inputs.labelled.then(|| {
        Protocol::of(
            config,
            &inputs,
            (forgery_detector.views(), face_detector.as_deref()),
            run_evidence.as_ref(),
            &videos,
        )
    });
    let metrics = inputs.labelled.then(|| metrics(&videos, &places)).transpose()?;
    let benchmark = match config.protocol {
        Some(OtherProtocol::DeepfakeBench) if inputs.labelled => Some(BenchmarkMetrics::of(&videos)?),
        _ => None,
    };
    let mut summary = InferSummary {
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
        part: part.map(|part| part.done(places.clone())),
        report_failed: None,
        timing,
    };
    if let Some(path) = &config.report {
        let _stage = stage!("composing the report");
        // Hours of scoring are not lost for it.
        summary.report_failed = report::write(path, &summary, &gallery.in_order(&places), &forgery_detector)
            .err()
            .map(|error| crate::causes::with_causes(&error));
    }
    Ok(summary)
}

/// The results of an earlier run that still hold, by place: of the same weights and settings, and of files that have not
/// changed since. What could not be read is done again.
///
/// Fails when results are there, but of another run.
fn taken_over(
    config: &Config,
    inputs: &Inputs,
    before: &SavedLines,
    progress: &dyn Progress,
) -> Result<BTreeMap<usize, VideoResult>> {
    let evidence = evidence::run_evidence(config, inputs, &|| false)?;
    let Some(run) = evidence.as_ref().map(RunEvidence::identity) else { return Ok(BTreeMap::new()) };
    let mut taken = BTreeMap::new();
    let mut changed = 0;
    for (number, item) in inputs.items.iter().enumerate() {
        let Some(line) = before.of(&item.shown(), &run)? else { continue };
        let file = evidence::file_of(inputs, number);
        let Some((path, sum)) = file.zip(line.video.file.as_ref().and_then(|file| file.sum.as_ref())) else {
            continue;
        };
        let same_size = std::fs::metadata(&path).is_ok_and(|file| file.len() == sum.bytes);
        let same_time = line.modified.is_some() && evidence::modified(&path) == line.modified;
        let same_sum =
            || FileSum::of(&path, &|| false).is_ok_and(|now| now.is_some_and(|now| now.sha256 == sum.sha256));
        if !same_size || !(same_time || same_sum()) {
            changed += 1;
            continue;
        }
        if line.video.status == VideoStatus::Unreadable {
            continue;
        }
        let score = match line.video.faces {
            0 => item.label.map(|_| NEUTRAL_SCORE),
            _ => line.video.score,
        };
        // What the list says now counts.
        let InputItem { label, group, source, original, .. } = item.clone();
        taken.insert(item.place, VideoResult { label, group, source, original, score, ..line.video.clone() });
    }
    let all = inputs.items.len();
    progress.note(&format!("{} of {all} inputs have results from before", taken.len()));
    if changed > 0 {
        progress.note(&format!("{changed} files have changed since and are scored again"));
    }
    Ok(taken)
}

/// Metrics over the labelled ones among `videos`; `places`: theirs in the list, ascending.
fn metrics(videos: &[VideoResult], places: &[usize]) -> Result<VideoMetrics> {
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
                original: video.original.and_then(|place| places.binary_search(&place).ok()),
            })
        })
        .collect();
    Ok(VideoMetrics::of(&scored, &Bootstrap::default())?)
}

//! From the faces of a set to the scores of all versions of them.

use super::Perturbation;
use super::perturbation::VERSIONS;
use crate::Result;
use crate::error::Ended;
use crate::face_stream::{FaceStream, InputEnd};
use crate::infer::Config;
use crate::infer::batches::{BatchCrop, Batches, CropScorer, ScoredFace, ScoredFaces, score_stream};
use crate::infer::input::InputItem;
use crate::metrics::{Bootstrap, FrameScore, OverFrames, ScoredVideo, VideoMetrics, video_score_over};
use crate::model::ForgeryDetector;
use crate::progress::{Cancel, Progress};
use crate::types::{Label, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What was found out about one video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VideoVersions {
    /// The video.
    pub path: String,
    /// Real or fake.
    pub label: Label,
    /// Why it is in no number; `None` where it has faces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// How many faces were scored, in each version.
    pub faces: usize,
    /// Its score and those of its frames: as it is first, then in every worse version; empty without a face.
    pub versions: Vec<(f64, Vec<FrameScore>)>,
}

/// Scores the faces of all items in every version; each result comes with the place of its video in the list.
///
/// An interruption drops the items whose faces are not all scored, and returns those before them.
pub(super) fn collect(
    config: &Config,
    items: &[InputItem],
    faces: FaceStream,
    forgery_detector: &ForgeryDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<(usize, VideoVersions)>> {
    let mut collected = Vec::new();
    progress.begin(items.len(), "videos");
    let over_frames = forgery_detector.views().over_frames;
    let scorer = EveryVersion { forgery_detector, cancel };
    let batches = Batches { size: config.batch_size, in_flight: 0, keep: 0, measure: false };
    score_stream(faces, &scorer, batches, |number, end, found| {
        let name = items[number].path.display().to_string();
        if let Some(label) = items[number].label {
            let video = VideoVersions::of((&name, label), end, &found, over_frames)?;
            collected.push((items[number].place, video));
        }
        progress.advance(&name);
        Ok(())
    })?;
    progress.end();
    Ok(collected)
}

impl VideoVersions {
    fn of(
        (name, label): (&str, Label),
        end: InputEnd,
        found: &ScoredFaces<[f32; VERSIONS]>,
        over_frames: OverFrames,
    ) -> Result<VideoVersions> {
        let mut video =
            VideoVersions { path: name.to_owned(), label, left_out: None, faces: 0, versions: Vec::new() };
        // Of files of people more faces come than the published score counts.
        let counted = |at: &usize| end.seen.as_ref().is_none_or(|seen| seen.counted[*at]);
        let faces: Vec<&ScoredFace<[f32; VERSIONS]>> =
            (0..found.faces.len()).filter(counted).map(|at| &found.faces[at]).collect();
        if end.faces == 0 || faces.is_empty() {
            let why = end.note.unwrap_or_else(|| "no face".to_owned());
            video.left_out = Some(format!("{name}: {why}"));
            return Ok(video);
        }
        video.faces = faces.len();
        let frames: Vec<i64> = faces.iter().map(|face| face.frame as i64).collect();
        for number in 0..VERSIONS {
            let scores: Vec<f32> = faces.iter().map(|face| face.score[number]).collect();
            if let Some(score) = video_score_over(&scores, &frames, over_frames)? {
                video.versions.push((score.score, score.frames));
            }
        }
        Ok(video)
    }
}

/// The metrics of all videos with a face in one version.
pub(super) fn metrics_of(videos: &[&VideoVersions], version: usize) -> Result<VideoMetrics> {
    let scored: Vec<ScoredVideo> = videos
        .iter()
        .filter_map(|video| {
            let (score, frames) = video.versions.get(version)?;
            Some(ScoredVideo {
                label: video.label,
                score: *score,
                scored: true,
                frame_scores: frames,
                group: None,
                source: None,
                original: None,
            })
        })
        .collect();
    Ok(VideoMetrics::of(&scored, &Bootstrap::default())?)
}

/// Scores crops as they are and in all worse versions, one version of a whole batch after the other.
struct EveryVersion<'a> {
    forgery_detector: &'a ForgeryDetector,
    cancel: &'a Cancel,
}

impl CropScorer for EveryVersion<'_> {
    type Score = [f32; VERSIONS];
    type Uploaded<'c> = &'c [BatchCrop];
    type Pending = Vec<[f32; VERSIONS]>;

    /// Nothing can be brought ahead: crops are made worse first.
    fn upload<'c>(&self, crops: &'c [BatchCrop]) -> Result<&'c [BatchCrop], Ended> {
        Ok(crops)
    }

    fn submit(&self, crops: &[BatchCrop]) -> Result<Vec<[f32; VERSIONS]>, Ended> {
        let mut scores = vec![[0.0; VERSIONS]; crops.len()];
        let versions = std::iter::once(None).chain(Perturbation::all().map(Some));
        for (number, version) in versions.enumerate() {
            if self.cancel.is_requested() {
                return Err(Ended::Interrupted);
            }
            // Noise differs from face to face and repeats from run to run.
            let crops = crops.par_iter().map(|crop| match version {
                None => Ok(Cow::Borrowed(&crop.pixels)),
                Some(p) => p.apply(&crop.pixels, crop.number as u64).map(Cow::Owned),
            });
            let images = crops.collect::<Result<Vec<Cow<RgbImage>>, _>>()?;
            let images: Vec<&RgbImage> = images.iter().map(Cow::as_ref).collect();
            let of_version = self.forgery_detector.scores(&images)?;
            scores.iter_mut().zip(of_version).for_each(|(scores, score)| scores[number] = score);
        }
        Ok(scores)
    }

    fn collect(&self, scores: Vec<[f32; VERSIONS]>) -> Result<Vec<[f32; VERSIONS]>, Ended> {
        Ok(scores)
    }
}

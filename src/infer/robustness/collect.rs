//! From the faces of a set to the scores of all versions of them.

use super::Perturbation;
use super::perturbation::VERSIONS;
use crate::Result;
use crate::error::Ended;
use crate::face_stream::{FaceStream, InputEnd};
use crate::infer::Config;
use crate::infer::batches::{BatchCrop, Batches, CropScorer, ScoredFaces, score_stream};
use crate::infer::input::InputItem;
use crate::metrics::{Bootstrap, FrameScore, OverFrames, ScoredVideo, VideoMetrics, video_score_over};
use crate::model::ForgeryDetector;
use crate::progress::{Cancel, Progress};
use crate::types::{Label, RgbImage};
use rayon::prelude::*;
use std::borrow::Cow;

/// A video's score in one version.
pub(super) struct VersionVideo {
    pub label: Label,
    pub score: f64,
    pub frames: Vec<FrameScore>,
}

/// All videos in one version.
#[derive(Default)]
pub(super) struct Version {
    pub videos: Vec<VersionVideo>,
}

impl Version {
    pub fn metrics(&self, bootstrap: &Bootstrap) -> Result<VideoMetrics> {
        let scored: Vec<ScoredVideo> = self
            .videos
            .iter()
            .map(|video| ScoredVideo {
                label: video.label,
                score: video.score,
                scored: true,
                frame_scores: &video.frames,
                group: None,
                source: None,
                original: None,
            })
            .collect();
        Ok(VideoMetrics::of(&scored, bootstrap)?)
    }
}

/// The scores of all videos in all versions.
#[derive(Default)]
pub(super) struct Collected {
    /// The clean version first, then one per perturbation, each with the same videos.
    pub versions: [Version; VERSIONS],
    /// Faces scored, in each version.
    pub faces: usize,
    /// Videos that are in no version, with the reason.
    pub left_out: Vec<String>,
}

/// Scores the faces of all items in every version.
///
/// An interruption drops the items whose faces are not all scored, and returns those before them.
pub(super) fn collect(
    config: &Config,
    items: &[InputItem],
    faces: FaceStream,
    forgery_detector: &ForgeryDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Collected> {
    let mut collected = Collected::default();
    progress.begin(items.len(), "videos");
    let over_frames = forgery_detector.views().over_frames;
    let scorer = EveryVersion { forgery_detector, cancel };
    let batches = Batches { size: config.batch_size, in_flight: 0, keep: 0, measure: false };
    score_stream(faces, &scorer, batches, |number, end, found| {
        let name = items[number].path.display().to_string();
        if let Some(label) = items[number].label {
            collected.add(label, &name, end, &found, over_frames)?;
        }
        progress.advance(&name);
        Ok(())
    })?;
    progress.end();
    Ok(collected)
}

impl Collected {
    fn add(
        &mut self,
        label: Label,
        name: &str,
        end: InputEnd,
        found: &ScoredFaces<[f32; VERSIONS]>,
        over_frames: OverFrames,
    ) -> Result<()> {
        if end.faces == 0 {
            let why = end.note.unwrap_or_else(|| "no face".to_owned());
            self.left_out.push(format!("{name}: {why}"));
            return Ok(());
        }
        self.faces += end.faces;
        let frames: Vec<i64> = found.faces.iter().map(|face| face.frame as i64).collect();
        for (number, version) in self.versions.iter_mut().enumerate() {
            let scores: Vec<f32> = found.faces.iter().map(|face| face.score[number]).collect();
            if let Some(video) = video_score_over(&scores, &frames, over_frames)? {
                version.videos.push(VersionVideo { label, score: video.score, frames: video.frames });
            }
        }
        Ok(())
    }
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

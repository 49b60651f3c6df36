//! From a source of faces to the scores of all versions of them.

use super::Perturbation;
use crate::Result;
use crate::causes::with_causes;
use crate::error::Ended;
use crate::face::{Extracted, FACE_SIDE, FaceDetector, extract_faces};
use crate::infer::Config;
use crate::infer::input::Item;
use crate::infer::score::FACE_BYTES;
use crate::metrics::{Bootstrap, FrameScore, ScoredVideo, VideoMetrics, video_score};
use crate::model::ForgeryDetector;
use crate::packed_faces::{PackedSet, PackedVideo};
use crate::progress::{Cancel, Progress};
use crate::types::{Label, RgbImage};
use crate::video::Decodings;
use rayon::prelude::*;

/// A video's score in one version.
pub(super) struct Video {
    pub label: Label,
    pub score: f64,
    pub frames: Vec<FrameScore>,
}

/// All videos in one version.
#[derive(Default)]
pub(super) struct Version {
    pub videos: Vec<Video>,
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
            })
            .collect();
        Ok(VideoMetrics::of(&scored, bootstrap)?)
    }
}

/// What was collected: the clean version first, then one per perturbation, each with the same videos.
pub(super) struct Collected {
    pub versions: Vec<Version>,
    pub faces: usize,
    pub left_out: Vec<String>,
}

impl Collected {
    fn new() -> Self {
        let versions = (0..=Perturbation::all().count()).map(|_| Version::default()).collect();
        Collected { versions, faces: 0, left_out: Vec::new() }
    }

    /// An interruption leaves the videos before the current one.
    fn until(self, ended: Result<(), Ended>, progress: &dyn Progress) -> Result<Self> {
        progress.end();
        match ended {
            Ok(()) | Err(Ended::Interrupted) => Ok(self),
            Err(Ended::Failed(error)) => Err(error),
        }
    }
}

/// Scores the faces of a packed set.
pub(super) fn from_packed(
    config: &Config,
    set: &PackedSet,
    detector: &ForgeryDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Collected> {
    let mut collected = Collected::new();
    let ended = add_packed(config, set, detector, progress, cancel, &mut collected);
    collected.until(ended, progress)
}

fn add_packed(
    config: &Config,
    set: &PackedSet,
    detector: &ForgeryDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
    collected: &mut Collected,
) -> Result<(), Ended> {
    let videos = &set.videos[..set.videos.len().min(config.limit.unwrap_or(usize::MAX))];
    progress.begin(videos.len(), "videos");
    let mut batch = Vec::with_capacity(config.batch_size * FACE_BYTES);
    for video in videos {
        let mut faces = Faces::new(config, detector, cancel);
        match read_packed(video, config.batch_size, &mut batch, &mut faces)? {
            None => collected.add(video.label, faces, &video.name(), "no face")?,
            Some(why) => collected.leave_out(&video.name(), &why),
        }
        progress.advance(&video.name());
    }
    Ok(())
}

/// Hands on all faces of a packed video; a damaged one is told instead.
fn read_packed(
    video: &PackedVideo,
    batch_size: usize,
    batch: &mut Vec<u8>,
    faces: &mut Faces,
) -> Result<Option<String>, Ended> {
    let mut opened = match video.open() {
        Ok(opened) => opened,
        Err(error) => return Ok(Some(with_causes(&error))),
    };
    let mut indices = opened.frame_indices.iter();
    loop {
        match opened.faces.read_batch(batch_size, batch) {
            Ok(0) => return Ok(None),
            Ok(_) => {
                for (planes, frame) in batch.chunks_exact(FACE_BYTES).zip(&mut indices) {
                    faces.push(*frame, RgbImage::from_planes(FACE_SIDE, FACE_SIDE, planes))?;
                }
            }
            Err(error) => return Ok(Some(with_causes(&error))),
        }
    }
}

/// Scores the faces of videos.
pub(super) fn from_videos(
    config: &Config,
    items: &[Item],
    decodings: &mut Decodings,
    detector: &ForgeryDetector,
    face_detector: &dyn FaceDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Collected> {
    let mut collected = Collected::new();
    progress.begin(items.len(), "videos");
    decodings.fill_batches_of(face_detector.preferred_batch());
    let events = decodings.events().take_while(|_| !cancel.is_requested());
    let mut faces = Faces::new(config, detector, cancel);
    let ended = extract_faces(events, face_detector, |extracted| -> Result<(), Ended> {
        match extracted {
            Extracted::Faces { found, .. } => {
                found.faces.into_iter().try_for_each(|crop| faces.push(found.frame as i64, crop.pixels))
            }
            Extracted::End { video, extraction } => {
                let faces = std::mem::replace(&mut faces, Faces::new(config, detector, cancel));
                let why = extraction.note.unwrap_or_else(|| "no face".to_owned());
                let name = items[video].path.display().to_string();
                if let Some(label) = items[video].label {
                    collected.add(label, faces, &name, &why)?;
                }
                progress.advance(&name);
                Ok(())
            }
        }
    });
    collected.until(ended.map_err(Ended::from), progress)
}

impl Collected {
    fn add(&mut self, label: Label, faces: Faces, name: &str, why_none: &str) -> Result<(), Ended> {
        let (frames, scores) = faces.finish()?;
        if frames.is_empty() {
            self.leave_out(name, why_none);
            return Ok(());
        }
        self.faces += frames.len();
        for (version, scores) in self.versions.iter_mut().zip(scores) {
            if let Some(score) = video_score(&scores, &frames)? {
                version.videos.push(Video { label, score: score.score, frames: score.frames });
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, name: &str, why: &str) {
        self.left_out.push(format!("{name}: {why}"));
    }
}

/// The faces of one video: a batch of them at a time is perturbed in every way and scored.
struct Faces<'a> {
    detector: &'a ForgeryDetector,
    batch_size: usize,
    cancel: &'a Cancel,
    waiting: Vec<RgbImage>,
    frames: Vec<i64>,
    /// Per version.
    scores: Vec<Vec<f32>>,
}

impl<'a> Faces<'a> {
    fn new(config: &Config, detector: &'a ForgeryDetector, cancel: &'a Cancel) -> Self {
        let scores = vec![Vec::new(); Perturbation::all().count() + 1];
        let batch_size = config.batch_size;
        Faces { detector, batch_size, cancel, waiting: Vec::new(), frames: Vec::new(), scores }
    }

    fn push(&mut self, frame: i64, face: RgbImage) -> Result<(), Ended> {
        self.waiting.push(face);
        self.frames.push(frame);
        if self.waiting.len() >= self.batch_size {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Ended> {
        let first = self.scores[0].len();
        let versions = std::iter::once(None).chain(Perturbation::all().map(Some));
        for (version, scores) in versions.zip(&mut self.scores) {
            if self.cancel.is_requested() {
                return Err(Ended::Interrupted);
            }
            // Noise differs from face to face and repeats from run to run.
            let planes = |(number, face): (usize, &RgbImage)| match version {
                None => Ok(face.to_planes()),
                Some(p) => p.apply(face, (first + number) as u64).map(|worse| worse.to_planes()),
            };
            let planes: Result<Vec<Vec<u8>>, _> = self.waiting.par_iter().enumerate().map(planes).collect();
            scores.extend(self.detector.scores(&planes?.concat(), FACE_SIDE)?);
        }
        self.waiting.clear();
        Ok(())
    }

    /// Frames of the faces, and their scores per version.
    fn finish(mut self) -> Result<(Vec<i64>, Vec<Vec<f32>>), Ended> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        Ok((self.frames, self.scores))
    }
}

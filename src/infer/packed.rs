//! Scoring a packed test set: the faces are cut out already.

use super::score::FACE_BYTES;
use super::{Config, VideoResult, NEUTRAL_SCORE};
use crate::face::FACE_SIDE;
use crate::metrics::video_score;
use crate::model::Detector;
use crate::packed::{OpenVideo, PackedSet, PackedVideo};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use crate::Result;

/// Scores the videos in their order; damaged arrays make their video unreadable and no more.
pub(super) fn score_all(
    config: &Config,
    set: &PackedSet,
    detector: &Detector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let videos = &set.videos[..set.videos.len().min(config.limit.unwrap_or(usize::MAX))];
    progress.begin(videos.len(), "videos");
    let mut results = Vec::with_capacity(videos.len());
    for video in videos {
        let mut result = blank(video);
        match video.open() {
            Ok(opened) => match score_one(config, opened, detector, &mut result, cancel)? {
                Finished::Yes => {}
                Finished::Interrupted => break,
            },
            Err(error) => {
                result.status = VideoStatus::Unreadable;
                result.note = Some(error.to_string());
            }
        }
        if let Some(note) = &result.note {
            progress.note(&format!("{}: {note}", result.path));
        }
        progress.advance(&result.path);
        results.push(result);
    }
    Ok(results)
}

/// Whether a video was scored to its end.
enum Finished {
    Yes,
    Interrupted,
}

fn blank(video: &PackedVideo) -> VideoResult {
    let entry = video.entry.as_ref();
    VideoResult {
        path: video.name(),
        label: Some(video.label),
        group: entry.and_then(|entry| entry.group.clone()),
        score: Some(NEUTRAL_SCORE),
        status: VideoStatus::Ok,
        frames: entry.map_or(0, |entry| entry.frames_decoded as usize),
        faces: 0,
        frame_scores: Vec::new(),
        note: entry.and_then(|entry| entry.note.clone()),
    }
}

fn score_one(
    config: &Config,
    mut video: OpenVideo,
    detector: &Detector,
    result: &mut VideoResult,
    cancel: &Cancel,
) -> Result<Finished> {
    result.status = video.status;
    if video.status == VideoStatus::NoFace && result.note.is_none() {
        result.note = Some("no face in any frame".to_owned());
    }
    let mut batch = Vec::with_capacity(config.batch_size * FACE_BYTES);
    let mut scores = Vec::with_capacity(video.frame_indices.len());
    loop {
        if cancel.is_requested() {
            return Ok(Finished::Interrupted);
        }
        match video.faces.read_batch(config.batch_size, &mut batch) {
            Ok(0) => break,
            Ok(_) => scores.extend(detector.scores(&batch, FACE_SIDE)?),
            Err(error) => {
                result.status = VideoStatus::Unreadable;
                result.note = Some(error.to_string());
                return Ok(Finished::Yes);
            }
        }
    }
    result.faces = scores.len();
    if let Some(score) = video_score(&scores, &video.frame_indices)? {
        // Without a manifest, frames without a face are not known.
        result.frames = result.frames.max(score.frames.len());
        result.score = Some(score.score);
        result.frame_scores = score.frames;
    }
    Ok(Finished::Yes)
}

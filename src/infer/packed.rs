//! Scoring a packed test set: the faces are cut out already.

use super::heatmaps;
use super::score::{FaceScorer, Scored, FACE_BYTES};
use super::{Config, Judge, VideoResult, NEUTRAL_SCORE};
use crate::metrics::video_score;
use crate::model::Detector;
use crate::packed::{OpenVideo, PackedSet, PackedVideo};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use crate::Result;
use std::path::PathBuf;

/// Scores the videos in their order; damaged arrays make their video unreadable and no more.
pub(super) fn score_all(
    config: &Config,
    set: &PackedSet,
    detector: &Detector,
    judge: Option<Judge>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let videos = &set.videos[..set.videos.len().min(config.limit.unwrap_or(usize::MAX))];
    let names: Vec<PathBuf> = videos.iter().map(|video| video.name().into()).collect();
    let sheets = heatmaps::Folder::prepare(config.heatmaps.as_deref(), names.iter().map(PathBuf::as_path))?;
    progress.begin(videos.len(), "videos");
    let mut results = Vec::with_capacity(videos.len());
    for (number, video) in videos.iter().enumerate() {
        let mut result = blank(video);
        let mut found = Scored::default();
        match video.open() {
            Ok(opened) => match score_one(config, opened, detector, &mut result, cancel)? {
                Finished::Yes(scored) => found = scored,
                Finished::Interrupted => break,
            },
            Err(error) => {
                result.status = VideoStatus::Unreadable;
                result.note = Some(error.to_string());
            }
        }
        if let Some(sheets) = &sheets {
            if let Err(error) = sheets.write(number, detector, judge, &found.kept) {
                result.add_note(format!("no heat map: {error}"));
            }
        }
        result.judgement = judge.map(|judge| judge.judge(&result, &found.faces));
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
    Yes(Scored),
    Interrupted,
}

fn blank(video: &PackedVideo) -> VideoResult {
    let entry = video.entry.as_ref();
    VideoResult {
        path: video.name(),
        label: Some(video.label),
        group: entry.and_then(|entry| entry.group.clone()),
        score: Some(NEUTRAL_SCORE),
        judgement: None,
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
    let keep = if config.heatmaps.is_some() { heatmaps::FACES } else { 0 };
    let mut scorer = FaceScorer::new(detector, config.batch_size, keep);
    let mut batch = Vec::with_capacity(config.batch_size * FACE_BYTES);
    let mut indices = video.frame_indices.iter();
    loop {
        if cancel.is_requested() {
            return Ok(Finished::Interrupted);
        }
        match video.faces.read_batch(config.batch_size, &mut batch) {
            Ok(0) => break,
            Ok(_) => {
                // There is an index per face: that was checked when the arrays were opened.
                for (planes, frame) in batch.chunks_exact(FACE_BYTES).zip(&mut indices) {
                    scorer.push(*frame, None, planes)?;
                }
            }
            Err(error) => {
                result.status = VideoStatus::Unreadable;
                result.note = Some(error.to_string());
                return Ok(Finished::Yes(Scored::default()));
            }
        }
    }
    let found = scorer.finish()?;
    let scores: Vec<f32> = found.faces.iter().map(|face| face.score).collect();
    result.faces = scores.len();
    if let Some(score) = video_score(&scores, &video.frame_indices)? {
        // Without a manifest, frames without a face are not known.
        result.frames = result.frames.max(score.frames.len());
        result.score = Some(score.score);
        result.frame_scores = score.frames;
    }
    Ok(Finished::Yes(found))
}

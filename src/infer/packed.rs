//! Scoring a packed test set: the faces are cut out already.

use super::heatmaps;
use super::score::{Batches, FACE_BYTES, FaceScorer, Scored};
use super::{Config, Judge, NEUTRAL_SCORE, VideoResult};
use crate::Result;
use crate::causes::with_causes;
use crate::metrics::video_score;
use crate::model::ForgeryDetector;
use crate::packed_faces::{OpenVideo, PackedSet, PackedVideo};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use std::path::PathBuf;

/// Scores the videos in their order; damaged arrays make their video unreadable and no more.
pub(super) fn score_all(
    config: &Config,
    set: &PackedSet,
    detector: &ForgeryDetector,
    judge: Option<Judge>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let videos = &set.videos[..set.videos.len().min(config.limit.unwrap_or(usize::MAX))];
    let names: Vec<PathBuf> = videos.iter().map(|video| video.name().into()).collect();
    let sheets = heatmaps::Folder::prepare(config.heatmaps.as_deref(), names.iter().map(PathBuf::as_path))?;
    progress.begin(videos.len(), "videos");
    let mut results = Vec::with_capacity(videos.len());
    let mut conclude = |(mut result, whole): Ended, found: Scored| -> Result<()> {
        // Faces before a damage do not stand for their video.
        let found = if whole { found } else { Scored::default() };
        add_scores(&mut result, &found)?;
        if let Some(sheets) = &sheets
            && let Err(error) = sheets.write(results.len(), detector, judge, &found.kept)
        {
            result.add_note(format!("no heat map: {}", with_causes(&error)));
        }
        result.judgement = judge.map(|judge| judge.judge(&result, &found.faces));
        if let Some(note) = &result.note {
            progress.note(&format!("{}: {note}", result.path));
        }
        progress.advance(&result.path);
        results.push(result);
        Ok(())
    };
    let keep = if config.heatmaps.is_some() { heatmaps::FACES } else { 0 };
    let mut scorer = FaceScorer::new(detector, Batches::new(config.batch_size, detector), keep);
    for video in videos {
        let mut result = blank(video);
        let read = match video.open() {
            Ok(opened) => push_faces(opened, config.batch_size, &mut scorer, &mut result, cancel)?,
            Err(error) => Read::Damaged(with_causes(&error)),
        };
        let whole = match read {
            Read::Whole => true,
            Read::Damaged(reason) => {
                result.status = VideoStatus::Unreadable;
                result.note = Some(reason);
                false
            }
            Read::Interrupted => break,
        };
        scorer.end((result, whole));
        scorer.scored().try_for_each(|(ended, found)| conclude(ended, found))?;
    }
    scorer.finish()?;
    scorer.scored().try_for_each(|(ended, found)| conclude(ended, found))?;
    Ok(results)
}

/// What is known of a video before its scores are, and whether its faces could be read to the end.
type Ended = (VideoResult, bool);

/// How the reading of a video went.
enum Read {
    Whole,
    Damaged(String),
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

/// Hands on all faces of a video.
fn push_faces(
    mut video: OpenVideo,
    batch_size: usize,
    scorer: &mut FaceScorer<Ended>,
    result: &mut VideoResult,
    cancel: &Cancel,
) -> Result<Read> {
    result.status = video.status;
    if video.status == VideoStatus::NoFace && result.note.is_none() {
        result.note = Some("no face in any frame".to_owned());
    }
    let mut batch = Vec::with_capacity(batch_size * FACE_BYTES);
    let mut indices = video.frame_indices.iter();
    loop {
        if cancel.is_requested() {
            return Ok(Read::Interrupted);
        }
        match video.faces.read_batch(batch_size, &mut batch) {
            Ok(0) => return Ok(Read::Whole),
            Ok(_) => {
                // There is an index per face: that was checked when the arrays were opened.
                for (planes, frame) in batch.chunks_exact(FACE_BYTES).zip(&mut indices) {
                    scorer.push(*frame, None, planes)?;
                }
            }
            Err(error) => return Ok(Read::Damaged(with_causes(&error))),
        }
    }
}

fn add_scores(result: &mut VideoResult, found: &Scored) -> Result<()> {
    let scores: Vec<f32> = found.faces.iter().map(|face| face.score).collect();
    let frames: Vec<i64> = found.faces.iter().map(|face| face.frame).collect();
    result.faces = scores.len();
    if let Some(score) = video_score(&scores, &frames)? {
        // Without a manifest, frames without a face are not known.
        result.frames = result.frames.max(score.frames.len());
        result.score = Some(score.score);
        result.frame_scores = score.frames;
    }
    Ok(())
}

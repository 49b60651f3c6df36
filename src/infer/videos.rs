//! Scoring videos and photographs: decode, detect, crop, classify.

use super::annotate::{self, Caption};
use super::input::Item;
use super::score::{FaceScorer, ScoredFace};
use super::{Config, VideoResult, NEUTRAL_SCORE};
use crate::error::Ended;
use crate::face::{extract_faces, FaceDetector};
use crate::metrics::video_score;
use crate::model::Detector;
use crate::progress::{Cancel, Progress};
use crate::video::{decode_ahead, distinct_frame_indices, Decoding};
use crate::Result;

/// Scores all items, in order. An interruption drops the current video and returns those before it.
pub(super) fn score_all(
    config: &Config,
    items: &[Item],
    detector: &Detector,
    faces: &dyn FaceDetector,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let copies = annotate::Folder::prepare(config.annotate.as_deref(), items.iter().map(|item| &item.path))?;
    progress.begin(items.len(), "videos");
    let mut results = Vec::with_capacity(items.len());
    let paths = items.iter().map(|item| item.path.clone());
    let choose = |_, count| distinct_frame_indices(count, config.frames);
    let ended = decode_ahead(paths, &choose, config.jobs, |number, decoding| {
        let item = &items[number];
        let (mut result, found) = score_one(config, item, &decoding, detector, faces, cancel)?;
        if let Some(copies) = &copies {
            let caption = Caption { score: result.score, threshold: config.threshold };
            if let Err(error) = copies.write(&item.path, number, &found, caption, cancel) {
                result.note = Some(join_notes(result.note.take(), format!("no annotated copy: {error}")));
            }
        }
        if let Some(note) = &result.note {
            progress.note(&format!("{}: {note}", item.path.display()));
        }
        progress.advance(&item.path.display().to_string());
        results.push(result);
        Ok(())
    });
    match ended {
        Ok(()) | Err(Ended::Interrupted) => Ok(results),
        Err(Ended::Failed(error)) => Err(error),
    }
}

fn score_one(
    config: &Config,
    item: &Item,
    decoding: &Decoding,
    detector: &Detector,
    faces: &dyn FaceDetector,
    cancel: &Cancel,
) -> Result<(VideoResult, Vec<ScoredFace>), Ended> {
    let mut scorer = FaceScorer::new(detector, config.batch_size);
    let extraction = extract_faces(decoding, faces, |found| {
        if cancel.is_requested() {
            return Err(Ended::Interrupted);
        }
        for crop in &found.faces {
            scorer.push(found.frame, crop)?;
        }
        Ok(())
    })?;
    if cancel.is_requested() {
        return Err(Ended::Interrupted);
    }
    let found = scorer.finish()?;
    let scores: Vec<f32> = found.iter().map(|face| face.score).collect();
    let frames: Vec<i64> = found.iter().map(|face| face.frame as i64).collect();
    let score = video_score(&scores, &frames)?;
    let neutral = item.label.map(|_| NEUTRAL_SCORE);
    let result = VideoResult {
        path: item.path.display().to_string(),
        label: item.label,
        group: item.group.clone(),
        score: score.as_ref().map(|s| s.score).or(neutral),
        status: extraction.status,
        frames: extraction.frames_decoded,
        faces: extraction.faces,
        frame_scores: score.map(|s| s.frames).unwrap_or_default(),
        note: extraction.note,
    };
    Ok((result, found))
}

fn join_notes(first: Option<String>, second: String) -> String {
    first.map_or(second.clone(), |first| format!("{first}; {second}"))
}

//! Scoring videos and photographs: decode, detect, crop, classify.

use super::annotate::{self, Caption};
use super::heatmaps;
use super::input::Item;
use super::score::{Batches, FaceScorer, Scored};
use super::{Config, Judge, NEUTRAL_SCORE, VideoResult};
use crate::Result;
use crate::causes::with_causes;
use crate::face::{Extracted, Extraction, FaceDetector, extract_faces};
use crate::metrics::video_score;
use crate::model::ForgeryDetector;
use crate::progress::{Cancel, Progress};
use crate::video::Decodings;

/// What finds faces, what scores them, and what scores are measured by.
pub(super) struct Detectors<'a> {
    pub forgeries: &'a ForgeryDetector,
    pub faces: &'a dyn FaceDetector,
    pub judge: Option<Judge>,
}

/// What is drawn per input.
struct Pictures {
    copies: Option<annotate::Folder>,
    sheets: Option<heatmaps::Folder>,
}

/// Scores all items, in order. An interruption drops the current video and returns those before it.
///
/// Both networks get full batches, whatever the length of the videos.
pub(super) fn score_all(
    config: &Config,
    items: &[Item],
    decodings: &mut Decodings,
    detectors: &Detectors,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let paths = || items.iter().map(|item| item.path.as_path());
    let pictures = Pictures {
        copies: annotate::Folder::prepare(config.annotate.as_deref(), paths())?,
        sheets: heatmaps::Folder::prepare(config.heatmaps.as_deref(), paths())?,
    };
    progress.begin(items.len(), "videos");
    let mut results = Vec::with_capacity(items.len());
    let mut conclude = |number: usize, extraction, found: &Scored| -> Result<()> {
        let item = &items[number];
        let mut result = result_of(item, extraction, found, detectors.judge)?;
        pictures.draw(number, found, &mut result, item, detectors, cancel);
        if let Some(note) = &result.note {
            progress.note(&format!("{}: {note}", item.path.display()));
        }
        progress.advance(&item.path.display().to_string());
        results.push(result);
        Ok(())
    };
    let keep = if config.heatmaps.is_some() { heatmaps::FACES } else { 0 };
    let batches = Batches::new(config.batch_size, detectors.forgeries);
    let mut scorer = FaceScorer::new(detectors.forgeries, batches, keep);
    decodings.fill_batches_of(detectors.faces.preferred_batch());
    let events = decodings.events().take_while(|_| !cancel.is_requested());
    extract_faces(events, detectors.faces, |extracted| -> Result<()> {
        match extracted {
            Extracted::Faces { found, .. } => {
                for crop in &found.faces {
                    scorer.push(found.frame as i64, Some(crop.face.bbox), &crop.pixels.to_planes())?;
                }
            }
            Extracted::End { video, extraction } => scorer.end((video, extraction)),
        }
        scorer.scored().try_for_each(|((video, extraction), found)| conclude(video, extraction, &found))
    })?;
    scorer.finish()?;
    scorer.scored().try_for_each(|((video, extraction), found)| conclude(video, extraction, &found))?;
    Ok(results)
}

impl Pictures {
    /// Draws what was asked for; a picture that cannot be written does not take the score with it.
    fn draw(
        &self,
        number: usize,
        found: &Scored,
        result: &mut VideoResult,
        item: &Item,
        detectors: &Detectors,
        cancel: &Cancel,
    ) {
        if let Some(copies) = &self.copies {
            let caption = Caption::of(result, detectors.judge);
            if let Err(error) = copies.write(&item.path, number, &found.faces, &caption, cancel) {
                result.add_note(format!("no annotated copy: {}", with_causes(&error)));
            }
        }
        if let Some(sheets) = &self.sheets
            && let Err(error) = sheets.write(number, detectors.forgeries, detectors.judge, &found.kept)
        {
            result.add_note(format!("no heat map: {}", with_causes(&error)));
        }
    }
}

fn result_of(
    item: &Item,
    extraction: Extraction,
    found: &Scored,
    judge: Option<Judge>,
) -> Result<VideoResult> {
    let scores: Vec<f32> = found.faces.iter().map(|face| face.score).collect();
    let frames: Vec<i64> = found.faces.iter().map(|face| face.frame).collect();
    let score = video_score(&scores, &frames)?;
    let neutral = item.label.map(|_| NEUTRAL_SCORE);
    let mut result = VideoResult {
        path: item.path.display().to_string(),
        label: item.label,
        group: item.group.clone(),
        score: score.as_ref().map(|s| s.score).or(neutral),
        judgement: None,
        status: extraction.status,
        frames: extraction.frames_decoded,
        faces: extraction.faces,
        frame_scores: score.map(|s| s.frames).unwrap_or_default(),
        note: extraction.note,
    };
    result.judgement = judge.map(|judge| judge.judge(&result, &found.faces));
    Ok(result)
}

#[cfg(test)]
mod tests;

//! From the faces of inputs to one result per input.

use super::annotate::{Caption, CopyFolder};
use super::batches::{Batches, ScoredFaces, score_stream};
use super::heatmaps::{self, SheetFolder};
use super::input::InputItem;
use super::verdict::Evidence;
use super::{Config, Judge, Judgement, NEUTRAL_SCORE, VideoResult};
use crate::Result;
use crate::causes::with_causes;
use crate::face_stream::{FaceStream, InputEnd};
use crate::media::Reading;
use crate::metrics::video_score_over;
use crate::model::ForgeryDetector;
use crate::progress::{Cancel, Progress};

/// Scores all items, whose faces `faces` tells, in order; `judge` is what their scores are measured by.
///
/// An interruption drops the current item and returns those before it.
pub(super) fn score_all(
    config: &Config,
    items: &[InputItem],
    faces: FaceStream,
    (forgery_detector, judge): (&ForgeryDetector, Option<Judge>),
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<VideoResult>> {
    let paths = || items.iter().map(|item| item.path.as_path());
    let copies = config.annotate.as_deref().map(|folder| CopyFolder::create(folder, paths())).transpose()?;
    let sheets = config.heatmaps.as_deref().map(|folder| SheetFolder::create(folder, paths())).transpose()?;
    let builder =
        ResultBuilder { items, forgery_detector, judge, copies, sheets, reading: config.reading(), cancel };
    progress.begin(items.len(), "videos");
    let mut results = Vec::with_capacity(items.len());
    let batches = Batches {
        keep: if builder.sheets.is_some() { heatmaps::FACES } else { 0 },
        ..Batches::for_detector(config.batch_size, forgery_detector)
    };
    score_stream(faces, forgery_detector, batches, |number, end, found| {
        let result = builder.result(number, end, found)?;
        for note in result.note.iter().chain(&result.remarks) {
            progress.note(&format!("{}: {note}", result.path));
        }
        progress.advance(&result.path);
        results.push(result);
        Ok(())
    })?;
    Ok(results)
}

/// Makes the results of items from their scores, and draws what was asked for on the way.
struct ResultBuilder<'a> {
    items: &'a [InputItem],
    forgery_detector: &'a ForgeryDetector,
    judge: Option<Judge>,
    copies: Option<CopyFolder>,
    sheets: Option<SheetFolder>,
    reading: Reading,
    cancel: &'a Cancel,
}

impl ResultBuilder<'_> {
    /// Everything about the item of this number.
    fn result(&self, number: usize, end: InputEnd, found: ScoredFaces) -> Result<VideoResult> {
        // Of an input whose faces cannot be trusted none count.
        let found = if end.faces == 0 { ScoredFaces::default() } else { found };
        let scores: Vec<f32> = found.faces.iter().map(|face| face.score).collect();
        let frames: Vec<i64> = found.faces.iter().map(|face| face.frame as i64).collect();
        let video = video_score_over(&scores, &frames, self.forgery_detector.looks().over_frames)?;
        let score = video.as_ref().map(|video| video.score);
        let frame_scores = video.map(|video| video.frames).unwrap_or_default();
        let evidence = Evidence {
            score,
            frame_scores: &frame_scores,
            faces: &found.faces,
            frames_wanted: end.frames_wanted,
            frames: end.frames_decoded,
            status: end.status,
            note: end.note.as_deref(),
        };
        let judgement = self.judge.map(|judge| judge.judge(&evidence));
        let undrawn = self.draw(number, score, judgement.as_ref(), &found);
        let notes: Vec<String> = end.note.into_iter().chain(undrawn).collect();
        let item = &self.items[number];
        Ok(VideoResult {
            path: item.path.display().to_string(),
            label: item.label,
            group: item.group.clone(),
            source: item.source.clone(),
            original: item.original,
            score: score.or(item.label.map(|_| NEUTRAL_SCORE)),
            judgement,
            status: end.status,
            frames: end.frames_decoded,
            faces: end.faces,
            frame_scores,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            remarks: end.remarks,
        })
    }

    /// Draws what was asked for. What cannot be written does not take the score with it: it is the answer, in words.
    fn draw(
        &self,
        number: usize,
        score: Option<f64>,
        judgement: Option<&Judgement>,
        found: &ScoredFaces,
    ) -> Vec<String> {
        let mut undrawn = Vec::new();
        if let Some(copies) = &self.copies {
            let caption = Caption::of(score, judgement, self.judge);
            let path = &self.items[number].path;
            if let Err(error) = copies.write(path, number, &found.faces, &caption, self.reading, self.cancel)
            {
                undrawn.push(format!("no annotated copy: {}", with_causes(&error)));
            }
        }
        if let Some(sheets) = &self.sheets
            && let Err(error) = sheets.write(number, self.forgery_detector, self.judge, &found.kept)
        {
            undrawn.push(format!("no heat map: {}", with_causes(&error)));
        }
        undrawn
    }
}

#[cfg(test)]
mod tests;

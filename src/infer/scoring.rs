//! From the faces of inputs to one result per input.

use super::annotate::{Caption, CopyFolder};
use super::batches::{Batches, ScoredFaces, score_stream};
use super::heatmaps::{self, SheetFolder};
use super::input::InputItem;
use super::marks;
use super::persons::{PersonJudge, deciding, judgement_of_file, measured_of_all};
use super::report::Gallery;
use super::verdict::{Evidence, file_doubts};
use super::{Config, Judge, NEUTRAL_SCORE, PersonResult, Sampling, Verdict, VideoResult};
use crate::Result;
use crate::causes::with_causes;
use crate::face_stream::{FaceStream, InputEnd, Seen};
use crate::media::Reading;
use crate::metrics::{CalibratedRange, video_score_over};
use crate::model::ForgeryDetector;
use crate::progress::{Cancel, Progress};
use crate::timings::stage;
use std::path::PathBuf;

/// What takes a result as soon as it is there, with its position among the items.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize, VideoResult) -> Result<()>;

/// Scores all items, whose faces `faces` tells, in order, and hands each result on; `judge` is what their scores are measured
/// by. `list`: the paths of the whole list that the items are of, by which files that are drawn get their names.
///
/// An interruption drops the current item. Faces for a report go to `gallery`.
pub(super) fn score_all(
    config: &Config,
    (items, list): (&[InputItem], &[PathBuf]),
    faces: FaceStream,
    (forgery_detector, judge): (&ForgeryDetector, Option<Judge>),
    (progress, take): (&dyn Progress, Take),
    gallery: &mut Gallery,
    cancel: &Cancel,
) -> Result<()> {
    let paths = || list.iter().map(PathBuf::as_path);
    let copies = config.annotate.as_deref().map(|folder| CopyFolder::create(folder, paths())).transpose()?;
    let sheets = config.heatmaps.as_deref().map(|folder| SheetFolder::create(folder, paths())).transpose()?;
    let reading = config.reading();
    let wants_pictures = gallery.is_wanted();
    let builder = ResultBuilder { items, forgery_detector, judge, copies, sheets, reading, cancel };
    progress.begin(items.len(), "videos");
    let batches = Batches {
        keep: if builder.sheets.is_some() || wants_pictures { heatmaps::FACES } else { 0 },
        measure: config.measure
            || wants_pictures
            || forgery_detector.calibrated_range() != CalibratedRange::default(),
        ..Batches::for_detector(config.batch_size, forgery_detector)
    };
    score_stream(faces, forgery_detector, batches, |number, end, found| {
        let _stage = stage!("judging");
        let result = builder.result(number, end, found, gallery)?;
        for note in result.note.iter().chain(&result.remarks) {
            progress.note(&format!("{}: {note}", result.path));
        }
        let path = result.path.clone();
        take(number, result)?;
        progress.advance(&path);
        Ok(())
    })
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
    fn result(
        &self,
        number: usize,
        mut end: InputEnd,
        found: ScoredFaces,
        gallery: &mut Gallery,
    ) -> Result<VideoResult> {
        // Of an input whose faces cannot be trusted none count.
        let found = if end.faces == 0 { ScoredFaces::default() } else { found };
        let seen = end.seen.take();
        let counted = |at: &usize| seen.as_ref().is_none_or(|seen| seen.counted[*at]);
        let published = || (0..found.faces.len()).filter(counted).map(|at| &found.faces[at]);
        let scores: Vec<f32> = published().map(|face| face.score).collect();
        let frames: Vec<i64> = published().map(|face| face.frame as i64).collect();
        let video = video_score_over(&scores, &frames, self.forgery_detector.views().over_frames)?;
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
        let persons = seen.as_ref().map(|seen| self.persons(&end, seen, &found));
        let too_small = seen.as_ref().map_or(0, |seen| seen.too_small);
        let by_persons = persons.as_deref().and_then(|persons| judgement_of_file(persons, too_small));
        let judgement = by_persons.or_else(|| self.judge.map(|judge| judge.judge(&evidence)));
        let sampling = seen.as_deref().and_then(sampling);
        let by_place = seen.and_then(|seen| seen.by_place);
        let by_place = by_place.map(|why| format!("persons are told apart by their places alone: {why}"));
        end.remarks.extend(by_place);
        let item = &self.items[number];
        let passages = persons
            .as_ref()
            .map(|persons| persons.iter().flat_map(|person| person.passages.iter().copied()).collect());
        let verdict = judgement.as_ref().map(|judgement| judgement.verdict);
        let mut result = VideoResult {
            path: item.shown(),
            label: item.label,
            group: item.group.clone(),
            source: item.source.clone(),
            original: item.original,
            score: score.or(item.label.map(|_| NEUTRAL_SCORE)),
            judgement,
            likely_real: verdict == Some(Verdict::NoTraceFound),
            deciding_person: verdict.and(persons.as_deref()).and_then(deciding).map(|person| person.person),
            lr: None,
            status: end.status,
            frames: end.frames_decoded,
            faces: end.faces,
            frame_scores,
            persons,
            passages,
            sampling,
            measured: measured_of_all(&found),
            note: None,
            remarks: end.remarks,
            file: None,
        };
        let mut undrawn = self.draw(number, score, &result, &found);
        // Faces of a report are no more than that, either.
        if let Err(error) = gallery.take(item.place, &result, &found, (self.forgery_detector, self.judge)) {
            undrawn.push(format!("no faces in the report: {}", with_causes(&error)));
        }
        let notes: Vec<String> = end.note.into_iter().chain(undrawn).collect();
        result.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(result)
    }

    /// The persons of a file, each with its verdict.
    fn persons(&self, end: &InputEnd, seen: &Seen, found: &ScoredFaces) -> Vec<PersonResult> {
        if found.faces.is_empty() {
            return Vec::new();
        }
        let judge = PersonJudge {
            judge: self.judge,
            over_frames: self.forgery_detector.views().over_frames,
            range: self.forgery_detector.calibrated_range(),
            doubts: &file_doubts(end.frames_decoded, end.frames_wanted, end.status),
            whole: end.frames_decoded >= end.frames_wanted,
        };
        judge.persons(seen, found)
    }

    /// Draws what was asked for. What cannot be written does not take the score with it: it is the answer, in words.
    fn draw(
        &self,
        number: usize,
        score: Option<f64>,
        result: &VideoResult,
        found: &ScoredFaces,
    ) -> Vec<String> {
        let persons = result.persons.as_deref().unwrap_or_default();
        let mut undrawn = Vec::new();
        if let Some(copies) = &self.copies {
            let caption = Caption::of(score, result);
            let marks = marks::of_persons(persons, self.judge);
            let path = &self.items[number].path;
            if let Err(error) =
                copies.write(path, self.items[number].place, &marks, &caption, self.reading, self.cancel)
            {
                undrawn.push(format!("no annotated copy: {}", with_causes(&error)));
            }
        }
        if let Some(sheets) = &self.sheets
            && let Err(error) = {
                let faces = marks::titled(&found.kept, &found.faces, persons, heatmaps::FACES);
                sheets.write(self.items[number].place, self.forgery_detector, self.judge, &faces)
            }
        {
            undrawn.push(format!("no heat map: {}", with_causes(&error)));
        }
        undrawn
    }
}

/// Which frames were looked at; `None` for what could not be opened.
fn sampling(seen: &Seen) -> Option<Sampling> {
    let plan = seen.plan.as_ref()?;
    let length = plan.length;
    let seconds = if length.frames > 1 { length.seconds_at(length.frames) } else { 0.0 };
    let scenes = seen.looked_at.chunk_by(|a, b| a.scene == b.scene).count();
    Some(Sampling {
        frames: length.frames,
        seconds,
        planned: plan.wanted(),
        added_for_scenes: seen.added,
        scenes,
        by_looks: seen.by_place.is_none(),
    })
}

#[cfg(test)]
mod tests;

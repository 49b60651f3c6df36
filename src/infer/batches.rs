//! Face crops to scores, in batches that may hold crops of several inputs.

use crate::Result;
use crate::error::Ended;
use crate::face::{self, FaceCrop};
use crate::face_stream::{FaceEvent, InputEnd};
use crate::imaging::Light;
use crate::model::{ForgeryDetector, PendingScores, UploadedCrops};
use crate::timings::stage;
use crate::types::{BBox, RgbImage};
use crossbeam_channel::bounded;
use std::collections::VecDeque;

/// A face that was found and scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoredFace<S = f32> {
    /// Index of its frame, from 0.
    pub frame: usize,
    /// Where in the frame it was found; packed files do not tell.
    pub bbox: Option<BBox>,
    pub score: S,
}

/// A face that is kept with its crop, to be drawn.
#[derive(Clone, Debug)]
pub(super) struct KeptFace<S = f32> {
    pub face: ScoredFace<S>,
    /// Its preliminary person; 0 where persons are not followed.
    pub person: usize,
    pub crop: RgbImage,
}

/// All faces of an input.
#[derive(Debug)]
pub(super) struct ScoredFaces<S = f32> {
    /// All faces, in the order of the stream.
    pub faces: Vec<ScoredFace<S>>,
    /// The faces with the highest scores, the highest first; of each preliminary person at most one per frame.
    pub kept: Vec<KeptFace<S>>,
    /// How bright and sharp each face is, where that is measured; else empty.
    pub light: Vec<Light>,
}

impl<S> Default for ScoredFaces<S> {
    fn default() -> Self {
        ScoredFaces { faces: Vec::new(), kept: Vec::new(), light: Vec::new() }
    }
}

/// A crop in a batch, and where it belongs.
pub(super) struct BatchCrop {
    /// The input that it comes from, counted from the first.
    input: usize,
    /// How many faces of that input came before.
    pub number: usize,
    frame: usize,
    person: usize,
    bbox: Option<BBox>,
    /// The crop, [`crate::types::FACE_SIDE`] pixels a side.
    pub pixels: RgbImage,
}

/// What scores batches of crops, and may take the next one before it has answered.
///
/// Each step may end in [`Ended::Interrupted`]: the batch is then lost, and with it the inputs that it has crops of.
pub(super) trait CropScorer {
    /// What comes out per crop. By its order those to be kept are chosen.
    type Score: Copy + PartialOrd;
    /// Crops where they are scored.
    type Uploaded<'c>;
    /// Scores that are being computed.
    type Pending;

    /// Starts to bring crops to where they are scored.
    fn upload<'c>(&self, crops: &'c [BatchCrop]) -> Result<Self::Uploaded<'c>, Ended>;
    /// Starts to score them.
    fn submit(&self, crops: Self::Uploaded<'_>) -> Result<Self::Pending, Ended>;
    /// Waits for their scores, one per crop in their order.
    fn collect(&self, pending: Self::Pending) -> Result<Vec<Self::Score>, Ended>;
}

impl CropScorer for ForgeryDetector {
    type Score = f32;
    type Uploaded<'c> = UploadedCrops<'c>;
    type Pending = PendingScores;

    fn upload<'c>(&self, crops: &'c [BatchCrop]) -> Result<UploadedCrops<'c>, Ended> {
        Ok(ForgeryDetector::upload(self, crops.iter().map(|crop| &crop.pixels).collect())?)
    }

    fn submit(&self, crops: UploadedCrops) -> Result<PendingScores, Ended> {
        Ok(ForgeryDetector::submit(self, crops)?)
    }

    fn collect(&self, pending: PendingScores) -> Result<Vec<f32>, Ended> {
        Ok(pending.collect()?)
    }
}

/// How many persons' worth of crops is kept of an input.
const PERSONS_KEPT: usize = 4;

/// Frames and ends of inputs that may wait while a batch is scored: those of a batch of photographs, so that faces are looked
/// for all the while.
const EVENTS_AHEAD: usize = 16;
/// Faces that may wait in them, except those of a single frame that has more.
const CROPS_AHEAD: usize = 16;

/// How crops are gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    /// Crops that are scored together.
    pub size: usize,
    /// Batches that may be computed while the next one is gathered.
    pub in_flight: usize,
    /// Faces of each person that keep their crops; of all persons of an input at most [`PERSONS_KEPT`] times as many.
    pub keep: usize,
    /// Whether it is measured how bright and sharp faces are.
    pub measure: bool,
}

impl Batches {
    /// A CUDA device computes while faces are looked for and brought; a CPU has nothing to gain.
    pub fn for_detector(size: usize, forgery_detector: &ForgeryDetector) -> Self {
        Batches { size, in_flight: usize::from(forgery_detector.device().is_cuda()), keep: 0, measure: false }
    }
}

/// Scores the faces of all inputs, and tells of each input, in order, as soon as all its faces have scores.
///
/// The next faces are looked for on a thread of its own while those before are scored: neither fills all cores by itself.
/// Where the stream is cut short by a wish to stop, or scoring is, the inputs before are told and no error is made of it.
pub(super) fn score_stream<S: CropScorer>(
    events: impl Iterator<Item = Result<FaceEvent, face::Error>> + Send,
    scorer: &S,
    batches: Batches,
    conclude: impl FnMut(usize, InputEnd, ScoredFaces<S::Score>) -> Result<()>,
) -> Result<()> {
    let (found, next) = bounded(EVENTS_AHEAD);
    // Holds a token for each crop that waits.
    let (enter, leave) = bounded(CROPS_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for event in events {
                let _stage = stage!("waiting for scoring");
                // Nobody takes more when scoring has ended.
                let mut sent = (0..tokens(&event)).try_for_each(|_| enter.send(()).map_err(drop));
                sent = sent.and_then(|()| found.send(event).map_err(drop));
                if sent.is_err() {
                    return;
                }
            }
        });
        let waited_for = move || {
            let _stage = stage!("waiting for faces");
            let event = next.recv().ok()?;
            leave.try_iter().take(tokens(&event)).for_each(drop);
            Some(event)
        };
        score_events(std::iter::from_fn(waited_for), scorer, batches, conclude)
    })
}

/// How many of the crops that may wait are an event's.
fn tokens(event: &Result<FaceEvent, face::Error>) -> usize {
    match event {
        Ok(FaceEvent::Frame { faces, .. }) => faces.crops.len().min(CROPS_AHEAD),
        Ok(FaceEvent::End { .. }) | Err(_) => 0,
    }
}

/// [`score_stream`] without a thread.
fn score_events<S: CropScorer>(
    events: impl Iterator<Item = Result<FaceEvent, face::Error>>,
    scorer: &S,
    batches: Batches,
    mut conclude: impl FnMut(usize, InputEnd, ScoredFaces<S::Score>) -> Result<()>,
) -> Result<()> {
    let mut inputs = InputScorer::new(scorer, batches);
    let score = || -> Result<(), Ended> {
        for event in events {
            match event? {
                FaceEvent::Frame { faces, .. } => {
                    for (at, crop) in faces.crops.into_iter().enumerate() {
                        let person = faces.persons.get(at).copied().unwrap_or_default();
                        inputs.push(faces.frame, person, crop)?;
                    }
                }
                FaceEvent::End { input, end } => inputs.end((input, end)),
            }
            inputs.scored().try_for_each(|((input, end), found)| conclude(input, end, found))?;
        }
        inputs.finish()?;
        inputs.scored().try_for_each(|((input, end), found)| conclude(input, end, found))?;
        Ok(())
    };
    match score() {
        Ok(()) | Err(Ended::Interrupted) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// An input whose faces are not all scored, or not all known.
struct OpenInput<T, S> {
    faces: usize,
    scored: ScoredFaces<S>,
    ended: Option<T>,
}

/// Scores the faces of inputs in batches, which may hold faces of several: memory is that of the batches and of the
/// crops kept.
///
/// An input is: its faces, pushed one by one, and then its end. `T` is what is known of an input at its end.
struct InputScorer<'a, S: CropScorer, T> {
    scorer: &'a S,
    batches: Batches,
    waiting: Vec<BatchCrop>,
    in_flight: VecDeque<(Vec<BatchCrop>, S::Pending)>,
    /// In their order; only the last may be without an end.
    inputs: VecDeque<OpenInput<T, S::Score>>,
    /// The number of the first of these.
    first: usize,
}

impl<'a, S: CropScorer, T> InputScorer<'a, S, T> {
    fn new(scorer: &'a S, batches: Batches) -> Self {
        InputScorer {
            scorer,
            batches,
            waiting: Vec::new(),
            in_flight: VecDeque::new(),
            inputs: VecDeque::new(),
            first: 0,
        }
    }

    /// Takes a face of the current input.
    fn push(&mut self, frame: usize, person: usize, crop: FaceCrop) -> Result<(), Ended> {
        let FaceCrop { bbox, pixels } = crop;
        let current = self.current();
        let number = current.faces;
        current.faces += 1;
        let input = self.first + self.inputs.len() - 1;
        self.waiting.push(BatchCrop { input, number, frame, person, bbox, pixels });
        if self.waiting.len() >= self.batches.size {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the current input; the next face is of the next one.
    fn end(&mut self, told: T) {
        self.current().ended = Some(told);
    }

    /// The inputs, in their order, whose faces are all scored and which were not told before.
    fn scored(&mut self) -> impl Iterator<Item = (T, ScoredFaces<S::Score>)> + use<'_, 'a, S, T> {
        std::iter::from_fn(|| self.next_scored())
    }

    fn next_scored(&mut self) -> Option<(T, ScoredFaces<S::Score>)> {
        let whole = |open: &OpenInput<T, S::Score>| open.scored.faces.len() == open.faces;
        let ended = self.inputs.front_mut().filter(|open| whole(open))?.ended.take()?;
        self.first += 1;
        self.inputs.pop_front().map(|open| (ended, open.scored))
    }

    /// Scores what still waits of inputs with an end. The current input, if there is one, is dropped.
    fn finish(&mut self) -> Result<(), Ended> {
        self.inputs.retain(|open| open.ended.is_some());
        let inputs = self.first + self.inputs.len();
        self.waiting.retain(|crop| crop.input < inputs);
        self.flush()?;
        while !self.in_flight.is_empty() {
            self.land()?;
        }
        Ok(())
    }

    fn current(&mut self) -> &mut OpenInput<T, S::Score> {
        if self.inputs.back().is_none_or(|open| open.ended.is_some()) {
            self.inputs.push_back(OpenInput { faces: 0, scored: ScoredFaces::default(), ended: None });
        }
        self.inputs.back_mut().expect("there is one now")
    }

    /// Sends off what waits. The crops travel while the batch before is computed; its scores are taken before the next
    /// computation is begun, for which they would have to wait too.
    fn flush(&mut self) -> Result<(), Ended> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let _stage = stage!("scoring faces");
        let batch = std::mem::take(&mut self.waiting);
        let uploaded = self.scorer.upload(&batch)?;
        while !self.in_flight.is_empty() && self.in_flight.len() >= self.batches.in_flight {
            self.land()?;
        }
        let pending = self.scorer.submit(uploaded)?;
        self.in_flight.push_back((batch, pending));
        while self.in_flight.len() > self.batches.in_flight {
            self.land()?;
        }
        Ok(())
    }

    /// Waits for the scores of the first batch on its way.
    fn land(&mut self) -> Result<(), Ended> {
        let Some((batch, pending)) = self.in_flight.pop_front() else { return Ok(()) };
        let scores = self.scorer.collect(pending)?;
        for (crop, score) in batch.into_iter().zip(scores) {
            // Of an input that was dropped meanwhile nobody wants to know.
            let Some(open) = self.inputs.get_mut(crop.input - self.first) else { continue };
            let face = ScoredFace { frame: crop.frame, bbox: crop.bbox, score };
            open.scored.faces.push(face);
            if self.batches.measure {
                open.scored.light.push(Light::of(&crop.pixels));
            }
            keep_highest(&mut open.scored.kept, self.batches.keep, (face, crop.person), crop.pixels);
        }
        Ok(())
    }
}

/// Keeps the crop of a face if it is among the `keep` highest so far of its person, counting the highest of each frame.
/// Where that would be too many of all persons, the lowest goes of the person that has most.
fn keep_highest<S: Copy + PartialOrd>(
    kept: &mut Vec<KeptFace<S>>,
    keep: usize,
    (face, person): (ScoredFace<S>, usize),
    crop: RgbImage,
) {
    if keep == 0 {
        return;
    }
    let lower = |other: &KeptFace<S>| other.face.score < face.score;
    let is_same = |other: &KeptFace<S>| other.face.frame == face.frame && other.person == person;
    match kept.iter().position(is_same) {
        Some(same) if lower(&kept[same]) => drop(kept.remove(same)),
        Some(_) => return,
        None => {}
    }
    let place = kept.iter().position(lower).unwrap_or(kept.len());
    kept.insert(place, KeptFace { face, person, crop });
    let count = |kept: &[KeptFace<S>], person| kept.iter().filter(|other| other.person == person).count();
    let crowded = if count(kept, person) > keep {
        Some(person)
    } else if kept.len() > keep * PERSONS_KEPT {
        kept.iter().map(|other| other.person).max_by_key(|&person| count(kept, person))
    } else {
        None
    };
    if let Some(last) = crowded.and_then(|crowded| kept.iter().rposition(|other| other.person == crowded)) {
        kept.remove(last);
    }
}

#[cfg(test)]
mod tests;

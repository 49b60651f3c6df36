//! Faces to scores, in batches.

use crate::face::FACE_SIDE;
use crate::model::{self, ForgeryDetector, PendingScores, UploadedFaces};
use crate::types::BBox;
use std::collections::VecDeque;

/// Bytes of one face, `[3, FACE_SIDE, FACE_SIDE]`.
pub(super) const FACE_BYTES: usize = 3 * FACE_SIDE * FACE_SIDE;

/// A face that was found and scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoredFace {
    pub frame: i64,
    /// Where it was; packed files do not tell.
    pub bbox: Option<BBox>,
    pub score: f32,
}

/// A face that is kept with its pixels, `[3, FACE_SIDE, FACE_SIDE]`.
#[derive(Clone, Debug)]
pub(super) struct KeptFace {
    pub face: ScoredFace,
    pub planes: Vec<u8>,
}

/// All faces of a video.
#[derive(Debug, Default)]
pub(super) struct Scored {
    /// In their order.
    pub faces: Vec<ScoredFace>,
    /// Those with the highest scores, the highest first; at most one per frame.
    pub kept: Vec<KeptFace>,
}

/// A network that scores faces, and may take the next ones before it has answered.
pub(super) trait FaceNetwork {
    /// Starts to bring faces to where they are scored, `[n, 3, FACE_SIDE, FACE_SIDE]`.
    fn upload(&self, planes: &[u8]) -> Result<UploadedFaces, model::Error>;
    /// Starts to score them.
    fn submit(&self, faces: &UploadedFaces) -> Result<PendingScores, model::Error>;
    /// Waits for their scores.
    fn collect(&self, scores: PendingScores) -> Result<Vec<f32>, model::Error>;
}

impl FaceNetwork for ForgeryDetector {
    fn upload(&self, planes: &[u8]) -> Result<UploadedFaces, model::Error> {
        ForgeryDetector::upload(self, planes, FACE_SIDE)
    }

    fn submit(&self, faces: &UploadedFaces) -> Result<PendingScores, model::Error> {
        ForgeryDetector::submit(self, faces)
    }

    fn collect(&self, scores: PendingScores) -> Result<Vec<f32>, model::Error> {
        scores.collect()
    }
}

/// How faces go through the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    /// Faces at once.
    pub size: usize,
    /// Batches that may be computed while the next one is collected.
    pub in_flight: usize,
}

impl Batches {
    /// A CUDA device computes while faces are looked for and brought; a CPU has nothing to gain.
    pub fn new(size: usize, detector: &ForgeryDetector) -> Self {
        Batches { size, in_flight: usize::from(detector.device().is_cuda()) }
    }
}

/// Faces that are scored together, with their pixels, one after the other.
#[derive(Default)]
struct Batch {
    planes: Vec<u8>,
    faces: Vec<BatchFace>,
}

struct BatchFace {
    /// Counted from the first video.
    video: usize,
    frame: i64,
    bbox: Option<BBox>,
}

/// A video whose faces are not all scored, or not all known.
struct Open<T> {
    faces: usize,
    scored: Scored,
    ended: Option<T>,
}

/// Scores the faces of videos in batches, which may hold faces of several videos: memory is that of the batches and of
/// the faces kept.
///
/// A video is: its faces, pushed one by one, and then its end. `T` is what is known of a video at its end.
pub(super) struct FaceScorer<'a, T> {
    network: &'a dyn FaceNetwork,
    batches: Batches,
    keep: usize,
    waiting: Batch,
    in_flight: VecDeque<(Batch, PendingScores)>,
    /// In their order; only the last may be without an end.
    videos: VecDeque<Open<T>>,
    /// The number of the first of these.
    first: usize,
}

impl<'a, T> FaceScorer<'a, T> {
    /// `keep`: how many faces of each video keep their pixels.
    pub fn new(network: &'a dyn FaceNetwork, batches: Batches, keep: usize) -> Self {
        FaceScorer {
            network,
            batches,
            keep,
            waiting: Batch::default(),
            in_flight: VecDeque::new(),
            videos: VecDeque::new(),
            first: 0,
        }
    }

    /// Takes a face of the current video, `[3, FACE_SIDE, FACE_SIDE]`.
    pub fn push(&mut self, frame: i64, bbox: Option<BBox>, planes: &[u8]) -> Result<(), model::Error> {
        self.current().faces += 1;
        let video = self.first + self.videos.len() - 1;
        self.waiting.planes.extend_from_slice(planes);
        self.waiting.faces.push(BatchFace { video, frame, bbox });
        if self.waiting.faces.len() >= self.batches.size {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the current video; the next face is of the next one.
    pub fn end(&mut self, video: T) {
        self.current().ended = Some(video);
    }

    /// The videos, in their order, whose faces are all scored and which were not told before.
    pub fn scored(&mut self) -> impl Iterator<Item = (T, Scored)> + use<'_, 'a, T> {
        std::iter::from_fn(|| self.next_scored())
    }

    fn next_scored(&mut self) -> Option<(T, Scored)> {
        let whole = |open: &Open<T>| open.scored.faces.len() == open.faces;
        let ended = self.videos.front_mut().filter(|open| whole(open))?.ended.take()?;
        self.first += 1;
        self.videos.pop_front().map(|open| (ended, open.scored))
    }

    /// Scores what still waits of videos with an end. The current video, if there is one, is dropped.
    pub fn finish(&mut self) -> Result<(), model::Error> {
        self.videos.retain(|open| open.ended.is_some());
        let videos = self.first + self.videos.len();
        let faces = self.waiting.faces.partition_point(|face| face.video < videos);
        self.waiting.faces.truncate(faces);
        self.waiting.planes.truncate(faces * FACE_BYTES);
        self.flush()?;
        while !self.in_flight.is_empty() {
            self.land()?;
        }
        Ok(())
    }

    fn current(&mut self) -> &mut Open<T> {
        if self.videos.back().is_none_or(|open| open.ended.is_some()) {
            self.videos.push_back(Open { faces: 0, scored: Scored::default(), ended: None });
        }
        self.videos.back_mut().expect("there is one now")
    }

    /// Sends off what waits. The faces travel while the batch before is computed; its scores are taken before the next
    /// computation is begun, for which they would have to wait too.
    fn flush(&mut self) -> Result<(), model::Error> {
        if self.waiting.faces.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.waiting);
        let uploaded = self.network.upload(&batch.planes)?;
        while !self.in_flight.is_empty() && self.in_flight.len() >= self.batches.in_flight {
            self.land()?;
        }
        self.in_flight.push_back((batch, self.network.submit(&uploaded)?));
        while self.in_flight.len() > self.batches.in_flight {
            self.land()?;
        }
        Ok(())
    }

    /// Waits for the scores of the first batch on its way.
    fn land(&mut self) -> Result<(), model::Error> {
        let Some((batch, pending)) = self.in_flight.pop_front() else { return Ok(()) };
        let scores = self.network.collect(pending)?;
        let pixels = batch.planes.chunks_exact(FACE_BYTES);
        for ((found, planes), score) in batch.faces.iter().zip(pixels).zip(scores) {
            // Of a video that was dropped meanwhile nobody wants to know.
            let Some(open) = self.videos.get_mut(found.video - self.first) else { continue };
            let face = ScoredFace { frame: found.frame, bbox: found.bbox, score };
            open.scored.faces.push(face);
            keep_highest(&mut open.scored.kept, self.keep, face, || planes.to_vec());
        }
        Ok(())
    }
}

fn keep_highest(kept: &mut Vec<KeptFace>, keep: usize, face: ScoredFace, planes: impl FnOnce() -> Vec<u8>) {
    let lower = |other: &KeptFace| other.face.score < face.score;
    match kept.iter().position(|other| other.face.frame == face.frame) {
        Some(same) if lower(&kept[same]) => drop(kept.remove(same)),
        Some(_) => return,
        None if kept.len() < keep => {}
        None if kept.last().is_some_and(lower) => drop(kept.pop()),
        None => return,
    }
    let place = kept.iter().position(lower).unwrap_or(kept.len());
    kept.insert(place, KeptFace { face, planes: planes() });
}

#[cfg(test)]
mod tests;

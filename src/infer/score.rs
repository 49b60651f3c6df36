//! Faces to scores, in batches.

use crate::face::FACE_SIDE;
use crate::model::{self, Detector};
use crate::types::BBox;

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

/// Collects the faces of one video into batches and scores them: memory is that of one batch and of the faces kept.
pub(super) struct FaceScorer<'a> {
    detector: &'a Detector,
    batch_size: usize,
    keep: usize,
    planes: Vec<u8>,
    found: Vec<(i64, Option<BBox>)>,
    scored: Scored,
}

impl<'a> FaceScorer<'a> {
    /// `keep`: how many faces keep their pixels.
    pub fn new(detector: &'a Detector, batch_size: usize, keep: usize) -> Self {
        let scored = Scored::default();
        FaceScorer { detector, batch_size, keep, planes: Vec::new(), found: Vec::new(), scored }
    }

    /// Takes a face, `[3, FACE_SIDE, FACE_SIDE]`.
    pub fn push(&mut self, frame: i64, bbox: Option<BBox>, planes: &[u8]) -> Result<(), model::Error> {
        self.planes.extend_from_slice(planes);
        self.found.push((frame, bbox));
        if self.found.len() >= self.batch_size {
            self.flush()?;
        }
        Ok(())
    }

    /// Scores what is still waiting and returns all faces.
    pub fn finish(mut self) -> Result<Scored, model::Error> {
        self.flush()?;
        Ok(self.scored)
    }

    fn flush(&mut self) -> Result<(), model::Error> {
        if self.found.is_empty() {
            return Ok(());
        }
        let scores = self.detector.scores(&self.planes, FACE_SIDE)?;
        for (number, ((frame, bbox), score)) in self.found.drain(..).zip(scores).enumerate() {
            let face = ScoredFace { frame, bbox, score };
            self.scored.faces.push(face);
            keep_highest(&mut self.scored.kept, self.keep, face, || {
                self.planes[number * FACE_BYTES..][..FACE_BYTES].to_vec()
            });
        }
        self.planes.clear();
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
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_each_frame_are_kept_in_order() {
        let mut kept = Vec::new();
        for (frame, score) in [(0, 0.3), (0, 0.5), (1, 0.9), (1, 0.2), (2, 0.4), (3, 0.7), (4, 0.1)] {
            let face = ScoredFace { frame, bbox: None, score };
            keep_highest(&mut kept, 3, face, || vec![frame as u8]);
        }
        let frames: Vec<_> = kept.iter().map(|k| (k.face.frame, k.planes[0])).collect();
        assert_eq!(frames, [(1, 1), (3, 3), (0, 0)]);
        let mut none = Vec::new();
        keep_highest(&mut none, 0, kept[0].face, Vec::new);
        assert!(none.is_empty());
    }
}

//! Faces to scores, in batches.

use crate::face::{FaceCrop, FACE_SIDE};
use crate::model::{self, Detector};
use crate::types::BBox;

/// Bytes of one face, `[3, FACE_SIDE, FACE_SIDE]`.
pub(super) const FACE_BYTES: usize = 3 * FACE_SIDE * FACE_SIDE;

/// A face that was found and scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoredFace {
    pub frame: usize,
    pub bbox: BBox,
    pub score: f32,
}

/// Collects the faces of one video into batches and scores them: memory is that of one batch.
pub(super) struct FaceScorer<'a> {
    detector: &'a Detector,
    batch_size: usize,
    planes: Vec<u8>,
    found: Vec<(usize, BBox)>,
    scores: Vec<f32>,
}

impl<'a> FaceScorer<'a> {
    pub fn new(detector: &'a Detector, batch_size: usize) -> Self {
        FaceScorer { detector, batch_size, planes: Vec::new(), found: Vec::new(), scores: Vec::new() }
    }

    pub fn push(&mut self, frame: usize, crop: &FaceCrop) -> Result<(), model::Error> {
        self.planes.extend(crop.pixels.to_planes());
        self.found.push((frame, crop.face.bbox));
        if self.planes.len() >= self.batch_size * FACE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Scores what is still waiting and returns all faces in their order.
    pub fn finish(mut self) -> Result<Vec<ScoredFace>, model::Error> {
        self.flush()?;
        let faces = self.found.iter().zip(&self.scores);
        Ok(faces.map(|(&(frame, bbox), &score)| ScoredFace { frame, bbox, score }).collect())
    }

    fn flush(&mut self) -> Result<(), model::Error> {
        if !self.planes.is_empty() {
            self.scores.extend(self.detector.scores(&self.planes, FACE_SIDE)?);
            self.planes.clear();
        }
        Ok(())
    }
}

//! Detected faces.

/// Side in pixels of the square face crops that the published forgery detectors take and packed faces have.
pub const FACE_SIDE: usize = 380;

/// A bounding box in pixels of the frame; may reach outside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BBox {
    /// The left edge's x, in pixels from the frame's left edge.
    pub x0: f64,
    /// The top edge's y, in pixels from the frame's top edge.
    pub y0: f64,
    /// The right edge's x, not less than `x0`.
    pub x1: f64,
    /// The bottom edge's y, not less than `y0`.
    pub y1: f64,
}

impl BBox {
    /// The width in pixels, `x1 - x0`.
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    /// The height in pixels, `y1 - y0`.
    pub fn height(&self) -> f64 {
        self.y1 - self.y0
    }

    /// The area of the whole box in square pixels, including what lies outside the frame.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }
}

/// A face as a face detector returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectedFace {
    /// The bounding box in pixels of the frame, rounded to hundredths.
    pub bbox: BBox,
    /// The face detector's confidence that this is a face, 0..1.
    pub confidence: f32,
    /// Both eyes, the tip of the nose and both corners of the mouth as (x, y) in pixels of the frame, rounded to
    /// hundredths; the one on the left of the image comes first.
    pub points: [(f64, f64); 5],
}

/// A face as prepared frames store it: the box that the face detector found, without its confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    /// The bounding box in pixels of the frame.
    pub bbox: BBox,
    /// Both eyes, the tip of the nose and both corners of the mouth as (x, y) in pixels of the frame; the one on the left
    /// of the image comes first.
    pub points: [(f64, f64); 5],
}

impl FaceBox {
    /// The boxes of a frame's faces as files keep them: the largest first, of equal ones the face detector's later one
    /// first, as in the original programs.
    pub fn largest_first(faces: &[DetectedFace]) -> Vec<FaceBox> {
        let mut boxes: Vec<FaceBox> = faces.iter().rev().map(FaceBox::from).collect();
        boxes.sort_by(|a, b| b.bbox.area().total_cmp(&a.bbox.area()));
        boxes
    }
}

impl From<&DetectedFace> for FaceBox {
    fn from(face: &DetectedFace) -> Self {
        FaceBox { bbox: face.bbox, points: face.points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_boxes_of_equal_size_the_later_comes_first() {
        let face = |x0: f64, side: f64| DetectedFace {
            bbox: BBox { x0, y0: 0.0, x1: x0 + side, y1: side },
            confidence: 0.9,
            points: [(0.0, 0.0); 5],
        };
        let sorted = FaceBox::largest_first(&[face(0.0, 4.0), face(10.0, 8.0), face(20.0, 8.0)]);
        assert_eq!(sorted.iter().map(|b| b.bbox.x0).collect::<Vec<_>>(), [20.0, 10.0, 0.0]);
    }
}

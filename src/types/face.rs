//! Detected faces.

/// A bounding box in pixels of the frame; may reach outside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x0: f64,
    /// Top edge.
    pub y0: f64,
    /// Right edge.
    pub x1: f64,
    /// Bottom edge.
    pub y1: f64,
}

impl BBox {
    /// x1 - x0.
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    /// y1 - y0.
    pub fn height(&self) -> f64 {
        self.y1 - self.y0
    }

    /// Square pixels, of the whole box, also where it reaches outside the frame.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }
}

/// A face as a detector returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectedFace {
    /// Where it is, rounded to hundredths of a pixel.
    pub bbox: BBox,
    /// The detector's confidence, 0..1.
    pub confidence: f32,
    /// Eyes, nose, corners of the mouth, (x, y), rounded to hundredths of a pixel.
    pub points: [(f64, f64); 5],
}

/// A face as files of a prepared set keep it: a detector's box without its confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    /// Where it is.
    pub bbox: BBox,
    /// Eyes, nose, corners of the mouth, (x, y); the image's left one of a pair first.
    pub points: [(f64, f64); 5],
}

impl From<&DetectedFace> for FaceBox {
    fn from(face: &DetectedFace) -> Self {
        FaceBox { bbox: face.bbox, points: face.points }
    }
}

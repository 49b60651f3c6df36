//! Cutting faces out of frames.

use crate::types::{BBox, DetectedFace, FACE_SIDE, RgbImage, Window};

/// Faces of a frame with less than this share of the largest face's box area are dropped.
const MIN_AREA_SHARE: f64 = 0.5;

/// How far a crop reaches beyond the base rectangle, as a multiple of the rule's base margins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// Before blending: left and right times 4, top and bottom times 2.
    Wide,
    /// Validation and test: times 0.5.
    Test,
    /// Training: left, right, top, bottom by factors of their own, each drawn from 0.2..0.8.
    Train([f64; 4]),
}

impl Margin {
    /// Factors in the order left, right, top, bottom.
    fn factors(self) -> [f64; 4] {
        match self {
            Margin::Wide => [4.0, 4.0, 2.0, 2.0],
            Margin::Test => [0.5; 4],
            Margin::Train(factors) => factors,
        }
    }
}

/// The base rectangle of a crop and, in parts of its size, the base margins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropBase {
    rect: BBox,
    /// Left, right, top, bottom: the side divided by this.
    divisors: [f64; 4],
}

impl CropBase {
    /// By a detector's box: a quarter of its width and height on each side.
    pub fn of_box(rect: BBox) -> Self {
        CropBase { rect, divisors: [4.0; 4] }
    }

    /// By landmarks: the bounds of the first 68 points, an eighth of the width, half of the height above,
    /// a fifth below. `None` without points.
    pub fn of_landmarks(points: &[(f64, f64)]) -> Option<Self> {
        const FACE_POINTS: usize = 68;
        let points = &points[..points.len().min(FACE_POINTS)];
        let (&(x, y), rest) = points.split_first()?;
        let start = BBox { x0: x, y0: y, x1: x, y1: y };
        let rect = rest.iter().fold(start, |r, &(x, y)| BBox {
            x0: r.x0.min(x),
            y0: r.y0.min(y),
            x1: r.x1.max(x),
            y1: r.y1.max(y),
        });
        Some(CropBase { rect, divisors: [8.0, 8.0, 2.0, 5.0] })
    }

    /// The window of whole pixels in an image of `height` x `width`; empty for a rectangle outside of it.
    ///
    /// Rows `max(0, int(y0 - top)) .. min(H, int(y1 + bottom) + 1)`, columns alike, cut towards zero: kept
    /// so that published weights give published numbers.
    pub fn window(&self, height: usize, width: usize, margin: Margin) -> Window {
        let BBox { x0, y0, x1, y1 } = self.rect;
        let (w, h) = (self.rect.width(), self.rect.height());
        let factors = margin.factors();
        let by = |side: f64, i: usize| side / self.divisors[i] * factors[i];
        let low = |edge: f64| (edge.trunc()).max(0.0) as usize;
        let high = |edge: f64, limit: usize| (edge.trunc() + 1.0).clamp(0.0, limit as f64) as usize;
        Window {
            y0: low(y0 - by(h, 2)),
            y1: high(y1 + by(h, 3), height),
            x0: low(x0 - by(w, 0)),
            x1: high(x1 + by(w, 1), width),
        }
    }
}

/// A face cut out for scoring.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceCrop {
    /// The box that the face detector found in the frame; `None` where that is no longer known.
    pub bbox: Option<BBox>,
    /// Square; as published [`FACE_SIDE`] x [`FACE_SIDE`] pixels.
    pub pixels: RgbImage,
}

/// The faces of a frame as inference sees them: all of at least half the largest one's box area, in the face
/// detector's order, with *test* margins, resized bilinearly. Boxes wholly outside the frame give nothing.
pub fn crop_faces(image: &RgbImage, faces: &[DetectedFace]) -> Result<Vec<FaceCrop>, crate::imaging::Error> {
    let largest = faces.iter().map(|f| f.bbox.area()).fold(0.0, f64::max);
    cropped(image, faces.iter().filter(|face| face.bbox.area() >= MIN_AREA_SHARE * largest))
}

/// The faces of a photograph as published: like [`crop_faces`], but all of them, however small.
pub fn crop_every_face(
    image: &RgbImage,
    faces: &[DetectedFace],
) -> Result<Vec<FaceCrop>, crate::imaging::Error> {
    cropped(image, faces.iter())
}

fn cropped<'f>(
    image: &RgbImage,
    faces: impl Iterator<Item = &'f DetectedFace>,
) -> Result<Vec<FaceCrop>, crate::imaging::Error> {
    faces
        .map(|face| (face, CropBase::of_box(face.bbox).window(image.height(), image.width(), Margin::Test)))
        .filter(|(_, window)| !window.is_empty())
        .map(|(face, window)| {
            let pixels = crate::imaging::resized(&image.cropped(window), FACE_SIDE, FACE_SIDE)?;
            Ok(FaceCrop { bbox: Some(face.bbox), pixels })
        })
        .collect()
}

/// A face that is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedFace {
    /// Its position in the face detector's list.
    pub index: usize,
    /// Whether [`crop_faces`] has it too: the published score counts it.
    pub counted: bool,
    /// The face, cut out as there.
    pub crop: FaceCrop,
}

/// All faces of an image that [`crop_faces`], or where `all_count`, as in photographs, [`crop_every_face`] cuts out and, whatever the size of the
/// largest one, those whose shorter side is at least `smallest` pixels; in the face detector's order.
pub fn crop_judged_faces(
    image: &RgbImage,
    faces: &[DetectedFace],
    all_count: bool,
    smallest: f64,
) -> Result<Vec<JudgedFace>, crate::imaging::Error> {
    let largest = faces.iter().map(|f| f.bbox.area()).fold(0.0, f64::max);
    let mut judged = Vec::new();
    for (index, face) in faces.iter().enumerate() {
        let counted = all_count || face.bbox.area() >= MIN_AREA_SHARE * largest;
        if counted || face.bbox.width().min(face.bbox.height()) >= smallest {
            // As if it were alone: then it is the largest.
            let crop = crop_faces(image, std::slice::from_ref(face))?.pop();
            judged.extend(crop.map(|crop| JudgedFace { index, counted, crop }));
        }
    }
    Ok(judged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn face(x0: f64, y0: f64, x1: f64, y1: f64) -> DetectedFace {
        DetectedFace { bbox: BBox { x0, y0, x1, y1 }, confidence: 0.9, points: [(0.0, 0.0); 5] }
    }

    #[test]
    fn a_test_window_adds_an_eighth_of_the_box_on_each_side() {
        let base = CropBase::of_box(BBox { x0: 100.0, y0: 80.0, x1: 200.0, y1: 210.0 });
        let window = base.window(280, 320, Margin::Test);
        assert_eq!(window, Window { y0: 63, y1: 227, x0: 87, x1: 213 });
    }

    #[test]
    fn small_bystanders_and_faces_outside_the_frame_are_dropped() {
        let image = RgbImage::filled(200, 100, [9; 3]);
        let faces = [
            face(10.0, 10.0, 60.0, 60.0),
            face(80.0, 10.0, 100.0, 30.0),
            face(300.0, 10.0, 350.0, 60.0),
            face(100.0, 40.0, 140.0, 80.0),
        ];
        let crops = crop_faces(&image, &faces).unwrap();
        let kept: Vec<f64> = crops.iter().map(|c| c.bbox.unwrap().x0).collect();
        assert_eq!(kept, [10.0, 100.0]);
        let every: Vec<f64> =
            crop_every_face(&image, &faces).unwrap().iter().map(|c| c.bbox.unwrap().x0).collect();
        assert_eq!(every, [10.0, 80.0, 100.0]);
        assert!(crops.iter().all(|c| c.pixels.width() == FACE_SIDE && c.pixels.height() == FACE_SIDE));
    }

    #[test]
    fn judged_faces_are_the_published_ones_and_those_that_are_large_enough() {
        let value = |i: usize| (i * i % 251) as u8;
        let image = RgbImage::from_raw(200, 100, (0..200 * 100 * 3).map(value).collect());
        let faces = [
            face(80.0, 10.0, 100.0, 30.0),
            face(10.0, 10.0, 60.0, 60.0),
            face(300.0, 10.0, 350.0, 60.0),
            face(100.0, 40.0, 140.0, 80.0),
            face(5.0, 80.0, 12.0, 90.0),
        ];
        let judged = crop_judged_faces(&image, &faces, false, 20.0).unwrap();
        let told: Vec<(usize, bool)> = judged.iter().map(|face| (face.index, face.counted)).collect();
        assert_eq!(told, [(0, false), (1, true), (3, true)]);
        let counted = judged.into_iter().filter(|face| face.counted).map(|face| face.crop);
        assert_eq!(counted.collect::<Vec<_>>(), crop_faces(&image, &faces).unwrap());
    }

    proptest! {
        #[test]
        fn a_window_never_leaves_the_image(
            x in -500.0..500.0f64, y in -500.0..500.0f64, w in 0.0..400.0f64, h in 0.0..400.0f64,
        ) {
            let base = CropBase::of_box(BBox { x0: x, y0: y, x1: x + w, y1: y + h });
            for margin in [Margin::Wide, Margin::Test, Margin::Train([0.2, 0.8, 0.5, 0.3])] {
                let window = base.window(120, 160, margin);
                prop_assert!(window.y1 <= 120 && window.x1 <= 160);
            }
        }
    }
}

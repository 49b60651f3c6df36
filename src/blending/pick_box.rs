//! Which of a frame's boxes belongs to the landmarks.

use super::Unusable;
use crate::types::{BBox, FaceBox, Landmarks};

/// Boxes looked at: the two largest, as files hold them.
const CANDIDATES: usize = 2;

/// Intersection over union of boxes whose last pixel counts: sides are one pixel longer than their differences.
pub fn iou(a: BBox, b: BBox) -> f64 {
    const LAST_PIXEL: f64 = 1.0;
    let side = |low: f64, high: f64| (high - low + LAST_PIXEL).max(0.0);
    let shared = side(a.x0.max(b.x0), a.x1.min(b.x1)) * side(a.y0.max(b.y0), a.y1.min(b.y1));
    let area = |r: BBox| side(r.x0, r.x1) * side(r.y0, r.y1);
    match area(a) + area(b) - shared {
        union if union > 0.0 => shared / union,
        _ => 0.0,
    }
}

/// Of the first two boxes, the one with the largest [`iou`] with the bounds of all the landmarks, the first of
/// equals. SBI, step "box".
pub fn pick_box(boxes: &[FaceBox], landmarks: &Landmarks) -> Result<FaceBox, Unusable> {
    let bounds = landmarks.bounds();
    let mut best: Option<(f64, FaceBox)> = None;
    for face in boxes.iter().take(CANDIDATES) {
        let overlap = iou(face.bbox, bounds);
        if best.is_none_or(|(most, _)| overlap > most) {
            best = Some((overlap, *face));
        }
    }
    match best {
        None => Err(Unusable::NoBox),
        Some((overlap, face)) if overlap > 0.0 => Ok(face),
        Some(_) => Err(Unusable::NoOverlap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x0: f64, y0: f64, x1: f64, y1: f64) -> BBox {
        BBox { x0, y0, x1, y1 }
    }

    fn face(bbox: BBox) -> FaceBox {
        FaceBox { bbox, points: [(0.0, 0.0); 5] }
    }

    fn landmarks_in(x0: i32, y0: i32, x1: i32, y1: i32) -> Landmarks {
        let mut points = vec![(x0, y0); 81];
        points[80] = (x1, y1);
        Landmarks::new(points).unwrap()
    }

    #[test]
    fn sides_count_their_last_pixel() {
        let a = rect(0.0, 0.0, 9.0, 9.0);
        assert_eq!(iou(a, a), 1.0);
        assert_eq!(iou(a, rect(0.0, 0.0, 9.0, 4.0)), 0.5);
        // They touch in one column of pixels: 10 of 190.
        assert_eq!(iou(a, rect(9.0, 0.0, 18.0, 9.0)), 10.0 / 190.0);
        assert_eq!(iou(a, rect(10.0, 0.0, 18.0, 9.0)), 0.0);
    }

    #[test]
    fn the_nearest_of_the_first_two_is_taken() {
        let landmarks = landmarks_in(100, 100, 200, 200);
        let [far, near, exact] =
            [(0.0, 110.0), (90.0, 190.0), (100.0, 200.0)].map(|(low, high)| face(rect(low, low, high, high)));
        assert_eq!(pick_box(&[far, near, exact], &landmarks), Ok(near));
        assert_eq!(pick_box(&[exact, near], &landmarks), Ok(exact));
    }

    #[test]
    fn boxes_of_others_and_none_are_refused() {
        let landmarks = landmarks_in(100, 100, 200, 200);
        let other = face(rect(300.0, 100.0, 400.0, 200.0));
        let third = face(rect(100.0, 100.0, 200.0, 200.0));
        assert_eq!(pick_box(&[other, other, third], &landmarks), Err(Unusable::NoOverlap));
        assert_eq!(pick_box(&[], &landmarks), Err(Unusable::NoBox));
    }
}

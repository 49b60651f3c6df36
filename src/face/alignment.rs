//! Where a face stands upright in a square of always the same place for eyes, nose and mouth.

use crate::imaging::Similarity;
use crate::types::Landmarks;
use std::ops::Range;

/// The landmarks of a part of the face, and where in the square their mean belongs, in parts of its side.
type Part = (Range<usize>, (f64, f64));

/// Distance of the eyes in parts of the square's side. Face and forehead then take three quarters of its height.
const EYES: f64 = 1.0 / 4.2;
/// Height of the eyes in the square, so that chin and forehead are equally far from its edges.
const EYE_LINE: f64 = 0.431;
/// Both eyes, nose and mouth. How far nose and mouth lie below the eyes, in distances of the eyes, is the mean over some
/// five thousand prepared photographs.
const PARTS: [Part; 4] = [
    (36..42, (0.5 - EYES / 2.0, EYE_LINE)),
    (42..48, (0.5 + EYES / 2.0, EYE_LINE)),
    (27..36, (0.5, EYE_LINE + 0.505 * EYES)),
    (48..68, (0.5, EYE_LINE + 1.071 * EYES)),
];

/// The map from an aligned square of `side` pixels to the frame that the landmarks belong to: the turn, scale and shift
/// by which eyes, nose and mouth come closest to their places (least squares).
///
/// `None` for landmarks that say nothing: all in one place, or upside down in themselves.
pub fn aligned_square(landmarks: &Landmarks, side: usize) -> Option<Similarity> {
    let side = side as f64;
    let places = PARTS.map(|(_, (x, y))| (x * side - 0.5, y * side - 0.5));
    let found =
        PARTS.map(|(part, _)| mean(landmarks.points()[part].iter().map(|&(x, y)| (x.into(), y.into()))));
    let fitted = Similarity::fitted(&places, &found)?;
    /// Pixels of the frame that the square must have at least.
    const SMALLEST: f64 = 8.0;
    (fitted.scale() * side >= SMALLEST).then_some(fitted)
}

fn mean(points: impl ExactSizeIterator<Item = (f64, f64)>) -> (f64, f64) {
    let count = points.len() as f64;
    let (x, y) = points.fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    (x / count, y / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A face whose parts lie where the square wants them, seen through `map`.
    fn face(map: &Similarity, side: f64) -> Landmarks {
        let mut points = vec![(0, 0); Landmarks::FACE];
        for (part, (x, y)) in PARTS {
            let (x, y) = map.at((x * side - 0.5, y * side - 0.5));
            points[part].fill((x.round() as i32, y.round() as i32));
        }
        Landmarks::new(points).unwrap()
    }

    proptest! {
        #[test]
        fn the_map_of_a_face_is_found_again(
            scale in 2.0..9.0f64, turn in -3.0..3.0f64, x0 in -300.0..900.0f64, y0 in -300.0..900.0f64,
        ) {
            let map = Similarity { a: scale * turn.cos(), b: scale * turn.sin(), x0, y0 };
            let found = aligned_square(&face(&map, 96.0), 96).unwrap();
            for point in [(0.0, 0.0), (95.0, 0.0), (40.0, 95.0)] {
                let ((x, y), (u, v)) = (map.at(point), found.at(point));
                // Landmarks are whole pixels, which the corners feel a few times over.
                prop_assert!((x - u).hypot(y - v) < 4.0, "({x}, {y}) and ({u}, {v})");
            }
        }
    }

    #[test]
    fn landmarks_in_one_place_are_no_face() {
        assert_eq!(aligned_square(&Landmarks::new(vec![(7, 7); 68]).unwrap(), 64), None);
    }
}

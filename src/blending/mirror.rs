//! Landmarks and boxes of a mirrored image.

use crate::types::{BBox, FaceBox, Landmarks};

/// Old points, as ranges that are gone through backwards or not, in the order of the new ones.
const MIRRORED_RANGES: [(std::ops::Range<usize>, bool); 12] = [
    (0..17, true),   // jaw
    (17..27, true),  // brows
    (27..31, false), // ridge of the nose
    (31..36, true),  // nostrils
    (42..46, true),  // right eye, upper line
    (46..48, true),  // right eye, lower line
    (36..40, true),  // left eye, upper line
    (40..42, true),  // left eye, lower line
    (48..55, true),  // lips, upper line outside
    (55..60, true),  // lips, lower line outside
    (60..65, true),  // lips, upper line inside
    (65..68, true),  // lips, lower line inside
];
const FOREHEAD: std::ops::Range<usize> = Landmarks::FACE..Landmarks::WITH_FOREHEAD;

/// Which box point each becomes: left and right eye and left and right corner of the mouth change places.
const MIRRORED_BOX_POINTS: [usize; 5] = [1, 0, 2, 4, 3];

fn permuted(landmarks: &Landmarks, order: &[usize]) -> Landmarks {
    let points = landmarks.points();
    Landmarks::new(order.iter().map(|&old| points[old]).collect()).expect("as many points as before")
}

/// The forehead's points in order from the face's one side to the other; 68 points stay as they are. SBI, step
/// "reorder".
pub fn reorder_forehead(landmarks: &Landmarks) -> Landmarks {
    if !landmarks.has_forehead() {
        return landmarks.clone();
    }
    let order: Vec<usize> = (0..FOREHEAD.start).chain(Landmarks::HAIRLINE).collect();
    permuted(landmarks, &order)
}

/// For each new point the old one that becomes it when the image is mirrored, so that every index keeps its
/// meaning. Points of the forehead are expected in order ([`reorder_forehead`]).
pub fn mirror_order(with_forehead: bool) -> Vec<usize> {
    let forehead = with_forehead.then_some((FOREHEAD, true));
    let ranges = MIRRORED_RANGES.into_iter().chain(forehead);
    ranges
        .flat_map(|(range, backwards)| {
            let mut points: Vec<usize> = range.collect();
            if backwards {
                points.reverse();
            }
            points
        })
        .collect()
}

/// The landmarks in the mirrored image of `width` pixels. x becomes `width - x`, one more than where its pixel
/// goes: kept so that published weights give published numbers.
pub fn mirror_landmarks(landmarks: &Landmarks, width: usize) -> Landmarks {
    let ordered = permuted(landmarks, &mirror_order(landmarks.has_forehead()));
    let mirrored = ordered.points().iter().map(|&(x, y)| (width as i32 - x, y)).collect();
    Landmarks::new(mirrored).expect("as many points as before")
}

/// The box and its five points in the mirrored image of `width` pixels; left and right points change places.
pub fn mirror_box(face: &FaceBox, width: usize) -> FaceBox {
    let width = width as f64;
    let BBox { x0, y0, x1, y1 } = face.bbox;
    let points = MIRRORED_BOX_POINTS.map(|old| (width - face.points[old].0, face.points[old].1));
    FaceBox { bbox: BBox { x0: width - x1, y0, x1: width - x0, y1 }, points }
}

#[cfg(test)]
mod tests {
    use super::super::testing::face_of;
    use super::*;
    use crate::face::with_forehead;
    use proptest::prelude::*;

    const WIDTH: usize = 640;

    fn any_landmarks() -> impl Strategy<Value = Landmarks> {
        let points = |n| proptest::collection::vec((-50..700i32, -50..500i32), n);
        prop_oneof![points(68), points(81)].prop_map(|points| Landmarks::new(points).unwrap())
    }

    proptest! {
        #[test]
        fn mirroring_twice_changes_nothing(landmarks in any_landmarks(), corner in (0..300u32, 0..300u32)) {
            let mirrored = mirror_landmarks(&landmarks, WIDTH);
            prop_assert_eq!(mirror_landmarks(&mirrored, WIDTH), landmarks);
            // Whole and half pixels, so that differences are exact.
            let (x0, y0) = (f64::from(corner.0) / 2.0, f64::from(corner.1));
            let points = [0, 1, 2, 3, 4].map(|i| (x0 + 10.5 * f64::from(i), y0 + f64::from(i)));
            let face = FaceBox { bbox: BBox { x0, y0, x1: x0 + 100.5, y1: y0 + 80.0 }, points };
            prop_assert_eq!(mirror_box(&mirror_box(&face, WIDTH), WIDTH), face);
        }
    }

    #[test]
    fn the_estimated_forehead_comes_out_from_temple_to_temple() {
        let (face, _) = face_of(300, 200, 80);
        let ordered = reorder_forehead(&with_forehead(&face.without_forehead()).unwrap());
        let hairline: Vec<i32> = ordered.points()[FOREHEAD].iter().map(|&(x, _)| x).collect();
        assert!(hairline.is_sorted_by(|one, next| one < next), "{hairline:?}");
    }

    #[test]
    fn left_and_right_change_places() {
        // First point, last point: between them, the ends' neighbours are a pair, and so on to the middle.
        let symmetric = [(0, 16), (17, 26), (31, 35), (48, 54), (55, 59), (60, 64), (65, 67), (68, 80)];
        let eyes = [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)];
        let pairs = symmetric.into_iter().flat_map(|(first, last)| (first..=last).zip((first..=last).rev()));
        let ridge = (27..31).map(|point| (point, point));
        let order = mirror_order(true);
        let mut seen = 0;
        for (one, other) in pairs.chain(ridge).chain(eyes).chain(eyes.map(|(left, right)| (right, left))) {
            assert_eq!(order[one], other, "point {one}");
            seen += 1;
        }
        assert_eq!((seen, order.len()), (81, 81));
        assert_eq!(mirror_order(false), order[..68]);
        let points = [(10.0, 20.0), (30.0, 21.0), (20.0, 30.0), (12.0, 40.0), (28.0, 41.0)];
        let face = FaceBox { bbox: BBox { x0: 5.0, y0: 6.0, x1: 35.0, y1: 50.0 }, points };
        let mirrored = mirror_box(&face, 100);
        assert_eq!(mirrored.bbox, BBox { x0: 65.0, y0: 6.0, x1: 95.0, y1: 50.0 });
        assert_eq!(mirrored.points, [(70.0, 21.0), (90.0, 20.0), (80.0, 30.0), (72.0, 41.0), (88.0, 40.0)]);
    }
}

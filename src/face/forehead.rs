//! Thirteen forehead points for faces of which only 68 landmarks are known.
//!
//! The published masks reach the forehead because the 81-point model knows it. Where only the 68-point model is at
//! hand, the forehead of a plain frontal face is laid over the landmarks: the affine map that brings its brows,
//! eyes, nose ridge and upper jaw onto them in the least-squares sense also moves its forehead. It follows position,
//! size, roll and foreshortening; it does not know hair.

use crate::types::Landmarks;

/// Landmarks that the fit uses: those that neither speech nor chin move.
const RIGID: [std::ops::RangeInclusive<usize>; 5] = [0..=2, 14..=16, 17..=26, 27..=30, 36..=47];

/// A plain frontal face: landmarks 0..=2, 14..=16, 17..=26, 27..=30 and 36..=47 in pixels of no particular image.
#[rustfmt::skip]
const RIGID_POINTS: [(f64, f64); 32] = [
    (82.0, 120.0), (83.0, 138.0), (86.0, 156.0), (233.0, 156.0), (236.0, 138.0), (237.0, 120.0),
    (96.0, 103.0), (106.0, 95.0), (119.0, 92.0), (132.0, 94.0), (144.0, 99.0),
    (174.0, 99.0), (186.0, 94.0), (199.0, 92.0), (212.0, 96.0), (222.0, 104.0),
    (159.0, 117.0), (159.0, 128.0), (160.0, 139.0), (160.0, 150.0),
    (111.0, 119.0), (119.0, 114.0), (129.0, 114.0), (138.0, 120.0), (129.0, 123.0), (119.0, 123.0),
    (180.0, 120.0), (189.0, 114.0), (199.0, 114.0), (207.0, 119.0), (199.0, 123.0), (189.0, 123.0),
];

/// The plain frontal face's hairline, in the order of [`Landmarks::HAIRLINE`].
#[rustfmt::skip]
const HAIRLINE_POINTS: [(f64, f64); Landmarks::HAIRLINE.len()] = [
    (85.0, 104.0), (88.0, 88.0), (94.0, 72.0), (103.0, 57.0), (116.0, 45.0), (132.0, 37.0), (150.0, 33.0),
    (168.0, 33.0), (186.0, 38.0), (202.0, 46.0), (216.0, 58.0), (226.0, 73.0), (233.0, 90.0),
];

/// The landmarks with thirteen estimated forehead points, in the order of the 81-point model; landmarks that have
/// them come back as they are. `None` for points that are no face: mirrored, or collapsed to a line.
pub fn with_forehead(landmarks: &Landmarks) -> Option<Landmarks> {
    if landmarks.has_forehead() {
        return Some(landmarks.clone());
    }
    let seen = RIGID.into_iter().flatten().map(|i| landmarks.points()[i]);
    let pairs = RIGID_POINTS.iter().copied().zip(seen.map(|(x, y)| (f64::from(x), f64::from(y))));
    let map = Affine::fitted(&pairs.collect::<Vec<_>>())?;
    const FARTHEST: f64 = Landmarks::FARTHEST as f64;
    let pixel = |value: f64| value.round().clamp(-FARTHEST, FARTHEST) as i32;
    let mut points = landmarks.points().to_vec();
    points.resize(Landmarks::WITH_FOREHEAD, (0, 0));
    for (index, place) in Landmarks::HAIRLINE.into_iter().zip(HAIRLINE_POINTS) {
        let (x, y) = map.of(place);
        points[index] = (pixel(x), pixel(y));
    }
    Some(Landmarks::new(points).expect("68 and 13 points are 81"))
}

type Point = (f64, f64);

/// x' = a x + b y + c and y' likewise.
struct Affine {
    x: [f64; 3],
    y: [f64; 3],
}

impl Affine {
    /// The least-squares map of the first points onto the second. `None` where the map would be singular.
    fn fitted(pairs: &[(Point, Point)]) -> Option<Self> {
        let n = pairs.len() as f64;
        let mean = |of: &dyn Fn(&(Point, Point)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let from = (mean(&|p| p.0.0), mean(&|p| p.0.1));
        let to = (mean(&|p| p.1.0), mean(&|p| p.1.1));
        // Normal equations of the centred points: a symmetric 2 x 2 matrix and two right-hand sides.
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let mut sides = [[0.0; 2]; 2];
        for &((fx, fy), (tx, ty)) in pairs {
            let (fx, fy, tx, ty) = (fx - from.0, fy - from.1, tx - to.0, ty - to.1);
            xx += fx * fx;
            xy += fx * fy;
            yy += fy * fy;
            for (side, t) in sides.iter_mut().zip([tx, ty]) {
                side[0] += fx * t;
                side[1] += fy * t;
            }
        }
        let determinant = xx * yy - xy * xy;
        let row = |side: [f64; 2], target: f64| {
            let a = (side[0] * yy - side[1] * xy) / determinant;
            let b = (side[1] * xx - side[0] * xy) / determinant;
            [a, b, target - a * from.0 - b * from.1]
        };
        let map = Affine { x: row(sides[0], to.0), y: row(sides[1], to.1) };
        let area = map.x[0] * map.y[1] - map.x[1] * map.y[0];
        // A face that is smaller than a pixel, or mirrored, is none.
        const SMALLEST: f64 = 1e-4;
        (area > SMALLEST).then_some(map)
    }

    fn of(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x[0] * x + self.x[1] * y + self.x[2], self.y[0] * x + self.y[1] * y + self.y[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 68 points of which the rigid ones are the plain face's under `map`, the others arbitrary.
    fn face(map: impl Fn((f64, f64)) -> (f64, f64)) -> Landmarks {
        let mut points = vec![(7, 7); Landmarks::FACE];
        for (i, point) in RIGID.into_iter().flatten().zip(RIGID_POINTS) {
            let (x, y) = map(point);
            points[i] = (x.round() as i32, y.round() as i32);
        }
        Landmarks::new(points).unwrap()
    }

    #[test]
    fn the_hairline_follows_a_turned_scaled_and_moved_face() {
        let (sin, cos) = 0.4f64.sin_cos();
        let turn =
            |(x, y): (f64, f64)| (300.0 + 2.0 * (cos * x - sin * y), 100.0 + 2.0 * (sin * x + cos * y));
        let found = with_forehead(&face(turn)).unwrap();
        assert!(found.has_forehead());
        for (index, place) in Landmarks::HAIRLINE.into_iter().zip(HAIRLINE_POINTS) {
            let (x, y) = turn(place);
            let (fx, fy) = found.points()[index];
            assert!((f64::from(fx) - x).abs() < 2.0 && (f64::from(fy) - y).abs() < 2.0, "point {index}");
        }
    }

    #[test]
    fn what_has_a_forehead_stays_and_what_is_no_face_gets_none() {
        let complete = Landmarks::new((0..81).map(|i| (i, i)).collect()).unwrap();
        assert_eq!(with_forehead(&complete), Some(complete));
        let point = Landmarks::new(vec![(5, 5); 68]).unwrap();
        assert_eq!(with_forehead(&point), None);
        assert_eq!(with_forehead(&face(|(x, y)| (400.0 - x, y))), None);
    }
}

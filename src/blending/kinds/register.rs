//! Bringing another face to the place of this one, and moving parts of a face.

use crate::types::Landmarks;

/// A point in pixels.
pub type Point = (f64, f64);

/// The turn, scale and shift (x, y) -> (a x - b y + x0, b x + a y + y0) that brings one face closest to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    a: f64,
    b: f64,
    x0: f64,
    y0: f64,
    /// See [`Alignment::distance`].
    distance: f64,
}

/// Brows, nose, eyes and mouth: what programs align faces by.
const INNER: std::ops::Range<usize> = 17..68;

impl Alignment {
    /// The map from one face to the other, by least squares over brows, eyes, nose and mouth. `None` when the points of
    /// either lie all in one place.
    pub fn of(from: &Landmarks, to: &Landmarks) -> Option<Alignment> {
        let (from, to) = (points(from), points(to));
        let (from_centre, to_centre) = (centre(&from[INNER]), centre(&to[INNER]));
        let (mut a, mut b, mut spread, mut other_spread) = (0.0, 0.0, 0.0, 0.0);
        for (p, q) in from[INNER].iter().zip(&to[INNER]) {
            let (px, py) = (p.0 - from_centre.0, p.1 - from_centre.1);
            let (qx, qy) = (q.0 - to_centre.0, q.1 - to_centre.1);
            a += px * qx + py * qy;
            b += px * qy - py * qx;
            spread += px * px + py * py;
            other_spread += qx * qx + qy * qy;
        }
        if spread <= 0.0 || other_spread <= 0.0 || (a, b) == (0.0, 0.0) {
            return None;
        }
        let (a, b) = (a / spread, b / spread);
        let (x, y) = from_centre;
        let (x0, y0) = (to_centre.0 - (a * x - b * y), to_centre.1 - (b * x + a * y));
        let mut map = Alignment { a, b, x0, y0, distance: 0.0 };
        let pairs = from.iter().zip(&to).take(Landmarks::FACE);
        let off: f64 = pairs.map(|(p, q)| square_distance(map.at(*p), *q)).sum();
        let size = (other_spread / INNER.len() as f64).sqrt();
        map.distance = (off / Landmarks::FACE as f64).sqrt() / size;
        Some(map)
    }

    /// How far the first 68 points lie from each other after the map, root of the mean of squares, in parts of the size
    /// of the face (that of brows, eyes, nose and mouth about their centre): small where two faces have the same pose.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// Pixels of the second image per pixel of the first.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// Where a point of the first image comes to lie in the second.
    pub fn at(&self, (x, y): Point) -> Point {
        (self.a * x - self.b * y + self.x0, self.b * x + self.a * y + self.y0)
    }

    /// The point of the first image that comes to lie here.
    pub fn back(&self, (x, y): Point) -> Point {
        let square = self.a * self.a + self.b * self.b;
        let (x, y) = (x - self.x0, y - self.y0);
        ((self.a * x + self.b * y) / square, (self.a * y - self.b * x) / square)
    }
}

/// A smooth field that has given values at given points: the mean of all values, weighed by the distance's inverse fourth
/// power (Shepard's interpolation).
pub struct Field {
    anchors: Vec<(Point, Point)>,
    /// Square of the distance below which an anchor does not count for more.
    blunt: f64,
}

impl Field {
    /// `anchors`: points and the values there. `blunt`: distance in pixels within which the field is nearly even.
    pub fn new(anchors: Vec<(Point, Point)>, blunt: f64) -> Field {
        Field { anchors, blunt: (blunt * blunt).max(1.0) }
    }

    /// The value at a point.
    pub fn at(&self, point: Point) -> Point {
        let (mut x, mut y, mut all) = (0.0, 0.0, 0.0);
        for (anchor, value) in &self.anchors {
            let weight = (square_distance(*anchor, point) + self.blunt).powi(-2);
            x += weight * value.0;
            y += weight * value.1;
            all += weight;
        }
        if all > 0.0 { (x / all, y / all) } else { (0.0, 0.0) }
    }
}

/// Landmarks as points.
pub fn points(landmarks: &Landmarks) -> Vec<Point> {
    landmarks.points().iter().map(|&(x, y)| (x.into(), y.into())).collect()
}

/// The mean of some points.
pub fn centre(points: &[Point]) -> Point {
    let count = points.len().max(1) as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    (x / count, y / count)
}

fn square_distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)
}

/// The distance of two points.
pub fn distance(a: Point, b: Point) -> f64 {
    square_distance(a, b).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::face_of;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_turned_and_scaled_face_is_brought_back(
            scale in 0.4..3.0f64, turn in -3.0..3.0f64, x0 in -99.0..500.0f64, y0 in -99.0..500.0f64,
        ) {
            let (face, _) = face_of(300, 200, 90);
            let (a, b) = (scale * turn.cos(), scale * turn.sin());
            let moved = |&(x, y): &(i32, i32)| {
                let (x, y) = (f64::from(x), f64::from(y));
                ((a * x - b * y + x0).round() as i32, (b * x + a * y + y0).round() as i32)
            };
            let other = Landmarks::new(face.points().iter().map(moved).collect()).unwrap();
            let map = Alignment::of(&face, &other).unwrap();
            prop_assert!(map.distance() < 0.03, "{}", map.distance());
            prop_assert!((map.scale() - scale).abs() < 0.02 * scale);
            let there = map.back(map.at((12.0, 34.0)));
            prop_assert!(distance(there, (12.0, 34.0)) < 1e-6);
        }
    }

    #[test]
    fn another_pose_is_farther_and_points_in_one_place_are_no_face() {
        let (face, _) = face_of(300, 200, 90);
        let turned = face.points().iter().enumerate();
        let turned = turned.map(|(i, &(x, y))| if i < 27 { (x + 25, y) } else { (x, y) });
        let turned = Landmarks::new(turned.collect()).unwrap();
        assert!(Alignment::of(&face, &turned).unwrap().distance() > 0.1);
        assert_eq!(Alignment::of(&face, &Landmarks::new(vec![(5, 5); 68]).unwrap()), None);
    }

    #[test]
    fn fields_have_their_values_and_stay_between_them() {
        let field = Field::new(vec![((0.0, 0.0), (1.0, -2.0)), ((100.0, 0.0), (3.0, 0.0))], 1.0);
        let (x, y) = field.at((0.0, 0.0));
        assert!((x - 1.0).abs() < 0.01 && (y + 2.0).abs() < 0.01);
        assert_eq!(field.at((50.0, 40.0)), (2.0, -1.0));
        assert_eq!(Field::new(Vec::new(), 1.0).at((0.0, 0.0)), (0.0, 0.0));
    }
}

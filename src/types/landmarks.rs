//! Facial landmarks.

use super::BBox;

/// The points of one face, (x, y) in whole pixels of the image; may lie outside it.
///
/// There are 68 points in the order of the iBUG annotation (jaw 0..=16, brows 17..=26, nose 27..=35, eyes 36..=47,
/// mouth 48..=67), or 81: these and then thirteen on the forehead. No other number is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmarks {
    points: Vec<(i32, i32)>,
}

/// The number of points given for a face, which is neither 68 nor 81.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a face has 68 or 81 landmarks, found {0}")]
pub struct LandmarkCountError(pub usize);

impl Landmarks {
    /// The number of points on jaw, brows, nose, eyes and mouth, which both landmark models have.
    pub const FACE: usize = 68;
    /// The number of points with those of the forehead.
    pub const WITH_FOREHEAD: usize = 81;
    /// Indices of the forehead's points, ordered along the hairline from one temple to the other. The 81-point model
    /// itself lists them in another order.
    pub const HAIRLINE: [usize; Self::WITH_FOREHEAD - Self::FACE] =
        [77, 75, 76, 68, 69, 70, 71, 80, 72, 73, 79, 74, 78];
    /// The largest distance from the frame's origin, in pixels, at which a coordinate of a face is accepted. Sums and
    /// differences of two or three such numbers and a frame's side stay far inside `i32`.
    pub const FARTHEST: i32 = 1_000_000;

    /// Wraps the points of a face. Fails unless there are 68 or 81.
    pub fn new(points: Vec<(i32, i32)>) -> Result<Self, LandmarkCountError> {
        match points.len() {
            Self::FACE | Self::WITH_FOREHEAD => Ok(Landmarks { points }),
            other => Err(LandmarkCountError(other)),
        }
    }

    /// All points as (x, y), in the order that the type documents.
    pub fn points(&self) -> &[(i32, i32)] {
        &self.points
    }

    /// Whether the thirteen points of the forehead are present.
    pub fn has_forehead(&self) -> bool {
        self.points.len() == Self::WITH_FOREHEAD
    }

    /// A copy with the first 68 points only.
    pub fn without_forehead(&self) -> Landmarks {
        Landmarks { points: self.points[..Self::FACE].to_vec() }
    }

    /// The smallest rectangle that holds every point.
    pub fn bounds(&self) -> BBox {
        bounds_of(&self.points)
    }

    /// The smallest rectangle that holds the first 68 points, from which face crops are computed.
    pub fn face_bounds(&self) -> BBox {
        bounds_of(&self.points[..Self::FACE])
    }

    /// A copy with every point moved by (dx, dy) pixels.
    pub fn shifted(&self, dx: i32, dy: i32) -> Landmarks {
        Landmarks { points: self.points.iter().map(|&(x, y)| (x + dx, y + dy)).collect() }
    }
}

fn bounds_of(points: &[(i32, i32)]) -> BBox {
    let (mut low, mut high) = ((i32::MAX, i32::MAX), (i32::MIN, i32::MIN));
    for &(x, y) in points {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    BBox { x0: low.0.into(), y0: low.1.into(), x1: high.0.into(), y1: high.1.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_the_forehead_only_where_asked() {
        let mut points = vec![(10, 20); 81];
        points[3] = (-5, 40);
        points[70] = (12, 2);
        let landmarks = Landmarks::new(points).unwrap();
        assert_eq!(landmarks.bounds(), BBox { x0: -5.0, y0: 2.0, x1: 12.0, y1: 40.0 });
        assert_eq!(landmarks.face_bounds(), BBox { x0: -5.0, y0: 20.0, x1: 10.0, y1: 40.0 });
        assert_eq!(
            landmarks.without_forehead().shifted(5, -20).bounds(),
            BBox { x0: 0.0, y0: 0.0, x1: 15.0, y1: 20.0 }
        );
    }

    #[test]
    fn the_hairline_has_every_point_of_the_forehead() {
        let mut points = Landmarks::HAIRLINE;
        points.sort_unstable();
        assert!(points.into_iter().eq(Landmarks::FACE..Landmarks::WITH_FOREHEAD));
    }

    #[test]
    fn other_numbers_of_points_are_refused() {
        assert_eq!(Landmarks::new(vec![(0, 0); 5]), Err(LandmarkCountError(5)));
    }
}

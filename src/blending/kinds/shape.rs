//! Shapes of masks beyond the four published ones.

use super::register::{Point, centre, distance, points};
use crate::blending::hull::Hull;
use crate::imaging::{Error, fill_convex_hull};
use crate::types::{Landmarks, Mask};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::fmt;

/// The shape of a mask before it is softened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// The recipe's hull, one of the four published ones.
    Hull,
    /// From the brows to the chin, without the line of the jaw.
    Inner {
        /// How far towards the line of the jaw from the middle of the face, 0..1.
        reach: f64,
    },
    /// A rectangle over the inner face with round corners, turned with the eyes' line: masks of the first swap programs.
    Rectangle {
        /// Its sides in parts of the inner face's, around 1.
        size: f64,
        /// The corners' radius in parts of the shorter side, 0..0.5.
        round: f64,
    },
    /// From below the nose to the chin.
    LowerFace,
    /// A rectangle with round corners over the lower half of the face, turned with the eyes' line.
    LowerRectangle {
        /// The corners' radius in parts of the shorter side, 0..0.5.
        round: f64,
    },
    /// Both eyes with their brows and the root of the nose.
    Eyes,
    /// The head with hair and neck, as an ellipse.
    Head,
    /// All pixels; no softening.
    Everything,
}

/// The tip of the chin and the tip of the nose.
const CHIN: usize = 8;
const NOSE: usize = 30;

impl Shape {
    /// The mask of an image of `width` x `height`: 1 inside, 0 elsewhere. `hull`: what [`Shape::Hull`] stands for.
    pub fn mask(self, landmarks: &Landmarks, hull: Hull, width: usize, height: usize) -> Result<Mask, Error> {
        let all = points(landmarks);
        let outline = match self {
            Shape::Hull => return hull.mask(landmarks, width, height),
            Shape::Everything => return Ok(Mask::filled(width, height, 1.0)),
            Shape::Inner { reach } => inner(&all, reach),
            Shape::Rectangle { size, round } => rectangle(&all, &inner(&all, 0.75), size, round),
            Shape::LowerFace => lower_face(&all),
            Shape::LowerRectangle { round } => rectangle(&all, &lower_face(&all), 1.0, round),
            Shape::Eyes => eyes(&all),
            Shape::Head => head(&all),
        };
        let mut mask = Mask::filled(width, height, 0.0);
        let outline: Vec<(i32, i32)> =
            outline.into_iter().map(|(x, y)| (x.round() as i32, y.round() as i32)).collect();
        fill_convex_hull(&mut mask, &outline)?;
        Ok(mask)
    }
}

fn between(a: Point, b: Point, share: f64) -> Point {
    (a.0 + share * (b.0 - a.0), a.1 + share * (b.1 - a.1))
}

fn inner(all: &[Point], reach: f64) -> Vec<Point> {
    let jaw = all[1..=15].iter().map(|point| between(all[NOSE], *point, reach));
    all[17..=26].iter().copied().chain(all[48..=59].iter().copied()).chain(jaw).collect()
}

fn lower_face(all: &[Point]) -> Vec<Point> {
    // The line of the jaw itself stays: the mask's edge lies on the cheek.
    let jaw = all[3..=13].iter().map(|point| between(all[51], *point, 0.93));
    let under_nose = [between(all[33], all[31], 1.3), between(all[33], all[35], 1.3), all[33]];
    all[48..=59].iter().copied().chain(jaw).chain(under_nose).collect()
}

fn eyes(all: &[Point]) -> Vec<Point> {
    let middle = centre(&all[36..=47]);
    // The lower lids with what is below them, which the softened edge takes again.
    let below = [39, 40, 41, 42, 46, 47].map(|point| between(all[point], all[33], 0.4));
    let around = all[17..=26].iter().chain(&all[36..=47]).map(|point| between(middle, *point, 1.2));
    around.chain(below).collect()
}

fn head(all: &[Point]) -> Vec<Point> {
    const STEPS: usize = 32;
    let (across, down) = axes(all);
    let height = distance(all[27], all[CHIN]);
    let width = distance(all[0], all[16]).max(height);
    let middle = between(all[27], all[CHIN], 0.1);
    (0..STEPS)
        .map(|i| {
            let (sin, cos) = (TAU * i as f64 / STEPS as f64).sin_cos();
            let (x, y) = (0.8 * width * cos, 1.3 * height * sin);
            (middle.0 + x * across.0 + y * down.0, middle.1 + x * across.1 + y * down.1)
        })
        .collect()
}

/// Directions of length 1: from the face's one eye to the other on the image's right, and downwards from it.
pub fn axes(all: &[Point]) -> (Point, Point) {
    let (left, right) = (centre(&all[36..=41]), centre(&all[42..=47]));
    let length = distance(left, right);
    let across =
        if length > 0.0 { ((right.0 - left.0) / length, (right.1 - left.1) / length) } else { (1.0, 0.0) };
    (across, (-across.1, across.0))
}

/// A rectangle along the eyes' line around some points, `size` times as large, as a polygon.
fn rectangle(all: &[Point], inside: &[Point], size: f64, round: f64) -> Vec<Point> {
    const STEPS: usize = 6;
    let (across, down) = axes(all);
    let along = |(x, y): Point| (x * across.0 + y * across.1, x * down.0 + y * down.1);
    let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for point in inside {
        let (u, v) = along(*point);
        low = (low.0.min(u), low.1.min(v));
        high = (high.0.max(u), high.1.max(v));
    }
    let middle = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
    let half = (size * (high.0 - low.0) / 2.0, size * (high.1 - low.1) / 2.0);
    let radius = round.min(0.5) * 2.0 * half.0.min(half.1);
    let corner = |quarter: usize| {
        let (sx, sy) = [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)][quarter];
        let from = (middle.0 + sx * (half.0 - radius), middle.1 + sy * (half.1 - radius));
        (0..=STEPS).map(move |step| {
            let angle = TAU / 4.0 * (quarter as f64 + step as f64 / STEPS as f64);
            (from.0 + radius * angle.cos(), from.1 + radius * angle.sin())
        })
    };
    let back = |(u, v): Point| (u * across.0 + v * down.0, u * across.1 + v * down.1);
    (0..4).flat_map(corner).map(back).collect()
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Hull => f.write_str("hull"),
            Shape::Inner { reach } => write!(f, "inner face, reach {reach:.2}"),
            Shape::Rectangle { size, round } => write!(f, "rectangle {size:.2}, corners {round:.2}"),
            Shape::LowerFace => f.write_str("lower face"),
            Shape::LowerRectangle { round } => write!(f, "lower rectangle, corners {round:.2}"),
            Shape::Eyes => f.write_str("eyes"),
            Shape::Head => f.write_str("head"),
            Shape::Everything => f.write_str("everything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::face_of;
    use super::*;

    const SHAPES: [Shape; 8] = [
        Shape::Hull,
        Shape::Inner { reach: 0.8 },
        Shape::Rectangle { size: 1.0, round: 0.2 },
        Shape::LowerFace,
        Shape::LowerRectangle { round: 0.2 },
        Shape::Eyes,
        Shape::Head,
        Shape::Everything,
    ];

    fn mask(shape: Shape) -> Mask {
        shape.mask(&face_of(150, 150, 60).0, Hull::FaceHull, 300, 300).unwrap()
    }

    fn count(mask: &Mask) -> usize {
        mask.data().iter().filter(|value| **value > 0.0).count()
    }

    #[test]
    fn masks_are_0_or_1_and_lie_where_their_names_say() {
        for shape in SHAPES {
            let mask = mask(shape);
            assert!(mask.data().iter().all(|&value| value == 0.0 || value == 1.0), "{shape}");
            let (x, y) = (150, 150);
            // The chin's middle, between the eyes, and a corner of the image.
            let at = [mask.at(x, y + 60), mask.at(x, y - 12), mask.at(3, 3)];
            let expected = match shape {
                Shape::LowerFace | Shape::LowerRectangle { .. } => [1.0, 0.0, 0.0],
                Shape::Eyes => [0.0, 1.0, 0.0],
                Shape::Everything => [1.0; 3],
                _ => [1.0, 1.0, 0.0],
            };
            assert_eq!(at, expected, "{shape}");
        }
    }

    #[test]
    fn the_inner_face_lies_in_the_hull_and_the_head_around_it() {
        let [inner, hull, head] = [Shape::Inner { reach: 0.8 }, Shape::Hull, Shape::Head].map(mask);
        assert!(inner.data().iter().zip(hull.data()).all(|(inner, hull)| inner <= hull));
        assert!(count(&inner) < count(&hull) && count(&hull) < count(&head));
    }

    #[test]
    fn round_corners_take_pixels_away() {
        let [sharp, round] = [0.0, 0.5].map(|round| mask(Shape::Rectangle { size: 1.0, round }));
        assert!(count(&round) < count(&sharp), "{} {}", count(&round), count(&sharp));
        assert_eq!(sharp.bounds(), round.bounds());
    }
}

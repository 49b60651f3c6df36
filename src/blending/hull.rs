//! Masks from landmarks.

use crate::imaging::{Error, fill_convex_hull};
use crate::types::{Landmarks, Mask};
use serde::{Deserialize, Serialize};

/// The shapes that a face's mask may have; equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hull {
    /// Jaw, ridge of the nose and eyes, a hull each.
    Full,
    /// The eight parts of [`Hull::Components`], made after the brows are raised.
    Extended,
    /// Eight overlapping parts: jaw, cheeks, eyes and nose.
    Components,
    /// One hull of all the points.
    FaceHull,
}

/// The chin, where many parts meet.
const CHIN: usize = 8;

type Points = Vec<usize>;

fn points(ranges: &[std::ops::RangeInclusive<usize>], single: &[usize]) -> Points {
    ranges.iter().cloned().flatten().chain(single.iter().copied()).collect()
}

fn full_parts() -> Vec<Points> {
    vec![
        points(&[0..=16, 48..=67], &[]),      // jaw and mouth
        points(&[27..=30], &[33]),            // ridge of the nose
        points(&[17..=26], &[0, 27, 16, 33]), // eyes
    ]
}

fn component_parts() -> Vec<Points> {
    vec![
        points(&[0..=8], &[17]),                  // right half of the jaw
        points(&[8..=16], &[26]),                 // left half of the jaw
        points(&[17..=19], &[CHIN]),              // right cheek
        points(&[24..=26], &[CHIN]),              // left cheek
        points(&[19..=24], &[CHIN]),              // ridge of the nose
        points(&[17..=21, 31..=35], &[27, CHIN]), // right eye
        points(&[22..=26, 31..=35], &[27, CHIN]), // left eye
        points(&[27..=35], &[]),                  // nose
    ]
}

impl Hull {
    /// All four shapes.
    pub const ALL: [Hull; 4] = [Hull::Full, Hull::Extended, Hull::Components, Hull::FaceHull];

    /// The mask of an image of `width` x `height`: 1 in the hulls, edges included, 0 elsewhere. Points outside
    /// the image count. SBI, "Mask Generator"; the four shapes are those of Face X-ray.
    pub fn mask(self, landmarks: &Landmarks, width: usize, height: usize) -> Result<Mask, Error> {
        let raised;
        let (landmarks, parts) = match self {
            Hull::FaceHull => (landmarks, vec![(0..landmarks.points().len()).collect()]),
            Hull::Full => (landmarks, full_parts()),
            Hull::Components => (landmarks, component_parts()),
            Hull::Extended => {
                raised = raise_brows(landmarks);
                (&raised, component_parts())
            }
        };
        let mut mask = Mask::filled(width, height, 0.0);
        for part in parts {
            let part: Vec<(i32, i32)> = part.into_iter().map(|point| landmarks.points()[point]).collect();
            fill_convex_hull(&mut mask, &part)?;
        }
        Ok(mask)
    }
}

/// The brows moved up by half their distance from the upper line of the eye below; outermost, from a point a
/// quarter of the way from the corner of the eye to the jaw. Halves are rounded down, below zero too.
pub fn raise_brows(landmarks: &Landmarks) -> Landmarks {
    let old = landmarks.points();
    let half = |value: i32| value.div_euclid(2);
    let middle = |a: (i32, i32), b: (i32, i32)| (half(a.0 + b.0), half(a.1 + b.1));
    let quarter = |eye: usize, jaw: usize| middle(old[eye], middle(old[eye], old[jaw]));
    let right = [quarter(36, 0), old[36], old[37], old[38], old[39]];
    let left = [old[42], old[43], old[44], old[45], quarter(45, 16)];
    let mut points = old.to_vec();
    for (brow, eye) in (17..27).zip(right.into_iter().chain(left)) {
        points[brow].0 += half(old[brow].0 - eye.0);
        points[brow].1 += half(old[brow].1 - eye.1);
    }
    Landmarks::new(points).expect("as many points as before")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a circle, all different.
    fn face() -> Landmarks {
        let point = |i: usize| {
            let angle = i as f64 * 0.4;
            (60 + (40.0 * angle.cos()) as i32, 50 + (35.0 * angle.sin()) as i32)
        };
        Landmarks::new((0..81).map(point).collect()).unwrap()
    }

    #[test]
    fn masks_are_0_or_1_and_hold_their_points() {
        for hull in Hull::ALL {
            let mask = hull.mask(&face(), 120, 100).unwrap();
            assert!(mask.data().iter().all(|&value| value == 0.0 || value == 1.0), "{hull:?}");
            let (x, y) = face().points()[CHIN];
            assert_eq!(mask.at(x as usize, y as usize), 1.0, "{hull:?}");
        }
    }

    #[test]
    fn the_hull_of_all_points_holds_every_other() {
        let all = Hull::FaceHull.mask(&face(), 120, 100).unwrap();
        for hull in [Hull::Full, Hull::Components] {
            let mask = hull.mask(&face(), 120, 100).unwrap();
            assert!(mask.data().iter().zip(all.data()).all(|(part, all)| part <= all), "{hull:?}");
        }
    }

    #[test]
    fn a_face_outside_leaves_nothing() {
        assert!(Hull::FaceHull.mask(&face().shifted(-400, 0), 120, 100).unwrap().is_empty());
    }

    #[test]
    fn the_farthest_points_that_files_may_hold_are_no_trouble() {
        const FAR: i32 = Landmarks::FARTHEST;
        let corners = [(-FAR, -FAR), (FAR, -FAR), (FAR, FAR), (-FAR, FAR)];
        let face = Landmarks::new(corners.into_iter().cycle().take(81).collect()).unwrap();
        let raised = raise_brows(&face);
        let (old, new) = (face.points(), raised.points());
        // Point 18 over point 36: 1e6 + (1e6 + 1e6) / 2.
        assert_eq!((old[18], old[36], new[18]), ((FAR, FAR), (-FAR, -FAR), (2 * FAR, 2 * FAR)));
        for hull in Hull::ALL {
            assert!(!hull.mask(&face, 120, 100).unwrap().is_empty(), "{hull:?}");
        }
        let whole = Hull::FaceHull.mask(&face, 120, 100).unwrap();
        assert!(whole.data().iter().all(|&value| value == 1.0));
    }

    #[test]
    fn halves_below_zero_are_rounded_down() {
        let mut points = vec![(0, 0); 68];
        points[18] = (-3, 5);
        points[36] = (0, 8);
        let raised = raise_brows(&Landmarks::new(points).unwrap());
        // (-3 - 0) / 2 = -1.5 -> -2 and (5 - 8) / 2 = -1.5 -> -2.
        assert_eq!(raised.points()[18], (-5, 3));
        assert_eq!(raised.points()[36], (0, 8));
    }
}

//! Where in the frame a pair comes from.

use super::mirror::{mirror_box, mirror_landmarks, reorder_forehead};
use super::pick_box::pick_box;
use super::{Recipe, Unusable};
use crate::face::{CropBase, Margin};
use crate::types::{BBox, FaceBox, Landmarks, Window};

/// Everything about a training pair that is known before any pixel is read: which part of the frame it needs, and
/// where in that part the face and the final crop lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    window: Window,
    landmarks: Landmarks,
    face_box: FaceBox,
    crop: Window,
}

impl Geometry {
    /// Computes the geometry for a frame of `width` x `height` pixels from the face's landmarks and the frame's boxes,
    /// the largest first.
    ///
    /// Fails when the frame has no box for the face, or landmarks or box lie outside.
    pub fn of(
        width: usize,
        height: usize,
        landmarks: &Landmarks,
        boxes: &[FaceBox],
        recipe: &Recipe,
    ) -> Result<Geometry, Unusable> {
        let mut face_box = pick_box(boxes, landmarks)?;
        let mut landmarks = reorder_forehead(landmarks);
        if recipe.mirror {
            landmarks = mirror_landmarks(&landmarks, width);
            face_box = mirror_box(&face_box, width);
        }
        let points: Vec<(f64, f64)> = landmarks.points().iter().map(|&(x, y)| (x.into(), y.into())).collect();
        let base = CropBase::of_landmarks(&points).expect("there are at least 68 points");
        let wide = base.window(height, width, Margin::Wide);
        if wide.is_empty() {
            return Err(Unusable::OutsideFrame { width, height });
        }
        let landmarks = landmarks.shifted(-(wide.x0 as i32), -(wide.y0 as i32));
        let face_box = shifted(face_box, -(wide.x0 as f64), -(wide.y0 as f64));
        let (width_inside, height_inside) = (wide.width(), wide.height());
        let crop = CropBase::of_box(face_box.bbox).window(
            height_inside,
            width_inside,
            Margin::Train(recipe.margins),
        );
        if crop.is_empty() {
            return Err(Unusable::OutsideCrop { width: width_inside, height: height_inside });
        }
        let window = if recipe.mirror { wide.mirrored(width) } else { wide };
        Ok(Geometry { window, landmarks, face_box, crop })
    }

    /// The part of the frame that is needed, as the frame lies in its file, not mirrored: the wide crop by the
    /// landmarks.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The landmarks in pixels of the wide crop, mirrored if the recipe says so.
    pub fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    /// The box in pixels of the wide crop, mirrored if the recipe says so.
    pub fn face_box(&self) -> &FaceBox {
        &self.face_box
    }

    /// The final crop in pixels of the wide crop, mirrored if the recipe says so.
    pub fn crop(&self) -> Window {
        self.crop
    }
}

fn shifted(face: FaceBox, dx: f64, dy: f64) -> FaceBox {
    let BBox { x0, y0, x1, y1 } = face.bbox;
    FaceBox {
        bbox: BBox { x0: x0 + dx, y0: y0 + dy, x1: x1 + dx, y1: y1 + dy },
        points: face.points.map(|(x, y)| (x + dx, y + dy)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::super::testing::{face_of, recipe};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wide_crop_and_the_final_crop_follow_the_table_of_margins() {
        let validation = recipe(0, Phase::Validation);
        let (landmarks, face_box) = face_of(600, 300, 80);
        let bounds = landmarks.face_bounds();
        let geometry = Geometry::of(1280, 720, &landmarks, &[face_box], &validation).unwrap();
        let (w, h) = (bounds.width(), bounds.height());
        let window = geometry.window();
        assert_eq!(window.x0, (bounds.x0 - w / 2.0) as usize);
        assert_eq!(window.x1, (bounds.x1 + w / 2.0) as usize + 1);
        assert_eq!(window.y0, (bounds.y0 - h) as usize);
        assert_eq!(window.y1, (bounds.y1 + h * 2.0 / 5.0) as usize + 1);
        let bbox = geometry.face_box().bbox;
        assert_eq!(bbox.x0, face_box.bbox.x0 - window.x0 as f64);
        assert_eq!(geometry.crop().x0, (bbox.x0 - bbox.width() / 8.0) as usize);
        assert_eq!(geometry.crop().y1, (bbox.y1 + bbox.height() / 8.0) as usize + 1);
    }

    proptest! {
        #[test]
        fn windows_stay_inside(
            (x, y, radius) in (-200..900i32, -200..900i32, 10..300i32), index in any::<u64>(),
        ) {
            let recipe = recipe(index, Phase::Train);
            let (landmarks, face_box) = face_of(x, y, radius);
            match Geometry::of(640, 480, &landmarks, &[face_box], &recipe) {
                Ok(geometry) => {
                    let (window, crop) = (geometry.window(), geometry.crop());
                    prop_assert!(window.x1 <= 640 && window.y1 <= 480 && !window.is_empty());
                    prop_assert!(crop.x1 <= window.width() && crop.y1 <= window.height() && !crop.is_empty());
                }
                Err(why) => prop_assert!(
                    matches!(why, Unusable::OutsideFrame { .. } | Unusable::OutsideCrop { .. }), "{why}"
                ),
            }
        }
    }

    #[test]
    fn faces_outside_say_so() {
        let plain = Recipe { mirror: false, ..recipe(0, Phase::Train) };
        let (landmarks, face_box) = face_of(3000, 300, 80);
        let outside = Geometry::of(640, 480, &landmarks, &[face_box], &plain).unwrap_err();
        assert_eq!(outside.to_string(), "the landmarks lie outside the image of 640 x 480");
        let none = Geometry::of(640, 480, &landmarks, &[], &plain).unwrap_err();
        assert_eq!(none, Unusable::NoBox);
    }

    #[test]
    fn a_mirrored_sample_reads_the_same_part_of_the_file_but_for_a_column() {
        let plain = Recipe { mirror: false, ..recipe(0, Phase::Train) };
        let mirrored = Recipe { mirror: true, ..plain.clone() };
        let (landmarks, face_box) = face_of(400, 250, 60);
        let of = |recipe| Geometry::of(640, 480, &landmarks, &[face_box], recipe).unwrap().window();
        let (one, other) = (of(&plain), of(&mirrored));
        assert!(one.x0.abs_diff(other.x0) <= 1 && one.x1.abs_diff(other.x1) <= 1, "{one:?} {other:?}");
        assert_eq!((one.y0, one.y1), (other.y0, other.y1));
    }
}

//! Face crops as DeepfakeBench, the field's common benchmark, makes them.
//!
//! dlib's HOG detector finds the largest face of a frame. A turn, a scale and a shift lay five of its landmarks over
//! ArcFace's template with room around it, 256 pixels a side. In this crop the face is searched once more; where it is not
//! found again, the frame gives none.

use super::{Error, FaceCrop, FaceDetector, FaceDetectorIdentity, LandmarkModel};
use crate::imaging::{Similarity, warped_on_black};
use crate::media::MediaKind;
use crate::native;
use crate::native::dlib::DlibRect;
use crate::types::{BBox, DetectedFace, Landmarks, RgbImage};
use rayon::prelude::*;

/// Side of the crops in pixels.
pub const BENCHMARK_SIDE: usize = 256;
/// The name by which its identity is known.
pub const BENCHMARK_CROPPER: &str = "dlib-deepfakebench";
/// Landmarks for the five points: both eyes, nose, both corners of the mouth, left in the image first.
const FIVE: [usize; 5] = [37, 44, 30, 49, 55];
/// ArcFace's places of these points in a crop of 112 x 96 pixels.
const TEMPLATE: [(f64, f64); 5] =
    [(30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041)];
/// Shift to the right that makes of the template's 96 columns 112.
const SHIFT: f64 = 8.0;
/// Side in pixels of the square that the shifted template is meant for.
const TEMPLATE_SIDE: f64 = 112.0;
/// How much larger than the template's square the crop is.
const ENLARGED: f64 = 1.3;

/// A crop with its landmarks.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchmarkCrop {
    /// [`BENCHMARK_SIDE`] x [`BENCHMARK_SIDE`] pixels.
    pub pixels: RgbImage,
    /// The face's landmarks in the crop.
    pub landmarks: Landmarks,
}

/// Finds and cuts out faces as DeepfakeBench does.
pub struct BenchmarkCropper {
    model: LandmarkModel,
}

impl BenchmarkCropper {
    /// With this landmark model, which should be the one with 81 points.
    pub fn new(model: LandmarkModel) -> Self {
        BenchmarkCropper { model }
    }

    /// The crop of a frame's largest face; `None` where no face is found, in the frame or again in the crop.
    pub fn crop(&self, frame: &RgbImage) -> Result<Option<BenchmarkCrop>, Error> {
        let Some(face) = self.largest_face(frame)? else { return Ok(None) };
        self.aligned(frame, &face.points)
    }

    /// The largest face of a frame by its rectangle; of equal ones the first.
    fn largest_face(&self, frame: &RgbImage) -> Result<Option<DetectedFace>, Error> {
        let mut largest: Option<DlibRect> = None;
        for rectangle in self.model.rectangles(frame)? {
            if largest.is_none_or(|other| area(&rectangle) > area(&other)) {
                largest = Some(rectangle);
            }
        }
        let Some(rectangle) = largest else { return Ok(None) };
        let landmarks = self.model.landmarks_in(frame, &rectangle)?;
        Ok(landmarks.map(|landmarks| {
            let [left, top, right, bottom] = rectangle.map(|edge| edge as f64);
            DetectedFace {
                bbox: BBox { x0: left, y0: top, x1: right + 1.0, y1: bottom + 1.0 },
                // dlib's scan hands on no score of its own.
                confidence: 1.0,
                points: FIVE.map(|point| {
                    let (x, y) = landmarks.points()[point];
                    (f64::from(x), f64::from(y))
                }),
            }
        }))
    }

    /// The crop of the face with these five points, where dlib finds it again.
    fn aligned(&self, frame: &RgbImage, points: &[(f64, f64); 5]) -> Result<Option<BenchmarkCrop>, Error> {
        let Some(Similarity { a, b, x0, y0 }) = Similarity::fitted(points, &places()) else {
            return Ok(None);
        };
        let pixels = warped_on_black(frame, [[a, -b, x0], [b, a, y0]], BENCHMARK_SIDE, BENCHMARK_SIDE)?;
        // Their program has the channels of the crop the other way round when it searches again.
        let swapped = with_red_for_blue(&pixels);
        let Some(rectangle) = self.model.rectangles(&swapped)?.into_iter().next() else { return Ok(None) };
        let landmarks = self.model.landmarks_in(&swapped, &rectangle)?;
        Ok(landmarks.map(|landmarks| BenchmarkCrop { pixels, landmarks }))
    }
}

impl FaceDetector for BenchmarkCropper {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        images.par_iter().map(|image| Ok(self.largest_face(image)?.into_iter().collect())).collect()
    }

    fn crops(&self, _: MediaKind, image: &RgbImage, faces: &[DetectedFace]) -> Result<Vec<FaceCrop>, Error> {
        let mut crops = Vec::new();
        for face in faces {
            let crop = self.aligned(image, &face.points)?;
            crops.extend(crop.map(|crop| FaceCrop { bbox: Some(face.bbox), pixels: crop.pixels }));
        }
        Ok(crops)
    }

    fn crop_side(&self) -> usize {
        BENCHMARK_SIDE
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity {
            name: BENCHMARK_CROPPER.to_owned(),
            weights: self.model.identity().fingerprint.clone(),
            max_size: None,
        }
    }

    fn preferred_batch(&self) -> usize {
        const MOST: usize = 8;
        native::process::threads().clamp(1, MOST)
    }
}

/// Where the five points belong in the crop.
fn places() -> [(f64, f64); 5] {
    let side = BENCHMARK_SIDE as f64;
    let margin = side * (ENLARGED - 1.0) / 2.0;
    let scale = side / TEMPLATE_SIDE;
    TEMPLATE.map(|(x, y)| (((x + SHIFT) * scale + margin) / ENLARGED, (y * scale + margin) / ENLARGED))
}

/// dlib's area of a rectangle, whose edges are pixels inside.
fn area([left, top, right, bottom]: &DlibRect) -> i64 {
    (right - left + 1) * (bottom - top + 1)
}

fn with_red_for_blue(image: &RgbImage) -> RgbImage {
    let mut swapped = image.clone();
    swapped.data_mut().chunks_exact_mut(3).for_each(|rgb| rgb.swap(0, 2));
    swapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::LandmarkConfig;
    use crate::imaging::warped;

    #[test]
    fn the_template_lies_in_the_middle_with_room_around_it() {
        let places = places();
        // By hand: ((30.2946 + 8) * 256 / 112 + 38.4) / 1.3.
        assert!((places[0].0 - 96.869_626_4).abs() < 1e-6, "{places:?}");
        assert!((places[0].1 - 120.433_054_9).abs() < 1e-6, "{places:?}");
        let mean = places.iter().map(|place| place.0).sum::<f64>() / 5.0;
        assert!((mean - 128.0).abs() < 1.0, "{mean}");
    }

    #[test]
    fn a_face_stands_upright_in_its_crop_and_none_gives_none() {
        let Some(path) = crate::testing::placed("data/sample/astronaut.png") else { return };
        if crate::testing::placed("weights/shape_predictor_68_face_landmarks.dat").is_none() {
            return;
        }
        let portrait = crate::imaging::read_image(&path).unwrap();
        let (model, _) = LandmarkConfig::default().load().unwrap();
        let cropper = BenchmarkCropper::new(model);
        let (sin, cos) = 0.25f64.sin_cos();
        let turned = warped(&portrait, [[cos, -sin, 120.0], [sin, cos, -40.0]], 640, 560).unwrap();
        for frame in [&portrait, &turned] {
            let BenchmarkCrop { pixels, landmarks } = cropper.crop(frame).unwrap().unwrap();
            assert_eq!((pixels.width(), pixels.height(), landmarks.points().len()), (256, 256, 81));
            for (point, (x, y)) in FIVE.into_iter().zip(places()) {
                let (found_x, found_y) = landmarks.points()[point];
                let apart = (f64::from(found_x) - x).hypot(f64::from(found_y) - y);
                assert!(apart < 14.0, "point {point}: {apart} from its place");
            }
            let faces = cropper.detect(&[frame]).unwrap().remove(0);
            let crops = cropper.crops(MediaKind::Video, frame, &faces).unwrap();
            assert_eq!((crops.len(), &crops[0].pixels), (1, &pixels));
        }
        assert_eq!(cropper.crop(&RgbImage::filled(200, 160, [90; 3])).unwrap(), None);
    }
}

//! Made detectors do what no real face does on demand.

use super::{SET, tree};
use crate::made;
use crate::support::Place;
use sbi::datasets::Compression;
use sbi::face::{Error as FaceError, FaceDetector, LandmarkDetector};
use sbi::prepared_frames::{BoxSettings, LandmarkSettings};
use sbi::preprocess::{Config, Tools, VideoSource, run_with};
use sbi::progress::{Cancel, Silent};
use sbi::types::{BBox, DetectedFace, Landmarks, RgbImage};
use std::fs;

/// Landmarks of two faces of equal size; a box on even frames alone; a failure on the last frame.
struct MadeTools {
    shared: bool,
}

struct TwoFaces;

impl LandmarkDetector for TwoFaces {
    fn detect(&self, _: &RgbImage) -> Result<Vec<Landmarks>, FaceError> {
        let square = |x: i32| {
            let mut points = vec![(x, 10); 68];
            points[8] = (x + 20, 30);
            Landmarks::new(points).unwrap()
        };
        Ok(vec![square(40), square(5)])
    }
}

struct BoxesByBrightness;

impl FaceDetector for BoxesByBrightness {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, FaceError> {
        images.iter().map(|image| boxes_of(image.pixel(2, 2)[0])).collect()
    }

    fn identity(&self) -> sbi::face::FaceDetectorIdentity {
        sbi::face::FaceDetectorIdentity { name: "made".into(), weights: "0".into(), max_size: None }
    }

    fn preferred_batch(&self) -> usize {
        3
    }
}

/// Bright: a face that the edge cuts, and a smaller one. Middling: none. Dark: no memory.
fn boxes_of(brightness: u8) -> Result<Vec<DetectedFace>, FaceError> {
    let face = |x0: f64, side: f64| DetectedFace {
        bbox: BBox { x0, y0: -7.5, x1: x0 + side, y1: side - 7.5 },
        confidence: 0.9,
        points: [(1.0, 2.0); 5],
    };
    match brightness {
        0..=60 => {
            Err(FaceError::Network { height: 1, width: 1, cause: tch::TchError::Torch("no memory".into()) })
        }
        61..=160 => Ok(Vec::new()),
        _ => Ok(vec![face(50.0, 10.0), face(-4.25, 33.0)]),
    }
}

impl Tools for MadeTools {
    fn landmark_settings(&self) -> Option<LandmarkSettings> {
        let (model, fingerprint) = ("made".to_owned(), "0".to_owned());
        Some(LandmarkSettings { model, fingerprint, points: 68, estimated_forehead: false })
    }
    fn box_settings(&self) -> Option<BoxSettings> {
        Some(BoxSettings { detector: "made".into(), weights: "0".into(), max_size: None })
    }
    fn landmark_detector(&self) -> Option<&dyn LandmarkDetector> {
        Some(&TwoFaces)
    }
    fn face_detector(&self) -> sbi::Result<Box<dyn FaceDetector>> {
        Ok(Box::new(BoxesByBrightness))
    }
    fn shares_face_detector(&self) -> bool {
        self.shared
    }
}

#[test]
fn equal_faces_failing_frames_and_frames_without_a_box_are_all_accounted_for() {
    let mut trees = Vec::new();
    for shared in [false, true] {
        let place = Place::new();
        let videos = place.path(SET).join("videos");
        fs::create_dir_all(&videos).unwrap();
        for name in ["a.mp4", "b.mp4"] {
            // Bright, middling, bright, dark.
            made::video(&videos.join(name), 4, |frame| {
                RgbImage::filled(64, 48, [[230; 3], [110; 3], [230; 3], [20; 3]][frame])
            });
        }
        let set: sbi::datasets::SourceSet = "Celeb-real".parse().unwrap();
        let (data_root, compression) = (place.path("data"), Compression::default());
        let source = VideoSource::Set { set, data_root, compression };
        let config = Config { frames: 4, jobs: 3, ..Config::new(source) };
        let list = || config.source.videos().unwrap().0;
        let run = || run_with(&config, list(), &MadeTools { shared }, &Silent, &Cancel::new()).unwrap();
        let summary = run();
        assert_eq!((summary.total, summary.prepared, summary.failed().count()), (2, 2, 2));
        let video = &summary.videos[0];
        assert_eq!((video.with_landmarks, video.with_boxes, video.usable), (3, 2, 2));
        assert_eq!(video.without_boxes, Some(vec![1]));
        assert_eq!(video.problems.len(), 1);
        assert!(video.problems[0].frame == 3 && video.problems[0].problem.contains("no memory"));
        // The failed frames are tried again, and nothing else.
        let before = tree(&place);
        assert_eq!((run().prepared, tree(&place) == before), (2, true));
        let landmarks =
            sbi::prepared_frames::read_landmarks(&place.path(SET).join("landmarks/a/000.npy")).unwrap();
        assert_eq!(landmarks.iter().map(|face| face.points()[0].0).collect::<Vec<_>>(), [40, 5]);
        let boxes = sbi::prepared_frames::read_boxes(&place.path(SET).join("retina/a/000.npy")).unwrap();
        assert_eq!(boxes.iter().map(|face| face.bbox.x0).collect::<Vec<_>>(), [-4.25, 50.0]);
        trees.push(before);
    }
    assert!(trees[0] == trees[1], "a shared detector gives other files");
}

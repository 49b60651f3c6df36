//! A folder of photographs and videos, with a made face detector and a small network.

use super::*;
use crate::face::{Error, FaceDetector, FaceDetectorIdentity};
use crate::imaging::write_image;
use crate::infer::InferSource;
use crate::media::{Decodings, MediaLimits, Reading};
use crate::model::efficientnet::Variant;
use crate::model::published::Layout;
use crate::model::{Execution, InputSpec, Method};
use crate::progress::Silent;
use crate::types::{BBox, DetectedFace, RgbImage, VideoStatus};
use crate::video::{VideoWriter, distinct_frame_indices};
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// Finds a face in images that are not dark; asks for an end of the run while it looks at the image of number `stop_at`.
struct Made<'a> {
    batch: usize,
    looked: Cell<usize>,
    stop_at: usize,
    cancel: &'a Cancel,
}

impl FaceDetector for Made<'_> {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.looked.set(self.looked.get() + images.len());
        if self.looked.get() >= self.stop_at {
            self.cancel.request();
        }
        let bbox = BBox { x0: 8.0, y0: 8.0, x1: 40.0, y1: 40.0 };
        let face = DetectedFace { bbox, confidence: 0.9, points: [(9.0, 9.0); 5] };
        let bright = |image: &&RgbImage| image.data()[0] > 20;
        Ok(images.iter().map(|image| if bright(image) { vec![face.clone()] } else { Vec::new() }).collect())
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity { name: "made".into(), weights: String::new(), max_size: None }
    }

    fn preferred_batch(&self) -> usize {
        self.batch
    }
}

fn image(seed: usize) -> RgbImage {
    let value = |i: usize| (90.0 + 60.0 * ((i * (seed + 3)) as f32 * 0.013).sin()) as u8;
    RgbImage::from_raw(64, 48, (0..64 * 48 * 3).map(value).collect())
}

/// Photographs, a video, what has no face and what cannot be read.
fn folder() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for number in [0, 1, 4, 5, 7] {
        write_image(&path(&format!("{number}.png")), &image(number)).unwrap();
    }
    write_image(&path("2.png"), &RgbImage::filled(64, 48, [3; 3])).unwrap();
    std::fs::write(path("3.png"), "no image").unwrap();
    let mut writer = VideoWriter::create(&path("6.avi"), 64, 48, 25.0).unwrap();
    (0..5).for_each(|frame| writer.write(&image(20 + frame)).unwrap());
    writer.finish().unwrap();
    let paths = (0..8).map(|number| path(&format!("{number}.{}", if number == 6 { "avi" } else { "png" })));
    let paths = paths.collect();
    (folder, paths)
}

fn network() -> ForgeryDetector {
    // Tests run side by side, and threads that wait for one another busily hold them all up.
    tch::set_num_threads(1);
    let input = InputSpec { side: 64, ..InputSpec::default() };
    let variant = Variant::named("efficientnet-lite0").unwrap();
    let state = Layout::ForgeryDetector(Method::Sbi, variant).filled(3).unwrap();
    let execution = Execution::plain(tch::Device::Cpu);
    ForgeryDetector::from_state(&state, input, Path::new("filled"), execution).unwrap()
}

/// Scores `paths`; the face detector likes `batch` images and asks for an end at the one with number `stop_at`.
fn scored(
    paths: &[PathBuf],
    network: &ForgeryDetector,
    (batch, batch_size): (usize, usize),
    heatmaps: Option<&Path>,
    stop_at: usize,
) -> Vec<VideoResult> {
    let config = Config {
        batch_size,
        heatmaps: heatmaps.map(Path::to_owned),
        ..Config::new(PathBuf::new(), InferSource::Files(Vec::new()))
    };
    let item = |(place, path): (usize, &PathBuf)| InputItem { place, ..InputItem::unlabelled(path.clone()) };
    let items: Vec<InputItem> = paths.iter().enumerate().map(item).collect();
    let cancel = Cancel::new();
    let face_detector = Made { batch, looked: Cell::new(0), stop_at, cancel: &cancel };
    let decodings = Decodings::start(
        paths.to_vec(),
        |_, total| distinct_frame_indices(total, 5),
        Reading::as_is(MediaLimits::default()),
        2,
    );
    let faces = FaceStream::from_videos(decodings, Box::new(face_detector), &cancel);
    let mut results = Vec::new();
    let mut take = |_, result| {
        results.push(result);
        Ok(())
    };
    score_all(
        &config,
        (&items, paths),
        faces,
        (network, None),
        (&Silent, &mut take),
        &mut Gallery::default(),
        &cancel,
    )
    .unwrap();
    results
}

#[track_caller]
fn assert_same(one: &VideoResult, other: &VideoResult) {
    let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        (a, b) => a == b,
    };
    let told = |r: &VideoResult| (r.path.clone(), r.status, r.frames, r.faces, r.note.clone());
    assert_eq!(told(one), told(other));
    assert!(close(one.score, other.score), "{one:?} {other:?}");
    assert_eq!(one.frame_scores.len(), other.frame_scores.len());
    for (a, b) in one.frame_scores.iter().zip(&other.frame_scores) {
        assert!(a.frame == b.frame && close(Some(a.score), Some(b.score)), "{a:?} {b:?}");
    }
}

#[test]
fn a_folder_scores_like_each_of_its_files_alone() {
    let (folder, paths) = folder();
    let network = network();
    let sheets = folder.path().join("alone");
    let alone: Vec<VideoResult> = paths
        .iter()
        .flat_map(|path| scored(std::slice::from_ref(path), &network, (1, 1), Some(&sheets), usize::MAX))
        .collect();
    use VideoStatus::{NoFace, Ok as Fine, Unreadable};
    let statuses: Vec<VideoStatus> = alone.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [Fine, Fine, NoFace, Unreadable, Fine, Fine, Fine, Fine]);
    assert_eq!(alone[6].faces, 5);
    for batches in [(1, 1), (1, 8), (3, 2), (4, 4), (20, 20)] {
        let together_sheets = folder.path().join(format!("{batches:?}"));
        let together = scored(&paths, &network, batches, Some(&together_sheets), usize::MAX);
        assert_eq!(together.len(), alone.len());
        alone.iter().zip(&together).for_each(|(one, other)| assert_same(one, other));
        let names = |folder: &Path| {
            let mut names: Vec<_> =
                std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&together_sheets), names(&sheets));
    }
}

#[test]
fn an_interruption_keeps_videos_whose_frames_are_all_in() {
    let (_folder, paths) = folder();
    let network = network();
    let whole = scored(&paths, &network, (1, 1), None, usize::MAX);
    // With images of files 0, 1 and 2, then of 4, 5 and the first of 6, looked at together: when the end is asked
    // for, the file that the last of them belongs to has not ended.
    for (stop_at, finished) in [(1, 2), (4, 6)] {
        for batch_size in [1, 4, 100] {
            let kept = scored(&paths, &network, (3, batch_size), None, stop_at);
            assert_eq!(kept.len(), finished, "{kept:?}");
            whole.iter().zip(&kept).for_each(|(one, other)| assert_same(one, other));
        }
    }
}

//! Both sources over many inputs, with a made face detector.

use super::*;
use crate::face::FaceDetectorIdentity;
use crate::imaging::write_image;
use crate::media::{Decodings, MediaLimits, Reading};
use crate::packed_faces::{PackOutcome, PackSettings, PackedSet, PackedWriter, PlannedVideo};
use crate::types::{BBox, DetectedFace, FACE_SIDE, Label, RgbImage};
use crate::video::{VideoWriter, distinct_frame_indices};
use std::path::{Path, PathBuf};

/// Finds in each frame a face whose place depends on the frame's first pixel; none in dark frames.
struct Made {
    batch: usize,
}

impl FaceDetector for Made {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let faces = |image: &&RgbImage| {
            let x0 = f64::from(image.data()[0]) / 10.0;
            let bbox = BBox { x0, y0: 1.0, x1: x0 + 9.0, y1: 12.0 };
            let face = DetectedFace { bbox, confidence: 0.9, points: [(x0, 2.0); 5] };
            if image.data()[0] > 20 { vec![face] } else { Vec::new() }
        };
        Ok(images.iter().map(faces).collect())
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity { name: "made".into(), weights: String::new(), max_size: None }
    }

    fn preferred_batch(&self) -> usize {
        self.batch
    }
}

/// An event without its pixels but with a sum that changes with them: input, frame and crops, or input and end.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Frame(usize, usize, Vec<(Option<BBox>, u64)>),
    End(usize, InputEnd),
}

fn told(faces: FaceStream) -> Vec<Told> {
    let sum = |image: &RgbImage| image.data().iter().map(|&value| u64::from(value)).sum();
    let told = |event: FaceEvent| match event {
        FaceEvent::Frame { input, faces } => {
            let crops = faces.crops.iter().map(|crop| (crop.bbox, sum(&crop.pixels))).collect();
            Told::Frame(input, faces.frame, crops)
        }
        FaceEvent::End { input, end } => Told::End(input, end),
    };
    faces.map(|event| told(event.unwrap())).collect()
}

fn image(value: u8) -> RgbImage {
    let value = |i: usize| value.wrapping_add((i % 17) as u8);
    RgbImage::from_raw(48, 32, (0..48 * 32 * 3).map(value).collect())
}

/// Photographs and videos, one of them without a face and two that are none.
fn folder() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for number in [0, 1, 5] {
        write_image(&path(&format!("{number}.png")), &image(60 + 20 * number)).unwrap();
    }
    write_image(&path("2.png"), &RgbImage::filled(48, 32, [3; 3])).unwrap();
    std::fs::write(path("3.png"), "no photograph").unwrap();
    std::fs::write(path("6.avi"), "no video").unwrap();
    for (number, frames) in [(4, 7), (7, 3)] {
        let mut writer = VideoWriter::create(&path(&format!("{number}.avi")), 48, 32, 25.0).unwrap();
        (0..frames).for_each(|frame| writer.write(&image(100 + 8 * frame)).unwrap());
        writer.finish().unwrap();
    }
    let extension = |number| if [4, 6, 7].contains(&number) { "avi" } else { "png" };
    let paths = (0..8).map(|number| path(&format!("{number}.{}", extension(number)))).collect();
    (folder, paths)
}

fn from_files(paths: &[PathBuf], jobs: usize, batch: usize, cancel: &Cancel) -> Vec<Told> {
    let decodings = {
        let reading = Reading::as_is(MediaLimits::default());
        Decodings::start(paths.to_vec(), |_, total| distinct_frame_indices(total, 5), reading, jobs)
    };
    told(FaceStream::from_videos(decodings, Box::new(Made { batch }), cancel))
}

#[test]
fn videos_give_the_same_events_in_the_same_order_for_any_jobs_and_batches() {
    let (_folder, paths) = folder();
    let cancel = Cancel::new();
    let expected = from_files(&paths, 1, 1, &cancel);
    for (jobs, batch) in [(1, 4), (2, 1), (3, 3), (8, 8), (2, 100)] {
        assert_eq!(from_files(&paths, jobs, batch, &cancel), expected, "{jobs} jobs, batches of {batch}");
    }
    let ends: Vec<(usize, VideoStatus)> = expected
        .iter()
        .filter_map(|told| if let Told::End(input, end) = told { Some((*input, end.status)) } else { None })
        .collect();
    use VideoStatus::{NoFace, Ok as Fine, Unreadable};
    let statuses = [Fine, Fine, NoFace, Unreadable, Fine, Fine, Unreadable, Fine];
    assert!(ends.into_iter().eq(statuses.into_iter().enumerate()), "{expected:?}");
    let reason = |input: usize| {
        let end = expected.iter().find_map(|told| match told {
            Told::End(of, end) if *of == input => Some(end),
            _ => None,
        });
        end.and_then(|end| end.note.clone()).unwrap_or_default()
    };
    assert!(
        reason(2).contains("no face in any of 1 frames") && reason(6).contains("in no format that is known")
    );
}

#[test]
fn a_cancelled_stream_of_videos_ends_at_once() {
    let (_folder, paths) = folder();
    let cancel = Cancel::new();
    cancel.request();
    assert_eq!(from_files(&paths, 2, 4, &cancel), []);
}

/// Packs made faces: per video the frames of its faces. The value of each face's pixels is its frame.
fn packed(folder: &Path, videos: &[&[u32]]) -> Vec<PackedVideo> {
    let settings = PackSettings {
        dataset: "made".into(),
        compression: "raw".into(),
        detector: "made".into(),
        detector_weights: String::new(),
        max_size: 0,
        frames: 5,
        face_size: FACE_SIDE as u32,
    };
    let planned = |number: usize| PlannedVideo {
        path: format!("{number}.mp4").into(),
        label: Label::Real,
        group: None,
    };
    let planned = (0..videos.len()).map(planned).collect();
    let mut writer = PackedWriter::open(folder, settings, planned, false).unwrap();
    for (number, frames) in videos.iter().enumerate() {
        let mut arrays = writer.start(number + 1).unwrap();
        for &frame in *frames {
            arrays.append(&RgbImage::filled(FACE_SIDE, FACE_SIDE, [frame as u8; 3]), frame).unwrap();
        }
        let outcome = PackOutcome { status: VideoStatus::Ok, frames_decoded: 5, note: None };
        writer.commit(arrays, outcome).unwrap();
    }
    writer.finish().unwrap();
    PackedSet::open(folder).unwrap().videos
}

fn end(status: VideoStatus, frames_with_face: usize, faces: usize, note: Option<&str>) -> InputEnd {
    InputEnd {
        status,
        frames_wanted: 5,
        frames_decoded: 5,
        frames_with_face,
        faces,
        note: note.map(str::to_owned),
        remarks: Vec::new(),
        seen: None,
    }
}

#[test]
fn packed_faces_come_frame_by_frame_and_each_video_ends() {
    let folder = tempfile::tempdir().unwrap();
    let many = [7; 20];
    let videos = packed(folder.path(), &[&[0, 0, 3], &[], &many]);
    let cancel = Cancel::new();
    let crop = |frame: u64| (None, frame * 3 * (FACE_SIDE * FACE_SIDE) as u64);
    let expected = [
        Told::Frame(0, 0, vec![crop(0), crop(0)]),
        Told::Frame(0, 3, vec![crop(3)]),
        Told::End(0, end(VideoStatus::Ok, 2, 3, None)),
        Told::End(1, end(VideoStatus::NoFace, 0, 0, Some("no face in any frame"))),
        // Very many faces of a frame come in parts, and are still of one frame.
        Told::Frame(2, 7, vec![crop(7); 16]),
        Told::Frame(2, 7, vec![crop(7); 4]),
        Told::End(2, end(VideoStatus::Ok, 1, 20, None)),
    ];
    assert_eq!(told(FaceStream::from_packed(videos, &cancel)), expected);
}

#[test]
fn a_damaged_packed_video_ends_with_its_reason_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let videos = packed(folder.path(), &[&[1], &[0, 1, 2], &[4]]);
    let cancel = Cancel::new();
    std::fs::remove_file(folder.path().join("1.npy")).unwrap();
    let stream = FaceStream::from_packed(videos, &cancel);
    let mut events = Vec::new();
    for event in stream {
        let event = event.unwrap();
        // The file is cut while it is being read.
        if let FaceEvent::Frame { input: 1, faces: FrameFaces { frame: 0, .. } } = &event {
            let file = std::fs::File::options().write(true).open(folder.path().join("2.npy")).unwrap();
            file.set_len(500_000).unwrap();
        }
        events.push(event);
    }
    let [first, frame, damaged, _, last] = events.as_slice() else { panic!("{events:?}") };
    let end_of = |event: &FaceEvent| match event {
        FaceEvent::End { input, end } => (*input, end.clone()),
        FaceEvent::Frame { .. } => panic!("{event:?}"),
    };
    let (input, missing) = end_of(first);
    assert!(input == 0 && missing.note.unwrap().contains("1.npy: no such file"));
    assert!(matches!(frame, FaceEvent::Frame { input: 1, .. }));
    let (input, damaged) = end_of(damaged);
    assert_eq!((input, damaged.status, damaged.faces), (1, VideoStatus::Unreadable, 0));
    assert!(damaged.note.unwrap().contains("2.npy: cannot read"));
    assert_eq!(end_of(last), (2, end(VideoStatus::Ok, 1, 1, None)));
}

#[test]
fn a_wish_to_stop_drops_the_current_packed_video_only() {
    let folder = tempfile::tempdir().unwrap();
    let videos = packed(folder.path(), &[&[1], &[0, 1, 2], &[4]]);
    let cancel = Cancel::new();
    let mut ended = Vec::new();
    for event in FaceStream::from_packed(videos, &cancel) {
        match event.unwrap() {
            FaceEvent::Frame { input: 1, .. } => cancel.request(),
            FaceEvent::Frame { .. } => {}
            FaceEvent::End { input, .. } => ended.push(input),
        }
    }
    assert_eq!(ended, [0]);
}

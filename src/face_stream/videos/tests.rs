//! Batches over videos against one video at a time.

use super::*;
use crate::face::FaceDetectorIdentity;
use crate::types::BBox;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Finds as many faces as the red of an image's first pixel says, and remembers how many images it was given at a time.
#[derive(Clone)]
struct Made {
    batch: usize,
    looked: Arc<Mutex<Vec<usize>>>,
}

impl Made {
    fn new(batch: usize) -> Self {
        Made { batch, looked: Arc::default() }
    }

    fn looked(&self) -> Vec<usize> {
        self.looked.lock().unwrap().clone()
    }
}

impl FaceDetector for Made {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.looked.lock().unwrap().push(images.len());
        let face = |at: u8| {
            let x0 = f64::from(at);
            let bbox = BBox { x0, y0: 1.0, x1: x0 + 3.0, y1: 4.0 };
            DetectedFace { bbox, confidence: 0.9, points: [(x0, 2.0); 5] }
        };
        Ok(images.iter().map(|image| (0..image.data()[0]).map(face).collect()).collect())
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity { name: "made".into(), weights: String::new(), max_size: None }
    }

    fn preferred_batch(&self) -> usize {
        self.batch
    }
}

/// What a decoder gives for a video: faces per frame, and how it ends.
#[derive(Clone, Debug)]
struct MadeVideo {
    faces: Vec<u8>,
    end: Result<Option<usize>, String>,
}

impl MadeVideo {
    fn whole(faces: &[u8]) -> Self {
        MadeVideo { faces: faces.to_vec(), end: Ok(None) }
    }

    fn unreadable() -> Self {
        MadeVideo { faces: Vec::new(), end: Err("not a readable video".into()) }
    }

    fn events(&self) -> impl Iterator<Item = DecodeEvent> + '_ {
        let image = |&faces: &u8| RgbImage::filled(9 + faces as usize, 8, [faces, 7, 7]);
        let frames = self.faces.iter().map(image).enumerate();
        let frames = frames
            .map(|(index, image)| DecodeEvent::Frame(Frame { index: 10 * index, image }, MediaKind::Video));
        let decoded = self.faces.len();
        let report = |ended_at: Option<usize>| DecodeReport {
            wanted: decoded.max(5),
            decoded,
            ended_at,
            damage: ended_at.map(|_| "broken".to_owned()),
            remarks: Vec::new(),
        };
        frames.chain([DecodeEvent::End(self.end.clone().map(report))])
    }

    /// What must come out of it, whatever stands around it.
    fn expected(&self) -> (Vec<(usize, usize)>, VideoStatus, Option<String>) {
        let faces = self.faces.iter().enumerate().map(|(at, &faces)| (10 * at, faces as usize)).collect();
        let decoded = self.faces.len();
        let wanted = decoded.max(5);
        let stopped = |at| {
            format!("damaged or cut off: broken; {decoded} of {wanted} frames read (it ends at frame {at})")
        };
        let nothing = |why: &str| format!("none of {wanted} frames can be decoded{why}");
        let (status, note) = match &self.end {
            Err(reason) => (VideoStatus::Unreadable, Some(reason.clone())),
            Ok(Some(_)) if decoded == 0 => (VideoStatus::Unreadable, Some(nothing(": broken"))),
            Ok(None) if decoded == 0 => (VideoStatus::Unreadable, Some(nothing(""))),
            Ok(Some(at)) => (VideoStatus::Truncated, Some(stopped(*at))),
            Ok(None) if self.faces.iter().all(|&faces| faces == 0) => {
                (VideoStatus::NoFace, Some(format!("no face in any of {decoded} frames")))
            }
            Ok(None) => (VideoStatus::Ok, None),
        };
        (faces, status, note)
    }
}

fn all_events(videos: &[MadeVideo]) -> Vec<(usize, DecodeEvent)> {
    let numbered = |(number, video): (usize, &MadeVideo)| video.events().map(move |e| (number, e)).collect();
    videos.iter().enumerate().flat_map(numbered as fn(_) -> Vec<_>).collect()
}

/// Frames and faces of each video that came to its end, in the order of the ends.
type Outcomes = Vec<(usize, Vec<(usize, usize)>, InputEnd)>;

/// The outcomes with a face detector that likes `batch` images; asserts that no more wait.
fn outcomes(events: Vec<(usize, DecodeEvent)>, face_detector: &Made) -> Outcomes {
    let mut handed = 0;
    let watched = events.into_iter().inspect(|(_, event)| {
        handed += usize::from(frame_of(event).is_some());
        let looked: usize = face_detector.looked().iter().sum();
        assert!(handed - looked <= face_detector.batch, "{} frames wait", handed - looked);
    });
    let (mut ended, mut frames) = (Outcomes::new(), Vec::new());
    let cancel = Cancel::new();
    for event in VideoFaces::new(watched, Box::new(face_detector.clone()), &cancel) {
        match event.unwrap() {
            FaceEvent::Frame { input, faces } => {
                assert!(
                    ended.last().is_none_or(|(before, ..)| *before < input),
                    "a frame after its video's end"
                );
                frames.push((faces.frame, faces.crops.len()));
            }
            FaceEvent::End { input, end } => ended.push((input, std::mem::take(&mut frames), end)),
        }
    }
    ended
}

fn any_video() -> impl Strategy<Value = MadeVideo> {
    let faces = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(0..3u8, 1..2),
        prop::collection::vec(0..3u8, 2..9)
    ];
    prop_oneof![
        5 => faces.clone().prop_map(|faces| MadeVideo { faces, end: Ok(None) }),
        1 => (faces, 0..40usize).prop_map(|(faces, at)| MadeVideo { faces, end: Ok(Some(at)) }),
        1 => Just(MadeVideo::unreadable()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batches_over_videos_give_what_each_video_gives_alone(
        videos in prop::collection::vec(any_video(), 0..9),
        batch in 1..7usize,
        cut in prop::option::of(0..60usize),
    ) {
        let mut events = all_events(&videos);
        events.truncate(cut.unwrap_or(usize::MAX));
        let frames = events.iter().filter(|(_, event)| frame_of(event).is_some()).count();
        let whole = events.iter().filter(|(_, event)| frame_of(event).is_none()).count();
        let face_detector = Made::new(batch);
        let ended = outcomes(events, &face_detector);

        prop_assert_eq!(ended.iter().map(|(video, ..)| *video).collect::<Vec<_>>(), (0..whole).collect::<Vec<_>>());
        for (video, faces, end) in &ended {
            let (expected, status, note) = videos[*video].expected();
            prop_assert_eq!(&end.note, &note);
            prop_assert_eq!(end.status, status);
            prop_assert_eq!(end.frames_decoded, expected.len());
            let unreadable = videos[*video].end.is_err();
            prop_assert_eq!(end.frames_wanted, if unreadable { expected.len() } else { expected.len().max(5) });
            prop_assert_eq!(end.frames_with_face, expected.iter().filter(|(_, faces)| *faces > 0).count());
            prop_assert_eq!(end.faces, expected.iter().map(|(_, faces)| faces).sum::<usize>());
            prop_assert_eq!(faces, &expected);
        }
        let looked = face_detector.looked();
        let (last, full) = looked.split_last().map_or((0, &[][..]), |(last, full)| (*last, full));
        prop_assert!(full.iter().all(|&images| images == batch) && last <= batch, "{:?}", looked);
        let unended = frames - videos[..whole].iter().map(|video| video.faces.len()).sum::<usize>();
        // Of a video that was broken off, only frames that had to make room were looked at.
        prop_assert_eq!(looked.iter().sum::<usize>(), frames - unended.min(frames % batch));
    }
}

#[test]
fn photographs_are_looked_at_together_and_nothing_waits_behind_what_has_no_frame() {
    let videos = [
        MadeVideo::unreadable(),
        MadeVideo::whole(&[1]),
        MadeVideo::unreadable(),
        MadeVideo::whole(&[0]),
        MadeVideo::whole(&[2]),
        MadeVideo::whole(&[1]),
        MadeVideo::whole(&[1]),
    ];
    let face_detector = Made::new(4);
    // As soon as an event is asked for, all that can be told before it has been told.
    let told = Mutex::new(Vec::new());
    let mut before = Vec::new();
    let events = all_events(&videos);
    let watched = events.into_iter().inspect(|_| before.push(told.lock().unwrap().len()));
    let cancel = Cancel::new();
    for event in VideoFaces::new(watched, Box::new(face_detector.clone()), &cancel) {
        if let FaceEvent::End { input, .. } = event.unwrap() {
            told.lock().unwrap().push(input);
        }
    }
    assert_eq!(told.into_inner().unwrap(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(face_detector.looked(), [4, 1]);
    assert_eq!(before, [0, 1, 1, 1, 1, 1, 1, 1, 1, 5, 6, 6]);
}

#[test]
fn a_failure_of_the_face_detector_is_the_last_that_comes() {
    struct Failing;
    impl FaceDetector for Failing {
        fn detect(&self, _: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
            Err(Error::Network { height: 8, width: 9, cause: tch::TchError::Torch("no memory".into()) })
        }
        fn identity(&self) -> FaceDetectorIdentity {
            Made::new(1).identity()
        }
    }
    let events = all_events(&[MadeVideo::unreadable(), MadeVideo::whole(&[1, 1])]);
    let cancel = Cancel::new();
    let mut faces = VideoFaces::new(events.into_iter(), Box::new(Failing), &cancel);
    assert!(matches!(faces.next(), Some(Ok(FaceEvent::End { input: 0, .. }))));
    assert!(matches!(faces.next(), Some(Err(Error::Network { .. }))));
    assert!(faces.next().is_none() && faces.next().is_none());
}

#[test]
fn a_wish_to_stop_drops_the_current_video_and_finishes_those_before() {
    let videos = [MadeVideo::whole(&[1]), MadeVideo::whole(&[1, 0]), MadeVideo::whole(&[2, 2, 2])];
    for (stop_at, finished) in [(0, 0), (1, 0), (2, 1), (4, 1), (5, 2), (8, 2)] {
        for batch in 1..5 {
            let cancel = Cancel::new();
            let events = all_events(&videos).into_iter().enumerate().map(|(number, event)| {
                if number == stop_at {
                    cancel.request();
                }
                event
            });
            let faces = VideoFaces::new(events, Box::new(Made::new(batch)), &cancel);
            let ends = faces.filter(|event| matches!(event, Ok(FaceEvent::End { .. }))).count();
            assert_eq!(ends, finished, "stopped at event {stop_at} with batches of {batch}");
        }
    }
}

/// Looks that tell nobody apart, and count how often they are asked for.
struct OneLook(Arc<Mutex<usize>>);

impl crate::persons::FaceLooks for OneLook {
    fn looks(&mut self, _: &RgbImage, faces: &[&DetectedFace]) -> Option<Vec<crate::persons::Embedding>> {
        *self.0.lock().unwrap() += faces.len();
        Some(vec![crate::persons::Embedding(vec![0.0]); faces.len()])
    }

    fn missing(&self) -> Option<String> {
        None
    }
}

/// A large face and a small one in every image; remembers the widths of the photographs among them.
struct TwoSizes(Mutex<Vec<usize>>);

impl FaceDetector for &TwoSizes {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let face = |side: f64| {
            let bbox = BBox { x0: 1.0, y0: 1.0, x1: 1.0 + side, y1: 1.0 + side };
            DetectedFace { bbox, confidence: 0.9, points: [(2.0, 2.0); 5] }
        };
        Ok(images.iter().map(|_| vec![face(20.0), face(6.0)]).collect())
    }

    fn detect_in_photographs(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.0.lock().unwrap().extend(images.iter().map(|image| image.width()));
        self.detect(images)
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity { name: "made".into(), weights: String::new(), max_size: None }
    }

    fn preferred_batch(&self) -> usize {
        4
    }
}

#[test]
fn between_the_wanted_frames_only_beginnings_of_scenes_are_searched_and_persons_are_noted() {
    use crate::video::{FramePlan, VideoLength};
    use std::sync::OnceLock;
    let plan = FramePlan::by_duration(VideoLength { frames: 100, fps: 2.5 }, 8);
    let between: Vec<usize> = plan.indices().into_iter().filter(|&index| plan.is_between(index)).collect();
    // One frame between others shows another scene, and so does the one after it, which is wanted anyway.
    let odd = between[5];
    let image = |index: usize| {
        let light = if index == odd { 220 } else { 7 };
        RgbImage::filled(64, 48, [2, light, light])
    };
    let frames = plan
        .indices()
        .into_iter()
        .map(|index| DecodeEvent::Frame(Frame { index, image: image(index) }, MediaKind::Video));
    let decoded = plan.indices().len();
    let report = DecodeReport { wanted: decoded, decoded, ..DecodeReport::default() };
    let events = frames.chain([DecodeEvent::End(Ok(report))]).map(|event| (0, event));
    let plans: super::super::FramePlans = Arc::from(vec![OnceLock::from(plan.clone())]);
    let (asked, told) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let on_frame = {
        let told = Arc::clone(&told);
        move |input, done, planned| told.lock().unwrap().push((input, done, planned))
    };
    let watch = Watch::new(plans, Box::new(OneLook(Arc::clone(&asked))), Box::new(on_frame));
    let cancel = Cancel::new();
    let faces = VideoFaces::new(events, Box::new(Made::new(3)), &cancel).watched_by(watch);
    let (mut searched, mut persons, mut end) = (Vec::new(), Vec::new(), None);
    for event in faces {
        match event.unwrap() {
            FaceEvent::Frame { faces, .. } => {
                assert_eq!(faces.crops.len(), faces.persons.len());
                searched.push(faces.frame);
                persons.extend(faces.persons);
            }
            FaceEvent::End { end: told, .. } => end = Some(told),
        }
    }
    let expected: Vec<usize> =
        plan.indices().into_iter().filter(|index| !plan.is_between(*index) || *index == odd).collect();
    assert_eq!(searched, expected);
    assert!(persons.chunks(2).all(|frame| frame[0] != frame[1]), "{persons:?}");
    let end = end.unwrap();
    let seen = end.seen.unwrap();
    assert_eq!((end.frames_decoded, end.frames_wanted), (expected.len(), expected.len()));
    assert_eq!(
        (seen.added, seen.looked_at.len(), seen.sightings.len()),
        (1, expected.len(), 2 * expected.len())
    );
    assert_eq!(seen.looked_at.last().unwrap().scene, 2);
    assert_eq!(seen.looked_at[1].seconds, expected[1] as f64 / 2.5);
    // Two overlapping faces settle nothing by their places.
    assert_eq!(*asked.lock().unwrap(), seen.sightings.len());
    assert_eq!(told.lock().unwrap().last(), Some(&(0, expected.len(), expected.len())));
}

#[test]
fn of_photographs_every_face_counts_and_of_videos_the_large_ones() {
    let frame = |kind, width| {
        let frame = Frame { index: 0, image: RgbImage::filled(width, 40, [9; 3]) };
        DecodeEvent::Frame(frame, kind)
    };
    let report = DecodeReport { wanted: 1, decoded: 1, ended_at: None, damage: None, remarks: Vec::new() };
    let inputs = [(MediaKind::Video, 40), (MediaKind::Photograph, 41), (MediaKind::Photograph, 42)];
    let events = inputs.into_iter().enumerate().flat_map(|(input, (kind, width))| {
        [(input, frame(kind, width)), (input, DecodeEvent::End(Ok(report.clone())))]
    });
    let (detector, cancel) = (TwoSizes(Mutex::default()), Cancel::default());
    let faces = VideoFaces::new(events, Box::new(&detector), &cancel);
    let ends: Vec<usize> = faces
        .filter_map(|event| match event.unwrap() {
            FaceEvent::End { end, .. } => Some(end.faces),
            FaceEvent::Frame { .. } => None,
        })
        .collect();
    assert_eq!(ends, [1, 2, 2]);
    assert_eq!(*detector.0.lock().unwrap(), [41, 42]);
}

//! Batches over videos against one video at a time.

use super::*;
use crate::face::FaceDetectorIdentity;
use crate::types::{BBox, DetectedFace};
use proptest::prelude::*;
use std::cell::RefCell;
use std::convert::Infallible;

/// Finds as many faces as the red of a picture's first pixel says, and remembers how many pictures it was given.
struct Made {
    batch: usize,
    looked: RefCell<Vec<usize>>,
}

impl Made {
    fn new(batch: usize) -> Self {
        Made { batch, looked: RefCell::default() }
    }
}

impl FaceDetector for Made {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.looked.borrow_mut().push(images.len());
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

    fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let picture = |&faces: &u8| RgbImage::filled(9 + faces as usize, 8, [faces, 7, 7]);
        let frames = self.faces.iter().map(picture).enumerate();
        let frames = frames.map(|(index, image)| Event::Frame(Frame { index: 10 * index, image }));
        let decoded = self.faces.len();
        let report = |ended_at| DecodeReport { wanted: decoded.max(5), decoded, ended_at };
        frames.chain([Event::End(self.end.clone().map(report))])
    }

    /// What must come out of it, whatever stands around it.
    fn expected(&self) -> (Vec<(usize, usize)>, VideoStatus, Option<String>) {
        let faces = self.faces.iter().enumerate().map(|(at, &faces)| (10 * at, faces as usize)).collect();
        let decoded = self.faces.len();
        let stopped =
            |at| format!("decoding stopped at frame {at}: {decoded} of {} frames read", decoded.max(5));
        let (status, note) = match &self.end {
            Err(reason) => (VideoStatus::Unreadable, Some(reason.clone())),
            Ok(Some(at)) if decoded == 0 => (VideoStatus::Unreadable, Some(stopped(*at))),
            Ok(Some(at)) => (VideoStatus::Truncated, Some(stopped(*at))),
            Ok(None) if self.faces.iter().all(|&faces| faces == 0) => {
                (VideoStatus::NoFace, Some(format!("no face in any of {decoded} frames")))
            }
            Ok(None) => (VideoStatus::Ok, None),
        };
        (faces, status, note)
    }
}

fn all_events(videos: &[MadeVideo]) -> Vec<(usize, Event)> {
    let numbered = |(number, video): (usize, &MadeVideo)| video.events().map(move |e| (number, e)).collect();
    videos.iter().enumerate().flat_map(numbered as fn(_) -> Vec<_>).collect()
}

/// Frames and faces of each video that came to its end, in the order of the ends.
type Outcomes = Vec<(usize, Vec<(usize, usize)>, Extraction)>;

/// Extracts with a detector that likes `batch` pictures; asserts that no more wait.
fn extracted(events: Vec<(usize, Event)>, detector: &Made) -> Outcomes {
    let mut handed = 0;
    let watched = events.into_iter().inspect(|(_, event)| {
        handed += usize::from(matches!(event, Event::Frame(_)));
        let looked: usize = detector.looked.borrow().iter().sum();
        assert!(handed - looked <= detector.batch, "{} frames wait", handed - looked);
    });
    let (mut ended, mut frames) = (Outcomes::new(), Vec::new());
    let through = extract_faces::<Infallible>(watched, detector, |extracted| {
        match extracted {
            Extracted::Faces { video, found } => {
                assert!(
                    ended.last().is_none_or(|(before, ..)| *before < video),
                    "a frame after its video's end"
                );
                frames.push((found.frame, found.faces.len()));
            }
            Extracted::End { video, extraction } => {
                ended.push((video, std::mem::take(&mut frames), extraction))
            }
        }
        Ok(())
    });
    assert!(through.is_ok());
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
        let frames = events.iter().filter(|(_, event)| picture(event).is_some()).count();
        let whole = events.iter().filter(|(_, event)| picture(event).is_none()).count();
        let detector = Made::new(batch);
        let ended = extracted(events, &detector);

        prop_assert_eq!(ended.iter().map(|(video, ..)| *video).collect::<Vec<_>>(), (0..whole).collect::<Vec<_>>());
        for (video, faces, extraction) in &ended {
            let (expected, status, note) = videos[*video].expected();
            prop_assert_eq!(&extraction.note, &note);
            prop_assert_eq!(extraction.status, status);
            prop_assert_eq!(extraction.frames_decoded, expected.len());
            prop_assert_eq!(extraction.frames_with_face, expected.iter().filter(|(_, faces)| *faces > 0).count());
            prop_assert_eq!(extraction.faces, expected.iter().map(|(_, faces)| faces).sum::<usize>());
            prop_assert_eq!(faces, &expected);
        }
        let looked = detector.looked.into_inner();
        let (last, full) = looked.split_last().map_or((0, &[][..]), |(last, full)| (*last, full));
        prop_assert!(full.iter().all(|&pictures| pictures == batch) && last <= batch, "{:?}", looked);
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
    let detector = Made::new(4);
    // As soon as an event is asked for, all that can be told before it has been told.
    let told = RefCell::new(Vec::new());
    let mut before = Vec::new();
    let events = all_events(&videos);
    let watched = events.into_iter().inspect(|_| before.push(told.borrow().len()));
    let through = extract_faces::<Infallible>(watched, &detector, |extracted| {
        if let Extracted::End { video, .. } = extracted {
            told.borrow_mut().push(video);
        }
        Ok(())
    });
    assert!(through.is_ok());
    assert_eq!(told.into_inner(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(detector.looked.into_inner(), [4, 1]);
    assert_eq!(before, [0, 1, 1, 1, 1, 1, 1, 1, 1, 5, 6, 6]);
}

#[test]
fn what_fails_ends_the_run_as_what_it_is() {
    struct Failing;
    impl FaceDetector for Failing {
        fn detect(&self, _: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
            Err(Error::Network { height: 8, width: 9, cause: tch::TchError::Torch("no memory".into()) })
        }
        fn identity(&self) -> FaceDetectorIdentity {
            Made::new(1).identity()
        }
    }
    let events = all_events(&[MadeVideo::whole(&[1, 1])]);
    let stop = extract_faces::<()>(events.clone(), &Failing, |_| Ok(()));
    assert!(matches!(stop, Err(Stop::FaceDetector(Error::Network { .. }))));
    let stop = extract_faces(events, &Made::new(2), |_| Err("full"));
    assert!(matches!(stop, Err(Stop::Consumer("full"))));
}

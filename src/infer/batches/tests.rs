//! Batches over inputs against one input at a time.

use super::*;
use crate::face::FaceCrop;
use crate::face_stream::FrameFaces;
use crate::types::{FACE_SIDE, VideoStatus};
use proptest::prelude::*;
use std::cell::RefCell;

#[test]
fn the_highest_of_each_frame_are_kept_in_order() {
    let mut kept = Vec::new();
    for (frame, score) in [(0, 0.3), (0, 0.5), (1, 0.9), (1, 0.2), (2, 0.4), (3, 0.7), (4, 0.1)] {
        let face = ScoredFace { frame, bbox: None, score };
        keep_highest(&mut kept, 3, (face, 0), RgbImage::filled(1, 1, [frame as u8; 3]));
    }
    let frames: Vec<_> = kept.iter().map(|k| (k.face.frame, k.crop.data()[0])).collect();
    assert_eq!(frames, [(1, 1), (3, 3), (0, 0)]);
    let mut none = Vec::new();
    keep_highest(&mut none, 0, (kept[0].face, 0), kept[0].crop.clone());
    assert!(none.is_empty());
}

#[test]
fn every_person_keeps_crops_and_the_one_with_most_makes_room() {
    let mut kept = Vec::new();
    let add = |kept: &mut Vec<KeptFace>, person, frame, score| {
        let face = ScoredFace { frame, bbox: None, score };
        keep_highest(kept, 2, (face, person), RgbImage::filled(1, 1, [0; 3]));
    };
    (0..5).for_each(|frame| add(&mut kept, 0, frame, 0.9 + frame as f32 / 100.0));
    (1..9).for_each(|person| add(&mut kept, person, 0, 0.1 * person as f32));
    let told: Vec<_> = kept.iter().map(|kept| (kept.person, kept.face.frame)).collect();
    // At most two of each and eight in all: person 0 gave one up, then the lowest of those with one did.
    assert_eq!(told.len(), 8, "{told:?}");
    assert_eq!(told[0], (0, 4));
    assert!(
        told.iter().filter(|(person, _)| *person == 0).count() == 1 && told.contains(&(8, 0)),
        "{told:?}"
    );
}

/// What happens to a made network, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Uploaded(usize),
    Submitted(usize),
    Collected(usize),
}

/// The score of a face is its first byte; what was asked of it is remembered.
#[derive(Default)]
struct Made(RefCell<Vec<Step>>);

impl CropScorer for Made {
    type Score = f32;
    type Uploaded<'c> = Vec<f32>;
    type Pending = Vec<f32>;

    fn upload(&self, crops: &[BatchCrop]) -> Result<Vec<f32>, Ended> {
        self.0.borrow_mut().push(Step::Uploaded(crops.len()));
        Ok(crops.iter().map(|crop| f32::from(crop.pixels.data()[0])).collect())
    }

    fn submit(&self, crops: Vec<f32>) -> Result<Vec<f32>, Ended> {
        self.0.borrow_mut().push(Step::Submitted(crops.len()));
        Ok(crops)
    }

    fn collect(&self, pending: Vec<f32>) -> Result<Vec<f32>, Ended> {
        self.0.borrow_mut().push(Step::Collected(pending.len()));
        Ok(pending)
    }
}

fn face_crop(pixels: RgbImage) -> FaceCrop {
    FaceCrop { bbox: None, pixels }
}

fn crop(value: u8) -> RgbImage {
    RgbImage::filled(2, 2, [value; 3])
}

/// Inputs as the values of their faces, two faces a frame; what comes back of those that ended, in order.
fn scored(
    inputs: &[Vec<u8>],
    last_ends: bool,
    batches: Batches,
    made: &Made,
) -> Vec<(usize, Vec<ScoredFace>, Vec<u8>)> {
    let mut scorer = InputScorer::new(made, Batches { keep: 2, ..batches });
    let mut done = Vec::new();
    let values = |kept: &[KeptFace]| kept.iter().map(|face| face.crop.data()[0]).collect::<Vec<u8>>();
    for (number, faces) in inputs.iter().enumerate() {
        for (at, &value) in faces.iter().enumerate() {
            scorer.push(at / 2, 0, face_crop(crop(value))).ok().unwrap();
        }
        if last_ends || number + 1 < inputs.len() {
            scorer.end(number);
        }
        while let Some((number, scored)) = scorer.next_scored() {
            done.push((number, scored.faces, values(&scored.kept)));
        }
    }
    scorer.finish().ok().unwrap();
    while let Some((number, scored)) = scorer.next_scored() {
        done.push((number, scored.faces, values(&scored.kept)));
    }
    assert!(scorer.inputs.is_empty() && scorer.in_flight.is_empty() && scorer.waiting.is_empty());
    done
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_over_inputs_give_each_input_its_own_faces_in_order(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..7), 0..7),
        size in 1..6usize,
        in_flight in 0..3usize,
        last_ends in any::<bool>(),
    ) {
        let made = Made::default();
        let done = scored(&inputs, last_ends, Batches { size, in_flight, keep: 0, measure: false }, &made);
        let ended = if last_ends { &inputs[..] } else { &inputs[..inputs.len().saturating_sub(1)] };
        prop_assert_eq!(done.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), (0..ended.len()).collect::<Vec<_>>());
        for ((_, faces, kept), expected) in done.iter().zip(ended) {
            let values: Vec<u8> = faces.iter().map(|face| face.score as u8).collect();
            prop_assert_eq!(&values, expected);
            prop_assert!(faces.iter().enumerate().all(|(at, face)| face.frame == at / 2));
            let mut best: Vec<u8> = expected.chunks(2).map(|frame| *frame.iter().max().unwrap()).collect();
            best.sort_by(|a, b| b.cmp(a));
            best.truncate(2);
            prop_assert_eq!(kept, &best);
        }
        let steps = made.0.into_inner();
        let submitted: Vec<usize> =
            steps.iter().filter_map(|step| if let Step::Submitted(n) = step { Some(*n) } else { None }).collect();
        if let Some((last, full)) = submitted.split_last() {
            prop_assert!(full.iter().all(|&faces| faces == size) && *last <= size, "{:?}", submitted);
        }
        // Of an input without an end, only faces that had to make room were scored.
        let all: usize = inputs.iter().map(Vec::len).sum();
        let unended = all - ended.iter().map(Vec::len).sum::<usize>();
        prop_assert_eq!(submitted.iter().sum::<usize>(), all - unended.min(all % size));
    }
}

#[test]
fn a_batch_in_flight_is_waited_for_when_the_next_has_been_uploaded() {
    let made = Made::default();
    let mut scorer = InputScorer::new(&made, Batches { size: 2, in_flight: 1, keep: 0, measure: false });
    let push = |scorer: &mut InputScorer<Made, char>, count: usize| {
        (0..count).for_each(|_| scorer.push(0, 0, face_crop(crop(5))).ok().unwrap());
    };
    push(&mut scorer, 2);
    scorer.end('a');
    assert!(scorer.next_scored().is_none(), "the scores were waited for");
    push(&mut scorer, 1);
    scorer.end('b');
    assert!(scorer.next_scored().is_none());
    push(&mut scorer, 1);
    assert_eq!(scorer.next_scored().unwrap().0, 'a');
    assert!(scorer.next_scored().is_none(), "the second batch is on its way");
    // The face of an input without an end is not waited for.
    scorer.finish().ok().unwrap();
    assert_eq!(scorer.next_scored().unwrap().0, 'b');
    assert!(scorer.next_scored().is_none());
    // Computing one after the other: the first scores are not to wait for the second batch.
    use Step::{Collected, Submitted, Uploaded};
    let steps = [Uploaded(2), Submitted(2), Uploaded(2), Collected(2), Submitted(2), Collected(2)];
    assert_eq!(made.0.into_inner(), steps);
}

#[test]
fn a_network_gives_the_same_in_flight_as_waited_for() {
    use crate::model::efficientnet::Variant;
    use crate::model::published::Layout;
    use crate::model::{Execution, InputSpec, Method};
    use std::path::Path;
    let input = InputSpec { side: 64, ..InputSpec::default() };
    let variant = Variant::named("efficientnet-lite0").unwrap();
    let state = Layout::ForgeryDetector(Method::Sbi, variant).filled(3).unwrap();
    let execution = Execution::plain(tch::Device::Cpu);
    let detector = ForgeryDetector::from_state(&state, input, Path::new("filled"), execution).unwrap();
    let faces: Vec<RgbImage> = (0..5).map(noise).collect();
    let all = |batches| {
        let mut scorer = InputScorer::new(&detector, batches);
        for (number, face) in faces.iter().enumerate() {
            scorer.push(0, 0, face_crop(face.clone())).ok().unwrap();
            scorer.end(number);
        }
        scorer.finish().ok().unwrap();
        std::iter::from_fn(|| scorer.next_scored())
            .map(|(_, found)| found.faces[0].score)
            .collect::<Vec<f32>>()
    };
    let alone = all(Batches { size: 1, in_flight: 0, keep: 0, measure: false });
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]), "{alone:?}");
    for (size, in_flight) in [(2, 0), (2, 1), (5, 1)] {
        let together = all(Batches { size, in_flight, keep: 0, measure: false });
        assert_eq!(together.len(), alone.len());
        for (a, b) in alone.iter().zip(&together) {
            assert!((a - b).abs() < 1e-6, "{alone:?} {together:?}");
        }
    }
}

fn noise(seed: u64) -> RgbImage {
    let values = crate::model::fill::uniform("face", seed, 3 * FACE_SIDE * FACE_SIDE);
    RgbImage::from_raw(FACE_SIDE, FACE_SIDE, values.map(|value| (value * 255.0) as u8).collect())
}

/// An input of one frame with so many faces, whose score is the input's number.
fn one_frame(input: usize, faces: usize) -> [FaceEvent; 2] {
    let crops = (0..faces).map(|_| face_crop(crop(input as u8))).collect();
    let end = InputEnd {
        status: VideoStatus::Ok,
        frames_wanted: 1,
        frames_decoded: 1,
        frames_with_face: usize::from(faces > 0),
        faces,
        note: None,
        remarks: Vec::new(),
        seen: None,
    };
    [
        FaceEvent::Frame { input, faces: FrameFaces { frame: 0, crops, persons: Vec::new() } },
        FaceEvent::End { input, end },
    ]
}

#[test]
fn frames_with_more_faces_than_may_wait_pass_too() {
    const FACES: [usize; 7] = [1, CROPS_AHEAD, 2 * CROPS_AHEAD + 1, 0, 3, CROPS_AHEAD + 1, 1];
    let events = FACES.into_iter().enumerate().flat_map(|(input, faces)| one_frame(input, faces)).map(Ok);
    let mut told = Vec::new();
    let batches = Batches { size: 4, in_flight: 0, keep: 0, measure: false };
    score_stream(events, &Made::default(), batches, |input, _, found| {
        assert!(found.faces.iter().all(|face| face.score == input as f32));
        told.push(found.faces.len());
        Ok(())
    })
    .unwrap();
    assert_eq!(told, FACES);
}

#[test]
fn an_interruption_while_scoring_loses_only_inputs_with_faces_in_that_batch() {
    /// Is interrupted at its third batch.
    struct Stopped(Made);
    impl CropScorer for Stopped {
        type Score = f32;
        type Uploaded<'c> = Vec<f32>;
        type Pending = Vec<f32>;
        fn upload(&self, crops: &[BatchCrop]) -> Result<Vec<f32>, Ended> {
            self.0.upload(crops)
        }
        fn submit(&self, crops: Vec<f32>) -> Result<Vec<f32>, Ended> {
            let batches = self.0.0.borrow().iter().filter(|step| matches!(step, Step::Uploaded(_))).count();
            if batches > 2 { Err(Ended::Interrupted) } else { self.0.submit(crops) }
        }
        fn collect(&self, pending: Vec<f32>) -> Result<Vec<f32>, Ended> {
            self.0.collect(pending)
        }
    }
    let events = (0..9).flat_map(|input| one_frame(input, 1)).map(Ok);
    let mut told = Vec::new();
    let batches = Batches { size: 2, in_flight: 0, keep: 0, measure: false };
    score_stream(events, &Stopped(Made::default()), batches, |input, _, found| {
        told.push((input, found.faces[0].score));
        Ok(())
    })
    .unwrap();
    assert_eq!(told, [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]);
}

//! Batches over videos against a video at a time.

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use tch::Tensor;

#[test]
fn the_highest_of_each_frame_are_kept_in_order() {
    let mut kept = Vec::new();
    for (frame, score) in [(0, 0.3), (0, 0.5), (1, 0.9), (1, 0.2), (2, 0.4), (3, 0.7), (4, 0.1)] {
        let face = ScoredFace { frame, bbox: None, score };
        keep_highest(&mut kept, 3, face, || vec![frame as u8]);
    }
    let frames: Vec<_> = kept.iter().map(|k| (k.face.frame, k.planes[0])).collect();
    assert_eq!(frames, [(1, 1), (3, 3), (0, 0)]);
    let mut none = Vec::new();
    keep_highest(&mut none, 0, kept[0].face, Vec::new);
    assert!(none.is_empty());
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

impl FaceNetwork for Made {
    fn upload(&self, planes: &[u8]) -> Result<UploadedFaces, model::Error> {
        self.0.borrow_mut().push(Step::Uploaded(planes.len() / FACE_BYTES));
        Ok(UploadedFaces(Tensor::from_slice(planes)))
    }

    fn submit(&self, UploadedFaces(bytes): &UploadedFaces) -> Result<PendingScores, model::Error> {
        let first = bytes.view([-1, FACE_BYTES as i64]).select(1, 0);
        self.0.borrow_mut().push(Step::Submitted(first.size()[0] as usize));
        Ok(PendingScores(first.to_kind(tch::Kind::Float)))
    }

    fn collect(&self, scores: PendingScores) -> Result<Vec<f32>, model::Error> {
        let scores = scores.collect()?;
        self.0.borrow_mut().push(Step::Collected(scores.len()));
        Ok(scores)
    }
}

/// Videos as the values of their faces, two faces a frame; what comes back of those that ended, in order.
fn scored(
    videos: &[Vec<u8>],
    last_ends: bool,
    batches: Batches,
    made: &Made,
) -> Vec<(usize, Vec<ScoredFace>, Vec<u8>)> {
    let mut scorer = FaceScorer::new(made, batches, 2);
    let mut done = Vec::new();
    let values = |kept: &[KeptFace]| kept.iter().map(|face| face.planes[0]).collect::<Vec<u8>>();
    for (number, faces) in videos.iter().enumerate() {
        for (at, &value) in faces.iter().enumerate() {
            scorer.push(at as i64 / 2, None, &vec![value; FACE_BYTES]).unwrap();
        }
        if last_ends || number + 1 < videos.len() {
            scorer.end(number);
        }
        while let Some((number, scored)) = scorer.next_scored() {
            done.push((number, scored.faces, values(&scored.kept)));
        }
    }
    scorer.finish().unwrap();
    while let Some((number, scored)) = scorer.next_scored() {
        done.push((number, scored.faces, values(&scored.kept)));
    }
    assert!(scorer.videos.is_empty() && scorer.in_flight.is_empty() && scorer.waiting.faces.is_empty());
    done
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_over_videos_give_each_video_its_own_faces_in_order(
        videos in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..7), 0..7),
        size in 1..6usize,
        in_flight in 0..3usize,
        last_ends in any::<bool>(),
    ) {
        let made = Made::default();
        let done = scored(&videos, last_ends, Batches { size, in_flight }, &made);
        let ended = if last_ends { &videos[..] } else { &videos[..videos.len().saturating_sub(1)] };
        prop_assert_eq!(done.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), (0..ended.len()).collect::<Vec<_>>());
        for ((_, faces, kept), expected) in done.iter().zip(ended) {
            let values: Vec<u8> = faces.iter().map(|face| face.score as u8).collect();
            prop_assert_eq!(&values, expected);
            prop_assert!(faces.iter().enumerate().all(|(at, face)| face.frame == at as i64 / 2));
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
        // Of a video without an end, only faces that had to make room were scored.
        let all: usize = videos.iter().map(Vec::len).sum();
        let unended = all - ended.iter().map(Vec::len).sum::<usize>();
        prop_assert_eq!(submitted.iter().sum::<usize>(), all - unended.min(all % size));
    }
}

#[test]
fn a_batch_in_flight_is_waited_for_when_the_next_has_been_uploaded() {
    let made = Made::default();
    let mut scorer = FaceScorer::new(&made, Batches { size: 2, in_flight: 1 }, 0);
    let push = |scorer: &mut FaceScorer<char>, count: usize| {
        (0..count).for_each(|_| scorer.push(0, None, &vec![5; FACE_BYTES]).unwrap());
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
    // The face of a video without an end is not waited for.
    scorer.finish().unwrap();
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
    use crate::model::{InputSpec, Method, fill};
    let vs = tch::nn::VarStore::new(tch::Device::Cpu);
    let input = InputSpec { side: 64, ..InputSpec::default() };
    let variant = Variant::named("efficientnet-lite0").unwrap();
    let detector = ForgeryDetector::build(&vs.root(), Method::Sbi, variant, input, tch::Device::Cpu);
    fill::fill_variables(&vs, 3);
    let faces: Vec<Vec<u8>> = (0..5).map(noise).collect();
    let all = |batches| {
        let mut scorer = FaceScorer::new(&detector, batches, 0);
        for (number, face) in faces.iter().enumerate() {
            scorer.push(0, None, face).unwrap();
            scorer.end(number);
        }
        scorer.finish().unwrap();
        std::iter::from_fn(|| scorer.next_scored())
            .map(|(_, found)| found.faces[0].score)
            .collect::<Vec<f32>>()
    };
    let alone = all(Batches { size: 1, in_flight: 0 });
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]), "{alone:?}");
    for (size, in_flight) in [(2, 0), (2, 1), (5, 1)] {
        let together = all(Batches { size, in_flight });
        assert_eq!(together.len(), alone.len());
        for (a, b) in alone.iter().zip(&together) {
            assert!((a - b).abs() < 1e-6, "{alone:?} {together:?}");
        }
    }
}

fn noise(seed: u64) -> Vec<u8> {
    crate::model::fill::uniform("face", seed, FACE_BYTES).map(|value| (value * 255.0) as u8).collect()
}

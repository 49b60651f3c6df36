use super::*;
use crate::types::BBox;

const CALIBRATION: Calibration = Calibration { threshold: 0.6, temperature: 1.0 };

fn faces(scores: &[f64], side: f64) -> Vec<ScoredFace> {
    let face = |(frame, &score): (usize, &f64)| ScoredFace {
        frame,
        bbox: Some(BBox { x0: 10.0, y0: 20.0, x1: 10.0 + side, y1: 30.0 + side }),
        score: score as f32,
    };
    scores.iter().enumerate().map(face).collect()
}

/// Judges one face per frame with these scores.
fn judged_by(judge: Judge, scores: &[f64], side: f64, looked_at: usize) -> Judgement {
    let frame = |(frame, &score): (usize, &f64)| FrameScore { frame: frame as i64, score };
    let frame_scores: Vec<FrameScore> = scores.iter().enumerate().map(frame).collect();
    let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    judge.judge(&Evidence {
        score: (!scores.is_empty()).then_some(mean),
        frame_scores: &frame_scores,
        faces: &faces(scores, side),
        frames_wanted: looked_at,
        frames: looked_at,
        status: if scores.is_empty() { VideoStatus::NoFace } else { VideoStatus::Ok },
        note: None,
    })
}

fn judged(scores: &[f64], side: f64, looked_at: usize) -> Judgement {
    judged_by(Judge::new(Some(CALIBRATION), None).unwrap(), scores, side, looked_at)
}

#[test]
fn clear_scores_get_a_verdict_with_its_evidence() {
    let fake = judged(&[0.9, 0.95, 0.5, 0.9], 200.0, 4);
    assert_eq!(fake.verdict, Verdict::LikelyFake);
    assert!(fake.probability.unwrap() > 0.7);
    let told = fake.reasons.join("\n");
    for part in ["border is at 0.600", "3 of 4 frames", "0.950 in frame 1", "200 x 210 px at (10, 20)"] {
        assert!(told.contains(part), "{part:?} in {told}");
    }
    let nothing = judged(&[0.1; 4], 200.0, 4);
    assert_eq!(nothing.verdict, Verdict::NoTraceFound);
    assert!(nothing.reasons.iter().any(|reason| reason == LIMITS), "{nothing:?}");
}

#[test]
fn what_cannot_be_told_is_undecided_and_says_why() {
    for (judgement, why) in [
        (judged(&[0.6; 4], 200.0, 4), "too close to one half"),
        (judged(&[0.99; 2], 200.0, 32), "only 2 of 32 frames"),
        (judged(&[0.99; 4], 40.0, 4), "small: 40 px"),
        (judged(&[], 0.0, 32), "no face"),
    ] {
        assert_eq!(judgement.verdict, Verdict::Undecided, "{judgement:?}");
        assert!(judgement.reasons[0].contains(why), "{judgement:?}");
    }
    // A tenth of many frames.
    assert_eq!(judged(&[0.99; 9], 200.0, 100).verdict, Verdict::Undecided);
    assert_eq!(judged(&[0.99; 10], 200.0, 100).verdict, Verdict::LikelyFake);
    // A photograph is all there is.
    assert_eq!(judged(&[0.99], 200.0, 1).verdict, Verdict::LikelyFake);
}

#[test]
fn a_file_that_ends_early_is_judged_from_half_of_it_or_not_at_all() {
    let judge = Judge::new(Some(CALIBRATION), None).unwrap();
    let judged = |read: usize, wanted: usize| {
        let score = |frame| FrameScore { frame, score: 0.99 };
        let frame_scores: Vec<FrameScore> = (0..read as i64).map(score).collect();
        let status = if read < wanted { VideoStatus::Truncated } else { VideoStatus::Ok };
        let (frames_wanted, frames) = (wanted, read);
        let evidence = Evidence {
            score: Some(0.99),
            frame_scores: &frame_scores,
            faces: &faces(&vec![0.99; read], 200.0),
            frames_wanted,
            frames,
            status,
            note: None,
        };
        judge.judge(&evidence)
    };
    for (read, wanted, needed) in [(1, 2, 2), (1, 32, 16), (2, 8, 4), (3, 8, 4), (2, 4, 3), (15, 32, 16)] {
        let judgement = judged(read, wanted);
        let why = format!("only {read} of {wanted} frames could be read, at least {needed} are needed");
        assert_eq!((judgement.verdict, &judgement.reasons[0]), (Verdict::Undecided, &why));
    }
    let glimpse = judge.judge(&Evidence {
        score: Some(0.99),
        frame_scores: &[FrameScore { frame: 0, score: 0.99 }],
        faces: &faces(&[0.99], 200.0),
        frames_wanted: 1,
        frames: 1,
        status: VideoStatus::Truncated,
        note: None,
    });
    assert_eq!(glimpse.verdict, Verdict::Undecided);
    for (read, wanted) in [(1, 1), (2, 2), (10, 10), (3, 4), (4, 8), (16, 32), (17, 33)] {
        assert_eq!(judged(read, wanted).verdict, Verdict::LikelyFake, "{read} of {wanted}");
    }
}

#[test]
fn without_calibration_the_threshold_alone_decides() {
    assert_eq!(Judge::new(None, None), None);
    let judge = Judge::new(None, Some(0.5)).unwrap();
    let judgement = judged_by(judge, &[0.5; 3], 100.0, 3);
    assert_eq!((judgement.verdict, judgement.probability), (Verdict::LikelyFake, None));
    let moved = Judge::new(Some(CALIBRATION), Some(0.2)).unwrap();
    assert_eq!((moved.threshold, moved.temperature), (0.2, Some(1.0)));
    for edge in [0.0, 1.0] {
        let judge = Judge::new(Some(CALIBRATION), Some(edge)).unwrap();
        assert_eq!(judged_by(judge, &[0.5; 3], 100.0, 3).probability, None);
    }
}

#[test]
fn names_are_stable() {
    let names = [Verdict::LikelyFake, Verdict::NoTraceFound, Verdict::Undecided];
    let names = names.map(|verdict| serde_json::to_string(&verdict).unwrap());
    assert_eq!(names, ["\"likely_fake\"", "\"no_trace_found\"", "\"undecided\""]);
}

#[test]
fn nothing_found_in_a_part_of_a_file_is_not_nothing_found() {
    let judge = Judge::new(Some(CALIBRATION), None).unwrap();
    let judged = |score: f64, read: usize| {
        let frame_scores: Vec<FrameScore> =
            (0..read as i64).map(|frame| FrameScore { frame, score }).collect();
        judge.judge(&Evidence {
            score: Some(score),
            frame_scores: &frame_scores,
            faces: &faces(&vec![score; read], 200.0),
            frames_wanted: 32,
            frames: read,
            status: if read < 32 { VideoStatus::Truncated } else { VideoStatus::Ok },
            note: None,
        })
    };
    let part = judged(0.1, 30);
    assert_eq!((part.verdict, &part.reasons[0]), (Verdict::Undecided, &unseen()));
    assert_eq!(judged(0.1, 32).verdict, Verdict::NoTraceFound);
    assert_eq!(judged(0.99, 30).verdict, Verdict::LikelyFake);
}

#[test]
fn borders_of_many_persons_keep_the_prior_that_nobody_is_forged() {
    let judge = Judge::new(Some(CALIBRATION), None).unwrap();
    assert!((judge.border(1) - 0.6).abs() < 1e-12 && (judge.border(0) - 0.6).abs() < 1e-12);
    for persons in 1..20 {
        // A face that says nothing leaves each person its share, and all of them together one half.
        let share = judge.probability_among(0.6, persons).unwrap();
        assert!(((1.0 - share).powi(persons as i32) - 0.5).abs() < 1e-9, "{persons}");
        assert!((judge.probability_among(judge.border(persons), persons).unwrap() - 0.5).abs() < 1e-9);
        let far = judge.probability_among(judge.far_border(persons), persons).unwrap();
        assert!((far - FAR_FROM).abs() < 1e-9);
        assert!(judge.border(persons) < judge.border(persons + 1));
    }
    assert!(judge.probability_among(1.0, 3).unwrap() <= 1.0);
    let uncalibrated = Judge::new(None, Some(0.5)).unwrap();
    assert_eq!((uncalibrated.border(9), uncalibrated.far_border(9)), (0.5, 0.75));
}

#[test]
fn a_probability_that_is_too_close_never_looks_like_the_border() {
    for (probability, told) in
        [(0.5, "0.50"), (0.69, "0.69"), (0.698, "0.698"), (0.3004, "0.3004"), (0.31, "0.31")]
    {
        assert_eq!(between_borders(probability), told);
    }
}

//! From a score to words: likely fake, likely real or undecided, with reasons that a person can check.

use super::batches::ScoredFace;
use crate::metrics::{Calibration, FrameScore};
use crate::types::VideoStatus;
use serde::{Serialize, Serializer};
use std::fmt;

/// From this probability on, for fake or for real, a verdict is given.
const SURE_FROM: f64 = 0.7;
/// So many frames must have been read, and so many must show a face, where there were more.
const MIN_FRAMES: usize = 3;
/// This share of the wanted frames must have been read, as a divisor: a half.
const READ_SHARE: usize = 2;
/// This share of the frames that were read must show a face, as a divisor: a tenth. Fewer are stray detections.
const FACE_SHARE: usize = 10;
/// Shorter side in pixels under which a face shows too little: no detector is trained on smaller ones.
const MIN_FACE: f64 = 60.0;

/// What is concluded from a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A forgery is more likely than not, and clearly so.
    LikelyFake,
    /// A real video is more likely than not, and clearly so.
    LikelyReal,
    /// Neither, or too little was seen.
    Undecided,
}

impl Verdict {
    /// What is told to people: `likely fake`, `likely real`, `undecided`.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::LikelyFake => "likely fake",
            Verdict::LikelyReal => "likely real",
            Verdict::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

impl Serialize for Verdict {
    /// Written as `likely_fake`, `likely_real` or `undecided`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.words().replace(' ', "_"))
    }
}

/// A verdict with its probability and reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// What is made of the score.
    pub verdict: Verdict,
    /// Probability of a fake where fakes are as frequent as real ones, 0..1; `None` without a face and for detectors
    /// that are not calibrated.
    pub probability: Option<f64>,
    /// Sentences that give the reasons, the most important first.
    pub reasons: Vec<String>,
}

/// What is known of an input when it is judged.
pub(super) struct Evidence<'a> {
    /// Probability of a fake, 0..1; none without a face.
    pub score: Option<f64>,
    /// Score of each frame with a face.
    pub frame_scores: &'a [FrameScore],
    /// The faces that were scored.
    pub faces: &'a [ScoredFace],
    /// How many frames were to be looked at.
    pub frames_wanted: usize,
    /// How many frames were looked at.
    pub frames: usize,
    /// How the reading went.
    pub status: VideoStatus,
    /// What went wrong, in words.
    pub note: Option<&'a str>,
}

/// The rule by which scores become verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Judge {
    /// Score from which a video is rather fake than real, 0..1.
    pub threshold: f64,
    /// What differences between log odds are divided by; `None` for detectors that are not calibrated.
    pub temperature: Option<f64>,
}

impl Judge {
    /// The rule of the forgery detector's own calibration, with its border moved to `threshold` where one is given. `None`
    /// without either: then there are scores but no verdicts.
    pub fn new(calibration: Option<Calibration>, threshold: Option<f64>) -> Option<Self> {
        let temperature = calibration.map(|calibration| calibration.temperature);
        let threshold = threshold.or(calibration.map(|calibration| calibration.threshold))?;
        Some(Judge { threshold, temperature })
    }

    /// Judges an input. Where packed files do not tell where a face was, nothing is said about sizes.
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        let Evidence { score, frame_scores, faces, frames_wanted, frames, status, note } = *evidence;
        let Some(score) = score else {
            let why = match status {
                VideoStatus::Unreadable => match note {
                    Some(note) => format!("the file cannot be read: {note}"),
                    None => "the file cannot be read".to_owned(),
                },
                _ => "no face was found".to_owned(),
            };
            let verdict = Verdict::Undecided;
            return Judgement { verdict, probability: None, reasons: vec![why] };
        };
        let probability = self.probability(score);
        let mut doubts = Vec::new();
        doubts.extend(few_read(frames, frames_wanted).or_else(|| few_left(frames, status)));
        doubts.extend(few_with_face(frame_scores.len(), frames));
        doubts.extend(small_faces(faces));
        doubts.extend(probability.and_then(too_close));
        let verdict = match (doubts.is_empty(), score >= self.threshold) {
            (false, _) => Verdict::Undecided,
            (true, true) => Verdict::LikelyFake,
            (true, false) => Verdict::LikelyReal,
        };
        let mut reasons = doubts;
        reasons.push(format!("score {score:.3}, the border is at {:.3}", self.threshold));
        reasons.push(self.share_over(frame_scores));
        reasons.extend(most_suspicious(frame_scores, faces));
        if status == VideoStatus::Truncated {
            reasons.push("the file is damaged or cut off: only what is left of it was seen".to_owned());
        }
        Judgement { verdict, probability, reasons }
    }

    /// Calibrated probability of a fake.
    fn probability(&self, score: f64) -> Option<f64> {
        // A threshold of exactly 0 or 1 calls everything or nothing fake; there is no curve through it.
        let inside = self.threshold > 0.0 && self.threshold < 1.0;
        let temperature = self.temperature.filter(|_| inside)?;
        Some(Calibration { threshold: self.threshold, temperature }.probability(score))
    }

    fn share_over(&self, frames: &[FrameScore]) -> String {
        let over = frames.iter().filter(|frame| frame.score >= self.threshold).count();
        match frames.len() {
            1 => "one frame with a face".to_owned(),
            count => format!("{over} of {count} frames with a face are over it"),
        }
    }
}

fn too_close(probability: f64) -> Option<String> {
    let sure = probability >= SURE_FROM || probability <= 1.0 - SURE_FROM;
    (!sure).then(|| {
        format!("a probability of {probability:.2} is too close to one half (expected {SURE_FROM} or more, or {:.1} or less)", 1.0 - SURE_FROM)
    })
}

/// How many of `all` are enough, where one in `divisor` is asked for: all of few.
fn enough(all: usize, divisor: usize) -> usize {
    all.div_ceil(divisor).max(MIN_FRAMES).min(all)
}

/// However few frames were wanted, what is left of a damaged file has to be more than a glimpse.
fn few_left(read: usize, status: VideoStatus) -> Option<String> {
    (status == VideoStatus::Truncated && read < MIN_FRAMES)
        .then(|| format!("the file is damaged, and only {read} of its frames could be seen"))
}

/// A file that ends early shows a part that someone else chose.
fn few_read(read: usize, wanted: usize) -> Option<String> {
    let needed = enough(wanted, READ_SHARE);
    (read < needed)
        .then(|| format!("only {read} of {wanted} frames could be read, at least {needed} are needed"))
}

fn few_with_face(with_face: usize, read: usize) -> Option<String> {
    let needed = enough(read, FACE_SHARE);
    (with_face < needed)
        .then(|| format!("only {with_face} of {read} frames show a face, at least {needed} are needed"))
}

fn shorter_side(face: &ScoredFace) -> Option<f64> {
    face.bbox.map(|bbox| bbox.width().min(bbox.height()))
}

/// Of each frame the face that counts: the one with the highest score.
fn deciding(faces: &[ScoredFace]) -> Vec<&ScoredFace> {
    let runs = faces.chunk_by(|a, b| a.frame == b.frame);
    runs.filter_map(|run| run.iter().max_by(|a, b| a.score.total_cmp(&b.score))).collect()
}

fn small_faces(faces: &[ScoredFace]) -> Option<String> {
    let mut sides: Vec<f64> = deciding(faces).into_iter().filter_map(shorter_side).collect();
    sides.sort_by(f64::total_cmp);
    let middle = sides.get(sides.len() / 2).copied().filter(|side| *side < MIN_FACE)?;
    Some(format!("the faces are small: {middle:.0} px, at least {MIN_FACE} are needed"))
}

/// Which frame, which face.
fn most_suspicious(frames: &[FrameScore], faces: &[ScoredFace]) -> Option<String> {
    if frames.len() < 2 && faces.len() < 2 {
        return None;
    }
    let top = faces.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let place = top.bbox.map_or(String::new(), |bbox| {
        format!(
            ", the face of {:.0} x {:.0} px at ({:.0}, {:.0})",
            bbox.width(),
            bbox.height(),
            bbox.x0,
            bbox.y0
        )
    });
    Some(format!("highest: {:.3} in frame {}{place}", top.score, top.frame))
}

#[cfg(test)]
mod tests {
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
        assert_eq!(judged(&[0.1; 4], 200.0, 4).verdict, Verdict::LikelyReal);
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
        for (read, wanted, needed) in [(1, 2, 2), (1, 32, 16), (2, 8, 4), (3, 8, 4), (2, 4, 3), (15, 32, 16)]
        {
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
        let names = [Verdict::LikelyFake, Verdict::LikelyReal, Verdict::Undecided];
        let names = names.map(|verdict| serde_json::to_string(&verdict).unwrap());
        assert_eq!(names, ["\"likely_fake\"", "\"likely_real\"", "\"undecided\""]);
    }
}

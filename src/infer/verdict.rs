//! From a score to words: likely fake, no trace found or undecided, with reasons that a person can check.
//!
//! **Several persons.** A calibrated probability is that of a file in which forged and real are equally frequent. Where a
//! file shows n persons of whom any may be the forged one, that half is shared out: each is real beforehand with the
//! probability whose n-th power is one half, so that *nobody is forged* stays one half. That is Šidák's correction, in odds:
//! the odds of each person are multiplied by 2^(1/n) - 1, and a score must be higher to make a file *likely fake*. However
//! many persons there are, a real file is then called so at most as often as the border for one person allows for: a
//! likelihood ratio of t or more comes about in at most one of t real faces, and n faces with n times the border together
//! have no more chances than one face with the border itself.

use super::batches::ScoredFace;
use super::passages::Passage;
use super::persons::PersonFace;
use crate::metrics::{Calibration, FrameScore};
use crate::persons::{MIN_FRAMES, MIN_SIDE, Stray, enough};
use crate::types::VideoStatus;
use serde::{Deserialize, Serialize};
use std::fmt;

/// From this probability on, for fake or for real, a verdict is given.
const SURE_FROM: f64 = 0.7;
/// From this probability on scores are far over the border: a passage needs what a whole file does.
const FAR_FROM: f64 = SURE_FROM;
/// This share of the wanted frames must have been read, as a divisor: a half.
const READ_SHARE: usize = 2;
/// This share of the frames that were read must show a face, as a divisor: a tenth. Fewer are stray detections.
const FACE_SHARE: usize = 10;

/// What is concluded from a score; `likely_fake`, `no_trace_found` or `undecided` in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A forgery is more likely than not, and clearly so.
    LikelyFake,
    /// What the detector looks for is clearly not there. That is not the same as real: [`LIMITS`] says what it does not see.
    NoTraceFound,
    /// Neither, or too little was seen.
    Undecided,
}

/// What a forgery detector trained on blended faces can see and what it cannot, to be said with every *no trace found*.
pub const LIMITS: &str = "the detector looks for traces of blending, which swapped and pasted faces leave; faces that \
                          were generated whole and mouths that were redrawn leave none, so this is no proof of a real file";

impl Verdict {
    /// What is told to people: `likely fake`, `no trace found`, `undecided`.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::LikelyFake => "likely fake",
            Verdict::NoTraceFound => "no trace found",
            Verdict::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// A verdict with its probability and reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What is known of a person when it is judged.
pub(super) struct PersonEvidence<'a> {
    /// Mean score of its faces, 0..1.
    pub score: f64,
    /// Its faces, by frame.
    pub faces: &'a [PersonFace],
    /// How many persons of the file are judged.
    pub persons: usize,
    /// Why it decides nothing.
    pub stray: Option<Stray>,
    /// Parts of the video in which it is far over the border.
    pub passages: &'a [Passage],
    /// What speaks against any verdict by the mean, in words for people.
    pub doubts: &'a [String],
    /// Whether all wanted frames were read.
    pub whole: bool,
}

/// The rule by which scores become verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
            return unscored(status, note);
        };
        let probability = self.probability(score);
        let mut doubts = file_doubts(frames, frames_wanted, status);
        doubts.extend(few_with_face(frame_scores.len(), frames));
        doubts.extend(small_faces(faces));
        doubts.extend(probability.and_then(too_close));
        let whole = frames >= frames_wanted;
        let verdict = match (doubts.is_empty(), score >= self.threshold) {
            (true, true) => Verdict::LikelyFake,
            (true, false) if whole => Verdict::NoTraceFound,
            _ => Verdict::Undecided,
        };
        if verdict == Verdict::Undecided && doubts.is_empty() {
            doubts.push(unseen());
        }
        let mut reasons = doubts;
        reasons.push(format!("score {score:.3}, the border is at {:.3}", self.threshold));
        reasons.push(self.share_over(frame_scores));
        if verdict == Verdict::NoTraceFound {
            reasons.push(LIMITS.to_owned());
        }
        reasons.extend(most_suspicious(frame_scores, faces));
        if status == VideoStatus::Truncated {
            reasons.push("the file is damaged or cut off: only what is left of it was seen".to_owned());
        }
        Judgement { verdict, probability, reasons }
    }

    /// Judges a person.
    pub(super) fn judge_person(&self, evidence: &PersonEvidence) -> Judgement {
        let PersonEvidence { score, faces, persons, stray, passages, doubts, whole } = *evidence;
        if let Some(stray) = stray {
            let reasons = vec![stray.to_string()];
            return Judgement { verdict: Verdict::Undecided, probability: None, reasons };
        }
        let border = self.border(persons);
        let most = passages.iter().map(|passage| passage.score).fold(score, f64::max);
        let probability = self.probability_among(most, persons);
        let mut reasons = Vec::new();
        let verdict = if passages.is_empty() {
            reasons.extend_from_slice(doubts);
            reasons.extend(self.too_close_among(score, persons));
            match (reasons.is_empty(), score >= border) {
                (true, true) => Verdict::LikelyFake,
                (true, false) if whole => Verdict::NoTraceFound,
                (true, false) => {
                    reasons.push(unseen());
                    Verdict::Undecided
                }
                (false, _) => Verdict::Undecided,
            }
        } else {
            reasons.extend(passages.iter().map(told_passage));
            Verdict::LikelyFake
        };
        let of_all = if passages.is_empty() { "" } else { "over all its frames: " };
        reasons.push(match persons {
            0 | 1 => format!("{of_all}score {score:.3}, the border is at {border:.3}"),
            _ => format!(
                "{of_all}score {score:.3}, the border is at {border:.3} ({:.3} for one person; of {persons} persons one \
                 is high by chance more often)",
                self.threshold
            ),
        });
        if verdict == Verdict::NoTraceFound {
            reasons.push(LIMITS.to_owned());
        }
        if faces.len() > 1 {
            let over = faces.iter().filter(|face| face.score >= border).count();
            reasons.push(format!("{over} of {} frames with this face are over it", faces.len()));
        }
        reasons.extend(highest(faces));
        Judgement { verdict, probability, reasons }
    }

    /// The score from which one of so many persons is rather fake than real: it rises with their number. Without
    /// calibration nothing is known of chance, and it does not.
    pub(super) fn border(&self, persons: usize) -> f64 {
        self.score_of(-share(persons)).unwrap_or(self.threshold)
    }

    /// The score that is far over that border; without calibration half the way from there to 1.
    pub(super) fn far_border(&self, persons: usize) -> f64 {
        let far = (FAR_FROM / (1.0 - FAR_FROM)).ln();
        self.score_of(far - share(persons)).unwrap_or((1.0 + self.threshold) / 2.0)
    }

    /// The scores between which one of so many persons is undecided, (low, high), each 0..1; `None` without calibration.
    pub(super) fn undecided(&self, persons: usize) -> Option<(f64, f64)> {
        let sure = (SURE_FROM / (1.0 - SURE_FROM)).ln();
        Some((self.score_of(-sure)?, self.score_of(sure - share(persons))?))
    }

    /// Calibrated probability of a fake, where any of so many persons may be it.
    fn probability_among(&self, score: f64, persons: usize) -> Option<f64> {
        let alone = self.probability(score)?;
        let odds = alone / (1.0 - alone) * share(persons).exp();
        Some(if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 })
    }

    /// The score whose calibrated log odds are these.
    fn score_of(&self, log_odds: f64) -> Option<f64> {
        let inside = self.threshold > 0.0 && self.threshold < 1.0;
        let temperature = self.temperature.filter(|_| inside)?;
        let at = (self.threshold / (1.0 - self.threshold)).ln() + temperature * log_odds;
        Some(1.0 / (1.0 + (-at).exp()))
    }

    /// Between the border that many persons raise for *likely fake* and that of one person for *no trace found*.
    fn too_close_among(&self, score: f64, persons: usize) -> Option<String> {
        let (alone, among) = (self.probability(score)?, self.probability_among(score, persons)?);
        if among >= SURE_FROM || alone <= 1.0 - SURE_FROM {
            return None;
        }
        match persons {
            0 | 1 => too_close(alone),
            _ => Some(format!(
                "too close to tell: a probability of {among:.2} among {persons} persons (expected {SURE_FROM} or more) and of \
                 {alone:.2} by itself (or {:.1} or less)",
                1.0 - SURE_FROM
            )),
        }
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

/// A file of which nothing was scored.
fn unscored(status: VideoStatus, note: Option<&str>) -> Judgement {
    let why = match status {
        VideoStatus::Unreadable => match note {
            Some(note) => format!("the file cannot be read: {note}"),
            None => "the file cannot be read".to_owned(),
        },
        _ => "no face was found".to_owned(),
    };
    Judgement { verdict: Verdict::Undecided, probability: None, reasons: vec![why] }
}

/// Log odds that each of so many persons loses because any of them may be the forged one: 0 for one.
fn share(persons: usize) -> f64 {
    ((1.0 / persons.max(1) as f64).exp2() - 1.0).ln()
}

/// What is wrong with a file as a whole, so that no verdict is given.
pub(super) fn file_doubts(frames: usize, frames_wanted: usize, status: VideoStatus) -> Vec<String> {
    few_read(frames, frames_wanted).or_else(|| few_left(frames, status)).into_iter().collect()
}

fn unseen() -> String {
    "some of the wanted frames could not be read: nothing suspicious was seen, but what was not seen may be forged".to_owned()
}

fn told_passage(passage: &Passage) -> String {
    format!(
        "likely fake in {}: {} frames in a row score {:.2} on average, far over the border, the others {:.2}",
        passage.times(),
        passage.frames,
        passage.score,
        passage.score_elsewhere
    )
}

/// Which of a person's frames, and where the face is.
fn highest(faces: &[PersonFace]) -> Option<String> {
    let top = faces.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let [x0, y0, x1, y1] = top.bbox;
    let size = format!("{:.0} x {:.0} px at ({x0:.0}, {y0:.0})", x1 - x0, y1 - y0);
    Some(match faces.len() {
        1 => format!("the face of {size}"),
        _ => format!(
            "highest: {:.3} in frame {} ({}), the face of {size}",
            top.score,
            top.frame,
            super::passages::clock(top.seconds)
        ),
    })
}

fn too_close(probability: f64) -> Option<String> {
    let sure = probability >= SURE_FROM || probability <= 1.0 - SURE_FROM;
    (!sure).then(|| {
        let told = between_borders(probability);
        format!("a probability of {told} is too close to one half (expected {SURE_FROM} or more, or {:.1} or less)", 1.0 - SURE_FROM)
    })
}

/// A probability between the borders with two digits, or with as many as it takes to be told from a border: one of 0.698
/// that is called 0.70 is no reason.
fn between_borders(probability: f64) -> String {
    const DIGITS: std::ops::RangeInclusive<usize> = 2..=6;
    let is_between =
        |text: &String| text.parse().is_ok_and(|told: f64| told < SURE_FROM && told > 1.0 - SURE_FROM);
    let mut told = DIGITS.map(|digits| format!("{probability:.digits$}"));
    told.find(is_between).unwrap_or_else(|| probability.to_string())
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
    let middle = sides.get(sides.len() / 2).copied().filter(|side| *side < MIN_SIDE)?;
    Some(format!("the faces are small: {middle:.0} px, at least {MIN_SIDE} are needed"))
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
mod tests;

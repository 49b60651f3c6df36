//! What an inference run found out about each person.

use super::batches::{ScoredFace, ScoredFaces};
use super::passages::{Passage, passages};
use super::verdict::PersonEvidence;
use super::{Judge, Judgement, NEUTRAL_SCORE, Verdict};
use crate::face_stream::Seen;
use crate::imaging::Light;
use crate::metrics::{CalibratedRange, FaceMeasures, OverFrames};
use crate::persons::{Person, persons};
use serde::{Deserialize, Serialize};

/// A face of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonFace {
    /// Index of the frame.
    pub frame: usize,
    /// Its time, in seconds from the start.
    pub seconds: f64,
    /// Left, top, right and bottom edge of the box in which the face was found, in pixels of the frame.
    pub bbox: [f64; 4],
    /// Probability of a fake, 0..1.
    pub score: f64,
    /// The face detector's confidence that it is a face, 0..1.
    pub confidence: f32,
}

/// One person of a video or photograph.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PersonResult {
    /// Its number, from 1: those that count first, in the order in which they appear, from left to right.
    pub person: usize,
    /// Whether it is a stray detection, which decides nothing.
    pub stray: bool,
    /// The scores of its faces as one, 0..1.
    pub score: f64,
    /// The verdict with its reasons; `None` without calibration and threshold.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// Frames that show it.
    pub frames: usize,
    /// Frames that were looked at in the scenes that show it, from the first to the last that does.
    pub frames_that_could: usize,
    /// When it is seen first, in seconds from the start.
    pub from_seconds: f64,
    /// When it is seen last.
    pub to_seconds: f64,
    /// Middle value of its faces' shorter sides, in pixels.
    pub side: f64,
    /// Its faces, by frame.
    pub faces: Vec<PersonFace>,
    /// Positions of these faces among all that were scored.
    #[serde(skip)]
    pub(super) members: Vec<usize>,
    /// Parts of the video in which it is likely to be forged.
    #[serde(skip)]
    pub(super) passages: Vec<Passage>,
    /// What its faces are like, as far as it was measured.
    #[serde(skip)]
    pub(super) measured: FaceMeasures,
}

impl PersonResult {
    /// Its verdict, where there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.judgement.as_ref().map(|judgement| judgement.verdict)
    }
}

/// By what persons are judged.
#[derive(Clone, Copy)]
pub(super) struct PersonJudge<'a> {
    pub judge: Option<Judge>,
    /// How the scores of frames become one.
    pub over_frames: OverFrames,
    /// What the calibration saw, as far as the weight file tells.
    pub range: CalibratedRange,
    /// What is wrong with the file as a whole, for every verdict.
    pub doubts: &'a [String],
    /// Whether all wanted frames were read.
    pub whole: bool,
}

impl PersonJudge<'_> {
    /// The persons of a file with their verdicts.
    pub fn persons(&self, seen: &Seen, found: &ScoredFaces) -> Vec<PersonResult> {
        let persons = persons(&seen.sightings, &seen.looked_at);
        let count = persons.iter().filter(|person| person.stray.is_none()).count();
        let result = |(at, person)| self.person(at + 1, person, count, seen, found);
        persons.into_iter().enumerate().map(result).collect()
    }

    fn person(
        &self,
        number: usize,
        person: Person,
        persons: usize,
        seen: &Seen,
        found: &ScoredFaces,
    ) -> PersonResult {
        let faces: Vec<PersonFace> =
            person.sightings.iter().map(|&at| face_of(&found.faces[at], seen, at)).collect();
        let score = self.over_frames.of(faces.iter().map(|face| face.score));
        let passages = match self.judge {
            Some(judge) if person.stray.is_none() => {
                passages(number, &faces, judge.border(persons), judge.far_border(persons))
            }
            _ => Vec::new(),
        };
        let measured = measures(&person.sightings, Some(person.side), &found.light);
        let mut doubts = self.doubts.to_vec();
        doubts.extend(self.range.doubts(measured));
        let judgement = self.judge.map(|judge| {
            judge.judge_person(&PersonEvidence {
                score,
                faces: &faces,
                persons,
                stray: person.stray,
                passages: &passages,
                doubts: &doubts,
                whole: self.whole,
            })
        });
        PersonResult {
            person: number,
            stray: person.stray.is_some(),
            score,
            judgement,
            frames: faces.len(),
            frames_that_could: person.could_show,
            from_seconds: faces.first().map_or(0.0, |face| face.seconds),
            to_seconds: faces.last().map_or(0.0, |face| face.seconds),
            side: person.side,
            faces,
            members: person.sightings,
            passages,
            measured,
        }
    }
}

fn face_of(face: &ScoredFace, seen: &Seen, at: usize) -> PersonFace {
    let sighting = &seen.sightings[at];
    let bbox = sighting.bbox;
    PersonFace {
        frame: face.frame,
        seconds: sighting.at.seconds,
        bbox: [bbox.x0, bbox.y0, bbox.x1, bbox.y1],
        score: f64::from(face.score),
        confidence: sighting.confidence,
    }
}

/// The middle values of what is measured of all faces of a file; `None` where nothing was.
pub(super) fn measured_of_all(found: &ScoredFaces) -> Option<FaceMeasures> {
    let side = |face: &ScoredFace| face.bbox.map(|bbox| bbox.width().min(bbox.height()));
    let mut sides: Vec<f64> = found.faces.iter().filter_map(side).collect();
    sides.sort_by(f64::total_cmp);
    let everyone: Vec<usize> = (0..found.light.len()).collect();
    let measures = measures(&everyone, sides.get(sides.len() / 2).copied(), &found.light);
    (!found.light.is_empty()).then_some(measures)
}

/// The middle values of what is measured of some faces, whose middle side is known.
fn measures(faces: &[usize], side: Option<f64>, light: &[Light]) -> FaceMeasures {
    let middle = |of: fn(&Light) -> f64| {
        let mut values: Vec<f64> = faces.iter().filter_map(|&at| light.get(at)).map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    FaceMeasures {
        side,
        brightness: middle(|light| light.brightness),
        sharpness: middle(|light| light.sharpness),
    }
}

/// The verdict of a file: that of its most suspicious person. Of persons with one verdict the one with the higher score,
/// and *likely fake* before *undecided* before *no trace found*.
pub(super) fn deciding(persons: &[PersonResult]) -> Option<&PersonResult> {
    let rank = |person: &PersonResult| match person.verdict() {
        Some(Verdict::LikelyFake) => 2,
        Some(Verdict::Undecided) => 1,
        Some(Verdict::NoTraceFound) | None => 0,
    };
    let counts = persons.iter().filter(|person| !person.stray);
    // Of equals the first.
    counts.rev().max_by(|a, b| rank(a).cmp(&rank(b)).then(a.score.total_cmp(&b.score)))
}

/// What is said of a file by its persons; `None` where there are no persons or no verdicts.
pub(super) fn judgement_of_file(persons: &[PersonResult], too_small: usize) -> Option<Judgement> {
    let Some(person) = deciding(persons) else {
        let first = persons.first()?;
        let own = first.judgement.clone()?;
        let why = format!("only stray faces were found ({}), which decide nothing", persons.len());
        let reasons = std::iter::once(why).chain(own.reasons).collect();
        return Some(Judgement { verdict: Verdict::Undecided, probability: None, reasons });
    };
    let mut judgement = person.judgement.clone()?;
    let counts = persons.iter().filter(|person| !person.stray).count();
    if counts > 1 {
        let text = format!("person {} of {counts} decides: it is the most suspicious", person.person);
        judgement.reasons.insert(0, text);
    }
    let strays = persons.len() - counts;
    if strays > 0 {
        judgement.reasons.push(format!("stray faces, which decide nothing: {strays}"));
    }
    if too_small > 0 {
        judgement.reasons.push(format!("faces too small to be judged, over all frames: {too_small}"));
    }
    Some(judgement)
}

/// Score from which a face is drawn as suspicious.
pub(super) fn limit(judge: Option<Judge>, persons: &[PersonResult]) -> f64 {
    let count = persons.iter().filter(|person| !person.stray).count();
    judge.map_or(NEUTRAL_SCORE, |judge| judge.border(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Calibration;
    use crate::persons::{Embedding, Moment, Sighting};
    use crate::types::BBox;

    /// Persons side by side in every frame: their scores, one list per person; of a side in pixels each.
    fn seen(scores: &[(&[f32], f64)]) -> (Seen, ScoredFaces) {
        let mut seen = Seen {
            sightings: Vec::new(),
            counted: Vec::new(),
            looked_at: Vec::new(),
            too_small: 0,
            added: 0,
            by_place: None,
            plan: None,
        };
        let mut found = ScoredFaces::default();
        for frame in 0..scores.iter().map(|(scores, _)| scores.len()).max().unwrap_or(0) {
            let at = Moment { frame, seconds: frame as f64, scene: 0 };
            seen.looked_at.push(at);
            for (who, (scores, side)) in
                scores.iter().enumerate().filter(|(_, (scores, _))| scores.len() > frame)
            {
                let x0 = 500.0 * who as f64;
                let bbox = BBox { x0, y0: 0.0, x1: x0 + side, y1: *side };
                let look = Some(Embedding(vec![2.0 * who as f32]));
                seen.sightings.push(Sighting { at, bbox, confidence: 0.99, look });
                seen.counted.push(true);
                found.faces.push(ScoredFace { frame, bbox: Some(bbox), score: scores[frame] });
            }
        }
        (seen, found)
    }

    fn judged(scores: &[(&[f32], f64)]) -> (Vec<PersonResult>, Option<Judgement>) {
        let calibration = Calibration { threshold: 0.6, temperature: 1.0 };
        let judge = Judge::new(Some(calibration), None);
        let by = PersonJudge {
            judge,
            over_frames: OverFrames::Mean,
            range: CalibratedRange::default(),
            doubts: &[],
            whole: true,
        };
        let (seen, found) = seen(scores);
        let persons = by.persons(&seen, &found);
        let judgement = judgement_of_file(&persons, 0);
        (persons, judgement)
    }

    #[test]
    fn the_most_suspicious_person_decides_and_is_named() {
        let (persons, judgement) = judged(&[(&[0.1; 8], 200.0), (&[0.97; 8], 150.0), (&[0.2; 8], 90.0)]);
        let verdicts: Vec<_> = persons.iter().map(|person| person.verdict().unwrap()).collect();
        use Verdict::{LikelyFake, NoTraceFound};
        assert_eq!(verdicts, [NoTraceFound, LikelyFake, NoTraceFound]);
        let judgement = judgement.unwrap();
        assert_eq!(
            (judgement.verdict, judgement.probability),
            (LikelyFake, persons[1].judgement.as_ref().unwrap().probability)
        );
        assert!(judgement.reasons[0].starts_with("person 2 of 3 decides"), "{judgement:?}");
        assert_eq!(persons[1].faces.len(), 8);
    }

    #[test]
    fn the_more_persons_the_higher_the_border() {
        // Enough for one, not for one of five.
        let alone = judged(&[(&[0.8; 8], 200.0)]);
        assert_eq!(alone.1.unwrap().verdict, Verdict::LikelyFake);
        let quiet: (&[f32], f64) = (&[0.1; 8], 200.0);
        let (persons, judgement) = judged(&[quiet, quiet, (&[0.8; 8], 200.0), quiet, quiet]);
        let judgement = judgement.unwrap();
        assert_eq!(judgement.verdict, Verdict::Undecided, "{judgement:?}");
        assert!(judgement.reasons.iter().any(|reason| reason.contains("5 persons")), "{judgement:?}");
        assert!(persons[2].judgement.as_ref().unwrap().probability < Some(0.7));
    }

    #[test]
    fn strays_decide_nothing_and_where_there_is_nobody_else_that_is_said() {
        let (persons, judgement) = judged(&[(&[0.1; 32], 200.0), (&[0.99; 2], 200.0)]);
        assert!(persons[1].stray && judgement.unwrap().verdict == Verdict::NoTraceFound);
        let (_, judgement) = judged(&[(&[0.99; 8], 40.0)]);
        let judgement = judgement.unwrap();
        assert_eq!((judgement.verdict, judgement.probability), (Verdict::Undecided, None));
        assert!(judgement.reasons[0].contains("only stray faces"), "{judgement:?}");
        assert!(judgement.reasons[1].contains("small: 40 px"), "{judgement:?}");
        assert!(judgement_of_file(&[], 0).is_none());
    }

    #[test]
    fn a_passage_of_one_person_makes_a_file_likely_fake() {
        let scores: Vec<f32> = (0..120).map(|at| if (40..52).contains(&at) { 0.99 } else { 0.1 }).collect();
        let (persons, judgement) = judged(&[(&[0.1; 120], 200.0), (&scores, 200.0)]);
        let judgement = judgement.unwrap();
        assert_eq!(judgement.verdict, Verdict::LikelyFake);
        let told = judgement.reasons.join("\n");
        assert!(told.contains("person 2") && told.contains("0:40 to 0:51"), "{told}");
        assert!(persons[0].passages.is_empty() && persons[1].passages.len() == 1);
    }
}

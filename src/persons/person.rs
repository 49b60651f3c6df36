//! A person's sightings, and whether they are more than stray detections.

use super::{MIN_FRAMES, Moment, Sighting, enough, group};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

/// Shorter side in pixels under which a face shows too little: no forgery detector is trained on smaller ones.
pub const MIN_SIDE: f64 = 60.0;
/// This share of the frames that could show a person must, as a divisor: a tenth.
const SHARE: usize = 10;
/// The face detector's confidence under which what it found may be no face. Faces have 0.95 and more, and what is below 0.7
/// is not handed on.
const MIN_CONFIDENCE: f32 = 0.8;

/// One person of a video or photograph.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Positions in the list of sightings, by frame; one per frame.
    pub sightings: Vec<usize>,
    /// Middle value of the faces' shorter sides, in pixels.
    pub side: f64,
    /// Frames that were looked at in the scenes that show the person, from the first to the last that does.
    pub could_show: usize,
    /// Why it decides nothing, if it does not.
    pub stray: Option<Stray>,
}

/// Why a person is a stray detection: kept and marked, but nothing is concluded from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stray {
    /// In too few of the frames that could show it.
    Rare {
        /// Frames that show it.
        frames: usize,
        /// Frames that could.
        of: usize,
        /// How many of these would be enough.
        needed: usize,
    },
    /// Too small.
    Small {
        /// Middle value of the shorter sides, in pixels.
        side: f64,
    },
    /// Perhaps no face at all.
    Doubtful {
        /// Middle value of the face detector's confidence, 0..1.
        confidence: f32,
    },
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stray::Rare { frames, of, needed } => {
                write!(f, "only {frames} of {of} frames show this face, at least {needed} are needed")
            }
            Stray::Small { side } => {
                write!(f, "the face is small: {side:.0} px, at least {MIN_SIDE} are needed")
            }
            Stray::Doubtful { confidence } => {
                write!(
                    f,
                    "it may be no face: the face detector is {confidence:.2} sure, at least {MIN_CONFIDENCE} is needed"
                )
            }
        }
    }
}

/// The persons among all sightings of a file, of which `looked_at` lists the frames that were looked at. Those that count
/// come first, each in the order of appearance, from left to right.
pub fn persons(sightings: &[Sighting], looked_at: &[Moment]) -> Vec<Person> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (sighting, person) in group(sightings).into_iter().enumerate() {
        members.entry(person).or_default().push(sighting);
    }
    let person = |mut members: Vec<usize>| {
        members.sort_by_key(|&member| sightings[member].at.frame);
        let scenes: BTreeSet<usize> = members.iter().map(|&member| sightings[member].at.scene).collect();
        let in_scenes = || looked_at.iter().filter(|moment| scenes.contains(&moment.scene));
        // Who comes for a while and leaves could not be seen before and after.
        let frame = |member: Option<&usize>| member.map_or(0, |&member| sightings[member].at.frame);
        let span = frame(members.first())..=frame(members.last());
        let could_show = in_scenes().filter(|moment| span.contains(&moment.frame)).count();
        // But one or two frames are a glimpse wherever more were looked at.
        let needed = enough(could_show, SHARE).max(MIN_FRAMES.min(in_scenes().count()));
        let side = middle(&members, |member| {
            let bbox = &sightings[member].bbox;
            bbox.width().min(bbox.height())
        });
        let confidence = middle(&members, |member| f64::from(sightings[member].confidence)) as f32;
        let frames = members.len();
        let stray = if side < MIN_SIDE {
            Some(Stray::Small { side })
        } else if frames < needed {
            let of = if frames < enough(could_show, SHARE) { could_show } else { in_scenes().count() };
            Some(Stray::Rare { frames, of, needed })
        } else {
            (confidence < MIN_CONFIDENCE).then_some(Stray::Doubtful { confidence })
        };
        Person { sightings: members, side, could_show, stray }
    };
    let mut persons: Vec<Person> = members.into_values().map(person).collect();
    persons.sort_by_key(|person| person.stray.is_some());
    persons
}

/// The middle value of something about each sighting.
fn middle(members: &[usize], value: impl Fn(usize) -> f64) -> f64 {
    let mut values: Vec<f64> = members.iter().map(|&member| value(member)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persons::Embedding;
    use crate::types::BBox;

    fn seen(frame: usize, scene: usize, who: usize, side: f64, confidence: f32) -> Sighting {
        let x0 = 300.0 * who as f64;
        let bbox = BBox { x0, y0: 0.0, x1: x0 + side, y1: side + 20.0 };
        let look = Some(Embedding(vec![who as f32 * 2.0]));
        Sighting { at: Moment { frame, seconds: frame as f64, scene }, bbox, confidence, look }
    }

    fn moments(frames: usize, scene_of: impl Fn(usize) -> usize) -> Vec<Moment> {
        (0..frames).map(|frame| Moment { frame, seconds: frame as f64, scene: scene_of(frame) }).collect()
    }

    #[test]
    fn strays_come_last_and_say_why() {
        let mut sightings: Vec<Sighting> = (0..32).map(|frame| seen(frame, 0, 1, 200.0, 0.99)).collect();
        sightings.extend([seen(1, 0, 0, 200.0, 0.99), seen(30, 0, 0, 200.0, 0.99)]);
        sightings.extend((0..32).map(|frame| seen(frame, 0, 2, 40.0, 0.99)));
        sightings.extend((0..32).map(|frame| seen(frame, 0, 3, 90.0, 0.72)));
        let found = persons(&sightings, &moments(32, |_| 0));
        let strays: Vec<Option<Stray>> = found.iter().map(|person| person.stray).collect();
        let expected = [
            None,
            Some(Stray::Small { side: 40.0 }),
            Some(Stray::Doubtful { confidence: 0.72 }),
            Some(Stray::Rare { frames: 2, of: 30, needed: 3 }),
        ];
        assert_eq!(strays, expected);
        assert_eq!(
            found[3].stray.unwrap().to_string(),
            "only 2 of 30 frames show this face, at least 3 are needed"
        );
        assert!(found[1].stray.unwrap().to_string().contains("small: 40 px"));
    }

    #[test]
    fn only_scenes_that_show_somebody_could_show_them() {
        // In one scene of ten, in all of its frames.
        let sightings: Vec<Sighting> = (30..40).map(|frame| seen(frame, 3, 0, 100.0, 0.9)).collect();
        let found = persons(&sightings, &moments(100, |frame| frame / 10));
        assert_eq!((found[0].could_show, found[0].stray), (10, None));
        // Or comes in for a while, and stays.
        let sightings: Vec<Sighting> = (30..34).map(|frame| seen(frame, 0, 0, 100.0, 0.9)).collect();
        let found = persons(&sightings, &moments(100, |_| 0));
        assert_eq!((found[0].could_show, found[0].stray), (4, None));
        // A photograph's faces need only be there.
        let photograph = [seen(0, 0, 0, 100.0, 0.9), seen(0, 0, 1, 100.0, 0.9)];
        assert!(persons(&photograph, &moments(1, |_| 0)).iter().all(|person| person.stray.is_none()));
    }
}

//! How persons are shown in images: a number, a colour, a score.

use super::batches::{KeptFace, ScoredFace};
use super::persons::limit;
use super::{Judge, PersonResult};
use crate::types::{BBox, RgbImage};
use std::collections::HashMap;

/// Colours of persons, told apart by most eyes; red is kept for what is over the border. More persons share them.
const COLOURS: [[u8; 3]; 8] = [
    [0, 114, 178],
    [0, 140, 100],
    [200, 120, 0],
    [150, 80, 170],
    [60, 150, 210],
    [110, 110, 20],
    [190, 90, 140],
    [90, 70, 40],
];
/// Of stray detections.
const STRAY: [u8; 3] = [110, 110, 110];
/// Of scores over the border.
const OVER: [u8; 3] = [210, 40, 40];

/// A face that is drawn into a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub frame: usize,
    pub bbox: BBox,
    /// What stands beside it.
    pub text: String,
    /// The person's.
    pub colour: [u8; 3],
    /// Red where the face's score is over the border, else the person's.
    pub label: [u8; 3],
}

/// A face on a sheet of heat maps.
pub(super) struct TitledFace<'a> {
    pub crop: &'a RgbImage,
    pub title: String,
    /// The person's, where persons are told apart.
    pub colour: Option<[u8; 3]>,
}

fn colour(person: &PersonResult) -> [u8; 3] {
    if person.stray { STRAY } else { COLOURS[(person.person - 1) % COLOURS.len()] }
}

/// How a person is called.
fn name(person: &PersonResult) -> String {
    if person.stray { format!("stray {}", person.person) } else { format!("person {}", person.person) }
}

/// The faces of all persons, by frame.
pub(super) fn of_persons(persons: &[PersonResult], judge: Option<Judge>) -> Vec<Mark> {
    let limit = limit(judge, persons);
    let of_person = |person: &PersonResult| {
        let (name, colour, stray) = (name(person), colour(person), person.stray);
        let mark = |face: &super::PersonFace| {
            let [x0, y0, x1, y1] = face.bbox;
            Mark {
                frame: face.frame,
                bbox: BBox { x0, y0, x1, y1 },
                text: format!("{name}: {:.3}", face.score),
                colour,
                label: if face.score >= limit && !stray { OVER } else { colour },
            }
        };
        person.faces.iter().map(mark).collect::<Vec<Mark>>()
    };
    let mut marks: Vec<Mark> = persons.iter().flat_map(of_person).collect();
    marks.sort_by_key(|mark| mark.frame);
    marks
}

/// The faces for a sheet of at most `most`, in the order of [`ranked`].
pub(super) fn titled<'a>(
    kept: &'a [KeptFace],
    faces: &[ScoredFace],
    persons: &[PersonResult],
    most: usize,
) -> Vec<TitledFace<'a>> {
    let plain = |kept: &'a KeptFace| TitledFace {
        crop: &kept.crop,
        title: format!("frame {}   score {:.3}", kept.face.frame, kept.face.score),
        colour: None,
    };
    let titled = |(person, face): (Option<&PersonResult>, &'a KeptFace)| match person {
        None => plain(face),
        Some(person) => TitledFace {
            title: format!("{}   {}", name(person), plain(face).title),
            colour: Some(colour(person)),
            crop: &face.crop,
        },
    };
    ranked(kept, faces, persons).into_iter().take(most).map(titled).collect()
}

/// The faces that are shown, with their persons where persons are told apart: the best of each person first, the most
/// suspicious person first of all, then the next best of each.
pub(super) fn ranked<'a, 'p>(
    kept: &'a [KeptFace],
    faces: &[ScoredFace],
    persons: &'p [PersonResult],
) -> Vec<(Option<&'p PersonResult>, &'a KeptFace)> {
    if persons.is_empty() {
        return kept.iter().map(|face| (None, face)).collect();
    }
    let owner = |kept: &KeptFace| {
        let is_it = |&member: &usize| {
            let face = &faces[member];
            face.frame == kept.face.frame && face.bbox == kept.face.bbox
        };
        persons.iter().find(|person| person.members.iter().any(is_it))
    };
    let mut seen: HashMap<usize, usize> = HashMap::new();
    let mut ranked = Vec::new();
    // The highest come first.
    for face in kept {
        let Some(person) = owner(face) else { continue };
        let count = seen.entry(person.person).or_default();
        ranked.push((*count, person.stray, person, face));
        *count += 1;
    }
    ranked.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.score.total_cmp(&a.2.score)));
    ranked.into_iter().map(|(_, _, person, face)| (Some(person), face)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::PersonFace;

    fn person(number: usize, stray: bool, scores: &[f64]) -> PersonResult {
        let face = |(frame, &score): (usize, &f64)| PersonFace {
            frame,
            seconds: 0.0,
            bbox: [10.0 * number as f64, 0.0, 10.0 * number as f64 + 8.0, 9.0],
            score,
            confidence: 0.9,
        };
        PersonResult {
            person: number,
            stray,
            score: scores.iter().sum::<f64>() / scores.len() as f64,
            judgement: None,
            frames: scores.len(),
            frames_that_could: scores.len(),
            from_seconds: 0.0,
            to_seconds: 0.0,
            side: 8.0,
            faces: scores.iter().enumerate().map(face).collect(),
            members: (0..scores.len()).map(|frame| 3 * frame + number - 1).collect(),
            passages: Vec::new(),
            measured: crate::metrics::FaceMeasures::default(),
        }
    }

    #[test]
    fn persons_have_numbers_and_colours_and_scores_over_the_border_are_red() {
        let persons = [person(1, false, &[0.2, 0.9]), person(2, false, &[0.1]), person(3, true, &[0.99])];
        let judge = Judge::new(None, Some(0.5));
        let marks = of_persons(&persons, judge);
        let told: Vec<(usize, &str, bool)> =
            marks.iter().map(|mark| (mark.frame, mark.text.as_str(), mark.label == OVER)).collect();
        let expected = [
            (0, "person 1: 0.200", false),
            (0, "person 2: 0.100", false),
            (0, "stray 3: 0.990", false),
            (1, "person 1: 0.900", true),
        ];
        assert_eq!(told, expected);
        assert!(marks[0].colour != marks[1].colour && marks[2].colour == STRAY);
        assert_eq!(marks[0].colour, marks[3].colour);
    }

    #[test]
    fn sheets_show_every_person_before_they_show_one_again() {
        let persons =
            [person(1, false, &[0.9, 0.8]), person(2, false, &[0.95, 0.5]), person(3, true, &[0.99])];
        let mut faces = Vec::new();
        for frame in 0..2 {
            for who in &persons {
                let Some(face) = who.faces.get(frame) else { continue };
                let [x0, y0, x1, y1] = face.bbox;
                let bbox = Some(BBox { x0, y0, x1, y1 });
                faces.push(ScoredFace { frame, bbox, score: face.score as f32 });
            }
        }
        let mut kept: Vec<KeptFace> = faces
            .iter()
            .map(|&face| KeptFace { face, person: 0, crop: RgbImage::filled(1, 1, [0; 3]) })
            .collect();
        kept.sort_by(|a, b| b.face.score.total_cmp(&a.face.score));
        let titles = |most| -> Vec<String> {
            titled(&kept, &faces, &persons, most).into_iter().map(|face| face.title).collect()
        };
        let all = titles(9);
        assert_eq!(all.len(), 5);
        assert!(all[0].starts_with("person 1   frame 0   score 0.900"), "{all:?}");
        assert!(all[1].starts_with("person 2   frame 0") && all[2].starts_with("stray 3"), "{all:?}");
        assert_eq!(titles(2).len(), 2);
        assert_eq!(titled(&kept, &faces, &[], 3)[0].title, "frame 0   score 0.990");
    }
}

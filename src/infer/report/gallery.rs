//! The faces that a report shows, kept while files are scored: a bounded number of small pictures.

use crate::Result;
use crate::imaging::shrunk;
use crate::infer::batches::ScoredFaces;
use crate::infer::heatmaps::tiles;
use crate::infer::marks::ranked;
use crate::infer::{Judge, VideoResult, clock};
use crate::model::ForgeryDetector;
use crate::page::Picture;
use crate::types::RgbImage;
use std::cmp::Ordering;

/// Faces of a single file.
pub(super) const OF_ONE: usize = 24;
/// Files of several that get pictures, and faces of each.
const FILES: usize = 40;
const OF_SEVERAL: usize = 2;
/// Errors of a labelled set that get a picture, of each class.
const ERRORS: usize = 8;

/// Side of a small face in pixels.
const SMALL: usize = 72;

/// A face with its heat map.
#[derive(Clone, Debug)]
pub struct ShownFace {
    /// Its person, where persons are told apart.
    pub person: Option<usize>,
    /// Index of its frame.
    pub frame: usize,
    /// Time of the frame in seconds, where it is known.
    pub seconds: Option<f64>,
    /// Width and height of its box in pixels, where they are known.
    pub size: Option<(f64, f64)>,
    /// Its score.
    pub score: f64,
    /// The face.
    pub face: Picture,
    /// Where in it the score comes from.
    pub map: Picture,
    /// The face, small, for tables.
    pub small: Picture,
}

impl ShownFace {
    /// Which frame of so many, in words: `frame 241 at 0:09`. Empty where there is only one.
    pub fn place(&self, frames: usize) -> String {
        let at = self.seconds.map_or(String::new(), |seconds| format!(" at {}", clock(seconds)));
        if frames > 1 { format!("frame {}{at}", self.frame) } else { String::new() }
    }
}

/// The faces of a file.
struct Shown {
    number: usize,
    /// By it files are compared that compete for a place.
    result: VideoResult,
    faces: Vec<ShownFace>,
}

/// For whom pictures are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Plan {
    /// Nobody.
    #[default]
    None,
    /// The only file.
    One,
    /// The most suspicious of several.
    Suspicious,
    /// Of a labelled set, the fakes with the lowest and the real ones with the highest scores.
    Errors,
}

/// Pictures of faces, of a bounded number of files.
#[derive(Default)]
pub struct Gallery {
    plan: Plan,
    shown: Vec<Shown>,
}

impl Gallery {
    /// For a report of so many files.
    pub fn new(files: usize, labelled: bool) -> Gallery {
        let plan = match files {
            _ if labelled => Plan::Errors,
            1 => Plan::One,
            _ => Plan::Suspicious,
        };
        Gallery { plan, shown: Vec::new() }
    }

    /// Of the only file of a run, with these faces.
    #[cfg(test)]
    pub fn of_one(faces: Vec<ShownFace>, result: VideoResult) -> Gallery {
        Gallery { plan: Plan::One, shown: vec![Shown { number: 0, result, faces }] }
    }

    /// Whether pictures are wanted at all.
    pub fn is_wanted(&self) -> bool {
        self.plan != Plan::None
    }

    /// With files numbered as in the summary; `places` are those under which they were taken, ascending.
    pub fn in_order(mut self, places: &[usize]) -> Gallery {
        self.shown.retain_mut(|shown| {
            let position = places.binary_search(&shown.number);
            shown.number = position.unwrap_or_default();
            position.is_ok()
        });
        self
    }

    /// Takes the faces of the file with this number, if they are among those to be shown so far; files that no longer are go.
    ///
    /// Fails when heat maps cannot be computed or pictures not be made.
    pub fn take(
        &mut self,
        number: usize,
        result: &VideoResult,
        found: &ScoredFaces,
        (detector, judge): (&ForgeryDetector, Option<Judge>),
    ) -> Result<()> {
        let most = match self.plan {
            Plan::None => return Ok(()),
            Plan::One => OF_ONE,
            Plan::Suspicious => OF_SEVERAL,
            Plan::Errors => 1,
        };
        if found.kept.is_empty() || !self.makes_room(result) {
            return Ok(());
        }
        let persons = result.persons.as_deref().unwrap_or_default();
        let chosen: Vec<_> = ranked(&found.kept, &found.faces, persons).into_iter().take(most).collect();
        let crops: Vec<&RgbImage> = chosen.iter().map(|(_, kept)| &kept.crop).collect();
        let mut faces = Vec::with_capacity(crops.len());
        for ((person, kept), (face, map)) in chosen.into_iter().zip(tiles(detector, judge, &crops)?) {
            let of_frame =
                person.and_then(|person| person.faces.iter().find(|face| face.frame == kept.face.frame));
            faces.push(ShownFace {
                person: person.map(|person| person.person),
                frame: kept.face.frame,
                seconds: of_frame.map(|face| face.seconds),
                size: kept.face.bbox.map(|bbox| (bbox.width(), bbox.height())),
                score: f64::from(kept.face.score),
                face: picture(&face)?,
                map: picture(&map)?,
                small: picture(&shrunk(&face, SMALL, SMALL)?)?,
            });
        }
        // Frames of results are in the summary; only what is compared is kept here.
        let compared = VideoResult { persons: None, frame_scores: Vec::new(), ..result.clone() };
        self.shown.push(Shown { number, result: compared, faces });
        Ok(())
    }

    /// Whether a file gets a place; one that has to go for it is gone.
    fn makes_room(&mut self, result: &VideoResult) -> bool {
        let rivals = |shown: &Shown| self.plan != Plan::Errors || shown.result.label == result.label;
        let most = if self.plan == Plan::Errors { ERRORS } else { FILES };
        let of_rivals: Vec<usize> = (0..self.shown.len()).filter(|&at| rivals(&self.shown[at])).collect();
        if of_rivals.len() < most {
            return true;
        }
        let order = |a: usize, b: usize| self.worth(&self.shown[a].result, &self.shown[b].result);
        let Some(last) = of_rivals.into_iter().min_by(|&a, &b| order(a, b)) else { return true };
        let better = self.worth(result, &self.shown[last].result) == Ordering::Greater;
        if better {
            self.shown.remove(last);
        }
        better
    }

    /// Which of two files is rather shown.
    fn worth(&self, a: &VideoResult, b: &VideoResult) -> Ordering {
        match self.plan {
            Plan::Errors => error(a).total_cmp(&error(b)),
            Plan::None | Plan::One | Plan::Suspicious => a.suspicion(b),
        }
    }

    /// The faces of a file that are shown, the most suspicious first; none where it has no place.
    pub fn faces(&self, number: usize) -> &[ShownFace] {
        self.shown.iter().find(|shown| shown.number == number).map_or(&[], |shown| &shown.faces)
    }
}

/// How far a score is from its label, 0..1.
pub(super) fn error(video: &VideoResult) -> f64 {
    let score = video.score.unwrap_or(crate::infer::NEUTRAL_SCORE);
    if video.label.is_some_and(|label| label.is_fake()) { 1.0 - score } else { score }
}

fn picture(image: &RgbImage) -> Result<Picture> {
    let refused = |cause| crate::imaging::Error::Encode { path: "a face of the report".into(), cause };
    Picture::of(image).map_err(|cause| refused(cause).into())
}

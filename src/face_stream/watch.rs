//! What a stream of faces notes down so that faces can be grouped into persons: times, scenes, looks.

use crate::imaging::Thumbnail;
use crate::persons::{Embedding, FaceLooks, Grouper, Moment, Sighting};
use crate::types::{BBox, DetectedFace, Frame, RgbImage};
use crate::video::FramePlan;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// Which frames of each input are looked at; each is set when its input is opened, before its first frame comes.
pub type FramePlans = Arc<[OnceLock<FramePlan>]>;

/// What was seen of an input, beyond its faces' pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The faces that were handed on, in their order.
    pub sightings: Vec<Sighting>,
    /// For each of these whether the published score counts it: it is at least half as large as the frame's largest.
    pub counted: Vec<bool>,
    /// The frames that were looked at.
    pub looked_at: Vec<Moment>,
    /// Faces that were not handed on because they are too small to be judged.
    pub too_small: usize,
    /// Frames that were looked at because a scene began there.
    pub added: usize,
    /// Why faces were told apart by their places alone, in words for people; `None` where their looks counted.
    pub by_place: Option<String>,
    /// How long the input lasts and what was planned, where it could be opened.
    pub plan: Option<FramePlan>,
}

/// Is told of each frame that was looked at: its input, how many of that input were, and how many will be at least.
pub type OnFrame<'a> = Box<dyn FnMut(usize, usize, usize) + Send + 'a>;

/// Looks at frames as they are decoded and decides which to search for faces, and at faces as they are found.
pub(super) struct Watch<'a> {
    plans: FramePlans,
    looks: Box<dyn FaceLooks + 'a>,
    on_frame: OnFrame<'a>,
    eye: Eye,
    /// What was noted about frames and ends that wait for their faces.
    noted: VecDeque<Noted>,
    followed: Followed,
}

/// The state at the frame that was decoded last.
#[derive(Default)]
struct Eye {
    scene: usize,
    before: Option<Thumbnail>,
    added: usize,
    skipped: usize,
}

enum Noted {
    Frame(Moment),
    End { added: usize, skipped: usize },
}

/// The state at the frame whose faces were found last.
#[derive(Default)]
struct Followed {
    grouper: Grouper,
    sightings: Vec<Sighting>,
    counted: Vec<bool>,
    looked_at: Vec<Moment>,
    too_small: usize,
}

/// A face that is to be handed on.
pub(super) struct Chosen<'f> {
    pub face: &'f DetectedFace,
    pub counted: bool,
}

impl<'a> Watch<'a> {
    pub fn new(plans: FramePlans, looks: Box<dyn FaceLooks + 'a>, on_frame: OnFrame<'a>) -> Self {
        Watch {
            plans,
            looks,
            on_frame,
            eye: Eye::default(),
            noted: VecDeque::new(),
            followed: Followed::default(),
        }
    }

    fn plan(&self, input: usize) -> Option<&FramePlan> {
        self.plans.get(input).and_then(OnceLock::get)
    }

    /// Whether a frame that was decoded is to be searched for faces. It is not where it lies between those that are wanted
    /// and shows nothing new.
    pub fn wants(&mut self, input: usize, frame: &Frame) -> bool {
        let thumbnail = Thumbnail::of(&frame.image);
        let cut = self.eye.before.as_ref().is_some_and(|before| before.is_cut(&thumbnail));
        self.eye.scene += usize::from(cut);
        self.eye.before = Some(thumbnail);
        let plan = self.plans.get(input).and_then(OnceLock::get);
        if plan.is_some_and(|plan| plan.is_between(frame.index)) {
            if !cut || plan.is_some_and(|plan| self.eye.added >= plan.most_added()) {
                self.eye.skipped += 1;
                return false;
            }
            self.eye.added += 1;
        }
        let seconds = plan.map_or(0.0, |plan| plan.length.seconds_at(frame.index));
        self.noted.push_back(Noted::Frame(Moment { frame: frame.index, seconds, scene: self.eye.scene }));
        true
    }

    /// An input's frames are all decoded.
    pub fn ended(&mut self) {
        let Eye { added, skipped, .. } = std::mem::take(&mut self.eye);
        self.noted.push_back(Noted::End { added, skipped });
    }

    /// Takes note of the faces of the next frame that is to be searched; the preliminary person of each.
    pub fn follow(
        &mut self,
        input: usize,
        image: &RgbImage,
        faces: &[Chosen],
        too_small: usize,
    ) -> Vec<usize> {
        let Some(Noted::Frame(at)) = self.noted.pop_front() else { return vec![0; faces.len()] };
        let still = self.plan(input).is_none_or(|plan| plan.length.frames <= 1);
        let boxes: Vec<BBox> = faces.iter().map(|chosen| chosen.face.bbox).collect();
        let mut looks: Vec<Option<Embedding>> = vec![None; faces.len()];
        // The faces of a photograph are different persons without a look at them.
        let unsettled = if still { Vec::new() } else { self.followed.grouper.unsettled(at, &boxes) };
        let wanted: Vec<&DetectedFace> = unsettled.iter().map(|&face| faces[face].face).collect();
        if let Some(seen) = (!wanted.is_empty()).then(|| self.looks.looks(image, &wanted)).flatten() {
            unsettled.iter().zip(seen).for_each(|(&face, look)| looks[face] = Some(look));
        }
        let groups = self.followed.grouper.add(at, &boxes, &looks);
        let followed = &mut self.followed;
        followed.looked_at.push(at);
        followed.too_small += too_small;
        for (chosen, look) in faces.iter().zip(looks) {
            let DetectedFace { bbox, confidence, .. } = *chosen.face;
            followed.sightings.push(Sighting { at, bbox, confidence, look });
            followed.counted.push(chosen.counted);
        }
        let (done, planned) = (self.followed.looked_at.len(), self.plan(input).map_or(1, FramePlan::wanted));
        (self.on_frame)(input, done, planned.max(done));
        groups
    }

    /// What was seen of an input, at its end, and how many of its frames were decoded and not searched.
    pub fn conclude(&mut self, input: usize) -> (Seen, usize) {
        let (added, skipped) = match self.noted.pop_front() {
            Some(Noted::End { added, skipped }) => (added, skipped),
            _ => (0, 0),
        };
        let Followed { sightings, counted, looked_at, too_small, .. } = std::mem::take(&mut self.followed);
        let by_place = self.looks.missing().filter(|_| looked_at.len() > 1 && !sightings.is_empty());
        let plan = self.plan(input).cloned();
        (Seen { sightings, counted, looked_at, too_small, added, by_place, plan }, skipped)
    }
}

//! Faces into groups, frame by frame.

use super::Embedding;
use super::embedding::MeanLooks;
use super::merging::merged;
use crate::types::BBox;

/// Distance of looks up to which two faces are one person's: the threshold of the network's authors.
pub(super) const SAME_LOOKS: f64 = 0.6;
/// Seconds up to which frames are near one another: long videos are looked at about once a second.
const NEAR: f64 = 1.5;
/// Overlap (intersection over union) from which a face in a near frame is in the same place.
const SAME_PLACE: f64 = 0.5;
/// Overlap from which a second face in reach makes it doubtful whose place it is.
const IN_REACH: f64 = 0.2;
/// Overlap from which a face at any later time stands in a person's place, where there is nothing else to go by.
const LATER_PLACE: f64 = 0.3;
/// Of faces whose place settles who they are every so many-th is looked at.
const LOOK_EVERY: usize = 8;

/// A frame that was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Index of the frame, from 0.
    pub frame: usize,
    /// Its time in the video.
    pub seconds: f64,
    /// Number of its scene, from 0: places mean nothing beyond a cut.
    pub scene: usize,
}

/// A face that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// When.
    pub at: Moment,
    /// Where in the frame.
    pub bbox: BBox,
    /// The face detector's confidence that it is a face, 0..1.
    pub confidence: f32,
    /// Its looks, where they were needed.
    pub look: Option<Embedding>,
}

/// Groups faces as frames come, in their order. Numbers are preliminary until [`Grouper::finished`] has joined what turned
/// out to be one person.
#[derive(Clone, Debug, Default)]
pub struct Grouper {
    drafts: Vec<Draft>,
}

/// What is known of a group.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    last: Moment,
    place: BBox,
    pub looks: MeanLooks,
    since_look: usize,
    /// Frames it is in, ascending.
    pub frames: Vec<usize>,
}

impl Grouper {
    /// The faces of the next frame whose looks are needed, as positions in `boxes`: those whose place does not settle who
    /// they are, and those of whom it did so for long.
    pub fn unsettled(&self, at: Moment, boxes: &[BBox]) -> Vec<usize> {
        let settled = self.settled(at, boxes);
        let fresh = |draft: &usize| self.drafts[*draft].since_look + 1 < LOOK_EVERY;
        (0..boxes.len()).filter(|&face| !settled[face].is_some_and(|draft| fresh(&draft))).collect()
    }

    /// Takes the faces of the next frame, with the looks that were taken; gives each its group, all different.
    pub fn add(&mut self, at: Moment, boxes: &[BBox], looks: &[Option<Embedding>]) -> Vec<usize> {
        let look = |face: usize| looks.get(face).and_then(Option::as_ref);
        // Looks do not overrule a place: a face that changes where it is, without a cut, is what a swap looks like.
        let mut groups = self.settled(at, boxes);
        self.assign(&mut groups, |face, draft| {
            let apart = draft.looks.distance(look(face)?)?;
            (apart <= SAME_LOOKS).then_some(apart)
        });
        self.assign(&mut groups, |face, draft| {
            let overlap = overlap(&boxes[face], &draft.place);
            (look(face).is_none() && overlap >= LATER_PLACE).then_some(-overlap)
        });
        let bind = |(face, group): (usize, Option<usize>)| self.bind(group, at, boxes[face], look(face));
        groups.into_iter().enumerate().map(bind).collect()
    }

    /// For each group the person that it belongs to, numbered from 0 in no particular order.
    pub fn finished(self) -> Vec<usize> {
        merged(self.drafts)
    }

    /// Gives faces without a group the free one with the least cost, the cheapest pair first; equal costs go by order.
    fn assign(&self, groups: &mut [Option<usize>], cost: impl Fn(usize, &Draft) -> Option<f64>) {
        let mut pairs = Vec::new();
        for face in (0..groups.len()).filter(|&face| groups[face].is_none()) {
            let costs = self.drafts.iter().enumerate();
            pairs.extend(costs.filter_map(|(number, draft)| Some((cost(face, draft)?, face, number))));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        for (_, face, number) in pairs {
            if groups[face].is_none() && !groups.contains(&Some(number)) {
                groups[face] = Some(number);
            }
        }
    }

    /// For each face the group whose place it is in beyond doubt.
    fn settled(&self, at: Moment, boxes: &[BBox]) -> Vec<Option<usize>> {
        let near = |draft: &&(usize, &Draft)| {
            draft.1.last.scene == at.scene && (at.seconds - draft.1.last.seconds).abs() <= NEAR
        };
        let drafts: Vec<(usize, &Draft)> =
            self.drafts.iter().enumerate().collect::<Vec<_>>().iter().filter(near).copied().collect();
        let alone = |face: usize| {
            let mut reach =
                drafts.iter().filter(|(_, draft)| overlap(&boxes[face], &draft.place) >= IN_REACH);
            let &(number, draft) = reach.next().filter(|_| reach.next().is_none())?;
            let rivals = boxes.iter().filter(|bbox| overlap(bbox, &draft.place) >= IN_REACH).count();
            (rivals == 1 && overlap(&boxes[face], &draft.place) >= SAME_PLACE).then_some(number)
        };
        (0..boxes.len()).map(alone).collect()
    }

    fn bind(&mut self, group: Option<usize>, at: Moment, place: BBox, look: Option<&Embedding>) -> usize {
        let number = group.unwrap_or_else(|| {
            let looks = MeanLooks::default();
            self.drafts.push(Draft { last: at, place, looks, since_look: 0, frames: Vec::new() });
            self.drafts.len() - 1
        });
        let draft = &mut self.drafts[number];
        (draft.last, draft.place) = (at, place);
        draft.frames.push(at.frame);
        draft.since_look = if look.is_some() { 0 } else { draft.since_look + 1 };
        if let Some(look) = look {
            draft.looks.add(look);
        }
        number
    }
}

/// For each sighting the number of its person, from 0 in the order in which they appear, from left to right. The order of
/// the sightings does not matter.
pub fn group(sightings: &[Sighting]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sightings.len()).collect();
    let key = |at: &usize| {
        let Sighting { at, bbox, .. } = &sightings[*at];
        (at.frame, [bbox.x0, bbox.y0, bbox.x1, bbox.y1])
    };
    let places = |a: [f64; 4], b: [f64; 4]| a.iter().zip(&b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne());
    order.sort_by(|a, b| {
        let ((frame, place), (other, its)) = (key(a), key(b));
        frame.cmp(&other).then(places(place, its).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut grouper = Grouper::default();
    let mut drafts = vec![0; sightings.len()];
    for faces in order.chunk_by(|a, b| sightings[*a].at.frame == sightings[*b].at.frame) {
        let boxes: Vec<BBox> = faces.iter().map(|&face| sightings[face].bbox).collect();
        let looks: Vec<Option<Embedding>> = faces.iter().map(|&face| sightings[face].look.clone()).collect();
        let groups = grouper.add(sightings[faces[0]].at, &boxes, &looks);
        faces.iter().zip(groups).for_each(|(&face, group)| drafts[face] = group);
    }
    let persons = grouper.finished();
    let mut appeared: Vec<usize> = Vec::new();
    for &sighting in &order {
        let person = persons[drafts[sighting]];
        if !appeared.contains(&person) {
            appeared.push(person);
        }
    }
    let number =
        |draft: usize| appeared.iter().position(|&person| person == persons[draft]).unwrap_or_default();
    drafts.into_iter().map(number).collect()
}

/// Intersection over union.
fn overlap(a: &BBox, b: &BBox) -> f64 {
    let width = (a.x1.min(b.x1) - a.x0.max(b.x0)).max(0.0);
    let height = (a.y1.min(b.y1) - a.y0.max(b.y0)).max(0.0);
    let both = width * height;
    let all = a.area() + b.area() - both;
    if all > 0.0 { both / all } else { 0.0 }
}

#[cfg(test)]
mod tests;

//! Frames between the decoder and whoever wants them.

use super::Wanted;
use super::wanted::Pending;
use crate::native::libav::AvFrame;
use std::collections::VecDeque;

/// A frame on its way to whoever wants it.
pub(super) struct Waiting {
    pub index: usize,
    pub frame: AvFrame,
    /// The decoder's size when it came.
    pub coded: (usize, usize),
    /// How many frames had come by then.
    at: usize,
}

/// What has come so far.
pub(super) struct Tally<'w> {
    pub pending: Pending<'w>,
    /// Wanted frames that came and were not handed on yet.
    pub waiting: VecDeque<Waiting>,
    /// The frame that came last, where it is not wanted: it stands for wanted ones behind the end.
    pub last: Option<Waiting>,
    /// Position behind the last frame that came.
    pub came: usize,
    /// How many came.
    count: usize,
    /// How many of these are partly guessed.
    pub guessed: usize,
    /// The last frame that was handed on.
    handed_on: Option<usize>,
}

impl<'w> Tally<'w> {
    pub fn new(wanted: &'w Wanted) -> Self {
        let (pending, waiting) = (Pending::new(wanted), VecDeque::new());
        Tally { pending, waiting, last: None, came: 0, count: 0, guessed: 0, handed_on: None }
    }

    /// Nothing has come, but what was handed on stays so.
    pub fn again_from_the_start(self, wanted: &'w Wanted) -> Self {
        let mut fresh = Tally { handed_on: self.handed_on, ..Tally::new(wanted) };
        if let Some(index) = self.handed_on {
            fresh.pending.takes(index);
        }
        fresh
    }

    /// Takes a frame, leaving another one's room in its place.
    pub fn came(&mut self, place: Option<usize>, frame: &mut AvFrame, coded: (usize, usize)) {
        let index = place.unwrap_or(self.came);
        self.came = index + 1;
        self.count += 1;
        let room = self.last.take().map_or_else(AvFrame::empty, |last| last.frame);
        let frame = std::mem::replace(frame, room);
        let came = Waiting { index, frame, coded, at: self.count };
        if self.pending.takes(index) {
            self.waiting.push_back(came);
        } else if self.handed_on.is_none_or(|before| before < index) {
            self.last = Some(came);
        }
    }

    /// The next frame to be handed on: one behind which `behind` others have come.
    pub fn due(&mut self, behind: usize) -> Option<Waiting> {
        let first = self.waiting.front()?;
        if self.count < first.at + behind {
            return None;
        }
        self.handed_on = Some(first.index);
        self.waiting.pop_front()
    }
}

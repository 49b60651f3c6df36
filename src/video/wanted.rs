//! Which frames a consumer wants, and which are still to come.

use serde::{Deserialize, Serialize};

/// Frames that are wanted of a video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// Those at these positions: ascending, distinct.
    Some(Vec<usize>),
    /// All of them.
    All,
}

impl Wanted {
    /// How many these are, of a video of `total` frames.
    pub fn count(&self, total: usize) -> usize {
        match self {
            Wanted::Some(indices) => indices.len(),
            Wanted::All => total,
        }
    }
}

impl From<Vec<usize>> for Wanted {
    fn from(indices: Vec<usize>) -> Self {
        Wanted::Some(indices)
    }
}

/// The wanted frames that have not come yet.
pub(super) struct Pending<'a> {
    wanted: &'a Wanted,
    next: usize,
}

impl<'a> Pending<'a> {
    pub fn new(wanted: &'a Wanted) -> Self {
        Pending { wanted, next: 0 }
    }

    /// The next wanted frame.
    pub fn next(&self) -> Option<usize> {
        match self.wanted {
            Wanted::Some(indices) => indices.get(self.next).copied(),
            Wanted::All => Some(self.next),
        }
    }

    /// Whether frame `index` is to be handed on: it is wanted, or the first that comes where wanted ones did not. All
    /// wanted frames up to it are then no longer waited for.
    pub fn takes(&mut self, index: usize) -> bool {
        let Some(next) = self.next() else { return false };
        match self.wanted {
            Wanted::Some(indices) => {
                self.next += indices[self.next..].partition_point(|&wanted| wanted <= index);
            }
            Wanted::All if index >= next => self.next = index + 1,
            Wanted::All => {}
        }
        next <= index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_stands_for_those_that_did_not_come() {
        let wanted = Wanted::from(vec![0, 4, 5, 9]);
        let mut pending = Pending::new(&wanted);
        let taken: Vec<usize> = [2, 3, 4, 6, 7].into_iter().filter(|&index| pending.takes(index)).collect();
        assert_eq!((taken, pending.next()), (vec![2, 4, 6], Some(9)));
        assert!(pending.takes(12) && !pending.takes(13) && pending.next().is_none());
    }

    #[test]
    fn all_frames_are_those_that_come() {
        let mut pending = Pending::new(&Wanted::All);
        assert!([0, 1, 5, 6].into_iter().all(|index| pending.takes(index)));
        assert!(!pending.takes(3));
        assert_eq!((Wanted::All.count(9), Wanted::from(vec![3]).count(9)), (9, 1));
    }
}

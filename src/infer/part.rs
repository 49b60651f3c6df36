//! Which part of a list a result is of, so that the results of all parts can be joined.

use super::input::InputItem;
use crate::hash::sha256_of_parts;
use crate::types::Shard;
use serde::{Deserialize, Serialize};

/// An input of the list that is not in the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its place in the list, from 0.
    pub place: usize,
    /// Its path; `None` where no record tells.
    pub path: Option<String>,
}

/// What a result of a part of a list says about the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The shards that it is of.
    pub shards: Vec<Shard>,
    /// Length of the list.
    pub of: usize,
    /// SHA-256 sum of the list's paths and labels: parts of two lists are not joined.
    pub list: String,
    /// For each result in `videos` its place in the list, from 0; ascending.
    pub places: Vec<usize>,
    /// What belongs to this part and has no result yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

impl Part {
    /// Of a shard of which nothing is done yet. `items`: the whole list.
    pub(super) fn new(shard: Shard, items: &[InputItem]) -> Part {
        let missing =
            shard.places(items.len()).map(|place| Missing { place, path: Some(items[place].shown()) });
        Part {
            shards: vec![shard],
            of: items.len(),
            list: list_sum(items),
            places: Vec::new(),
            missing: missing.collect(),
        }
    }

    /// With results at these places, which ascend.
    pub(super) fn done(mut self, places: Vec<usize>) -> Part {
        self.missing.retain(|missing| places.binary_search(&missing.place).is_err());
        self.places = places;
        self
    }

    /// Whether nothing belongs to it: a list shorter than the number of shards leaves some empty.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && self.missing.is_empty()
    }
}

fn list_sum(items: &[InputItem]) -> String {
    const LABELS: [[u8; 2]; 3] = [[0, 0], [0, 1], [0, 2]];
    let label = |item: &InputItem| item.label.map_or(2, |label| label.class() as usize);
    sha256_of_parts(items.iter().flat_map(|item| {
        let group = item.group.as_deref().unwrap_or_default().as_bytes();
        [item.path.as_os_str().as_encoded_bytes(), &LABELS[label(item)], group, &[0]]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Label;

    fn items(count: usize) -> Vec<InputItem> {
        (0..count).map(|place| InputItem::unlabelled(format!("{place}.mp4").into())).collect()
    }

    #[test]
    fn what_is_done_is_no_longer_missing() {
        let part = Part::new(Shard::new(2, 3).unwrap(), &items(8));
        let missing: Vec<usize> = part.missing.iter().map(|missing| missing.place).collect();
        assert_eq!((part.of, missing), (8, vec![1, 4, 7]));
        let done = part.done(vec![1, 7]);
        assert_eq!(done.missing, [Missing { place: 4, path: Some("4.mp4".into()) }]);
        assert!(!done.is_empty());
        assert!(Part::new(Shard::new(3, 3).unwrap(), &items(2)).is_empty());
    }

    #[test]
    fn another_list_has_another_sum() {
        let sum = list_sum(&items(3));
        assert_ne!(sum, list_sum(&items(4)));
        let mut labelled = items(3);
        labelled[1].label = Some(Label::Fake);
        assert_ne!(sum, list_sum(&labelled));
        assert_eq!(sum, list_sum(&items(3)));
    }
}

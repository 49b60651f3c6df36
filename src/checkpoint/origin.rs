//! Which of the dicts of a training file is the state dict.
//!
//! 1. The key that was asked for.
//! 2. A dict of tensors under one of the known keys, in their order.
//! 3. The file itself, where tensors stand at its top.
//! 4. The only dict of tensors, under whatever key. Averages of weights do not count beside others: which of the two
//!    is meant, a person says.

use std::collections::HashMap;

use super::Error;
use super::error::quoted;
use super::pickle::{Id, Node, Pickle};

/// Keys under which training files keep their state dict, those that go first first.
const STATE_KEYS: [&str; 4] = ["model", "state_dict", "net", "model_state_dict"];
/// Those of them that go without saying.
const USUAL: usize = 3;
/// Parts of the keys under which averages of weights stand.
const AVERAGED: [&str; 4] = ["ema", "swa", "averaged", "shadow"];
/// Keys that an error or a note lists.
const LISTED: usize = 10;

/// Where in a file the state dict was found, and which others there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateOrigin {
    /// The key that it stands under; `None` where the file is the state dict itself.
    pub key: Option<String>,
    /// Keys of further dicts of tensors, which were left aside; at most the first ten.
    pub left_aside: Vec<String>,
}

impl StateOrigin {
    /// What a person should know: that the key is an unusual one, or that there was a choice. `None` where the file is as
    /// expected.
    pub fn note(&self) -> Option<String> {
        let usual = |key: &String| STATE_KEYS[..USUAL].contains(&key.as_str());
        let used = match &self.key {
            Some(key) => format!("the weights are those under the key `{key}`"),
            None => "the weights are those at the top of the file".to_owned(),
        };
        match &self.left_aside[..] {
            [] if self.key.as_ref().is_none_or(usual) => None,
            [] => Some(used),
            others => Some(format!("{used}; those under {} are not used", quoted(others))),
        }
    }
}

/// Finds the state dict among the `pairs` of a file's dict.
///
/// Fails when there is none, or several of which none goes first, or none under the key `asked` for.
pub(super) fn find(pickle: &Pickle, pairs: &[(Id, Id)], asked: Option<&str>) -> Result<StateOrigin, Error> {
    let keys = dicts_of_tensors(pickle, pairs);
    let found = || pickle.describe(pickle.root);
    let under = |key: &str| {
        let others = keys.iter().filter(|other| **other != key).take(LISTED);
        StateOrigin { key: Some(key.to_owned()), left_aside: others.map(|key| key.to_string()).collect() }
    };
    if let Some(key) = asked {
        let there = keys.contains(&key);
        return there
            .then(|| under(key))
            .ok_or_else(|| Error::NoSuchKey { key: key.to_owned(), found: found() });
    }
    if let Some(key) = STATE_KEYS.into_iter().find(|key| keys.contains(key)) {
        return Ok(under(key));
    }
    // A loss or a counter may be a tensor, too, but has no axes.
    if pairs.iter().any(|&(_, value)| has_axes(pickle, value)) {
        let left_aside = keys.iter().take(LISTED).map(|key| key.to_string()).collect();
        return Ok(StateOrigin { key: None, left_aside });
    }
    let plain: Vec<&str> = keys.iter().copied().filter(|key| !is_average(key)).collect();
    match (&plain[..], &keys[..]) {
        ([key], _) | ([], [key]) => return Ok(under(key)),
        ([], []) => {}
        (several, all) => {
            let several = if several.is_empty() { all } else { several };
            let keys = several.iter().take(LISTED).map(|key| key.to_string()).collect();
            return Err(Error::SeveralStateDicts { keys });
        }
    }
    // An empty state dict, or one that is told to be wrong when it is read.
    let is_dict = |key: &&str| {
        let value = pickle.get(pickle.root, key);
        value.is_some_and(|value| matches!(pickle.node(value), Node::Dict(_)))
    };
    let key = STATE_KEYS.into_iter().find(is_dict).map(str::to_owned);
    let scalars = || pairs.iter().any(|&(_, value)| pickle.tensor(value).is_some());
    match key.is_some() || pairs.is_empty() || scalars() {
        true => Ok(StateOrigin { key, left_aside: Vec::new() }),
        false => Err(Error::NoStateDict { found: found() }),
    }
}

/// The keys whose values are dicts that hold tensors, in the file's order: under known keys some tensors, under others
/// nothing else.
fn dicts_of_tensors<'a>(pickle: &'a Pickle, pairs: &[(Id, Id)]) -> Vec<&'a str> {
    // Each dict is looked at once, however many keys share it.
    let mut looked_at: HashMap<Id, (usize, bool)> = HashMap::new();
    let mut keys: Vec<&str> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for &(key, value) in pairs {
        let (Some(key), Node::Dict(entries)) = (pickle.text(key), pickle.node(value)) else { continue };
        let (tensors, only) = *looked_at.entry(value).or_insert_with(|| {
            let tensors = entries.iter().filter(|(_, entry)| pickle.tensor(*entry).is_some()).count();
            let named = entries.iter().all(|(name, _)| pickle.text(*name).is_some());
            (tensors, named && tensors == entries.len())
        });
        if tensors > 0 && (only || STATE_KEYS.contains(&key)) && seen.insert(key) {
            keys.push(key);
        }
    }
    keys
}

fn has_axes(pickle: &Pickle, value: Id) -> bool {
    let shape = pickle.tensor(value).map(|tensor| pickle.node(tensor.shape));
    matches!(shape, Some(Node::Tuple(axes)) if !axes.is_empty())
}

fn is_average(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| AVERAGED.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_known_by_their_keys() {
        assert!(["ema", "model_ema", "EMA-state", "swa_model"].iter().all(|key| is_average(key)));
        assert!(["schema", "generator", "memasked"].iter().all(|key| !is_average(key)));
    }

    #[test]
    fn notes_tell_what_is_unusual() {
        let note = |key: Option<&str>, others: &[&str]| {
            let left_aside = others.iter().map(|key| key.to_string()).collect();
            StateOrigin { key: key.map(str::to_owned), left_aside }.note()
        };
        assert_eq!(note(None, &[]), None);
        assert_eq!(note(Some("model"), &[]), None);
        let told = note(Some("model_state_dict"), &[]).unwrap();
        assert_eq!(told, "the weights are those under the key `model_state_dict`");
        let told = note(Some("model"), &["model_ema"]).unwrap();
        assert!(told.ends_with("under the key `model`; those under `model_ema` are not used"), "{told}");
    }
}

//! Weight files whose tensors are called as the networks here call them.
//!
//! Wrappers around a network leave their marks in the names of its weights: `module.` of data-parallel training,
//! `_orig_mod.` of `torch.compile`, and whatever attribute a training program kept its network under. Where what
//! remains is a known network, they are taken off.

use super::forgery_network::BACKBONE_PREFIX;
use super::{Error, benchmark_weights};
use crate::checkpoint::{self, Checkpoint, StateDict};
use std::path::Path;

/// Parts of names that wrappers add.
pub(super) const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];
/// Attributes under which programs keep a network.
const ATTRIBUTES: [&str; 2] = ["model", "net"];

/// A network that is known by the names of its weights.
struct KnownNetwork {
    /// Names that it alone has together.
    weights: &'static [&'static str],
    /// What stands before its names where it is kept under an attribute.
    home: &'static str,
}

/// The weight that every EfficientNet has.
pub(super) const STEM: &str = "_conv_stem.weight";

const KNOWN: [KnownNetwork; 4] = [
    KnownNetwork { weights: &[STEM], home: BACKBONE_PREFIX },
    KnownNetwork { weights: &["body.conv1.weight"], home: "" },
    KnownNetwork { weights: &["body.stage1.0.0.weight"], home: "" },
    KnownNetwork { weights: &["features.weight", "layer1.0.bn1.weight"], home: "" },
];

/// A weight file, and what a person should know about it.
#[derive(Debug)]
pub struct NamedWeights {
    /// What the file holds. The names are those of the known networks, where it holds one.
    pub checkpoint: Checkpoint,
    /// One sentence each, with the file's path.
    pub notes: Vec<String>,
}

impl NamedWeights {
    /// Reads the weights of a file.
    ///
    /// Fails when it is no readable checkpoint.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self::of(checkpoint::read(path)?, path)?)
    }

    /// Reads a file with its optimiser state; `key` is the one that its weights stand under, `None` wherever they are
    /// found.
    ///
    /// Fails when it is no readable checkpoint, or has no weights under that key.
    pub fn read_whole(path: &Path, key: Option<&str>) -> Result<Self, Error> {
        let checkpoint = match key {
            Some(key) => checkpoint::read_under(path, key),
            None => checkpoint::read_with_optimizer(path),
        };
        Ok(Self::of(checkpoint?, path)?)
    }

    fn of(mut checkpoint: Checkpoint, path: &Path) -> Result<Self, checkpoint::Error> {
        let mut notes: Vec<String> = checkpoint.origin.note().into_iter().collect();
        notes.extend(benchmark_weights::renamed(&mut checkpoint)?);
        if let Some(prefix) = Prefix::of(&checkpoint.state)
            && let Some(renamed) = prefix.renamed(&checkpoint.state)?
        {
            notes.push(prefix.note());
            checkpoint.state = renamed;
        }
        let notes = notes.iter().map(|note| format!("{}: {note}", path.display())).collect();
        Ok(NamedWeights { checkpoint, notes })
    }
}

/// What stands before the names of a known network, and what should.
struct Prefix {
    /// Parts joined by dots, with one at the end.
    found: String,
    expected: &'static str,
}

impl Prefix {
    /// The prefix to be replaced; `None` where no known network has one, or one of unknown parts.
    fn of(state: &StateDict) -> Option<Prefix> {
        KNOWN.iter().find_map(|network| {
            let found = only_prefix(state, network.weights)?;
            let mut parts = found.split_terminator('.');
            if !parts.clone().all(|part| WRAPPERS.contains(&part) || ATTRIBUTES.contains(&part)) {
                return None;
            }
            // A network that is wrapped and not kept under an attribute is bare.
            let kept = parts.any(|part| ATTRIBUTES.contains(&part));
            let expected = if kept { network.home } else { "" };
            (found != expected).then(|| Prefix { found: found.to_owned(), expected })
        })
    }

    /// The state dict under the expected names; `None` where two of them would be equal.
    fn renamed(&self, state: &StateDict) -> Result<Option<StateDict>, checkpoint::Error> {
        let mut renamed = StateDict::new();
        for (name, tensor) in state.iter() {
            let name = match name.strip_prefix(&self.found) {
                Some(rest) => format!("{}{rest}", self.expected),
                None => self.without_outer(name).to_owned(),
            };
            if renamed.contains(&name) {
                return Ok(None);
            }
            renamed.insert(name, tensor.clone())?;
        }
        Ok(Some(renamed))
    }

    /// Of EG's heads, which stand beside the backbone: without what stands before both.
    fn without_outer<'a>(&self, name: &'a str) -> &'a str {
        let ends = self.found.match_indices('.').map(|(at, _)| at + 1);
        let outer = ends.rev().skip(1).find_map(|end| name.strip_prefix(&self.found[..end]));
        outer.unwrap_or(name)
    }

    fn note(&self) -> String {
        match self.expected {
            "" => format!("`{}` is taken off the names of its weights", self.found),
            expected => format!("`{}` before the names of its weights is read as `{expected}`", self.found),
        }
    }
}

/// What stands before all of `weights`, where that is the same and in one place of the state dict.
pub(super) fn only_prefix<'a>(state: &'a StateDict, weights: &[&str]) -> Option<&'a str> {
    let prefix_of = |name: &'a str, weight: &str| {
        name.strip_suffix(weight).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
    };
    let first = weights.first()?;
    let mut prefixes = state.names().filter_map(|name| prefix_of(name, first));
    let prefix = prefixes.next()?;
    let alone = prefixes.next().is_none();
    (alone && weights.iter().all(|weight| state.contains(&format!("{prefix}{weight}")))).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::TensorData;

    fn state(names: &[&str]) -> StateDict {
        let mut state = StateDict::new();
        for name in names {
            state.insert(*name, TensorData::from_f32(&[1], &[0.0]).unwrap()).unwrap();
        }
        state
    }

    /// Names after renaming; `None` where nothing is renamed.
    fn renamed(names: &[&str]) -> Option<Vec<String>> {
        let state = state(names);
        let renamed = Prefix::of(&state)?.renamed(&state).unwrap()?;
        Some(renamed.names().map(str::to_owned).collect())
    }

    #[test]
    fn what_wrappers_add_is_taken_off() {
        for prefix in [
            "module.net.",
            "module.module.net.",
            "_orig_mod.net.",
            "model.net.",
            "net.net.",
            "net.module.",
            "_orig_mod.module.net.",
            "model._orig_mod.net.",
            "model.",
        ] {
            let names = ["_conv_stem.weight", "_fc.bias"].map(|name| format!("{prefix}{name}"));
            let found = renamed(&[&names[0], &names[1]]).unwrap_or_else(|| panic!("{prefix}"));
            assert_eq!(found, ["net._conv_stem.weight", "net._fc.bias"], "{prefix}");
        }
        // Without an attribute it is a bare network.
        assert_eq!(renamed(&["_orig_mod.module._conv_stem.weight"]).unwrap(), ["_conv_stem.weight"]);
        assert_eq!(renamed(&["model.body.conv1.weight"]).unwrap(), ["body.conv1.weight"]);
        let encoder = renamed(&["net.features.weight", "net.layer1.0.bn1.weight"]).unwrap();
        assert_eq!(encoder, ["features.weight", "layer1.0.bn1.weight"]);
    }

    #[test]
    fn parts_beside_the_backbone_lose_what_stands_before_both() {
        let eg = ["_orig_mod.net.module._conv_stem.weight", "_orig_mod.bn.weight", "_orig_mod.face_model.a"];
        assert_eq!(renamed(&eg).unwrap(), ["net._conv_stem.weight", "bn.weight", "face_model.a"]);
        let beside = ["net.module._conv_stem.weight", "bn.weight"];
        assert_eq!(renamed(&beside).unwrap(), ["net._conv_stem.weight", "bn.weight"]);
        let loss = ["model.net._conv_stem.weight", "model.bn.weight", "loss.weight"];
        assert_eq!(renamed(&loss).unwrap(), ["net._conv_stem.weight", "bn.weight", "loss.weight"]);
    }

    #[test]
    fn what_is_right_or_unknown_stays_as_it_is() {
        for names in [
            &["net._conv_stem.weight", "bn.weight", "face_model.features.weight"][..],
            &["_conv_stem.weight"],
            &["detector.net._conv_stem.weight"],
            &["a.net._conv_stem.weight", "b.net._conv_stem.weight"],
            &["model.fc.weight"],
            // Two names would become one.
            &["model.net._conv_stem.weight", "model.bn.weight", "bn.weight"],
        ] {
            assert_eq!(renamed(names), None, "{names:?}");
        }
    }
}

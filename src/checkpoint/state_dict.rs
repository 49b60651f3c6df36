//! Tensors by name, in order, and their comparison with what a network expects.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Error, TensorData};

/// The last part of the name under which a batch norm counts its batches: inference has no use for it and older files
/// lack it.
pub const BATCH_COUNTER: &str = "num_batches_tracked";

/// The weights of a network: tensors by name, in the order in which they were put in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateDict {
    entries: Vec<(String, TensorData)>,
    index: HashMap<String, usize>,
}

impl StateDict {
    /// An empty state dict.
    pub fn new() -> StateDict {
        StateDict::default()
    }

    /// Adds a tensor at the end. Fails with [`Error::DuplicateName`] when the name is taken.
    pub fn insert(&mut self, name: impl Into<String>, tensor: TensorData) -> Result<(), Error> {
        let name = name.into();
        if self.index.contains_key(&name) {
            return Err(Error::DuplicateName { name });
        }
        self.index.insert(name.clone(), self.entries.len());
        self.entries.push((name, tensor));
        Ok(())
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&TensorData> {
        self.index.get(name).map(|&at| &self.entries[at].1)
    }

    /// Names and tensors in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &TensorData)> {
        self.entries.iter().map(|(name, t)| (name.as_str(), t))
    }

    /// The tensors' names, in the order in which they were added.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all elements together; a tensor under two names counts twice.
    pub fn total_bytes(&self) -> usize {
        self.entries.iter().map(|(_, t)| t.bytes().len()).sum()
    }

    /// Keeps the tensors whose name `keep` accepts, for example all but a classifier that is
    /// to be trained anew.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.entries.retain(|(name, _)| keep(name));
        self.reindex();
    }

    /// Takes `prefix` off every name that has it.
    ///
    /// Fails with [`Error::DuplicateName`] when two names become one.
    pub fn strip_prefix(mut self, prefix: &str) -> Result<StateDict, Error> {
        for (name, _) in &mut self.entries {
            if let Some(rest) = name.strip_prefix(prefix) {
                *name = rest.to_owned();
            }
        }
        self.reindex();
        if self.index.len() < self.entries.len() {
            // The index keeps the last of two, so the first is the one it does not point at.
            let doubled = |(at, (name, _)): &(usize, &(String, _))| self.index[name] != *at;
            let first = self.entries.iter().enumerate().find(doubled);
            let name = first.map(|(_, (name, _))| name.clone()).unwrap_or_default();
            return Err(Error::DuplicateName { name });
        }
        Ok(self)
    }

    /// Compares with the names and shapes of a network's variables, strictly.
    ///
    /// Two kinds of name may be missing or left over: the batch counters `num_batches_tracked`,
    /// which no forward pass uses, and those that `optional` accepts. Fails with the full list of
    /// differences.
    pub fn check_against(
        &self,
        expected: &[(String, Vec<usize>)],
        optional: impl Fn(&str) -> bool,
    ) -> Result<(), Mismatch> {
        let mut mismatch = Mismatch::default();
        let mut known = vec![false; self.entries.len()];
        for (name, shape) in expected {
            match self.index.get(name) {
                Some(&at) => {
                    known[at] = true;
                    let found = self.entries[at].1.shape();
                    if found != shape {
                        mismatch.shapes.push(ShapeMismatch {
                            name: name.clone(),
                            expected: shape.clone(),
                            found: found.to_vec(),
                        });
                    }
                }
                None if is_batch_counter(name) || optional(name) => {}
                None => mismatch.missing.push(name.clone()),
            }
        }
        let unknown = self.names().zip(known).filter(|(_, known)| !known).map(|(name, _)| name);
        let left_over = unknown.filter(|name| !is_batch_counter(name) && !optional(name));
        mismatch.left_over = left_over.map(str::to_owned).collect();
        if mismatch == Mismatch::default() { Ok(()) } else { Err(mismatch) }
    }

    fn reindex(&mut self) {
        let numbered = self.entries.iter().enumerate();
        self.index = numbered.map(|(at, (name, _))| (name.clone(), at)).collect();
    }
}

fn is_batch_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some(BATCH_COUNTER)
}

/// Differences between a state dict and the network it is to fill.
///
/// Prints the first ten of each kind, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Names that the network has and the state dict lacks.
    pub missing: Vec<String>,
    /// Names that the state dict has and the network lacks.
    pub left_over: Vec<String>,
    /// Tensors of the right name and the wrong shape.
    pub shapes: Vec<ShapeMismatch>,
}

/// One tensor whose shape is not that of the network's variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The tensor's name.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<usize>,
    /// Shape in the state dict.
    pub found: Vec<usize>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names and shapes differ")?;
        if let Some(prefix) = self.prefix() {
            write!(f, ", since names in the file begin with `{prefix}`")?;
        }
        write_list(f, "missing", &self.missing)?;
        write_list(f, "left over", &self.left_over)?;
        write_list(f, "differing in shape", &self.shapes)
    }
}

impl Mismatch {
    /// What stands before every missing name among those that are left over.
    fn prefix(&self) -> Option<&str> {
        let first = self.missing.first()?;
        let left_over: HashSet<&str> = self.left_over.iter().map(String::as_str).collect();
        let prefixes = self.left_over.iter().filter_map(|name| name.strip_suffix(first.as_str()));
        let mut prefixes = prefixes.filter(|prefix| prefix.ends_with('.'));
        let fits = |prefix: &&str| {
            self.missing.iter().all(|name| {
                name.ends_with(BATCH_COUNTER) || left_over.contains(format!("{prefix}{name}").as_str())
            })
        };
        prefixes.find(fits)
    }
}

impl fmt::Display for ShapeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShapeMismatch { name, expected, found } = self;
        write!(f, "{name} (network {expected:?}, file {found:?})",)
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, what: &str, items: &[T]) -> fmt::Result {
    const SHOWN: usize = 10;
    if items.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
    let more = if items.len() > SHOWN { ", ..." } else { "" };
    write!(f, "; {} {what}: {}{more}", items.len(), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_shapes(shapes: &[(&str, &[usize])]) -> StateDict {
        let mut state = StateDict::new();
        for (name, shape) in shapes {
            let values = vec![0.0; shape.iter().product()];
            let tensor = TensorData::from_f32(shape, &values).unwrap();
            state.insert(*name, tensor).unwrap();
        }
        state
    }

    fn expecting(shapes: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        let owned = |(name, shape): &(&str, &[usize])| (name.to_string(), shape.to_vec());
        shapes.iter().map(owned).collect()
    }

    #[test]
    fn keeps_order_and_refuses_a_second_of_one_name() {
        let mut state = with_shapes(&[("b", &[1]), ("a", &[2])]);
        assert_eq!(state.names().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(state.get("a").unwrap().shape(), [2]);
        assert_eq!(state.total_bytes(), 12);
        let again = TensorData::from_f32(&[1], &[0.0]).unwrap();
        assert!(state.insert("a", again).is_err());
        state.retain(|name| name != "b");
        assert_eq!((state.len(), state.contains("b")), (1, false));
        assert_eq!(state.get("a").unwrap().shape(), [2]);
    }

    #[test]
    fn prefix_is_taken_off() {
        let state = with_shapes(&[("module.a", &[1]), ("b", &[2])]);
        let state = state.strip_prefix("module.").unwrap();
        assert_eq!(state.names().collect::<Vec<_>>(), ["a", "b"]);
        let clash = with_shapes(&[("module.a", &[1]), ("a", &[2])]);
        let error = clash.strip_prefix("module.").unwrap_err();
        assert!(matches!(error, Error::DuplicateName { name } if name == "a"));
    }

    #[test]
    fn check_is_strict() {
        let state = with_shapes(&[("w", &[2, 3]), ("b", &[2])]);
        let fits = expecting(&[("w", &[2, 3]), ("b", &[2]), ("n.num_batches_tracked", &[])]);
        state.check_against(&fits, |_| false).unwrap();

        let other = expecting(&[("w", &[3, 2]), ("c", &[1]), ("_fc.weight", &[1])]);
        let mismatch = state.check_against(&other, |name| name.starts_with("_fc.")).unwrap_err();
        assert_eq!(mismatch.missing, ["c"]);
        assert_eq!(mismatch.left_over, ["b"]);
        assert_eq!(mismatch.shapes[0].found, [2, 3]);
    }

    #[test]
    fn a_prefix_before_all_names_is_told() {
        let state = with_shapes(&[("head.a.w", &[1]), ("head.b.w", &[1]), ("loss", &[1])]);
        let told = |names: &[(&str, &[usize])]| {
            state.check_against(&expecting(names), |_| false).unwrap_err().to_string()
        };
        let text = told(&[("a.w", &[1]), ("b.w", &[1])]);
        assert!(text.contains("begin with `head.`"), "{text}");
        let text = told(&[("a.w", &[1]), ("c.w", &[1])]);
        assert!(!text.contains("begin with"), "{text}");
    }

    #[test]
    fn mismatch_shows_ten_and_the_count() {
        let names: Vec<String> = (0..25).map(|i| format!("layer{i}")).collect();
        let expected: Vec<_> = names.iter().map(|n| (n.clone(), vec![1])).collect();
        let mismatch = StateDict::new().check_against(&expected, |_| false).unwrap_err();
        let text = mismatch.to_string();
        assert!(text.contains("25 missing: layer0, layer1"), "{text}");
        assert!(text.ends_with("layer9, ..."), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}

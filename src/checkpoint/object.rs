//! Finds the state dict in what was pickled, and turns the rest into plain values.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem::size_of;

use super::budget::Budget;
use super::gather::Tensors;
use super::origin::{self, StateOrigin};
use super::pickle::{Id, Node, Pickle};
use super::value::MAX_DEPTH;
use super::{Checkpoint, Contents, Error, Format, Request, StateDict, Value};

/// Put before every name by data-parallel training.
const PARALLEL_PREFIX: &str = "module.";
/// Key under which our own training files keep a text map, as safetensors files have one.
pub(super) const METADATA_KEY: &str = "sbi";

/// What to take out of a pickle: decided before any tensor is read.
pub(super) struct Plan {
    state: Vec<(String, Id)>,
    origin: StateOrigin,
    optimizer: Option<Id>,
    epoch: Option<i64>,
    extra: Vec<(String, Id)>,
    metadata: BTreeMap<String, String>,
    /// Tensors to read, by the key of their storage.
    wanted: HashMap<String, Vec<Id>>,
}

impl Plan {
    /// Finds the state dict, and with [`Contents::Everything`] the other values.
    pub(super) fn new(pickle: &Pickle, request: Request) -> Result<Plan, Error> {
        let Node::Dict(pairs) = pickle.node(pickle.root) else {
            let found = pickle.describe(pickle.root);
            return Err(Error::NoStateDict { found });
        };
        let origin = origin::find(pickle, pairs, request.key)?;
        let mut plan = Plan {
            state: Vec::new(),
            origin,
            optimizer: None,
            epoch: None,
            extra: Vec::new(),
            metadata: BTreeMap::new(),
            wanted: HashMap::new(),
        };
        let nested = plan.origin.key.clone();
        if let Some(state) = nested.as_deref().and_then(|key| pickle.get(pickle.root, key)) {
            plan.state = tensors_by_name(pickle, state)?;
        }
        for &(key, value) in pairs {
            let Some(name) = pickle.text(key) else {
                continue;
            };
            match (nested.as_deref(), name) {
                (Some(state_key), name) if name == state_key => {}
                (Some(_), "optimizer" | "optimizer_state_dict") => plan.optimizer = Some(value),
                (Some(_), "epoch") => plan.epoch = pickle.int(value),
                (Some(_), METADATA_KEY) => plan.metadata = texts(pickle, value),
                (None, name) if pickle.tensor(value).is_some() => {
                    plan.state.push((name.to_owned(), value));
                }
                _ => plan.extra.push((name.to_owned(), value)),
            }
        }
        if request.contents == Contents::Weights {
            plan.optimizer = None;
            plan.extra.clear();
        }
        plan.want_tensors(pickle)?;
        Ok(plan)
    }

    /// Storages to read, and for each the tensors that it holds.
    pub(super) fn wanted(&self) -> &HashMap<String, Vec<Id>> {
        &self.wanted
    }

    /// Puts the checkpoint together from the tensors that were read.
    pub(super) fn finish(
        self,
        pickle: &Pickle,
        tensors: &Tensors,
        budget: &mut Budget,
        format: Format,
    ) -> Result<Checkpoint, Error> {
        let mut state = StateDict::new();
        for (name, id) in self.state {
            let Some(tensor) = tensors.get(&id) else {
                let key = storage_key(pickle, id).unwrap_or_default();
                return Err(Error::NoStorage { key });
            };
            state.insert(name, tensor.clone())?;
        }
        let mut values = Values { pickle, tensors, budget };
        let optimizer = self.optimizer.map(|id| values.value(id, 0)).transpose()?;
        let mut extra = Vec::new();
        for (name, id) in self.extra {
            extra.push((name, values.value(id, 0)?));
        }
        Ok(Checkpoint {
            state: state.strip_prefix(PARALLEL_PREFIX)?,
            origin: self.origin,
            optimizer,
            epoch: self.epoch,
            extra,
            metadata: self.metadata,
            format,
        })
    }

    fn want_tensors(&mut self, pickle: &Pickle) -> Result<(), Error> {
        let mut wanted: HashMap<String, Vec<Id>> = HashMap::new();
        let mut want = |id| {
            if let Some(key) = storage_key(pickle, id) {
                wanted.entry(key).or_default().push(id);
            }
        };
        let mut seen = HashSet::new();
        for (name, id) in &self.state {
            let storage = pickle.tensor(*id).and_then(|t| pickle.storage(t.storage));
            if let Some(storage) = storage.filter(|storage| storage.class.dtype.is_none()) {
                return Err(Error::ElementType { name: name.clone(), class: storage.class.name.to_owned() });
            }
            if seen.insert(*id) {
                want(*id);
            }
        }
        // Visiting each value once keeps this linear, however often values share one another.
        let mut open: Vec<Id> = self.extra.iter().map(|(_, id)| *id).collect();
        open.extend(self.optimizer);
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match pickle.node(id) {
                Node::List(items) => open.extend(items),
                Node::Tuple(items) => open.extend(items.iter()),
                Node::Dict(pairs) => open.extend(pairs.iter().flat_map(|&(k, v)| [k, v])),
                Node::Tensor(tensor) => {
                    let storage = pickle.storage(tensor.storage);
                    if storage.is_some_and(|storage| storage.class.dtype.is_some()) {
                        want(id);
                    }
                }
                _ => {}
            }
        }
        self.wanted = wanted;
        Ok(())
    }
}

/// The pairs of text of a dict; others are not ours.
fn texts(pickle: &Pickle, dict: Id) -> BTreeMap<String, String> {
    let Node::Dict(pairs) = pickle.node(dict) else { return BTreeMap::new() };
    let text = |id| pickle.text(id).map(str::to_owned);
    pairs.iter().filter_map(|&(key, value)| Some((text(key)?, text(value)?))).collect()
}

fn storage_key(pickle: &Pickle, tensor: Id) -> Option<String> {
    let storage = pickle.storage(pickle.tensor(tensor)?.storage)?;
    pickle.text(storage.key).map(str::to_owned)
}

/// The entries of a state dict, all of which must be tensors.
fn tensors_by_name(pickle: &Pickle, dict: Id) -> Result<Vec<(String, Id)>, Error> {
    let Node::Dict(pairs) = pickle.node(dict) else {
        let found = pickle.describe(dict);
        return Err(Error::NoStateDict { found });
    };
    let entry = |&(key, value): &(Id, Id)| match (pickle.text(key), pickle.tensor(value)) {
        (Some(name), Some(_)) => Ok((name.to_owned(), value)),
        (name, _) => Err(Error::NotATensor {
            name: name.map_or_else(|| pickle.describe(key), str::to_owned),
            found: pickle.describe(value),
        }),
    };
    pairs.iter().map(entry).collect()
}

/// Spells shared values out as a tree, within the budget.
struct Values<'a> {
    pickle: &'a Pickle,
    tensors: &'a Tensors,
    budget: &'a mut Budget,
}

impl Values<'_> {
    fn value(&mut self, id: Id, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { limit: MAX_DEPTH });
        }
        let own_size = match self.pickle.node(id) {
            Node::Str(text) => text.len(),
            Node::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        let size = own_size + size_of::<Value>();
        let describe = || self.pickle.describe(id);
        self.budget.claim(size as u64, describe)?;
        Ok(match self.pickle.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Str(text) => Value::Str(text.to_string()),
            Node::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Node::List(items) => Value::List(self.values(items, depth)?),
            Node::Tuple(items) => Value::Tuple(self.values(items, depth)?),
            Node::Dict(pairs) => {
                let mut dict = Vec::new();
                for &(key, value) in pairs {
                    dict.push((self.value(key, depth + 1)?, self.value(value, depth + 1)?));
                }
                Value::Dict(dict)
            }
            Node::Tensor(_) => match self.tensors.get(&id) {
                Some(tensor) => Value::Tensor(tensor.clone()),
                None => self.opaque(id)?,
            },
            Node::BigInt(_) | Node::Global(..) | Node::Object(_) | Node::Storage(_) => self.opaque(id)?,
        })
    }

    fn values(&mut self, items: &[Id], depth: usize) -> Result<Vec<Value>, Error> {
        items.iter().map(|&id| self.value(id, depth + 1)).collect()
    }

    fn opaque(&mut self, id: Id) -> Result<Value, Error> {
        let class = self.pickle.class(id);
        self.budget.claim(class.len() as u64, || class.clone())?;
        Ok(Value::Opaque { class })
    }
}

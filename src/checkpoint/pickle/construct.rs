//! The few functions and classes that mean something here: tensors, storages, ordered dicts.

use std::io::Read;

use super::machine::Machine;
use super::node::{StorageClass, global, text};
use super::{Id, Node, StorageRef, TensorRef};
use crate::checkpoint::Error;
use crate::checkpoint::tensor::element_count;

/// Axes that PyTorch allows a tensor to have.
const MAX_AXES: usize = 64;

/// What a call is known to give.
enum Known {
    /// A dict, from nothing or from a list of pairs, as Python 2 wrote it.
    Dict,
    /// A dict whose only argument makes default values.
    DefaultDict,
    /// A shape: the tuple it was made from.
    Shape,
    /// A tensor over a storage.
    Tensor,
    /// A tensor wrapped as a parameter.
    Parameter,
    /// Bytes, spelt as text because protocol 2 has none.
    Bytes,
    /// A tensor of a subclass: another function, and what to call it with.
    FromType,
}

fn known((module, name): (&str, &str)) -> Option<Known> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Known::Dict,
        ("collections", "defaultdict") => Known::DefaultDict,
        ("torch", "Size") => Known::Shape,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Known::Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Known::Parameter,
        ("_codecs", "encode") => Known::Bytes,
        ("torch._tensor", "_rebuild_from_type_v2") => Known::FromType,
        _ => return None,
    })
}

impl<R: Read> Machine<'_, R> {
    /// The value that `callee(*args)` stands for. Nothing is called.
    pub(super) fn call(&mut self, callee: Id, args: Id) -> Result<Id, Error> {
        let Some(known) = global(&self.nodes, callee).and_then(known) else {
            return self.opaque(callee);
        };
        match known {
            Known::Dict => {
                let pairs = match self.tuple(args)? {
                    [] => Vec::new(),
                    &[list, ..] => self.pairs(list)?,
                };
                self.charge_copies(pairs.len())?;
                self.new_node(Node::Dict(pairs))
            }
            Known::DefaultDict => self.new_node(Node::Dict(Vec::new())),
            Known::Shape => {
                let sizes = self.argument(args, 0)?;
                self.tuple(sizes)?;
                Ok(sizes)
            }
            Known::Tensor => self.tensor(callee, args),
            Known::Parameter => self.argument(args, 0),
            Known::Bytes => match self.latin1(args) {
                // Each call copies, so past the limit they are not worth their memory.
                Some(bytes) if self.charge_copies(bytes.len()).is_ok() => {
                    self.new_node(Node::Bytes(bytes.into()))
                }
                _ => self.opaque(callee),
            },
            Known::FromType => {
                let inner = self.argument(args, 0)?;
                let inner_args = self.argument(args, 2)?;
                // Only the one step: a call in a call in a call would be recursion.
                match global(&self.nodes, inner).and_then(known_tensor) {
                    Some(()) => self.tensor(inner, inner_args),
                    None => self.opaque(callee),
                }
            }
        }
    }

    /// The storage that a persistent id names: `("storage", class, key, location, count)`, with a
    /// sixth member in the legacy format, `None` or `(view key, first element, elements)`.
    pub(super) fn persistent(&mut self, id: Id) -> Result<Id, Error> {
        let parts = self.tuple(id)?;
        let kind = parts.first().and_then(|&kind| text(&self.nodes, kind));
        match (kind, parts) {
            (Some("storage"), &[_, class, key, _, count, ref rest @ ..]) => {
                let view = rest.first().copied();
                self.storage(class, key, count, view)
            }
            // A module's class with its source code, from saving a whole network.
            (Some("module"), &[_, class, ..]) => Ok(class),
            _ => Err(self.bad("a storage as the persistent id", self.describe(id))),
        }
    }

    fn storage(&mut self, class: Id, key: Id, count: Id, view: Option<Id>) -> Result<Id, Error> {
        let torch_class = global(&self.nodes, class)
            .filter(|(module, _)| *module == "torch" || module.starts_with("torch."))
            .and_then(|(_, name)| StorageClass::by_name(name));
        let Some(storage_class) = torch_class else {
            return Err(self.bad("a storage class of torch", self.describe(class)));
        };
        if text(&self.nodes, key).is_none() {
            return Err(self.bad("a storage key as text", self.describe(key)));
        }
        let count = self.size(count)?;
        let mut storage = StorageRef { key, class: storage_class, count, view_start: 0, view_count: count };
        if storage.byte_len().is_none() {
            return Err(self.bad("a storage of possible size", format!("{count} elements")));
        }
        if let Some(view) = view.filter(|&view| !matches!(self.node(view), Node::None)) {
            storage.view_start = self.size(self.argument(view, 1)?)?;
            storage.view_count = self.size(self.argument(view, 2)?)?;
            let end = storage.view_start.checked_add(storage.view_count);
            if end.is_none_or(|end| end > count) {
                let found = format!("{} from {}", storage.view_count, storage.view_start);
                return Err(self.bad("a view inside its storage", found));
            }
        }
        self.new_node(Node::Storage(Box::new(storage)))
    }

    /// `(storage, first element, shape, stride, ...)`; the rest is about gradients.
    fn tensor(&mut self, callee: Id, args: Id) -> Result<Id, Error> {
        let storage_id = self.argument(args, 0)?;
        let storage = match self.node(storage_id) {
            Node::Storage(storage) => **storage,
            Node::Object(_) => return self.opaque(callee),
            _ => return Err(self.bad("a tensor's storage", self.describe(storage_id))),
        };
        let tensor = TensorRef {
            storage: storage_id,
            offset: self.size(self.argument(args, 1)?)?,
            shape: self.argument(args, 2)?,
            stride: self.argument(args, 3)?,
        };
        let shape = self.sizes(tensor.shape)?;
        let stride = self.sizes(tensor.stride)?;
        let found = || format!("shape {shape:?}, strides {stride:?}, start {}", tensor.offset);
        if shape.len() != stride.len() || shape.len() > MAX_AXES {
            return Err(self.bad("as many strides as axes, at most 64", found()));
        }
        let last = last_element(tensor.offset, &shape, &stride);
        match (element_count(&shape), last) {
            (Some(0), _) => {}
            (Some(_), Some(last)) if last < storage.view_count => {}
            _ => {
                let found = format!("{} in {} elements", found(), storage.view_count);
                return Err(self.bad("a tensor inside its storage", found));
            }
        }
        self.new_node(Node::Tensor(tensor))
    }

    /// The bytes that `(text, "latin1")` stands for.
    fn latin1(&self, args: Id) -> Option<Vec<u8>> {
        let &[string, encoding] = self.tuple(args).ok()? else {
            return None;
        };
        let is_latin1 = text(&self.nodes, encoding)? == "latin1";
        let bytes = text(&self.nodes, string)?.chars().map(u8::try_from);
        is_latin1.then(|| bytes.collect::<Result<_, _>>().ok())?
    }

    fn opaque(&mut self, class: Id) -> Result<Id, Error> {
        // The class of a call's result's result is that of the first: no chains to follow.
        let class = match self.node(class) {
            Node::Object(first) => *first,
            _ => class,
        };
        self.new_node(Node::Object(class))
    }

    fn tuple(&self, id: Id) -> Result<&[Id], Error> {
        match self.node(id) {
            Node::Tuple(items) => Ok(items),
            _ => Err(self.bad("a tuple", self.describe(id))),
        }
    }

    fn argument(&self, args: Id, at: usize) -> Result<Id, Error> {
        match self.tuple(args)?.get(at) {
            Some(&id) => Ok(id),
            None => Err(self.bad("more arguments", self.describe(args))),
        }
    }

    fn size(&self, id: Id) -> Result<u64, Error> {
        match self.node(id) {
            &Node::Int(value) if value >= 0 => Ok(value as u64),
            _ => Err(self.bad("a size, zero or more", self.describe(id))),
        }
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>, Error> {
        let items = self.tuple(id)?;
        if items.len() > MAX_AXES {
            return Err(self.bad("at most 64 axes", self.describe(id)));
        }
        let size = |&item: &Id| {
            let size = self.size(item)?;
            usize::try_from(size).map_err(|_| self.bad("a possible size", size.to_string()))
        };
        items.iter().map(size).collect()
    }

    fn pairs(&self, list: Id) -> Result<Vec<(Id, Id)>, Error> {
        let Node::List(items) = self.node(list) else {
            return Err(self.bad("a list of pairs", self.describe(list)));
        };
        let pair = |&item: &Id| match self.node(item) {
            Node::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            Node::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(self.bad("a pair of key and value", self.describe(item))),
        };
        items.iter().map(pair).collect()
    }
}

fn known_tensor(name: (&str, &str)) -> Option<()> {
    matches!(known(name), Some(Known::Tensor)).then_some(())
}

/// Index of the last element that a tensor reaches, counted from its storage's beginning.
fn last_element(offset: u64, shape: &[usize], stride: &[usize]) -> Option<u64> {
    let mut last = offset;
    for (&length, &step) in shape.iter().zip(stride) {
        let reach = (length.saturating_sub(1) as u64).checked_mul(step as u64)?;
        last = last.checked_add(reach)?;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::last_element;

    #[test]
    fn last_element_of_dense_strided_and_broadcast_tensors() {
        assert_eq!(last_element(0, &[2, 3], &[3, 1]), Some(5));
        assert_eq!(last_element(4, &[2, 3], &[1, 2]), Some(9));
        assert_eq!(last_element(7, &[1 << 40], &[0]), Some(7));
        assert_eq!(last_element(7, &[], &[]), Some(7));
        assert_eq!(last_element(1, &[usize::MAX], &[2]), None);
        assert_eq!(last_element(u64::MAX, &[2], &[1]), None);
    }
}

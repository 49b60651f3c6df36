//! Writes state dicts and values as a pickle that PyTorch reads as its own.
//!
//! Protocol 2, and only opcodes and classes that `torch.load(..., weights_only=True)` admits.

use super::object::METADATA_KEY;
use std::collections::{BTreeMap, HashMap};

use super::pickle::StorageClass;
use super::value::MAX_DEPTH;
use super::{DType, Error, StateDict, TensorData, Value};

const PROTO: [u8; 2] = [0x80, 2];
const STOP: u8 = b'.';
const MARK: u8 = b'(';
const EMPTY_TUPLE: u8 = b')';
const TUPLE: u8 = b't';
const TUPLE2: u8 = 0x86;
const EMPTY_LIST: u8 = b']';
const APPENDS: u8 = b'e';
const EMPTY_DICT: u8 = b'}';
const SETITEMS: u8 = b'u';
const GLOBAL: u8 = b'c';
const REDUCE: u8 = b'R';
const BINPERSID: u8 = b'Q';
const LONG_BINPUT: u8 = b'r';
const LONG_BINGET: u8 = b'j';
const BINUNICODE: u8 = b'X';
const BINFLOAT: u8 = b'G';
const BININT: u8 = b'J';
const LONG1: u8 = 0x8a;
const NONE: u8 = b'N';
const NEWTRUE: u8 = 0x88;
const NEWFALSE: u8 = 0x89;

/// An object as a pickle, and the storages that it names by their number in the list.
pub(super) struct Pickled<'a> {
    pub object: Vec<u8>,
    pub storages: Vec<&'a TensorData>,
}

/// The object of a training file: a dict with the state dict under `model`, and texts, where there are any, under
/// a key of ours.
pub(super) fn training_file<'a>(
    state: &'a StateDict,
    optimizer: Option<&'a Value>,
    epoch: Option<i64>,
    metadata: &BTreeMap<String, String>,
) -> Result<Pickled<'a>, Error> {
    let mut pickler = Pickler::new();
    pickler.out.extend([EMPTY_DICT, MARK]);
    pickler.str("model");
    pickler.state(state);
    if let Some(optimizer) = optimizer {
        pickler.str("optimizer");
        pickler.value(optimizer, 0)?;
    }
    if let Some(epoch) = epoch {
        pickler.str("epoch");
        pickler.int(epoch);
    }
    if !metadata.is_empty() {
        pickler.str(METADATA_KEY);
        pickler.out.extend([EMPTY_DICT, MARK]);
        for (key, value) in metadata {
            pickler.str(key);
            pickler.str(value);
        }
        pickler.out.push(SETITEMS);
    }
    pickler.out.push(SETITEMS);
    Ok(pickler.finish())
}

/// The object of a file that is just weights.
pub(super) fn bare_state(state: &StateDict) -> Pickled<'_> {
    let mut pickler = Pickler::new();
    pickler.state(state);
    pickler.finish()
}

struct Pickler<'a> {
    out: Vec<u8>,
    storages: Vec<&'a TensorData>,
    /// Storage number by memory and type, so that tied weights stay tied.
    keys: HashMap<(*const u8, usize, DType), usize>,
    /// Memo number by class or function, which recur with every tensor.
    globals: HashMap<(&'static str, &'static str), u32>,
}

impl<'a> Pickler<'a> {
    fn new() -> Pickler<'a> {
        Pickler { out: PROTO.to_vec(), storages: Vec::new(), keys: HashMap::new(), globals: HashMap::new() }
    }

    fn finish(mut self) -> Pickled<'a> {
        self.out.push(STOP);
        Pickled { object: self.out, storages: self.storages }
    }

    fn state(&mut self, state: &'a StateDict) {
        self.ordered_dict();
        self.out.push(MARK);
        for (name, tensor) in state.iter() {
            self.str(name);
            self.tensor(tensor);
        }
        self.out.push(SETITEMS);
    }

    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.out.extend([EMPTY_TUPLE, REDUCE]);
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, stride, requires_grad=False, hooks={})`
    fn tensor(&mut self, tensor: &'a TensorData) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.out.push(MARK);
        self.storage(tensor);
        self.int(0);
        self.sizes(tensor.shape());
        self.sizes(&dense_strides(tensor.shape()));
        self.out.push(NEWFALSE);
        self.ordered_dict();
        self.out.extend([TUPLE, REDUCE]);
    }

    fn storage(&mut self, tensor: &'a TensorData) {
        let fresh = self.storages.len();
        let identity = (tensor.identity(), tensor.bytes().len(), tensor.dtype());
        // Empty tensors all have the same address, but each is a storage of its own.
        let key = if tensor.bytes().is_empty() { fresh } else { *self.keys.entry(identity).or_insert(fresh) };
        if key == fresh {
            self.storages.push(tensor);
        }
        self.out.push(MARK);
        self.str("storage");
        self.global("torch", StorageClass::name_of(tensor.dtype()));
        self.str(&key.to_string());
        self.str("cpu");
        self.size(tensor.element_count());
        self.out.extend([TUPLE, BINPERSID]);
    }

    fn value(&mut self, value: &'a Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { limit: MAX_DEPTH });
        }
        match value {
            Value::None => self.out.push(NONE),
            Value::Bool(true) => self.out.push(NEWTRUE),
            Value::Bool(false) => self.out.push(NEWFALSE),
            Value::Int(value) => self.int(*value),
            Value::Float(value) => {
                self.out.push(BINFLOAT);
                self.out.extend(value.to_be_bytes());
            }
            Value::Str(text) => self.str(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(items) => {
                self.out.extend([EMPTY_LIST, MARK]);
                self.values(items, depth)?;
                self.out.push(APPENDS);
            }
            Value::Tuple(items) => {
                self.out.push(MARK);
                self.values(items, depth)?;
                self.out.push(TUPLE);
            }
            Value::Dict(pairs) => {
                self.out.extend([EMPTY_DICT, MARK]);
                for (key, value) in pairs {
                    self.value(key, depth + 1)?;
                    self.value(value, depth + 1)?;
                }
                self.out.push(SETITEMS);
            }
            Value::Tensor(tensor) => self.tensor(tensor),
            Value::Opaque { class } => {
                let class = class.clone();
                return Err(Error::Unwritable { class });
            }
        }
        Ok(())
    }

    fn values(&mut self, items: &'a [Value], depth: usize) -> Result<(), Error> {
        items.iter().try_for_each(|item| self.value(item, depth + 1))
    }

    /// Protocol 2 has no bytes: text in Latin-1, with the call that encodes it.
    fn bytes(&mut self, bytes: &[u8]) {
        self.global("_codecs", "encode");
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        self.str(&text);
        self.str("latin1");
        self.out.extend([TUPLE2, REDUCE]);
    }

    fn global(&mut self, module: &'static str, name: &'static str) {
        let fresh = self.globals.len() as u32;
        if let Some(memo) = self.globals.get(&(module, name)) {
            self.out.push(LONG_BINGET);
            self.out.extend(memo.to_le_bytes());
            return;
        }
        self.globals.insert((module, name), fresh);
        self.out.push(GLOBAL);
        self.out.extend(format!("{module}\n{name}\n").bytes());
        self.out.push(LONG_BINPUT);
        self.out.extend(fresh.to_le_bytes());
    }

    fn str(&mut self, text: &str) {
        self.out.push(BINUNICODE);
        // A name of 4 GiB would need another opcode; `as` is safe for every name there is.
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.bytes());
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.out.push(MARK);
        for &size in sizes {
            self.size(size);
        }
        self.out.push(TUPLE);
    }

    fn size(&mut self, size: usize) {
        // Sizes of memory fit: no allocation has more than i64::MAX bytes.
        self.int(size as i64);
    }

    fn int(&mut self, value: i64) {
        if let Ok(small) = i32::try_from(value) {
            self.out.push(BININT);
            self.out.extend(small.to_le_bytes());
        } else {
            self.out.extend([LONG1, 8]);
            self.out.extend(value.to_le_bytes());
        }
    }
}

/// Strides of C order, in elements.
fn dense_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        // As PyTorch counts them: an axis of length zero steps like one of length one.
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_of_c_order() {
        assert_eq!(dense_strides(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(dense_strides(&[2, 0, 4]), [4, 4, 1]);
        assert!(dense_strides(&[]).is_empty());
    }

    #[test]
    fn an_opaque_value_is_refused() {
        let state = StateDict::new();
        let class = "argparse.Namespace".to_owned();
        let optimizer = Value::List(vec![Value::Opaque { class }]);
        let refused = training_file(&state, Some(&optimizer), None, &BTreeMap::new()).err().unwrap();
        assert!(refused.to_string().contains("argparse.Namespace"));
    }

    #[test]
    fn tied_tensors_share_a_storage() {
        let tensor = TensorData::from_f32(&[2], &[1.0, 2.0]).unwrap();
        let mut state = StateDict::new();
        state.insert("a", tensor.clone()).unwrap();
        state.insert("b", tensor).unwrap();
        let empty = TensorData::from_f32(&[0], &[]).unwrap();
        state.insert("c", empty.clone()).unwrap();
        state.insert("d", empty).unwrap();
        assert_eq!(bare_state(&state).storages.len(), 3);
    }
}

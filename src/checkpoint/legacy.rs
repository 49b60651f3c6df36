//! The format of `torch.save` before PyTorch 1.6.
//!
//! Five pickles in a row: a magic number, the protocol version, facts about the machine, the
//! object, and the keys of the storages. Then the storages, each as its number of elements
//! (64-bit integer) and its bytes.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::budget::Budget;
use super::gather::{self, Tensors};
use super::object::Plan;
use super::pickle::{self, Input, Node, Pickle, StorageRef};
use super::{Checkpoint, Error, Format, Request};

/// 0x1950a86a20f9469cfc6c, as a pickle stores it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

/// Reads a file of `len` bytes from its beginning.
pub(super) fn read<R: Read + Seek>(source: R, len: u64, request: Request) -> Result<Checkpoint, Error> {
    let mut input = Input::new(source, "the file", len);
    let mut budget = Budget::for_file(len);
    check_preamble(&mut input)?;
    let object = pickle::load(&mut input)?;
    let plan = Plan::new(&object, request)?;
    let keys_at = input.at();
    let keys = pickle::load(&mut input)?;
    let Node::List(key_ids) = keys.node(keys.root) else {
        let found = keys.describe(keys.root);
        return Err(input.malformed(keys_at, "the list of storage keys", found));
    };

    let storages = storages_by_key(&object);
    let mut wanted = plan.wanted().clone();
    let mut tensors = Tensors::new();
    for &key_id in key_ids {
        let key = keys.text(key_id);
        let Some((key, storage)) = key.and_then(|key| Some((key, storages.get(key)?))) else {
            let found = keys.describe(key_id);
            return Err(input.malformed(keys_at, "keys of storages that the object uses", found));
        };
        let count_at = input.at();
        let count = i64::from_le_bytes(input.array("a storage's element count")?);
        if u64::try_from(count) != Ok(storage.count) {
            let expected = format!("the element count {} of storage {key}", storage.count);
            return Err(input.malformed(count_at, expected, count.to_string()));
        }
        // Impossible sizes were refused with the object.
        let size = storage.byte_len().unwrap_or(u64::MAX);
        match wanted.remove(key) {
            Some(ids) => {
                budget.claim(size, || format!("storage {key}"))?;
                let bytes = input.bytes(size, "a storage")?;
                gather::fill(&object, &ids, bytes, &mut budget, &mut tensors)?;
            }
            None => input.skip(size, "a storage")?,
        }
    }
    if let Some(key) = wanted.into_keys().min() {
        return Err(Error::NoStorage { key });
    }
    plan.finish(&object, &tensors, &mut budget, Format::TorchLegacy)
}

/// The three pickles before the object.
fn check_preamble<R: Read>(input: &mut Input<R>) -> Result<(), Error> {
    let magic = pickle::load(input)?;
    let is_magic = matches!(magic.node(magic.root), Node::BigInt(bytes) if **bytes == MAGIC);
    if !is_magic {
        let expected = "PyTorch's magic number (other pickles hold no weights)";
        return Err(input.malformed(0, expected, magic.describe(magic.root)));
    }
    let at = input.at();
    let protocol = pickle::load(input)?;
    if protocol.int(protocol.root) != Some(PROTOCOL) {
        let found = protocol.describe(protocol.root);
        return Err(input.malformed(at, "protocol version 1001", found));
    }
    let machine = pickle::load(input)?;
    let little_endian = machine.get(machine.root, "little_endian");
    match little_endian.map(|id| machine.node(id)) {
        Some(Node::Bool(false)) => Err(Error::BigEndian),
        _ => Ok(()),
    }
}

/// All storages of the object, also those whose tensors are not wanted: they must be skipped.
fn storages_by_key(object: &Pickle) -> HashMap<&str, StorageRef> {
    let mut storages = HashMap::new();
    for node in object.nodes() {
        if let Node::Storage(storage) = node
            && let Some(key) = object.text(storage.key)
        {
            storages.entry(key).or_insert(**storage);
        }
    }
    storages
}

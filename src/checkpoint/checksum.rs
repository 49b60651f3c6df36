//! A sum over everything in a safetensors file, in its own metadata: a file that was damaged or changed is told from one
//! that is whole.

use super::{Error, TensorData};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The checksum's key in the metadata. It is ours alone, because other programs compute checksums of other kinds.
pub(super) const KEY: &str = "sbi_sha256";

/// The sum, 64 hex digits, of all metadata but itself and of all tensors with their names, types and shapes. It does not
/// depend on the order in which a file has them.
pub(super) fn of<'a>(
    metadata: &BTreeMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, &'a TensorData)>,
) -> String {
    let mut sum = Sha256::new();
    // A length before each part, so that nothing can move from one part into the next.
    let mut add = |part: &[u8]| {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    };
    for (key, value) in metadata.iter().filter(|(key, _)| *key != KEY) {
        add(key.as_bytes());
        add(value.as_bytes());
    }
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|(name, _)| *name);
    for (name, tensor) in tensors {
        add(name.as_bytes());
        add(format!("{:?} {:?}", tensor.dtype(), tensor.shape()).as_bytes());
        add(tensor.bytes());
    }
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes the sum out of the metadata; fails when there is one and it is another than that of the contents.
pub(super) fn check<'a>(
    metadata: &mut BTreeMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, &'a TensorData)>,
) -> Result<(), Error> {
    match metadata.remove(KEY) {
        Some(told) if told != of(metadata, tensors) => Err(Error::Checksum),
        _ => Ok(()),
    }
}

//! From a state dict to a network's variables and back.

use super::Error;
use crate::checkpoint::{StateDict, TensorData};
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Batch norms count their batches; inference has no use for it and older files lack it.
pub(super) const BATCH_COUNTER: &str = "num_batches_tracked";

/// Names and shapes of all variables, sorted by name.
pub fn expected_entries(vs: &VarStore) -> Vec<(String, Vec<usize>)> {
    let shape = |t: &Tensor| t.size().into_iter().map(|d| d as usize).collect();
    let mut all: Vec<_> = vs.variables().into_iter().map(|(name, t)| (name, shape(&t))).collect();
    all.sort();
    all
}

/// Copies the entries into the variables of the same name, strictly: names missing, left
/// over or of another shape are an error, except those that `surplus` (given the full name) allows.
///
/// `path` is only for messages.
pub fn load_weights(
    vs: &VarStore,
    state: &StateDict,
    network: &str,
    path: &Path,
    surplus: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let expected = expected_entries(vs);
    state.check_against(&expected, |name| name.ends_with(BATCH_COUNTER) || surplus(name)).map_err(
        |mismatch| Error::Mismatch {
            path: path.to_owned(),
            network: network.to_owned(),
            mismatch: Box::new(mismatch),
        },
    )?;
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        if let Some(data) = state.get(&name) {
            let values = to_tensor(data)?;
            variable.f_copy_(&values)?;
        }
    }
    Ok(())
}

/// Copies the entries into those variables whose names, without `prefix`, they have: all of the variables under the
/// prefix but those that `spared` names (without prefix) must be there, in shape.
///
/// `path` is only for messages.
pub fn load_part(
    vs: &VarStore,
    prefix: &str,
    state: &StateDict,
    network: &str,
    path: &Path,
    spared: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let under = |name: &str| name.strip_prefix(prefix).map(str::to_owned);
    let expected: Vec<_> = expected_entries(vs)
        .into_iter()
        .filter_map(|(name, shape)| Some((under(&name)?, shape)))
        .filter(|(name, _)| !spared(name))
        .collect();
    state.check_against(&expected, |name| name.ends_with(BATCH_COUNTER) || spared(name)).map_err(
        |mismatch| Error::Mismatch {
            path: path.to_owned(),
            network: network.to_owned(),
            mismatch: Box::new(mismatch),
        },
    )?;
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        let part = under(&name).filter(|part| !spared(part));
        if let Some(data) = part.and_then(|part| state.get(&part)) {
            variable.f_copy_(&to_tensor(data)?)?;
        }
    }
    Ok(())
}

/// The values of a tensor as an entry of a state dict, float32.
pub fn to_data(tensor: &Tensor) -> Result<TensorData, Error> {
    let shape: Vec<usize> = tensor.size().into_iter().map(|side| side as usize).collect();
    let flat =
        tensor.detach().f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    Ok(TensorData::from_f32(&shape, &Vec::<f32>::try_from(flat)?)?)
}

/// A float32 tensor on the CPU with the entry's values.
pub fn to_tensor(data: &TensorData) -> Result<Tensor, Error> {
    let shape: Vec<i64> = data.shape().iter().map(|&d| d as i64).collect();
    Ok(Tensor::f_from_slice(&data.to_f32_vec())?.f_view(shape.as_slice())?)
}

/// 16 hex digits that change with any name, shape or value.
pub fn fingerprint(state: &StateDict) -> String {
    const PRIME: u64 = 0x100_0000_01B3;
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    let mut mix = |word: u64| hash = (hash ^ word).wrapping_mul(PRIME).rotate_left(23);
    for (name, tensor) in state.iter() {
        mix(crate::hash::fnv1a64(name.as_bytes()));
        tensor.shape().iter().for_each(|&side| mix(side as u64));
        // Eight bytes a step: a hundred megabytes cost some hundredths of a second.
        for chunk in tensor.bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(u64::from_le_bytes(word));
        }
    }
    format!("{hash:016x}")
}

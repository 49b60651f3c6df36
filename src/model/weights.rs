//! From a state dict to a network's variables and back, and the comparison of both.

use super::Error;
use crate::checkpoint::{StateDict, TensorData};
use crate::network::Weight;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Compares names and shapes with those of a network's weights, strictly: names missing, left over or of another shape
/// are an error, except batch counters and those names that `surplus` allows.
///
/// `network` and `path` are only for messages.
pub fn check(
    weights: &[Weight],
    state: &StateDict,
    network: &str,
    path: &Path,
    surplus: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let expected = weights.iter().map(|weight| (weight.name.clone(), weight.shape.clone())).collect();
    check_entries(expected, state, network, path, surplus)
}

fn check_entries(
    mut expected: Vec<(String, Vec<usize>)>,
    state: &StateDict,
    network: &str,
    path: &Path,
    surplus: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    expected.sort();
    state.check_against(&expected, surplus).map_err(|mismatch| Error::Mismatch {
        path: path.to_owned(),
        network: network.to_owned(),
        mismatch: Box::new(mismatch),
    })
}

/// Copies the entries into those variables whose names, without `prefix`, they have: all of the variables under the
/// prefix but those that `spared` names (without prefix) must be there, in shape, and no others.
///
/// `network` and `path` are only for messages.
pub fn load_part(
    vs: &VarStore,
    prefix: &str,
    state: &StateDict,
    network: &str,
    path: &Path,
    spared: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let shape = |t: &Tensor| t.size().into_iter().map(|side| side as usize).collect();
    let wanted = |name: &str| name.strip_prefix(prefix).filter(|part| !spared(part)).map(str::to_owned);
    let variables: Vec<(String, Tensor)> =
        vs.variables().into_iter().filter_map(|(name, tensor)| Some((wanted(&name)?, tensor))).collect();
    let expected = variables.iter().map(|(name, tensor)| (name.clone(), shape(tensor))).collect();
    check_entries(expected, state, network, path, &spared)?;
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in variables {
        if let Some(data) = state.get(&name) {
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

//! Deterministic weights and inputs: a pure function of name, index and seed.
//!
//! Any language can repeat them bit for bit, so a network can be compared with another implementation
//! without exchanging weight files. Used by the parity checks, the benchmarks and the quick start; such
//! weights are untrained and their scores mean nothing.

use crate::checkpoint::{self, BATCH_COUNTER, StateDict, TensorData};
use crate::hash::fnv1a64;
use crate::network::Weight;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const MIX_A: u64 = 0xBF58_476D_1CE4_E5B9;
const MIX_B: u64 = 0x94D0_49BB_1331_11EB;

/// `n` values in 0..1, each a multiple of 2^-24, for the stream called `name`.
pub fn uniform(name: &str, seed: u64, n: usize) -> impl Iterator<Item = f32> {
    let start = fnv1a64(name.as_bytes()) ^ seed.wrapping_mul(GOLDEN);
    (1..=n as u64).map(move |i| {
        let mut z = start.wrapping_add(i.wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(MIX_A);
        z = (z ^ (z >> 27)).wrapping_mul(MIX_B);
        z ^= z >> 31;
        (z >> 40) as f32 * 2f32.powi(-24)
    })
}

/// The values of an input tensor labelled `label`: `n` floats in 0..1.
pub fn input(label: &str, seed: u64, n: usize) -> Vec<f32> {
    uniform(&format!("input/{label}"), seed, n).collect()
}

/// A random 8-bit image `[height, width, 3]`, flat.
pub fn image(label: &str, height: usize, width: usize, seed: u64) -> Vec<u8> {
    uniform(&format!("input/{label}"), seed, height * width * 3).map(|u| (u * 255.0).floor() as u8).collect()
}

/// The float values of the state-dict entry `name` of the given shape, by PyTorch's names of layers' parts;
/// none for a [`BATCH_COUNTER`], which is the integer 0.
///
/// # Panics
/// When the last part of the name is none that our networks use: a bug of ours.
pub fn state_entry(name: &str, shape: &[usize], seed: u64) -> Option<Vec<f32>> {
    let mut parts = name.rsplit('.');
    let leaf = parts.next().unwrap_or_default();
    let parent = parts.next().unwrap_or_default();
    let n = shape.iter().product();
    let values = uniform(name, seed, n);
    Some(match leaf {
        BATCH_COUNTER => return None,
        "running_mean" | "bias" => values.map(|u| 0.1 * (2.0 * u - 1.0)).collect(),
        "running_var" => values.map(|u| 0.5 + u).collect(),
        "weight" if shape.len() >= 2 => {
            let fan_in = shape[1..].iter().product::<usize>() as f32;
            let bound = (3.0 / fan_in).sqrt();
            values.map(|u| (2.0 * u - 1.0) * bound).collect()
        }
        "weight" if parent == "prelu" => values.map(|u| 0.25 * u).collect(),
        "weight" => values.map(|u| 0.5 + u).collect(),
        _ => panic!("no rule to fill {name}"),
    })
}

/// A state dict of these weights, each with the fill of its name.
///
/// Fails when two have one name.
pub fn filled(weights: &[Weight], seed: u64) -> Result<StateDict, checkpoint::Error> {
    let mut state = StateDict::new();
    for Weight { name, shape, .. } in weights {
        if let Some(values) = state_entry(name, shape, seed) {
            state.insert(name.clone(), TensorData::from_f32(shape, &values)?)?;
        }
    }
    Ok(state)
}

/// Overwrites every variable of `vs` with the fill of its name.
pub fn fill_variables(vs: &tch::nn::VarStore, seed: u64) {
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        let size = variable.size();
        let shape: Vec<usize> = size.iter().map(|&side| side as usize).collect();
        if let Some(values) = state_entry(&name, &shape, seed) {
            variable.copy_(&tch::Tensor::from_slice(&values).view(size.as_slice()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
        state_entry(name, shape, seed).unwrap()
    }

    #[test]
    fn check_values_are_bit_exact() {
        assert_eq!(entry("net._conv_stem.weight", &[48, 3, 3, 3], 1)[0].to_bits(), 0xbea7_b030);
        assert_eq!(entry("net._bn0.running_var", &[48], 1)[5].to_bits(), 0x3f25_e0a6);
        assert_eq!(entry("features.bias", &[512], 1)[511].to_bits(), 0xbc0b_0ada);
        assert_eq!(entry("face_model.prelu.weight", &[64], 2)[63].to_bits(), 0x3e53_84a0);
        assert_eq!(entry("fc_cat.classifier.weight", &[2, 1792], 2)[1000].to_bits(), 0xbd16_1013);
        assert_eq!(entry("body.bn1.running_mean", &[64], 2)[7].to_bits(), 0xbd8d_0e37);
        let image = input("image", 1, 123_457);
        assert_eq!(image[0].to_bits(), 0x3f50_0100);
        assert_eq!(image[123_456].to_bits(), 0x3e81_e74a);
    }
}

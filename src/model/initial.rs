//! Untrained weights to start from.

use crate::checkpoint::{self, StateDict, TensorData};
use crate::hash::fnv1a64;
use crate::network::Weight;
use crate::rng::{Purpose, generator};
use rand::Rng;
use rand_distr::StandardNormal;
use tch::Tensor;
use tch::nn::VarStore;

/// Draws every variable of `vs` anew: convolutions normally with variance 2 / fan-out, as EfficientNet's paper has
/// it; linear layers evenly within 1 / sqrt(fan-in); biases and running means 0; scales and running variances 1;
/// slopes of PReLUs 0.25.
///
/// A variable's values depend on the seed and its name alone.
pub fn initialise(vs: &VarStore, seed: u64) {
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        let size = variable.size();
        let shape: Vec<usize> = size.iter().map(|&side| side as usize).collect();
        let values = values(&name, &shape, seed);
        variable.copy_(&Tensor::from_slice(&values).view(size.as_slice()));
    }
}

/// A state dict of these weights, drawn as [`initialise`] draws them.
///
/// Fails when two have one name.
pub fn drawn(weights: &[Weight], seed: u64) -> Result<StateDict, checkpoint::Error> {
    let mut state = StateDict::new();
    for Weight { name, shape, .. } in weights {
        state.insert(name.clone(), TensorData::from_f32(shape, &values(name, shape, seed))?)?;
    }
    Ok(state)
}

fn values(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
    const SLOPE: f32 = 0.25;
    let n = shape.iter().product();
    let mut rng = generator(seed, 0, fnv1a64(name.as_bytes()), Purpose::Weights);
    let leaf = name.rsplit('.').next().unwrap_or_default();
    match (leaf, shape) {
        ("weight", [c_out, c_in, height, width]) => {
            // A depthwise convolution feeds one channel from each.
            let fan_out = height * width * if *c_in == 1 { 1 } else { *c_out };
            let deviation = (2.0 / fan_out as f32).sqrt();
            (0..n).map(|_| deviation * rng.sample::<f32, _>(StandardNormal)).collect()
        }
        ("weight", [_, c_in]) => {
            let bound = 1.0 / (*c_in as f32).sqrt();
            (0..n).map(|_| rng.random_range(-bound..bound)).collect()
        }
        ("weight", _) if name.contains("prelu") => vec![SLOPE; n],
        ("weight" | "running_var", _) => vec![1.0; n],
        _ => vec![0.0; n],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_spread_and_depend_on_seed_and_name() {
        let conv = values("net._conv_head.weight", &[64, 32, 3, 3], 1);
        let variance = conv.iter().map(|v| v * v).sum::<f32>() / conv.len() as f32;
        assert!((variance * 64.0 * 9.0 / 2.0 - 1.0).abs() < 0.05, "{variance}");
        let linear = values("net._fc.weight", &[2, 400], 1);
        assert!(linear.iter().all(|v| v.abs() <= 0.05) && linear.iter().any(|v| v.abs() > 0.04));
        assert_eq!(values("bn.weight", &[3], 1), [1.0; 3]);
        assert_eq!(values("bn.bias", &[3], 1), [0.0; 3]);
        assert_eq!(values("face_model.prelu.weight", &[2], 1), [0.25; 2]);
        assert_eq!(conv, values("net._conv_head.weight", &[64, 32, 3, 3], 1));
        assert_ne!(conv, values("net._conv_head.weight", &[64, 32, 3, 3], 2));
        assert_ne!(conv, values("net._conv_tail.weight", &[64, 32, 3, 3], 1));
    }
}

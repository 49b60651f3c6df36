//! Untrained weights to start from.

use crate::checkpoint::{self, StateDict, TensorData};
use crate::hash::fnv1a64;
use crate::network::Weight;
use crate::rng::{Purpose, SampleRng, generator};
use rand::Rng;
use rand_distr::StandardNormal;
use tch::Tensor;
use tch::nn::VarStore;

/// Deviation of the classifiers that EG has only in training, as its released code draws them.
const EG_CLASSIFIER_DEVIATION: f32 = 0.001;

/// Draws every variable of `vs` anew: convolutions normally with variance 2 / fan-out, as EfficientNet's paper has
/// it; linear layers and their biases evenly within 1 / sqrt(fan-in), as PyTorch has it; EG's classifiers of training
/// normally with deviation 0.001; other biases and running means 0; scales and running variances 1; slopes of PReLUs 0.25.
///
/// A variable's values depend on the seed, its name and its layer's shape alone.
pub fn initialise(vs: &VarStore, seed: u64) {
    let _no_grad = tch::no_grad_guard();
    let shape = |variable: &Tensor| variable.size().iter().map(|&side| side as usize).collect::<Vec<_>>();
    let variables = vs.variables();
    for (name, variable) in &variables {
        let linear = linear_inputs(name, |weight| variables.get(weight).map(shape));
        let values = values(name, &shape(variable), linear, seed);
        variable.shallow_clone().copy_(&Tensor::from_slice(&values).view(variable.size().as_slice()));
    }
}

/// A state dict of these weights, drawn as [`initialise`] draws them.
///
/// Fails when two have one name.
pub fn drawn(weights: &[Weight], seed: u64) -> Result<StateDict, checkpoint::Error> {
    let mut state = StateDict::new();
    let shape_of = |wanted: &str| weights.iter().find(|w| w.name == wanted).map(|w| w.shape.clone());
    for Weight { name, shape, .. } in weights {
        let values = values(name, shape, linear_inputs(name, shape_of), seed);
        state.insert(name.clone(), TensorData::from_f32(shape, &values)?)?;
    }
    Ok(state)
}

/// How many numbers go into the linear layer that a bias of this name belongs to; `None` where it is no linear layer's
/// bias. `shape_of` gives the shape of the weight of a name.
fn linear_inputs(name: &str, shape_of: impl Fn(&str) -> Option<Vec<usize>>) -> Option<usize> {
    let weight = shape_of(&format!("{}.weight", name.strip_suffix(".bias")?))?;
    match weight[..] {
        [_, c_in] => Some(c_in),
        _ => None,
    }
}

/// `linear`: as [`linear_inputs`] gives it.
fn values(name: &str, shape: &[usize], linear: Option<usize>, seed: u64) -> Vec<f32> {
    const SLOPE: f32 = 0.25;
    let n = shape.iter().product();
    let mut rng = generator(seed, 0, fnv1a64(name.as_bytes()), Purpose::Weights);
    let leaf = name.rsplit('.').next().unwrap_or_default();
    if let Some(c_in) = linear {
        return evenly(&mut rng, c_in, n);
    }
    match (leaf, shape) {
        ("weight", [c_out, c_in, height, width]) => {
            // A depthwise convolution feeds one channel from each.
            let fan_out = height * width * if *c_in == 1 { 1 } else { *c_out };
            let deviation = (2.0 / fan_out as f32).sqrt();
            (0..n).map(|_| deviation * rng.sample::<f32, _>(StandardNormal)).collect()
        }
        ("weight", [_, _]) if name.ends_with(".classifier.weight") => {
            (0..n).map(|_| EG_CLASSIFIER_DEVIATION * rng.sample::<f32, _>(StandardNormal)).collect()
        }
        ("weight", [_, c_in]) => evenly(&mut rng, *c_in, n),
        ("weight", _) if name.contains("prelu") => vec![SLOPE; n],
        ("weight" | "running_var", _) => vec![1.0; n],
        _ => vec![0.0; n],
    }
}

/// `n` numbers within 1 / sqrt(`c_in`) on both sides of 0.
fn evenly(rng: &mut SampleRng, c_in: usize, n: usize) -> Vec<f32> {
    let bound = 1.0 / (c_in as f32).sqrt();
    (0..n).map(|_| rng.random_range(-bound..bound)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InputSpec;
    use crate::model::efficientnet::Variant;
    use crate::model::forgery_network::{ForgeryNetwork, Method};
    use crate::model::guide_layers::guide_weights;
    use crate::model::objective::GuideSpec;

    /// Numbers of a weight that is no linear layer's bias.
    fn values(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
        super::values(name, shape, None, seed)
    }

    fn deviation(values: &[f32]) -> f32 {
        (values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32).sqrt()
    }

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

    #[test]
    fn egs_classifiers_and_linear_biases_start_as_in_its_released_code() {
        let weights = guide_weights(Variant::named("efficientnet-b4").unwrap(), GuideSpec::default().encoder);
        let state = drawn(&weights, 5).unwrap();
        let of = |name: &str| state.get(name).unwrap().to_f32_vec();
        for name in ["fc_cat.classifier.weight", "fc_cat1.classifier.weight"] {
            assert!((deviation(&of(name)) / 0.001 - 1.0).abs() < 0.05, "{name}: {}", deviation(&of(name)));
        }
        for (layer, c_in) in [
            ("reconstruction_network.fc.0", 2304.0f32),
            ("reconstruction_network.fc.2", 1024.0),
            ("reshape_layer", 1792.0),
        ] {
            // Evenly within b on both sides is b / sqrt(3) from 0.
            let bound = 1.0 / c_in.sqrt();
            for leaf in ["weight", "bias"] {
                let found = of(&format!("{layer}.{leaf}"));
                assert!(found.iter().all(|v| v.abs() <= bound), "{layer}.{leaf}");
                let share = deviation(&found) / (bound / 3f32.sqrt());
                assert!((share - 1.0).abs() < 0.05, "{layer}.{leaf}: {share}");
            }
        }
        assert_eq!(of("fc_cat.bn.bias"), vec![0.0; 1792]);

        // The classifier that infers has a bias too; those of convolutions and norms stay 0.
        let vs = VarStore::new(tch::Device::Cpu);
        let b0 = Variant::named("efficientnet-b0").unwrap();
        ForgeryNetwork::new(Method::Eg, b0, InputSpec::default(), &vs).unwrap();
        initialise(&vs, 5);
        let largest = |name: &str| vs.variables()[name].abs().max().double_value(&[]);
        assert!((1e-4..=1.0 / 1280f64.sqrt()).contains(&largest("net._fc.bias")));
        assert!(largest("net._blocks.0._se_reduce.bias") == 0.0 && largest("bn.bias") == 0.0);
    }
}

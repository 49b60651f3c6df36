//! The frozen face encoder of EG as published: the iresnet of ArcFace, which turns a face into an embedding.
//!
//! Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019,
//! <https://arxiv.org/abs/1801.07698>. Names as in insightface's published weights. Always in eval mode.

use super::Error;
use super::execution::{Executable, Execution, Trunk};
use super::modules::{BatchNorm, DeviceWeights, Mode, linear};
use crate::network::{
    Activation, ConvSpec, Convolution, Layers, Linear, Map, Network, Norm, Weight, Weights,
};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn;

/// How many numbers an embedding has.
pub const EMBEDDING: usize = 512;
/// Side in pixels of the faces that the encoder takes.
pub const SIDE: usize = 112;
/// Side of the last map in positions.
const MAP_SIDE: usize = SIDE / 16;
const WIDTHS: [usize; 5] = [64, 64, 128, 256, 512];

/// Number of blocks in each of the four stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth(pub [usize; 4]);

/// iresnet18, which the released EG detector holds.
pub const IRESNET18: Depth = Depth([2, 2, 2, 2]);

/// ArcFace's iresnet with 34 layers.
pub const IRESNET34: Depth = Depth([3, 4, 6, 3]);
/// ArcFace's iresnet with 50 layers.
pub const IRESNET50: Depth = Depth([3, 4, 14, 3]);
/// ArcFace's iresnet with 100 layers.
pub const IRESNET100: Depth = Depth([3, 13, 30, 3]);

/// How the last feature map becomes an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Global average plus global maximum: the released EG detector.
    Pooled,
    /// The linear layer `fc` on the flattened map: standard ArcFace.
    Fc,
}

/// The trunk: from faces `[3, 112, 112]` to the last map, `[512, 7, 7]`.
pub fn description(depth: Depth) -> Network {
    Network::new(3, |layers, x| {
        let stem =
            Convolution::new("conv1", ConvSpec::new(3, WIDTHS[0], 3)).with_norm(Norm::new("bn1", WIDTHS[0]));
        let mut map = layers.conv(x, stem, Activation::Slopes("prelu".into()));
        for (stage, count) in depth.0.into_iter().enumerate() {
            for index in 0..count {
                let (c_in, stride) = if index == 0 { (WIDTHS[stage], 2) } else { (WIDTHS[stage + 1], 1) };
                let path = format!("layer{}.{index}", stage + 1);
                map = block(layers, map, &path, (c_in, WIDTHS[stage + 1]), stride);
            }
        }
        vec![map]
    })
}

fn block(layers: &mut Layers, x: Map, path: &str, (c_in, c_out): (usize, usize), stride: usize) -> Map {
    let conv = |conv: &str, norm: &str, spec: ConvSpec| {
        let norm = Norm::new(format!("{path}.{norm}"), spec.c_out);
        Convolution::new(format!("{path}.{conv}"), spec).with_norm(norm)
    };
    // Zeros come around the normalised map, so that this batch norm cannot be part of the convolution.
    let y = layers.affine(x, Norm::new(format!("{path}.bn1"), c_in));
    let first = conv("conv1", "bn2", ConvSpec::new(c_in, c_out, 3));
    let y = layers.conv(y, first, Activation::Slopes(format!("{path}.prelu")));
    // The shortcut takes the block's input itself, not the output of bn1.
    let shortcut = if stride != 1 || c_in != c_out {
        let spec = ConvSpec::new(c_in, c_out, 1).strided(stride);
        layers.conv(x, conv("downsample.0", "downsample.1", spec), Activation::None)
    } else {
        x
    };
    let second = conv("conv2", "bn3", ConvSpec::new(c_out, c_out, 3).strided(stride));
    layers.conv_onto(y, second, shortcut, Activation::None)
}

/// What stands behind the trunk.
struct Tail {
    bn2: Norm,
    fc: Linear,
    features: Norm,
}

fn tail() -> Tail {
    Tail {
        bn2: Norm::new("bn2", WIDTHS[4]),
        fc: Linear::new("fc", WIDTHS[4] * MAP_SIDE * MAP_SIDE, EMBEDDING),
        features: Norm::new("features", EMBEDDING),
    }
}

/// All weights of the network. `fc` is among them whatever the pooling, as in the published files.
pub fn weights(depth: Depth) -> Vec<Weight> {
    let Tail { bn2, fc, features } = tail();
    let trunk = description(depth).weights();
    trunk.into_iter().chain(bn2.weights()).chain(fc.weights()).chain(features.weights()).collect()
}

/// The network, ready to run.
pub struct Encoder {
    pooling: Pooling,
    trunk: Executable,
    bn2: BatchNorm,
    fc: nn::Linear,
    features: BatchNorm,
}

impl Encoder {
    /// Takes the weights that [`weights`] lists.
    ///
    /// Fails when one is missing or of another shape, and when libtorch runs out of memory.
    pub fn new(
        depth: Depth,
        pooling: Pooling,
        weights: Weights,
        execution: Execution,
    ) -> Result<Self, Error> {
        let source = DeviceWeights::new(weights, execution.device());
        let Tail { bn2, fc, features } = tail();
        Ok(Encoder {
            pooling,
            trunk: execution.executable(&description(depth), weights)?,
            bn2: BatchNorm::new(&bn2, &source)?,
            fc: linear(&fc, &source)?,
            features: BatchNorm::new(&features, &source)?,
        })
    }

    /// Embeddings `[n, 512]` of faces `[n, 3, 112, 112]`, RGB, (x - 0.5) / 0.5.
    pub fn embed(&self, x: &Tensor) -> Tensor {
        let x = self.trunk.run(x).swap_remove(0);
        let x = self.bn2.forward(&x, Mode::Eval);
        let positions = [2i64, 3].as_slice();
        let pooled = match self.pooling {
            Pooling::Pooled => x.mean_dim(positions, false, None) + x.amax(positions, false),
            Pooling::Fc => x.flatten(1, -1).apply(&self.fc),
        };
        self.features.forward(&pooled, Mode::Eval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fill;
    use tch::{Device, Kind};

    #[test]
    fn compiled_and_plain_agree() {
        for depth in [IRESNET18, IRESNET34] {
            let state = fill::filled(&weights(depth), 1).unwrap();
            let side = SIDE as i64;
            let x = Tensor::rand([3, 3, side, side], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
            let embedding = |execution| {
                let encoder =
                    Encoder::new(depth, Pooling::Pooled, Weights::new(&state, ""), execution).unwrap();
                tch::no_grad(|| encoder.embed(&x))
            };
            let plain = embedding(Execution::plain(Device::Cpu));
            let compiled = embedding(Execution::fastest(Device::Cpu));
            let scale = plain.abs().max().double_value(&[]);
            let worst = (plain - compiled).abs().max().double_value(&[]);
            assert!(worst < 1e-4 * scale, "{depth:?}: {worst} of {scale}");
        }
    }
}

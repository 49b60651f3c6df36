//! The frozen face encoder of EG as published: the iresnet of ArcFace, which turns a face into an embedding.
//!
//! Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019,
//! <https://arxiv.org/abs/1801.07698>. Names as in insightface's published weights. Always in eval mode.

use super::layers::{Activation, BatchNorm, ConvSpec, ConvUnit, values_of};
use crate::engine::{Builder, Map, Program};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::{self, Init};

/// Width of the embedding.
pub const EMBEDDING: i64 = 512;
/// Side in pixels of the faces it takes.
pub const SIDE: i64 = 112;
/// Side of the last feature map.
const MAP_SIDE: i64 = SIDE / 16;
const WIDTHS: [i64; 5] = [64, 64, 128, 256, 512];

/// Number of blocks in each of the four stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth(pub [i64; 4]);

/// iresnet18, which the released EG detector holds.
pub const IRESNET18: Depth = Depth([2, 2, 2, 2]);

/// iresnet34.
pub const IRESNET34: Depth = Depth([3, 4, 6, 3]);
/// iresnet50.
pub const IRESNET50: Depth = Depth([3, 4, 14, 3]);
/// iresnet100.
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

/// The network.
pub struct Encoder {
    pooling: Pooling,
    stem: ConvUnit,
    stem_slopes: Slopes,
    blocks: Vec<Block>,
    bn2: BatchNorm,
    fc: nn::Linear,
    features: BatchNorm,
    program: Option<Program>,
}

/// Slopes of a PReLU, one per channel.
struct Slopes(Tensor);

impl Slopes {
    fn new(path: nn::Path, channels: i64) -> Self {
        Slopes(path.var("weight", &[channels], Init::Const(0.25)))
    }

    fn apply(&self, x: &Tensor) -> Tensor {
        x.prelu(&self.0)
    }

    /// A unit without activation, and these slopes behind it.
    fn compile(&self, program: &mut Builder, unit: &ConvUnit, from: Map) -> Map {
        let ConvSpec { stride, padding, .. } = *unit.spec();
        program.conv_slopes(from, &unit.folded(), stride as usize, padding, &values_of(&self.0))
    }
}

struct Block {
    bn1: BatchNorm,
    conv1: ConvUnit,
    slopes: Slopes,
    conv2: ConvUnit,
    shortcut: Option<ConvUnit>,
}

fn norm(path: nn::Path, channels: i64) -> BatchNorm {
    BatchNorm::new(path, channels, BatchNorm::EPS, BatchNorm::MOMENTUM)
}

impl Block {
    fn new(path: &nn::Path, c_in: i64, c_out: i64, stride: i64) -> Self {
        let unit = |conv: nn::Path, bn: nn::Path, spec: ConvSpec| {
            ConvUnit::new(conv, spec, Some(norm(bn, spec.c_out)), Activation::None)
        };
        let strided = |spec| ConvSpec { stride, ..spec };
        let skip = path / "downsample";
        Block {
            bn1: norm(path / "bn1", c_in),
            conv1: unit(path / "conv1", path / "bn2", ConvSpec::new(c_in, c_out, 3)),
            slopes: Slopes::new(path / "prelu", c_out),
            conv2: unit(path / "conv2", path / "bn3", strided(ConvSpec::new(c_out, c_out, 3))),
            shortcut: (stride != 1 || c_in != c_out)
                .then(|| unit(&skip / 0, &skip / 1, strided(ConvSpec::new(c_in, c_out, 1)))),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward(&self.bn1.forward(x, false), false);
        let y = self.conv2.forward(&self.slopes.apply(&y), false);
        // The shortcut takes the block's input itself, not the output of bn1.
        match &self.shortcut {
            Some(unit) => y + unit.forward(x, false),
            None => y + x,
        }
    }

    fn compile(&self, program: &mut Builder, x: Map) -> Map {
        // Zeros come around the normalised map, so that this batch norm cannot be folded into the convolution.
        let (scale, shift) = self.bn1.scale_and_shift();
        let y = program.affine(x, &values_of(&scale), &values_of(&shift));
        let y = self.slopes.compile(program, &self.conv1, y);
        let shortcut = self.shortcut.as_ref().map_or(x, |unit| unit.compile(program, x));
        self.conv2.compile_onto(program, y, shortcut, Activation::None)
    }
}

impl Encoder {
    /// All parameters under `root`; `fc` is there whatever the pooling, as in the published files.
    pub fn new(root: &nn::Path, depth: Depth, pooling: Pooling) -> Self {
        let stem = ConvSpec::new(3, WIDTHS[0], 3);
        let mut blocks = Vec::new();
        for (stage, count) in depth.0.into_iter().enumerate() {
            let path = root / format!("layer{}", stage + 1);
            for index in 0..count {
                let (c_in, stride) = if index == 0 { (WIDTHS[stage], 2) } else { (WIDTHS[stage + 1], 1) };
                blocks.push(Block::new(&(&path / index), c_in, WIDTHS[stage + 1], stride));
            }
        }
        let init = Init::Const(0.0);
        let zero = nn::LinearConfig { ws_init: init, bs_init: Some(init), bias: true };
        Encoder {
            pooling,
            stem: ConvUnit::new(root / "conv1", stem, Some(norm(root / "bn1", WIDTHS[0])), Activation::None),
            stem_slopes: Slopes::new(root / "prelu", WIDTHS[0]),
            blocks,
            bn2: norm(root / "bn2", WIDTHS[4]),
            fc: nn::linear(root / "fc", WIDTHS[4] * MAP_SIDE * MAP_SIDE, EMBEDDING, zero),
            features: norm(root / "features", EMBEDDING),
            program: None,
        }
    }

    /// Switches to the compiled form (CPU). Later changes of the weights no longer take effect.
    pub fn compile(&mut self) {
        let (mut program, x) = Builder::new(3);
        let stem = self.stem_slopes.compile(&mut program, &self.stem, x);
        let last = self.blocks.iter().fold(stem, |y, block| block.compile(&mut program, y));
        self.program = Some(program.finish(&[last]));
    }

    /// Embeddings `[n, 512]` of faces `[n, 3, 112, 112]`, RGB, (x - 0.5) / 0.5.
    pub fn embed(&self, x: &Tensor) -> Tensor {
        let x = match &self.program {
            Some(program) => program.run(x).swap_remove(0),
            None => {
                let x = self.stem_slopes.apply(&self.stem.forward(x, false));
                self.blocks.iter().fold(x, |x, block| block.forward(&x))
            }
        };
        let x = self.bn2.forward(&x, false);
        let positions = [2i64, 3].as_slice();
        let pooled = match self.pooling {
            Pooling::Pooled => x.mean_dim(positions, false, None) + x.amax(positions, false),
            Pooling::Fc => x.flatten(1, -1).apply(&self.fc),
        };
        self.features.forward(&pooled, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn compiled_and_plain_agree() {
        for depth in [IRESNET18, IRESNET34] {
            let vs = nn::VarStore::new(Device::Cpu);
            let mut encoder = Encoder::new(&vs.root(), depth, Pooling::Pooled);
            crate::model::fill::fill_variables(&vs, 1);
            let x = Tensor::rand([3, 3, SIDE, SIDE], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
            let plain = tch::no_grad(|| encoder.embed(&x));
            encoder.compile();
            let compiled = tch::no_grad(|| encoder.embed(&x));
            let scale = plain.abs().max().double_value(&[]);
            let worst = (plain - compiled).abs().max().double_value(&[]);
            assert!(worst < 1e-4 * scale, "{depth:?}: {worst} of {scale}");
        }
    }
}

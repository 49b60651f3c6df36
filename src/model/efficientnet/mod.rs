//! EfficientNet b0 to b7 and lite0 to lite2, with the layer names of the Python package `efficientnet_pytorch`.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling", ICML 2019, <https://arxiv.org/abs/1905.11946>; the light form is
//! that of TensorFlow's `efficientnet/lite`.

mod block;
mod variant;

pub use variant::{VARIANTS, Variant};

use super::layers::{BatchNorm, ConvSpec, ConvUnit, Padding};
use crate::engine::{Builder, Program};
use block::{Block, BlockShape};
use tch::Tensor;
use tch::nn::{self, Init};
use variant::GROUPS;

const BN_EPS: f64 = 1e-3;
const BN_MOMENTUM: f64 = 0.01;
/// Drop-connect rate of the last block; block i of n has `rate * i / n`.
const DROP_CONNECT: f64 = 0.2;

/// How random the forward pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Running statistics, nothing dropped.
    Eval,
    /// Batch statistics, nothing dropped: repeatable, for numeric checks.
    BatchStatistics,
    /// The same in the form that training takes where there are kernels for it.
    FusedStatistics,
    /// That form, with drop-connect and dropout.
    Train,
}

impl Mode {
    /// Whether batch norms use (and move by) the batch's statistics.
    pub fn batch_statistics(self) -> bool {
        self != Mode::Eval
    }

    /// Whether layers may take the form that keeps less for the way back. Sums then come in another order.
    pub fn in_training_form(self) -> bool {
        matches!(self, Mode::FusedStatistics | Mode::Train)
    }
}

/// The trunk and the classifier layer `_fc`.
pub struct EfficientNet {
    /// Which size this is.
    pub variant: Variant,
    stem: ConvUnit,
    blocks: Vec<Block>,
    head: ConvUnit,
    fc: nn::Linear,
    program: Option<Program>,
}

impl EfficientNet {
    /// Weights are zero until loaded. Names under `root` are those of `efficientnet_pytorch`: `_conv_stem`, `_bn0`,
    /// `_blocks.N.…`, `_fc`.
    pub fn new(root: &nn::Path, variant: Variant, classes: i64) -> Self {
        let norm = |path: nn::Path, c: i64| Some(BatchNorm::new(path, c, BN_EPS, BN_MOMENTUM));
        let mut side = variant.resolution;
        let c_stem = variant.stem();
        let stem = ConvUnit::new(
            root / "_conv_stem",
            ConvSpec { stride: 2, padding: Padding::same(side, 3, 2), ..ConvSpec::new(3, c_stem, 3) },
            norm(root / "_bn0", c_stem),
            variant.activation(),
        );
        side = (side + 1) / 2;

        let total = variant.blocks();
        let mut blocks = Vec::new();
        for (number, group) in GROUPS.iter().enumerate() {
            for repeat in 0..variant.repeats(number) {
                let (c_in, stride) = match repeat {
                    0 => (variant.filters(group.c_in), group.stride),
                    _ => (variant.filters(group.c_out), 1),
                };
                let index = blocks.len() as i64;
                let path = root / "_blocks" / index;
                let shape = BlockShape { c_in, c_out: variant.filters(group.c_out), stride, side };
                let drop = DROP_CONNECT * index as f64 / total as f64;
                blocks.push(Block::new(&path, variant, group, shape, drop, norm));
                side = (side + stride - 1) / stride;
            }
        }

        let c_last = variant.last_block();
        let features = variant.features();
        let head = ConvUnit::new(
            root / "_conv_head",
            ConvSpec::new(c_last, features, 1),
            norm(root / "_bn1", features),
            variant.activation(),
        );
        let fc = linear(root / "_fc", features, classes);
        EfficientNet { variant, stem, blocks, head, fc, program: None }
    }

    /// Switches to the compiled form (CPU, inference only). Later changes of the weights no longer take effect.
    pub fn compile(&mut self) {
        let (mut program, x) = Builder::new(3);
        let stem = self.stem.compile(&mut program, x);
        let last = self.blocks.iter().fold(stem, |y, block| block.compile(&mut program, y));
        let features = self.head.compile(&mut program, last);
        self.program = Some(program.finish(&[features]));
    }

    /// The last feature map: `x` `[n, 3, h, w]` to `[n, features, h / 32, w / 32]`.
    pub fn extract_features(&self, x: &Tensor, mode: Mode) -> Tensor {
        if let Some(program) = self.program.as_ref().filter(|_| mode == Mode::Eval) {
            return program.run(x).swap_remove(0);
        }
        let train = mode.batch_statistics();
        let unit = |unit: &ConvUnit, x: &Tensor| match mode.in_training_form() {
            true => unit.forward_training(x),
            false => unit.forward(x, train),
        };
        let mut y = unit(&self.stem, x);
        for block in &self.blocks {
            y = block.forward(&y, mode);
        }
        unit(&self.head, &y)
    }

    /// The feature map averaged over its positions: `[n, features]`.
    pub fn pooled_features(&self, x: &Tensor, mode: Mode) -> Tensor {
        self.extract_features(x, mode).mean_dim([2i64, 3].as_slice(), false, None)
    }

    /// The classifier layer: `[n, features]` to logits `[n, classes]`.
    pub fn classify(&self, features: &Tensor) -> Tensor {
        features.apply(&self.fc)
    }

    /// Running mean and variance of the stem's batch norm, `_bn0`.
    pub fn stem_statistics(&self) -> (Tensor, Tensor) {
        self.stem.running_statistics().expect("the stem has a batch norm")
    }

    /// Like [`Self::pooled_features`], showing each stage's output to `see` under its layer name
    /// (`_conv_stem`, `_bn0`, `_blocks.N`, `_bn1`; batch norms before the activation). Plain form only.
    pub fn trace(&self, x: &Tensor, mode: Mode, see: &mut dyn FnMut(&str, &Tensor)) -> Tensor {
        assert!(self.program.is_none(), "a compiled network has no separate batch norms to show");
        let train = mode.batch_statistics();
        let mut y =
            self.stem.trace(x, train, &mut |is_norm, t| see(if is_norm { "_bn0" } else { "_conv_stem" }, t));
        for (index, block) in self.blocks.iter().enumerate() {
            y = block.forward(&y, mode);
            see(&format!("_blocks.{index}"), &y);
        }
        let y = self.head.trace(&y, train, &mut |is_norm, t| {
            if is_norm {
                see("_bn1", t)
            }
        });
        y.mean_dim([2i64, 3].as_slice(), false, None)
    }
}

fn linear(path: nn::Path, c_in: i64, c_out: i64) -> nn::Linear {
    let zero = Init::Const(0.0);
    nn::linear(path, c_in, c_out, nn::LinearConfig { ws_init: zero, bs_init: Some(zero), bias: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn compiled_and_plain_agree_on_every_small_variant() {
        for variant in VARIANTS.iter().filter(|variant| variant.resolution <= 260) {
            let vs = nn::VarStore::new(Device::Cpu);
            let mut net = EfficientNet::new(&vs.root(), *variant, 2);
            crate::model::fill::fill_variables(&vs, 1);
            let x = Tensor::rand([2, 3, 97, 97], (tch::Kind::Float, Device::Cpu));
            let plain = tch::no_grad(|| net.pooled_features(&x, Mode::Eval));
            net.compile();
            let compiled = tch::no_grad(|| net.pooled_features(&x, Mode::Eval));
            let scale = plain.abs().max().double_value(&[]);
            let worst = (plain - compiled).abs().max().double_value(&[]);
            assert!(worst < 1e-4 * scale, "{}: {worst} of {scale}", variant.name);
        }
    }
}

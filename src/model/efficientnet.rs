//! EfficientNet b0 to b7, with the layer names of the Python package `efficientnet_pytorch`.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling", ICML 2019, <https://arxiv.org/abs/1905.11946>.

use super::layers::{channels_last, Activation, BatchNorm, ConvSpec, ConvUnit, Padding};
use crate::native::{FusedDepthwise, TrainBlock};
use tch::nn::{self, Init};
use tch::Tensor;

const BN_EPS: f64 = 1e-3;
const BN_MOMENTUM: f64 = 0.01;
/// Drop-connect rate of the last block; block i of n has `rate * i / n`.
const DROP_CONNECT: f64 = 0.2;

/// One published size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// `efficientnet-b0` to `efficientnet-b7`.
    pub name: &'static str,
    width: f64,
    depth: f64,
    /// The side in pixels for which "same" padding is computed, whatever the input's size: kept, because
    /// the published weights were trained so.
    pub resolution: i64,
    /// Dropout before the classifier.
    pub dropout: f64,
}

const fn variant(name: &'static str, width: f64, depth: f64, resolution: i64, dropout: f64) -> Variant {
    Variant { name, width, depth, resolution, dropout }
}

/// All published sizes, smallest first.
pub const VARIANTS: [Variant; 8] = [
    variant("efficientnet-b0", 1.0, 1.0, 224, 0.2),
    variant("efficientnet-b1", 1.0, 1.1, 240, 0.2),
    variant("efficientnet-b2", 1.1, 1.2, 260, 0.3),
    variant("efficientnet-b3", 1.2, 1.4, 300, 0.3),
    variant("efficientnet-b4", 1.4, 1.8, 380, 0.4),
    variant("efficientnet-b5", 1.6, 2.2, 456, 0.4),
    variant("efficientnet-b6", 1.8, 2.6, 528, 0.5),
    variant("efficientnet-b7", 2.0, 3.1, 600, 0.5),
];

impl Variant {
    /// The variant called `name`, such as `efficientnet-b4`.
    pub fn named(name: &str) -> Option<Variant> {
        VARIANTS.into_iter().find(|v| v.name == name)
    }

    /// Channels scaled by the width and rounded to a multiple of 8, never down by more than a tenth.
    fn filters(&self, base: i64) -> i64 {
        const DIVISOR: f64 = 8.0;
        let wanted = base as f64 * self.width;
        let rounded = ((wanted + DIVISOR / 2.0) / DIVISOR).floor() * DIVISOR;
        let rounded = rounded.max(DIVISOR);
        (if rounded < 0.9 * wanted { rounded + DIVISOR } else { rounded }) as i64
    }

    fn repeats(&self, base: i64) -> i64 {
        (self.depth * base as f64).ceil() as i64
    }

    /// Number of blocks.
    pub fn blocks(&self) -> i64 {
        GROUPS.iter().map(|g| self.repeats(g.repeats)).sum()
    }

    /// Width of the pooled features (1792 for b4).
    pub fn features(&self) -> i64 {
        self.filters(1280)
    }
}

/// A row of the paper's table 1 for the unscaled network.
struct Group {
    repeats: i64,
    kernel: i64,
    stride: i64,
    expand: i64,
    c_in: i64,
    c_out: i64,
}

const fn group(repeats: i64, kernel: i64, stride: i64, expand: i64, c_in: i64, c_out: i64) -> Group {
    Group { repeats, kernel, stride, expand, c_in, c_out }
}

const GROUPS: [Group; 7] = [
    group(1, 3, 1, 1, 32, 16),
    group(2, 3, 2, 6, 16, 24),
    group(2, 5, 2, 6, 24, 40),
    group(3, 3, 2, 6, 40, 80),
    group(3, 5, 1, 6, 80, 112),
    group(4, 5, 2, 6, 112, 192),
    group(1, 3, 1, 6, 192, 320),
];

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

struct SqueezeExcite {
    reduce: ConvUnit,
    expand: ConvUnit,
}

impl SqueezeExcite {
    /// The factor per channel, `[n, c, 1, 1]`, from the means over positions of the same shape.
    fn gate(&self, pooled: &Tensor) -> Tensor {
        self.expand.forward(&self.reduce.forward(pooled, false), false).sigmoid_()
    }
}

struct Block {
    expand: Option<ConvUnit>,
    depthwise: ConvUnit,
    squeeze: SqueezeExcite,
    project: ConvUnit,
    skip: bool,
    drop_connect: f64,
    compiled: bool,
    /// Depthwise convolution, both swishes around it and the means, where this processor has the kernel.
    /// `expand` is then without its activation.
    fused: Option<FusedDepthwise>,
}

impl Block {
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode.batch_statistics();
        let keep = (self.skip && mode == Mode::Train && self.drop_connect > 0.0)
            .then(|| drop_connect(x, self.drop_connect));
        if mode.in_training_form() {
            if let Some(y) = self.training_form().and_then(|block| block.forward(x, keep.as_ref())) {
                return y;
            }
        }
        let (mut y, pooled) = self.depthwise(x, train);
        let gate = self.squeeze.gate(&pooled);
        y = if self.compiled { y.g_mul_(&gate) } else { y * gate };
        let y = self.project.forward(&y, train);
        match (self.skip, keep) {
            (false, _) => y,
            (true, Some(keep)) => y * keep.view([-1, 1, 1, 1]) + x,
            (true, None) if self.compiled => {
                let mut y = y;
                y.g_add_(x)
            }
            (true, None) => y + x,
        }
    }

    /// Expansion and depthwise convolution, and the means of the result over its positions.
    fn depthwise(&self, x: &Tensor, train: bool) -> (Tensor, Tensor) {
        let expanded = self.expand.as_ref().map(|unit| unit.forward(x, train));
        let x = expanded.as_ref().unwrap_or(x);
        match &self.fused {
            Some(fused) => fused.forward(x),
            None => {
                let y = self.depthwise.forward(x, train);
                let pooled = y.mean_dim([2i64, 3].as_slice(), true, None);
                (y, pooled)
            }
        }
    }

    /// All of it as one operation, which keeps less for the way back; `None` for an activation it does not know.
    fn training_form(&self) -> Option<TrainBlock<'_>> {
        let activation = self.depthwise.activation().in_training()?;
        let SqueezeExcite { reduce, expand } = &self.squeeze;
        let padding = self.depthwise.spec().padding;
        Some(TrainBlock {
            expand: self.expand.as_ref().and_then(ConvUnit::weight_and_norm),
            depthwise: self.depthwise.weight_and_norm()?,
            excitation: Some([reduce.weight_and_bias()?, expand.weight_and_bias()?]),
            project: self.project.weight_and_norm()?,
            stride: self.depthwise.spec().stride,
            padding: (padding.before, padding.after),
            activation,
            skip: self.skip,
        })
    }

    fn compile(&mut self) {
        self.compiled = true;
        self.fused = self.depthwise.fused_depthwise(self.expand.is_some());
        if let Some(expand) = &mut self.expand {
            match self.fused {
                Some(_) => expand.compile_linear(),
                None => expand.compile(),
            }
        }
        if self.fused.is_none() {
            self.depthwise.compile();
        }
        let SqueezeExcite { reduce, expand } = &mut self.squeeze;
        [reduce, expand, &mut self.project].into_iter().for_each(ConvUnit::compile);
    }
}

/// Factors `[n]` of a residual branch that drop whole samples of `x` with probability `rate` and scale the rest up.
fn drop_connect(x: &Tensor, rate: f64) -> Tensor {
    let keep = 1.0 - rate;
    (Tensor::rand([x.size()[0]], (x.kind(), x.device())) + keep).floor() / keep
}

/// The trunk and the classifier layer `_fc`.
pub struct EfficientNet {
    /// Which size this is.
    pub variant: Variant,
    stem: ConvUnit,
    blocks: Vec<Block>,
    head: ConvUnit,
    fc: nn::Linear,
    compiled: bool,
}

impl EfficientNet {
    /// Weights are zero until loaded. Names under `root` are those of `efficientnet_pytorch`: `_conv_stem`, `_bn0`, `_blocks.N.…`, `_fc`.
    pub fn new(root: &nn::Path, variant: Variant, classes: i64) -> Self {
        let norm = |path: nn::Path, c: i64| Some(BatchNorm::new(path, c, BN_EPS, BN_MOMENTUM));
        let mut side = variant.resolution;
        let c_stem = variant.filters(32);
        let stem = ConvUnit::new(
            root / "_conv_stem",
            ConvSpec { stride: 2, padding: Padding::same(side, 3, 2), ..ConvSpec::new(3, c_stem, 3) },
            norm(root / "_bn0", c_stem),
            Activation::Swish,
        );
        side = (side + 1) / 2;

        let total = variant.blocks();
        let mut blocks = Vec::new();
        for group in &GROUPS {
            for repeat in 0..variant.repeats(group.repeats) {
                let (c_in, stride) = match repeat {
                    0 => (variant.filters(group.c_in), group.stride),
                    _ => (variant.filters(group.c_out), 1),
                };
                let index = blocks.len() as i64;
                let path = root / "_blocks" / index;
                let shape = BlockShape { c_in, c_out: variant.filters(group.c_out), stride, side };
                let drop = DROP_CONNECT * index as f64 / total as f64;
                blocks.push(block(&path, group, shape, drop, norm));
                side = (side + stride - 1) / stride;
            }
        }

        let c_last = variant.filters(320);
        let features = variant.features();
        let head = ConvUnit::new(
            root / "_conv_head",
            ConvSpec::new(c_last, features, 1),
            norm(root / "_bn1", features),
            Activation::Swish,
        );
        let fc = linear(root / "_fc", features, classes);
        EfficientNet { variant, stem, blocks, head, fc, compiled: false }
    }

    /// Switches every unit to its compiled form (CPU, inference only).
    pub fn compile(&mut self) {
        self.compiled = true;
        self.stem.compile();
        self.head.compile();
        self.blocks.iter_mut().for_each(Block::compile);
    }

    /// The last feature map: `x` `[n, 3, h, w]` to `[n, features, h / 32, w / 32]`.
    pub fn extract_features(&self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode.batch_statistics();
        let x = if self.compiled { channels_last(x) } else { x.shallow_clone() };
        let unit = |unit: &ConvUnit, x: &Tensor| match mode.in_training_form() {
            true => unit.forward_training(x),
            false => unit.forward(x, train),
        };
        let mut y = unit(&self.stem, &x);
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
        assert!(!self.compiled, "a compiled network has no separate batch norms to show");
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

struct BlockShape {
    c_in: i64,
    c_out: i64,
    stride: i64,
    side: i64,
}

fn block(
    path: &nn::Path,
    group: &Group,
    shape: BlockShape,
    drop_connect: f64,
    norm: impl Fn(nn::Path, i64) -> Option<BatchNorm>,
) -> Block {
    let BlockShape { c_in, c_out, stride, side } = shape;
    let wide = c_in * group.expand;
    let expand = (group.expand != 1).then(|| {
        let spec = ConvSpec::new(c_in, wide, 1);
        ConvUnit::new(path / "_expand_conv", spec, norm(path / "_bn0", wide), Activation::Swish)
    });
    let depthwise = ConvUnit::new(
        path / "_depthwise_conv",
        ConvSpec {
            stride,
            padding: Padding::same(side, group.kernel, stride),
            groups: wide,
            ..ConvSpec::new(wide, wide, group.kernel)
        },
        norm(path / "_bn1", wide),
        Activation::Swish,
    );
    // The paper's ratio 0.25 is of the block's input, not of the expanded channels.
    let squeezed = (c_in / 4).max(1);
    let biased = |c_in, c_out| ConvSpec { bias: true, ..ConvSpec::new(c_in, c_out, 1) };
    let squeeze = SqueezeExcite {
        reduce: ConvUnit::new(path / "_se_reduce", biased(wide, squeezed), None, Activation::Swish),
        expand: ConvUnit::new(path / "_se_expand", biased(squeezed, wide), None, Activation::None),
    };
    let project = ConvUnit::new(
        path / "_project_conv",
        ConvSpec::new(wide, c_out, 1),
        norm(path / "_bn2", c_out),
        Activation::None,
    );
    let skip = stride == 1 && c_in == c_out;
    Block { expand, depthwise, squeeze, project, skip, drop_connect, compiled: false, fused: None }
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
    fn widths_and_depths_are_the_published_ones() {
        let rows: Vec<_> = VARIANTS.iter().map(|v| (v.blocks(), v.filters(32), v.features())).collect();
        let published = [
            (16, 32, 1280),
            (23, 32, 1280),
            (23, 32, 1408),
            (26, 40, 1536),
            (32, 48, 1792),
            (39, 48, 2048),
            (45, 56, 2304),
            (55, 64, 2560),
        ];
        assert_eq!(rows, published);
    }

    #[test]
    fn compiled_and_plain_agree_on_every_small_variant() {
        for variant in &VARIANTS[..3] {
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

//! One block of an EfficientNet: expansion, depthwise convolution, weighing of the channels, projection.

use super::Mode;
use super::variant::{Group, Variant};
use crate::engine::{self, Builder, Map};
use crate::model::layers::{Activation, BatchNorm, ConvSpec, ConvUnit, Padding};
use crate::native::training::TrainBlock;
use tch::Tensor;
use tch::nn;

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

/// One block.
pub(super) struct Block {
    expand: Option<ConvUnit>,
    depthwise: ConvUnit,
    /// None in the light form.
    squeeze: Option<SqueezeExcite>,
    project: ConvUnit,
    skip: bool,
    drop_connect: f64,
}

impl Block {
    /// All weights zero; names under `path` as in `efficientnet_pytorch`.
    pub(super) fn new(
        path: &nn::Path,
        variant: Variant,
        group: &Group,
        shape: BlockShape,
        drop_connect: f64,
        norm: impl Fn(nn::Path, i64) -> Option<BatchNorm>,
    ) -> Self {
        let BlockShape { c_in, c_out, stride, side } = shape;
        let activation = variant.activation();
        let wide = c_in * group.expand;
        let expand = (group.expand != 1).then(|| {
            let spec = ConvSpec::new(c_in, wide, 1);
            ConvUnit::new(path / "_expand_conv", spec, norm(path / "_bn0", wide), activation)
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
            activation,
        );
        // The paper's ratio 0.25 is of the block's input, not of the expanded channels.
        let squeezed = (c_in / 4).max(1);
        let biased = |c_in, c_out| ConvSpec { bias: true, ..ConvSpec::new(c_in, c_out, 1) };
        let squeeze = variant.squeezes().then(|| SqueezeExcite {
            reduce: ConvUnit::new(path / "_se_reduce", biased(wide, squeezed), None, activation),
            expand: ConvUnit::new(path / "_se_expand", biased(squeezed, wide), None, Activation::None),
        });
        let project = ConvUnit::new(
            path / "_project_conv",
            ConvSpec::new(wide, c_out, 1),
            norm(path / "_bn2", c_out),
            Activation::None,
        );
        let skip = stride == 1 && c_in == c_out;
        Block { expand, depthwise, squeeze, project, skip, drop_connect }
    }

    /// `x`: `[n, c_in, h, w]`.
    pub(super) fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode.batch_statistics();
        let keep = (self.skip && mode == Mode::Train && self.drop_connect > 0.0)
            .then(|| drop_connect(x, self.drop_connect));
        if mode.in_training_form()
            && let Some(y) = self.training_form().and_then(|block| block.forward(x, keep.as_ref()))
        {
            return y;
        }
        let expanded = self.expand.as_ref().map(|unit| unit.forward(x, train));
        let y = self.weighed(expanded.as_ref().unwrap_or(x), train);
        let y = self.project.forward(&y, train);
        match (self.skip, keep) {
            (false, _) => y,
            (true, Some(keep)) => y * keep.view([-1, 1, 1, 1]) + x,
            (true, None) => y + x,
        }
    }

    /// All of it as one operation, which keeps less for the way back; `None` for an activation it does not know.
    fn training_form(&self) -> Option<TrainBlock<'_>> {
        let activation = self.depthwise.activation().in_training()?;
        let excitation = match &self.squeeze {
            Some(SqueezeExcite { reduce, expand }) => {
                Some([reduce.weight_and_bias()?, expand.weight_and_bias()?])
            }
            None => None,
        };
        let padding = self.depthwise.spec().padding;
        Some(TrainBlock {
            expand: self.expand.as_ref().and_then(ConvUnit::weight_and_norm),
            depthwise: self.depthwise.weight_and_norm()?,
            excitation,
            project: self.project.weight_and_norm()?,
            stride: self.depthwise.spec().stride,
            padding: (padding.before, padding.after),
            activation,
            skip: self.skip,
        })
    }

    /// Depthwise convolution, and the weighing of its channels where there is one.
    fn weighed(&self, x: &Tensor, train: bool) -> Tensor {
        let Some(squeeze) = &self.squeeze else { return self.depthwise.forward(x, train) };
        let y = self.depthwise.forward(x, train);
        let pooled = y.mean_dim([2i64, 3].as_slice(), true, None);
        y * squeeze.gate(&pooled)
    }

    /// The same block of a program.
    pub(super) fn compile(&self, program: &mut Builder, from: Map) -> Map {
        let spec = self.depthwise.spec();
        let block = engine::Block {
            expand: self.expand.as_ref().map(ConvUnit::folded),
            depthwise: self.depthwise.folded(),
            stride: spec.stride as usize,
            padding: spec.padding,
            activation: self.depthwise.activation(),
            squeeze: self.squeeze.as_ref().map(|gate| (gate.reduce.folded(), gate.expand.folded())),
            project: self.project.folded(),
            last_activation: self.project.activation(),
            skip: self.skip,
        };
        program.block(from, &block)
    }
}

/// Factors `[n]` of a residual branch that drop whole samples of `x` with probability `rate` and scale the rest up.
fn drop_connect(x: &Tensor, rate: f64) -> Tensor {
    let keep = 1.0 - rate;
    (Tensor::rand([x.size()[0]], (x.kind(), x.device())) + keep).floor() / keep
}

/// Shape of a block.
pub(super) struct BlockShape {
    pub c_in: i64,
    pub c_out: i64,
    pub stride: i64,
    /// Side of the input for which padding is computed.
    pub side: i64,
}

//! A depthwise convolution with what is around it: expansion, weighing of the channels, projection.

use super::conv::{ConvModule, activation};
use super::{Mode, TensorSource};
use crate::model::Error;
use crate::native::training::TrainBlock;
use crate::network::{Activation, Block};
use tch::Tensor;

pub(super) struct BlockModule {
    pub name: String,
    expand: Option<ConvModule>,
    depthwise: ConvModule,
    activation: Activation<Tensor>,
    squeeze: Option<SqueezeModule>,
    project: ConvModule,
    project_activation: Activation<Tensor>,
    skip: bool,
    drop_connect: f64,
}

struct SqueezeModule {
    reduce: ConvModule,
    expand: ConvModule,
}

impl SqueezeModule {
    /// `x` with its channels weighed.
    fn weigh(&self, x: Tensor) -> Tensor {
        let pooled = x.mean_dim([2i64, 3].as_slice(), true, None);
        let squeezed = self.reduce.forward(&pooled, false).silu();
        x * self.expand.forward(&squeezed, false).sigmoid_()
    }
}

impl BlockModule {
    pub fn new(block: &Block, source: &dyn TensorSource) -> Result<Self, Error> {
        let conv = |conv| ConvModule::new(conv, source);
        let squeeze = block.squeeze.as_ref().map(|squeeze| -> Result<_, Error> {
            Ok(SqueezeModule { reduce: conv(&squeeze.reduce)?, expand: conv(&squeeze.expand)? })
        });
        Ok(BlockModule {
            name: block.name.clone(),
            expand: block.expand.as_ref().map(conv).transpose()?,
            depthwise: conv(&block.depthwise)?,
            activation: activation(&block.activation, block.depthwise.spec.c_out, source)?,
            squeeze: squeeze.transpose()?,
            project: conv(&block.project)?,
            project_activation: activation(&block.project_activation, block.project.spec.c_out, source)?,
            skip: block.skip,
            drop_connect: block.drop_connect,
        })
    }

    /// `x`: `[n, c_in, h, w]`.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode.batch_statistics();
        let keep = (self.skip && mode == Mode::Train && self.drop_connect > 0.0)
            .then(|| drop_connect(x, self.drop_connect));
        if mode.in_training_form()
            && let Some(y) = self.training_form().and_then(|block| block.forward(x, keep.as_ref()))
        {
            return y;
        }
        let unit = |conv: &ConvModule, x: &Tensor| self.activation.apply(conv.forward(x, train));
        let expanded = self.expand.as_ref().map(|conv| unit(conv, x));
        let y = unit(&self.depthwise, expanded.as_ref().unwrap_or(x));
        let y = match &self.squeeze {
            Some(squeeze) => squeeze.weigh(y),
            None => y,
        };
        let y = self.project_activation.apply(self.project.forward(&y, train));
        match (self.skip, keep) {
            (false, _) => y,
            (true, Some(keep)) => y * keep.view([-1, 1, 1, 1]) + x,
            (true, None) => y + x,
        }
    }

    /// All of it as one operation, which keeps less for the way back; `None` where that operation does not know the
    /// block's activations or lacks batch norms.
    fn training_form(&self) -> Option<TrainBlock<'_>> {
        let activation = self.activation.in_training()?;
        if !matches!(self.project_activation, Activation::None) {
            return None;
        }
        let excitation = match &self.squeeze {
            Some(SqueezeModule { reduce, expand }) => {
                Some([reduce.weight_and_bias()?, expand.weight_and_bias()?])
            }
            None => None,
        };
        let window = self.depthwise.spec.window;
        Some(TrainBlock {
            expand: self.expand.as_ref().and_then(ConvModule::weight_and_norm),
            depthwise: self.depthwise.weight_and_norm()?,
            excitation,
            project: self.project.weight_and_norm()?,
            stride: window.stride as i64,
            padding: (window.padding.before as i64, window.padding.after as i64),
            activation,
            skip: self.skip,
        })
    }
}

/// Factors `[n]` of a residual branch that drop whole images of `x` with probability `rate` and scale the rest up.
fn drop_connect(x: &Tensor, rate: f64) -> Tensor {
    let keep = 1.0 - rate;
    (Tensor::rand([x.size()[0]], (x.kind(), x.device())) + keep).floor() / keep
}

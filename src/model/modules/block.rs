//! A depthwise convolution with what is around it: expansion, weighing of the channels, projection.

use super::conv::{ConvModule, activation};
use super::{Mode, Pass, TensorSource};
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
        let squeezed = self.reduce.forward(&pooled, Mode::Eval).silu();
        x * self.expand.forward(&squeezed, Mode::Eval).sigmoid_()
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
    pub fn forward(&self, x: &Tensor, pass: Pass) -> Tensor {
        let keep = (self.skip && pass.mode == Mode::Train && self.drop_connect > 0.0)
            .then(|| drop_connect(x, self.drop_connect, pass));
        if pass.mode.in_training_form()
            && let Some(y) = self.training_form(&pass).and_then(|block| block.forward(x, keep.as_ref()))
        {
            return y;
        }
        let unit = |conv: &ConvModule, x: &Tensor| self.activation.apply(conv.forward(x, pass));
        let expanded = self.expand.as_ref().map(|conv| unit(conv, x));
        let y = unit(&self.depthwise, expanded.as_ref().unwrap_or(x));
        let y = match &self.squeeze {
            Some(squeeze) => squeeze.weigh(y),
            None => y,
        };
        let y = self.project_activation.apply(self.project.forward(&y, pass));
        match (self.skip, keep) {
            (false, _) => y,
            (true, Some(keep)) => y * keep.view([-1, 1, 1, 1]) + x,
            (true, None) => y + x,
        }
    }

    /// All of it as one operation, which keeps less for the way back; `None` where that operation does not know the
    /// block's activations or lacks batch norms.
    fn training_form<'a>(&'a self, pass: &'a Pass<'a>) -> Option<TrainBlock<'a>> {
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
            expand: self.expand.as_ref().and_then(|conv| conv.weight_and_norm(pass)),
            depthwise: self.depthwise.weight_and_norm(pass)?,
            excitation,
            project: self.project.weight_and_norm(pass)?,
            stride: window.stride as i64,
            padding: (window.padding.before as i64, window.padding.after as i64),
            activation,
            skip: self.skip,
        })
    }
}

/// Factors `[n]` of a residual branch that drop whole images of `x` with probability `rate` and scale the rest up.
fn drop_connect(x: &Tensor, rate: f64, pass: Pass) -> Tensor {
    let keep = 1.0 - rate;
    let drawn = pass.drawn(x.size()[0], |images| Tensor::rand([images], (x.kind(), x.device())));
    (drawn + keep).floor() / keep
}

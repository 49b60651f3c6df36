//! A convolution with its batch norm, and activations.

use super::{BatchNorm, Mode, Pass, TensorSource};
use crate::model::Error;
use crate::native::training::{NormTensors, TrainActivation, norm_activation};
use crate::network::{Activation, ConvSpec, Convolution, Norm, Padding};
use tch::Tensor;

impl Activation<Tensor> {
    /// Applies it to a tensor that nobody else has.
    pub(crate) fn apply(&self, mut x: Tensor) -> Tensor {
        match self {
            Activation::None => x,
            Activation::Relu => x.relu_(),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::Swish => x.silu(),
            // No slope can be given to libtorch's leaky_relu through `tch`; for slopes in 0..1 this is the same.
            Activation::LeakyRelu(slope) => x.maximum(&(&x * *slope)),
            Activation::Slopes(slopes) => x.prelu(slopes),
        }
    }

    /// The training kernels' form of this activation; `None` where they have no such form.
    pub(super) fn in_training(&self) -> Option<TrainActivation> {
        match self {
            Activation::None => Some(TrainActivation::None),
            Activation::Swish => Some(TrainActivation::Swish),
            Activation::Relu6 => Some(TrainActivation::Relu6),
            Activation::Relu | Activation::LeakyRelu(_) | Activation::Slopes(_) => None,
        }
    }
}

/// An activation with its slopes, if it has any, for `channels` channels.
pub(super) fn activation(
    described: &Activation,
    channels: usize,
    source: &dyn TensorSource,
) -> Result<Activation<Tensor>, Error> {
    let slopes = described.slopes(channels);
    described.with_slopes(|name| match &slopes {
        Some(weight) => source.tensor(weight),
        None => unreachable!("{name}: an activation with slopes has their weight"),
    })
}

/// Convolution and optional batch norm.
pub(super) struct ConvModule {
    name: String,
    pub spec: ConvSpec,
    weight: Tensor,
    bias: Option<Tensor>,
    norm: Option<(String, BatchNorm)>,
}

impl ConvModule {
    pub fn new(conv: &Convolution, source: &dyn TensorSource) -> Result<Self, Error> {
        let bias = conv.bias().map(|bias| source.tensor(&bias)).transpose()?;
        let norm =
            |norm: &Norm| -> Result<_, Error> { Ok((norm.name.clone(), BatchNorm::new(norm, source)?)) };
        Ok(ConvModule {
            name: conv.name.clone(),
            spec: conv.spec,
            weight: source.tensor(&conv.weight())?,
            bias,
            norm: conv.norm.as_ref().map(norm).transpose()?,
        })
    }

    /// `x`: `[n, c_in, h, w]`, float32. The pass says whether the batch norm takes the batch's statistics.
    pub fn forward<'a>(&self, x: &Tensor, pass: impl Into<Pass<'a>>) -> Tensor {
        let y = self.convolve(x);
        match &self.norm {
            Some((_, norm)) => norm.forward(&y, pass),
            None => y,
        }
    }

    /// Convolution, batch norm with the batch's statistics, and activation, keeping less for the way back where there
    /// is a kernel for it.
    pub fn forward_training(&self, x: &Tensor, activation: &Activation<Tensor>, pass: Pass) -> Tensor {
        let y = self.convolve(x);
        let Some((_, norm)) = &self.norm else { return activation.apply(y) };
        let fused =
            activation.in_training().and_then(|known| norm_activation(&y, &norm.tensors(&pass), known));
        fused.unwrap_or_else(|| activation.apply(norm.forward(&y, pass)))
    }

    /// [`Self::forward`], showing the results of the convolution and of the batch norm under their names.
    pub fn trace(&self, x: &Tensor, mode: Mode, see: &mut dyn FnMut(&str, &Tensor)) -> Tensor {
        let mut y = self.convolve(x);
        see(&self.name, &y);
        if let Some((name, norm)) = &self.norm {
            y = norm.forward(&y, mode);
            see(name, &y);
        }
        y
    }

    /// Weight, `[c_out, c_in / groups, kernel, kernel]`, and the batch norm, if there is one.
    pub fn weight_and_norm<'a>(&'a self, pass: &'a Pass<'a>) -> Option<(&'a Tensor, NormTensors<'a>)> {
        let (_, norm) = self.norm.as_ref()?;
        Some((&self.weight, norm.tensors(pass)))
    }

    /// Weight and the convolution's own bias, if it has one.
    pub fn weight_and_bias(&self) -> Option<(&Tensor, &Tensor)> {
        Some((&self.weight, self.bias.as_ref()?))
    }

    fn convolve(&self, x: &Tensor) -> Tensor {
        let window = self.spec.window;
        let [before, after, stride] =
            [window.padding.before, window.padding.after, window.stride].map(|n| n as i64);
        // Zeros are a step of their own where a convolution cannot add them: where the sides differ.
        let (x, inside) = match window.padding {
            Padding { before, after } if before == after => (x.shallow_clone(), before as i64),
            _ => (x.constant_pad_nd([before, after, before, after]), 0),
        };
        let groups = self.spec.groups as i64;
        x.conv2d(&self.weight, self.bias.as_ref(), [stride; 2], [inside; 2], [1, 1], groups)
    }
}

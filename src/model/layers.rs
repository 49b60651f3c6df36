//! Convolution, batch norm and activation as one unit: the brick of every network here.
//!
//! A unit runs in one of two ways with the same weights. *Plain* uses libtorch's own operators, on any
//! device, with gradients. *Compiled* it is a step of a [program](crate::engine), with the batch norm folded into the
//! convolution: CPU, inference only.

use crate::engine::{Builder, Folded, Map};
use crate::native::training::{NormTensors, TrainActivation, norm_activation};
use tch::nn::{self, Init};
use tch::{Device, Kind, Tensor};

/// What follows the convolution and its batch norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// x within 0..=6.
    Relu6,
    /// x * sigmoid(x).
    Swish,
    /// x where positive, else slope * x.
    LeakyRelu(f64),
}

impl Activation {
    fn apply(self, x: Tensor) -> Tensor {
        match self {
            Activation::None => x,
            Activation::Relu => x.relu(),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::Swish => x.silu(),
            // No slope can be given to libtorch's leaky_relu through `tch`; for slopes in 0..1 this is the same.
            Activation::LeakyRelu(slope) => x.maximum(&(&x * slope)),
        }
    }

    /// The same for training's kernels, where they know it.
    pub fn in_training(self) -> Option<TrainActivation> {
        match self {
            Activation::None => Some(TrainActivation::None),
            Activation::Swish => Some(TrainActivation::Swish),
            Activation::Relu6 => Some(TrainActivation::Relu6),
            Activation::Relu | Activation::LeakyRelu(_) => None,
        }
    }
}

/// Rows and columns of zeros around a convolution's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Before the first row and column.
    pub before: i64,
    /// After the last row and column; may differ from `before` for TensorFlow's "same" padding.
    pub after: i64,
}

impl Padding {
    /// The same on all sides.
    pub const fn even(by: i64) -> Self {
        Padding { before: by, after: by }
    }

    /// TensorFlow's "same" padding for a square input of `side` pixels: output side = ceil(side / stride).
    pub fn same(side: i64, kernel: i64, stride: i64) -> Self {
        let wanted = ((side + stride - 1) / stride - 1) * stride + kernel - side;
        let total = wanted.max(0);
        Padding { before: total / 2, after: total - total / 2 }
    }
}

/// Shape of a convolution; dilation is always 1.
#[derive(Clone, Copy, Debug)]
pub struct ConvSpec {
    /// Channels in.
    pub c_in: i64,
    /// Channels out.
    pub c_out: i64,
    /// Side of the square kernel.
    pub kernel: i64,
    /// Step, both ways.
    pub stride: i64,
    /// Zeros around the input.
    pub padding: Padding,
    /// 1, or `c_in` for a depthwise convolution.
    pub groups: i64,
    /// Whether the convolution has a bias of its own.
    pub bias: bool,
}

impl ConvSpec {
    /// A convolution with stride 1, groups 1, no bias and padding that keeps the size (odd kernels).
    pub const fn new(c_in: i64, c_out: i64, kernel: i64) -> Self {
        let padding = Padding::even(kernel / 2);
        ConvSpec { c_in, c_out, kernel, stride: 1, padding, groups: 1, bias: false }
    }
}

/// Batch norm over the channels of `[n, c, h, w]` or `[n, c]`, with PyTorch's names.
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: f64,
    momentum: f64,
}

impl BatchNorm {
    /// PyTorch's default epsilon; EfficientNet has 1e-3.
    pub const EPS: f64 = 1e-5;
    /// PyTorch's default momentum (share of the new batch); EfficientNet has 0.01.
    pub const MOMENTUM: f64 = 0.1;

    /// `weight`, `bias`, `running_mean` and `running_var` under `path`.
    pub fn new(path: nn::Path, channels: i64, eps: f64, momentum: f64) -> Self {
        BatchNorm {
            weight: path.var("weight", &[channels], Init::Const(1.0)),
            bias: path.var("bias", &[channels], Init::Const(0.0)),
            running_mean: path.zeros_no_train("running_mean", &[channels]),
            running_var: path.ones_no_train("running_var", &[channels]),
            eps,
            momentum,
        }
    }

    /// The same with a bias that is not trained and stays what it is loaded as, at first 0.
    pub fn with_fixed_bias(path: nn::Path, channels: i64, eps: f64, momentum: f64) -> Self {
        BatchNorm {
            weight: path.var("weight", &[channels], Init::Const(1.0)),
            bias: path.zeros_no_train("bias", &[channels]),
            running_mean: path.zeros_no_train("running_mean", &[channels]),
            running_var: path.ones_no_train("running_var", &[channels]),
            eps,
            momentum,
        }
    }

    /// Running mean and variance.
    pub fn running_statistics(&self) -> (Tensor, Tensor) {
        (self.running_mean.shallow_clone(), self.running_var.shallow_clone())
    }

    /// `train` takes the batch's statistics and moves the running ones.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            train,
            self.momentum,
            self.eps,
            false,
        )
    }

    /// Its tensors and constants, for training's kernels.
    pub fn tensors(&self) -> NormTensors<'_> {
        NormTensors {
            weight: &self.weight,
            bias: &self.bias,
            running_mean: &self.running_mean,
            running_var: &self.running_var,
            eps: self.eps,
            momentum: self.momentum,
        }
    }

    /// The batch norm in eval mode as a factor and an offset per channel, float64.
    pub fn scale_and_shift(&self) -> (Tensor, Tensor) {
        let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
        let scale = double(&self.weight) / (double(&self.running_var) + self.eps).sqrt();
        let shift = double(&self.bias) - double(&self.running_mean) * &scale;
        (scale, shift)
    }
}

/// Convolution, optional batch norm, activation.
pub struct ConvUnit {
    spec: ConvSpec,
    weight: Tensor,
    bias: Option<Tensor>,
    norm: Option<BatchNorm>,
    activation: Activation,
}

impl ConvUnit {
    /// `weight` (and `bias`) under `path`: `[c_out, c_in / groups, kernel, kernel]`, all zero until loaded.
    pub fn new(path: nn::Path, spec: ConvSpec, norm: Option<BatchNorm>, activation: Activation) -> Self {
        let shape = [spec.c_out, spec.c_in / spec.groups, spec.kernel, spec.kernel];
        // Random values would take a second to draw, only to be overwritten by those of a file.
        let weight = path.var("weight", &shape, Init::Const(0.0));
        let bias = spec.bias.then(|| path.var("bias", &[spec.c_out], Init::Const(0.0)));
        ConvUnit { spec, weight, bias, norm, activation }
    }

    /// `x`: `[n, c_in, h, w]`, float32. `train` only matters to the batch norm of a plain unit.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        self.activation.apply(self.normalised(x, train))
    }

    /// Like [`Self::forward`] of a plain unit with the batch's statistics, keeping less for the way back where there is
    /// a kernel for it: batch norm and activation in one.
    pub fn forward_training(&self, x: &Tensor) -> Tensor {
        let y = self.convolve(x);
        let Some(norm) = &self.norm else { return self.activation.apply(y) };
        let fused = self.activation.in_training().and_then(|act| norm_activation(&y, &norm.tensors(), act));
        fused.unwrap_or_else(|| self.activation.apply(norm.forward(&y, true)))
    }

    /// Weight, `[c_out, c_in / groups, kernel, kernel]`, and the batch norm, if there is one.
    pub fn weight_and_norm(&self) -> Option<(&Tensor, NormTensors<'_>)> {
        Some((&self.weight, self.norm.as_ref()?.tensors()))
    }

    /// Weight and the convolution's own bias, if it has one.
    pub fn weight_and_bias(&self) -> Option<(&Tensor, &Tensor)> {
        Some((&self.weight, self.bias.as_ref()?))
    }

    /// Shape of the convolution.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// What follows.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// max(x's result + `shortcut`, 0) for a unit without activation, in eval mode. `shortcut` may be overwritten.
    pub fn forward_residual(&self, x: &Tensor, shortcut: Tensor) -> Tensor {
        debug_assert_eq!(self.activation, Activation::None);
        (self.forward(x, false) + shortcut).relu_()
    }

    /// Like [`Self::forward`] of a plain unit, showing the result of the convolution (`see(false, …)`) and of
    /// the batch norm (`see(true, …)`): for layer-by-layer checks.
    pub fn trace(&self, x: &Tensor, train: bool, see: &mut dyn FnMut(bool, &Tensor)) -> Tensor {
        let mut y = self.convolve(x);
        see(false, &y);
        if let Some(norm) = &self.norm {
            y = norm.forward(&y, train);
            see(true, &y);
        }
        self.activation.apply(y)
    }

    fn convolve(&self, x: &Tensor) -> Tensor {
        let pad = self.symmetric();
        let stride = [self.spec.stride; 2];
        let y =
            self.padded(x).conv2d(&self.weight, self.bias.as_ref(), stride, pad, [1, 1], self.spec.groups);
        super::work::count(&self.weight, &y);
        y
    }

    fn normalised(&self, x: &Tensor, train: bool) -> Tensor {
        let y = self.convolve(x);
        match &self.norm {
            Some(norm) => norm.forward(&y, train),
            None => y,
        }
    }

    /// The padding that the convolution itself can do: none where the sides differ.
    fn symmetric(&self) -> [i64; 2] {
        let Padding { before, after } = self.spec.padding;
        [if before == after { before } else { 0 }; 2]
    }

    /// The input with explicit zeros where the sides differ.
    fn padded(&self, x: &Tensor) -> Tensor {
        let Padding { before, after } = self.spec.padding;
        if before == after {
            return x.shallow_clone();
        }
        x.constant_pad_nd([before, after, before, after])
    }

    /// Running mean and variance of the batch norm, if there is one.
    pub fn running_statistics(&self) -> Option<(Tensor, Tensor)> {
        self.norm.as_ref().map(|norm| (norm.running_mean.shallow_clone(), norm.running_var.shallow_clone()))
    }

    /// Weight and bias with the batch norm in them, as a program takes them. Folded in float64, so that the result stays
    /// within rounding of the plain form.
    pub fn folded(&self) -> Folded {
        let _no_grad = tch::no_grad_guard();
        let mut weight = values_of(&self.weight);
        let mut bias = self.bias.as_ref().map_or(vec![0.0; self.spec.c_out as usize], values_of);
        if let Some(norm) = &self.norm {
            let (scales, shifts) = norm.scale_and_shift();
            let doubles = |t: &Tensor| Vec::<f64>::try_from(t).expect("a number per channel");
            let rows = weight.chunks_exact_mut(self.weight.numel() / self.spec.c_out as usize);
            for (((row, bias), scale), shift) in
                rows.zip(&mut bias).zip(doubles(&scales)).zip(doubles(&shifts))
            {
                row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
                *bias = (f64::from(*bias) * scale + shift) as f32;
            }
        }
        Folded {
            weight,
            bias,
            c_in: (self.spec.c_in / self.spec.groups) as usize,
            c_out: self.spec.c_out as usize,
            kernel: self.spec.kernel as usize,
        }
    }

    /// The same unit of a program: what [`Self::forward`] does in eval mode.
    pub fn compile(&self, program: &mut Builder, from: Map) -> Map {
        let ConvSpec { stride, padding, .. } = self.spec;
        program.conv(from, &self.folded(), stride as usize, padding, self.activation)
    }

    /// The same, to which `onto` is added before an activation that the unit itself does not have.
    pub fn compile_onto(&self, program: &mut Builder, from: Map, onto: Map, activation: Activation) -> Map {
        let ConvSpec { stride, padding, .. } = self.spec;
        program.conv_onto(from, &self.folded(), stride as usize, padding, activation, onto)
    }
}

/// The numbers of a tensor, flat, as float32.
pub fn values_of(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous().view([-1]);
    Vec::<f32>::try_from(flat).expect("a flat float32 tensor is a list of numbers")
}

/// The same values in channels-last memory order, which libtorch's convolutions are fastest with.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        assert_eq!(Padding::same(380, 3, 2), Padding { before: 0, after: 1 });
        assert_eq!(Padding::same(95, 3, 2), Padding { before: 1, after: 1 });
        assert_eq!(Padding::same(190, 5, 2), Padding { before: 1, after: 2 });
        assert_eq!(Padding::same(24, 5, 1), Padding::even(2));
        assert_eq!(Padding::same(10, 1, 1), Padding::even(0));
    }
}

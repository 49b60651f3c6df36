//! Where libtorch's modules get their tensors.

use crate::model::Error;
use crate::network::{Linear, Weight, Weights};
use tch::nn::{self, Init};
use tch::{Device, Tensor};

/// A source of tensors by name.
pub trait TensorSource {
    /// The tensor of a weight.
    ///
    /// Fails when the source lacks it, and when libtorch runs out of memory.
    fn tensor(&self, weight: &Weight) -> Result<Tensor, Error>;
}

/// Makes new variables under this path: for training, and for whoever fills them later.
impl TensorSource for nn::Path<'_> {
    fn tensor(&self, weight: &Weight) -> Result<Tensor, Error> {
        let (folders, leaf) = weight.name.rsplit_once('.').unwrap_or(("", &weight.name));
        let folder = folders.split('.').filter(|part| !part.is_empty());
        let path = folder.fold(self.clone(), |path, part| path / part);
        let shape: Vec<i64> = weight.shape.iter().map(|&side| side as i64).collect();
        // A constant: random values would take a second to draw, only to be overwritten by those of a file.
        let init = Init::Const(f64::from(weight.initial));
        Ok(match (weight.trained, weight.initial) {
            (true, _) => path.f_var(leaf, &shape, init)?,
            (false, 0.0) => path.f_zeros_no_train(leaf, &shape)?,
            (false, _) => {
                let mut fixed = path.f_ones_no_train(leaf, &shape)?;
                fixed.f_fill_(f64::from(weight.initial))?
            }
        })
    }
}

/// Weights of a state dict as tensors on a device, without gradients: for inference.
#[derive(Clone, Copy, Debug)]
pub struct DeviceWeights<'a> {
    weights: Weights<'a>,
    device: Device,
}

impl<'a> DeviceWeights<'a> {
    /// The tensors will be on `device`.
    pub fn new(weights: Weights<'a>, device: Device) -> Self {
        DeviceWeights { weights, device }
    }
}

impl TensorSource for DeviceWeights<'_> {
    fn tensor(&self, weight: &Weight) -> Result<Tensor, Error> {
        let shape: Vec<i64> = weight.shape.iter().map(|&side| side as i64).collect();
        let values = self.weights.values(weight)?;
        Ok(Tensor::f_from_slice(&values)?.f_view(shape.as_slice())?.f_to_device(self.device)?)
    }
}

/// The linear layer of a description.
///
/// Fails when `source` lacks a tensor.
pub fn linear(layer: &Linear, source: &dyn TensorSource) -> Result<nn::Linear, Error> {
    let bs = layer.bias().map(|weight| source.tensor(&weight)).transpose()?;
    Ok(nn::Linear { ws: source.tensor(&layer.weight())?, bs })
}

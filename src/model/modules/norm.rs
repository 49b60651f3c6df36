//! Batch norm.

use super::{Pass, TensorSource};
use crate::model::Error;
use crate::native::training::{NormTensors, shared_norm};
use crate::network::Norm;
use tch::Tensor;

/// Batch norm over the channels of `[n, c, h, w]` or `[n, c]`.
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: f64,
    momentum: f64,
}

impl BatchNorm {
    /// The module of a description. Fails when `source` lacks a tensor.
    pub fn new(norm: &Norm, source: &dyn TensorSource) -> Result<Self, Error> {
        Ok(BatchNorm {
            weight: source.tensor(&norm.weight())?,
            bias: source.tensor(&norm.bias())?,
            running_mean: source.tensor(&norm.running_mean())?,
            running_var: source.tensor(&norm.running_var())?,
            eps: norm.eps,
            momentum: norm.momentum,
        })
    }

    /// In training this takes the batch's statistics and moves the running ones.
    pub fn forward<'a>(&self, x: &Tensor, pass: impl Into<Pass<'a>>) -> Tensor {
        let pass = pass.into();
        if let Some(y) = shared_norm(x, &self.tensors(&pass)) {
            return y;
        }
        x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            pass.mode.batch_statistics(),
            self.momentum,
            self.eps,
            false,
        )
    }

    /// Tensors and constants for training's kernels.
    pub(super) fn tensors<'a>(&'a self, pass: &'a Pass<'a>) -> NormTensors<'a> {
        NormTensors {
            weight: &self.weight,
            bias: &self.bias,
            running_mean: &self.running_mean,
            running_var: &self.running_var,
            eps: self.eps,
            momentum: self.momentum,
            group: pass.group_of_norms(),
        }
    }
}

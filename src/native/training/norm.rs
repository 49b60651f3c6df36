//! Batch norm and activation in one operation.

use super::{LANES, TrainActivation, is_plain_float, supported};
use crate::native::process_group::{ProcessGroup, RawRanks};
use crate::native::torch::checked;
use std::ffi::c_char;
use std::ptr::null;
use tch::Tensor;
use torch_sys::C_tensor;

/// `SbiNorm`: pointers to a batch norm's tensors, and its numbers.
#[repr(C)]
pub(super) struct RawNorm {
    pub weight: *const C_tensor,
    pub bias: *const C_tensor,
    pub running_mean: *const C_tensor,
    pub running_var: *const C_tensor,
    pub eps: f64,
    pub momentum: f64,
    pub ranks: *const RawRanks,
}

unsafe extern "C" {
    fn sbi_shared_norm(x: *const C_tensor, norm: *const RawNorm, error: *mut *mut c_char) -> *mut C_tensor;
    fn sbi_norm_activation(
        x: *const C_tensor,
        norm: *const RawNorm,
        activation: TrainActivation,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
}

/// A batch norm's tensors, `[channels]` each, and torch's epsilon and momentum.
#[derive(Clone, Copy)]
pub struct NormTensors<'a> {
    /// The trained factor per channel, `[channels]`.
    pub weight: &'a Tensor,
    /// The trained offset per channel, `[channels]`.
    pub bias: &'a Tensor,
    /// The running mean, `[channels]`, which each use moves towards the batch's mean.
    pub running_mean: &'a Tensor,
    /// The running variance, `[channels]`, which each use moves towards the batch's variance.
    pub running_var: &'a Tensor,
    /// What is added to the variance before its root is taken.
    pub eps: f64,
    /// The share of the new batch in the running statistics.
    pub momentum: f64,
    /// The processes whose batches are one to this norm; `None`: the batch is this process's.
    pub group: Option<&'a ProcessGroup>,
}

impl NormTensors<'_> {
    pub(super) fn raw(&self) -> RawNorm {
        RawNorm {
            weight: self.weight.as_ptr(),
            bias: self.bias.as_ptr(),
            running_mean: self.running_mean.as_ptr(),
            running_var: self.running_var.as_ptr(),
            eps: self.eps,
            momentum: self.momentum,
            ranks: self.group.map_or(null(), ProcessGroup::raw),
        }
    }
}

impl RawNorm {
    pub const ABSENT: RawNorm = RawNorm {
        weight: null(),
        bias: null(),
        running_mean: null(),
        running_var: null(),
        eps: 0.0,
        momentum: 0.0,
        ranks: null(),
    };
}

/// A batch norm with the statistics of all processes' batches, moving the running ones; with gradients. `x`: `[n, c, ...]`,
/// on any device, of any float type; the result is of its type and in its memory order.
///
/// `None` where the norm's batch is this process's alone: libtorch has an operator for that.
///
/// # Panics
/// When a process is gone, as `tch`'s operators do when they fail.
pub fn shared_norm(x: &Tensor, norm: &NormTensors) -> Option<Tensor> {
    norm.group?;
    let raw = norm.raw();
    // SAFETY: all pointers live through the call; the shim keeps tensors and its own share of the group, not pointers, and
    // catches exceptions.
    Some(checked(|error| unsafe { sbi_shared_norm(x.as_ptr(), &raw, error) }))
}

/// `activation(batch norm of x)` with the batch's statistics, moving the running ones; with gradients. `x`:
/// `[n, c, h, w]`; the result is in channels-last order.
///
/// Keeps only `x` for the way back, and takes it up twice instead of six times. Statistics are summed in float64, which
/// makes them slightly better than libtorch's. The result does not depend on the order in which threads run.
///
/// `None` where there is no such kernel: other devices, kinds and processors (no AVX2), channels not in eights, a single
/// value per channel.
pub fn norm_activation(x: &Tensor, norm: &NormTensors, activation: TrainActivation) -> Option<Tensor> {
    let (n, c, h, w) = x.size4().ok()?;
    let fits = is_plain_float(x) && is_plain_float(norm.weight) && c % LANES == 0 && n * h * w > 1;
    if !fits || !supported() {
        return None;
    }
    let raw = norm.raw();
    // SAFETY: all pointers live through the call; the shim keeps tensors, not pointers, and catches exceptions.
    Some(checked(|error| unsafe { sbi_norm_activation(x.as_ptr(), &raw, activation, error) }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ACTIVATIONS, Norm, activated, assert_near, no_kernel, randn, trained};
    use super::*;
    use tch::Kind;

    #[test]
    fn norm_and_activation_equal_libtorchs() {
        tch::manual_seed(6);
        for (n, c, side) in [(1, 8, 5), (3, 24, 7), (2, 40, 1), (2, 16, 60)] {
            for activation in ACTIVATIONS {
                // Far from 0, where a careless variance would lose its digits; but rounding then decides on which
                // side of a corner some values fall.
                let far = if activation == TrainActivation::Relu6 { 0.0 } else { 30.0 };
                let x = trained(randn(&[n, c, side, side + 1], 2.0) + far);
                let norm = Norm::new(c);
                let (x64, norm64) = (trained(x.to_kind(Kind::Double)), norm.double());
                let Some(y) = norm_activation(&x, &norm.tensors(), activation) else {
                    return no_kernel();
                };
                let y64 = activated(activation, norm64.apply(&x64));
                let weight = randn(&y.size(), 1.0);
                (&y * &weight).sum(Kind::Float).backward();
                (&y64 * &weight).sum(Kind::Double).backward();
                let grads = |x: &Tensor, norm: &Norm| [x.grad(), norm.0[0].grad(), norm.0[1].grad()];
                let (ours, theirs) = (grads(&x, &norm), grads(&x64, &norm64));
                let mut pairs = vec![(&y, &y64), (&norm.0[2], &norm64.0[2]), (&norm.0[3], &norm64.0[3])];
                pairs.extend(ours.iter().zip(&theirs));
                assert_near(&format!("{activation:?} of {n} x {c} x {side}"), &pairs);
            }
        }
    }

    #[test]
    fn what_has_no_kernel_is_left_to_libtorch() {
        let try_with = |x: &Tensor, c| norm_activation(x, &Norm::new(c).tensors(), TrainActivation::Swish);
        assert!(try_with(&randn(&[2, 7, 3, 3], 1.0), 7).is_none(), "channels");
        assert!(try_with(&randn(&[1, 8, 1, 1], 1.0), 8).is_none(), "one value");
        assert!(try_with(&randn(&[2, 8, 3, 3], 1.0).to_kind(Kind::Double), 8).is_none(), "kind");
        assert!(try_with(&randn(&[2, 8], 1.0), 8).is_none(), "axes");
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in ACTIVATIONS {
            let x = randn(&[2, 8, 3, 3], 1.0);
            let _ = x.get(0).get(0).get(0).get(0).fill_(f64::NAN);
            let Some(y) = norm_activation(&x, &Norm::new(8).tensors(), activation) else {
                return no_kernel();
            };
            assert!(y.sum(Kind::Float).double_value(&[]).is_nan(), "{activation:?}");
        }
    }
}

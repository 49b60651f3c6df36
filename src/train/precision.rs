//! Number types of the passes: 32 bits, or 16 where that is safe (CUDA), with the loss scaled for those of small range.
//!
//! Micikevicius et al., "Mixed Precision Training", ICLR 2018; growth and retreat of the scale as in PyTorch's
//! `GradScaler`.

use super::config::Amp;
use super::optimiser::Optimiser;
use crate::native::torch::{Half, in_half_precision};
use tch::{Device, Tensor};

const FIRST_SCALE: f64 = 65536.0;
const GROWTH: f64 = 2.0;
const RETREAT: f64 = 0.5;
/// Steps without an overflow after which the scale grows.
const GROW_AFTER: usize = 2000;

/// How far a scaled loss has come: part of a run's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    /// What the loss is multiplied with before its gradient is taken.
    pub scale: f64,
    /// Steps since it changed.
    pub steps: usize,
}

impl Default for LossScale {
    fn default() -> Self {
        LossScale { scale: FIRST_SCALE, steps: 0 }
    }
}

impl LossScale {
    /// After a step; `overflowed`: its gradient was not finite.
    pub fn after(self, overflowed: bool) -> Self {
        let LossScale { scale, steps } = self;
        match overflowed {
            true => LossScale { scale: scale * RETREAT, steps: 0 },
            false if steps + 1 == GROW_AFTER => LossScale { scale: scale * GROWTH, steps: 0 },
            false => LossScale { scale, steps: steps + 1 },
        }
    }
}

/// Number types of a run's passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    half: Option<Half>,
    device: Device,
}

impl Precision {
    /// Half precision is CUDA's: on a CPU everything has 32 bits, whatever is asked.
    pub fn new(amp: Amp, device: Device) -> Self {
        let half = match amp {
            _ if !device.is_cuda() => None,
            Amp::Off => None,
            Amp::Fp16 => Some(Half::Float16),
            Amp::Bf16 => Some(Half::BFloat16),
        };
        Precision { half, device }
    }

    /// Whether passes are in half precision.
    pub fn is_half(&self) -> bool {
        self.half.is_some()
    }

    /// Whether an overflowing gradient is no fault of the data: the loss is scaled, and the scale may be too large.
    pub fn scales(&self) -> bool {
        self.half == Some(Half::Float16)
    }

    /// Runs a forward pass in this precision.
    pub fn forward<T>(&self, pass: impl FnOnce() -> T) -> T {
        match self.half {
            Some(half) => in_half_precision(self.device, half, pass),
            None => pass(),
        }
    }

    /// Adds the gradient of `loss` to those that are there, scaled where this precision needs it.
    pub fn backward(&self, loss: &Tensor, scale: LossScale) {
        match self.scales() {
            true => (loss * scale.scale).backward(),
            false => loss.backward(),
        }
    }

    /// The mean, in true size, of the gradients of `losses` losses that have been added up.
    pub fn average_gradients(&self, losses: usize, scale: LossScale, optimiser: &mut Optimiser) {
        let scale = if self.scales() { scale.scale } else { 1.0 };
        let sum = scale * losses as f64;
        if sum != 1.0 {
            optimiser.scale_gradients(1.0 / sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::optimiser::OptimiserSpec;

    #[test]
    fn the_scale_halves_at_an_overflow_and_doubles_after_a_while() {
        let start = LossScale::default();
        let halved = start.after(false).after(true);
        assert_eq!(halved, LossScale { scale: FIRST_SCALE / 2.0, steps: 0 });
        let grown = (0..GROW_AFTER).fold(halved, |scale, _| scale.after(false));
        assert_eq!(grown, start);
    }

    #[test]
    fn gradients_come_in_true_size_whatever_the_scale() {
        let x = Tensor::from(3.0f32).set_requires_grad(true);
        let parameters = vec![("x".to_owned(), x.shallow_clone())];
        let mut optimiser = Optimiser::new(OptimiserSpec::PUBLISHED, parameters);
        let scaled = Precision { half: Some(Half::Float16), device: Device::Cpu };
        let plain = Precision::new(Amp::Fp16, Device::Cpu);
        for precision in [scaled, plain] {
            for losses in [1, 3] {
                optimiser.zero_grad();
                for _ in 0..losses {
                    precision.backward(&(&x * &x), LossScale::default());
                }
                precision.average_gradients(losses, LossScale::default(), &mut optimiser);
                assert_eq!(x.grad().double_value(&[]), 6.0);
            }
        }
    }

    #[test]
    fn half_precision_is_for_cuda() {
        assert_eq!(Precision::new(Amp::Bf16, Device::Cpu).half, None);
        assert_eq!(Precision::new(Amp::Bf16, Device::Cuda(0)).half, Some(Half::BFloat16));
        assert!(Precision::new(Amp::Fp16, Device::Cuda(0)).scales());
        assert!(!Precision::new(Amp::Bf16, Device::Cuda(0)).scales());
    }
}

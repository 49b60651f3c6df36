//! Adam with decoupled weight decay.
//!
//! Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Loshchilov & Hutter, "Decoupled Weight Decay
//! Regularization", ICLR 2019. Numbers are PyTorch's, up to rounding.

use super::{Memory, beside};
use tch::{Kind, Tensor};

/// What the means of gradients and of their squares keep of themselves at a step.
pub const BETAS: (f64, f64) = (0.9, 0.999);
/// Keeps steps finite where a gradient has always been 0.
pub const EPS: f64 = 1e-8;

/// PyTorch's names of what is remembered of a parameter.
const STEP: &str = "step";
const MEAN: &str = "exp_avg";
const SQUARE: &str = "exp_avg_sq";

/// The rule and its memory.
pub(super) struct AdamW {
    weight_decay: f64,
    moments: Vec<Option<Moments>>,
}

/// Of one parameter, from its first step on.
struct Moments {
    /// Steps made.
    steps: u32,
    /// Moving mean of the gradient.
    mean: Tensor,
    /// Moving mean of its square.
    square: Tensor,
}

impl AdamW {
    /// For this number of parameters.
    pub fn new(weight_decay: f64, number: usize) -> Self {
        AdamW { weight_decay, moments: (0..number).map(|_| None).collect() }
    }

    /// Moves one parameter. Each operation rounds each number once, so that the result is the same however libtorch
    /// shares the numbers out among threads and vectors.
    pub fn step(&mut self, at: usize, parameter: &mut Tensor, gradient: &Tensor, lr: f64) {
        let (keep_mean, keep_square) = BETAS;
        let none = || Moments { steps: 0, mean: gradient.zeros_like(), square: gradient.zeros_like() };
        let Moments { steps, mean, square } = self.moments[at].get_or_insert_with(none);
        *steps += 1;
        let _ = mean.g_mul_scalar_(keep_mean);
        let _ = mean.g_add_(&(gradient * (1.0 - keep_mean)));
        let _ = square.g_mul_scalar_(keep_square);
        let _ = square.g_add_(&((gradient * gradient) * (1.0 - keep_square)));
        if decays(parameter) {
            let _ = parameter.g_mul_scalar_(1.0 - lr * self.weight_decay);
        }
        // Means that began with 0 are too small by these factors.
        let seen = |keep: f64| 1.0 - keep.powi(*steps as i32);
        let size = (square.sqrt() / seen(keep_square).sqrt()) + EPS;
        let _ = parameter.g_sub_(&((&*mean / size) * (lr / seen(keep_mean))));
    }

    pub fn memory(&self, at: usize) -> Memory {
        self.moments[at].iter().flat_map(Moments::memory).collect()
    }

    /// Whether these were the three parts, in the parameter's shape.
    pub fn set_memory(&mut self, at: usize, parameter: &Tensor, memory: &[(&str, Tensor)]) -> bool {
        let part = |name: &str| memory.iter().find(|(own, _)| *own == name).map(|(_, tensor)| tensor);
        let moments = || {
            let steps = part(STEP).filter(|steps| steps.numel() == 1)?;
            let steps = steps.to_kind(Kind::Double).double_value(&[]);
            let (mean, square) = (beside(parameter, part(MEAN)?)?, beside(parameter, part(SQUARE)?)?);
            (steps >= 1.0).then_some(Moments { steps: steps as u32, mean, square })
        };
        let moments = moments();
        let fits = moments.is_some();
        if fits {
            self.moments[at] = moments;
        }
        fits
    }
}

impl Moments {
    fn memory(&self) -> Memory {
        // PyTorch counts steps in a float, too.
        let steps = Tensor::from(self.steps as f32);
        vec![(STEP, steps), (MEAN, self.mean.shallow_clone()), (SQUARE, self.square.shallow_clone())]
    }
}

/// Biases, and scales of batch norms, are one number per channel: those are not pulled to 0.
fn decays(parameter: &Tensor) -> bool {
    parameter.dim() > 1
}

//! SAM: the gradient that moves the weights is that of a point nearby, uphill, with the same batch.
//!
//! Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR 2021.

use super::gradients;
use tch::Tensor;

/// Keeps the division by the gradient's length finite.
const EPS: f64 = 1e-12;

/// The way uphill, and back.
pub(super) struct Climb {
    rho: f64,
    /// How far each parameter has been moved uphill, between the passes.
    shifts: Vec<Option<Tensor>>,
}

impl Climb {
    /// For this number of parameters.
    pub fn new(rho: f64, number: usize) -> Self {
        Climb { rho, shifts: (0..number).map(|_| None).collect() }
    }

    /// Moves every parameter along its gradient, by `rho` in all. `norm`: the gradient's length.
    pub fn go(&mut self, parameters: &mut [(String, Tensor)], norm: f64) {
        let _no_grad = tch::no_grad_guard();
        let scale = self.rho / (norm + EPS);
        let moves: Vec<(usize, Tensor)> = gradients(parameters).map(|(at, g)| (at, g * scale)).collect();
        for (at, shift) in moves {
            let _ = parameters[at].1.g_add_(&shift);
            self.shifts[at] = Some(shift);
        }
    }

    /// Moves every parameter back.
    pub fn back(&mut self, parameters: &mut [(String, Tensor)]) {
        let _no_grad = tch::no_grad_guard();
        for (shift, (_, parameter)) in self.shifts.iter_mut().zip(parameters) {
            if let Some(shift) = shift.take() {
                let _ = parameter.g_sub_(&shift);
            }
        }
    }
}

//! Stochastic gradient descent with momentum.

use super::{Memory, beside};
use tch::Tensor;

/// PyTorch's name of a velocity.
const VELOCITY: &str = "momentum_buffer";

/// The rule and its memory.
pub(super) struct Sgd {
    momentum: f64,
    /// The velocity of each parameter, from its first step on.
    velocities: Vec<Option<Tensor>>,
}

impl Sgd {
    /// For this number of parameters.
    pub fn new(momentum: f64, number: usize) -> Self {
        Sgd { momentum, velocities: (0..number).map(|_| None).collect() }
    }

    /// Moves one parameter.
    pub fn step(&mut self, at: usize, parameter: &mut Tensor, gradient: &Tensor, lr: f64) {
        let velocity = match self.velocities[at].take() {
            Some(velocity) => velocity * self.momentum + gradient,
            None => gradient.copy(),
        };
        let _ = parameter.g_add_(&(&velocity * -lr));
        self.velocities[at] = Some(velocity);
    }

    pub fn memory(&self, at: usize) -> Memory {
        self.velocities[at].iter().map(|velocity| (VELOCITY, velocity.shallow_clone())).collect()
    }

    /// Whether this was a velocity of the parameter's shape.
    pub fn set_memory(&mut self, at: usize, parameter: &Tensor, memory: &[(&str, Tensor)]) -> bool {
        let [(VELOCITY, velocity)] = memory else { return false };
        let velocity = beside(parameter, velocity);
        let fits = velocity.is_some();
        if fits {
            self.velocities[at] = velocity;
        }
        fits
    }
}

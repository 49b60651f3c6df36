//! What moves the weights: SGD with momentum, SAM over it (`sam`), or AdamW (`adamw`).
//!
//! An [`Optimiser`] holds the parameters, the rule that makes a step of a gradient, and for SAM the climb before it. How
//! many passes over a batch a step takes is told by [`Optimiser::climb`] alone.

pub(super) mod adamw;
mod sam;
mod sgd;

use adamw::AdamW;
use sam::Climb;
use sgd::Sgd;
use tch::{Kind, Tensor};

/// Which optimiser, with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimiserSpec {
    /// Sharpness-aware minimisation over SGD, as published: two passes a step.
    Sam {
        /// How far uphill the second gradient is taken.
        rho: f64,
        /// Share of the last step that the next one keeps.
        momentum: f64,
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// Share of the last step that the next one keeps.
        momentum: f64,
    },
    /// Adam with decoupled weight decay.
    AdamW {
        /// Share of its size that a weight loses at a learning rate of 1.
        weight_decay: f64,
    },
}

impl OptimiserSpec {
    /// SAM as published.
    pub const PUBLISHED: OptimiserSpec = OptimiserSpec::Sam { rho: 0.05, momentum: 0.9 };

    /// How often a step passes forward and backward over its batches.
    pub fn passes(self) -> usize {
        match self {
            OptimiserSpec::Sam { .. } => 2,
            OptimiserSpec::Sgd { .. } | OptimiserSpec::AdamW { .. } => 1,
        }
    }
}

/// What an optimiser remembers of one parameter: tensors by the names that PyTorch gives them.
pub type Memory = Vec<(&'static str, Tensor)>;

/// How the weights move, once a gradient is there.
enum Rule {
    Sgd(Sgd),
    AdamW(AdamW),
}

/// An optimiser and its memory.
pub struct Optimiser {
    spec: OptimiserSpec,
    parameters: Vec<(String, Tensor)>,
    climb: Option<Climb>,
    rule: Rule,
}

impl Optimiser {
    /// For parameters by name.
    pub fn new(spec: OptimiserSpec, parameters: Vec<(String, Tensor)>) -> Self {
        let number = parameters.len();
        let (climb, rule) = match spec {
            OptimiserSpec::Sam { rho, momentum } => {
                (Some(Climb::new(rho, number)), Rule::Sgd(Sgd::new(momentum, number)))
            }
            OptimiserSpec::Sgd { momentum } => (None, Rule::Sgd(Sgd::new(momentum, number))),
            OptimiserSpec::AdamW { weight_decay } => (None, Rule::AdamW(AdamW::new(weight_decay, number))),
        };
        Optimiser { spec, parameters, climb, rule }
    }

    /// Which optimiser this is.
    pub fn spec(&self) -> OptimiserSpec {
        self.spec
    }

    /// Names of the parameters, in the order of [`Optimiser::memories`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }

    /// What is remembered of each parameter; nothing of those that never had a gradient.
    pub fn memories(&self) -> impl Iterator<Item = Memory> + '_ {
        (0..self.parameters.len()).map(|at| match &self.rule {
            Rule::Sgd(sgd) => sgd.memory(at),
            Rule::AdamW(adamw) => adamw.memory(at),
        })
    }

    /// Takes over what was remembered of the parameter of this name; whether there is such a parameter, and this
    /// optimiser remembers just that, in that shape.
    pub fn set_memory(&mut self, name: &str, memory: &[(&str, Tensor)]) -> bool {
        let Some(at) = self.parameters.iter().position(|(own, _)| own == name) else { return false };
        let parameter = &self.parameters[at].1;
        match &mut self.rule {
            Rule::Sgd(sgd) => sgd.set_memory(at, parameter, memory),
            Rule::AdamW(adamw) => adamw.set_memory(at, parameter, memory),
        }
    }

    /// Sets all gradients to zero. Call before the first backward pass of each sum of gradients.
    pub fn zero_grad(&mut self) {
        for (_, parameter) in &mut self.parameters {
            parameter.zero_grad();
        }
    }

    /// Multiplies all gradients by `factor`.
    pub fn scale_gradients(&mut self, factor: f64) {
        let _no_grad = tch::no_grad_guard();
        for (_, mut gradient) in gradients(&self.parameters) {
            let _ = gradient.g_mul_scalar_(factor);
        }
    }

    /// Length of the gradient over all parameters that have one.
    pub fn gradient_norm(&self) -> f64 {
        let squares: Vec<Tensor> =
            gradients(&self.parameters).map(|(_, g)| (&g * &g).sum(Kind::Double)).collect();
        match squares.is_empty() {
            true => 0.0,
            false => Tensor::stack(&squares, 0).sum(Kind::Double).sqrt().double_value(&[]),
        }
    }

    /// After the first pass: whether the optimiser takes its gradient elsewhere. Then every parameter has moved there,
    /// and a second pass is due before [`Optimiser::step`]. `norm`: the gradient's length.
    pub fn climb(&mut self, norm: f64) -> bool {
        let Some(climb) = &mut self.climb else { return false };
        climb.go(&mut self.parameters, norm);
        true
    }

    /// After the last pass: moves back from a climb, then makes a step with the gradient that is there.
    pub fn step(&mut self, lr: f64) {
        self.return_from_climb();
        let _no_grad = tch::no_grad_guard();
        let gradients: Vec<(usize, Tensor)> = gradients(&self.parameters).collect();
        for (at, gradient) in gradients {
            let parameter = &mut self.parameters[at].1;
            match &mut self.rule {
                Rule::Sgd(sgd) => sgd.step(at, parameter, &gradient, lr),
                Rule::AdamW(adamw) => adamw.step(at, parameter, &gradient, lr),
            }
        }
    }

    /// Moves every parameter back to where it was before a climb.
    pub fn return_from_climb(&mut self) {
        if let Some(climb) = &mut self.climb {
            climb.back(&mut self.parameters);
        }
    }
}

/// The parameters' gradients, with their places; without those that no pass has reached.
fn gradients(parameters: &[(String, Tensor)]) -> impl Iterator<Item = (usize, Tensor)> + '_ {
    let gradients = parameters.iter().map(|(_, parameter)| parameter.grad());
    gradients.enumerate().filter(|(_, gradient)| gradient.defined())
}

/// A copy of a remembered tensor as it would have come about beside its parameter; `None` where shapes differ.
fn beside(parameter: &Tensor, remembered: &Tensor) -> Option<Tensor> {
    (parameter.size() == remembered.size()).then(|| {
        let mut copy = parameter.detach().zeros_like();
        copy.copy_(remembered);
        copy
    })
}

#[cfg(test)]
mod tests;

//! SAM over SGD with momentum.
//!
//! Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR 2021: the gradient that
//! moves the weights is that of a point nearby, uphill, with the same batch.

use tch::{Kind, Tensor};

/// Keeps the division by the gradient's length finite.
const EPS: f64 = 1e-12;

/// Constants of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamSpec {
    /// How far uphill the second gradient is taken.
    pub rho: f64,
    /// Share of the last step that the next one keeps.
    pub momentum: f64,
}

impl Default for SamSpec {
    fn default() -> Self {
        SamSpec { rho: 0.05, momentum: 0.9 }
    }
}

/// The optimiser and its memory.
pub struct Sam {
    spec: SamSpec,
    parameters: Vec<(String, Tensor)>,
    /// The velocity of each parameter, from its first step on.
    velocities: Vec<Option<Tensor>>,
    /// How far each parameter is moved uphill, between the passes.
    shifts: Vec<Option<Tensor>>,
}

impl Sam {
    /// For parameters by name.
    pub fn new(spec: SamSpec, parameters: Vec<(String, Tensor)>) -> Self {
        let nothing = || parameters.iter().map(|_| None).collect();
        Sam { spec, velocities: nothing(), shifts: nothing(), parameters }
    }

    /// The optimiser's constants.
    pub fn spec(&self) -> SamSpec {
        self.spec
    }

    /// Names of the parameters, in the order of [`Sam::velocities`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }

    /// Velocities; `None` for parameters that never had a gradient.
    pub fn velocities(&self) -> &[Option<Tensor>] {
        &self.velocities
    }

    /// Takes over the velocity of a parameter, by its name; whether there is one of that name and shape.
    pub fn set_velocity(&mut self, name: &str, velocity: &Tensor) -> bool {
        let Some(at) = self.parameters.iter().position(|(own, _)| own == name) else { return false };
        let parameter = &self.parameters[at].1;
        let fits = parameter.size() == velocity.size();
        if fits {
            self.velocities[at] = Some(velocity.to_device(parameter.device()).copy());
        }
        fits
    }

    /// Sets all gradients to zero. Call before each pass.
    pub fn zero_grad(&mut self) {
        for (_, parameter) in &mut self.parameters {
            parameter.zero_grad();
        }
    }

    /// Multiplies all gradients by `factor`.
    pub fn scale_gradients(&mut self, factor: f64) {
        let _no_grad = tch::no_grad_guard();
        for (_, mut gradient) in self.gradients() {
            let _ = gradient.g_mul_scalar_(factor);
        }
    }

    /// Length of the gradient over all parameters that have one.
    pub fn gradient_norm(&self) -> f64 {
        let squares: Vec<Tensor> = self.gradients().map(|(_, g)| (&g * &g).sum(Kind::Double)).collect();
        match squares.is_empty() {
            true => 0.0,
            false => Tensor::stack(&squares, 0).sum(Kind::Double).sqrt().double_value(&[]),
        }
    }

    /// After the first pass: moves every parameter uphill. `norm`: the gradient's length.
    pub fn climb(&mut self, norm: f64) {
        let _no_grad = tch::no_grad_guard();
        let scale = self.spec.rho / (norm + EPS);
        let moves: Vec<(usize, Tensor)> = self.gradients().map(|(at, g)| (at, g * scale)).collect();
        for (at, shift) in moves {
            let _ = self.parameters[at].1.g_add_(&shift);
            self.shifts[at] = Some(shift);
        }
    }

    /// After the second pass: moves back, then one step of SGD with the second gradient.
    pub fn step(&mut self, lr: f64) {
        let _no_grad = tch::no_grad_guard();
        self.return_from_climb();
        let gradients: Vec<(usize, Tensor)> = self.gradients().collect();
        for (at, gradient) in gradients {
            let velocity = match self.velocities[at].take() {
                Some(velocity) => velocity * self.spec.momentum + gradient,
                None => gradient.copy(),
            };
            let _ = self.parameters[at].1.g_add_(&(&velocity * -lr));
            self.velocities[at] = Some(velocity);
        }
    }

    /// Moves every parameter back to where it was before [`Sam::climb`].
    pub fn return_from_climb(&mut self) {
        let _no_grad = tch::no_grad_guard();
        for (shift, (_, parameter)) in self.shifts.iter_mut().zip(&mut self.parameters) {
            if let Some(shift) = shift.take() {
                let _ = parameter.g_sub_(&shift);
            }
        }
    }

    fn gradients(&self) -> impl Iterator<Item = (usize, Tensor)> + '_ {
        let gradients = self.parameters.iter().map(|(_, parameter)| parameter.grad());
        gradients.enumerate().filter(|(_, gradient)| gradient.defined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// f(x) = x^2 / 2 at 3, whose gradient is x.
    fn one_step(optimiser: &mut Sam, x: &Tensor, lr: f64) -> f64 {
        optimiser.zero_grad();
        (x * x / 2.0).backward();
        let norm = optimiser.gradient_norm();
        optimiser.climb(norm);
        optimiser.zero_grad();
        (x * x / 2.0).backward();
        optimiser.step(lr);
        x.double_value(&[])
    }

    #[test]
    fn steps_follow_the_gradient_uphill_of_the_weights() {
        let x = Tensor::from(3.0f64).set_requires_grad(true);
        let unused = Tensor::zeros([2], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let parameters = vec![("x".to_owned(), x.shallow_clone()), ("unused".to_owned(), unused)];
        let mut sam = Sam::new(SamSpec { rho: 0.5, momentum: 0.9 }, parameters);
        // Uphill is 3.5, and so is the gradient there.
        let first = one_step(&mut sam, &x, 0.1);
        assert!((first - 2.65).abs() < 1e-12, "{first}");
        // 2.65 + 0.5 = 3.15; the velocity is 0.9 * 3.5 + 3.15 = 6.3.
        let second = one_step(&mut sam, &x, 0.1);
        assert!((second - (2.65 - 0.63)).abs() < 1e-12, "{second}");
        assert!(sam.velocities()[1].is_none());
    }

    #[test]
    fn a_velocity_can_be_carried_over_by_name() {
        let x = Tensor::zeros([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let mut sam = Sam::new(SamSpec::default(), vec![("x".to_owned(), x)]);
        let velocity = Tensor::from_slice(&[1.0f32, 2.0]);
        assert!(sam.set_velocity("x", &velocity));
        assert!(!sam.set_velocity("y", &velocity));
        assert!(!sam.set_velocity("x", &Tensor::from_slice(&[1.0f32])));
        assert_eq!(Vec::<f32>::try_from(sam.velocities()[0].as_ref().unwrap()).unwrap(), [1.0, 2.0]);
    }
}

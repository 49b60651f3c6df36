//! Adam (Kingma and Ba, 2015), whose memory can be kept in a file.

use tch::Tensor;
use tch::nn::VarStore;

/// Shares of the old in the moving averages of gradients and of their squares.
const KEPT: (f64, f64) = (0.9, 0.999);
/// Against division by zero.
const EPSILON: f64 = 1e-8;

/// A variable with the averages of its gradients.
pub(super) struct Moved {
    pub name: String,
    pub variable: Tensor,
    pub first: Tensor,
    pub second: Tensor,
}

/// The optimiser.
pub struct Adam {
    pub(super) moved: Vec<Moved>,
    /// Steps made.
    pub(super) steps: usize,
}

impl Adam {
    /// Before the first step, for all variables.
    pub fn new(variables: &VarStore) -> Self {
        let mut variables: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let moved = |(name, variable): (String, Tensor)| {
            let (first, second) = (variable.zeros_like(), variable.zeros_like());
            Moved { name, first: first.detach(), second: second.detach(), variable }
        };
        Adam { moved: variables.into_iter().map(moved).collect(), steps: 0 }
    }

    /// Steps made so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Moves every variable against the gradient of `loss`, at most by about `lr`.
    pub fn step(&mut self, loss: &Tensor, lr: f64) {
        for Moved { variable, .. } in &mut self.moved {
            variable.zero_grad();
        }
        loss.backward();
        self.steps += 1;
        let unbiased = |kept: f64| 1.0 - kept.powi(self.steps as i32);
        let (first_scale, second_scale) = (unbiased(KEPT.0), unbiased(KEPT.1).sqrt());
        tch::no_grad(|| {
            for Moved { variable, first, second, .. } in &mut self.moved {
                let gradient = variable.grad();
                let _ = first.lerp_(&gradient, 1.0 - KEPT.0);
                let _ = second.lerp_(&gradient.square(), 1.0 - KEPT.1);
                let size = second.sqrt() / second_scale + EPSILON;
                let _ = variable.subtract_(&(&*first / size * (lr / first_scale)));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::Init;
    use tch::{Device, Kind};

    #[test]
    fn the_first_steps_are_as_long_as_the_rate_and_the_lowest_point_is_found() {
        let vs = VarStore::new(Device::Cpu);
        let x = vs.root().f_var("x", &[2], Init::Const(1.0)).unwrap();
        let mut adam = Adam::new(&vs);
        let lowest = Tensor::from_slice(&[-3.0f32, 1.5]);
        let loss = |x: &Tensor| (x - &lowest).square().sum(Kind::Float);
        adam.step(&loss(&x), 0.1);
        assert!((x.double_value(&[0]) - 0.9).abs() < 1e-6 && (x.double_value(&[1]) - 1.1).abs() < 1e-6);
        (0..400).for_each(|_| adam.step(&loss(&x), 0.1));
        assert!(loss(&x).double_value(&[]) < 1e-3, "{x:?}");
        assert_eq!(adam.steps(), 401);
    }
}

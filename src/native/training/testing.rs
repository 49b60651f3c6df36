//! What the kernels are compared with: libtorch's own operators, in float64.

use super::{NormTensors, TrainActivation};
use tch::{Device, Kind, Tensor};

const EPS: f64 = 1e-3;
const MOMENTUM: f64 = 0.01;
pub const ACTIVATIONS: [TrainActivation; 3] =
    [TrainActivation::None, TrainActivation::Swish, TrainActivation::Relu6];

/// A batch norm's tensors: weight, bias, running mean, running variance, `[channels]` each.
pub struct Norm(pub [Tensor; 4]);

pub fn randn(shape: &[i64], scale: f64) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale
}

pub fn trained(t: Tensor) -> Tensor {
    t.detach().set_requires_grad(true)
}

impl Norm {
    pub fn new(c: i64) -> Self {
        let positive = || Tensor::rand([c], (Kind::Float, Device::Cpu)) + 0.5;
        Norm([trained(positive()), trained(randn(&[c], 0.3)), randn(&[c], 0.3), positive()])
    }

    pub fn tensors(&self) -> NormTensors<'_> {
        let [weight, bias, running_mean, running_var] = &self.0;
        NormTensors { weight, bias, running_mean, running_var, eps: EPS, momentum: MOMENTUM, group: None }
    }

    /// A copy in float64 with gradients and running statistics of its own.
    pub fn double(&self) -> Self {
        let [weight, bias, mean, var] = &self.0;
        let double = |t: &Tensor| t.detach().to_kind(Kind::Double);
        Norm([trained(double(weight)), trained(double(bias)), double(mean), double(var)])
    }

    pub fn apply(&self, x: &Tensor) -> Tensor {
        let [weight, bias, mean, var] = &self.0;
        x.batch_norm(Some(weight), Some(bias), Some(mean), Some(var), true, MOMENTUM, EPS, false)
    }
}

pub fn activated(activation: TrainActivation, x: Tensor) -> Tensor {
    match activation {
        TrainActivation::None => x,
        TrainActivation::Swish => x.silu(),
        TrainActivation::Relu6 => x.clamp(0.0, 6.0),
    }
}

/// Length of the difference relative to the length of `b`.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (a.detach().to_kind(Kind::Double), b.detach().to_kind(Kind::Double));
    ((&a - &b).norm() / b.norm()).double_value(&[])
}

pub fn assert_near(what: &str, pairs: &[(&Tensor, &Tensor)]) {
    for (number, (a, b)) in pairs.iter().enumerate() {
        let distance = distance(a, b);
        assert!(distance < 2e-5, "{what}: number {number} is off by {distance}");
    }
}

/// Skips a test where the kernels do not run: on processors without AVX2.
pub fn no_kernel() {
    crate::testing::missing("this processor has no AVX2");
}

//! How much arithmetic a network is.

use std::cell::Cell;
use tch::Tensor;

thread_local! {
    /// Multiplications of convolutions so far, while somebody counts on this thread.
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Multiplications in the convolutions of the plain networks that `compute` runs on this thread. A multiplication with
/// its addition is two floating-point operations.
pub fn multiplications(compute: impl FnOnce()) -> u64 {
    COUNTED.set(Some(0));
    compute();
    COUNTED.take().unwrap_or_default()
}

/// A convolution with this weight, `[c_out, c_in / groups, h, w]`, has given `y`.
pub(super) fn count(weight: &Tensor, y: &Tensor) {
    if let Some(before) = COUNTED.get() {
        let per_value: i64 = weight.size().iter().skip(1).product();
        COUNTED.set(Some(before + y.numel() as u64 * per_value as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::efficientnet::{EfficientNet, Mode, Variant};
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    #[test]
    fn the_published_networks_have_their_published_work() {
        // The paper's table 8 and TensorFlow's list of light networks, in thousands of millions.
        for (name, expected) in [("efficientnet-b0", 0.39), ("efficientnet-lite0", 0.407)] {
            let variant = Variant::named(name).unwrap();
            let vs = VarStore::new(Device::Cpu);
            let net = EfficientNet::new(&vs.root(), variant, 1000);
            let x = Tensor::zeros([1, 3, variant.resolution, variant.resolution], (Kind::Float, Device::Cpu));
            let work = multiplications(|| drop(tch::no_grad(|| net.pooled_features(&x, Mode::Eval))));
            let found = work as f64 / 1e9;
            assert!((found - expected).abs() < 0.05 * expected, "{name}: {found}");
        }
        assert_eq!(multiplications(|| ()), 0);
    }
}

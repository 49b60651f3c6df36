//! How much a network computes and how much it has in hand.

use std::cell::Cell;
use tch::Tensor;

/// What the convolutions of a plain network do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiplications. One with its addition is two floating-point operations.
    pub multiplications: u64,
    /// Numbers that come out.
    pub values: u64,
}

thread_local! {
    /// So far, while somebody counts on this thread.
    static COUNTED: Cell<Option<Work>> = const { Cell::new(None) };
}

/// The work of the plain networks that `compute` runs on this thread.
pub fn work_of(compute: impl FnOnce()) -> Work {
    COUNTED.set(Some(Work::default()));
    compute();
    COUNTED.take().unwrap_or_default()
}

/// A convolution with this weight, `[c_out, c_in / groups, h, w]`, has given `y`.
pub(super) fn count(weight: &Tensor, y: &Tensor) {
    if let Some(before) = COUNTED.get() {
        let per_value: i64 = weight.size().iter().skip(1).product();
        let values = y.numel() as u64;
        COUNTED.set(Some(Work {
            multiplications: before.multiplications + values * per_value as u64,
            values: before.values + values,
        }));
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
        // The paper's table 2, in thousands of millions; the light one is b0 without squeeze-excitation, which is little.
        for (name, expected) in [("efficientnet-b0", 0.39), ("efficientnet-lite0", 0.385)] {
            let variant = Variant::named(name).unwrap();
            let vs = VarStore::new(Device::Cpu);
            let net = EfficientNet::new(&vs.root(), variant, 1000);
            let x = Tensor::zeros([1, 3, variant.resolution, variant.resolution], (Kind::Float, Device::Cpu));
            let work = work_of(|| drop(tch::no_grad(|| net.pooled_features(&x, Mode::Eval))));
            let found = work.multiplications as f64 / 1e9;
            assert!((found - expected).abs() < 0.05 * expected, "{name}: {found}");
            assert!((4_000_000..9_000_000).contains(&work.values), "{name}: {work:?}");
        }
        assert_eq!(work_of(|| ()), Work::default());
    }
}

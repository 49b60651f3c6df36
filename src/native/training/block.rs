//! A whole block of EfficientNet in one operation.

use super::norm::{NormTensors, RawNorm};
use super::{LANES, TrainActivation, is_plain_float, supported};
use crate::native::torch::checked;
use std::ffi::c_char;
use std::ptr::null;
use tch::Tensor;
use torch_sys::C_tensor;

/// `SbiBlock`: pointers to a block's weights, null where it has none, and its shape.
#[repr(C)]
pub(super) struct RawBlock {
    pub expand_weight: *const C_tensor,
    pub depthwise_weight: *const C_tensor,
    pub squeeze_weight: *const C_tensor,
    pub squeeze_bias: *const C_tensor,
    pub excite_weight: *const C_tensor,
    pub excite_bias: *const C_tensor,
    pub project_weight: *const C_tensor,
    pub norms: [RawNorm; 3],
    pub kernel: i64,
    pub stride: i64,
    pub before: i64,
    pub after: i64,
    pub activation: TrainActivation,
    pub skip: i64,
}

unsafe extern "C" {
    fn sbi_train_block(
        block: *const RawBlock,
        x: *const C_tensor,
        keep: *const C_tensor,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
}

/// The weights of an EfficientNet block and its shape.
pub struct TrainBlock<'a> {
    /// The expansion's weight, `[wide, c_in, 1, 1]`, and the norm after it; `None` where the block does not expand.
    pub expand: Option<(&'a Tensor, NormTensors<'a>)>,
    /// The depthwise convolution's weight, `[wide, 1, kernel, kernel]`, and the norm after it.
    pub depthwise: (&'a Tensor, NormTensors<'a>),
    /// Squeeze and excitation, each a weight `[c_out, c_in, 1, 1]` and a bias, with swish between.
    pub excitation: Option<[(&'a Tensor, &'a Tensor); 2]>,
    /// The projection's weight, `[c_out, wide, 1, 1]`, and the norm after it.
    pub project: (&'a Tensor, NormTensors<'a>),
    /// The depthwise convolution's stride.
    pub stride: i64,
    /// Rows and columns of zeros before and after the depthwise convolution's input.
    pub padding: (i64, i64),
    /// The activation after the expansion and after the depthwise convolution.
    pub activation: TrainActivation,
    /// Whether the input is added to the result.
    pub skip: bool,
}

impl TrainBlock<'_> {
    /// The block with the batch's statistics, moving the running ones; with gradients. `x`: `[n, c_in, h, w]`; `keep`:
    /// a factor per image for all but `x` itself, `[n]`. The result is in channels-last order.
    ///
    /// Of what lies between, only the results of the three convolutions are kept for the way back. `None` where there
    /// is no such kernel: as in [`super::norm_activation`], and for kernels other than 3 and 5 or strides other than 1 and 2.
    pub fn forward(&self, x: &Tensor, keep: Option<&Tensor>) -> Option<Tensor> {
        let (n, c_in, h, w) = x.size4().ok()?;
        let (wide, _, kernel, _) = self.depthwise.0.size4().ok()?;
        let c_out = self.project.0.size()[0];
        let (before, after) = self.padding;
        let out = |side: i64| (side + before + after - kernel) / self.stride + 1;
        let fits = is_plain_float(x)
            && is_plain_float(self.project.0)
            && [wide, c_out].iter().all(|c| c % LANES == 0)
            && (self.expand.is_some() || c_in == wide)
            && (!self.skip || c_in == c_out && self.stride == 1)
            && matches!(kernel, 3 | 5)
            && matches!(self.stride, 1 | 2)
            && before < kernel
            && [h, w].iter().all(|side| side + before + after >= kernel)
            && n * out(h) * out(w) > 1;
        if !fits || !supported() {
            return None;
        }
        let pointer = |t: Option<&Tensor>| t.map_or(null(), |t| t.as_ptr());
        let [squeeze, excite] = match self.excitation {
            Some(layers) => layers.map(Some),
            None => [None, None],
        };
        let raw = RawBlock {
            expand_weight: pointer(self.expand.map(|(weight, _)| weight)),
            depthwise_weight: self.depthwise.0.as_ptr(),
            squeeze_weight: pointer(squeeze.map(|(weight, _)| weight)),
            squeeze_bias: pointer(squeeze.map(|(_, bias)| bias)),
            excite_weight: pointer(excite.map(|(weight, _)| weight)),
            excite_bias: pointer(excite.map(|(_, bias)| bias)),
            project_weight: self.project.0.as_ptr(),
            norms: [
                self.expand.map_or(RawNorm::ABSENT, |(_, norm)| norm.raw()),
                self.depthwise.1.raw(),
                self.project.1.raw(),
            ],
            kernel,
            stride: self.stride,
            before,
            after,
            activation: self.activation,
            skip: i64::from(self.skip),
        };
        // SAFETY: as above; the shapes fit one another, as checked here and by the network that built them.
        Some(checked(|error| unsafe { sbi_train_block(&raw, x.as_ptr(), pointer(keep), error) }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Norm, activated, assert_near, no_kernel, randn, trained};
    use super::*;
    use tch::{Device, Kind};

    struct Shape {
        n: i64,
        c_in: i64,
        wide: i64,
        c_out: i64,
        kernel: i64,
        stride: i64,
        side: i64,
        padding: (i64, i64),
        squeezed: i64,
    }

    /// A block's weights: expansion, depthwise, projection, then weight and bias of squeeze and excitation.
    struct Weights {
        convolutions: [Tensor; 3],
        excitation: [Tensor; 4],
        norms: [Norm; 3],
    }

    impl Weights {
        fn new(s: &Shape) -> Self {
            let weight = |c_out: i64, c_in: i64, k: i64| {
                trained(randn(&[c_out, c_in, k, k], 1.0 / ((c_in * k * k) as f64).sqrt()))
            };
            let squeezed = s.squeezed.max(1);
            Weights {
                convolutions: [
                    weight(s.wide, s.c_in, 1),
                    weight(s.wide, 1, s.kernel),
                    weight(s.c_out, s.wide, 1),
                ],
                excitation: [
                    weight(squeezed, s.wide, 1),
                    trained(randn(&[squeezed], 0.1)),
                    weight(s.wide, squeezed, 1),
                    trained(randn(&[s.wide], 0.1)),
                ],
                norms: [s.wide, s.wide, s.c_out].map(Norm::new),
            }
        }

        fn double(&self) -> Self {
            let double = |t: &Tensor| trained(t.detach().to_kind(Kind::Double));
            let ([e, d, p], [a, b, c, f]) = (&self.convolutions, &self.excitation);
            let [n0, n1, n2] = &self.norms;
            Weights {
                convolutions: [double(e), double(d), double(p)],
                excitation: [double(a), double(b), double(c), double(f)],
                norms: [n0.double(), n1.double(), n2.double()],
            }
        }

        fn all(&self) -> Vec<&Tensor> {
            let norms = self.norms.iter().flat_map(|norm| &norm.0[..2]);
            self.convolutions.iter().chain(&self.excitation).chain(norms).collect()
        }

        /// Runs the block as one operation.
        fn fused(
            &self,
            s: &Shape,
            activation: TrainActivation,
            x: &Tensor,
            keep: Option<&Tensor>,
        ) -> Option<Tensor> {
            let ([e, d, p], [w0, b0, w1, b1]) = (&self.convolutions, &self.excitation);
            let [n0, n1, n2] = &self.norms;
            let block = TrainBlock {
                expand: (s.c_in != s.wide).then(|| (e, n0.tensors())),
                depthwise: (d, n1.tensors()),
                excitation: (s.squeezed > 0).then_some([(w0, b0), (w1, b1)]),
                project: (p, n2.tensors()),
                stride: s.stride,
                padding: s.padding,
                activation,
                skip: s.stride == 1 && s.c_in == s.c_out,
            };
            block.forward(x, keep)
        }

        /// Runs the block with libtorch's operators, one by one.
        fn plain(&self, s: &Shape, activation: TrainActivation, x: &Tensor, keep: Option<&Tensor>) -> Tensor {
            let ([e, d, p], [w0, b0, w1, b1]) = (&self.convolutions, &self.excitation);
            let one_by_one =
                |x: &Tensor, w: &Tensor, b: Option<&Tensor>| x.conv2d(w, b, [1, 1], [0, 0], [1, 1], 1);
            let mut y = x.shallow_clone();
            if s.c_in != s.wide {
                y = activated(activation, self.norms[0].apply(&one_by_one(&y, e, None)));
            }
            let (before, after) = s.padding;
            y = y.constant_pad_nd([before, after, before, after]);
            y = y.conv2d(d, None::<Tensor>, [s.stride; 2], [0, 0], [1, 1], s.wide);
            y = activated(activation, self.norms[1].apply(&y));
            if s.squeezed > 0 {
                let mean = y.mean_dim([2i64, 3].as_slice(), true, None);
                let hidden = one_by_one(&mean, w0, Some(b0)).silu();
                y = one_by_one(&hidden, w1, Some(b1)).sigmoid() * y;
            }
            y = self.norms[2].apply(&one_by_one(&y, p, None));
            if let Some(keep) = keep {
                y = keep.view([-1, 1, 1, 1]) * y;
            }
            match s.stride == 1 && s.c_in == s.c_out {
                true => y + x,
                false => y,
            }
        }
    }

    const fn shape(
        sizes: [i64; 4],
        kernel: i64,
        stride: i64,
        side: i64,
        padding: (i64, i64),
        squeezed: i64,
    ) -> Shape {
        let [n, c_in, wide, c_out] = sizes;
        Shape { n, c_in, wide, c_out, kernel, stride, side, padding, squeezed }
    }

    /// Both kernels and strides, uneven padding, images of one position and of several pieces, one image, channels
    /// in an odd number of eights, with and without expansion, excitation and shortcut.
    const SHAPES: [Shape; 9] = [
        shape([3, 8, 48, 8], 3, 1, 11, (1, 1), 2),
        shape([2, 16, 24, 8], 5, 2, 14, (1, 2), 4),
        shape([2, 16, 24, 16], 3, 2, 15, (1, 1), 4),
        shape([2, 16, 40, 16], 3, 2, 16, (0, 1), 3),
        shape([1, 24, 24, 24], 5, 1, 9, (2, 2), 6),
        shape([3, 8, 40, 8], 3, 1, 1, (1, 1), 2),
        shape([5, 8, 40, 16], 5, 1, 2, (2, 2), 2),
        shape([2, 8, 16, 16], 3, 1, 46, (1, 1), 0),
        shape([2, 12, 24, 8], 5, 2, 43, (2, 2), 4),
    ];

    #[test]
    fn a_block_equals_libtorchs_operators() {
        tch::manual_seed(7);
        for s in &SHAPES {
            for activation in [TrainActivation::Swish, TrainActivation::Relu6] {
                let what = format!("{activation:?} {} {} {} {}", s.wide, s.kernel, s.stride, s.side);
                let weights = Weights::new(s);
                let weights64 = weights.double();
                let x = trained(randn(&[s.n, s.c_in, s.side, s.side], 1.0));
                let x64 = trained(x.to_kind(Kind::Double));
                let keep = randn(&[s.n], 1.0).abs() + 0.1;
                let keep = (s.squeezed % 2 == 0).then_some(&keep);
                let Some(y) = weights.fused(s, activation, &x, keep) else {
                    assert!(!supported(), "{what} has no kernel");
                    return no_kernel();
                };
                let y64 = weights64.plain(s, activation, &x64, keep);
                assert_eq!(y.size(), y64.size());
                let factor = randn(&y.size(), 1.0);
                (&y * &factor).sum(Kind::Float).backward();
                (&y64 * &factor).sum(Kind::Double).backward();
                assert_near(&what, &[(&y, &y64), (&x.grad(), &x64.grad())]);
                for (a, b) in weights.all().into_iter().zip(weights64.all()) {
                    assert_eq!(a.grad().defined(), b.grad().defined(), "{what}");
                    if a.grad().defined() {
                        assert_near(&what, &[(&a.grad(), &b.grad())]);
                    }
                }
                for (a, b) in weights.norms.iter().zip(&weights64.norms) {
                    assert_near(&what, &[(&a.0[2], &b.0[2]), (&a.0[3], &b.0[3])]);
                }
            }
        }
    }

    #[test]
    fn a_block_repeats_itself_to_the_bit() {
        tch::manual_seed(8);
        let s = &SHAPES[8];
        let weights = Weights::new(s);
        let once = || {
            let x = trained(
                Tensor::ones([s.n, s.c_in, s.side, s.side], (Kind::Float, Device::Cpu)).cumsum(2, None).sin(),
            );
            let y = weights.fused(s, TrainActivation::Swish, &x, None)?;
            (&y * &y).sum(Kind::Float).backward();
            let mut found = vec![y.detach(), x.grad()];
            for weight in weights.all().into_iter().filter(|weight| weight.grad().defined()) {
                found.push(weight.grad().copy());
                let _ = weight.grad().zero_();
            }
            Some(found)
        };
        let Some(first) = once() else { return no_kernel() };
        for _ in 0..5 {
            assert_eq!(once().unwrap(), first);
        }
    }
}

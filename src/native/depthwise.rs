//! EfficientNet's depthwise convolution with everything around it in one pass, for inference on a CPU.

use std::ffi::{c_int, c_void};
use tch::{Device, Kind, Tensor};

/// As in `depthwise.cpp`.
#[repr(C)]
struct Shape {
    images: i64,
    channels: i64,
    height: i64,
    width: i64,
    out_height: i64,
    out_width: i64,
    kernel: i64,
    stride: i64,
    before: i64,
    after: i64,
    swish_input: i64,
    threads: i64,
}

extern "C" {
    pub(super) fn sbi_depthwise_supported() -> c_int;
    fn sbi_depthwise(
        shape: *const Shape,
        x: *const c_void,
        weight: *const c_void,
        bias: *const c_void,
        y: *mut c_void,
        mean: *mut c_void,
    ) -> c_int;
}

/// Channels that the kernel takes together, and the smallest number it can.
const BLOCK: i64 = 16;
const LANES: i64 = 8;

/// Swish of the input (optional), depthwise convolution, bias, swish, and the mean of the result over its
/// positions. Float32, padding may differ between the sides.
///
/// oneDNN computes the same in four passes, of which its swish alone costs more than the convolution.
pub struct FusedDepthwise {
    /// Block by block, `[kernel * kernel, channels of the block]`.
    weight: Tensor,
    bias: Tensor,
    kernel: i64,
    stride: i64,
    /// Rows and columns of zeros before and after.
    padding: (i64, i64),
    swish_input: bool,
}

impl FusedDepthwise {
    /// `weight`: `[channels, 1, kernel, kernel]`; `bias`: `[channels]`.
    ///
    /// `None` where there is no such kernel: another processor, channels not in eights, kernels other than 3 and
    /// 5, strides other than 1 and 2.
    pub fn new(
        weight: &Tensor,
        bias: &Tensor,
        stride: i64,
        padding: (i64, i64),
        swish_input: bool,
    ) -> Option<Self> {
        let (channels, _, kernel, _) = weight.size4().ok()?;
        // SAFETY: it only asks the processor.
        let supported = unsafe { sbi_depthwise_supported() } != 0;
        let fits = channels % LANES == 0 && matches!(kernel, 3 | 5) && matches!(stride, 1 | 2);
        if !supported || !fits {
            return None;
        }
        let rows = weight.to_kind(Kind::Float).reshape([channels, kernel * kernel]);
        let blocks: Vec<Tensor> =
            rows.split(BLOCK, 0).iter().map(|block| block.tr().contiguous().flatten(0, -1)).collect();
        let weight = Tensor::cat(&blocks, 0);
        let bias = bias.to_kind(Kind::Float).contiguous();
        Some(FusedDepthwise { weight, bias, kernel, stride, padding, swish_input })
    }

    /// `x`: `[n, channels, h, w]`, float32 on the CPU, best in channels-last order, which the result has.
    /// Returns it and its mean over positions, `[n, channels, 1, 1]`.
    ///
    /// # Panics
    /// When the shapes do not fit (inside a built network that is a bug of ours) or memory runs out.
    pub fn forward(&self, x: &Tensor) -> (Tensor, Tensor) {
        let (images, channels, height, width) = x.size4().expect("a convolution's input has four axes");
        assert_eq!(channels, self.bias.size()[0], "channels of a depthwise convolution");
        assert_eq!((x.kind(), x.device()), (Kind::Float, Device::Cpu), "float32 on the CPU");
        let (before, after) = self.padding;
        let out = |side: i64| (side + before + after - self.kernel) / self.stride + 1;
        let (out_height, out_width) = (out(height), out(width));
        assert!(out_height > 0 && out_width > 0, "{height} x {width} is smaller than the kernel");
        // No copy for an input that is channels-last already.
        let nhwc = x.permute([0, 2, 3, 1]).contiguous();
        let options = (Kind::Float, Device::Cpu);
        let y = Tensor::empty([images, out_height, out_width, channels], options);
        let mean = Tensor::empty([images, channels, 1, 1], options);
        let shape = Shape {
            images,
            channels,
            height,
            width,
            out_height,
            out_width,
            kernel: self.kernel,
            stride: self.stride,
            before,
            after,
            swish_input: i64::from(self.swish_input),
            threads: i64::from(tch::get_num_threads()),
        };
        // SAFETY: all tensors are contiguous float32 of the shapes that the kernel documents and live through
        // the call; no other tensor shares the memory of the two results.
        let status = unsafe {
            sbi_depthwise(
                &shape,
                nhwc.data_ptr(),
                self.weight.data_ptr(),
                self.bias.data_ptr(),
                y.data_ptr(),
                mean.data_ptr(),
            )
        };
        assert_eq!(status, 0, "depthwise convolution: no memory for {height} x {width}");
        (y.permute([0, 3, 1, 2]), mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_separate_operators() {
        tch::manual_seed(5);
        let options = (Kind::Float, Device::Cpu);
        for channels in [8, 24, 48] {
            for (kernel, stride, padding) in [(3, 1, (1, 1)), (3, 2, (0, 1)), (5, 1, (2, 2)), (5, 2, (1, 2))]
            {
                for swish_input in [false, true] {
                    let w = Tensor::randn([channels, 1, kernel, kernel], options);
                    let b = Tensor::randn([channels], options);
                    let Some(fused) = FusedDepthwise::new(&w, &b, stride, padding, swish_input) else {
                        return eprintln!("skipped: this processor has no AVX2");
                    };
                    let x = Tensor::randn([2, channels, 11, 14], options) * 4.0;
                    let (y, mean) = fused.forward(&x);
                    let (before, after) = padding;
                    let seen = if swish_input { x.silu() } else { x };
                    let expected = seen
                        .constant_pad_nd([before, after, before, after])
                        .conv2d(&w, Some(&b), [stride; 2], [0, 0], [1, 1], channels)
                        .silu();
                    assert_eq!(y.size(), expected.size());
                    let far = (&y - &expected).abs().max().double_value(&[]);
                    let off = (mean - expected.mean_dim([2i64, 3].as_slice(), true, None)).abs().max();
                    assert!(far < 2e-5, "{channels} channels, kernel {kernel}, stride {stride}: {far}");
                    assert!(off.double_value(&[]) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn swish_holds_far_from_zero() {
        // A kernel with one tap in the middle hands the values through.
        let options = (Kind::Float, Device::Cpu);
        let tap = Tensor::zeros([8, 1, 3, 3], options);
        let _ = tap.narrow(2, 1, 1).narrow(3, 1, 1).fill_(1.0);
        let Some(fused) = FusedDepthwise::new(&tap, &Tensor::zeros([8], options), 1, (1, 1), false) else {
            return eprintln!("skipped: this processor has no AVX2");
        };
        let values = [-1e30f32, -200.0, -88.0, -20.0, -1e-30, 0.0, 1e-6, 1.0, 15.0, 88.0, 1e4, 1e30];
        let x = Tensor::from_slice(&values).view([1, 1, 1, 12]).repeat([1, 8, 1, 1]);
        let (y, _) = fused.forward(&x);
        let got = Vec::<f32>::try_from(y.select(1, 3).flatten(0, -1).contiguous()).unwrap();
        for (x, got) in values.into_iter().zip(got) {
            let exact = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(got) - exact).abs() <= 1e-6 * exact.abs() + 1e-7, "{x}: {got} for {exact}");
        }
    }
}

//! Convolutions with their batch norms folded in.

use crate::checkpoint::Mismatch;
use crate::network::{Convolution, Norm, Weights};

/// A convolution's numbers with its batch norm in them.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    /// `[c_out, c_in / groups, kernel, kernel]`, flat.
    pub weight: Vec<f32>,
    /// `[c_out]`.
    pub bias: Vec<f32>,
    /// Channels of a group's input.
    pub c_in: usize,
    /// Channels out.
    pub c_out: usize,
    /// Side of the kernel.
    pub kernel: usize,
}

impl Folded {
    /// Takes a convolution's weights. Folded in float64, so that the result stays within rounding of both steps by
    /// themselves.
    ///
    /// Fails when a weight is missing or of another shape.
    pub fn new(conv: &Convolution, weights: Weights) -> Result<Self, Box<Mismatch>> {
        let spec = conv.spec;
        let mut weight = weights.values(&conv.weight())?;
        let mut bias = match conv.bias() {
            Some(bias) => weights.values(&bias)?,
            None => vec![0.0; spec.c_out],
        };
        if let Some(norm) = &conv.norm {
            let rows = weight.chunks_exact_mut(spec.weight_shape()[1..].iter().product());
            for ((row, bias), (scale, shift)) in rows.zip(&mut bias).zip(scale_and_shift(norm, weights)?) {
                row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
                *bias = (f64::from(*bias) * scale + shift) as f32;
            }
        }
        let (c_in, c_out, kernel) = (spec.c_in_per_group(), spec.c_out, spec.window.kernel);
        Ok(Folded { weight, bias, c_in, c_out, kernel })
    }

    /// Several convolutions of one input as one, their outputs side by side.
    ///
    /// # Panics
    /// When there are none or their shapes differ in more than channels out.
    pub fn beside(parts: &[Folded]) -> Folded {
        let first = parts.first().expect("at least one convolution");
        assert!(parts.iter().all(|part| (part.c_in, part.kernel) == (first.c_in, first.kernel)));
        Folded {
            weight: parts.iter().flat_map(|part| part.weight.iter().copied()).collect(),
            bias: parts.iter().flat_map(|part| part.bias.iter().copied()).collect(),
            c_out: parts.iter().map(|part| part.c_out).sum(),
            ..*first
        }
    }

    /// The weight of an input channel and a tap for an output channel.
    pub fn at(&self, c_out: usize, c_in: usize, y: usize, x: usize) -> f32 {
        self.weight[((c_out * self.c_in + c_in) * self.kernel + y) * self.kernel + x]
    }
}

/// A batch norm with running statistics as a factor and an offset per channel.
///
/// Fails when a weight is missing or of another shape.
pub(super) fn scale_and_shift(norm: &Norm, weights: Weights) -> Result<Vec<(f64, f64)>, Box<Mismatch>> {
    let (weight, bias) = (weights.values(&norm.weight())?, weights.values(&norm.bias())?);
    let (mean, variance) = (weights.values(&norm.running_mean())?, weights.values(&norm.running_var())?);
    let channel = |c: usize| {
        let [weight, bias, mean, variance] = [weight[c], bias[c], mean[c], variance[c]].map(f64::from);
        let scale = weight / (variance + norm.eps).sqrt();
        (scale, bias - mean * scale)
    };
    Ok((0..norm.channels).map(channel).collect())
}

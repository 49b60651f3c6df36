//! The layers of an autoencoder, and how their weights begin.

use super::design::{Bottleneck, Upsampling};
use crate::hash::fnv1a64;
use crate::model::Error;
use crate::rng::{Purpose, generator};
use rand::Rng;
use rand_distr::StandardNormal;
use tch::nn::{Init, Path};
use tch::{Tensor, no_grad};

/// Makes the variables of layers, whose values depend on the seed and their names alone.
pub(super) struct Maker<'a> {
    pub root: Path<'a>,
    pub seed: u64,
}

impl Maker<'_> {
    /// A layer's weight, normal with variance 2 / `fan_in`, and its bias, 0.
    fn weights(&self, name: &str, shape: &[i64], outputs: i64, fan_in: i64) -> Result<Weights, Error> {
        let path = name.split('.').fold(self.root.clone(), |path, part| path / part);
        let mut weight = path.f_var("weight", shape, Init::Const(0.0))?;
        let mut rng = generator(self.seed, 0, fnv1a64(name.as_bytes()), Purpose::Weights);
        let deviation = (2.0 / fan_in as f32).sqrt();
        let count = shape.iter().product::<i64>() as usize;
        let values: Vec<f32> = (0..count).map(|_| deviation * rng.sample::<f32, _>(StandardNormal)).collect();
        no_grad(|| weight.f_copy_(&Tensor::f_from_slice(&values)?.f_view(shape)?).map(drop))?;
        Ok(Weights { weight, bias: path.f_var("bias", &[outputs], Init::Const(0.0))? })
    }
}

/// Weight and bias of a layer.
pub(super) struct Weights {
    weight: Tensor,
    bias: Tensor,
}

/// A convolution of `kernel` x `kernel` with zeros around.
pub(super) struct Conv {
    weights: Weights,
    stride: i64,
    padding: i64,
}

impl Conv {
    pub fn new(
        maker: &Maker,
        name: &str,
        [c_in, c_out]: [i64; 2],
        kernel: i64,
        stride: i64,
    ) -> Result<Self, Error> {
        let shape = [c_out, c_in, kernel, kernel];
        let weights = maker.weights(name, &shape, c_out, c_in * kernel * kernel)?;
        Ok(Conv { weights, stride, padding: kernel / 2 })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let Weights { weight, bias } = &self.weights;
        x.conv2d(weight, Some(bias), [self.stride; 2], [self.padding; 2], [1, 1], 1)
    }
}

/// A step of the decoder, which doubles the sides of a map.
pub(super) enum Doubling {
    Nearest(Conv),
    Transposed(Weights),
    Shuffle(Conv),
}

impl Doubling {
    pub fn new(maker: &Maker, name: &str, up: Upsampling, [c_in, c_out]: [i64; 2]) -> Result<Self, Error> {
        Ok(match up {
            Upsampling::Nearest => Doubling::Nearest(Conv::new(maker, name, [c_in, c_out], 3, 1)?),
            Upsampling::Shuffle => Doubling::Shuffle(Conv::new(maker, name, [c_in, 4 * c_out], 3, 1)?),
            Upsampling::Transposed => {
                // A quarter of the window falls on each pixel, on average.
                let fan_in = c_in * 9 / 4;
                Doubling::Transposed(maker.weights(name, &[c_in, c_out, 3, 3], c_out, fan_in)?)
            }
        })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Doubling::Nearest(conv) => {
                let (height, width) = (x.size()[2], x.size()[3]);
                conv.forward(&x.upsample_nearest2d([2 * height, 2 * width], None, None))
            }
            Doubling::Transposed(Weights { weight, bias }) => {
                x.conv_transpose2d(weight, Some(bias), [2, 2], [1, 1], [1, 1], 1, [1, 1])
            }
            Doubling::Shuffle(conv) => conv.forward(x).pixel_shuffle(2),
        }
    }
}

/// The bottleneck between encoder and decoder; its result has the shape of what it is given.
pub(super) enum Narrow {
    Dense { down: Weights, up: Weights },
    Conv { down: Conv, up: Conv },
}

impl Narrow {
    /// For maps of `channels` x `side` x `side`.
    pub fn new(maker: &Maker, kind: Bottleneck, channels: i64, side: i64) -> Result<Self, Error> {
        const DOWN: &str = "narrow.down";
        const UP: &str = "narrow.up";
        Ok(match kind {
            Bottleneck::Dense(numbers) => {
                let (numbers, values) = (numbers as i64, channels * side * side);
                Narrow::Dense {
                    down: maker.weights(DOWN, &[numbers, values], numbers, values)?,
                    up: maker.weights(UP, &[values, numbers], values, numbers)?,
                }
            }
            Bottleneck::Conv(kept) => Narrow::Conv {
                down: Conv::new(maker, DOWN, [channels, kept as i64], 3, 1)?,
                up: Conv::new(maker, UP, [kept as i64, channels], 3, 1)?,
            },
        })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Narrow::Dense { down, up } => {
                let linear = |x: &Tensor, layer: &Weights| x.linear(&layer.weight, Some(&layer.bias));
                let kept = linear(&x.flatten(1, -1), down);
                leaky(linear(&kept, up).view_(x.size()))
            }
            Narrow::Conv { down, up } => leaky(up.forward(&down.forward(x))),
        }
    }
}

/// Leaky ReLU with a slope of 0.2 below 0.
pub(super) fn leaky(x: Tensor) -> Tensor {
    // No slope can be given to libtorch's leaky_relu through `tch`. One that is not trained is as fast in this form.
    x.prelu(&Tensor::from(0.2f32).view(1).to_device(x.device()))
}

/// `[n, c, 2h, 2w]` as `[n, 2c, h, w]`: of each four pixels of a channel the means of the upper and of the lower two.
pub(super) fn halved(x: &Tensor) -> Tensor {
    let apart = x.pixel_unshuffle(2);
    let (n, c, h, w) = apart.size4().expect("images in a batch");
    apart.view([n, c / 2, 2, h, w]).mean_dim(2, false, None)
}

/// The way back from [`halved`]: `[n, 2c, h, w]` as `[n, c, 2h, 2w]`.
pub(super) fn doubled(x: &Tensor) -> Tensor {
    let (n, c, h, w) = x.size4().expect("images in a batch");
    x.unsqueeze(2).expand([n, c, 2, h, w], false).reshape([n, 2 * c, h, w]).pixel_shuffle(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn the_slope_below_0_is_fixed() {
        let y = leaky(Tensor::from_slice(&[-5.0f32, -0.5, 0.0, 3.0]));
        let expected = Tensor::from_slice(&[-1.0f32, -0.1, 0.0, 3.0]);
        assert!((y - expected).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn what_is_the_same_in_both_columns_survives_halving_and_doubling() {
        let x = Tensor::arange(2 * 3 * 4 * 2, (Kind::Float, tch::Device::Cpu)).view([2, 3, 4, 2]);
        let twice = x.repeat_interleave_self_int(2, 3, None);
        assert_eq!(halved(&twice).size(), [2, 6, 2, 2]);
        assert!(doubled(&halved(&twice)).equal(&twice));
    }
}

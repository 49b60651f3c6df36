//! Where in a fake something was put in: what training may ask beside whether.
//!
//! One number for an image teaches little; a map of a few hundred does more with the same pairs. Li et al., "Face X-ray for
//! more general face forgery detection", CVPR 2020, ask for the boundary of the blend, Nguyen et al., "LAA-Net", CVPR 2024,
//! for the places that blending leaves weak. Here a layer on the map of a sixteenth of the image's side tells both what was
//! put in and where its edge lies; inference does without it.

use super::Error;
use super::modules::{TensorSource, linear};
use crate::network::{Linear, Weight};
use tch::nn;
use tch::{Kind, Reduction, Tensor};

/// Name of the layer in files.
pub const LOCALISER_PREFIX: &str = "localiser.";
/// Questions: put in, and at the edge of what was put in.
const QUESTIONS: usize = 2;

/// The layer, and how much its answers count.
pub struct Localiser {
    layer: nn::Linear,
    /// Weight of its term in what is minimised, above 0.
    pub weight: f64,
}

/// The layer for maps of `channels` channels.
fn description(channels: usize) -> Linear {
    Linear::new("localiser.fc", channels, QUESTIONS)
}

impl Localiser {
    /// Fails when libtorch runs out of memory.
    pub fn new(channels: usize, weight: f64, source: &dyn TensorSource) -> Result<Self, Error> {
        Ok(Localiser { layer: linear(&description(channels), source)?, weight })
    }

    /// The mean cross entropy of its answers. `map` `[2 n, channels, h, w]`: of reals, then of fakes; `masks`
    /// `[n, 1, side, side]`: the share of the source in each pixel of the fakes, 0..=1.
    pub fn loss(&self, map: &Tensor, masks: &Tensor) -> Tensor {
        let answers = map.permute([0, 2, 3, 1]).apply(&self.layer).permute([0, 3, 1, 2]);
        let wanted = wanted(masks, [map.size()[2], map.size()[3]]);
        let all = Tensor::cat(&[wanted.zeros_like(), wanted], 0);
        answers.binary_cross_entropy_with_logits::<Tensor>(&all, None, None, Reduction::Mean)
    }
}

/// What should be answered for fakes: `[n, 2, h, w]`, 0..=1. A mask counts by its shape, however opaque it is.
fn wanted(masks: &Tensor, size: [i64; 2]) -> Tensor {
    const LEAST: f64 = 1e-3;
    let most = masks.amax([1i64, 2, 3].as_slice(), true).clamp_min(LEAST);
    let shape = masks / most;
    let edge: Tensor = (1.0 - &shape) * &shape * 4.0;
    // An edge is narrower than a position of the map: its darkest pixel counts, not the mean.
    let inside = shape.adaptive_avg_pool2d(size);
    let (edge, _) = edge.adaptive_max_pool2d(size);
    Tensor::cat(&[inside, edge], 1).to_kind(Kind::Float)
}

/// The weights that a file of a run has of it.
pub fn weights(channels: usize) -> Vec<Weight> {
    description(channels).weights()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;
    use tch::nn::VarStore;

    fn half_masked(opacity: f64) -> Tensor {
        let mask = Tensor::zeros([1, 1, 32, 32], (Kind::Float, Device::Cpu));
        let _ = mask.narrow(3, 0, 16).fill_(opacity);
        let _ = mask.narrow(3, 16, 2).fill_(opacity / 2.0);
        mask
    }

    #[test]
    fn inside_and_edge_are_told_apart_however_opaque_a_mask_is() {
        for opacity in [1.0, 0.25] {
            let wanted = wanted(&half_masked(opacity), [4, 4]);
            let row = |question: i64| Vec::<f32>::try_from(wanted.get(0).get(question).get(1)).unwrap();
            assert_eq!(row(0), [1.0, 1.0, 0.125, 0.0]);
            assert_eq!(row(1), [0.0, 0.0, 1.0, 0.0]);
        }
        let nothing = wanted(&Tensor::zeros([1, 1, 32, 32], (Kind::Float, Device::Cpu)), [4, 4]);
        assert_eq!(nothing.abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn right_answers_cost_less_and_gradients_reach_the_map() {
        let vs = VarStore::new(Device::Cpu);
        let localiser = Localiser::new(2, 1.0, &vs.root()).unwrap();
        let _no_grad = tch::no_grad_guard();
        for (name, mut variable) in vs.variables() {
            let identity = Tensor::eye(2, (Kind::Float, Device::Cpu));
            if name.ends_with("weight") {
                variable.copy_(&identity)
            } else {
                let _ = variable.zero_();
            }
        }
        drop(_no_grad);
        let masks = half_masked(1.0);
        let answers = |sign: f64| {
            let fake = wanted(&masks, [4, 4]) * 8.0 - 4.0;
            let real = Tensor::full_like(&fake, -4.0);
            (Tensor::cat(&[real, fake], 0) * sign).set_requires_grad(true)
        };
        let loss = |map: &Tensor| localiser.loss(map, &masks);
        let (right, wrong) = (answers(1.0), answers(-1.0));
        let (low, high) = (loss(&right).double_value(&[]), loss(&wrong).double_value(&[]));
        assert!(low < 0.1 && high > 2.0, "{low} {high}");
        loss(&wrong).backward();
        assert!(wrong.grad().abs().max().double_value(&[]) > 0.0);
    }
}

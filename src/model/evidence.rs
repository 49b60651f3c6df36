//! Where in a face a detector's score comes from.
//!
//! Class activation maps: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016,
//! <https://arxiv.org/abs/1512.04150>. Both published detectors average their last feature map and then do nothing but
//! an affine step (batch norm in evaluation, classifier), for which these are the same maps as those of Grad-CAM.

use super::Error;
use super::forgery_detector::ForgeryDetector;
use crate::types::RgbImage;
use tch::{Device, Kind, Tensor};

/// What each part of a face says by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceMap {
    /// Positions side by side; each stands for an equal part of the face.
    pub width: usize,
    /// Positions one below the other.
    pub height: usize,
    /// Row by row: the log odds of a fake if the whole face looked as it does here. Their mean is the log odds of the
    /// face's score.
    pub log_odds: Vec<f32>,
}

impl EvidenceMap {
    /// The score of the face, 0..1.
    pub fn score(&self) -> f64 {
        let sum: f64 = self.log_odds.iter().map(|&value| f64::from(value)).sum();
        1.0 / (1.0 + (-sum / self.log_odds.len().max(1) as f64).exp())
    }
}

impl ForgeryDetector {
    /// One map per crop; `crops` as in [`ForgeryDetector::scores`].
    ///
    /// Fails when libtorch runs out of memory.
    pub fn evidence(&self, crops: &[&RgbImage]) -> Result<Vec<EvidenceMap>, Error> {
        let _no_grad = tch::no_grad_guard();
        let features = self.features(&self.upload(crops.to_vec())?)?;
        let (weight, shift) = self.affine_head(features.size()[1])?;
        let local = features.f_mul(&weight.view([1, -1, 1, 1]))?;
        let local = local.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?.f_add(&shift)?;
        let local = self.views().combined_maps(&local)?;
        let local = local.f_to_device(Device::Cpu)?.f_contiguous()?;
        let size = local.size();
        let (height, width) = (size[1] as usize, size[2] as usize);
        let values = Vec::<f32>::try_from(local.f_view([-1])?)?;
        let map = |values: &[f32]| EvidenceMap { width, height, log_odds: values.to_vec() };
        Ok(values.chunks_exact((width * height).max(1)).map(map).collect())
    }

    /// Log odds of a fake are `weight · features + shift`: read off what the head makes of nothing and of unit vectors,
    /// whatever layers it has.
    fn affine_head(&self, features: i64) -> Result<(Tensor, Tensor), Error> {
        let options = (Kind::Float, self.device());
        let log_odds = |x: &Tensor| -> Result<Tensor, Error> {
            let logits = self.network().classify(x);
            Ok(logits.f_select(1, 1)?.f_sub(&logits.f_select(1, 0)?)?)
        };
        let shift = log_odds(&Tensor::f_zeros([1, features], options)?)?;
        let weight = log_odds(&Tensor::f_eye(features, options)?)?.f_sub(&shift)?;
        Ok((weight, shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::efficientnet::Variant;
    use crate::model::fill::uniform;
    use crate::model::published::Layout;
    use crate::model::{Execution, InputSpec, Method, Normalisation};
    use std::path::Path;

    #[test]
    fn the_mean_of_a_map_is_the_score_for_both_methods_and_forms() {
        const SIDE: usize = 96;
        let crop = |seed| {
            let values = uniform("face", seed, 3 * SIDE * SIDE).map(|value| (value * 255.0) as u8);
            RgbImage::from_raw(SIDE, SIDE, values.collect())
        };
        let (one, other) = (crop(3), crop(4));
        let crops = [&one, &other];
        for method in [Method::Sbi, Method::Eg] {
            for name in ["efficientnet-b0", "efficientnet-lite0"] {
                let variant = Variant::named(name).unwrap();
                let input =
                    InputSpec { normalisation: Normalisation::ImageNet, side: 64, ..InputSpec::default() };
                let state = Layout::ForgeryDetector(method, variant).filled(4).unwrap();
                for execution in [Execution::plain(Device::Cpu), Execution::fastest(Device::Cpu)] {
                    let detector =
                        ForgeryDetector::from_state(&state, input, Path::new("filled"), execution).unwrap();
                    let scores = detector.scores(&crops).unwrap();
                    let maps = detector.evidence(&crops).unwrap();
                    assert_eq!((maps.len(), maps[0].width, maps[0].height), (2, 2, 2));
                    for (map, score) in maps.iter().zip(scores) {
                        let apart = (map.score() - f64::from(score)).abs();
                        assert!(apart < 1e-4, "{method:?} {name} {execution:?}: {apart}");
                    }
                }
            }
        }
    }
}

//! EfficientNet b0 to b7 and lite0 to lite2, with the layer names of the Python package `efficientnet_pytorch`.
//!
//! Tan & Le, "EfficientNet: Rethinking Model Scaling", ICML 2019, <https://arxiv.org/abs/1905.11946>; the light form is
//! that of TensorFlow's `efficientnet/lite`.

mod description;
mod variant;

pub use super::modules::{Mode, Pass};
pub use description::{description, weights};
pub use variant::{VARIANTS, Variant};

use super::Error;
use super::execution::{Executable, Execution, Trunk};
use super::modules::{DeviceWeights, Modules, TensorSource, linear};
use crate::engine::Images;
use crate::network::{Weights, Work};
use tch::nn;
use tch::{TchError, Tensor};

/// The trunk and the classifier layer `_fc`.
///
/// `T` is the form of the trunk: [`Executable`] infers, [`Modules`] can be trained.
pub struct EfficientNet<T = Executable> {
    /// Which size this is.
    pub variant: Variant,
    trunk: T,
    fc: nn::Linear,
}

impl EfficientNet {
    /// A network for inference.
    ///
    /// Fails when a weight is missing or of another shape, and when libtorch runs out of memory.
    pub fn load(
        variant: Variant,
        classes: usize,
        weights: Weights,
        execution: Execution,
    ) -> Result<Self, Error> {
        let trunk = execution.executable(&description(variant), weights)?;
        let classifier = description::classifier(variant, classes);
        let fc = linear(&classifier, &DeviceWeights::new(weights, execution.device()))?;
        Ok(EfficientNet { variant, trunk, fc })
    }

    /// The last feature map of images that are written where the network reads them: `[n, features, h / 32, w / 32]`.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn extract_features_of(&self, images: &dyn Images) -> Result<Tensor, TchError> {
        Ok(self.trunk.run_images(images)?.swap_remove(0))
    }
}

impl EfficientNet<Modules> {
    /// A network for training and for layer-by-layer checks.
    ///
    /// Fails when `source` lacks a tensor.
    pub fn new(variant: Variant, classes: usize, source: &dyn TensorSource) -> Result<Self, Error> {
        let trunk = Modules::new(&description(variant), source)?;
        let fc = linear(&description::classifier(variant, classes), source)?;
        Ok(EfficientNet { variant, trunk, fc })
    }

    /// The last feature map averaged over its positions, in any mode: `x` `[n, 3, h, w]` to `[n, features]`.
    pub fn pooled_features_in<'a>(&self, x: &Tensor, pass: impl Into<Pass<'a>>) -> Tensor {
        pooled(&self.trunk.forward(x, pass)[0])
    }

    /// [`Self::pooled_features_in`], and the last map of a sixteenth of the image's side, whose channels are
    /// [`Variant::middle`].
    pub fn pooled_features_and_middle<'a>(&self, x: &Tensor, pass: impl Into<Pass<'a>>) -> (Tensor, Tensor) {
        const PART: i64 = 16;
        let side = (x.size()[2] / PART).max(1);
        let mut middle = None;
        let made = self.trunk.forward_seeing(x, pass, &mut |map| {
            if map.size()[2] >= side {
                middle = Some(map.shallow_clone());
            }
        });
        (pooled(&made[0]), middle.expect("the stem's map is larger"))
    }

    /// [`Self::pooled_features_in`], showing each stage's output to `see` under its layer name (`_conv_stem`, `_bn0`,
    /// `_blocks.N`, `_conv_head`, `_bn1`; batch norms before the activation).
    pub fn trace(&self, x: &Tensor, mode: Mode, see: &mut dyn FnMut(&str, &Tensor)) -> Tensor {
        pooled(&self.trunk.trace(x, mode, see)[0])
    }
}

impl<T: Trunk> EfficientNet<T> {
    /// The last feature map: `x` `[n, 3, h, w]` to `[n, features, h / 32, w / 32]`.
    pub fn extract_features(&self, x: &Tensor) -> Tensor {
        self.trunk.run(x).swap_remove(0)
    }

    /// The feature map averaged over its positions: `[n, features]`.
    pub fn pooled_features(&self, x: &Tensor) -> Tensor {
        pooled(&self.trunk.run(x)[0])
    }
}

impl<T> EfficientNet<T> {
    /// The classifier layer: `[n, features]` to logits `[n, classes]`.
    pub fn classify(&self, features: &Tensor) -> Tensor {
        features.apply(&self.fc)
    }

    /// What the convolutions do with an image of `side` x `side` pixels.
    pub fn work(&self, side: usize) -> Work {
        description(self.variant).work((side, side))
    }
}

/// A feature map `[n, features, h, w]` averaged over its positions: `[n, features]`.
pub(super) fn pooled(features: &Tensor) -> Tensor {
    features.mean_dim([2i64, 3].as_slice(), false, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::published::Layout;
    use tch::Device;

    #[test]
    fn compiled_and_plain_agree_on_every_small_variant() {
        for variant in VARIANTS.into_iter().filter(|variant| variant.resolution <= 260) {
            let state = Layout::Backbone(variant).filled(1).unwrap();
            let x = Tensor::rand([2, 3, 97, 97], (tch::Kind::Float, Device::Cpu));
            let features = |execution| {
                let net = EfficientNet::load(variant, 2, Weights::new(&state, ""), execution).unwrap();
                tch::no_grad(|| net.pooled_features(&x))
            };
            let plain = features(Execution::plain(Device::Cpu));
            let compiled = features(Execution::fastest(Device::Cpu));
            let scale = plain.abs().max().double_value(&[]);
            let worst = (plain - compiled).abs().max().double_value(&[]);
            assert!(worst < 1e-4 * scale, "{}: {worst} of {scale}", variant.name);
        }
    }

    #[test]
    fn without_padding_at_the_stem_maps_have_deepfakebenchs_sizes() {
        let b4 = Variant::named("efficientnet-b4").unwrap();
        let sides = |variant: Variant| {
            let mut sides: Vec<usize> =
                description(variant).sizes((256, 256)).into_iter().map(|(height, _)| height).collect();
            sides.dedup();
            sides
        };
        assert_eq!(sides(b4.with_unpadded_stem()), [256, 127, 63, 32, 16, 8]);
        assert_eq!(sides(b4), [256, 128, 64, 32, 16, 8]);
    }

    #[test]
    fn the_published_networks_have_their_published_work() {
        // The paper's table 2, in thousands of millions; the light one is b0 without squeeze-excitation, which is little.
        for (name, expected) in [("efficientnet-b0", 0.39), ("efficientnet-lite0", 0.385)] {
            let variant = Variant::named(name).unwrap();
            let work = description(variant).work((variant.resolution, variant.resolution));
            let found = work.multiplications as f64 / 1e9;
            assert!((found - expected).abs() < 0.05 * expected, "{name}: {found}");
            assert!((4_000_000..9_000_000).contains(&work.values), "{name}: {work:?}");
        }
    }
}

//! The two published forgery detectors as networks: EfficientNet, and their heads on its pooled features.

use super::efficientnet::{self, EfficientNet, Mode, Pass, Variant};
use super::execution::{Executable, Execution, Trunk};
use super::modules::{BatchNorm, DeviceWeights, Modules, TensorSource};
use super::{Error, InputSpec};
use crate::checkpoint::StateDict;
use crate::network::{Norm, Weight, Weights};
use serde::{Deserialize, Serialize};
use tch::nn::VarStore;
use tch::{Device, Tensor};

/// What stands before the names of the backbone's weights in a forgery detector's file.
pub const BACKBONE_PREFIX: &str = "net.";
/// How many logits come out: real and fake.
pub(super) const CLASSES: usize = 2;
/// DeepfakeBench's SBI has one more, which its training never asked for.
const MOST_CLASSES: usize = 3;

/// How many logits a state dict's classifier gives: two, or three.
pub(super) fn classes(state: &StateDict) -> usize {
    let head = state.get(&format!("{BACKBONE_PREFIX}_fc.weight"));
    match head.and_then(|head| head.shape().first()) {
        Some(&MOST_CLASSES) => MOST_CLASSES,
        _ => CLASSES,
    }
}

/// Which published method a forgery detector was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Self-blended images: the network's own classifier on the pooled features.
    Sbi,
    /// Embedding-guided: a batch norm between features and classifier.
    Eg,
}

impl Method {
    /// `sbi` or `eg`, as in results.
    pub fn name(self) -> &'static str {
        match self {
            Method::Sbi => "sbi",
            Method::Eg => "eg",
        }
    }

    /// The batch norm before the classifier, if the method has one.
    fn norm(self, variant: Variant) -> Option<Norm> {
        match self {
            Method::Sbi => None,
            Method::Eg => Some(Norm::new("bn", variant.features())),
        }
    }
}

/// All weights that scores are computed from, under their names in a forgery detector's file.
pub fn weights(method: Method, variant: Variant) -> Vec<Weight> {
    weights_with(method, variant, CLASSES)
}

/// All weights of a network with so many classes.
pub(super) fn weights_with(method: Method, variant: Variant, classes: usize) -> Vec<Weight> {
    let backbone = efficientnet::weights(variant, classes);
    let backbone = backbone.into_iter().map(|weight| weight.under(BACKBONE_PREFIX));
    backbone.chain(method.norm(variant).iter().flat_map(Norm::weights)).collect()
}

/// A forgery detector's network. `T` is the form of its trunk: [`Executable`] infers, [`Modules`] can be trained.
pub struct ForgeryNetwork<T = Executable> {
    method: Method,
    net: EfficientNet<T>,
    /// EG's batch norm before the classifier.
    norm: Option<BatchNorm>,
    input: InputSpec,
    device: Device,
}

impl ForgeryNetwork {
    /// A network for inference; `state` holds what [`weights`] lists, perhaps with one class more.
    ///
    /// Fails when a weight is missing or of another shape, and when libtorch runs out of memory.
    pub fn load(
        method: Method,
        variant: Variant,
        input: InputSpec,
        state: &StateDict,
        execution: Execution,
    ) -> Result<Self, Error> {
        let device = execution.device();
        let variant = if input.padded { variant } else { variant.with_unpadded_stem() };
        let net =
            EfficientNet::load(variant, classes(state), Weights::new(state, BACKBONE_PREFIX), execution)?;
        let norm = head_norm(method, variant, &DeviceWeights::new(Weights::new(state, ""), device))?;
        Ok(ForgeryNetwork { method, net, norm, input, device })
    }
}

fn head_norm(
    method: Method,
    variant: Variant,
    source: &dyn TensorSource,
) -> Result<Option<BatchNorm>, Error> {
    method.norm(variant).map(|norm| BatchNorm::new(&norm, source)).transpose()
}

impl ForgeryNetwork<Modules> {
    /// A network to be trained, whose weights are new variables of `vs`.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn new(method: Method, variant: Variant, input: InputSpec, vs: &VarStore) -> Result<Self, Error> {
        let root = vs.root();
        let backbone = &root / BACKBONE_PREFIX.trim_end_matches('.');
        let net = EfficientNet::new(variant, CLASSES, &backbone)?;
        let norm = head_norm(method, variant, &root)?;
        Ok(ForgeryNetwork { method, net, norm, input, device: vs.device() })
    }

    /// Logits `[n, 2]` of pooled features `[n, features]` in any mode: dropout, then batch norms, as the pass says.
    pub(super) fn classify_in(&self, features: &Tensor, pass: Pass) -> Tensor {
        self.classified(&pass.dropout(features, self.net.variant.dropout), pass)
    }
}

impl<T> ForgeryNetwork<T> {
    /// The method that the network is of.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The backbone with its classifier layer.
    pub fn backbone(&self) -> &EfficientNet<T> {
        &self.net
    }

    /// How images must be scaled, and their side.
    pub fn input(&self) -> InputSpec {
        self.input
    }

    /// The device that holds its weights.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Logits `[n, classes]` (real, fake, and perhaps one that means nothing) of pooled features `[n, features]`.
    pub fn classify(&self, features: &Tensor) -> Tensor {
        self.classified(features, Mode::Eval.into())
    }

    fn classified(&self, features: &Tensor, pass: Pass) -> Tensor {
        match &self.norm {
            Some(norm) => self.net.classify(&norm.forward(features, pass)),
            None => self.net.classify(features),
        }
    }
}

impl<T: Trunk> ForgeryNetwork<T> {
    /// Logits `[n, 2]` (real, fake) of `x` `[n, 3, h, w]`: RGB in 0..1, of any size.
    pub fn logits(&self, x: &Tensor) -> Tensor {
        self.classify(&self.net.pooled_features(&self.input.normalisation.apply(x)))
    }
}

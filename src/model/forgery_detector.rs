//! The two published detectors: EfficientNet with their heads, recognised from the weight file.

use super::efficientnet::{EfficientNet, Mode, VARIANTS, Variant};
use super::layers::BatchNorm;
use super::weights::{BATCH_COUNTER, load_weights};
use super::{Error, ExecutionPlan, InputSpec, OtherNetwork, fill};
use crate::checkpoint::{self, StateDict};
use crate::metrics::Calibration;
use crate::native::torch::Half;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tch::nn::{self, VarStore};
use tch::{Device, Tensor};

/// Which published method a detector was trained with.
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
}

/// Parts of an EG file that only training uses: the frozen face encoder, the other heads, the network that
/// rebuilds features, and two layers that nothing uses.
const EG_TRAINING_ONLY: [&str; 6] =
    ["face_model.", "fc_cat.", "fc_cat1.", "reconstruction_network.", "reshape_layer.", "fc."];

/// A detector ready to score faces.
pub struct ForgeryDetector {
    method: Method,
    net: EfficientNet,
    /// EG's batch norm before the classifier.
    bn: Option<BatchNorm>,
    input: InputSpec,
    calibration: Option<Calibration>,
    half: Option<Half>,
    device: Device,
}

impl ForgeryDetector {
    /// Reads a weight file of either method and any EfficientNet (b0 to b7, lite0 to lite2).
    ///
    /// Fails when the file is no checkpoint, is of another network, or lacks or has more than it should.
    pub fn load(path: &Path, plan: ExecutionPlan) -> Result<Self, Error> {
        let file = checkpoint::read(path)?;
        let unknown = |found| Error::UnknownInput { path: path.to_owned(), found };
        let input = InputSpec::from_metadata(&file.metadata).map_err(unknown)?;
        let calibration = Calibration::from_metadata(&file.metadata).map_err(unknown)?;
        Ok(ForgeryDetector { calibration, ..Self::from_state(&file.state, input, path, plan)? })
    }

    /// The same from a state dict; `path` is only for messages.
    pub fn from_state(
        state: &StateDict,
        input: InputSpec,
        path: &Path,
        plan: ExecutionPlan,
    ) -> Result<Self, Error> {
        let (method, variant) =
            recognise(state).map_err(|found| Error::NotAForgeryDetector { path: path.to_owned(), found })?;
        let vs = VarStore::new(plan.device());
        let mut detector = ForgeryDetector::build(&vs.root(), method, variant, input, plan.device());
        let surplus =
            |name: &str| method == Method::Eg && EG_TRAINING_ONLY.iter().any(|part| name.starts_with(part));
        let network = format!("{} on {}", method.name(), variant.name);
        load_weights(&vs, state, &network, path, surplus)?;
        if plan.compiles() {
            detector.compile();
        }
        Ok(detector)
    }

    /// The network with untrained weights; all names under `root` as in the published files.
    pub fn build(
        root: &nn::Path,
        method: Method,
        variant: Variant,
        input: InputSpec,
        device: Device,
    ) -> Self {
        let net = EfficientNet::new(&(root / "net"), variant, 2);
        let bn = (method == Method::Eg)
            .then(|| BatchNorm::new(root / "bn", variant.features(), BatchNorm::EPS, BatchNorm::MOMENTUM));
        ForgeryDetector { method, net, bn, input, calibration: None, half: None, device }
    }

    /// Switches to the compiled form (CPU, inference only).
    pub fn compile(&mut self) {
        self.net.compile();
    }

    /// Scores in half precision from now on: for CUDA devices, which are several times as fast in it. How far scores of
    /// made faces move by that is the answer.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn halve(&mut self, half: Half) -> Result<f64, Error> {
        const FACES: usize = 8;
        let side = self.input.side as usize;
        let values = fill::input("faces", 1, FACES * 3 * side * side);
        let planes: Vec<u8> = values.into_iter().map(|value| (value * 255.0) as u8).collect();
        let whole = self.scores(&planes, side)?;
        self.half = Some(half);
        let halved = self.scores(&planes, side)?;
        Ok(whole.iter().zip(halved).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max))
    }

    /// Which method the weights come from.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The backbone.
    pub fn backbone(&self) -> &EfficientNet {
        &self.net
    }

    /// What its pictures must be like.
    pub fn input(&self) -> InputSpec {
        self.input
    }

    /// What its scores mean, where its file tells.
    pub fn calibration(&self) -> Option<Calibration> {
        self.calibration
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Logits `[n, 2]` (real, fake) of `x` `[n, 3, h, w]`: RGB in 0..1, of any size.
    pub fn logits(&self, x: &Tensor) -> Tensor {
        self.classify(&self.net.pooled_features(&self.input.normalisation.apply(x), Mode::Eval))
    }

    /// Logits of pooled features `[n, features]`.
    pub fn classify(&self, features: &Tensor) -> Tensor {
        match &self.bn {
            Some(bn) => self.net.classify(&bn.forward(features, false)),
            None => self.net.classify(features),
        }
    }

    /// The same in training: dropout, then batch norms on the batch's own statistics, as `mode` says.
    pub(super) fn classify_in(&self, features: &Tensor, mode: Mode) -> Tensor {
        let features = features.dropout(self.net.variant.dropout, mode == Mode::Train);
        match &self.bn {
            Some(bn) => self.net.classify(&bn.forward(&features, mode.batch_statistics())),
            None => self.net.classify(&features),
        }
    }

    /// EG's batch norm before the classifier: its running mean and variance.
    pub fn head_statistics(&self) -> Option<(Tensor, Tensor)> {
        self.bn.as_ref().map(BatchNorm::running_statistics)
    }

    /// The precision that scores are computed in, where it is half.
    pub(super) fn half(&self) -> Option<Half> {
        self.half
    }
}

/// The entries of a detector's file that inference uses.
///
/// Fails when the file holds no detector; `path` is only for messages.
pub fn detector_part(state: &StateDict, path: &Path) -> Result<StateDict, Error> {
    let (method, _) =
        recognise(state).map_err(|found| Error::NotAForgeryDetector { path: path.to_owned(), found })?;
    let unused = |name: &str| {
        name.ends_with(BATCH_COUNTER)
            || method == Method::Eg && EG_TRAINING_ONLY.iter().any(|part| name.starts_with(part))
    };
    let mut part = StateDict::new();
    for (name, tensor) in state.iter().filter(|(name, _)| !unused(name)) {
        part.insert(name, tensor.clone())?;
    }
    Ok(part)
}

/// Whether a state dict's entries are called as those of a forgery detector.
pub fn holds_forgery_detector(state: &StateDict) -> bool {
    state.contains("net._conv_stem.weight")
}

/// Which detector a state dict holds, by its names and its head's shape; or what it holds instead.
fn recognise(state: &StateDict) -> Result<(Method, Variant), OtherNetwork> {
    let has = |name: &str| state.contains(name);
    if !holds_forgery_detector(state) {
        return Err(if has("_conv_stem.weight") {
            OtherNetwork::Backbone
        } else if has("body.conv1.weight") || has("body.stage1.0.0.weight") {
            OtherNetwork::FaceDetector
        } else if has("layer1.0.bn1.weight") && has("features.weight") {
            OtherNetwork::FaceEncoder
        } else {
            let first = state.iter().take(3).map(|(name, _)| name.to_owned()).collect();
            OtherNetwork::Unknown { entries: state.len(), first }
        });
    }
    let method = if has("bn.weight") { Method::Eg } else { Method::Sbi };
    let blocks = (0..).take_while(|i| has(&format!("net._blocks.{i}._project_conv.weight"))).count() as i64;
    let squeezes = has("net._blocks.0._se_reduce.weight");
    let head = state.get("net._conv_head.weight").map(|t| t.shape()).unwrap_or_default();
    VARIANTS
        .into_iter()
        .find(|v| {
            let widths = [v.features(), v.last_block()].map(|width| width as usize);
            v.blocks() == blocks && v.squeezes() == squeezes && head.starts_with(&widths)
        })
        .map(|variant| (method, variant))
        .ok_or_else(|| OtherNetwork::UnknownSize { blocks, features: head.first().copied() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_moves_scores_a_little_and_says_how_far() {
        let vs = VarStore::new(Device::Cpu);
        let variant = Variant::named("efficientnet-b0").unwrap();
        let input = InputSpec { side: 64, ..InputSpec::default() };
        let mut detector = ForgeryDetector::build(&vs.root(), Method::Sbi, variant, input, Device::Cpu);
        fill::fill_variables(&vs, 2);
        let planes = vec![90; 3 * 64 * 64];
        let whole = detector.scores(&planes, 64).unwrap()[0];
        // A CPU has the other kind of half precision.
        let told = detector.halve(Half::BFloat16).unwrap();
        let halved = detector.scores(&planes, 64).unwrap()[0];
        assert!(told > 0.0 && told < 0.05, "{told}");
        assert!(whole != halved && (whole - halved).abs() < 0.05, "{whole} {halved}");
    }
}

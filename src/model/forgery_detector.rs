//! The forgery detectors for inference, recognised from the weight file.

use super::benchmark_weights::ADJUST_CHANNEL;
use super::efficientnet::{EfficientNet, VARIANTS, Variant};
use super::face_encoder::FACE_ENCODER_PREFIX;
use super::forgery_network::{self, BACKBONE_PREFIX, ForgeryNetwork, Method};
use super::localiser::LOCALISER_PREFIX;
use super::named_weights::{NamedWeights, STEM, only_prefix};
use super::weights::check;
use super::{Error, Execution, InputSpec, Normalisation, OtherNetwork, Views, fill};
use crate::checkpoint::{BATCH_COUNTER, StateDict};
use crate::metrics::{CalibratedRange, Calibration, LikelihoodRatios};
use crate::native::torch::Half;
use crate::types::RgbImage;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Tensor};

/// Parts of an EG file that only training uses: the frozen face encoder, the other heads, the network that
/// rebuilds features, and two layers that nothing uses.
const EG_TRAINING_ONLY: [&str; 6] =
    [FACE_ENCODER_PREFIX, "fc_cat.", "fc_cat1.", "reconstruction_network.", "reshape_layer.", "fc."];

fn only_for_training(method: Method, name: &str) -> bool {
    name.starts_with(LOCALISER_PREFIX)
        || name.starts_with(ADJUST_CHANNEL)
        || method == Method::Eg && EG_TRAINING_ONLY.iter().any(|part| name.starts_with(part))
}

/// A forgery detector ready to score faces.
pub struct ForgeryDetector {
    network: ForgeryNetwork,
    views: Views,
    calibration: Option<Calibration>,
    calibrated_range: CalibratedRange,
    likelihood_ratios: Option<LikelihoodRatios>,
    half: Option<Half>,
    notes: Vec<String>,
    metadata: BTreeMap<String, String>,
}

impl ForgeryDetector {
    /// Reads a weight file of either method and any EfficientNet (b0 to b7, lite0 to lite2), or one of DeepfakeBench.
    ///
    /// Fails when the file is no checkpoint, is of another network, or lacks or has more than it should.
    pub fn load(path: &Path, execution: Execution) -> Result<Self, Error> {
        Self::load_with(path, None, execution)
    }

    /// [`ForgeryDetector::load`] with another normalisation than the file tells, or is taken to mean.
    pub fn load_with(
        path: &Path,
        normalisation: Option<Normalisation>,
        execution: Execution,
    ) -> Result<Self, Error> {
        let NamedWeights { checkpoint: file, notes } = NamedWeights::read(path)?;
        let unknown = |found| Error::UnknownInput { path: path.to_owned(), found };
        let told = InputSpec::from_metadata(&file.metadata).map_err(unknown)?;
        let input = InputSpec { normalisation: normalisation.unwrap_or(told.normalisation), ..told };
        let views = Views::from_metadata(&file.metadata).map_err(unknown)?;
        let calibration = Calibration::from_metadata(&file.metadata).map_err(unknown)?;
        let calibrated_range = CalibratedRange::from_metadata(&file.metadata).map_err(unknown)?;
        let likelihood_ratios = LikelihoodRatios::from_metadata(&file.metadata).map_err(unknown)?;
        Ok(ForgeryDetector {
            views,
            calibration,
            calibrated_range,
            likelihood_ratios,
            notes,
            metadata: file.metadata.clone(),
            ..Self::from_state(&file.state, input, path, execution)?
        })
    }

    /// A forgery detector from a state dict instead of a file; `path` is only for messages.
    ///
    /// Fails when the state dict is of another network, or lacks or has more than it should.
    pub fn from_state(
        state: &StateDict,
        input: InputSpec,
        path: &Path,
        execution: Execution,
    ) -> Result<Self, Error> {
        let (method, variant) =
            recognise(state).map_err(|found| Error::NotAForgeryDetector { path: path.to_owned(), found })?;
        let name = format!("{} on {}", method.name(), variant.name);
        let expected = forgery_network::weights_with(method, variant, forgery_network::classes(state));
        check(&expected, state, &name, path, |name| only_for_training(method, name))?;
        let network = ForgeryNetwork::load(method, variant, input, state, execution)?;
        Ok(ForgeryDetector {
            network,
            views: Views::default(),
            calibration: None,
            calibrated_range: CalibratedRange::default(),
            likelihood_ratios: None,
            half: None,
            notes: Vec::new(),
            metadata: BTreeMap::new(),
        })
    }

    /// Scores in half precision from now on: for CUDA devices, which are several times as fast in it. How far scores of
    /// made faces move by that is the answer.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn halve(&mut self, half: Half) -> Result<f64, Error> {
        const FACES: usize = 8;
        let side = self.input().side as usize;
        let values = fill::input("faces", 1, FACES * 3 * side * side);
        let planes: Vec<u8> = values.into_iter().map(|value| (value * 255.0) as u8).collect();
        let crops = planes.chunks_exact(3 * side * side);
        let crops: Vec<RgbImage> = crops.map(|planes| RgbImage::from_planes(side, side, planes)).collect();
        let crops: Vec<&RgbImage> = crops.iter().collect();
        let whole = self.scores(&crops)?;
        self.half = Some(half);
        let halved = self.scores(&crops)?;
        Ok(whole.iter().zip(halved).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max))
    }

    /// What the weight file says of itself, by name; empty where it says nothing.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The network that scores.
    pub fn network(&self) -> &ForgeryNetwork {
        &self.network
    }

    /// The method that the weights come from.
    pub fn method(&self) -> Method {
        self.network.method()
    }

    /// The backbone with its classifier layer.
    pub fn backbone(&self) -> &EfficientNet {
        self.network.backbone()
    }

    /// What its images must be like.
    pub fn input(&self) -> InputSpec {
        self.network.input()
    }

    /// What its scores are made of.
    pub fn views(&self) -> Views {
        self.views
    }

    /// Makes scores of other views from now on; what was fitted to the old ones is gone.
    pub fn view_by(&mut self, views: Views) {
        if views != self.views {
            self.views = views;
            self.calibration = None;
            self.likelihood_ratios = None;
        }
    }

    /// What its scores mean, where its file tells.
    pub fn calibration(&self) -> Option<Calibration> {
        self.calibration
    }

    /// What the faces were like that its calibration saw, as far as its file tells.
    pub fn calibrated_range(&self) -> CalibratedRange {
        self.calibrated_range
    }

    /// How much more likely its scores are for fakes than for real faces, where its file tells.
    pub fn likelihood_ratios(&self) -> Option<&LikelihoodRatios> {
        self.likelihood_ratios.as_ref()
    }

    /// What a person should know about its file, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The device that holds its weights.
    pub fn device(&self) -> Device {
        self.network.device()
    }

    /// Logits `[n, 2]` (real, fake) of `x` `[n, 3, h, w]`: RGB in 0..1, of any size.
    pub fn logits(&self, x: &Tensor) -> Tensor {
        self.network.logits(x)
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
    let unused = |name: &str| name.ends_with(BATCH_COUNTER) || only_for_training(method, name);
    let mut part = StateDict::new();
    for (name, tensor) in state.iter().filter(|(name, _)| !unused(name)) {
        part.insert(name, tensor.clone())?;
    }
    Ok(part)
}

/// Whether a state dict's entries are called as those of a forgery detector.
pub fn holds_forgery_detector(state: &StateDict) -> bool {
    state.contains(&format!("{BACKBONE_PREFIX}{STEM}"))
}

/// What a state dict holds, such as `sbi on efficientnet-b4`; `None` where it is no forgery detector.
pub fn network_name(state: &StateDict) -> Option<String> {
    recognise(state).ok().map(|(method, variant)| format!("{} on {}", method.name(), variant.name))
}

/// Which detector a state dict holds, by its names and its head's shape; or what it holds instead.
fn recognise(state: &StateDict) -> Result<(Method, Variant), OtherNetwork> {
    let has = |name: &str| state.contains(name);
    let has_backbone = |name: &str| has(&format!("{BACKBONE_PREFIX}{name}"));
    if !holds_forgery_detector(state) {
        return Err(if has(STEM) {
            OtherNetwork::Backbone
        } else if has("body.conv1.weight") || has("body.stage1.0.0.weight") {
            OtherNetwork::FaceDetector
        } else if has("layer1.0.bn1.weight") && has("features.weight") {
            OtherNetwork::FaceEncoder
        } else if let Some(prefix) = only_prefix(state, &[STEM]) {
            OtherNetwork::Prefixed { prefix: prefix.to_owned() }
        } else {
            let first = state.iter().take(3).map(|(name, _)| name.to_owned()).collect();
            OtherNetwork::Unknown { entries: state.len(), first }
        });
    }
    let method = if has("bn.weight") { Method::Eg } else { Method::Sbi };
    let blocks = (0..).take_while(|i| has_backbone(&format!("_blocks.{i}._project_conv.weight"))).count();
    let squeezes = has_backbone("_blocks.0._se_reduce.weight");
    let head =
        state.get(&format!("{BACKBONE_PREFIX}_conv_head.weight")).map(|t| t.shape()).unwrap_or_default();
    VARIANTS
        .into_iter()
        .find(|v| {
            let widths = [v.features(), v.last_block()];
            v.blocks() == blocks && v.squeezes() == squeezes && head.starts_with(&widths)
        })
        .map(|variant| (method, variant))
        .ok_or_else(|| OtherNetwork::UnknownSize { blocks, features: head.first().copied() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::published::Layout;

    #[test]
    fn half_precision_moves_scores_a_little_and_says_how_far() {
        let variant = Variant::named("efficientnet-b0").unwrap();
        let input = InputSpec { side: 64, ..InputSpec::default() };
        let state = Layout::ForgeryDetector(Method::Sbi, variant).filled(2).unwrap();
        let plain = Execution::plain(Device::Cpu);
        let mut detector = ForgeryDetector::from_state(&state, input, Path::new("filled"), plain).unwrap();
        let crop = RgbImage::filled(64, 64, [90; 3]);
        let whole = detector.scores(&[&crop]).unwrap()[0];
        // A CPU has the other kind of half precision.
        let told = detector.halve(Half::BFloat16).unwrap();
        let halved = detector.scores(&[&crop]).unwrap()[0];
        assert!(told > 0.0 && told < 0.05, "{told}");
        assert!(whole != halved && (whole - halved).abs() < 0.05, "{whole} {halved}");
    }
}

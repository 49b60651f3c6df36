//! What a run needs before its first step: frames, networks, weights.

use super::TrainError;
use super::config::{Config, EncoderName, GuideConfig, Residual};
use super::loader::{Loader, LoaderConfig};
use crate::Result;
use crate::blending::Phase;
use crate::checkpoint::{self, StateDict};
use crate::model::dlib_encoder;
use crate::model::efficientnet::Variant;
use crate::model::initial::initialise;
use crate::model::objective::{GuideSpec, LossWeights, TrainingModel};
use crate::model::weights::load_part;
use crate::model::{InputSpec, Method};
use crate::training_pairs::FrameList;
use std::path::Path;
use tch::Device;

/// Batches under way beside the one in use.
const READ_AHEAD: usize = 3;
/// Where the published encoder is looked for when the configuration names none.
const USUAL_ENCODER: &str = "weights/backbone.pth";

/// A loader of a split's frames. Fails when not one batch comes together.
pub fn loader(config: &Config, frames: &FrameList, phase: Phase, device: Device) -> Result<Loader> {
    let degradation = match phase {
        Phase::Train => config.data.degradation,
        Phase::Validation => 0.0,
    };
    degraded_loader(config, frames, phase, device, degradation)
}

/// The same with a probability of degradation of its own.
pub fn degraded_loader(
    config: &Config,
    frames: &FrameList,
    phase: Phase,
    device: Device,
    degradation: f64,
) -> Result<Loader> {
    let drop_last = phase == Phase::Train;
    if drop_last && frames.frames.len() < config.pairs() {
        let (batch_size, frames) = (config.batch_size, frames.frames.len());
        return Err(TrainError::BatchTooLarge { batch_size, frames }.into());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = LoaderConfig {
        pairs: config.pairs(),
        image_size: config.image_size,
        phase,
        seed: config.seed,
        threads: config.workers.unwrap_or(cores),
        read_ahead: READ_AHEAD,
        degradation,
        drop_last,
        device,
    };
    Ok(Loader::new(frames.frames.clone(), settings))
}

/// The networks of a configuration with the weights a run starts from; the texts are warnings for the user.
///
/// Fails when a weight file is missing, damaged, or of another network.
pub fn model(config: &Config, device: Device) -> Result<(TrainingModel, Vec<String>)> {
    let variant = Variant::named(&config.backbone).expect("a checked configuration names a known backbone");
    let guide = match config.method {
        Method::Sbi => None,
        Method::Eg => Some(guide_spec(&config.guide)),
    };
    let input = InputSpec { normalisation: config.normalisation, side: config.image_size as i64 };
    let model = TrainingModel::new(variant, guide, input, device);
    initialise(model.variables(), config.seed);
    initialise(model.frozen_variables(), config.seed);
    let mut warnings = Vec::new();
    match &config.init {
        Some(path) => warnings.push(load_backbone(&model, path)?),
        None => warnings.push(
            "the backbone starts from random weights: `init` names the ImageNet weights that published runs start from"
                .to_owned(),
        ),
    }
    if config.method == Method::Eg {
        warnings.extend(load_encoder(&model, &config.guide)?);
    }
    Ok((model, warnings))
}

fn guide_spec(guide: &GuideConfig) -> GuideSpec {
    let super::config::LossWeights { rf, rp, rc, distill } = guide.loss_weights;
    GuideSpec {
        encoder: guide.encoder_spec(),
        input_size: guide.input_side() as i64,
        weights: LossWeights { rf, rp, rc, distill },
        detach: guide.detach,
        absolute_residual: guide.residual == Residual::Absolute,
    }
}

/// ImageNet weights into the backbone; its classifier, of another number of classes, stays as it is.
fn load_backbone(model: &TrainingModel, path: &Path) -> Result<String> {
    let state = checkpoint::read(path)?.state;
    // A detector's file holds its backbone under this name.
    let state = if state.contains("net._conv_stem.weight") { state.strip_prefix("net.")? } else { state };
    let network = model.detector().backbone().variant.name;
    load_part(model.variables(), "net.", &state, network, path, |name| {
        // Whatever else a detector's file holds.
        name.starts_with("_fc.") || !name.starts_with('_')
    })?;
    Ok(format!("the backbone starts from {}; its classifier from random weights", path.display()))
}

/// Weights into the face encoder, or a warning where it stays with random ones.
fn load_encoder(model: &TrainingModel, guide: &GuideConfig) -> Result<Option<String>> {
    let usual = match guide.encoder {
        EncoderName::Dlib => Path::new(dlib_encoder::USUAL_WEIGHTS),
        _ => Path::new(USUAL_ENCODER),
    };
    let path = match &guide.weights {
        Some(path) => path,
        None if usual.exists() => usual,
        None if guide.encoder == EncoderName::Dlib => {
            return Err(TrainError::NoDlibWeights { path: usual.to_owned() }.into());
        }
        None => {
            return Ok(Some(format!(
                "the guide's face encoder has random weights: `guide.weights` names a file, or put one at {USUAL_ENCODER}"
            )));
        }
    };
    let state = match guide.encoder {
        EncoderName::Dlib => dlib_encoder::read(path)?,
        _ => checkpoint::read(path)?.state,
    };
    fill_encoder(model, &state, guide.encoder, path)?;
    Ok(None)
}

fn fill_encoder(model: &TrainingModel, state: &StateDict, encoder: EncoderName, path: &Path) -> Result<()> {
    // An EG file holds its encoder beside everything else.
    const INSIDE: &str = "face_model.";
    let inside = state.names().any(|name| name.starts_with(INSIDE));
    let prefix = if inside { "" } else { INSIDE };
    let network = format!("the guide's encoder, {encoder:?}").to_lowercase();
    load_part(model.frozen_variables(), prefix, state, &network, path, |name| {
        inside && !name.starts_with(INSIDE)
    })?;
    Ok(())
}

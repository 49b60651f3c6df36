//! What a run needs before its first step: batches, networks, weights.

use super::TrainError;
use super::config::{Config, EncoderName, EncoderWeights, GuideConfig, Residual};
use super::loader::{Loader, LoaderConfig};
use crate::Result;
use crate::blending::Phase;
use crate::checkpoint::{self, StateDict};
use crate::model::efficientnet::Variant;
use crate::model::initial::initialise;
use crate::model::objective::{GuideSpec, TrainingModel};
use crate::model::weights::load_part;
use crate::model::{InputSpec, Method, dlib_encoder};
use crate::training_pairs::FrameList;
use crate::weight_files::{self, weights_dir};
use std::path::{Path, PathBuf};
use tch::Device;

/// Batches under way beside the one in use.
const READ_AHEAD: usize = 3;

/// A loader of training pairs of these frames, a share of them (0..=1) degraded. In training the frames come in a new
/// order each epoch, and only full batches count.
///
/// Fails when not one full batch comes together in training.
pub fn loader(
    config: &Config,
    frames: &FrameList,
    phase: Phase,
    degradation: f64,
    device: Device,
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

/// The networks of a configuration; their weights are still to come.
pub fn networks(config: &Config, device: Device) -> TrainingModel {
    let variant = Variant::named(&config.backbone).expect("a checked configuration names a known backbone");
    let guide = match config.method {
        Method::Sbi => None,
        Method::Eg => Some(guide_spec(&config.guide)),
    };
    let input = InputSpec { normalisation: config.normalisation, side: config.image_size as i64 };
    TrainingModel::new(variant, guide, input, device)
}

fn guide_spec(guide: &GuideConfig) -> GuideSpec {
    GuideSpec {
        encoder: guide.encoder_spec(),
        input_size: guide.input_side() as i64,
        weights: guide.loss_weights,
        detach: guide.detach,
        absolute_residual: guide.residual == Residual::Absolute,
    }
}

/// Gives networks the weights that a new run starts from: ImageNet's for the backbone and the face encoder's own, where
/// the configuration has them, random ones everywhere else. The texts tell the user where the weights came from.
///
/// Fails when a weight file is missing, damaged, or of another network.
pub fn load_initial_weights(model: &TrainingModel, config: &Config) -> Result<Vec<String>> {
    initialise(model.variables(), config.seed);
    initialise(model.frozen_variables(), config.seed);
    let mut notes = vec![load_backbone(model, config.init.as_deref())?];
    if config.method == Method::Eg {
        notes.extend(load_encoder(model, &config.guide)?);
    }
    Ok(notes)
}

/// ImageNet weights into the backbone; its classifier, of another number of classes, stays as it is.
fn load_backbone(model: &TrainingModel, init: Option<&Path>) -> Result<String> {
    let Some(init) = init else {
        return Ok("the backbone starts from random weights: `init` names the ImageNet weights that published runs start from"
            .to_owned());
    };
    let path = existing("init", init)?;
    let state = checkpoint::read(&path)?.state;
    // A detector's file holds its backbone under this name.
    let state = if state.contains("net._conv_stem.weight") { state.strip_prefix("net.")? } else { state };
    let network = model.detector().backbone().variant.name;
    load_part(model.variables(), "net.", &state, network, &path, |name| {
        // Whatever else a detector's file holds.
        name.starts_with("_fc.") || !name.starts_with('_')
    })?;
    Ok(format!("the backbone starts from {}; its classifier from random weights", path.display()))
}

/// Weights into the face encoder; a text where the configuration asks for random ones.
fn load_encoder(model: &TrainingModel, guide: &GuideConfig) -> Result<Option<String>> {
    let path = match &guide.weights {
        EncoderWeights::File(path) => existing("guide.weights", path)?,
        EncoderWeights::Usual => usual_encoder_file(guide.encoder)?,
        EncoderWeights::Random => {
            return Ok(Some("guide.weights is random: the face encoder guides nothing".to_owned()));
        }
    };
    let state = match guide.encoder {
        EncoderName::Dlib => dlib_encoder::read(&path)?,
        _ => checkpoint::read(&path)?.state,
    };
    fill_encoder(model, &state, guide.encoder, &path)?;
    Ok(None)
}

fn usual_encoder_file(encoder: EncoderName) -> Result<PathBuf, TrainError> {
    let (folder, file) = (weights_dir(), encoder.weight_file());
    file.find_in(&folder).ok_or_else(|| TrainError::NoEncoderWeights {
        encoder,
        path: folder.join(file.name()),
        origin: file.origin,
    })
}

/// The weight file that the configuration's `key` names.
fn existing(key: &'static str, named: &Path) -> Result<PathBuf, TrainError> {
    let path = weight_files::locate(named);
    match path.exists() {
        true => Ok(path),
        false => {
            let origin = weight_files::catalogue::named(named).map(|file| file.origin);
            Err(TrainError::NoWeightFile { key, path, origin })
        }
    }
}

fn fill_encoder(model: &TrainingModel, state: &StateDict, encoder: EncoderName, path: &Path) -> Result<()> {
    // An EG file holds its encoder beside everything else.
    const INSIDE: &str = "face_model.";
    let inside = state.names().any(|name| name.starts_with(INSIDE));
    let prefix = if inside { "" } else { INSIDE };
    let network = format!("the guide's encoder, {encoder}");
    load_part(model.frozen_variables(), prefix, state, &network, path, |name| {
        inside && !name.starts_with(INSIDE)
    })?;
    Ok(())
}

//! What a run needs before its first step: batches, networks, weights.

use super::TrainError;
use super::config::{Config, EncoderName, EncoderWeights, GuideConfig, Residual};
use super::loader::{Deal, Loader, LoaderConfig};
use crate::Result;
use crate::blending::{self, Phase};
use crate::checkpoint::{self, Checkpoint, StateDict};
use crate::model::efficientnet::Variant;
use crate::model::face_encoder::{FACE_ENCODER_PREFIX, FaceEncoder};
use crate::model::forgery_network::BACKBONE_PREFIX;
use crate::model::initial::{drawn, initialise};
use crate::model::objective::{GuideSpec, TrainingModel};
use crate::model::weights::load_part;
use crate::model::{Execution, InputSpec, Method, NamedWeights, dlib_encoder};
use crate::network::Weight;
use crate::training_pairs::FrameList;
use crate::weight_files::{self, weights_dir};
use std::path::{Path, PathBuf};
use tch::Device;

/// Batches under way beside the one in use.
const READ_AHEAD: usize = 3;

/// A loader of a configuration's training pairs of these frames. In training the frames come in a new order each epoch,
/// and only full batches count.
///
/// Fails when not one step's full batches come together in training, and when encoders are missing that pairs go through.
pub fn loader(config: &Config, frames: &FrameList, phase: Phase, device: Device) -> Result<Loader> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    loader_among(config, frames, phase, device, (Deal::All, cores))
}

/// The same for one of several processes: what it makes of the batches, on how many cores.
pub fn loader_among(
    config: &Config,
    frames: &FrameList,
    phase: Phase,
    device: Device,
    (deal, cores): (Deal, usize),
) -> Result<Loader> {
    let extras = config.data.extras();
    extras.check().map_err(blending::Error::from)?;
    let drop_last = phase == Phase::Train;
    let accumulate = config.optim.accumulate;
    if drop_last && frames.frames.len() < config.pairs() * accumulate {
        let (batch_size, frames) = (config.batch_size, frames.frames.len());
        return Err(TrainError::BatchTooLarge { batch_size, accumulate, frames }.into());
    }
    let settings = LoaderConfig {
        pairs: config.pairs(),
        image_size: config.image_size,
        phase,
        seed: config.seed,
        threads: config.workers.unwrap_or(cores),
        read_ahead: READ_AHEAD,
        extras,
        masks: drop_last && config.localise > 0.0,
        drop_last,
        deal,
        device,
    };
    Ok(Loader::new(frames.frames.clone(), settings))
}

/// The networks of a configuration, around EG's face encoder; all weights but the encoder's are still to come.
///
/// Fails when libtorch runs out of memory.
pub fn networks(config: &Config, encoder: Option<FaceEncoder>, device: Device) -> Result<TrainingModel> {
    let variant = Variant::named(&config.backbone).expect("a checked configuration names a known backbone");
    let input = InputSpec {
        normalisation: config.normalisation,
        side: config.image_size as i64,
        ..InputSpec::default()
    };
    let guide = encoder.map(|encoder| (guide_spec(&config.guide), encoder));
    let mut model = TrainingModel::new(variant, guide, input, device)?;
    if config.localise > 0.0 {
        model.localise(config.localise)?;
    }
    Ok(model)
}

fn guide_spec(guide: &GuideConfig) -> GuideSpec {
    GuideSpec {
        encoder: guide.encoder_spec(),
        input_size: guide.input_side(),
        weights: guide.loss_weights,
        detach: guide.detach,
        absolute_residual: guide.residual == Residual::Absolute,
    }
}

/// Gives networks the weights that a new run starts from: ImageNet's for the backbone, where the configuration has them,
/// random ones everywhere else. The text tells the user where the backbone's weights came from.
///
/// Fails when the weight file is missing, damaged, or of another network.
pub fn load_initial_weights(model: &TrainingModel, config: &Config) -> Result<String> {
    initialise(model.variables(), config.seed);
    load_backbone(model, config.init.as_deref())
}

/// ImageNet weights into the backbone; its classifier, of another number of classes, stays as it is.
fn load_backbone(model: &TrainingModel, init: Option<&Path>) -> Result<String> {
    let Some(init) = init else {
        return Ok("the backbone starts from random weights: `init` names the ImageNet weights that published runs start from"
            .to_owned());
    };
    let path = existing("init", init)?;
    let NamedWeights { checkpoint: Checkpoint { state, .. }, notes } = NamedWeights::read(&path)?;
    // A detector's file holds its backbone under this name.
    let of_backbone = |name: &str| name.starts_with(BACKBONE_PREFIX);
    let state = if state.names().any(of_backbone) { state.strip_prefix(BACKBONE_PREFIX)? } else { state };
    let network = model.forgery_network().backbone().variant.name;
    load_part(model.variables(), BACKBONE_PREFIX, &state, network, &path, |name| {
        // Whatever else a detector's file holds.
        name.starts_with("_fc.") || !name.starts_with('_')
    })?;
    let start = format!("the backbone starts from {}; its classifier from random weights", path.display());
    Ok(std::iter::once(start).chain(notes).collect::<Vec<String>>().join("; "))
}

/// EG's face encoder as a new run has it, with the weights that the configuration names; `None` for SBI. A text where the
/// configuration asks for random ones, or where something about the file should be known.
///
/// Fails when its weights are missing, damaged, or of another network.
pub fn initial_encoder(config: &Config, device: Device) -> Result<(Option<FaceEncoder>, Option<String>)> {
    if config.method == Method::Sbi {
        return Ok((None, None));
    }
    let (guide, spec) = (&config.guide, guide_spec(&config.guide));
    let path = match &guide.weights {
        EncoderWeights::File(path) => existing("guide.weights", path)?,
        EncoderWeights::Usual => usual_encoder_file(guide.encoder)?,
        EncoderWeights::Random => {
            let weights: Vec<Weight> =
                spec.encoder.weights().into_iter().map(|weight| weight.under(FACE_ENCODER_PREFIX)).collect();
            let encoder = spec.face_encoder(&drawn(&weights, config.seed)?, Execution::fastest(device))?;
            let note = "guide.weights is random: the face encoder guides nothing".to_owned();
            return Ok((Some(encoder), Some(note)));
        }
    };
    let mut notes = Vec::new();
    let state = match guide.encoder {
        EncoderName::Dlib => dlib_encoder::read(&path)?,
        _ => {
            let file = NamedWeights::read(&path)?;
            notes = file.notes;
            file.checkpoint.state
        }
    };
    let network = format!("the guide's encoder, {}", guide.encoder);
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok((Some(encoder_of(spec, &state, (&network, &path), device)?), note))
}

/// EG's face encoder as the file of a run that goes on holds it; `None` for SBI.
///
/// Fails when the file is damaged or of another network.
pub fn encoder_of_run(config: &Config, path: &Path, device: Device) -> Result<Option<FaceEncoder>> {
    if config.method == Method::Sbi {
        return Ok(None);
    }
    let state = checkpoint::read(path)?.state;
    encoder_of(guide_spec(&config.guide), &state, ("this configuration", path), device).map(Some)
}

fn encoder_of(
    spec: GuideSpec,
    file: &StateDict,
    named: (&str, &Path),
    device: Device,
) -> Result<FaceEncoder> {
    let execution = Execution::fastest(device);
    Ok(FaceEncoder::from_file(spec.encoder, spec.input_size, file, named, execution)?)
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

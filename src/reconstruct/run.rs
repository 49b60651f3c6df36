//! The run: one network for all sets, found or trained, then every set's counterparts.

use super::ReconstructError;
use super::config::Config;
use super::faces::SetFrames;
use super::place::{Place, as_output};
use super::record::Record;
use super::sheet::write_sheet;
use super::training::{Faces, Trained, train};
use super::write::{SetSummary, write_set};
use crate::model::autoencoder::{Autoencoder, Design};
use crate::prepared_frames::FrameFiles;
use crate::progress::{Cancel, Progress};
use crate::{Result, atomic_file};
use std::path::PathBuf;
use tch::Device;

/// What a run has made.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconstructSummary {
    /// What the counterparts are called.
    pub name: String,
    /// The network, unless the run was stopped before there was one.
    pub network: Option<NetworkSummary>,
    /// What became of each set's frames, as far as the run got.
    pub sets: Vec<SetSummary>,
    /// The sheet's file, if one was asked for and there is something on it.
    pub sheet: Option<PathBuf>,
    /// Whether the run was stopped early. All is kept; the same run goes on from there.
    pub interrupted: bool,
}

/// The network that a run has used.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSummary {
    /// Its design.
    pub design: Design,
    /// Steps that it was trained for.
    pub steps: usize,
    /// Faces that it has learned.
    pub faces: usize,
    /// Its loss at the end of training.
    pub loss: f64,
    /// Whether this run has trained it.
    pub new: bool,
}

/// Trains an autoencoder on the faces of all sets, unless one of this name is there, and writes the counterparts that
/// are missing.
///
/// A frame that gives none is part of the [`ReconstructSummary`] and does not stop the rest. Fails when nothing can be
/// done at all: nothing prepared, another program's counterparts or another network's under this name, a folder that
/// cannot be written. When `cancel` is requested, what is done is kept and a later run continues there. On a CPU, equal
/// settings and frames give equal files.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<ReconstructSummary> {
    config.check()?;
    let device = config.device.resolve()?;
    if let Some(path) = &config.sheet {
        atomic_file::check_writable(path).map_err(as_output)?;
    }
    let sets = config.sets.iter().map(SetFrames::list).collect::<Result<Vec<_>>>()?;
    let places: Vec<Place> = sets.iter().map(|set| Place::of(&set.folder, &config.name)).collect();
    places.iter().try_for_each(|place| place.claim(config.overwrite))?;

    let frames: Vec<&FrameFiles> = sets.iter().flat_map(|set| &set.frames).collect();
    let mut summary = ReconstructSummary {
        name: config.name.clone(),
        network: None,
        sets: Vec::new(),
        sheet: None,
        interrupted: false,
    };
    let (trained, new) = match found(&places, config, device)? {
        Some(trained) => (Some(trained), false),
        None => (trained(config, &frames, &places, device, progress, cancel)?, true),
    };
    let Some(trained) = trained else { return Ok(ReconstructSummary { interrupted: true, ..summary }) };
    let (settings, loss) = (trained.settings, trained.loss);
    let (design, steps, faces) = (settings.design, settings.steps, settings.faces);
    summary.network = Some(NetworkSummary { design, steps, faces, loss, new });

    let fingerprint = trained.network.fingerprint()?;
    for (set, place) in sets.iter().zip(&places) {
        if cancel.is_requested() {
            break;
        }
        let done = write_set(set, &config.name, &trained, progress, cancel)?;
        let record = Record {
            frames: done.frames,
            counterparts: done.before + done.written,
            without_landmarks: done.without_landmarks,
            ..Record::new(&config.name, &settings, loss, fingerprint.clone())
        };
        record.write(place)?;
        summary.sets.push(done);
    }
    summary.interrupted = cancel.is_requested()
        && (summary.sets.len() < sets.len()
            || summary.sets.iter().any(|set| set.before + set.written + set.failed.len() < set.frames));
    if let Some(path) = &config.sheet
        && write_sheet(path, &frames, &config.name)?
    {
        summary.sheet = Some(path.clone());
    }
    Ok(summary)
}

/// The network that a set has already, copied to the sets that lack it.
///
/// Fails when two sets have different ones, or it is not as asked for.
fn found(places: &[Place], config: &Config, device: Device) -> Result<Option<Trained>> {
    let (with, without): (Vec<&Place>, Vec<&Place>) =
        places.iter().partition(|place| place.network().exists());
    let Some((first, others)) = with.split_first() else { return Ok(None) };
    let trained = Trained::read(&first.network(), device)?;
    if let Some((what, before, now)) = trained.settings.unlike(config) {
        return Err(ReconstructError::OtherSettings { path: first.network(), what, before, now }.into());
    }
    let fingerprint = trained.network.fingerprint()?;
    for place in others {
        if Autoencoder::read(&place.network(), device)?.network.fingerprint()? != fingerprint {
            let (one, other) = (first.network(), place.network());
            return Err(ReconstructError::OtherNetwork { one, other }.into());
        }
    }
    without.iter().try_for_each(|place| trained.save(place))?;
    Ok(Some(trained))
}

/// A network trained now, or further, and written to all sets. `None`: interrupted.
fn trained(
    config: &Config,
    frames: &[&FrameFiles],
    places: &[Place],
    device: Device,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Option<Trained>> {
    // The state of an unfinished training lies in the first set.
    let Some(first) = places.first() else {
        return Err(ReconstructError::NoFaces { frames: 0, first: None }.into());
    };
    let (mut design, mut steps, mut seed) = (Config::DESIGN, Config::STEPS, Config::SEED);
    if first.training().exists() {
        let before = Trained::read(&first.training(), device)?.settings;
        (design, steps, seed) = (before.design, before.steps, before.seed);
    }
    let (design, steps, seed) =
        (config.design.unwrap_or(design), config.steps.unwrap_or(steps), config.seed.unwrap_or(seed));
    let Some(faces) = Faces::read(frames.to_vec(), design.side, seed, progress, cancel)? else {
        return Ok(None);
    };
    let settings = faces.settings(design, steps, seed);
    let Some(trained) = train(&faces, settings, first, device, progress, cancel)? else { return Ok(None) };
    places.iter().try_for_each(|place| trained.save(place))?;
    // Only now that the network is there: a kill between the two costs nothing.
    let path = first.training();
    if path.exists() {
        std::fs::remove_file(&path).map_err(|cause| crate::Error::Output { path, cause })?;
    }
    Ok(Some(trained))
}

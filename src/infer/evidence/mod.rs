//! What another examiner needs to repeat a run: which files, which weights, which settings, which program.
//!
//! Sums of files are made on a thread of their own while their frames are decoded and scored. Where nothing is said about a
//! matter, a field is left out; what is said by a file about itself is told and not believed.

mod canonical;
mod file;
mod identity;
mod saved;
mod seal;
mod settings;

pub use file::FileEvidence;
pub(super) use file::modified;
pub use saved::{ResultFileError, SavedResult, SavedSum, SavedVideo};
pub use seal::{Seal, sealed};
pub use settings::{Settings, SourceSetting};

use super::Config;
use super::input::{FacesFrom, Inputs};
use crate::face::CropRule;
use crate::file_error::FileError;
use crate::hash::FileSum;
use crate::model::DeviceChoice;
use crate::progress::Cancel;
use crate::versions::Versions;
use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A weight file, by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightEvidence {
    /// Where it was.
    pub path: PathBuf,
    /// Its length and SHA-256 sum.
    #[serde(flatten)]
    pub sum: FileSum,
}

/// Where a run computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The device of the networks, such as `cpu` or `cuda:0`.
    pub device: String,
    /// The build of the inference kernels; scores of two builds may differ in the seventh digit.
    pub kernels: String,
    /// Threads for computing; scores do not depend on them.
    pub threads: usize,
}

/// Everything about a run that its scores depend on, but for the files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// When the run began, in universal time.
    pub date: String,
    /// The folder that relative paths count from.
    pub folder: PathBuf,
    /// The forgery detector's weights.
    pub weights: WeightEvidence,
    /// The face detector's weights, of dlib's crops the landmark model; left out where faces were found before, in packed
    /// sets and lists of crops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_detector: Option<WeightEvidence>,
    /// What was asked for.
    pub settings: Settings,
    /// What it was done with.
    pub versions: Versions,
    /// Where.
    pub machine: Machine,
}

/// Sums that wait for their results at most: those of small files are made far ahead otherwise.
const AHEAD: usize = 1024;

/// What the thread of sums tells while it is at work.
pub(super) struct Telling {
    run: Sender<Option<RunEvidence>>,
    files: Sender<Option<FileEvidence>>,
}

/// Where it is heard. Sums are missing where a wish to stop came first.
pub(super) struct Hearing {
    run: Receiver<Option<RunEvidence>>,
    files: Receiver<Option<FileEvidence>>,
}

impl Hearing {
    /// Two ends of a line.
    pub fn new() -> (Telling, Hearing) {
        let (run, of_run) = bounded(1);
        let (files, of_files) = bounded(AHEAD);
        (Telling { run, files }, Hearing { run: of_run, files: of_files })
    }

    /// What is known of the run; to be asked once.
    pub fn run(&self) -> Option<RunEvidence> {
        self.run.recv().ok().flatten()
    }

    /// What is known of the next input.
    pub fn next(&self) -> Option<FileEvidence> {
        self.files.recv().ok().flatten()
    }
}

/// Sums up all files of a run and tells of each, until `cancel` is requested or `over` is set.
///
/// Fails when a weight file cannot be read. Of an input that cannot be read that is told.
pub(super) fn gather(
    config: &Config,
    inputs: &Inputs,
    telling: &Telling,
    (cancel, over): (&Cancel, &AtomicBool),
) -> Result<(), FileError> {
    let over = || cancel.is_requested() || over.load(Ordering::Relaxed);
    let run = run_evidence(config, inputs, &over)?;
    // Whoever has stopped listening needs no more.
    let _ = telling.run.send(run);
    let file = |number: usize| match &inputs.faces_from {
        FacesFrom::Packed(videos) => FileEvidence::of_array(&videos[number].array(), &over),
        FacesFrom::Files => FileEvidence::of_media(&inputs.items[number].path, config.limits, &over),
        FacesFrom::Crops(videos) => FileEvidence::of_crops(&videos[number], &over),
    };
    for number in 0..inputs.items.len() {
        let told = if over() { None } else { file(number) };
        if telling.files.send(told).is_err() {
            break;
        }
    }
    Ok(())
}

/// The file that holds an input, where it is one.
pub(super) fn file_of(inputs: &Inputs, number: usize) -> Option<PathBuf> {
    match &inputs.faces_from {
        FacesFrom::Packed(videos) => Some(videos[number].array()),
        FacesFrom::Files => Some(inputs.items[number].path.clone()),
        FacesFrom::Crops(_) => None,
    }
}

/// What is known of a run but for its inputs; `None` as soon as `over` says so.
///
/// Fails when a weight file cannot be read.
pub(super) fn run_evidence(
    config: &Config,
    inputs: &Inputs,
    over: &dyn Fn() -> bool,
) -> Result<Option<RunEvidence>, FileError> {
    let date = jiff::Timestamp::now().to_string();
    let weight_file = |path: &Path| -> Result<Option<WeightEvidence>, FileError> {
        let sum = FileSum::of(path, over)?;
        Ok(sum.map(|sum| WeightEvidence { path: path.to_owned(), sum }))
    };
    let Some(weights) = weight_file(&config.weights)? else { return Ok(None) };
    // Whether the face detector's weights can be used is told where they are loaded.
    let (body, face_detector) = match (&inputs.faces_from, config.face_detector.crop) {
        (FacesFrom::Packed(_) | FacesFrom::Crops(_), _) => (None, None),
        (FacesFrom::Files, CropRule::Published) => match config.face_detector.resolve() {
            Ok((body, path, _)) => (Some(body), Some(path)),
            Err(_) => (None, None),
        },
        (FacesFrom::Files, CropRule::DeepfakeBench) => {
            (None, config.face_detector.landmarks().resolve().ok().map(|(path, _)| path))
        }
    };
    let face_detector = face_detector.map_or(Ok(None), |path| weight_file(&path))?;
    Ok(Some(RunEvidence {
        date,
        folder: std::env::current_dir().unwrap_or_default(),
        weights,
        face_detector,
        settings: Settings::of(config, body),
        versions: Versions::current(),
        machine: Machine {
            device: device_name(config.device),
            kernels: crate::engine::Kernels::all()[0].name.to_owned(),
            threads: crate::native::process::threads(),
        },
    }))
}

fn device_name(choice: DeviceChoice) -> String {
    match choice.resolve() {
        Ok(tch::Device::Cuda(number)) => format!("cuda:{number}"),
        Ok(_) => "cpu".to_owned(),
        // The run fails for the same reason.
        Err(_) => String::new(),
    }
}

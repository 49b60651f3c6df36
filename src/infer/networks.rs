//! Opening what a run computes with: the forgery detector, and the stream of faces that it is to judge.

use super::input::{FacesFrom, Inputs};
use super::{Config, InferSource};
use crate::Result;
use crate::face::{CropRule, FaceDetector};
use crate::face_stream::{FaceStream, FramePlans};
use crate::media::Decodings;
use crate::model::{Execution, ForgeryDetector};
use crate::native::torch::Half;
use crate::persons::LooksEncoder;
use crate::progress::{Cancel, Progress};
use crate::video::{FramePlan, distinct_frame_indices};
use std::path::PathBuf;
use std::sync::OnceLock;

/// A forgery detector, and the faces of all inputs as they come.
pub(super) struct Opened<'a> {
    pub forgery_detector: ForgeryDetector,
    pub faces: FaceStream<'a>,
    /// Name of the face detector that finds them, or of the one that found packed ones, where known.
    pub face_detector: Option<String>,
}

/// Loads the networks and opens the stream of faces.
///
/// Fails when weights are missing or unusable; those of the forgery detector are told first.
pub(super) fn open<'a>(
    config: &Config,
    inputs: &Inputs,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
) -> Result<Opened<'a>> {
    let plan = Execution::fastest(config.device.resolve()?);
    let opened = match &inputs.faces_from {
        FacesFrom::Packed(videos) => Opened {
            forgery_detector: load_forgery_detector(config, plan, progress)?,
            faces: FaceStream::from_packed(videos.clone(), cancel),
            face_detector: inputs.face_detector.clone(),
        },
        FacesFrom::Crops(videos) => {
            let paths = videos.iter().flatten().cloned().collect();
            let numbers = videos.iter().map(|files| frame_numbers(files)).collect();
            let decodings = Decodings::start(paths, |_, _| vec![0], config.reading(), config.jobs);
            Opened {
                forgery_detector: load_forgery_detector(config, plan, progress)?,
                faces: FaceStream::from_crop_files(decodings, numbers, cancel),
                face_detector: None,
            }
        }
        // Persons are followed on published crops alone.
        FacesFrom::Files
            if matches!(config.source, InferSource::Files(_))
                && config.face_detector.crop == CropRule::Published =>
        {
            open_persons(config, inputs, plan, progress, cancel)?
        }
        FacesFrom::Files => {
            let paths = inputs.items.iter().map(|item| item.path.clone()).collect();
            let wanted = config.frames;
            let choose = move |_, total| distinct_frame_indices(total, wanted);
            // The first frames are there when the networks are.
            let decodings = Decodings::start(paths, choose, config.reading(), config.jobs);
            let (forgery_detector, face_detector) = load_both(config, plan, progress)?;
            let name = face_detector.identity().name;
            let faces = FaceStream::from_videos(decodings, face_detector, cancel);
            Opened { forgery_detector, faces, face_detector: Some(name) }
        }
    };
    inputs.notes.iter().for_each(|note| progress.note(note));
    Ok(opened)
}

/// Files of people: persons are followed, and of long videos more frames are looked at.
fn open_persons<'a>(
    config: &Config,
    inputs: &Inputs,
    execution: Execution,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
) -> Result<Opened<'a>> {
    let paths: Vec<PathBuf> = inputs.items.iter().map(|item| item.path.clone()).collect();
    let names: Vec<String> = inputs.items.iter().map(|item| item.shown()).collect();
    let plans: FramePlans = paths.iter().map(|_| OnceLock::new()).collect();
    let (wanted, by_duration) = (config.frames, config.by_duration);
    let choose = {
        let plans = FramePlans::clone(&plans);
        move |position: usize, length| {
            let plan = match by_duration {
                true => FramePlan::by_duration(length, wanted),
                false => FramePlan::even(length, wanted),
            };
            plans[position].get_or_init(|| plan).indices()
        }
    };
    let decodings = Decodings::start_by_length(paths, choose, config.reading(), config.jobs);
    let (forgery_detector, face_detector) = load_both(config, execution, progress)?;
    let name = face_detector.identity().name;
    let looks = Box::new(LooksEncoder::new(&config.face_detector.weights_dir, execution));
    let on_frame = Box::new(move |input: usize, done, planned| {
        progress.part(&names[input], done, planned, "frames");
    });
    let faces = FaceStream::of_persons(decodings, face_detector, (plans, looks, on_frame), cancel);
    Ok(Opened { forgery_detector, faces, face_detector: Some(name) })
}

/// The frames that files of crops are named after; their positions where not all are named after one, or not upwards.
fn frame_numbers(files: &[PathBuf]) -> Vec<usize> {
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<usize>().ok();
    let numbers: Option<Vec<usize>> = files.iter().map(number).collect();
    let numbers = numbers.filter(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]));
    numbers.unwrap_or_else(|| (0..files.len()).collect())
}

/// The forgery detector, in the precision that was asked for.
fn load_forgery_detector(
    config: &Config,
    plan: Execution,
    progress: &dyn Progress,
) -> Result<ForgeryDetector> {
    let mut forgery_detector = ForgeryDetector::load_with(&config.weights, config.normalisation, plan)?;
    forgery_detector.notes().iter().for_each(|note| progress.note(note));
    if let Some(views) = config.views {
        forgery_detector.view_by(views);
    }
    if config.half {
        progress.note(&halved(&mut forgery_detector)?);
    }
    Ok(forgery_detector)
}

/// The forgery detector and the face detector, loaded side by side.
fn load_both(
    config: &Config,
    plan: Execution,
    progress: &dyn Progress,
) -> Result<(ForgeryDetector, Box<dyn FaceDetector>)> {
    let (forgery_detector, face_detector) = std::thread::scope(|scope| {
        let face_detector = scope.spawn(|| config.face_detector.load(plan));
        let forgery_detector = load_forgery_detector(config, plan, progress);
        (forgery_detector, face_detector.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let forgery_detector = forgery_detector?;
    let (face_detector, notes) = face_detector?;
    notes.iter().for_each(|text| progress.note(text));
    Ok((forgery_detector, face_detector))
}

/// Switches to half precision where that is faster, and says what it does to scores.
fn halved(forgery_detector: &mut ForgeryDetector) -> Result<String> {
    if !forgery_detector.device().is_cuda() {
        return Ok("half precision is for CUDA devices: this run has 32 bits".to_owned());
    }
    let apart = forgery_detector.halve(Half::Float16)?;
    Ok(format!("half precision: scores of made faces move by up to {apart:.5}"))
}

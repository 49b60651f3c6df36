//! Loading what a run computes with.

use super::Config;
use crate::Result;
use crate::face::FaceDetector;
use crate::model::{ExecutionPlan, ForgeryDetector};
use crate::native::torch::Half;
use crate::progress::Progress;

/// The deepfake detector, in the precision that was asked for.
///
/// Fails when its weights are unusable.
pub(super) fn load_detector(
    config: &Config,
    plan: ExecutionPlan,
    progress: &dyn Progress,
) -> Result<ForgeryDetector> {
    let mut detector = ForgeryDetector::load(&config.weights, plan)?;
    if config.half {
        progress.note(&halved(&mut detector)?);
    }
    Ok(detector)
}

/// The same and the face detector, side by side.
///
/// Fails when weights are missing or unusable; those of the deepfake detector are told first.
pub(super) fn load_both(
    config: &Config,
    plan: ExecutionPlan,
    progress: &dyn Progress,
) -> Result<(ForgeryDetector, Box<dyn FaceDetector>)> {
    let (detector, faces) = std::thread::scope(|scope| {
        let faces = scope.spawn(|| config.detector.load(plan));
        let detector = load_detector(config, plan, progress);
        (detector, faces.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let detector = detector?;
    let (faces, warning) = faces?;
    warning.iter().for_each(|text| progress.note(text));
    Ok((detector, faces))
}

/// Switches to half precision where that is faster, and says what it does to scores.
fn halved(detector: &mut ForgeryDetector) -> Result<String> {
    if !detector.device().is_cuda() {
        return Ok("half precision is for CUDA devices: this run has 32 bits".to_owned());
    }
    let apart = detector.halve(Half::Float16)?;
    Ok(format!("half precision: scores of made faces move by up to {apart:.5}"))
}

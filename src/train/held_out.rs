//! What a finished forgery detector makes of the pairs that its training held out.

use super::config::Config;
use super::validation::{Validation, Validator};
use super::{TrainError, sets, setup};
use crate::Result;
use crate::blending::Phase;
use crate::datasets::Split;
use crate::model::{DeviceChoice, ForgeryDetector};
use crate::progress::{Cancel, Progress};
use std::path::Path;

/// Scores the validation pairs of a configuration, with everything that its training adds to them.
///
/// Fails when the detector takes images of another side than the configuration's, when frames or lists are missing, and
/// when it is interrupted.
pub fn score_held_out(
    config: &Config,
    forgery_detector: &ForgeryDetector,
    device: DeviceChoice,
    data_root: &Path,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Validation> {
    config.check()?;
    let side = forgery_detector.input().side;
    if side != config.image_size as i64 {
        return Err(TrainError::OtherSide { detector: side, config: config.image_size }.into());
    }
    let frames = sets::frames(config, Split::Validation, data_root)?;
    let loader = setup::loader(config, &frames, Phase::Validation, device.resolve()?)?;
    progress.begin(loader.batches(), "batches");
    let mut validator = Validator::default();
    for batch in loader.epoch(0, 0) {
        if cancel.is_requested() {
            return Err(TrainError::Interrupted.into());
        }
        validator.add_finished(forgery_detector, &batch?)?;
        progress.advance("");
    }
    progress.end();
    Ok(validator.finish())
}

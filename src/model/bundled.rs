//! The detector that comes with the program, for first verdicts without fetching anything.

use super::Error;
use crate::weight_files::catalogue::BUNDLED_DETECTOR;
use crate::weight_files::weights_dir;
use std::path::PathBuf;

/// The file of the detector in the box; `MODEL_CARD.md` beside it says what it is and what it must not be used for.
///
/// Fails when it is not there.
pub fn bundled_detector() -> Result<PathBuf, Error> {
    let path = weights_dir().join(BUNDLED_DETECTOR.name());
    match path.exists() {
        true => Ok(path),
        false => Err(Error::NoBundledDetector { path }),
    }
}

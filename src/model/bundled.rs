//! The detector that comes with the program, for first verdicts without fetching anything.

use super::Error;
use crate::weights_dir::weights_dir;
use std::path::PathBuf;

/// Its file among the weights; `MODEL_CARD.md` beside it says what it is and what it must not be used for.
pub const BUNDLED_FILE: &str = "default.safetensors";

/// The file of the detector in the box.
///
/// Fails when it is not there.
pub fn bundled_detector() -> Result<PathBuf, Error> {
    let path = weights_dir().join(BUNDLED_FILE);
    match path.exists() {
        true => Ok(path),
        false => Err(Error::NoBundledDetector { path }),
    }
}

//! What a result was computed with, for whoever wants to get it again.

use serde::{Deserialize, Serialize};

/// The program and the libraries whose versions may show in numbers. FFmpeg's stands with each video, because another
/// process reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The version of this program.
    pub sbi: String,
    /// libtorch, which computes the networks.
    pub libtorch: String,
    /// OpenCV, which reads and changes images.
    pub opencv: String,
}

impl Versions {
    /// The versions that this program is and uses.
    pub fn current() -> Self {
        Versions {
            sbi: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: crate::native::process::LIBTORCH_VERSION.to_owned(),
            opencv: crate::imaging::opencv_version(),
        }
    }
}

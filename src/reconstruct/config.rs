//! What a run is asked for.

use super::ReconstructError;
use crate::datasets::SetVersion;
use crate::model::DeviceChoice;
use crate::model::autoencoder::Design;
use std::path::{Component, Path, PathBuf};

/// A prepared set.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedSet {
    /// Its folder, which holds `frames/` and `landmarks/`.
    pub folder: PathBuf,
    /// Which set it is, for messages that say what has to be prepared.
    pub set: SetVersion,
}

/// The configuration of a run. What is `None` is as in the network that is there already, or in a new one the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The sets whose faces are learned, by one network, and whose frames get counterparts.
    pub sets: Vec<PreparedSet>,
    /// What the counterparts are called: the name of their folder in `counterparts/`.
    pub name: String,
    /// The autoencoder's design; by default [`Config::DESIGN`].
    pub design: Option<Design>,
    /// Steps of training, of [`Config::BATCH`] faces each; by default [`Config::STEPS`].
    pub steps: Option<usize>,
    /// Seed of all draws; by default [`Config::SEED`].
    pub seed: Option<u64>,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Whether to train and reconstruct anew what is there.
    pub overwrite: bool,
    /// A file for a sheet of some frames and their counterparts, PNG or any other image format; `None`: no sheet.
    pub sheet: Option<PathBuf>,
}

impl Config {
    /// The default design: the first preset.
    pub const DESIGN: Design = Design::PRESETS[0].1;
    /// Steps that a network is trained for by default.
    pub const STEPS: usize = 3000;
    /// The default seed.
    pub const SEED: u64 = 5;
    /// Faces of a training step.
    pub const BATCH: usize = 16;

    /// Counterparts called `name` with all defaults.
    pub fn new(sets: Vec<PreparedSet>, name: &str) -> Self {
        Config {
            sets,
            name: name.to_owned(),
            design: None,
            steps: None,
            seed: None,
            device: DeviceChoice::Auto,
            overwrite: false,
            sheet: None,
        }
    }

    /// Fails where the configuration cannot be carried out, whatever lies on disk.
    pub(super) fn check(&self) -> Result<(), ReconstructError> {
        let path = Path::new(&self.name);
        let plain = matches!(path.components().collect::<Vec<_>>()[..], [Component::Normal(part)] if part == self.name.as_str());
        if !plain || self.name.starts_with('.') {
            return Err(ReconstructError::Name { name: self.name.clone() });
        }
        if let Some(design) = &self.design {
            design.check()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_folders() {
        let fits = |name: &str| Config::new(Vec::new(), name).check().is_ok();
        assert!(fits("ae96") && fits("my network"));
        for name in ["", ".", "..", "../up", "a/b", "/a", "a/", ".hidden"] {
            assert!(!fits(name), "{name}");
        }
    }
}

//! Which face detector to use, and where its weights are.

use super::{BenchmarkCropper, CropRule, Error, FaceDetector, LandmarkConfig, RetinaFace, RetinaFaceBody};
use crate::model::{Execution, NamedWeights};
use crate::weight_files::catalogue::{RETINAFACE_MOBILENET, RETINAFACE_RESNET50};
use crate::weight_files::{WeightFile, weights_dir};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A detector as a user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaceDetectorChoice {
    /// ResNet-50 where its weights are, else MobileNet with a warning.
    #[default]
    Auto,
    /// The face detector with this network.
    Fixed(RetinaFaceBody),
}

impl FromStr for FaceDetectorChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(FaceDetectorChoice::Auto),
            "retinaface-r50" => Ok(FaceDetectorChoice::Fixed(RetinaFaceBody::ResNet50)),
            "retinaface-mnet" => Ok(FaceDetectorChoice::Fixed(RetinaFaceBody::MobileNet025)),
            _ => Err("expected auto, retinaface-r50 or retinaface-mnet".to_owned()),
        }
    }
}

/// Everything that decides which boxes come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceDetectorConfig {
    /// Which network.
    pub choice: FaceDetectorChoice,
    /// Its weights; `None`: the usual file in `weights_dir`.
    pub weights: Option<PathBuf>,
    /// Where the usual files are.
    pub weights_dir: PathBuf,
    /// Longest side of the network's input in pixels; `None`: 2048 for ResNet-50, the frame's own for MobileNet.
    pub max_size: Option<usize>,
    /// Longer sides than this are brought down to it, where there is no `max_size`; `None`: never.
    pub largest: Option<usize>,
    /// With MobileNet: frames of videos are looked at with this longest side first, and in full only where that does not find
    /// large faces alone; `None`: never. A `max_size` takes precedence.
    pub quick: Option<usize>,
    /// By whose rule faces are found and cut out. DeepfakeBench's is dlib's: all of the above but `weights_dir` is
    /// without use then.
    pub crop: CropRule,
    /// For DeepfakeBench's rule dlib's shape predictor; `None`: the usual file in `weights_dir`.
    pub landmark_model: Option<PathBuf>,
}

impl Default for FaceDetectorConfig {
    fn default() -> Self {
        FaceDetectorConfig {
            choice: FaceDetectorChoice::Auto,
            weights: None,
            weights_dir: weights_dir(),
            max_size: None,
            largest: None,
            quick: None,
            crop: CropRule::Published,
            landmark_model: None,
        }
    }
}

impl RetinaFaceBody {
    /// The catalogue's entry of its weights.
    pub fn weight_file(self) -> &'static WeightFile {
        match self {
            RetinaFaceBody::ResNet50 => &RETINAFACE_RESNET50,
            RetinaFaceBody::MobileNet025 => &RETINAFACE_MOBILENET,
        }
    }
}

impl FaceDetectorConfig {
    /// The network and the weight file that this configuration means, and a warning if `Auto` fell back.
    ///
    /// Fails when the weights are not there.
    pub fn resolve(&self) -> Result<(RetinaFaceBody, PathBuf, Option<String>), Error> {
        let missing = |variant: RetinaFaceBody, path: PathBuf| Error::NoWeights {
            path,
            origin: variant.weight_file().origin,
        };
        let find = |variant: RetinaFaceBody| {
            let file = variant.weight_file();
            let usual = || self.weights_dir.join(file.name());
            file.find_in(&self.weights_dir).ok_or_else(|| missing(variant, usual()))
        };
        if let Some(path) = &self.weights {
            let variant = match self.choice {
                FaceDetectorChoice::Fixed(variant) => variant,
                FaceDetectorChoice::Auto => RetinaFaceBody::of_file(path)?,
            };
            return match path.exists() {
                true => Ok((variant, path.clone(), None)),
                false => Err(missing(variant, path.clone())),
            };
        }
        match self.choice {
            FaceDetectorChoice::Fixed(variant) => Ok((variant, find(variant)?, None)),
            FaceDetectorChoice::Auto => match find(RetinaFaceBody::ResNet50) {
                Ok(path) => Ok((RetinaFaceBody::ResNet50, path, None)),
                Err(_) => {
                    let path = find(RetinaFaceBody::MobileNet025)?;
                    Ok((RetinaFaceBody::MobileNet025, path, Some(self.fallback_warning())))
                }
            },
        }
    }

    /// Loads the detector; the texts are what a person should know about the choice and the weight file.
    pub fn load(&self, plan: Execution) -> Result<(Box<dyn FaceDetector>, Vec<String>), Error> {
        if self.crop == CropRule::DeepfakeBench {
            let (model, warning) = self.landmarks().load()?;
            return Ok((Box::new(BenchmarkCropper::new(model)), warning.into_iter().collect()));
        }
        let (variant, path, warning) = self.resolve()?;
        let detector = RetinaFace::load(variant, &path, self.max_size, plan)?
            .with_largest(self.largest)
            .with_quick_look(self.quick.filter(|_| variant == RetinaFaceBody::MobileNet025));
        let notes = warning.into_iter().chain(detector.notes().iter().cloned()).collect();
        Ok((Box::new(detector), notes))
    }

    /// The landmark model that DeepfakeBench's rule takes.
    pub fn landmarks(&self) -> LandmarkConfig {
        LandmarkConfig {
            model: self.landmark_model.clone(),
            weights_dir: self.weights_dir.clone(),
            estimate_forehead: true,
        }
    }

    fn fallback_warning(&self) -> String {
        format!(
            "{} is not there, so faces are found by {}: published numbers need {}; {}",
            self.weights_dir.join(RETINAFACE_RESNET50.name()).display(),
            RetinaFaceBody::MobileNet025.name(),
            RetinaFaceBody::ResNet50.name(),
            RETINAFACE_RESNET50.origin
        )
    }
}

impl RetinaFaceBody {
    /// Which network a weight file holds, by its names.
    fn of_file(path: &Path) -> Result<RetinaFaceBody, Error> {
        let state = NamedWeights::read(path)?.checkpoint.state;
        let mobile = state.contains("body.stage1.0.0.weight");
        Ok(if mobile { RetinaFaceBody::MobileNet025 } else { RetinaFaceBody::ResNet50 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, choice: FaceDetectorChoice) -> FaceDetectorConfig {
        FaceDetectorConfig { choice, weights_dir: folder.to_owned(), ..Default::default() }
    }

    #[test]
    fn auto_prefers_resnet_and_warns_when_it_falls_back() {
        let folder = tempfile::tempdir().unwrap();
        let auto = config(folder.path(), FaceDetectorChoice::Auto);
        assert!(auto.resolve().unwrap_err().to_string().contains("setup.sh"));
        std::fs::write(folder.path().join("retinaface_mnet025.safetensors"), "").unwrap();
        let (variant, _, warning) = auto.resolve().unwrap();
        assert_eq!(variant, RetinaFaceBody::MobileNet025);
        assert!(warning.unwrap().contains("published numbers need retinaface-r50"));
        std::fs::write(folder.path().join(RETINAFACE_RESNET50.names[1]), "").unwrap();
        let (variant, _, warning) = auto.resolve().unwrap();
        assert_eq!((variant, warning), (RetinaFaceBody::ResNet50, None));
    }

    #[test]
    fn a_named_detector_without_weights_says_where_they_belong() {
        let folder = tempfile::tempdir().unwrap();
        let fixed = config(folder.path(), FaceDetectorChoice::Fixed(RetinaFaceBody::ResNet50));
        let error = fixed.resolve().unwrap_err().to_string();
        assert!(error.contains("f168fae3c.zip") && error.contains("by hand"), "{error}");
    }
}

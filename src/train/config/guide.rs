//! The section `guide`: EG's face encoder and objective.

use crate::model::encoder::{Depth, IRESNET18, IRESNET34, IRESNET50, IRESNET100, Pooling};
use crate::model::face_encoder::EncoderSpec;
use crate::model::objective::LossWeights;
use crate::weight_files::WeightFile;
use crate::weight_files::catalogue::{ARCFACE_ENCODER, DLIB_FACE_ENCODER};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The frozen face encoder that guides EG, and the objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuideConfig {
    /// The face encoder's network.
    pub encoder: EncoderName,
    /// Where its weights come from.
    pub weights: EncoderWeights,
    /// Side in pixels of the faces it is shown; `None`: that of the faces it was trained on, 112 of an iresnet (EG),
    /// 150 of dlib's.
    pub input_size: Option<usize>,
    /// How the last feature map of an iresnet becomes an embedding.
    pub pooling: Pooling,
    /// The weights of the objective's terms.
    pub loss_weights: LossWeights,
    /// Whether the gradient of the distillation term stops at f* (EG: no).
    pub detach: bool,
    /// How the residual is formed from fake and real.
    pub residual: Residual,
}

/// The face encoders that a configuration can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderName {
    /// What the released EG detector holds.
    #[default]
    Iresnet18,
    /// ArcFace's iresnet with 34 layers.
    Iresnet34,
    /// ArcFace's iresnet with 50 layers.
    Iresnet50,
    /// ArcFace's iresnet with 100 layers.
    Iresnet100,
    /// dlib's face recognition network, 128 numbers per face.
    Dlib,
}

/// Where the face encoder's weights come from: `null`, `"random"`, or the path of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<PathBuf>", into = "Option<PathBuf>")]
pub enum EncoderWeights {
    /// From the encoder's own file in the weights folder: [`EncoderName::weight_file`].
    #[default]
    Usual,
    /// Drawn from the run's seed. Such an encoder guides nothing; runs that ask what guidance brings compare with it.
    Random,
    /// From this file. One called `random` is named as `./random`.
    File(PathBuf),
}

/// What a configuration says for [`EncoderWeights::Random`].
pub(super) const RANDOM: &str = "random";

impl From<Option<PathBuf>> for EncoderWeights {
    fn from(value: Option<PathBuf>) -> Self {
        match value {
            None => EncoderWeights::Usual,
            Some(word) if word.as_os_str() == RANDOM => EncoderWeights::Random,
            Some(path) => EncoderWeights::File(path),
        }
    }
}

impl From<EncoderWeights> for Option<PathBuf> {
    fn from(weights: EncoderWeights) -> Self {
        match weights {
            EncoderWeights::Usual => None,
            EncoderWeights::Random => Some(RANDOM.into()),
            EncoderWeights::File(path) => Some(path),
        }
    }
}

impl EncoderName {
    /// The file that usually holds its weights.
    pub fn weight_file(self) -> &'static WeightFile {
        match self {
            EncoderName::Dlib => &DLIB_FACE_ENCODER,
            _ => &ARCFACE_ENCODER,
        }
    }
}

impl fmt::Display for EncoderName {
    /// The name in configurations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncoderName::Iresnet18 => "iresnet18",
            EncoderName::Iresnet34 => "iresnet34",
            EncoderName::Iresnet50 => "iresnet50",
            EncoderName::Iresnet100 => "iresnet100",
            EncoderName::Dlib => "dlib",
        })
    }
}

/// How the residual is formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Residual {
    /// Fake minus real (EG).
    #[default]
    Signed,
    /// The absolute value of fake minus real.
    Absolute,
}

impl Default for GuideConfig {
    fn default() -> Self {
        GuideConfig {
            encoder: EncoderName::default(),
            weights: EncoderWeights::default(),
            input_size: None,
            pooling: Pooling::Pooled,
            loss_weights: LossWeights::default(),
            detach: false,
            residual: Residual::default(),
        }
    }
}

impl GuideConfig {
    /// The encoder with its settings.
    pub fn encoder_spec(&self) -> EncoderSpec {
        let iresnet = |depth: Depth| EncoderSpec::Iresnet { depth, pooling: self.pooling };
        match self.encoder {
            EncoderName::Iresnet18 => iresnet(IRESNET18),
            EncoderName::Iresnet34 => iresnet(IRESNET34),
            EncoderName::Iresnet50 => iresnet(IRESNET50),
            EncoderName::Iresnet100 => iresnet(IRESNET100),
            EncoderName::Dlib => EncoderSpec::Dlib,
        }
    }

    /// Side in pixels of the faces the encoder is shown.
    pub fn input_side(&self) -> usize {
        self.input_size.unwrap_or(self.encoder_spec().side())
    }

    /// Fails, with the reason, when the encoder cannot take faces of that side.
    pub(super) fn check(&self) -> Result<(), String> {
        let (size, own) = (self.input_side(), self.encoder_spec().side());
        let bound = match (self.encoder, self.pooling) {
            (EncoderName::Dlib, _) => Some("dlib's encoder"),
            (_, Pooling::Fc) => Some("with guide.pooling fc an iresnet"),
            (_, Pooling::Pooled) => None,
        };
        match bound {
            Some(taker) if size != own => {
                Err(format!("guide.input_size is {size}, but {taker} takes {own} only"))
            }
            _ => Ok(()),
        }
    }
}

//! By which program's rule faces are found and cut out.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How a frame becomes face crops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CropRule {
    /// As SBI and EG do it: RetinaFace's boxes with margins, 380 pixels, every large face.
    #[default]
    Published,
    /// As DeepfakeBench does it: dlib's largest face, aligned, 256 pixels.
    DeepfakeBench,
}

impl CropRule {
    /// Whether it is the published one.
    pub fn is_published(&self) -> bool {
        *self == CropRule::Published
    }
}

impl FromStr for CropRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "published" => Ok(CropRule::Published),
            "deepfakebench" => Ok(CropRule::DeepfakeBench),
            _ => Err("expected published or deepfakebench".to_owned()),
        }
    }
}

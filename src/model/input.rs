//! What a forgery detector's weights expect of their input, as their file states it.

use crate::types::FACE_SIDE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;
use tch::{Kind, Tensor};

/// Mean and standard deviation of ImageNet's images, RGB in 0..1, by which inputs of its published weights are
/// normalised.
pub(crate) const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Side in pixels of the published detectors' input: they take face crops as they are cut out.
const PUBLISHED_SIDE: i64 = FACE_SIDE as i64;
/// Keys in a file's metadata.
const NORMALISATION: &str = "normalisation";
const SIDE: &str = "image_size";
const RESIZE: &str = "resize";
const STEM: &str = "stem";
/// The stem that is not the published one.
const UNPADDED: &str = "unpadded";
/// Mean and deviation of [`Normalisation::Half`].
const HALF: f32 = 0.5;
/// Far more than any network here takes; what exceeds it is no side.
const MAX_SIDE: i64 = 4096;

/// How pixels become a network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalisation {
    /// Pixels from 0 to 1 as they are, as the published detectors take them.
    #[default]
    Unit,
    /// Pixels from 0 to 1, minus ImageNet's mean, divided by its standard deviation, per channel.
    ImageNet,
    /// Pixels from 0 to 1, minus a half, divided by a half: -1 to 1, as DeepfakeBench's detectors take them.
    Half,
}

impl Normalisation {
    /// All of them.
    pub const ALL: [Normalisation; 3] = [Normalisation::Unit, Normalisation::ImageNet, Normalisation::Half];

    /// The name in configurations and files: `unit`, `imagenet` or `half`.
    pub fn name(self) -> &'static str {
        match self {
            Normalisation::Unit => "unit",
            Normalisation::ImageNet => "imagenet",
            Normalisation::Half => "half",
        }
    }

    /// The normalised value of one value of channel 0 (red), 1 (green) or 2 (blue), 0..1; the bits are those of
    /// [`Normalisation::apply`].
    pub fn value(self, channel: usize, value: f32) -> f32 {
        match self {
            Normalisation::Unit => value,
            Normalisation::ImageNet => {
                let (mean, deviation) = IMAGENET;
                (value - mean[channel]) / deviation[channel]
            }
            Normalisation::Half => (value - HALF) / HALF,
        }
    }

    /// Normalises `x`, `[n, 3, h, w]`, RGB, 0..1.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Normalisation::Unit => x.shallow_clone(),
            Normalisation::ImageNet => {
                let (mean, deviation) = IMAGENET;
                let per_channel = |values: &[f32]| {
                    Tensor::from_slice(values).view([1, -1, 1, 1]).to_device(x.device()).to_kind(Kind::Float)
                };
                (x - per_channel(&mean)) / per_channel(&deviation)
            }
            Normalisation::Half => (x - f64::from(HALF)) / f64::from(HALF),
        }
    }
}

impl FromStr for Normalisation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Normalisation::ALL.into_iter().find(|known| known.name() == text);
        named.ok_or_else(|| "expected unit, imagenet or half".to_owned())
    }
}

/// How crops are brought to another side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resize {
    /// Bilinearly, over the area that a new pixel covers.
    #[default]
    Area,
    /// OpenCV's `INTER_CUBIC` on 8-bit values, as DeepfakeBench does.
    Cubic,
}

impl Resize {
    fn name(self) -> &'static str {
        match self {
            Resize::Area => "area",
            Resize::Cubic => "cubic",
        }
    }
}

/// Normalisation and size of a forgery detector's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputSpec {
    /// How pixels are scaled.
    pub normalisation: Normalisation,
    /// Side of the input in pixels.
    pub side: i64,
    /// How crops of another side are brought to it.
    pub resize: Resize,
    /// Whether the network's first convolution sees zeros beyond the image's edges. DeepfakeBench's does not.
    pub padded: bool,
}

impl Default for InputSpec {
    /// The input of the published detectors, whose files do not state it.
    fn default() -> Self {
        InputSpec {
            normalisation: Normalisation::Unit,
            side: PUBLISHED_SIDE,
            resize: Resize::Area,
            padded: true,
        }
    }
}

impl InputSpec {
    /// Reads the specification from a weight file's metadata; what they do not state is as published. An unknown value is
    /// an error, given as a sentence.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let published = InputSpec::default();
        let normalisation = match metadata.get(NORMALISATION).map(String::as_str) {
            None => published.normalisation,
            Some(name) => name.parse().map_err(|expected| format!("normalisation {name:?}, {expected}"))?,
        };
        let resize = match metadata.get(RESIZE).map(String::as_str) {
            None => published.resize,
            Some(name) => [Resize::Area, Resize::Cubic]
                .into_iter()
                .find(|known| known.name() == name)
                .ok_or_else(|| format!("resize {name:?}, expected area or cubic"))?,
        };
        let padded = match metadata.get(STEM).map(String::as_str) {
            None => published.padded,
            Some(UNPADDED) => false,
            Some(name) => return Err(format!("stem {name:?}, expected {UNPADDED}")),
        };
        let side = match metadata.get(SIDE) {
            None => published.side,
            Some(text) => {
                text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side)).ok_or_else(|| {
                    format!("image_size {text:?}, expected a number of pixels up to {MAX_SIDE}")
                })?
            }
        };
        Ok(InputSpec { normalisation, side, resize, padded })
    }

    /// The metadata entries (key, value) that [`InputSpec::from_metadata`] reads; of resizing and stem only where they are
    /// not as published.
    pub fn to_metadata(self) -> Vec<(String, String)> {
        let always = [(NORMALISATION, self.normalisation.name().to_owned()), (SIDE, self.side.to_string())];
        let resize = (self.resize != Resize::default()).then(|| (RESIZE, self.resize.name().to_owned()));
        let stem = (!self.padded).then(|| (STEM, UNPADDED.to_owned()));
        let told = always.into_iter().chain(resize).chain(stem);
        told.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn metadata_come_back_and_nonsense_is_refused() {
        let ours = InputSpec { normalisation: Normalisation::ImageNet, side: 224, ..InputSpec::default() };
        let theirs = InputSpec { resize: Resize::Cubic, padded: false, ..ours };
        for (spec, entries) in [(ours, 2), (theirs, 4)] {
            let metadata: BTreeMap<String, String> = spec.to_metadata().into_iter().collect();
            assert_eq!((InputSpec::from_metadata(&metadata), metadata.len()), (Ok(spec), entries));
        }
        assert_eq!(InputSpec::from_metadata(&BTreeMap::new()), Ok(InputSpec::default()));
        for (key, value) in [
            (NORMALISATION, "unity"),
            (RESIZE, "linear"),
            (STEM, "padded"),
            (SIDE, "0"),
            (SIDE, "-3"),
            (SIDE, "1e9"),
            (SIDE, ""),
        ] {
            let metadata = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let refused = InputSpec::from_metadata(&metadata).unwrap_err();
            assert!(refused.contains(key) && refused.contains("expected"), "{refused}");
        }
    }

    #[test]
    fn imagenet_images_get_mean_zero_per_channel() {
        let (mean, deviation) = IMAGENET;
        let x = Tensor::from_slice(&mean).view([1, 3, 1, 1]).expand([2, 3, 4, 4], false);
        assert!(Normalisation::ImageNet.apply(&x).abs().max().double_value(&[]) < 1e-6);
        let one = Normalisation::ImageNet.apply(&Tensor::ones([1, 3, 1, 1], (Kind::Float, Device::Cpu)));
        for channel in 0..3 {
            let expected = f64::from((1.0 - mean[channel]) / deviation[channel]);
            assert!((one.double_value(&[0, channel as i64, 0, 0]) - expected).abs() < 1e-6);
        }
        assert_eq!(Normalisation::Unit.apply(&x), x);
        let half = Normalisation::Half.apply(&Tensor::from_slice(&[0.0f32, 0.25, 1.0]));
        assert_eq!(Vec::<f32>::try_from(half).unwrap(), [-1.0, -0.5, 1.0]);
        assert_eq!([0.0, 0.25, 1.0].map(|value| Normalisation::Half.value(1, value)), [-1.0, -0.5, 1.0]);
    }
}

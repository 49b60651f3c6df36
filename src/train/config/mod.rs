//! The configuration of a training run: typed, with the published values as defaults.
//!
//! A file gives what differs from the defaults; an override `key=value` goes over it. What a file or an override may say is
//! in one table (`schema`); everything is checked against it once, here, and trusted below.

mod error;
mod guide;
mod overrides;
mod schema;
mod shares;

pub use crate::model::objective::LossWeights;
pub use crate::native::process_group::Wire;
pub use error::{ConfigError, Origin};
pub use guide::{EncoderName, EncoderWeights, GuideConfig, Residual};
pub use shares::SetShare;

use crate::blending::Extras;
use crate::blending::kinds::Fakes;
use crate::datasets::{Compression, SourceSet, Split};
use crate::model::{Method, Normalisation};
use overrides::Layer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One training run. The default is EG as published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Epochs in all (EG: 120, SBI: 100).
    pub epoch: usize,
    /// Images in a batch, half of them real, half fake: even (EG: 16, SBI: 32).
    pub batch_size: usize,
    /// Side of the images in pixels (380).
    pub image_size: usize,
    /// The method to train.
    pub method: Method,
    /// The data to train and validate on.
    pub data: DataConfig,
    /// The EfficientNet, `efficientnet-b0` to `-b7`, `-lite0` to `-lite2` (both: b4).
    pub backbone: String,
    /// Weights the backbone starts from, those of ImageNet as published; `None`: random ones.
    pub init: Option<PathBuf>,
    /// How pixels become the backbone's input (both: unit).
    pub normalisation: Normalisation,
    /// The face encoder and the objective of EG; SBI has no use for it.
    pub guide: GuideConfig,
    /// Optimiser and learning rate.
    pub optim: OptimConfig,
    /// Number type of the forward pass on CUDA.
    pub amp: Amp,
    /// Threads that make training pairs; `None`: one per core.
    pub workers: Option<usize>,
    /// Seed of all draws (both: 5).
    pub seed: u64,
    /// How many of the best checkpoints stay (both: 5).
    pub keep: usize,
    /// What the moving average of the weights keeps of itself at a step; such averages then validate and are what
    /// the best checkpoints hold. `None`: none (both).
    pub ema: Option<f64>,
    /// How much it counts in training that the network says where a fake was blended (both: 0).
    pub localise: f64,
    /// Stop after this many epochs without a better AUC; `None`: never.
    pub early_stop: Option<usize>,
    /// Validate every so many epochs, and after the last one.
    pub val_every: usize,
}

/// What a run is trained and validated on: originals of FaceForensics++, or other prepared sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Folder of all data sets; `None`: the data root of the run.
    pub root: Option<PathBuf>,
    /// The prepared sets: published ones by name, folders of one's own by name or path.
    #[serde(deserialize_with = "shares::read")]
    pub sets: Vec<SetShare>,
    /// Share of a folder's files that validate; published sets have lists for that.
    pub val_share: f64,
    /// Seed of the draw of those files; `None`: the run's. With one of its own, runs of several seeds validate on the same
    /// files, and none has trained on what another has held out: their average can be measured and calibrated on them.
    pub split_seed: Option<u64>,
    /// Shorter side in pixels from which a face of a folder is used.
    pub min_face: f64,
    /// Share of training pairs, 0..=1, whose real and fake both lose size and are compressed alike (both: 0).
    pub degradation: f64,
    /// Share of pairs, 0..=1, whose real and fake both go through the same video encoder (both: 0).
    pub codec: f64,
    /// Share of pairs, 0..=1, whose face is put into a frame that has lost detail before (both: 0).
    pub past: f64,
    /// Share of pairs, 0..=1, both of whose images are shown in other light (both: 0).
    pub light: f64,
    /// How often each kind of forgery is made (both: self-blending only).
    pub fakes: Fakes,
    /// Quality of the videos.
    pub compression: Compression,
    /// Frames of a video, spread evenly (both: 8).
    pub n_frames: usize,
    /// Pairs of ids to train on; `None`: `train.json` of FaceForensics++.
    pub train: Option<PathBuf>,
    /// Pairs of ids to validate on; `None`: `val.json` of FaceForensics++.
    pub val: Option<PathBuf>,
    /// Whether batch norms take the statistics of the whole batch where several processes share it, as one process does
    /// (both had one); `false`: each those of its part.
    pub sync_batch_norm: bool,
}

/// Optimiser and learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimConfig {
    /// What makes a step of a gradient (both: SAM).
    pub method: OptimMethod,
    /// Learning rate at the start, or after a warm-up (both: 0.001).
    pub lr: f64,
    /// Momentum of SAM and SGD (both: 0.9).
    pub momentum: f64,
    /// How far SAM moves weights for its second pass (both: 0.05).
    pub rho: f64,
    /// Share of its size that a weight loses in a step of AdamW at a learning rate of 1.
    pub weight_decay: f64,
    /// Batches whose gradients a step averages (both: 1).
    pub accumulate: usize,
    /// The learning rate over the run.
    pub schedule: Schedule,
    /// Share of all steps, 0..=0.9, over which the learning rate rises from 0 (both: 0).
    pub warmup: f64,
    /// Number type in which gradients travel between processes.
    pub wire: Wire,
}

/// What makes a step of a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimMethod {
    /// Sharpness-aware minimisation over stochastic gradient descent: two passes a step (both).
    #[default]
    Sam,
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// The learning rate over the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Constant for the first three quarters, then down to 0 in a line (both).
    #[default]
    LinearLastQuarter,
    /// The same learning rate in every epoch.
    Constant,
    /// Down to 0 along half a cosine, step by step.
    Cosine,
}

/// Number type of the forward pass on CUDA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amp {
    /// 32-bit floats throughout.
    #[default]
    Off,
    /// 16-bit floats where that is safe, with a scaled loss.
    Fp16,
    /// 16-bit floats with the exponent range of 32 bits.
    Bf16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            epoch: 120,
            batch_size: 16,
            image_size: 380,
            method: Method::Eg,
            data: DataConfig::default(),
            backbone: "efficientnet-b4".to_owned(),
            init: None,
            normalisation: Normalisation::Unit,
            guide: GuideConfig::default(),
            optim: OptimConfig::default(),
            amp: Amp::Off,
            workers: None,
            seed: 5,
            keep: 5,
            ema: None,
            localise: 0.0,
            early_stop: None,
            val_every: 1,
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            root: None,
            sets: vec![SetShare { name: SourceSet::Original.to_string(), weight: 1.0 }],
            val_share: 0.1,
            split_seed: None,
            min_face: 60.0,
            degradation: 0.0,
            codec: 0.0,
            past: 0.0,
            light: 0.0,
            fakes: Fakes::default(),
            compression: Compression::default(),
            n_frames: 8,
            train: None,
            val: None,
            sync_batch_norm: true,
        }
    }
}

impl Default for OptimConfig {
    fn default() -> Self {
        OptimConfig {
            method: OptimMethod::default(),
            lr: 0.001,
            momentum: 0.9,
            rho: 0.05,
            weight_decay: 0.01,
            accumulate: 1,
            schedule: Schedule::default(),
            warmup: 0.0,
            wire: Wire::Fp32,
        }
    }
}

impl Config {
    /// The defaults, over them the file, over it `overrides` of the form `key.path=value`.
    ///
    /// Fails, in one line that names the key, on unknown keys, on values out of range, and where values do not go
    /// together.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let file = overrides::read_file(path)?;
        let overrides = overrides.iter().map(|text| overrides::parse(text));
        let layers = std::iter::once(Ok(file)).chain(overrides).collect::<Result<Vec<_>, _>>()?;
        Config::default().with_layers(&layers)
    }

    /// The defaults, over them `overrides`; fails as [`Config::read`] does.
    pub fn of_overrides(overrides: &[String]) -> Result<Self, ConfigError> {
        let layers: Vec<Layer> =
            overrides.iter().map(|text| overrides::parse(text)).collect::<Result<_, _>>()?;
        Config::default().with_layers(&layers)
    }

    /// Checks a configuration that was not read by [`Config::read`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let given = Layer { origin: Origin::Program, value: self.to_value() };
        self.with_layers(&[given]).map(|_| ())
    }

    /// All keys with their values, indented: what `read` makes the same configuration of.
    pub fn to_json(&self) -> String {
        // With `{:#}` a JSON value formats itself indented; it cannot fail.
        format!("{:#}", self.to_value())
    }

    /// All keys with their values in one line of JSON.
    pub fn to_json_line(&self) -> String {
        self.to_value().to_string()
    }

    /// Pairs of real and fake in a batch.
    pub fn pairs(&self) -> usize {
        self.batch_size / 2
    }

    /// Steps in an epoch of so many full batches. Batches that are too few for a last step are left out.
    pub fn steps(&self, batches: usize) -> usize {
        batches / self.optim.accumulate
    }

    fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("string keys and finite numbers")
    }

    fn with_layers(&self, layers: &[Layer]) -> Result<Self, ConfigError> {
        let mut all = self.to_value();
        for layer in layers {
            schema::check(layer)?;
            overrides::merge(&mut all, &layer.value);
        }
        let config: Config = serde_json::from_value(all)
            .map_err(|error| ConfigError::Values { origin: origin_of(layers), reason: error.to_string() })?;
        schema::check_together(&config)
            .map_err(|reason| ConfigError::Values { origin: origin_of(layers), reason })?;
        Ok(config)
    }
}

/// Whom to name when several values together are at fault.
fn origin_of(layers: &[Layer]) -> Origin {
    layers.last().map_or(Origin::Program, |layer| layer.origin.clone())
}

impl DataConfig {
    /// What training pairs have beyond the published ones.
    pub fn extras(&self) -> Extras {
        Extras {
            degradation: self.degradation,
            codec: self.codec,
            past: self.past,
            light: self.light,
            fakes: self.fakes,
        }
    }

    /// Where the list of ids of a split lies; `data_root` counts where no `root` is configured.
    pub fn split_list(&self, split: Split, data_root: &Path) -> PathBuf {
        let given = match split {
            Split::Train => &self.train,
            Split::Validation => &self.val,
        };
        given.clone().unwrap_or_else(|| split.list_path(self.root.as_deref().unwrap_or(data_root)))
    }
}

#[cfg(test)]
mod tests;

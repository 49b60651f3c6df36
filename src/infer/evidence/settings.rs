//! The settings of a run in a form that is kept with its result and can be run again.

use crate::datasets::{Compression, TestSet};
use crate::face::{CropRule, FaceDetectorChoice, FaceDetectorConfig, RetinaFaceBody};
use crate::hash::sha256_of_parts;
use crate::infer::{Config, InferSource};
use crate::media::MediaLimits;
use crate::model::{Normalisation, Views};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What was scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceSetting {
    /// Files and folders, as they were named.
    Files(Vec<PathBuf>),
    /// More files and folders than are told one by one.
    List {
        /// How many.
        paths: usize,
        /// SHA-256 sum of their names, each with a zero byte behind it.
        sha256: String,
    },
    /// A folder of packed faces.
    Packed(PathBuf),
    /// A test set.
    TestSet {
        /// Its name.
        set: String,
        /// The folder of all data sets.
        data_root: PathBuf,
        /// Which copies of its videos.
        compression: String,
        /// Whether videos might be missing.
        allow_missing: bool,
    },
    /// A list of DeepfakeBench.
    BenchmarkList {
        /// The list.
        list: PathBuf,
        /// The folder that its paths begin in.
        root: PathBuf,
        /// Which of its splits.
        split: String,
        /// Which of its compressions.
        compression: String,
    },
}

/// Named files that are told one by one: the results of 200 shards of a million files would else be mostly that.
const TOLD: usize = 10_000;

impl SourceSetting {
    pub(in crate::infer) fn of_files(paths: &[PathBuf]) -> SourceSetting {
        if paths.len() <= TOLD {
            return SourceSetting::Files(paths.to_vec());
        }
        let names = paths.iter().flat_map(|path| [path.as_os_str().as_encoded_bytes(), &[0]]);
        SourceSetting::List { paths: paths.len(), sha256: sha256_of_parts(names) }
    }
}

/// Everything that was asked for, and what it came to where the program chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What was scored.
    pub source: SourceSetting,
    /// The table of labels.
    pub labels: Option<PathBuf>,
    /// Frames per video.
    pub frames: usize,
    /// Whether of long files more were looked at.
    #[serde(default)]
    pub by_duration: bool,
    /// The face detector's name; none for packed faces.
    pub face_detector: Option<String>,
    /// Longest side of its input in pixels, where one was asked for.
    pub max_size: Option<usize>,
    /// Longest side to which larger frames are brought down for it.
    pub largest: Option<usize>,
    /// Longest side to which frames of videos are brought down for a first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quick: Option<usize>,
    /// Faces that go through the forgery detector at once.
    pub batch_size: usize,
    /// Half precision.
    pub half: bool,
    /// Videos decoded at the same time.
    pub jobs: usize,
    /// What a file may cost.
    pub limits: MediaLimits,
    /// What scores were to be made of, where something else was asked for than the weight file says.
    #[serde(default)]
    pub views: Option<Views>,
    /// How pixels were normalised, where something else was asked for than the weight file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// By whose rule faces were found and cut out; left out where as published.
    #[serde(default, skip_serializing_if = "CropRule::is_published")]
    pub crop: CropRule,
    /// Of another rule dlib's shape predictor, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmark_model: Option<PathBuf>,
    /// The border that was asked for in place of the weight file's.
    pub threshold: Option<f64>,
    /// At most this many videos.
    pub limit: Option<usize>,
    /// Whether annotated copies were written; they change no score.
    pub annotated: bool,
    /// Whether heat maps were.
    pub heatmaps: bool,
}

impl Settings {
    /// The settings of a configuration; `body` is the face detector that it came to.
    pub(super) fn of(config: &Config, body: Option<RetinaFaceBody>) -> Settings {
        // Every field by its name, so that a new one cannot be forgotten here.
        let Config {
            weights: _,
            source,
            names,
            labels,
            normalisation,
            protocol: _,
            frames,
            by_duration,
            face_detector,
            batch_size,
            device: _,
            half,
            measure: _,
            jobs,
            limits,
            annotate,
            heatmaps,
            // Another way to tell the same.
            report: _,
            views,
            threshold,
            limit,
            shard: _,
        } = config;
        let FaceDetectorConfig {
            choice: _,
            weights: _,
            weights_dir: _,
            max_size,
            largest,
            quick,
            crop,
            landmark_model,
        } = face_detector;
        let source = match source {
            InferSource::Files(paths) if names.is_empty() => SourceSetting::of_files(paths),
            // Whoever repeats the run finds the files by their names.
            InferSource::Files(_) => SourceSetting::Files(names.iter().map(PathBuf::from).collect()),
            InferSource::Packed(folder) => SourceSetting::Packed(folder.clone()),
            InferSource::TestSet { set, data_root, compression, allow_missing } => SourceSetting::TestSet {
                set: set.to_string(),
                data_root: data_root.clone(),
                compression: compression.to_string(),
                allow_missing: *allow_missing,
            },
            InferSource::BenchmarkList { list, root, split, compression } => SourceSetting::BenchmarkList {
                list: list.clone(),
                root: root.clone(),
                split: split.clone(),
                compression: compression.to_string(),
            },
        };
        let (annotated, heatmaps) = (annotate.is_some(), heatmaps.is_some());
        let face_detector = body.map(|body| body.name().to_owned());
        Settings {
            source,
            labels: labels.clone(),
            frames: *frames,
            by_duration: *by_duration,
            face_detector,
            max_size: *max_size,
            largest: *largest,
            quick: quick.filter(|_| body == Some(RetinaFaceBody::MobileNet025)),
            batch_size: *batch_size,
            half: *half,
            jobs: *jobs,
            limits: *limits,
            views: *views,
            normalisation: *normalisation,
            crop: *crop,
            landmark_model: landmark_model.clone(),
            threshold: *threshold,
            limit: *limit,
            annotated,
            heatmaps,
        }
    }

    /// The configuration that asks for the same with these weights. `files` stand in place of what was named, where files
    /// were; whatever changes no score is left out.
    ///
    /// A sentence where a name is not one that this program knows.
    pub(in crate::infer) fn to_config(
        &self,
        weights: PathBuf,
        face_detector_weights: Option<PathBuf>,
        files: Vec<PathBuf>,
    ) -> Result<Config, String> {
        let source = match &self.source {
            SourceSetting::Files(_) | SourceSetting::List { .. } => InferSource::Files(files),
            SourceSetting::Packed(folder) => InferSource::Packed(folder.clone()),
            SourceSetting::TestSet { set, data_root, compression, allow_missing } => InferSource::TestSet {
                set: set.parse::<TestSet>().map_err(|error| error.to_string())?,
                data_root: data_root.clone(),
                compression: compression.parse::<Compression>().map_err(|error| error.to_string())?,
                allow_missing: *allow_missing,
            },
            SourceSetting::BenchmarkList { list, root, split, compression } => InferSource::BenchmarkList {
                list: list.clone(),
                root: root.clone(),
                split: split.clone(),
                compression: compression.parse::<Compression>().map_err(|error| error.to_string())?,
            },
        };
        let choice = match &self.face_detector {
            Some(name) => name.parse::<FaceDetectorChoice>()?,
            None => FaceDetectorChoice::Auto,
        };
        let limit = self.limit.filter(|_| !matches!(source, InferSource::Files(_)));
        let (face_detector_weights, landmark_model) = match self.crop {
            CropRule::Published => (face_detector_weights, self.landmark_model.clone()),
            CropRule::DeepfakeBench => (None, face_detector_weights.or_else(|| self.landmark_model.clone())),
        };
        let face_detector = FaceDetectorConfig {
            choice,
            weights: face_detector_weights,
            max_size: self.max_size,
            largest: self.largest,
            quick: self.quick,
            crop: self.crop,
            landmark_model,
            ..FaceDetectorConfig::default()
        };
        Ok(Config {
            frames: self.frames,
            by_duration: self.by_duration,
            views: self.views,
            normalisation: self.normalisation,
            face_detector,
            batch_size: self.batch_size,
            half: self.half,
            jobs: self.jobs,
            limits: self.limits,
            threshold: self.threshold,
            limit,
            ..Config::new(weights, source)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_the_configuration_that_they_were() {
        let source = InferSource::Files(vec!["folder".into()]);
        let config = Config {
            frames: 7,
            batch_size: 3,
            threshold: Some(0.25),
            limit: Some(2),
            ..Config::with_faces("w.tar".into(), source, FaceDetectorConfig::default())
        };
        let settings = Settings::of(&config, Some(RetinaFaceBody::ResNet50));
        assert_eq!(settings.quick, None, "ResNet-50 takes no quick look");
        let settings = Settings::of(&config, Some(RetinaFaceBody::MobileNet025));
        assert!(settings.quick.is_some());
        let text = serde_json::to_string(&settings).unwrap();
        let read: Settings = serde_json::from_str(&text).unwrap();
        assert_eq!(read, settings);
        let again =
            read.to_config("w.tar".into(), Some("m.pth".into()), vec!["folder/a.mp4".into()]).unwrap();
        let faces = FaceDetectorConfig {
            choice: FaceDetectorChoice::Fixed(RetinaFaceBody::MobileNet025),
            weights: Some("m.pth".into()),
            ..config.face_detector.clone()
        };
        let source = InferSource::Files(vec!["folder/a.mp4".into()]);
        assert_eq!(again, Config { source, limit: None, face_detector: faces, ..config.clone() });

        let aligned = Settings { crop: CropRule::DeepfakeBench, face_detector: None, ..settings.clone() };
        let again = aligned.to_config("w.tar".into(), Some("points.dat".into()), Vec::new()).unwrap();
        assert_eq!(again.face_detector.landmark_model, Some("points.dat".into()));
        assert_eq!(again.face_detector.weights, None);
        let unknown = Settings { face_detector: Some("other".to_owned()), ..settings };
        assert!(unknown.to_config("w.tar".into(), None, Vec::new()).unwrap_err().contains("expected"));
    }
}

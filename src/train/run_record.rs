//! `config.json` of a run: its configuration as resolved, and what else decides about its result.

use super::Config;
use super::run_folder::{RunFolder, RunFolderError, failed};
use crate::ranks::Launch;
use crate::training_pairs::FrameList;
use crate::versions::Versions;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// What a run was started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The programs that ran.
    pub versions: Versions,
    /// Where it ran, such as `cpu` or `cuda:0`.
    pub device: String,
    /// The seed of all draws.
    pub seed: u64,
    /// What was found to train and validate on.
    pub data: DataCounts,
    /// How many processes began it, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<usize>,
    /// What started them, in words that the same processes have again when they are started anew after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<String>,
    /// The configuration with all defaults.
    pub config: Config,
}

/// The sets of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCounts {
    /// What is trained on.
    pub train: SetCounts,
    /// What is validated on.
    pub val: SetCounts,
}

/// How much there is to train or to validate on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCounts {
    /// Videos with at least one usable frame.
    pub videos: usize,
    /// Usable frames, each as often as its set weighs: an epoch makes as many training pairs.
    pub frames: usize,
    /// Videos asked for that have no usable frame.
    pub empty_videos: usize,
    /// Frames left out because they have no landmarks or no box.
    pub incomplete_frames: usize,
    /// Frames left out because their face is too small.
    #[serde(default)]
    pub too_small: usize,
}

impl From<&FrameList> for SetCounts {
    fn from(list: &FrameList) -> Self {
        SetCounts {
            videos: list.videos,
            frames: list.frames.len(),
            empty_videos: list.empty_videos.len(),
            incomplete_frames: list.without_landmarks + list.without_boxes,
            too_small: list.too_small,
        }
    }
}

impl RunRecord {
    /// The record of a run that starts now with this program.
    pub fn new(config: Config, device: String, data: DataCounts) -> Self {
        let (versions, seed) = (Versions::current(), config.seed);
        RunRecord { versions, device, seed, data, processes: None, launch: None, config }
    }

    /// The same for a run of processes that were started together.
    pub fn started_by(self, launch: &Launch) -> Self {
        let processes = (launch.size > 1).then_some(launch.size);
        RunRecord { processes, launch: launch.key.clone(), ..self }
    }

    /// Writes `config.json`.
    pub fn write(&self, folder: &RunFolder) -> Result<(), RunFolderError> {
        crate::atomic_file::write(&folder.config(), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            file.write_all(b"\n")
        })?;
        Ok(())
    }

    /// Reads it back, for a run that is resumed.
    ///
    /// Fails when it is missing or is no such record, and when its configuration has been changed into none that
    /// can be used.
    pub fn read(folder: &RunFolder) -> Result<Self, RunFolderError> {
        let path = folder.config();
        let text = std::fs::read(&path).map_err(failed("read", &path))?;
        let record: RunRecord = match serde_json::from_slice(&text) {
            Ok(record) => record,
            Err(cause) => return Err(RunFolderError::Record { path, cause }),
        };
        match record.config.check() {
            Ok(()) => Ok(record),
            Err(cause) => Err(RunFolderError::Config { path, cause: cause.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;
    use std::time::SystemTime;

    #[test]
    fn a_record_reads_back_the_same_and_a_foreign_file_is_named() {
        let output = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(output.path(), "a", "b", SystemTime::now()).unwrap();
        let list = FrameList { videos: 3, without_landmarks: 1, without_boxes: 2, ..FrameList::default() };
        let counts = SetCounts::from(&list);
        assert_eq!((counts.videos, counts.frames, counts.incomplete_frames), (3, 0, 3));
        let data = DataCounts { train: counts.clone(), val: counts };
        let config = Config { epoch: 7, seed: 11, ..Config::default() };
        let record = RunRecord::new(config, "cpu".into(), data);
        assert_eq!(record.seed, 11);
        assert!(
            record.versions.libtorch.starts_with('2') && record.versions.opencv.starts_with('4'),
            "{record:?}"
        );
        record.write(&folder).unwrap();
        assert_eq!(RunRecord::read(&folder).unwrap(), record);
        let text = std::fs::read_to_string(folder.config()).unwrap();
        std::fs::write(folder.config(), text.replace("efficientnet-b4", "efficientnet-b9")).unwrap();
        let error = with_causes(&RunRecord::read(&folder).unwrap_err());
        assert!(error.contains("config.json: ") && error.contains("backbone is"), "{error}");
        std::fs::write(folder.config(), r#"{"epoch": 3}"#).unwrap();
        let error = with_causes(&RunRecord::read(&folder).unwrap_err());
        assert!(error.contains("config.json: not the record of a training run: missing field"), "{error}");
    }
}

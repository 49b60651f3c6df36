//! The folder of a run: where everything that it writes lies.

use crate::atomic_file;
use jiff::{Timestamp, tz::TimeZone};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A run's folder, `output/<name>_<config>_<MM_DD_HH_MM_SS>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// A run's folder, or a file in it, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// A name that cannot be part of a folder's name.
    #[error(
        "{name:?} cannot be part of the name of a run's folder: expected a name without / and control characters"
    )]
    Name {
        /// The name that was given.
        name: String,
    },
    /// The folder is there already.
    #[error("{}: exists already; another name, or another second, gives a new folder", path.display())]
    Exists {
        /// The run's folder.
        path: PathBuf,
    },
    /// What is to be resumed is no run's folder, or not all of it.
    #[error("{}: cannot be resumed, it lacks {}", path.display(), missing.join(", "))]
    Incomplete {
        /// The run's folder.
        path: PathBuf,
        /// What should be there.
        missing: Vec<&'static str>,
    },
    /// A log that this program did not write so.
    #[error("{}: line {line} is not an epoch's metrics", path.display())]
    Log {
        /// The file concerned.
        path: PathBuf,
        /// The line's number, counted from 1.
        line: usize,
        /// What is wrong with its JSON.
        #[source]
        cause: serde_json::Error,
    },
    /// A record of a run that this program did not write so.
    #[error("{}: not the record of a training run", path.display())]
    Record {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong with its JSON.
        #[source]
        cause: serde_json::Error,
    },
    /// A record whose configuration is none that this program trains with.
    #[error("{}: its configuration cannot be used", path.display())]
    Config {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong with the configuration.
        #[source]
        cause: Box<super::config::ConfigError>,
    },
    /// A number that no file can tell.
    #[error("epoch {epoch}: {what} is not a finite number")]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The name of the number that is not finite.
        what: String,
    },
    /// A file that cannot be written as a whole.
    #[error(transparent)]
    Write(#[from] atomic_file::Error),
    /// An image that cannot be drawn or written.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// A file or folder that cannot be read or written.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
}

/// For `map_err`: what could not be done to which file.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunFolderError + use<> {
    let path = path.to_owned();
    move |cause| RunFolderError::Io { path, action, cause }
}

impl RunFolder {
    /// A new folder under `output`, with folders for weights and logs in it, named after the run, its configuration
    /// and the local time.
    ///
    /// Fails when it exists or cannot be written, and when a name holds a separator.
    pub fn create(
        output: &Path,
        name: &str,
        config_name: &str,
        now: SystemTime,
    ) -> Result<Self, RunFolderError> {
        for name in [name, config_name] {
            if name.is_empty() || name.contains(['/', '\\']) || name.contains(char::is_control) {
                return Err(RunFolderError::Name { name: name.to_owned() });
            }
        }
        // UTC where the system has no zone.
        let stem = Self::stem(name, config_name);
        let path = output.join(format!("{stem}{}", stamp(now, &TimeZone::system())));
        fs::create_dir_all(output).map_err(failed("create", output))?;
        fs::create_dir(&path).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => RunFolderError::Exists { path: path.clone() },
            _ => failed("create", &path)(cause),
        })?;
        let folder = RunFolder { path };
        for part in [folder.weights(), folder.logs()] {
            fs::create_dir(&part).map_err(failed("create", &part))?;
        }
        Ok(folder)
    }

    /// The folder of a run that is to be resumed; unfinished files of a killed run are deleted.
    ///
    /// Fails when parts are missing without which a run cannot go on.
    pub fn open(path: &Path) -> Result<Self, RunFolderError> {
        let folder = RunFolder { path: path.to_owned() };
        let parts = [
            (path.is_dir(), "the folder itself"),
            (folder.config().is_file(), "config.json"),
            (folder.last().is_file(), "weights/last.tar (written after the first epoch)"),
        ];
        let missing: Vec<&str> = parts.iter().filter(|(there, _)| !there).map(|(_, name)| *name).collect();
        if !missing.is_empty() {
            // Without the folder nothing in it is worth a word.
            let missing = if path.is_dir() { missing } else { missing[..1].to_vec() };
            return Err(RunFolderError::Incomplete { path: path.to_owned(), missing });
        }
        fs::create_dir_all(folder.logs()).map_err(failed("create", &folder.logs()))?;
        for part in [path.to_owned(), folder.weights(), folder.logs()] {
            atomic_file::remove_leftovers(&part)?;
        }
        Ok(folder)
    }

    /// The folder of a run that another process has made or opened.
    pub fn of_another(path: PathBuf) -> Self {
        RunFolder { path }
    }

    /// What the folders of runs of this name and configuration begin with, whenever they began.
    pub fn stem(name: &str, config_name: &str) -> String {
        format!("{name}_{config_name}_")
    }

    /// The path of the run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folder of the checkpoints.
    pub fn weights(&self) -> PathBuf {
        self.path.join("weights")
    }

    /// The checkpoint of the last epoch, from which a run goes on.
    pub fn last(&self) -> PathBuf {
        self.weights().join("last.tar")
    }

    /// Folder of the logs and of TensorBoard's event files.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The log for people: a line per epoch.
    pub fn losses(&self) -> PathBuf {
        self.logs().join("losses.logs")
    }

    /// The log for programs: a line of JSON per epoch, [`EpochMetrics`](super::EpochMetrics).
    pub fn metrics(&self) -> PathBuf {
        self.logs().join("metrics.jsonl")
    }

    /// The record of the run: [`RunRecord`](super::RunRecord).
    pub fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The sheet of the first batch's training pairs.
    pub fn first_batch(&self) -> PathBuf {
        self.path.join("samples.png")
    }

    /// The page that tells how the run goes.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The plot of losses and AUC over the epochs.
    pub fn curves(&self) -> PathBuf {
        self.path.join("curves.png")
    }
}

/// `MM_DD_HH_MM_SS` in a zone.
fn stamp(now: SystemTime, zone: &TimeZone) -> String {
    let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
    zone.to_datetime(now).strftime("%m_%d_%H_%M_%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn create(output: &Path, name: &str) -> Result<RunFolder, RunFolderError> {
        RunFolder::create(output, name, "base", SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
    }

    #[test]
    fn the_stamp_is_local_time() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        assert_eq!(stamp(time, &TimeZone::UTC), "09_09_01_46_40");
        let east = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(stamp(time, &east), "09_09_10_46_40");
    }

    #[test]
    fn a_new_folder_has_its_parts_and_its_name_tells_the_run() {
        let output = tempfile::tempdir().unwrap();
        let folder = create(&output.path().join("deep/output"), "eg").unwrap();
        assert!(folder.weights().is_dir() && folder.logs().is_dir());
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("eg_base_09_") && name.len() == "eg_base_09_09_01_46_40".len(), "{name}");
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let output = tempfile::tempdir().unwrap();
        create(output.path(), "eg").unwrap();
        let error = create(output.path(), "eg").unwrap_err();
        assert!(matches!(error, RunFolderError::Exists { .. }), "{error}");
        let file = output.path().join("file");
        fs::write(&file, "").unwrap();
        let error = create(&file, "eg").unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: cannot create", file.display())), "{error}");
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        let output = tempfile::tempdir().unwrap();
        for name in ["", "../eg", "a\\b", "a\nb"] {
            assert!(matches!(create(output.path(), name), Err(RunFolderError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn opening_tells_what_is_missing_and_cleans_up() {
        let output = tempfile::tempdir().unwrap();
        let error = RunFolder::open(&output.path().join("none")).unwrap_err().to_string();
        assert!(error.ends_with("none: cannot be resumed, it lacks the folder itself"), "{error}");
        let folder = create(output.path(), "eg").unwrap();
        let error = RunFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("lacks config.json, weights/last.tar"), "{error}");
        fs::write(folder.config(), "{}").unwrap();
        fs::write(folder.last(), "").unwrap();
        let leftover = folder.weights().join(format!("{}1", atomic_file::TEMPORARY_PREFIX));
        fs::write(&leftover, "half").unwrap();
        assert_eq!(RunFolder::open(folder.path()).unwrap(), folder);
        assert!(!leftover.exists());
    }
}

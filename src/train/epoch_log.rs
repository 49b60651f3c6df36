//! What is logged after each epoch: a line for people and one for programs.
//!
//! `metrics.jsonl` is the source; on resume `losses.logs` is written anew from it, so that the two never differ.

use super::best_list::Kept;
use super::run_folder::{RunFolder, RunFolderError, failed};
use crate::atomic_file;
use crate::metrics::Calibration;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// What an epoch gave: one line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Epochs the run was to have at that time.
    pub epochs: usize,
    /// The epoch's learning rate.
    pub lr: f64,
    /// Mean of the whole objective over the epoch, from the first passes.
    pub train_loss: f64,
    /// Share of images that the first passes got right, 0..=1.
    pub train_acc: f64,
    /// Mean of each term of the objective, by name, unweighted.
    pub losses: BTreeMap<String, f64>,
    /// Mean cross entropy on the validation set; `None` where the epoch was not validated.
    pub val_loss: Option<f64>,
    /// Share of the validation images that were told rightly, 0..=1.
    pub val_acc: Option<f64>,
    /// Area under the ROC curve over the single validation images, 0..=1.
    pub val_auc: Option<f64>,
    /// The 95 % interval of `val_auc`, by a bootstrap over images.
    #[serde(default)]
    pub val_auc_ci95: Option<(f64, f64)>,
    /// What scores mean, fitted on the validation images; `None` where they tell nothing.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// Training speed, validation not counted.
    pub pairs_per_second: f64,
    /// How long its training took, validation not counted.
    pub seconds: f64,
    /// Share of the training time in which no batch was ready, 0..=1.
    pub waiting_share: f64,
    /// Training pairs that stand for a frame that gave none.
    pub replaced: usize,
}

impl EpochMetrics {
    /// The line for people.
    pub fn line(&self) -> String {
        let places = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
        format!(
            "Epoch {}/{} | train loss: {:.4}, train acc: {:.4}, val loss: {}, val acc: {}, val auc: {}",
            self.epoch,
            self.epochs,
            self.train_loss,
            self.train_acc,
            places(self.val_loss),
            places(self.val_acc),
            places(self.val_auc)
        )
    }

    /// Every number that is a curve over the epochs, with its name.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let always = [
            ("train/loss", Some(self.train_loss)),
            ("train/acc", Some(self.train_acc)),
            ("train/lr", Some(self.lr)),
            ("val/loss", self.val_loss),
            ("val/acc", self.val_acc),
            ("val/auc", self.val_auc),
            ("speed/pairs_per_second", Some(self.pairs_per_second)),
            ("speed/waiting_share", Some(self.waiting_share)),
        ];
        let always = always.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        always.chain(self.losses.iter().map(|(name, value)| (format!("loss/{name}"), *value))).collect()
    }

    /// JSON has no other numbers than finite ones.
    fn check(&self) -> Result<(), RunFolderError> {
        let seconds = ("seconds".to_owned(), self.seconds);
        match self.scalars().into_iter().chain([seconds]).find(|(_, value)| !value.is_finite()) {
            Some((what, _)) => Err(RunFolderError::NotFinite { epoch: self.epoch, what }),
            None => Ok(()),
        }
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("string keys and finite numbers")
    }
}

/// The two logs of a run.
#[derive(Debug)]
pub struct EpochLog {
    /// Where it is written; `None`: another process writes it.
    folder: Option<RunFolder>,
    epochs: Vec<EpochMetrics>,
}

impl EpochLog {
    /// The logs of a run that goes on after `last_epoch`, which is 0 for a new one. What they tell of later epochs, or
    /// half, is dropped.
    ///
    /// Fails when a line other than the last cannot be read.
    pub fn open(folder: &RunFolder, last_epoch: usize) -> Result<Self, RunFolderError> {
        let mut epochs = read(&folder.metrics())?;
        epochs.retain(|metrics| metrics.epoch <= last_epoch);
        rewrite(&folder.metrics(), epochs.iter().map(EpochMetrics::json))?;
        rewrite(&folder.losses(), epochs.iter().map(EpochMetrics::line))?;
        Ok(EpochLog { folder: Some(folder.clone()), epochs })
    }

    /// The logs of a run that another process writes, which has these epochs in them.
    pub fn of_another(epochs: Vec<EpochMetrics>) -> Self {
        EpochLog { folder: None, epochs }
    }

    /// Adds an epoch to both logs. To be called before the epoch's `last.tar` is written: then a run that is
    /// killed in between does the epoch again, and no epoch of a finished checkpoint is missing here.
    ///
    /// Fails when a file cannot be written or a number is not finite.
    pub fn append(&mut self, metrics: EpochMetrics) -> Result<(), RunFolderError> {
        metrics.check()?;
        if let Some(folder) = &self.folder {
            append_line(&folder.metrics(), &metrics.json())?;
            append_line(&folder.losses(), &metrics.line())?;
        }
        self.epochs.push(metrics);
        Ok(())
    }

    /// Epochs since the AUC, to the four places that count, was first as good as it ever was; 0 without any AUC.
    pub fn epochs_since_best(&self) -> usize {
        let aucs = self.epochs.iter().filter_map(|m| Some((Kept::new(m.epoch, m.val_auc?).auc_e4, m.epoch)));
        let best = aucs.max_by_key(|&(auc, epoch)| (auc, Reverse(epoch)));
        let last = self.epochs.last().map_or(0, |metrics| metrics.epoch);
        best.map_or(0, |(_, epoch)| last - epoch)
    }

    /// All epochs so far.
    pub fn epochs(&self) -> &[EpochMetrics] {
        &self.epochs
    }
}

/// The epochs that a file tells of; none when there is no file. A half last line counts as absent.
fn read(path: &Path) -> Result<Vec<EpochMetrics>, RunFolderError> {
    // A cut may go through a character.
    let text = match fs::read(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(failed("read", path))?,
    };
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let mut epochs = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(metrics) => epochs.push(metrics),
            Err(_) if line.trim_ascii().is_empty() || index + 1 == lines.len() => {}
            Err(cause) => return Err(RunFolderError::Log { path: path.into(), line: index + 1, cause }),
        }
    }
    Ok(epochs)
}

fn rewrite(path: &Path, lines: impl Iterator<Item = String>) -> Result<(), RunFolderError> {
    atomic_file::write(path, |file| lines.into_iter().try_for_each(|line| writeln!(file, "{line}")))?;
    Ok(())
}

/// One write, so that a kill leaves a whole line, none, or in the worst case a half last one.
fn append_line(path: &Path, line: &str) -> Result<(), RunFolderError> {
    let file: io::Result<File> = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn metrics(epoch: usize) -> EpochMetrics {
        EpochMetrics {
            epoch,
            epochs: 12,
            lr: 0.001,
            train_loss: 1.0 / epoch as f64,
            train_acc: 0.75,
            losses: [("rf".to_owned(), 0.1), ("übrig".to_owned(), 2.5)].into(),
            val_loss: Some(0.5),
            val_acc: Some(0.25),
            val_auc: epoch.is_multiple_of(2).then_some(0.123_456),
            ..EpochMetrics::default()
        }
    }

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let output = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(output.path(), "a", "b", SystemTime::now()).unwrap();
        (output, folder)
    }

    fn logged(folder: &RunFolder, epochs: std::ops::RangeInclusive<usize>) -> (Vec<u8>, Vec<u8>) {
        let mut log = EpochLog::open(folder, 0).unwrap();
        epochs.for_each(|epoch| log.append(metrics(epoch)).unwrap());
        files(folder)
    }

    fn files(folder: &RunFolder) -> (Vec<u8>, Vec<u8>) {
        (fs::read(folder.metrics()).unwrap(), fs::read(folder.losses()).unwrap())
    }

    #[test]
    fn the_line_for_people_is_as_people_know_it() {
        let known = "Epoch 2/12 | train loss: 0.5000, train acc: 0.7500, val loss: 0.5000, val acc: 0.2500, val auc: 0.1235";
        assert_eq!(metrics(2).line(), known);
        assert!(metrics(3).line().ends_with("val auc: -"));
    }

    #[test]
    fn a_resumed_log_goes_on_as_if_nothing_had_happened() {
        let (_a, straight) = folder();
        let expected = logged(&straight, 1..=6);
        let (_b, folder) = folder();
        logged(&folder, 1..=5);
        let mut log = EpochLog::open(&folder, 3).unwrap();
        assert_eq!(log.epochs(), [metrics(1), metrics(2), metrics(3)]);
        (4..=6).for_each(|epoch| log.append(metrics(epoch)).unwrap());
        assert_eq!(files(&folder), expected);
    }

    #[test]
    fn a_log_that_is_missing_starts_anew_and_a_lost_line_for_people_comes_back() {
        let (_a, folder) = folder();
        assert!(EpochLog::open(&folder, 4).unwrap().epochs().is_empty());
        let expected = logged(&folder, 1..=2);
        fs::remove_file(folder.losses()).unwrap();
        EpochLog::open(&folder, 2).unwrap();
        assert_eq!(files(&folder), expected);
    }

    #[test]
    fn equal_aucs_are_no_progress() {
        let (_a, folder) = folder();
        let mut log = EpochLog::open(&folder, 0).unwrap();
        assert_eq!(log.epochs_since_best(), 0);
        let mut since = Vec::new();
        for (index, val_auc) in
            [None, Some(0.8), Some(0.800_001), None, Some(0.9), Some(0.1)].into_iter().enumerate()
        {
            log.append(EpochMetrics { val_auc, ..metrics(index + 1) }).unwrap();
            since.push(log.epochs_since_best());
        }
        assert_eq!(since, [0, 0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_named() {
        let (_a, folder) = folder();
        let (mut text, _) = logged(&folder, 1..=3);
        text[0] = b'x';
        fs::write(folder.metrics(), text).unwrap();
        let error = EpochLog::open(&folder, 3).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 1 is not an epoch's metrics"), "{error}");
    }

    #[test]
    fn a_number_that_is_none_is_refused_before_anything_is_written() {
        let (_a, folder) = folder();
        let mut broken = metrics(1);
        broken.losses.insert("rp".into(), f64::NAN);
        let error = EpochLog::open(&folder, 0).unwrap().append(broken).unwrap_err().to_string();
        assert_eq!(error, "epoch 1: loss/rp is not a finite number");
        assert_eq!(files(&folder), (Vec::new(), Vec::new()));
    }

    proptest! {
        #[test]
        fn cut_anywhere_only_the_last_line_is_lost(cut in 0usize..1000) {
            let (_a, folder) = folder();
            let (text, _) = logged(&folder, 1..=3);
            let cut = cut % (text.len() + 1);
            fs::write(folder.metrics(), &text[..cut]).unwrap();
            let whole = text[..cut].iter().filter(|&&byte| byte == b'\n').count();
            let log = EpochLog::open(&folder, 9).unwrap();
            // A line that lacks nothing but its end is whole too.
            let complete = whole + usize::from(text.get(cut) == Some(&b'\n'));
            prop_assert_eq!(log.epochs().len(), complete);
            let again = EpochLog::open(&folder, 9).unwrap();
            prop_assert_eq!(again.epochs(), log.epochs());
            prop_assert!(files(&folder).0.last().is_none_or(|&byte| byte == b'\n'));
        }
    }
}

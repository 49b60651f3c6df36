//! Which checkpoints of a run stay: the best ones by AUC.
//!
//! AUCs count to the four places that file names show, so that the list made of a folder's names is the list that
//! was kept while training.

use super::run_folder::{RunFolderError, failed};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// What AUCs are counted in: four places.
const UNITS: f64 = 10_000.0;

/// A checkpoint of an epoch after which was validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The AUC in ten-thousandths, 0 to 10000.
    pub auc_e4: u16,
}

/// The best checkpoints so far, best first; of equal ones the newer first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BestList {
    keep: usize,
    kept: Vec<Kept>,
}

/// What is to be done with checkpoints after an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The epoch's own file, when it is to be written.
    pub save: Option<Kept>,
    /// The one that leaves the list: to be deleted, after the new one is written.
    pub delete: Option<Kept>,
}

impl Kept {
    /// An AUC that is no number counts as 0.
    pub fn new(epoch: usize, auc: f64) -> Self {
        // NaN becomes 0.
        Kept { epoch, auc_e4: (auc.clamp(0.0, 1.0) * UNITS).round() as u16 }
    }

    /// The validation AUC, rounded to four places as in the file's name.
    pub fn auc(&self) -> f64 {
        f64::from(self.auc_e4) / UNITS
    }

    /// `<epoch>_<auc to 4 places>_val.tar`.
    pub fn file_name(&self) -> String {
        format!("{}_{:.4}_val.tar", self.epoch, self.auc())
    }

    /// What the name of a file tells; `None` for names of another form.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (epoch, auc) = file_name.strip_suffix("_val.tar")?.split_once('_')?;
        let kept = Kept::new(epoch.parse().ok()?, auc.parse().ok()?);
        (kept.file_name() == file_name).then_some(kept)
    }

    /// Sort key: the better a checkpoint, the less.
    fn rank(&self) -> Reverse<(u16, usize)> {
        Reverse((self.auc_e4, self.epoch))
    }
}

impl BestList {
    /// The list of at most `keep` checkpoints that the files in a folder of weights stand for, when the run goes on after
    /// `last_epoch`, which is 0 for a new one; and the files that do not belong to it, because a run was stopped between
    /// writing and deleting.
    ///
    /// Fails when the folder cannot be read.
    pub fn from_folder(
        weights: &Path,
        keep: usize,
        last_epoch: usize,
    ) -> Result<(Self, Vec<PathBuf>), RunFolderError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(weights).map_err(failed("read", weights))? {
            let name = entry.map_err(failed("read", weights))?.file_name();
            found.extend(name.to_str().and_then(Kept::parse));
        }
        found.sort_by_key(Kept::rank);
        let (mut kept, mut surplus): (Vec<Kept>, Vec<Kept>) =
            found.into_iter().partition(|kept| kept.epoch <= last_epoch);
        surplus.extend(kept.drain(keep.min(kept.len())..));
        let surplus = surplus.iter().map(|kept| weights.join(kept.file_name())).collect();
        Ok((BestList { keep, kept }, surplus))
    }

    /// Enters the epoch if it is among the best, and says what that means for files.
    pub fn enter(&mut self, epoch: usize, auc: f64) -> Decision {
        let new = Kept::new(epoch, auc);
        let at = self.kept.partition_point(|kept| kept.rank() < new.rank());
        self.kept.insert(at, new);
        let dropped = if self.kept.len() > self.keep { self.kept.pop() } else { None };
        match dropped {
            Some(dropped) if dropped == new => Decision { save: None, delete: None },
            delete => Decision { save: Some(new), delete },
        }
    }

    /// The checkpoints, best first.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The best checkpoint, if there is any.
    pub fn best(&self) -> Option<Kept> {
        self.kept.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_show_epoch_and_auc_to_four_places() {
        assert_eq!(Kept::new(7, 0.98765).file_name(), "7_0.9877_val.tar");
        assert_eq!(Kept::new(120, 1.0).file_name(), "120_1.0000_val.tar");
        assert_eq!(Kept::new(1, f64::NAN).file_name(), "1_0.0000_val.tar");
        assert_eq!(Kept::parse("7_0.9877_val.tar"), Some(Kept { epoch: 7, auc_e4: 9877 }));
        for other in [
            "last.tar",
            "7_0.9877.tar",
            "7_val.tar",
            "7_0.98_val.tar",
            "x_0.9877_val.tar",
            "7_2.0000_val.tar",
        ] {
            assert_eq!(Kept::parse(other), None, "{other}");
        }
    }

    fn empty(keep: usize) -> BestList {
        BestList { keep, kept: Vec::new() }
    }

    #[test]
    fn hand_checked_run_of_two_places() {
        let mut list = empty(2);
        let (first, tie) = (Kept::new(1, 0.5), Kept::new(3, 0.5));
        assert_eq!(list.enter(1, 0.5), Decision { save: Some(first), delete: None });
        list.enter(2, 0.4);
        // Ties keep the newer, and the newer leads.
        let decision = list.enter(3, 0.5);
        assert_eq!(decision, Decision { save: Some(tie), delete: Some(Kept::new(2, 0.4)) });
        assert_eq!(list.enter(4, 0.5).delete, Some(first));
        assert_eq!(list.enter(5, 0.1), Decision { save: None, delete: None });
        assert_eq!(list.kept, [Kept::new(4, 0.5), tie]);
    }

    /// Sorting all from the start, the obvious way.
    fn obvious(keep: usize, aucs: &[f64]) -> Vec<Kept> {
        let mut all: Vec<Kept> = aucs.iter().enumerate().map(|(i, &auc)| Kept::new(i + 1, auc)).collect();
        all.sort_by(|a, b| b.auc_e4.cmp(&a.auc_e4).then(b.epoch.cmp(&a.epoch)));
        all.truncate(keep);
        all
    }

    /// AUCs close enough together that they tie, also by rounding.
    fn aucs() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec((0u32..40).prop_map(|step| 0.9 + f64::from(step) * 0.000_03), 1..20)
    }

    fn write(folder: &Path, kept: Kept) {
        std::fs::write(folder.join(kept.file_name()), "").unwrap();
    }

    proptest! {
        #[test]
        fn it_holds_the_best_of_all_entered(keep in 1usize..6, aucs in aucs()) {
            let mut list = empty(keep);
            for (i, &auc) in aucs.iter().enumerate() {
                list.enter(i + 1, auc);
            }
            prop_assert_eq!(list.kept, obvious(keep, &aucs));
        }

        #[test]
        fn files_that_follow_its_decisions_stand_for_it(keep in 1usize..6, aucs in aucs(), killed: bool) {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), Kept::new(99, 0.99));
            std::fs::write(folder.path().join("last.tar"), "").unwrap();
            let mut list = empty(keep);
            let mut surplus = vec![folder.path().join(Kept::new(99, 0.99).file_name())];
            for (i, &auc) in aucs.iter().enumerate() {
                let decision = list.enter(i + 1, auc);
                decision.save.into_iter().for_each(|kept| write(folder.path(), kept));
                let Some(file) = decision.delete.map(|kept| folder.path().join(kept.file_name())) else { continue };
                match killed && i + 1 == aucs.len() {
                    true => surplus.push(file),
                    false => std::fs::remove_file(file).unwrap(),
                }
            }
            let found = BestList::from_folder(folder.path(), keep, aucs.len()).unwrap();
            prop_assert_eq!(found, (list, surplus));
        }
    }
}

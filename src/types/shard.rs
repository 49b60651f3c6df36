//! Shards: equal parts of a list, each for a process of its own.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One of `count` parts of a list: every `count`-th entry, from the `index`-th on.
///
/// Which shard an entry belongs to follows from its place in the list alone: no process need know of another one, and a
/// list that grows at its end moves no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// Why something is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers with a stroke between, the first from 1 to the second.
    #[error("expected I/N with I from 1 to N, such as 3/8, found {found:?}")]
    Form {
        /// What stands there.
        found: String,
    },
    /// No variable of a scheduler tells.
    #[error(
        "none of SLURM_ARRAY_TASK_ID, RANK and SLURM_PROCID is set: no scheduler says which shard this is"
    )]
    NoScheduler,
    /// A variable without the other that it needs, or with a value that does not go with it.
    #[error("{variable} is {value:?}: {expected}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// Its value; empty where it is not set.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
}

impl Shard {
    /// The part of this number, from 1, of so many; `None` where there is no such part.
    pub fn new(index: usize, count: usize) -> Option<Shard> {
        (1..=count).contains(&index).then_some(Shard { index, count })
    }

    /// Its number, from 1.
    pub fn index(self) -> usize {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// Whether the entry at this place, from 0, belongs to it.
    pub fn has(self, place: usize) -> bool {
        place % self.count == self.index - 1
    }

    /// The places, from 0, that belong to it in a list of `length` entries.
    pub fn places(self, length: usize) -> impl ExactSizeIterator<Item = usize> {
        (self.index - 1..length.max(self.index - 1)).step_by(self.count)
    }

    /// The shard of a process of a Slurm array, of torchrun, or of srun, by the variables that these set: the first of
    /// SLURM_ARRAY_TASK_ID (with _MIN, _STEP and _COUNT), RANK (with WORLD_SIZE) and SLURM_PROCID (with SLURM_NTASKS).
    ///
    /// Fails where none is set, and for arrays with gaps: there the number of tasks is not the number of shards.
    pub fn of_scheduler(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        let number = |name: &'static str, default: Option<usize>| -> Result<usize, ShardError> {
            match (variable(name), default) {
                (None, Some(default)) => Ok(default),
                (value, _) => {
                    let value = value.unwrap_or_default();
                    let expected = "expected a whole number";
                    value.parse().map_err(|_| ShardError::Variable { variable: name, value, expected })
                }
            }
        };
        let made = |name: &'static str, from_zero: usize, count: usize, expected: &'static str| {
            let value = variable(name).unwrap_or_default();
            let error = ShardError::Variable { variable: name, value, expected };
            Shard::new(from_zero + 1, count).ok_or(error)
        };
        if variable("SLURM_ARRAY_TASK_ID").is_some() {
            let task = number("SLURM_ARRAY_TASK_ID", None)?;
            let first = number("SLURM_ARRAY_TASK_MIN", Some(0))?;
            let step = number("SLURM_ARRAY_TASK_STEP", Some(1))?.max(1);
            let count = number("SLURM_ARRAY_TASK_COUNT", None)?;
            let last = number("SLURM_ARRAY_TASK_MAX", Some(first + step * count.saturating_sub(1)))?;
            let gaps = last != first + step * count.saturating_sub(1)
                || !task.saturating_sub(first).is_multiple_of(step);
            let expected = "expected an array without gaps, whose tasks are the shards";
            let past = if gaps || task < first { count } else { (task - first) / step };
            return made("SLURM_ARRAY_TASK_ID", past, count, expected);
        }
        if variable("RANK").is_some() {
            return made(
                "RANK",
                number("RANK", None)?,
                number("WORLD_SIZE", None)?,
                "expected less than WORLD_SIZE",
            );
        }
        if variable("SLURM_PROCID").is_some() {
            let (rank, count) = (number("SLURM_PROCID", None)?, number("SLURM_NTASKS", None)?);
            return made("SLURM_PROCID", rank, count, "expected less than SLURM_NTASKS");
        }
        Err(ShardError::NoScheduler)
    }

    /// What its files are called by: `shard-003-of-200`, so that names sort as numbers do.
    pub fn name(self) -> String {
        let width = self.count.to_string().len();
        format!("shard-{:0width$}-of-{}", self.index, self.count)
    }

    /// The name of this shard's own version of a file: `result.json` becomes `result.shard-3-of-8.json`.
    pub fn file(self, path: &Path) -> PathBuf {
        match path.extension() {
            Some(extension) => {
                path.with_extension(format!("{}.{}", self.name(), extension.to_string_lossy()))
            }
            None => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{name}.{}", self.name()))
            }
        }
    }

    /// The shards' versions of a file that are in its folder, sorted; the shard itself follows from the name. A folder that is
    /// not there has none.
    ///
    /// Fails when the folder cannot be read.
    pub fn files_of(path: &Path) -> std::io::Result<Vec<(Shard, PathBuf)>> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let entries = match std::fs::read_dir(folder) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if let Some(shard) = Shard::in_name(&name.to_string_lossy())
                && shard.file(path).file_name() == Some(name.as_os_str())
            {
                found.push((shard, folder.join(name)));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The shard that a file's name tells.
    fn in_name(name: &str) -> Option<Shard> {
        let (_, told) = name.rsplit_once("shard-")?;
        let (index, rest) = told.split_once("-of-")?;
        let count = rest.split_once('.').map_or(rest, |(count, _)| count);
        Shard::new(index.parse().ok()?, count.parse().ok()?)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let error = || ShardError::Form { found: text.to_owned() };
        let (index, count) = text.split_once('/').ok_or_else(error)?;
        let number = |text: &str| text.parse::<usize>().map_err(|_| error());
        Shard::new(number(index)?, number(count)?).ok_or_else(error)
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(variables: &[(&str, &str)]) -> Result<Shard, ShardError> {
        Shard::of_scheduler(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn schedulers_are_understood() {
        let array = |id: &'static str, min, max, count| {
            of(&[
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_MAX", max),
                ("SLURM_ARRAY_TASK_COUNT", count),
                // A job of an array has these, too.
                ("SLURM_PROCID", "0"),
                ("SLURM_NTASKS", "1"),
            ])
        };
        assert_eq!(array("7", "1", "8", "8"), Ok(Shard { index: 7, count: 8 }));
        assert_eq!(array("0", "0", "199", "200"), Ok(Shard { index: 1, count: 200 }));
        // An array of three tasks that were left out of another one.
        let gaps = array("7", "3", "9", "3").unwrap_err().to_string();
        assert!(gaps.contains("SLURM_ARRAY_TASK_ID is \"7\": expected an array without gaps"), "{gaps}");
        let stepped =
            [("SLURM_ARRAY_TASK_ID", "6"), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_STEP", "2")];
        assert_eq!(of(&stepped), Ok(Shard { index: 4, count: 4 }));
        assert_eq!(of(&[("RANK", "2"), ("WORLD_SIZE", "3")]), Ok(Shard { index: 3, count: 3 }));
        assert_eq!(of(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "5")]), Ok(Shard { index: 1, count: 5 }));
        assert_eq!(of(&[]), Err(ShardError::NoScheduler));
        assert!(
            of(&[("RANK", "3"), ("WORLD_SIZE", "3")])
                .unwrap_err()
                .to_string()
                .contains("less than WORLD_SIZE")
        );
        assert!(of(&[("RANK", "1")]).unwrap_err().to_string().contains("WORLD_SIZE is \"\""));
        assert!(of(&[("SLURM_ARRAY_TASK_ID", "x")]).unwrap_err().to_string().contains("whole number"));
    }

    #[test]
    fn it_is_written_as_it_is_read_and_files_have_its_name() {
        let shard: Shard = "3/200".parse().unwrap();
        assert_eq!(serde_json::to_string(&shard).unwrap(), "\"3/200\"");
        assert_eq!(shard.file(Path::new("out/result.json")), Path::new("out/result.shard-003-of-200.json"));
        assert_eq!(shard.file(Path::new("result")), Path::new("result.shard-003-of-200"));
        for wrong in ["", "3", "0/8", "9/8", "a/8", "1/0", "-1/8", "1/8/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_of_all_shards_are_found_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for name in [
            "a.shard-2-of-3.json",
            "a.shard-1-of-3.json",
            "a.json",
            "b.shard-1-of-3.json",
            "a.shard-9-of-3.json",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<String> =
            Shard::files_of(&path).unwrap().iter().map(|(shard, _)| shard.to_string()).collect();
        assert_eq!(found, ["1/3", "2/3"]);
        assert_eq!(Shard::files_of(&folder.path().join("none/a.json")).unwrap(), []);
    }

    proptest! {
        #[test]
        fn shards_are_a_partition(length in 0_usize..400, count in 1_usize..60) {
            let mut of = vec![0; length];
            for index in 1..=count {
                let shard = Shard::new(index, count).unwrap();
                let places = shard.places(length);
                // As equal as can be.
                prop_assert!(places.len() == length / count || places.len() == length.div_ceil(count));
                for place in places {
                    prop_assert!(shard.has(place));
                    of[place] += 1;
                }
            }
            prop_assert!(of.iter().all(|&times| times == 1));
        }

        #[test]
        fn a_list_that_grows_moves_nothing(length in 0_usize..200, more in 0_usize..50, count in 1_usize..20) {
            for index in 1..=count {
                let shard = Shard::new(index, count).unwrap();
                let (before, after) = (shard.places(length), shard.places(length + more));
                let before: Vec<usize> = before.collect();
                let kept: Vec<usize> = after.filter(|place| *place < length).collect();
                prop_assert_eq!(before, kept);
            }
        }
    }
}

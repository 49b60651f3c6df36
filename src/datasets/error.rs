//! What can be wrong with a data set, and what belongs in its place.

use std::io;
use std::path::{Path, PathBuf};

use super::compression::Compression;
use crate::suggest::suggest;

/// How many missing videos an error names.
const SHOWN: usize = 3;

/// A data set cannot be listed. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No set of this kind has this name.
    #[error("unknown {kind} '{name}'{}; known are {}", did_you_mean(*.suggestion), .known.join(", "))]
    UnknownSet {
        /// `test set`, or `set` of videos to prepare.
        kind: &'static str,
        /// The name that was given.
        name: String,
        /// The known name it was probably meant to be.
        suggestion: Option<&'static str>,
        /// All known names.
        known: &'static [&'static str],
    },
    /// No compression has this name.
    #[error("unknown compression '{name}'; known are raw, c23 and c40")]
    UnknownCompression {
        /// The name that was given.
        name: String,
    },
    /// The data root does not exist.
    #[error("{}: no such folder for the data sets", path.display())]
    DataRoot {
        /// The data root.
        path: PathBuf,
    },
    /// A prepared set that nobody made.
    #[error("{}: no such set{}", path.display(), suggestion.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    NoSet {
        /// Where it would be.
        path: PathBuf,
        /// A published set of nearly that name.
        suggestion: Option<String>,
    },
    /// A folder of the data set does not exist.
    #[error("{}: no such folder, expected {expected}{}", path.display(), available(.compressions))]
    MissingFolder {
        /// The folder that is missing.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// Compressions for which there is such a folder.
        compressions: Vec<Compression>,
    },
    /// The list of a data set does not exist.
    #[error("{}: no such file, expected {expected}", path.display())]
    MissingList {
        /// The list's file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
    },
    /// A folder or list could not be read.
    #[error("{}: cannot read {expected}", path.display())]
    Read {
        /// The folder or list.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// Why it cannot be read.
        #[source]
        cause: io::Error,
    },
    /// A list is no valid JSON.
    #[error("{}: expected {expected}, found invalid JSON", path.display())]
    Json {
        /// The list's file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// Where the JSON is wrong.
        #[source]
        cause: serde_json::Error,
    },
    /// A list is no valid CSV.
    #[error("{}: expected {expected}, found invalid CSV", path.display())]
    Csv {
        /// The list's file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// Where the CSV is wrong.
        #[source]
        cause: csv::Error,
    },
    /// A table lacks a column.
    #[error("{}: expected a column '{column}', found {}", path.display(), .found.join(", "))]
    MissingColumn {
        /// The table's file.
        path: PathBuf,
        /// The name of the missing column.
        column: &'static str,
        /// The columns it has.
        found: Vec<String>,
    },
    /// An entry of a list is not what belongs there.
    #[error("{}: {entry}: expected {expected}, found {found}", path.display())]
    Entry {
        /// The list's file.
        path: PathBuf,
        /// Which entry: its line or its key.
        entry: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// There is nothing to read.
    #[error("{}: no videos, expected {expected}", path.display())]
    Empty {
        /// The folder or list.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
    },
    /// The list of a data set names videos that are not on disk.
    #[error(
        "{}: {} of the videos it names are not on disk: {}",
        list.display(), missing.len(), first_few(.missing)
    )]
    MissingVideos {
        /// The list's file.
        list: PathBuf,
        /// Where the videos were expected.
        missing: Vec<PathBuf>,
    },
}

/// The entry of `all` whose name, at the same place in `names`, is `typed` in upper or lower case.
///
/// Fails with [`Error::UnknownSet`].
pub(super) fn named<T: Copy>(
    typed: &str,
    kind: &'static str,
    names: &'static [&'static str],
    all: &[T],
) -> Result<T, Error> {
    let known = names.iter().position(|name| name.eq_ignore_ascii_case(typed));
    known.map(|index| all[index]).ok_or_else(|| Error::UnknownSet {
        kind,
        name: typed.into(),
        suggestion: suggest(typed, names),
        known: names,
    })
}

impl Error {
    /// An [`Error::Entry`] of `path`.
    pub(super) fn entry(path: &Path, entry: String, expected: &'static str, found: impl ToString) -> Self {
        Error::Entry { path: path.to_path_buf(), entry, expected, found: found.to_string() }
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!(", did you mean {name}?")).unwrap_or_default()
}

fn available(compressions: &[Compression]) -> String {
    if compressions.is_empty() {
        return String::new();
    }
    let names: Vec<String> = compressions.iter().map(Compression::to_string).collect();
    format!("; there are videos of level {}", names.join(" and "))
}

fn first_few(paths: &[PathBuf]) -> String {
    let mut names: Vec<String> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    if paths.len() > SHOWN {
        names.push("…".into());
    }
    names.join(", ")
}

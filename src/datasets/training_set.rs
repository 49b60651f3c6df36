//! Sets that training reads: published ones by their names, and folders of the user's own that preprocessing made.

use super::{Compression, Error, SourceSet};
use crate::suggest::suggest;
use std::fmt;
use std::path::{Path, PathBuf};

/// A set of prepared frames, named as in a training configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingSet {
    /// One of the sets that preprocessing knows.
    Published(SourceSet),
    /// A folder: a name under the data root, or a path.
    Folder(PathBuf),
}

/// A set at a compression level: what preprocessing is asked to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetVersion {
    /// The set.
    pub set: TrainingSet,
    /// The level; only FaceForensics++ has more than one.
    pub compression: Compression,
}

/// The folder of a set of the user's own: a bare name lies under the data root, anything else is a path.
pub fn set_folder(data_root: &Path, set: &Path) -> PathBuf {
    match set.components().count() {
        1 if set.is_relative() && !set.starts_with(".") && !set.starts_with("..") => data_root.join(set),
        _ => set.to_owned(),
    }
}

impl TrainingSet {
    /// A published set if one is called so, else a folder.
    pub fn named(name: &str) -> Self {
        name.parse().map_or_else(|_| TrainingSet::Folder(name.into()), TrainingSet::Published)
    }

    /// Where its `frames/`, `landmarks/` and `retina/` are.
    ///
    /// Fails when the data root or the user's folder does not exist; a name that is nearly a published set's is told.
    pub fn folder(&self, data_root: &Path, compression: Compression) -> Result<PathBuf, Error> {
        let folder = match self {
            TrainingSet::Published(set) => set.folder(data_root, compression),
            TrainingSet::Folder(path) => set_folder(data_root, path),
        };
        if folder.starts_with(data_root) && !data_root.is_dir() {
            return Err(Error::DataRoot { path: data_root.to_owned() });
        }
        match self {
            TrainingSet::Folder(name) if !folder.is_dir() => {
                let known: Vec<String> = SourceSet::ALL.iter().map(SourceSet::to_string).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let suggestion = name.to_str().and_then(|name| suggest(name, &known)).map(str::to_owned);
                Err(Error::NoSet { path: folder, suggestion })
            }
            _ => Ok(folder),
        }
    }
}

impl fmt::Display for TrainingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainingSet::Published(set) => write!(f, "{set}"),
            TrainingSet::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_lie_under_the_data_root_and_paths_where_they_are() {
        let folder = |name: &str| set_folder(Path::new("data"), Path::new(name));
        assert_eq!(folder("portraits"), Path::new("data/portraits"));
        assert_eq!(folder("./portraits"), Path::new("./portraits"));
        assert_eq!(folder("sets/portraits"), Path::new("sets/portraits"));
        assert_eq!(folder("/sets"), Path::new("/sets"));
        assert_eq!(TrainingSet::named("Original"), TrainingSet::Published(SourceSet::Original));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_was_meant() {
        let root = tempfile::tempdir().unwrap();
        let refused = |name: &str, root: &Path| {
            TrainingSet::named(name).folder(root, Compression::Raw).unwrap_err().to_string()
        };
        let misspelt = refused("Orginal", root.path());
        assert!(misspelt.contains("Orginal") && misspelt.contains("did you mean Original"), "{misspelt}");
        assert!(refused("Original", Path::new("/no/such/root")).contains("/no/such/root"));
    }
}

//! Where the videos or photographs come from, and where what is made of them goes.

use crate::datasets::{Compression, SourceSet, SourceVideo};
use crate::error::Result;
use crate::media::{MediaFiles, media_files, media_files_by_name};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The videos to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoSource {
    /// A published set; everything is written beside its videos.
    Set {
        /// The published set.
        set: SourceSet,
        /// Folder of all data sets.
        data_root: PathBuf,
        /// Which copies of FaceForensics++ and DFD.
        compression: Compression,
    },
    /// Any photographs and videos. A photograph is a video of one frame.
    Files {
        /// Files, and folders of them.
        inputs: Vec<PathBuf>,
        /// The folder of the set that is made.
        folder: PathBuf,
    },
}

impl VideoSource {
    /// The folder that gets `frames/`, `landmarks/`, `retina/` and the record.
    pub fn folder(&self) -> PathBuf {
        match self {
            VideoSource::Set { set, data_root, compression } => set.folder(data_root, *compression),
            VideoSource::Files { folder, .. } => folder.clone(),
        }
    }

    /// What the record is called by.
    pub fn name(&self) -> String {
        match self {
            VideoSource::Set { set, .. } => set.to_string(),
            VideoSource::Files { folder, .. } => {
                folder.file_name().map_or("set".to_owned(), |name| name.to_string_lossy().into_owned())
            }
        }
    }

    /// The set's name, and its compression where there are copies of several.
    pub fn title(&self) -> String {
        match self {
            VideoSource::Set { set, compression, .. } => format!("{set} ({compression})"),
            VideoSource::Files { .. } => self.name(),
        }
    }

    /// All videos in order, and what was passed over, for the user.
    ///
    /// Fails when a folder is missing, cannot be read, or holds none.
    pub fn videos(&self) -> Result<(Vec<SourceVideo>, Vec<String>)> {
        match self {
            VideoSource::Set { set, data_root, compression } => {
                Ok((set.videos(data_root, *compression)?, Vec::new()))
            }
            VideoSource::Files { inputs, folder } => {
                let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
                Ok(files(inputs, folder, media_files(inputs)?, real))
            }
        }
    }

    /// [`videos`](VideoSource::videos) of which most are another process's matter: files that are named as videos and
    /// photographs are not looked at, so that one that is named in two ways counts twice.
    ///
    /// Fails as that does.
    pub fn videos_by_name(&self) -> Result<(Vec<SourceVideo>, Vec<String>)> {
        match self {
            VideoSource::Files { inputs, folder } => {
                Ok(files(inputs, folder, media_files_by_name(inputs)?, PathBuf::clone))
            }
            VideoSource::Set { .. } => self.videos(),
        }
    }
}

fn files(
    inputs: &[PathBuf],
    base: &Path,
    found: MediaFiles,
    real: impl Fn(&PathBuf) -> PathBuf,
) -> (Vec<SourceVideo>, Vec<String>) {
    let mut order = HashMap::new();
    for (number, input) in inputs.iter().enumerate() {
        order.entry(input.as_path()).or_insert(number);
    }
    let mut taken = HashSet::new();
    let mut videos = Vec::new();
    let mut twice = 0;
    let mut seen = HashSet::new();
    for path in found.files {
        if !seen.insert(real(&path)) {
            twice += 1;
            continue;
        }
        // The first of the inputs that it is in.
        let input = path.ancestors().filter_map(|above| order.get(above)).min();
        let below = input.and_then(|&input| path.strip_prefix(&inputs[input]).ok()).unwrap_or(Path::new(""));
        let below =
            if below.as_os_str().is_empty() { path.file_name().map_or(below, Path::new) } else { below };
        let name = free_name(below, &mut taken);
        videos.push(SourceVideo { path, base: base.to_owned(), name: PathBuf::from(name) });
    }
    let mut notes = found.notes;
    if twice > 0 {
        notes.push(format!("{twice} files were named more than once and count once"));
    }
    (videos, notes)
}

/// A folder name for a file: its path without extension, folders joined by `_`; with the extension, or a number, where
/// another file has that name already. The same files in the same order get the same names.
fn free_name(below: &Path, taken: &mut HashSet<String>) -> String {
    let joined = |path: &Path| {
        path.iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("_")
            .trim_start_matches('.')
            .to_owned()
    };
    let (short, long) = (joined(&below.with_extension("")), joined(below));
    let numbered = (2..).map(|number| format!("{long}_{number}"));
    let name = [short, long.clone()].into_iter().chain(numbered).find(|name| !taken.contains(name));
    let name = name.unwrap_or(long);
    taken.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "a.png", "b/a.jpg", "b_a.jpg", "c.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let inputs = vec![folder.path().to_owned(), folder.path().join("a.jpg")];
        let source = VideoSource::Files { inputs, folder: PathBuf::from("data/faces") };
        let (videos, notes) = source.videos().unwrap();
        let names: Vec<_> = videos.iter().map(|video| video.name.to_str().unwrap()).collect();
        assert_eq!(names, ["a", "a.png", "b_a", "b_a.jpg"]);
        assert!(videos.iter().all(|video| video.base == Path::new("data/faces")));
        assert!(notes.iter().any(|note| note.contains("1 file is neither")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("1 files were named more than once")), "{notes:?}");
        assert_eq!((source.name(), source.title()), ("faces".into(), "faces".into()));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let source =
            VideoSource::Files { inputs: vec![PathBuf::from("/no/such")], folder: PathBuf::from("x") };
        assert!(source.videos().unwrap_err().to_string().contains("/no/such"));
    }
}

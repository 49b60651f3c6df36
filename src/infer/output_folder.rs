//! Folders that get one file per input.

use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A folder that gets one file per input.
pub(super) struct OutputFolder {
    folder: PathBuf,
    /// One name per input; equal file names from different folders are told apart by a number.
    names: Vec<String>,
}

impl OutputFolder {
    /// Makes the folder. Files get the stem of their input and what `ending` gives for it.
    ///
    /// Fails when the folder cannot be made.
    pub fn create<'a>(
        folder: &Path,
        inputs: impl Iterator<Item = &'a Path>,
        ending: impl Fn(&Path) -> &'static str,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|cause| Error::Output { path: folder.to_owned(), cause })?;
        Ok(OutputFolder { folder: folder.to_owned(), names: output_names(inputs, ending) })
    }

    /// The file of input `number`.
    pub fn file(&self, number: usize) -> PathBuf {
        self.folder.join(&self.names[number])
    }

    /// The files of all inputs.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.names.iter().map(|name| self.folder.join(name))
    }
}

/// One name per input: its stem and what `ending` gives for it; equal names from different folders are told apart by a
/// number.
fn output_names<'a>(
    inputs: impl Iterator<Item = &'a Path>,
    ending: impl Fn(&Path) -> &'static str,
) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    inputs
        .map(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = |number: &str| format!("{stem}{number}{}", ending(path));
            let count = seen.entry(name("")).or_default();
            *count += 1;
            match *count {
                1 => name(""),
                n => name(&format!("_{n}")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_get_numbers() {
        let paths = ["a/x.mp4", "b/x.mp4", "b/y.png", "c/x.avi"].map(Path::new);
        let names =
            output_names(paths.into_iter(), |path| if path.ends_with("y.png") { ".png" } else { ".mp4" });
        assert_eq!(names, ["x.mp4", "x_2.mp4", "y.png", "x_3.mp4"]);
    }
}

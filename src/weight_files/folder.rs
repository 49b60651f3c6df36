//! The folder in which weight files are looked for.

use std::path::{Path, PathBuf};

/// Name of the folder.
const WEIGHTS: &str = "weights";
/// How far above the program it may lie: a build puts the program into `target/release/`.
const LEVELS: usize = 3;

/// `weights/` in the current folder; where there is none, that beside the program or a little above it, so that a
/// program built in a clone works from anywhere.
pub fn weights_dir() -> PathBuf {
    let here = PathBuf::from(WEIGHTS);
    if here.is_dir() {
        return here;
    }
    let program = std::env::current_exe().and_then(|path| path.canonicalize());
    program.ok().and_then(|path| above(&path)).unwrap_or(here)
}

/// The file that a configuration means by a path: the path itself where something is there; else, of a relative path,
/// the file of that name in [`weights_dir`], with or without `weights/` before it. Where there is neither, the path as
/// it was given, for messages.
pub fn locate(path: &Path) -> PathBuf {
    locate_in(path, &weights_dir())
}

fn locate_in(path: &Path, folder: &Path) -> PathBuf {
    if path.exists() || path.is_absolute() {
        return path.to_owned();
    }
    let inside = folder.join(path.strip_prefix(WEIGHTS).unwrap_or(path));
    if inside.exists() { inside } else { path.to_owned() }
}

fn above(program: &Path) -> Option<PathBuf> {
    program.ancestors().skip(1).take(LEVELS).map(|folder| folder.join(WEIGHTS)).find(|path| path.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clones_weights_are_found_from_its_build() {
        let clone = tempfile::tempdir().unwrap();
        let built = clone.path().join("target/release/sbi");
        assert_eq!(above(&built), None);
        let weights = clone.path().join("weights");
        std::fs::create_dir(&weights).unwrap();
        assert_eq!(above(&built), Some(weights));
        assert_eq!(above(&clone.path().join("a/b/c/d/sbi")), None, "too far below");
    }

    #[test]
    fn a_file_is_located_where_it_is_named_and_else_among_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("made-for-this-test.pth");
        std::fs::write(&inside, "").unwrap();
        let located = |path: &str| locate_in(Path::new(path), folder.path());
        assert_eq!(located("made-for-this-test.pth"), inside);
        assert_eq!(located("weights/made-for-this-test.pth"), inside);
        assert_eq!(
            located("elsewhere/made-for-this-test.pth"),
            Path::new("elsewhere/made-for-this-test.pth")
        );
        assert_eq!(located("/made-for-this-test.pth"), Path::new("/made-for-this-test.pth"));
        // Tests run in the project's folder.
        assert_eq!(located("Cargo.toml"), Path::new("Cargo.toml"));
    }
}

//! Where weight files are looked for.

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
}

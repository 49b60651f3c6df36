//! What all fuzz targets share. Each target is one file in `src/bin/`: `scripts/fuzz.sh` finds it there.
//!
//! A target hands bytes to a public function that reads them. Any result is right but a panic, a hang, or memory out of
//! proportion; what was read successfully may be asked further questions. Arithmetic that overflows is a panic here.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use libfuzzer_sys::fuzz_target;

/// Names the folder that seeds are written to.
const SEEDS: &str = "SBI_FUZZ_SEEDS";

/// Writes a target's seeds into the folder that the environment names, which the fuzzer then reads; without one, nothing.
///
/// # Panics
/// If the folder cannot be written.
pub fn plant(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = std::env::var_os(SEEDS) else { return };
    fs::create_dir_all(&folder).expect("the folder of seeds can be made");
    for seed in seeds {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        let path = Path::new(&folder).join(format!("seed-{:016x}", hasher.finish()));
        fs::write(path, seed).expect("seeds can be written");
    }
}

/// A folder of this process for files that are read by their path. `scripts/fuzz.sh` puts it into memory and removes it.
///
/// # Panics
/// If it cannot be made.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder can be made").keep())
}

/// Writes a file into [`folder`], with the folders above it.
///
/// # Panics
/// If it cannot be written.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    if fs::write(&path, bytes).is_err() {
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        fs::write(&path, bytes).expect("files can be written");
    }
    path
}

/// The content of the files in a folder of the project, such as `tests/fixtures/npy`, that are no larger than
/// `largest` bytes.
///
/// # Panics
/// If there is no such folder.
pub fn fixtures(folder: &str, largest: u64) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let entries = fs::read_dir(folder).expect("the project has the folder");
    let small =
        entries.filter_map(Result::ok).filter(|entry| entry.metadata().is_ok_and(|m| m.len() <= largest));
    small.filter_map(|entry| fs::read(entry.path()).ok()).collect()
}

/// The parts of an input that zero bytes separate.
pub fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0)
}

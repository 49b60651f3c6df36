//! What a test needs of the machine. Where it is missing the test is skipped with a line that is always seen, and fails
//! under continuous integration, where the variable `CI` is set: a check that was not made must not look like a pass.
//!
//! The integration tests include this file as a module of theirs.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The file at `path` in the repository, one of those that set-up places.
///
/// `None` where it is missing and the test is to be skipped. Panics under CI.
#[track_caller]
pub fn placed(path: &str) -> Option<PathBuf> {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if whole.exists() {
        return Some(whole);
    }
    missing(&format!("{path} is not there, scripts/setup.sh places it"));
    None
}

/// Whether the processor has AVX2 and FMA, for which most kernels are written. Panics under CI where it has not.
#[track_caller]
pub fn has_avx2() -> bool {
    let has = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    if !has {
        missing("this processor has no AVX2");
    }
    has
}

/// Says that a test is skipped for want of `what`, or fails it under CI.
#[track_caller]
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}, and under CI nothing may be skipped");
    skipped(what);
}

/// Says that a test is skipped, under CI too: for what only some machines have.
pub fn skipped(why: &str) {
    // Past the capture of `eprintln!`, so that the line is seen although the test passes.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

#[cfg(test)]
mod tests {
    /// Without it the kernels for AVX2 go untested, which under CI is no pass.
    #[test]
    fn the_kernels_for_avx2_can_be_tested_here() {
        super::has_avx2();
    }
}

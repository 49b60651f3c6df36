//! What a library of kernels offers to the rest of the program: its entry points and nothing else.
//!
//! Of a function that may be defined several times (an inline function, a template of the standard library), the linker
//! keeps one copy for the whole program. Were that a copy built for AVX, the program would end with an illegal
//! instruction on processors without it, in code that has nothing to do with kernels.

use std::process::Command;

/// Looks at the symbols of a library that was just built.
///
/// # Panics
/// When there is another symbol than functions that begin with `sbi_`, or when nobody could look: the build must fail
/// then.
pub fn check(library: &str) {
    let archive = super::folder_of(library).join(format!("lib{library}.a"));
    let nm = std::env::var("NM").unwrap_or_else(|_| "nm".to_owned());
    let listed = Command::new(&nm)
        .args(["--extern-only", "--defined-only", "--format=posix"])
        .arg(&archive)
        .output()
        .unwrap_or_else(|error| panic!("{nm}, which comes with every C++ compiler, cannot be run: {error}"));
    assert!(listed.status.success(), "{nm}: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8_lossy(&listed.stdout);
    // "NAME TYPE VALUE SIZE"; lines of one word name the files in the archive.
    let symbols: Vec<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    assert!(!symbols.is_empty(), "{library} has no symbols");
    let others: Vec<&str> = symbols
        .iter()
        .filter(|(name, kind)| *kind != "T" || !name.starts_with("sbi_"))
        .map(|(name, _)| *name)
        .collect();
    assert!(
        others.is_empty(),
        "{library} is built for some processors only, and yet offers code to all: {others:?}. Kernels use no \
         templates and inline functions of the standard library, and keep their own in anonymous namespaces."
    );
}

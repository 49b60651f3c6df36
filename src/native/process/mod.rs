//! Settings of the whole process.

mod allocator;

pub use allocator::tune_allocator;

use std::cell::Cell;

/// The libtorch that this program is built with.
pub const LIBTORCH_VERSION: &str = "2.11.0";

thread_local! {
    /// Whether this thread is one of as many as there are cores, all of them busy.
    static WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Threads that compute: the inference engine's, and libtorch's in training. Call once, before anything computes.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
    // Failing leaves the default of all cores: slower to share, but not wrong.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}

/// For a thread of which there is one per core already: networks keep to this thread.
pub fn set_worker_threads() {
    WORKER.set(true);
    tch::set_num_threads(1);
}

/// Keeps libtorch to the threads that call it: for programs whose networks run on the inference engine. What is left to
/// libtorch is little, and its threads would wait for one another busily, on cores that others need. Call once, before
/// anything computes.
pub fn keep_libtorch_single_threaded() {
    tch::set_num_threads(1);
}

/// Keeps OpenCV to the threads that call it: our own threads fill the cores. Call once, before any other thread uses
/// OpenCV, whose pool of threads is not to be changed while it works.
pub fn keep_opencv_single_threaded() {
    // Failing leaves OpenCV's own choice: slower, but not wrong.
    let _ = opencv::core::set_num_threads(1);
}

/// The library whose products of matrices the whole process uses, libtorch included: libtorch's own, unless another one
/// was linked or loaded before it. Empty where nothing is found.
pub fn blas_library() -> std::path::PathBuf {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the name is a C string; `dladdr` fills what it is given, and the file's name lives as long as the library.
    unsafe {
        let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"sgemm_".as_ptr());
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if symbol.is_null() || libc::dladdr(symbol, &mut info) == 0 || info.dli_fname.is_null() {
            return std::path::PathBuf::new();
        }
        OsStr::from_bytes(CStr::from_ptr(info.dli_fname).to_bytes()).into()
    }
}

/// Threads that share the work of a network that this thread runs.
pub fn threads() -> usize {
    match WORKER.get() {
        true => 1,
        false => rayon::current_num_threads(),
    }
}

/// Keeps the libraries from writing about damaged files on standard error in their own words; ours name
/// the file. Variables that the user has set stay. Call before threads start.
pub fn silence_decoders() {
    for (variable, value) in [("OPENCV_FFMPEG_LOGLEVEL", "-8"), ("OPENCV_LOG_LEVEL", "SILENT")] {
        if std::env::var_os(variable).is_none() {
            // SAFETY: called before any thread starts, as documented.
            unsafe { std::env::set_var(variable, value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_matrices_are_libtorchs_own() {
        let library = blas_library();
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        // dlib's BLAS, found first, makes libtorch ten times slower.
        assert!(name.starts_with("libtorch"), "{}", library.display());
    }
}

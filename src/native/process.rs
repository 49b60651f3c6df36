//! Settings of the whole process.

/// The libtorch that this program is built with.
pub const LIBTORCH_VERSION: &str = "2.11.0";

/// Threads that libtorch, OpenCV and rayon may each use. Call once, before any of them computes.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
    // Failing leaves the default of all cores: slower to share, but not wrong.
    let _ = opencv::core::set_num_threads(threads as i32);
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}

/// For a thread of which there is one per core already: libtorch keeps to this thread.
pub fn set_worker_threads() {
    tch::set_num_threads(1);
}

/// Keeps OpenCV to the threads that call it: for programs whose own threads fill the cores. Call once, before any
/// other thread uses OpenCV, whose pool of threads is not to be changed while it works.
pub fn keep_opencv_single_threaded() {
    // Failing leaves OpenCV's own choice: slower, but not wrong.
    let _ = opencv::core::set_num_threads(1);
}

/// Threads that libtorch uses now.
pub fn threads() -> usize {
    tch::get_num_threads() as usize
}

/// Keeps the libraries from writing about damaged files on standard error in their own words; ours name
/// the file. Variables that the user has set stay. Call before threads start.
pub fn silence_decoders() {
    for (variable, value) in [("OPENCV_FFMPEG_LOGLEVEL", "-8"), ("OPENCV_LOG_LEVEL", "SILENT")] {
        if std::env::var_os(variable).is_none() {
            std::env::set_var(variable, value);
        }
    }
}

//! How many threads each library computes with.

use std::cell::Cell;

thread_local! {
    /// Whether this thread is one of as many as there are cores, all of them busy.
    static WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Threads that compute: the inference engine's, and libtorch's in training. Call once, before anything computes.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
    start_pool(threads);
}

/// Starts the engine's threads; 0: one per core.
fn start_pool(threads: usize) {
    let named = |_| "compute".to_owned();
    // Failing leaves the default of all cores: slower to share, but not wrong.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(named).build_global();
}

/// For a thread of which there is one per core already: networks keep to this thread.
pub fn set_worker_threads() {
    WORKER.set(true);
    tch::set_num_threads(1);
}

/// Shares the processor's cores out among the libraries. `threads`: how many compute; all cores where it is `None`.
/// `libtorch_computes`: whether networks run on libtorch rather than on the inference engine; where they do not, what is
/// left to libtorch is little, and its threads would wait for one another busily, on cores that others need.
///
/// Call once, before anything computes and before any other thread uses OpenCV, whose pool of threads is not to be
/// changed while it works.
pub fn share_cores(threads: Option<usize>, libtorch_computes: bool) {
    match threads {
        Some(threads) => set_threads(threads),
        None => start_pool(0),
    }
    // Our own threads fill the cores. Failing leaves OpenCV's own choice: slower, but not wrong.
    let _ = opencv::core::set_num_threads(1);
    if !libtorch_computes {
        tch::set_num_threads(1);
    }
}

/// Runs `work` on this thread alone: of a network's work no other thread takes a part. For whoever gives each thread a task of
/// its own.
pub fn alone<R>(work: impl FnOnce() -> R) -> R {
    /// Puts back what was, also where the work panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            WORKER.set(self.0);
        }
    }
    let _before = Before(WORKER.replace(true));
    work()
}

/// Threads that share the work of a network that this thread runs.
pub fn threads() -> usize {
    match WORKER.get() {
        true => 1,
        false => rayon::current_num_threads(),
    }
}

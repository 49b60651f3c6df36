pub mod blending;
pub mod checkpoint;
pub mod engine;
pub mod face;
pub mod model;
pub mod video;

use criterion::Criterion;
use std::time::Duration;

/// Threads of libtorch, OpenCV and rayon: fixed, so that numbers of machines with more cores compare.
const THREADS: usize = 2;
/// Seed of weights and images.
const SEED: u64 = 1;

/// Few and long samples, after setting the process up as the binary does; the first to come does that.
fn settings() -> Criterion {
    static SET_UP: std::sync::Once = std::sync::Once::new();
    SET_UP.call_once(|| {
        sbi::native::process::tune_allocator();
        sbi::native::process::set_threads(THREADS);
    });
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(6))
}

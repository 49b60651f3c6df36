//! Benchmarks of the parts, through the public API: `cargo bench`. Comparisons with other programs are made by
//! `scripts/bench/compare.sh`.
#![allow(clippy::unwrap_used, reason = "a benchmark without its inputs has nothing to say")]

mod benchmarks;

use criterion::criterion_main;

criterion_main!(
    benchmarks::engine::benches,
    benchmarks::model::benches,
    benchmarks::face::benches,
    benchmarks::video::benches,
    benchmarks::checkpoint::benches,
    // Last, because it leaves one thread.
    benchmarks::blending::benches,
);

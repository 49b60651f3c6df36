//! Networks for inference on the CPU: the one way in which networks here are compiled.
//!
//! A [`Compiled`] network is made from a [description](crate::network) and the weights of a file, batch norms folded in.
//! It runs with the engine's own kernels (`kernels/`), in memory that is planned once per input size. Images go to
//! threads one by one while there are as many as threads, because an image's activations then stay in one core's cache;
//! what is left is shared by all threads. Images of different sizes run apart, each on one thread. Results are the same
//! for any number of threads and any batch.
//!
//! # From a description to a kernel
//!
//! `compile` turns each layer of the description, or several as one chain, into one or more operations on numbered
//! buffers. An operation
//! (`operations/`) holds its weights, packed as its kernel reads them, and says which buffers it reads and writes. For an
//! input size, `layout` gives each buffer a place in one stretch of memory. To run, an operation asks `places` for the
//! addresses of its buffers, which checks each of them, fills in the kernel's C struct (`kernels.rs`) and has its tasks
//! run: each once, on any thread.
//!
//! # Adding an operation
//!
//! 1. The description: a variant of [`Layer`](crate::network::Layer) (`src/network/mod.rs`; its size and work in
//!    `src/network/work.rs`).
//! 2. libtorch: a variant of `Module` in `src/model/modules/mod.rs`, which trains it, runs it on CUDA, and is what the
//!    engine is tested against.
//! 3. The engine: a type in `src/engine/operations/`, and the arm in `src/engine/compile.rs` that makes it.
//! 4. The kernel: a C++ file in `src/engine/kernels/` with its struct in `kernels.h`, and that struct in `kernels.rs`.
//!
//! An operation that is made of others that are there already needs the first three at most.

mod buffer;
mod compile;
mod compiled;
mod fold;
mod images;
mod kernels;
mod layout;
mod memory;
mod operations;
mod pack;
mod places;
#[cfg(test)]
mod tests;

pub use compiled::Compiled;
pub use images::Images;
pub use kernels::Kernels;

//! A network for inference on the CPU as a list of operations: the one way in which networks here are compiled.
//!
//! A network lists its layers with a [`Builder`], batch norms folded in; [`Program::run`] then executes them with the
//! engine's own kernels ([`crate::native`]), in memory that is planned once per input size. Images go to threads one by
//! one while there are as many as threads, because an image's activations then stay in one core's cache; what is left is
//! shared by all threads. Results are the same for any number of threads and any batch.

mod builder;
mod pack;
mod plan;
mod run;
mod step;
#[cfg(test)]
mod tests;

pub use builder::{Block, Builder, Map};
pub use pack::Folded;
pub use run::{Images, Program};

//! A network for inference on the CPU as a list of operations: the one way in which networks here are compiled.
//!
//! A network lists its layers with a [`Builder`], batch norms folded in; [`Program::run`] then executes them with the
//! engine's own kernels (`kernels/`), in memory that is planned once per input size. Images go to threads one by
//! one while there are as many as threads, because an image's activations then stay in one core's cache; what is left is
//! shared by all threads. Results are the same for any number of threads and any batch.

mod builder;
mod kernels;
mod memory;
mod operation;
mod pack;
mod plan;
mod prepare;
mod run;
mod step;
#[cfg(test)]
mod tests;

pub use builder::{Block, Builder, Map};
pub use kernels::Kernels;
pub use memory::Memory;
pub use operation::{EngineActivation, Operation, Packed, View};
pub use pack::Folded;
pub use prepare::Prepared;
pub use run::{Images, Program};

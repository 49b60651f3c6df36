//! The stage `reconstruct`: an autoencoder learns the faces of prepared sets, and each frame gets a counterpart in which
//! the face is its reconstruction.
//!
//! Programs for swapping faces are autoencoders at small sizes; what they leave out and what they add is in these
//! counterparts, without a swap having been made.

mod augment;
mod config;
mod error;
mod faces;
mod place;
mod record;
mod run;
mod sheet;
mod training;
mod write;

pub use config::{Config, PreparedSet};
pub use error::ReconstructError;
pub use faces::Failure;
pub use run::{NetworkSummary, ReconstructSummary, run};
pub use write::SetSummary;

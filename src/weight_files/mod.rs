//! Weight files: which there are, who needs them, where they come from, and the folder that holds them.
//!
//! The [`catalogue`] names every file once. `scripts/setup.sh` places some of them, the others are fetched by hand as
//! `weights/README.md` says. The choice of a face detector, preprocessing, training and `sbi doctor` all read these
//! names, so that a file is found by the same rule everywhere, from any current folder.

pub mod catalogue;
mod folder;

pub use catalogue::{WeightFile, WeightFormat, WeightOrigin};
pub use folder::{locate, weights_dir};

//! What is written beside counterparts: how they were made, and of how many frames.

use super::place::{Place, as_output};
use super::training::Settings;
use crate::model::autoencoder::Design;
use crate::{Result, atomic_file};
use serde::Serialize;
use std::io::{self, Write};

/// The record of a set's counterparts of one name.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The program that made them: `sbi`.
    pub tool: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// What they are called.
    pub name: String,
    /// The autoencoder's design.
    pub design: Design,
    /// Steps of training.
    pub steps: usize,
    /// Faces that it was trained on, of all sets.
    pub trained_on: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// The design's loss at the end of training, a mean over some hundred steps.
    pub loss: f64,
    /// Fingerprint of the network's weights.
    pub network: String,
    /// Frames of the set that have landmarks.
    pub frames: usize,
    /// Of these, how many have a counterpart.
    pub counterparts: usize,
    /// Frames of the set without landmarks, which get none.
    pub without_landmarks: usize,
}

impl Record {
    /// The record of a set before any frame is counted.
    pub fn new(name: &str, settings: &Settings, loss: f64, network: String) -> Self {
        Record {
            tool: "sbi",
            version: env!("CARGO_PKG_VERSION"),
            name: name.to_owned(),
            design: settings.design,
            steps: settings.steps,
            trained_on: settings.faces,
            seed: settings.seed,
            loss,
            network,
            frames: 0,
            counterparts: 0,
            without_landmarks: 0,
        }
    }

    /// Writes the record to its place.
    pub fn write(&self, place: &Place) -> Result<()> {
        atomic_file::write(&place.record(), |file| {
            serde_json::to_writer_pretty(&mut *file, self).map_err(io::Error::other)?;
            file.write_all(b"\n")
        })
        .map_err(as_output)
    }
}

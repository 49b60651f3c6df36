//! Commands about this machine: `bench` and `doctor`.

use super::values::{positive, seconds};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi bench\n  sbi bench -w weights/EG-weights.tar --seconds 5 --json speed.json\n\n\
Inputs are made. Shares are of what this machine reaches in multiplying matrices."
)]
pub struct BenchArgs {
    /// Weights of the deepfake detector; default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = positive)]
    pub batch_size: usize,
    /// How long each stage is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,
    /// Write the numbers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sbi doctor")]
pub struct DoctorArgs {
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

//! `convert` and `average`, which rewrite weight files.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbi convert weights/EG-weights.tar eg.safetensors\n  \
sbi convert retinaface_resnet50.zip retinaface.pth\n\n\
The form of OUT follows its extension: .safetensors, or .tar, .pth, .pt for PyTorch's zip format.")]
pub struct ConvertArgs {
    /// Weight file to read
    pub input: PathBuf,
    /// File to write
    pub output: PathBuf,
    /// Take the weights that stand under this key of the file, such as model_ema
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Replace OUT when it exists
    #[arg(long)]
    pub overwrite: bool,
    /// Leave out what only training uses: EG's face encoder, its other heads and its reconstruction network
    #[arg(long)]
    pub detector_only: bool,
    /// Write the names that another program reads: deepfakebench, for networks that came from there
    #[arg(long, value_name = "NAME")]
    pub layout: Option<WeightLayout>,
    /// Element type of the numbers written; default: as they are
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<Precision>,
}

/// Whose names written weights have, where not the original programs'.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum WeightLayout {
    /// DeepfakeBench's EfficientNet
    Deepfakebench,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sbi average run_a/weights/last.tar run_b/weights/last.tar -o both.safetensors\n\n\
It pays for runs that start from the same weights, such as init's, and for epochs of one run.\n\
The form of OUT follows its extension, as with convert."
)]
pub struct AverageArgs {
    /// Weight files of one network, two or more
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// File to write
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Replace OUT when it exists
    #[arg(long)]
    pub overwrite: bool,
}

/// Element type of written weights.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Precision {
    /// 32-bit floats
    F32,
    /// 16-bit floats: half the size, about three decimal digits
    F16,
}

//! Commands around training: `train` itself, and `preview`, which shows what it would read.

use super::shared::{FaceDetectorArgs, LandmarkArgs};
use super::values::{image_side, positive};
use clap::{Args, ValueEnum};
use sbi::datasets::Compression;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi train configs/base.json\n  sbi train configs/base.json -n first --set \
data.compression=c23 --set batch_size=8\n  sbi train --resume output/first_base_11_23_18_00_00\n  sbi train \
--print-config configs/tiny.json\n  torchrun --no-python --nproc-per-node 4 sbi train configs/base.json\n\n\
Writes OUTPUT/NAME_CONFIG_DATE/: the best checkpoints and the last, logs, curves, and report.html, which tells how it\n\
goes. Ctrl-C saves; --resume goes on."
)]
#[command(group(clap::ArgGroup::new("run").required(true).args(["config", "resume"])))]
pub struct TrainArgs {
    /// Configuration, such as configs/base.json
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// What the run is called
    #[arg(short, long, value_name = "NAME", default_value = "run")]
    pub name: String,
    /// Folder of all runs
    #[arg(long, value_name = "DIR", default_value = "output")]
    pub output: PathBuf,
    /// Folder of a run that goes on where it stopped
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Set a value of the configuration, such as optim.lr=0.01; may be given again
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub set: Vec<String>,
    /// Write no report.html into the run's folder
    #[arg(long)]
    pub no_report: bool,
    /// Print the configuration with all its defaults and stop
    #[arg(long, conflicts_with = "resume")]
    pub print_config: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi preview -d Original -c c23\n  sbi preview configs/base.json -c c23\n  \
sbi preview -i portrait.jpg -n 4 -o sheet.png\n  sbi preview -d Original -n 500 --save pairs/\n\n\
A set must have been prepared with `sbi preprocess`; in photographs and videos given with -i, faces are found first."
)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["config", "dataset", "input"])))]
pub struct PreviewArgs {
    /// Training configuration: its set, seed and image size are used
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// Prepared set: a name that preprocess has, or a set made with its -o
    #[arg(short, long, value_name = "SET")]
    pub dataset: Option<String>,
    /// Photographs, videos, or folders of them
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// Set a value of the configuration, such as data.fakes.swap=1; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, value_name = "LEVEL")]
    pub compression: Option<Compression>,
    /// How many pairs
    #[arg(short = 'n', long, value_name = "N", value_parser = positive)]
    pub pairs: Option<usize>,
    /// The sheet's file; default: preview.png, with --save none
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the pairs as PNG files with their masks, and pairs.json with all parameters
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Seed of all draws
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Side of the pairs in pixels
    #[arg(long, value_name = "PIXELS", value_parser = image_side)]
    pub image_size: Option<usize>,
    /// As which phase makes them: train, or val (not mirrored, no joint transforms)
    #[arg(long, default_value = "train", value_name = "PHASE")]
    pub phase: PhaseName,
    #[command(flatten)]
    pub landmarks: LandmarkArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
}

/// When a pair is made.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PhaseName {
    /// Training
    Train,
    /// Validation
    Val,
}

//! Commands that prepare data: `preprocess` for training, `npy-pack` for testing.

use super::shared::{CropArgs, FaceDetectorArgs, LandmarkArgs, LimitArgs, SamplingArgs, ShardArgs};
use super::values::positive;
use clap::{Args, ValueEnum};
use sbi::datasets::{Compression, SourceSet, TestSet};
use sbi::preprocess::Steps;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbi preprocess -d Original -c c23\n  \
sbi preprocess -d Celeb-real --limit 10 --detector retinaface-mnet\n  \
sbi preprocess -i photos/ -o portraits\n  \
sbi preprocess -i photos/ -o moving --as-video -n 3\n  \
sbi preprocess -d Original -c c23 --shard 3/8\n\n\
Writes frames/, landmarks/ and retina/ beside the set's videos/ (with -o: into its folder), and preprocess_SET.json and .txt, which tell what \
became of every video. A second run does only what is missing.")]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "input"])))]
pub struct PreprocessArgs {
    /// Set: Original, DeepFakeDetection_original, DeepFakeDetection, FaceShifter, Face2Face, Deepfakes, FaceSwap,
    /// NeuralTextures, Celeb-real, Celeb-synthesis, YouTube-real, DFDC, DFDCP
    #[arg(short, long, value_name = "SET")]
    pub dataset: Option<SourceSet>,
    /// Photographs and videos, or folders of them, instead of a published set; - reads a list of paths from standard input,
    /// @FILE from a file
    #[arg(short, long, value_name = "PATH", num_args = 1.., requires = "output")]
    pub input: Vec<PathBuf>,
    /// Lists have a zero byte behind each path instead of a line's end, as `find -print0` writes them
    #[arg(short = '0', long, requires = "input")]
    pub null: bool,
    /// With -i: the set that is made, a name under the data root or a path
    #[arg(short, long, value_name = "SET", conflicts_with = "dataset")]
    pub output: Option<PathBuf>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, default_value = "raw", value_name = "LEVEL")]
    pub compression: Compression,
    /// Frames per video, spread evenly
    #[arg(short = 'n', long = "frames", value_name = "N", value_parser = positive)]
    pub frames: Option<usize>,
    /// With -i: make every photograph into a short moving video first, compressed like any other
    #[arg(long, requires = "input")]
    pub as_video: bool,
    /// With --as-video: seed of what these videos look like
    #[arg(long, default_value_t = 5, value_name = "N", requires = "as_video")]
    pub seed: u64,
    /// Write crops and landmarks as DeepfakeBench's training reads them, below DATA_ROOT/rgb/: deepfakebench
    #[arg(long, value_name = "NAME", conflicts_with_all = ["as_video", "steps", "shard"])]
    pub layout: Option<FrameLayout>,
    /// What to find: landmarks, boxes, or both with a comma between
    #[arg(long, default_value = "landmarks,boxes", value_name = "STEPS")]
    pub steps: Steps,
    #[command(flatten)]
    pub landmarks: LandmarkArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Frames worked on at the same time; default: one per core
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
    /// Put frames, landmarks and boxes into one archive per shard, prepared_SET.tar, instead of a folder for each video;
    /// training reads both
    #[arg(long, conflicts_with = "layout")]
    pub archive: bool,
    /// Prepare everything anew
    #[arg(long)]
    pub overwrite: bool,
    /// Only the first N videos
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub shard: ShardArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sbi npy-pack -d FF -c c23\n\n\
Writes DATA_ROOT/npy/FF/: 1.npy, 1_idx.npy, … , target_list.npy and manifest.json. A second run continues \
where the first one stopped.")]
pub struct NpyPackArgs {
    /// Test set: FF (or FF/Deepfakes, …), DFD, DFDC, DFDCP, FFIW, CDF
    #[arg(short, long, value_name = "TEST")]
    pub dataset: TestSet,
    /// Folder to write; default: DATA_ROOT/npy/TEST
    #[arg(short, long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    #[command(flatten)]
    pub crop: CropArgs,
    /// Pack all videos anew
    #[arg(long, conflicts_with = "shard")]
    pub overwrite: bool,
    #[command(flatten)]
    pub shard: ShardArgs,
}

/// How prepared frames lie, where not as training here reads them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FrameLayout {
    /// Aligned crops of 256 pixels, and their landmarks
    Deepfakebench,
}
